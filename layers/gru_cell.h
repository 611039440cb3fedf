#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <unspool/layers/activation.h>
#include <unspool/layers/dropout_cell.h>
#include <unspool/layers/layer_maker.h>

namespace unspool {

/// The arguments of GRUCell, with Keras' names.
struct GRUCellOptions {
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
  Constraint kernel_constraint = {};
  Constraint recurrent_constraint = {};
  Constraint bias_constraint = {};
  double dropout = 0;
  double recurrent_dropout = 0;
  Flag reset_after = true;
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

/// A gated recurrent unit (Cho et al. 2014). Kernel and recurrent kernel have three parts z, r, c; the gates
/// z and r use recurrent_activation: h' = z h + (1 - z) activation(x kernel_c + bias_c + s), where s = r (h
/// recurrent_kernel_c + bias) if reset_after, else (r h) recurrent_kernel_c. The output is the state.
/// Weights: kernel (features, 3 units), recurrent_kernel (units, 3 units), bias (3 units) or, if reset_after,
/// (2, 3 units): one for the input, one for the state.
class GRUCell : public OptionsLayer<GRUCellOptions, DropoutCell> {
 public:
  /// Throws ValueError unless units > 0, both rates lie in [0, 1] and implementation is 1 or 2.
  explicit GRUCell(const GRUCellOptions& options);

  bool supports_constants() const override { return false; }

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

/// Makes the cell: GRUCell({.units = 64}).
using GRUCell = LayerRef<layers::GRUCell>;

}  // namespace unspool
