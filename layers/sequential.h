#pragma once

#include <optional>
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
  /// What goes in, if it is known, and what it is called.
  struct Input {
    Shape shape;
    DType dtype = float32;
    std::string name;
  };

  /// ValueError if two layers have one name.
  Sequential(SequentialOptions options, std::optional<Input> input, std::vector<Ref<Layer>> layers);

  const std::optional<Input>& first_input() const { return input_; }
  const std::vector<Ref<Layer>>& layers() const { return layers_; }
  std::vector<Shape> compute_output_shapes(const std::vector<Shape>& inputs) override;
  Config get_config() const override;
  static Ref<Sequential> from_config(const Config& config);

 protected:
  std::vector<Tensor> call_all(const std::vector<Tensor>& inputs, const CallArgs& args) override;
  std::vector<Tensor> compute_output_spec(const std::vector<Tensor>& inputs, const CallArgs& args) override;
  bool autocast() const override { return false; }

 private:
  std::optional<Input> input_;
  std::vector<Ref<Layer>> layers_;
};

}  // namespace layers

}  // namespace unspool
