#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include <unspool/layers/layer_maker.h>
#include <unspool/layers/lstm_cell.h>
#include <unspool/layers/recurrent_layer.h>

namespace unspool {

/// The arguments of LSTM: those of its cell and of an RNN, with Keras' names.
struct LSTMOptions {
  required<Index> units;
  Activation activation = "tanh";
  Activation recurrent_activation = "sigmoid";
  Flag use_bias = true;
  Initializer kernel_initializer = "glorot_uniform";
  Initializer recurrent_initializer = "orthogonal";
  Initializer bias_initializer = "zeros";
  Flag unit_forget_bias = true;
  Regularizer kernel_regularizer = {};
  Regularizer recurrent_regularizer = {};
  Regularizer bias_regularizer = {};
  Regularizer activity_regularizer = {};
  Constraint kernel_constraint = {};
  Constraint recurrent_constraint = {};
  Constraint bias_constraint = {};
  double dropout = 0;
  double recurrent_dropout = 0;
  std::optional<std::int64_t> seed = std::nullopt;
  Flag return_sequences = false;
  Flag return_state = false;
  Flag go_backwards = false;
  Flag stateful = false;
  Flag unroll = false;
  /// 1: one dropout mask for each gate. 2: one mask for all gates, unless recurrent_dropout needs one for
  /// each.
  int implementation = 2;
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

/// An RNN of an LSTMCell, for sequences of shape (batch, time, features).
class LSTM : public RecurrentLayer<LSTMOptions, LSTMCell> {
 public:
  /// With return_state: the output and the states h and c.
  static constexpr std::size_t outputs = 3;

  explicit LSTM(const LSTMOptions& options);
};

}  // namespace layers

/// Makes the layer: LSTM({.units = 64, .return_sequences = true}).
using LSTM = LayerRef<layers::LSTM>;

}  // namespace unspool
