#pragma once

#include <optional>
#include <string>
#include <vector>

#include <unspool/layers/layer_maker.h>
#include <unspool/layers/rnn.h>

namespace unspool {

/// Arguments of Bidirectional, in the order of Keras.
struct BidirectionalOptions {
  /// How the outputs of both directions are merged: "concat", "sum", "mul", "ave". Empty: both are returned.
  std::optional<std::string> merge_mode = "concat";
  /// The initial weights of the forward layer, then of the backward layer.
  std::vector<Tensor> weights = {};
  /// The layer for the backward direction. Empty: a copy of the layer, with go_backwards.
  Ref<layers::RNN> backward_layer = {};
  Regularizer activity_regularizer = {};
  std::string name = {};
  Flag trainable = true;
  /// Default: the dtype of the layer.
  std::optional<DType> dtype = std::nullopt;

  /// The list of these fields.
  static const Fields& fields();
};

namespace layers {

/// Runs a recurrent layer forward and backward over a sequence (Schuster and Paliwal 1997). The layer is
/// copied with new weights as "forward_NAME" and, if no backward layer is given, as "backward_NAME" with
/// go_backwards. If sequences are returned, those of the backward layer are reversed, and masked outputs are
/// zeros in both.
///
/// Outputs: the merged output, or both; then, if return_state is true, the states of the forward layer and
/// those of the backward layer. Initial states have the same order.
class Bidirectional : public OptionsLayer<BidirectionalOptions> {
 public:
  /// Throws ValueError for an empty layer, another merge_mode, two layers of one direction, or layers that
  /// differ in stateful, return_sequences, return_state or time_major.
  explicit Bidirectional(const Ref<RNN>& layer, const BidirectionalOptions& options = {});

  /// The layer that reads the sequence from its beginning.
  const Ref<RNN>& forward_layer() const { return forward_; }
  /// The layer that reads the sequence from its end.
  const Ref<RNN>& backward_layer() const { return options_.backward_layer; }
  /// How the outputs are merged.
  const std::optional<std::string>& merge_mode() const { return options_.merge_mode; }
  /// Whether both layers keep their states between calls.
  bool stateful() const { return forward_->stateful(); }

  /// The states kept between calls: those of the forward layer, then those of the backward layer.
  std::vector<Variable> states() const;
  /// Resets the states of both layers. Throws AttributeError if the layer is not stateful, ValueError if it
  /// is not built.
  void reset_states();
  /// Equal to reset_states(); the name in Keras 3.
  void reset_state() { reset_states(); }

  /// The shapes of the outputs. Time and batch may be unknown.
  std::vector<Shape> compute_output_shapes(const std::vector<Shape>& inputs) override;
  Tensor compute_mask(const std::vector<Tensor>& inputs, const Tensor& mask) override;
  std::vector<Tensor> compute_masks(const std::vector<Tensor>& inputs, const Tensor& mask) override;
  bool supports_masking() const override { return true; }
  Config get_config() const override;
  /// Makes the layer from its config, and the layers in it.
  static Ref<Bidirectional> from_config(const Config& config);

 protected:
  void build_all(const std::vector<Shape>& input_shapes) override;
  std::vector<Tensor> call_all(const std::vector<Tensor>& inputs, const CallArgs& args) override;
  void check_call(const std::vector<Tensor>& inputs, const CallArgs& args) const override;
  /// The shapes of the sequence and of the constants.
  std::vector<Shape> build_shapes(const std::vector<Tensor>& inputs, const CallArgs& args) const override;

 private:
  struct Calls;
  /// The arguments of the call of each direction. Throws ValueError if they are ambiguous.
  Calls calls_of(const std::vector<Tensor>& inputs, const CallArgs& args) const;
  void check_symbolic_call(const std::vector<Tensor>& inputs, const CallArgs& args) const override;
  void check_directions() const;
  void set_first_weights();
  std::size_t forward_states() const { return forward_->cell()->state_sizes().size(); }
  std::size_t backward_states() const { return backward_layer()->cell()->state_sizes().size(); }

  Ref<RNN> forward_;
};

}  // namespace layers

/// Makes the layer: Bidirectional(LSTM({.units = 64}), {.merge_mode = "sum"}).
inline constexpr WrapperMaker<layers::Bidirectional, Ref<layers::RNN>> Bidirectional;

}  // namespace unspool
