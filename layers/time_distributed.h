#pragma once

#include <optional>
#include <string>
#include <vector>

#include <unspool/layers/layer_maker.h>

namespace unspool {

/// Arguments of TimeDistributed, in the order of Keras.
struct TimeDistributedOptions {
  Regularizer activity_regularizer = {};
  std::string name = {};
  Flag trainable = true;
  /// Default: the dtype of the layer.
  std::optional<DType> dtype = std::nullopt;

  static const Fields& fields();
};

namespace layers {

/// Applies a layer to every step of a sequence of shape (batch, time, ...). A mask of shape (batch, time,
/// ...) is passed to the layer step by step. If the layer passes its part on, the output has the whole mask;
/// otherwise a step of the output is unmasked if any element of its part is.
class TimeDistributed : public OptionsLayer<TimeDistributedOptions> {
 public:
  /// Throws ValueError for an empty layer.
  explicit TimeDistributed(Ref<Layer> layer, const TimeDistributedOptions& options = {});

  /// The layer that is applied to each step.
  const Ref<Layer>& layer() const { return layer_; }

  /// The shapes of the outputs. Time and batch may be unknown. Throws ValueError for inputs of rank < 3.
  std::vector<Shape> compute_output_shapes(const std::vector<Shape>& inputs) override;
  /// One value a step: whether any element of the mask counts.
  Tensor compute_mask(const std::vector<Tensor>& inputs, const Tensor& mask) override;
  bool supports_masking() const override { return true; }
  Config get_config() const override;
  /// Makes the layer from its config, and the layer in it.
  static Ref<TimeDistributed> from_config(const Config& config);

 protected:
  void check_call(const std::vector<Tensor>& inputs, const CallArgs& args) const override;
  void build_all(const std::vector<Shape>& input_shapes) override;
  std::vector<Tensor> call_all(const std::vector<Tensor>& inputs, const CallArgs& args) override;
  std::vector<Tensor> compute_output_spec(const std::vector<Tensor>& inputs, const CallArgs& args) override;

 private:
  /// The shapes of one step. Throws ValueError unless the inputs are sequences of one length.
  std::vector<Shape> step_shapes(const std::vector<Shape>& inputs) const;

  Ref<Layer> layer_;
};

}  // namespace layers

/// Makes the layer: TimeDistributed(Dense({.units = 10})).
inline constexpr WrapperMaker<layers::TimeDistributed, Ref<Layer>> TimeDistributed;

}  // namespace unspool
