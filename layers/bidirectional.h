#pragma once

#include <optional>
#include <string>
#include <vector>

#include <unspool/layers/rnn.h>

namespace unspool {

/// Arguments of Bidirectional, in the order of Keras.
struct BidirectionalOptions {
  /// How the outputs of both directions become one: "concat", "sum", "mul", "ave"; none: both are returned.
  std::optional<std::string> merge_mode = "concat";
  /// Those of the forward layer, then those of the backward layer: set when it is built.
  std::vector<Tensor> weights = {};
  /// Empty: the layer again, with go_backwards.
  Ref<layers::RNN> backward_layer = {};
  Regularizer activity_regularizer = {};
  std::string name = {};
  bool trainable = true;
  /// Empty: the layer's.
  std::optional<DType> dtype = std::nullopt;

  /// The list of these fields.
  static const Fields& fields();
};

namespace layers {

/// A recurrent layer forwards and backwards over the same sequence (Schuster and Paliwal 1997). The layer is
/// copied with fresh weights as "forward_NAME", and unless there is a backward layer of its own, as
/// "backward_NAME" with go_backwards. Where sequences are returned, those of the backward layer are turned
/// back, and masked outputs are zeros in both.
///
/// Outputs: the merged output, or both; if return_state, the states of the forward layer, then those of the
/// backward layer. Initial states are given in the same order.
class Bidirectional : public OptionsLayer<BidirectionalOptions> {
 public:
  /// Throws ValueError for an empty layer, another merge_mode, two layers of one direction, or layers that differ in
  /// stateful, return_sequences, return_state or time_major.
  explicit Bidirectional(const Ref<RNN>& layer, const BidirectionalOptions& options = {});

  /// The layer that reads the sequence from its beginning.
  const Ref<RNN>& forward_layer() const { return forward_; }
  /// The layer that reads the sequence from its end.
  const Ref<RNN>& backward_layer() const { return options_.backward_layer; }
  /// How the outputs are joined.
  const std::optional<std::string>& merge_mode() const { return options_.merge_mode; }
  /// Whether both layers keep their states between calls.
  bool stateful() const { return forward_->stateful(); }

  /// Those kept between calls: the forward layer's, then the backward layer's.
  std::vector<Variable> states() const;
  /// Of both layers, to zeros. Throws AttributeError unless stateful; throws ValueError unless built.
  void reset_states();
  /// As reset_states(), by Keras 3's name.
  void reset_state() { reset_states(); }

  /// Time and batch may be unknown.
  std::vector<Shape> compute_output_shapes(const std::vector<Shape>& inputs) override;
  Tensor compute_mask(const std::vector<Tensor>& inputs, const Tensor& mask) override;
  std::vector<Tensor> compute_masks(const std::vector<Tensor>& inputs, const Tensor& mask) override;
  bool supports_masking() const override { return true; }
  Config get_config() const override;
  /// The layer of such a config, with the layers in it.
  static Ref<Bidirectional> from_config(const Config& config);

 protected:
  void build_all(const std::vector<Shape>& input_shapes) override;
  std::vector<Tensor> call_all(const std::vector<Tensor>& inputs, const CallArgs& args) override;
  void check_call(const std::vector<Tensor>& inputs, const CallArgs& args) const override;
  /// The sequence's, then the constants'.
  std::vector<Shape> build_shapes(const std::vector<Tensor>& inputs, const CallArgs& args) const override;

 private:
  struct Calls;
  /// What each direction is called with. Throws ValueError if that is not clear.
  Calls calls_of(const std::vector<Tensor>& inputs, const CallArgs& args) const;
  void check_symbolic_call(const std::vector<Tensor>& inputs, const CallArgs& args) const override;
  void check_directions() const;
  void set_first_weights();
  std::size_t forward_states() const { return forward_->cell()->state_sizes().size(); }
  std::size_t backward_states() const { return backward_layer()->cell()->state_sizes().size(); }

  Ref<RNN> forward_;
};

}  // namespace layers

/// Bidirectional(LSTM({.units = 64}), {.merge_mode = "sum"}).
Ref<layers::Bidirectional> Bidirectional(const Ref<layers::RNN>& layer, BidirectionalOptions options = {});

}  // namespace unspool
