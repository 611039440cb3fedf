#pragma once

#include <memory>
#include <string>
#include <vector>

#include <unspool/layers/layer.h>

namespace unspool {

/// Name and trainability of a Functional.
struct FunctionalOptions {
  /// Empty: "functional", "functional_1", ...
  std::string name = {};
  bool trainable = true;
};

namespace layers {

/// The graph of layers between some inputs and some outputs, as one layer: a call runs its nodes on the
/// tensors that are put in for the inputs, in whatever shapes fit these, cast to their dtypes. Its layers
/// are its sublayers, those far from the outputs first.
class Functional : public Layer {
 public:
  /// Throws ValueError for an input that Input() did not make or that comes twice, for an output that is not
  /// symbolic or depends on anything else than the inputs, and for two layers of one name.
  Functional(std::vector<Tensor> inputs, std::vector<Tensor> outputs, FunctionalOptions options = {});
  ~Functional() override;

  /// The symbolic tensors that a call puts others in for.
  const std::vector<Tensor>& inputs() const { return inputs_; }
  /// The symbolic tensors that a call gives the values of.
  const std::vector<Tensor>& outputs() const { return outputs_; }
  /// The nodes in the order in which they run, without the inputs.
  const std::vector<std::shared_ptr<const GraphNode>>& nodes() const;

  /// Masks are those of the layers, and come with the outputs.
  std::vector<Tensor> compute_masks(const std::vector<Tensor>&, const Tensor&) override { return {}; }
  bool supports_masking() const override { return true; }
  /// Keras' form: layers, inputs and operations, each with its calls. Throws ValueError for an operation that holds
  /// a C++ function.
  Config get_config() const override;
  Config get_build_config() const override;
  /// Makes the layers and calls them. Throws ValueError for calls that take what is not there, or wait for each
  /// other.
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
};

}  // namespace layers

}  // namespace unspool
