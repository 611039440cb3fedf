#pragma once

#include <string>
#include <vector>

#include <unspool/layers/layer.h>

namespace unspool {

struct SequentialOptions {
  /// Empty: "sequential", "sequential_1", ...
  std::string name = {};
  bool trainable = true;
};

namespace layers {

/// Layers one after the other: the network inside a Sequential.
class Sequential : public Layer {
 public:
  /// What goes in, and what it is called. Without a name: not known.
  struct Input {
    Shape shape = {};
    DType dtype = float32;
    std::string name = {};
    explicit operator bool() const { return !name.empty(); }
  };

  /// ValueError if two layers have one name.
  Sequential(SequentialOptions options, Input input, std::vector<Ref<Layer>> layers);

  const Input& first_input() const { return input_; }
  const std::vector<Ref<Layer>>& layers() const { return layers_; }
  /// Calls the layers on a symbolic tensor, if the input is known, so that each of them has a node. Those
  /// that `before` has called stay as they are.
  void connect_layers(const Sequential* before = nullptr);
  /// The symbolic tensors that go in and come out; empty before connect_layers().
  std::vector<Tensor> inputs() const;
  std::vector<Tensor> outputs() const;

  std::vector<Shape> compute_output_shapes(const std::vector<Shape>& inputs) override;
  /// Masks are those of the layers, and come with the outputs.
  std::vector<Tensor> compute_masks(const std::vector<Tensor>&, const Tensor&) override { return {}; }
  bool supports_masking() const override { return true; }
  Config get_config() const override;
  static Ref<Sequential> from_config(const Config& config);

 protected:
  std::vector<Tensor> call_all(const std::vector<Tensor>& inputs, const CallArgs& args) override;
  std::vector<Tensor> compute_output_spec(const std::vector<Tensor>& inputs, const CallArgs& args) override;
  bool autocast() const override { return false; }

 private:
  Input input_;
  std::vector<Ref<Layer>> layers_;
  std::vector<std::vector<Tensor>> graph_;  // The input, then the outputs of each layer.
};

}  // namespace layers

}  // namespace unspool
