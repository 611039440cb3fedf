#pragma once

#include <string>
#include <vector>

#include <unspool/layers/input.h>
#include <unspool/layers/layer.h>

namespace unspool {

/// Arguments of Sequential, in the order of Keras.
struct SequentialOptions {
  /// The name. Default: "sequential", "sequential_1", ...
  std::string name = {};
  Flag trainable = true;
  /// The shape of the input with the batch, -1 for unknown sizes, in place of an Input({.batch_shape = ...})
  /// as the first item of a model. Its dtype is float32.
  GivenShape batch_input_shape = std::nullopt;
};

namespace layers {

/// A stack of layers: the network of a Sequential.
class Sequential : public Layer {
 public:
  /// The input of the network, if it is known.
  struct Input {
    Shape shape = {};       ///< With the batch.
    DType dtype = float32;  ///< Of the input.
    std::string name = {};  ///< Empty: the input is not known.
    /// Whether the input is known.
    explicit operator bool() const { return !name.empty(); }
  };

  /// Throws ValueError if two layers have the same name.
  Sequential(SequentialOptions options, Input input, std::vector<Ref<Layer>> layers);

  /// The input, if it is known.
  const Input& first_input() const { return input_; }
  /// The layers in order.
  std::vector<Ref<Layer>> layers() const;
  /// Calls the layers on a symbolic tensor, if the input is known, so that each of them has a node. Layers
  /// that `before` has called are not called again.
  void connect_layers(const Sequential* before = nullptr);
  /// The symbolic input; empty before connect_layers().
  std::vector<Tensor> inputs() const;
  /// The symbolic outputs; empty before connect_layers().
  std::vector<Tensor> outputs() const;

  std::vector<Shape> compute_output_shapes(const std::vector<Shape>& inputs) override;
  /// The outputs have the masks that the layers attach.
  std::vector<Tensor> compute_masks(const std::vector<Tensor>&, const Tensor&) override { return {}; }
  bool supports_masking() const override { return true; }
  Config get_config() const override;
  /// Makes the network from its config. Throws ValueError for another form.
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
