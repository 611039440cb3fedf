#pragma once

#include <concepts>
#include <initializer_list>
#include <optional>
#include <string>
#include <vector>

#include <unspool/autograd/labeled.h>
#include <unspool/layers/layer.h>

namespace unspool {

namespace internal {
class CallCaches;
}
namespace layers {
class RNN;
}

/// The states of a cell, tensors of shape (batch, size).
using States = std::vector<Tensor>;

/// The result of a step: the output, and the states for the next step.
struct CellOutput {
  /// The output, (batch, features...).
  Tensor output;
  /// The next states, each (batch, size), in the order of Cell::state_sizes().
  States states;
};

/// The shape of a state without the batch: 64, or {rows, columns} for a matrix. A default-constructed one is
/// empty.
class StateSize {
 public:
  StateSize() = default;
  /// A vector of `units` elements.
  template <std::integral I>
  StateSize(I units) : shape_({static_cast<Index>(units)}), said_(true) {}
  /// These sizes.
  StateSize(std::initializer_list<detail::Dimension> sizes);
  /// A shape.
  StateSize(const Shape& shape) : shape_(shape), said_(true) {}
  /// Whether a size was given.
  explicit operator bool() const { return said_; }
  /// The size as a shape.
  Shape shape() const { return shape_; }

 private:
  Shape shape_;
  bool said_ = false;
};

/// The arguments of a cell.
struct CellOptions {
  /// The sizes of the states: {units}, {units, units}, {{rows, columns}, units}.
  std::vector<StateSize> state_sizes;
  /// The shape of the output without the batch. Default: that of the first state.
  StateSize output_size = {};
  /// The names of the states in tapes and plans, one for each state. Default: "h"; "s0", "s1", ... of
  /// several.
  std::vector<std::string> state_names = {};
  std::string name = {};
  Flag trainable = true;
  DType dtype = float32;
};

/// One step of a recurrent layer. Derive from it, make the weights in build() and write the equations in
/// call(); RNN does the rest, masks included.
class Cell : public LayerBase {
 public:
  /// The shape of each state without the batch.
  std::vector<Shape> state_sizes() const;
  /// The shape of the output without the batch.
  Shape output_size() const { return output_size_; }
  /// The names of the states in tapes and plans: "h" is the state that a step gets, "h_t" the one it returns.
  std::vector<std::string> state_names() const;

  /// Runs one step on x of shape (batch, features...): builds the cell at the first call, checks the states,
  /// and runs call(). On symbolic tensors the step becomes a node of the graph of layers.
  CellOutput operator()(const Tensor& x, const States& states, const CallArgs& args = {});

  /// The states before the first step; zeros by default. Throws ValueError if the batch size is unknown.
  virtual States get_initial_state(Index batch_size, DType dtype);
  /// The states before the first step, with the dtype of the cell.
  States get_initial_state(Index batch_size) { return get_initial_state(batch_size, dtype()); }
  /// The states before the first step, with the batch size and dtype of an input of shape (batch, ...).
  States get_initial_state(const Tensor& x);

  /// Whether call() uses args.constants. If not, RNN throws when it is given constants.
  virtual bool supports_constants() const { return true; }

  /// Whether call() is a pure function of its arguments and of weights that this cell or one in it owns: for
  /// tensors of the same shapes it does the same, and reads no values. An RNN then calls it once for each
  /// batch size, in training and in inference, instead of in each of its own calls, unless it uses tensors
  /// that are not weights. A cell that prints, counts, or has settings that change is not pure. False by
  /// default.
  virtual bool is_pure() const { return false; }

  /// Computes what is equal for all steps of a sequence, such as dropout masks, or functions of the
  /// constants. By default nothing. An RNN calls it once, outside of the steps, if it calls the cell, and
  /// passes the result to call() in args.call_cache at each step; outside of an RNN it is called for each
  /// step. `x` is the input of the first step; if another cell calls this one in an RNN, only its shape and
  /// dtype are known.
  virtual CallCache call_cache(const Tensor& x, const CallArgs& args);
  /// Clears what this cell and the cells that it owns keep for calls outside of an RNN. An RNN calls it
  /// before its steps. By default it clears that of owned cells.
  virtual void reset_call_cache();

 protected:
  explicit Cell(CellOptions options);

  /// Computes one step. Override it with the equations of the cell. `x` is (batch, features...), each state
  /// (batch, size).
  virtual CellOutput call(const Tensor& x, const States& states, const CallArgs& args) = 0;

 private:
  friend class layers::RNN;

  /// Runs call() on x and the states, and returns the output and the next states.
  std::vector<Tensor> run(const std::vector<Tensor>& inputs, const CallArgs& args) override;
  void check_states(const States& states, std::string_view whose, const Shape& input) const;
  void infer_call(const std::vector<Spec>& inputs) override;
  /// The cache of this cell for the sequence that is running.
  const CallCache& cache_in(internal::CallCaches& caches, const Tensor& x, const CallArgs& args);

  std::vector<Shape> state_sizes_;
  Shape output_size_;
  std::vector<Label> state_labels_;
  std::vector<Label> next_state_labels_;
};

}  // namespace unspool
