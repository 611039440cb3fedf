#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include <unspool/layers/layer_maker.h>
#include <unspool/layers/recurrent_layer.h>
#include <unspool/layers/simple_rnn_cell.h>

namespace unspool {

/// The arguments of SimpleRNN: those of its cell and of an RNN, with Keras' names.
struct SimpleRNNOptions {
  required<Index> units;
  Activation activation = "tanh";
  Flag use_bias = true;
  Initializer kernel_initializer = "glorot_uniform";
  Initializer recurrent_initializer = "orthogonal";
  Initializer bias_initializer = "zeros";
  Regularizer kernel_regularizer = {};
  Regularizer recurrent_regularizer = {};
  Regularizer bias_regularizer = {};
  Regularizer activity_regularizer = {};
  Constraint kernel_constraint = {};
  Constraint recurrent_constraint = {};
  Constraint bias_constraint = {};
  double dropout = 0;
  double recurrent_dropout = 0;
  Flag return_sequences = false;
  Flag return_state = false;
  Flag go_backwards = false;
  Flag stateful = false;
  Flag unroll = false;
  std::optional<std::int64_t> seed = std::nullopt;
  Flag zero_output_for_mask = false;
  Flag time_major = false;
  /// As in RNNOptions.
  Index recompute_every = 0;
  std::string name = {};
  Flag trainable = true;
  DType dtype = float32;

  static const Fields& fields();
};

namespace layers {

/// An RNN of a SimpleRNNCell, for sequences of shape (batch, time, features).
class SimpleRNN : public RecurrentLayer<SimpleRNNOptions, SimpleRNNCell> {
 public:
  /// With return_state: the output and the state.
  static constexpr std::size_t outputs = 2;

  explicit SimpleRNN(const SimpleRNNOptions& options);

  /// Returns the sequence unchanged. From TensorFlow 1, where step() takes its result.
  Tensor preprocess_input(const Tensor& inputs, OptionalBool training = {}) const;
  /// New dropout masks for a sequence, for the input and for the state; ones if nothing is dropped.
  std::vector<Tensor> get_constants(const Tensor& inputs, OptionalBool training = {});
  /// One step of the cell for an input of shape (batch, features), with {state} or {state, constants...}.
  CellOutput step(const Tensor& inputs, const std::vector<Tensor>& states);

 private:
  layers::SimpleRNNCell& simple_cell() const;
};

}  // namespace layers

/// Makes the layer: SimpleRNN({.units = 64, .return_sequences = true}).
using SimpleRNN = LayerRef<layers::SimpleRNN>;

}  // namespace unspool
