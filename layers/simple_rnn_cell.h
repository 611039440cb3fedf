#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <unspool/layers/activation.h>
#include <unspool/layers/dropout_cell.h>
#include <unspool/layers/layer_maker.h>

namespace unspool {

/// The arguments of SimpleRNNCell, with Keras' names.
struct SimpleRNNCellOptions {
  required<Index> units;
  Activation activation = "tanh";
  Flag use_bias = true;
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
  Flag trainable = true;
  DType dtype = float32;

  static const Fields& fields();
};

namespace layers {

/// h' = activation(x kernel + bias + h recurrent_kernel); the output is the state (Elman 1990).
/// Weights: kernel (features, units), recurrent_kernel (units, units), bias (units).
class SimpleRNNCell : public OptionsLayer<SimpleRNNCellOptions, DropoutCell> {
 public:
  /// Throws ValueError unless units > 0 and both rates lie in [0, 1].
  explicit SimpleRNNCell(const SimpleRNNCellOptions& options);

  bool supports_constants() const override { return false; }
  /// True with activations of the library; a class derived from this one says it for itself.
  bool is_pure() const override;

 protected:
  void build(const Shape& input_shape) override;
  /// The equations above.
  CellOutput call(const Tensor& x, const States& states, const CallArgs& args) override;

 private:
  Variable kernel_;
  Variable recurrent_kernel_;
  Variable bias_;
};

}  // namespace layers

/// Makes the cell: SimpleRNNCell({.units = 64}).
using SimpleRNNCell = LayerRef<layers::SimpleRNNCell>;

}  // namespace unspool
