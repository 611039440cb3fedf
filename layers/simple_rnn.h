#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <tuple>

#include <unspool/layers/rnn.h>
#include <unspool/layers/simple_rnn_cell.h>

namespace unspool {

struct SimpleRNNOptions {
  required<Index> units;
  Activation activation = "tanh";
  bool use_bias = true;
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
  bool return_sequences = false;
  bool return_state = false;
  bool go_backwards = false;
  bool stateful = false;
  bool unroll = false;
  std::optional<std::int64_t> seed = std::nullopt;
  bool zero_output_for_mask = false;
  bool time_major = false;
  std::string name = {};
  bool trainable = true;
  DType dtype = float32;

  static constexpr auto fields() {
    using O = SimpleRNNOptions;
    return std::tuple(
        field("units", &O::units, "the size of the state"),
        field("activation", &O::activation, "applied to the new state"),
        field("use_bias", &O::use_bias, "whether a bias is added"),
        field("kernel_initializer", &O::kernel_initializer, "of the kernel"),
        field("recurrent_initializer", &O::recurrent_initializer, "of the recurrent kernel"),
        field("bias_initializer", &O::bias_initializer, "of the bias"),
        field("kernel_regularizer", &O::kernel_regularizer, "a penalty on the kernel"),
        field("recurrent_regularizer", &O::recurrent_regularizer, "a penalty on the recurrent kernel"),
        field("bias_regularizer", &O::bias_regularizer, "a penalty on the bias"),
        field("activity_regularizer", &O::activity_regularizer, "a penalty on the outputs"),
        field("kernel_constraint", &O::kernel_constraint, "on the kernel after each update"),
        field("recurrent_constraint", &O::recurrent_constraint, "on the recurrent kernel after each update"),
        field("bias_constraint", &O::bias_constraint, "on the bias after each update"),
        field("dropout", &O::dropout, "the part of the input that a training call leaves out"),
        field("recurrent_dropout", &O::recurrent_dropout,
              "the part of the state that a training call leaves out"),
        field("return_sequences", &O::return_sequences, "the outputs of all steps, not of the last alone"),
        field("return_state", &O::return_state, "the last state comes after the output"),
        field("go_backwards", &O::go_backwards,
              "from the last step to the first; outputs stay in that order"),
        field("stateful", &O::stateful, "the next call starts with the state that this one ends with"),
        field("unroll", &O::unroll, "each step is recorded by itself"),
        field("seed", &O::seed, "makes dropout repeat"),
        field("zero_output_for_mask", &O::zero_output_for_mask,
              "the output of a masked step is 0, not the one before"),
        field("time_major", &O::time_major, "sequences are (time, batch, features)"),
        field("name", &O::name, "of the layer"),
        field("trainable", &O::trainable, "whether training changes its weights"),
        field("dtype", &O::dtype, "of weights and computation"));
  }
};

namespace layers {

/// An RNN over a SimpleRNNCell, on sequences (batch, time, features).
class SimpleRNN : public RNN {
 public:
  using Options = SimpleRNNOptions;

  explicit SimpleRNN(SimpleRNNOptions options);

  const SimpleRNNOptions& options() const { return options_; }
  Config get_config() const override { return recurrent_config(options_); }

 private:
  SimpleRNNOptions options_;
};

}  // namespace layers

/// SimpleRNN({.units = 64, .return_sequences = true}).
inline constexpr Maker<layers::SimpleRNN> SimpleRNN;

}  // namespace unspool
