#pragma once

#include <concepts>
#include <initializer_list>
#include <optional>
#include <string>
#include <vector>

#include <unspool/layers/layer.h>

namespace unspool {

namespace internal {
class CallCaches;
}
namespace layers {
class RNN;
}

/// The states of a cell, one tensor each: (batch, size).
using States = std::vector<Tensor>;

/// What one step gives: the output and the states that the next step takes.
struct CellOutput {
  /// (batch, features...).
  Tensor output;
  /// (batch, size) each, in the order of Cell::state_sizes().
  States states;
};

/// The shape of a state without the batch: 64, or {rows, columns} for a matrix. Default-constructed: not
/// given.
class StateSize {
 public:
  StateSize() = default;
  /// A vector of `units` elements.
  template <std::integral I>
  StateSize(I units) : shape_({static_cast<Index>(units)}), said_(true) {}
  /// A shape of one axis or several.
  StateSize(std::initializer_list<Index> sizes) : shape_(sizes), said_(true) {}
  /// A shape.
  StateSize(const Shape& shape) : shape_(shape), said_(true) {}
  /// Whether a size was given.
  explicit operator bool() const { return said_; }
  /// The size as a shape.
  const Shape& shape() const { return shape_; }

 private:
  Shape shape_;
  bool said_ = false;
};

/// What every cell is made with.
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
  /// The shape of each state without the batch.
  const std::vector<Shape>& state_sizes() const { return state_sizes_; }
  /// The shape of the output without the batch.
  const Shape& output_size() const { return output_size_; }

  /// Builds the cell at the first call, checks the states, and does one step on x (batch, features...). On
  /// symbolic tensors it becomes a node of the graph of layers.
  CellOutput operator()(const Tensor& x, const States& states, const CallArgs& args = {});

  /// The states before the first step: zeros unless overridden. ValueError unless the batch size is known.
  virtual States get_initial_state(Index batch_size, DType dtype);
  /// Of the dtype of the cell.
  States get_initial_state(Index batch_size) { return get_initial_state(batch_size, dtype()); }
  /// Of the batch size and dtype of an input (batch, ...).
  States get_initial_state(const Tensor& x);

  /// Whether call() has a use for args.constants: an RNN refuses them otherwise.
  virtual bool supports_constants() const { return true; }

  /// What is the same at every step of a sequence: dropout masks, or what follows from the constants. By
  /// default nothing. In an RNN it is asked for once a call of the RNN, outside of the steps, and call()
  /// finds it in args.call_cache at each step; elsewhere it is asked for at each call. `x` is the input of
  /// the first step; in a cell that another one calls in an RNN, shape and dtype are all that is known of it.
  virtual CallCache call_cache(const Tensor& x, const CallArgs& args);
  /// Forgets what is kept for calls outside of an RNN, here and in the cells that this one owns. An RNN does
  /// it before its steps. By default that of the owned cells.
  virtual void reset_call_cache();

 protected:
  explicit Cell(CellOptions options);

  /// One step: the equations of the cell. `x` is (batch, features...); each state is (batch, size).
  virtual CellOutput call(const Tensor& x, const States& states, const CallArgs& args) = 0;

 private:
  friend class layers::RNN;

  /// Of x and the states: the output and the next states.
  std::vector<Tensor> run(const std::vector<Tensor>& inputs, const CallArgs& args) override;
  void check_states(const States& states, std::string_view whose, const Shape& input) const;
  void infer_call(const std::vector<Spec>& inputs) override;
  /// The cache of this cell in the sequence whose steps are running.
  const CallCache& cache_in(internal::CallCaches& caches, const Tensor& x, const CallArgs& args);

  std::vector<Shape> state_sizes_;
  Shape output_size_;
};

}  // namespace unspool
