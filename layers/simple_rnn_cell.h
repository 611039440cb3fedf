#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <tuple>

#include <unspool/layers/activation.h>
#include <unspool/layers/dropout_cell.h>

namespace unspool {

struct SimpleRNNCellOptions {
  required<Index> units;
  Activation activation = "tanh";
  bool use_bias = true;
  Initializer kernel_initializer = "glorot_uniform";
  Initializer recurrent_initializer = "orthogonal";
  Initializer bias_initializer = "zeros";
  Regularizer kernel_regularizer = {};
  Regularizer recurrent_regularizer = {};
  Regularizer bias_regularizer = {};
  Constraint kernel_constraint = {};
  Constraint recurrent_constraint = {};
  Constraint bias_constraint = {};
  double dropout = 0;
  double recurrent_dropout = 0;
  std::optional<std::int64_t> seed = std::nullopt;
  std::string name = {};
  bool trainable = true;
  DType dtype = float32;

  static constexpr auto fields() {
    using O = SimpleRNNCellOptions;
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
        field("kernel_constraint", &O::kernel_constraint, "on the kernel after each update"),
        field("recurrent_constraint", &O::recurrent_constraint, "on the recurrent kernel after each update"),
        field("bias_constraint", &O::bias_constraint, "on the bias after each update"),
        field("dropout", &O::dropout, "the part of the input that a training call leaves out"),
        field("recurrent_dropout", &O::recurrent_dropout,
              "the part of the state that a training call leaves out"),
        field("seed", &O::seed, "makes dropout repeat"), field("name", &O::name, "of the cell"),
        field("trainable", &O::trainable, "whether training changes its weights"),
        field("dtype", &O::dtype, "of weights and computation"));
  }
};

namespace layers {

/// h' = activation(x kernel + bias + h recurrent_kernel); the output is the state (Elman 1990).
/// Weights: kernel (features, units), recurrent_kernel (units, units), bias (units).
class SimpleRNNCell : public DropoutCell {
 public:
  using Options = SimpleRNNCellOptions;

  /// ValueError unless units > 0 and both rates lie in [0, 1].
  explicit SimpleRNNCell(SimpleRNNCellOptions options);

  const SimpleRNNCellOptions& options() const { return options_; }
  Config get_config() const override { return config_of(options_); }

 protected:
  void build(const Shape& input_shape) override;
  CellOutput call(const Tensor& x, const States& states, const CallArgs& args) override;

 private:
  SimpleRNNCellOptions options_;
  Variable kernel_;
  Variable recurrent_kernel_;
  Variable bias_;
};

}  // namespace layers

/// SimpleRNNCell({.units = 64}).
inline constexpr Maker<layers::SimpleRNNCell> SimpleRNNCell;

}  // namespace unspool
