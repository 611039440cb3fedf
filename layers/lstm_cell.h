#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <unspool/layers/activation.h>
#include <unspool/layers/dropout_cell.h>
#include <unspool/layers/layer_maker.h>

namespace unspool {

/// The arguments of LSTMCell, with Keras' names.
struct LSTMCellOptions {
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
  Constraint kernel_constraint = {};
  Constraint recurrent_constraint = {};
  Constraint bias_constraint = {};
  double dropout = 0;
  double recurrent_dropout = 0;
  std::optional<std::int64_t> seed = std::nullopt;
  /// 1: one dropout mask for each gate. 2: one mask for all gates, unless recurrent_dropout needs one for
  /// each.
  int implementation = 2;
  std::string name = {};
  Flag trainable = true;
  DType dtype = float32;

  static const Fields& fields();
};

namespace layers {

/// Long short-term memory (Hochreiter and Schmidhuber 1997, with the forget gate of Gers et al. 2000). x
/// kernel + h recurrent_kernel + bias has four parts i, f, g, o; i, f and o use recurrent_activation: c' = f
/// c + i activation(g), h' = o activation(c'). The states are h and c, the output is h. Weights: kernel
/// (features, 4 units), recurrent_kernel (units, 4 units), bias (4 units).
class LSTMCell : public OptionsLayer<LSTMCellOptions, DropoutCell> {
 public:
  /// Throws ValueError unless units > 0, both rates lie in [0, 1] and implementation is 1 or 2.
  explicit LSTMCell(const LSTMCellOptions& options);

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

/// Makes the cell: LSTMCell({.units = 64}).
using LSTMCell = LayerRef<layers::LSTMCell>;

}  // namespace unspool
