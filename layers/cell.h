#pragma once

#include <unspool/layers/layer.h>

namespace unspool {

/// The states of a cell, one tensor each: (batch, size).
using States = std::vector<Tensor>;

/// What one step gives: the output and the states that the next step takes.
struct CellOutput {
  Tensor output;
  States states;
};

struct CellOptions {
  /// The shape of each state without the batch: {units}, or for a matrix {rows, columns}.
  std::vector<Shape> state_sizes;
  /// The shape of the output without the batch; empty: the first state's.
  std::optional<Shape> output_size = std::nullopt;
  std::string name = {};
  bool trainable = true;
  DType dtype = float32;
};

/// One step of a recurrent layer: write its weights in build() and its equations in call(); RNN does the
/// rest. Cells never see masks.
class Cell : public LayerBase {
 public:
  const std::vector<Shape>& state_sizes() const { return state_sizes_; }
  const Shape& output_size() const { return output_size_; }

  /// Builds the cell at the first call, checks the states, and does one step on x (batch, features...).
  CellOutput operator()(const Tensor& x, const States& states, const CallArgs& args = {});

  /// The states before the first step: zeros unless overridden.
  virtual States get_initial_state(Index batch_size, DType dtype);
  States get_initial_state(Index batch_size) { return get_initial_state(batch_size, dtype()); }

 protected:
  explicit Cell(CellOptions options);

  virtual CellOutput call(const Tensor& x, const States& states, const CallArgs& args) = 0;

 private:
  std::vector<Shape> state_sizes_;
  Shape output_size_;
};

}  // namespace unspool
