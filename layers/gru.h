#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include <unspool/layers/gru_cell.h>
#include <unspool/layers/layer_maker.h>
#include <unspool/layers/recurrent_layer.h>

namespace unspool {

/// The arguments of GRU: those of its cell and of an RNN, with Keras' names.
struct GRUOptions {
  required<Index> units;
  Activation activation = "tanh";
  Activation recurrent_activation = "sigmoid";
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
  std::optional<std::int64_t> seed = std::nullopt;
  Flag return_sequences = false;
  Flag return_state = false;
  Flag go_backwards = false;
  Flag stateful = false;
  Flag unroll = false;
  Flag reset_after = true;
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

/// An RNN of a GRUCell, for sequences of shape (batch, time, features).
class GRU : public RecurrentLayer<GRUOptions, GRUCell> {
 public:
  /// With return_state: the output and the state.
  static constexpr std::size_t outputs = 2;

  explicit GRU(const GRUOptions& options);
};

}  // namespace layers

/// Makes the layer: GRU({.units = 64, .return_sequences = true}).
using GRU = LayerRef<layers::GRU>;

}  // namespace unspool
