#pragma once

#include <memory>
#include <string>
#include <vector>

#include <unspool/layers/layer.h>

namespace unspool {

/// The arguments of a Functional.
struct FunctionalOptions {
  /// Empty: "functional", "functional_1", ...
  std::string name = {};
  Flag trainable = true;
};

namespace internal {
struct GraphItem;
}

namespace layers {

/// The graph of layers between inputs and outputs, as one layer. A call runs the nodes with given tensors in
/// place of the inputs, of compatible shapes, cast to their dtypes. The children are the layers, by
/// decreasing distance from the outputs.
class Functional : public Layer {
 public:
  /// Throws ValueError for a repeated input or one that Input() did not make, for an output that is not
  /// symbolic or depends on another Input(), and for two layers of the same name.
  Functional(std::vector<Tensor> inputs, std::vector<Tensor> outputs, FunctionalOptions options = {});
  ~Functional() override;

  /// The symbolic inputs.
  std::vector<Tensor> inputs() const { return inputs_; }
  /// The symbolic outputs.
  std::vector<Tensor> outputs() const { return outputs_; }
  /// The inputs, as an InputLayer each, and the layers, in the order of Keras: by decreasing distance from
  /// the outputs.
  std::vector<Ref<LayerBase>> layers() const { return layers_; }
  /// The inputs, operations and layers with their nodes, in the order of Keras.
  const std::vector<internal::GraphItem>& items() const;
  /// The nodes in order of execution, without inputs.
  const std::vector<std::shared_ptr<const GraphNode>>& nodes() const;

  /// The outputs have the masks that the layers attach.
  std::vector<Tensor> compute_masks(const std::vector<Tensor>&, const Tensor&) override { return {}; }
  bool supports_masking() const override { return true; }
  /// The config in Keras' form: layers, inputs and operations, each with its calls. Throws ValueError for an
  /// operation with a C++ function.
  Config get_config() const override;
  Config get_build_config() const override;
  /// Makes the layers and calls them. Throws ValueError for calls with missing or cyclic inputs.
  static Ref<Functional> from_config(const Config& config);

 protected:
  std::vector<Tensor> call_all(const std::vector<Tensor>& inputs, const CallArgs& args) override;
  std::vector<Tensor> compute_output_spec(const std::vector<Tensor>& inputs, const CallArgs& args) override;
  bool autocast() const override { return false; }

 private:
  struct Plan;

  std::vector<Tensor> inputs_;
  std::vector<Tensor> outputs_;
  std::unique_ptr<const Plan> plan_;
  std::vector<Ref<LayerBase>> layers_;
};

}  // namespace layers

}  // namespace unspool
