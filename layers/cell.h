#pragma once

#include <concepts>
#include <initializer_list>
#include <optional>
#include <string>
#include <vector>

#include <unspool/layers/layer.h>

namespace unspool {

/// The states of a cell, one tensor each: (batch, size).
using States = std::vector<Tensor>;

/// What one step gives: the output and the states that the next step takes.
struct CellOutput {
  Tensor output;
  States states;
};

/// The shape of a state without the batch: 64, or {rows, columns} for a matrix. Default-made: not said.
class StateSize {
 public:
  StateSize() = default;
  template <std::integral I>
  StateSize(I units) : shape_({static_cast<Index>(units)}), said_(true) {}
  StateSize(std::initializer_list<Index> sizes) : shape_(sizes), said_(true) {}
  StateSize(const Shape& shape) : shape_(shape), said_(true) {}
  explicit operator bool() const { return said_; }
  const Shape& shape() const { return shape_; }

 private:
  Shape shape_;
  bool said_ = false;
};

struct CellOptions {
  /// One for each state: {units}, {units, units}, {{rows, columns}, units}.
  std::vector<StateSize> state_sizes;
  /// The shape of the output without the batch; empty: the first state's.
  StateSize output_size = {};
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

  /// Builds the cell at the first call, checks the states, and does one step on x (batch, features...). On
  /// symbolic tensors it becomes a node of the graph of layers.
  CellOutput operator()(const Tensor& x, const States& states, const CallArgs& args = {});

  /// The states before the first step: zeros unless overridden. ValueError unless the batch size is known.
  virtual States get_initial_state(Index batch_size, DType dtype);
  States get_initial_state(Index batch_size) { return get_initial_state(batch_size, dtype()); }
  /// Of the batch size and dtype of an input (batch, ...).
  States get_initial_state(const Tensor& x);

  /// Whether call() has a use for args.constants: an RNN refuses them otherwise.
  virtual bool supports_constants() const { return true; }

  /// What is the same at every step of one call: dropout masks, or whatever follows from the constants. RNN
  /// asks for it before the first step, with the input of that step, and call() finds it in args.per_call at
  /// each. By default nothing.
  virtual PerCall per_call(const Tensor& x, const CallArgs& args);
  /// Forgets what a cell may have kept of it for calls outside of an RNN, which calls this before and after
  /// its steps.
  virtual void reset_per_call() {}

 protected:
  explicit Cell(CellOptions options);

  virtual CellOutput call(const Tensor& x, const States& states, const CallArgs& args) = 0;

 private:
  /// Of x and the states: the output and the next states.
  std::vector<Tensor> run(const std::vector<Tensor>& inputs, const CallArgs& args) override;
  void check_states(const States& states, std::string_view whose, const Shape& input) const;

  std::vector<Shape> state_sizes_;
  Shape output_size_;
};

}  // namespace unspool
