#pragma once

#include <optional>
#include <string>
#include <vector>

#include <unspool/layers/options_layer.h>

namespace unspool {

/// Arguments of TimeDistributed, in the order of Keras.
struct TimeDistributedOptions {
  Regularizer activity_regularizer = {};
  std::string name = {};
  bool trainable = true;
  /// Empty: the layer's.
  std::optional<DType> dtype = std::nullopt;

  static const Fields& fields();
};

namespace layers {

/// A layer on every step of a sequence (batch, time, ...), by itself: step t of the output (batch, time, ...)
/// is the layer's of step t of the input. A mask (batch, time, ...) goes to the layer step by step. It goes
/// on with the output as it is if the layer hands its part on; else, as with masked words in a sentence, a
/// step counts if any element of its part counts.
class TimeDistributed : public OptionsLayer<TimeDistributedOptions> {
 public:
  /// Throws ValueError for an empty layer.
  explicit TimeDistributed(Ref<Layer> layer, const TimeDistributedOptions& options = {});

  /// The layer that runs on each step.
  const Ref<Layer>& layer() const { return layer_; }

  /// Time and batch may be unknown. Throws ValueError for inputs of rank < 3.
  std::vector<Shape> compute_output_shapes(const std::vector<Shape>& inputs) override;
  /// One value a step: whether any element of the mask counts.
  Tensor compute_mask(const std::vector<Tensor>& inputs, const Tensor& mask) override;
  bool supports_masking() const override { return true; }
  Config get_config() const override;
  /// The layer of such a config, with the layer in it.
  static Ref<TimeDistributed> from_config(const Config& config);

 protected:
  void check_call(const std::vector<Tensor>& inputs, const CallArgs& args) const override;
  void build_all(const std::vector<Shape>& input_shapes) override;
  std::vector<Tensor> call_all(const std::vector<Tensor>& inputs, const CallArgs& args) override;
  std::vector<Tensor> compute_output_spec(const std::vector<Tensor>& inputs, const CallArgs& args) override;

 private:
  /// Of one step. Throws ValueError unless they are sequences of one length.
  std::vector<Shape> step_shapes(const std::vector<Shape>& inputs) const;

  Ref<Layer> layer_;
};

}  // namespace layers

/// TimeDistributed(Dense({.units = 10})).
Ref<layers::TimeDistributed> TimeDistributed(const Ref<Layer>& layer, TimeDistributedOptions options = {});

}  // namespace unspool
