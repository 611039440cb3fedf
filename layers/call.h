#pragma once

#include <array>
#include <cstddef>
#include <initializer_list>
#include <type_traits>
#include <utility>
#include <vector>

#include <unspool/autograd/variable.h>
#include <unspool/core/optional_bool.h>
#include <unspool/core/shape.h>
#include <unspool/core/tensor.h>

namespace unspool {

/// What a cell computes once for all steps of a sequence, dropout masks for example.
struct CallCache {
  /// In an order of the cell's own.
  std::vector<Tensor> tensors = {};
};

/// The states of a recurrent layer before the first step: tensors, or variables such as those of states(),
/// whose values are taken.
class InitialState : public std::vector<Tensor> {
 public:
  using vector::vector;
  ///@{
  /// These tensors; the values of these variables; the only state.
  InitialState(std::vector<Tensor> tensors);
  InitialState(const std::vector<Variable>& variables);
  InitialState(const Tensor& only);
  ///@}
};

/// The arguments of a call besides its inputs.
struct CallArgs {
  /// Whether the call is part of training, which enables dropout. If it is not given, the value of the call
  /// of the outer layer is taken, or else false. In call() it is always given: `if (args.training)`.
  OptionalBool training = {};
  /// The steps to process, (batch, time), of dtype bool. Empty: the mask attached to the first input, if
  /// there is one.
  Tensor mask = {};
  /// The states of a recurrent layer before the first step, as many as it has. Empty: those of
  /// Cell::get_initial_state().
  InitialState initial_state = {};
  /// Further inputs of a cell, equal for all steps.
  std::vector<Tensor> constants = {};
  /// The result of the cell's call_cache(), set for call() and valid during that call. A value set by the
  /// caller is ignored, so that a cell may pass its own arguments on to another cell.
  const CallCache* call_cache = nullptr;

  /// `training`, or false if it is not given.
  bool is_training() const { return training; }
};

class Outputs;

namespace detail {
[[noreturn]] void fail_unpack(std::size_t wanted, std::size_t got);
[[noreturn]] void fail_output_list(std::size_t wanted, std::size_t got);
}  // namespace detail

/// The inputs of a call: one tensor, a list of tensors, or all outputs of another call.
class Inputs {
 public:
  /// One tensor.
  Inputs(const Tensor& tensor);
  /// All outputs of another call.
  Inputs(const Outputs& outputs);
  /// The value of a variable.
  Inputs(const Variable& variable);
  /// Several tensors, in order.
  Inputs(std::initializer_list<Tensor> tensors);
  /// Several tensors, in order.
  Inputs(std::vector<Tensor> tensors);
  /// All of them, in order.
  const std::vector<Tensor>& tensors() const& { return tensors_; }
  /// A copy, for temporaries.
  std::vector<Tensor> tensors() && { return std::move(tensors_); }

 private:
  std::vector<Tensor> tensors_;
};

/// The outputs of a call. A single output is a tensor itself. Several are indexed by output, as the list that
/// Keras returns: `outputs[1]`, or `auto [sequence, state] = unpack<2>(outputs)`; where one tensor is
/// expected, they throw ValueError.
class Outputs : public Tensor {
 public:
  /// A single output.
  Outputs(Tensor only);
  /// Several outputs, in order.
  Outputs(std::vector<Tensor> all);
  /// With several outputs the one at this position, else that part of the only output along its first axis.
  /// Negative positions count from the end. Throws IndexError if out of range.
  Tensor operator[](Index position) const;
  using Tensor::operator[];
  /// All of them, in order.
  const std::vector<Tensor>& all() const& { return all_; }
  /// All outputs. A copy for temporaries, so that `for (const Tensor& y : layer(x).all())` is safe.
  std::vector<Tensor> all() &&;

 private:
  std::vector<Tensor> all_;
};

/// The outputs of a call of a class of layers that has `count` of them if return_state is set:
/// auto [y, h, c] = lstm(x).
template <std::size_t count>
class OutputList : public Outputs {
 public:
  /// These outputs.
  explicit OutputList(Outputs outputs) : Outputs(std::move(outputs)) {}
  /// Output i. Throws ValueError if there are not `count` outputs.
  template <std::size_t i>
  Tensor get() const {
    if (all().size() != count) detail::fail_output_list(count, all().size());
    return all()[i];
  }
};

/// The shapes of some tensors. It converts to the first one.
class Shapes : public Shape {
 public:
  /// The shapes of the tensors, in order.
  Shapes(std::vector<Shape> all);
  /// All of them, in order.
  const std::vector<Shape>& all() const& { return all_; }
  /// All shapes; a copy for temporaries.
  std::vector<Shape> all() &&;

 private:
  std::vector<Shape> all_;
};

namespace internal {
std::vector<Shape> shapes_of(const std::vector<Tensor>& tensors);
}

/// All outputs of a call as an array: `auto [sequence, state] = unpack<2>(rnn(x))`. Throws ValueError if
/// their number is not `count`.
template <std::size_t count>
std::array<Tensor, count> unpack(const Outputs& outputs) {
  if (outputs.all().size() != count) detail::fail_unpack(count, outputs.all().size());
  std::array<Tensor, count> parts;
  for (std::size_t i = 0; i < count; ++i) parts[i] = outputs.all()[i];
  return parts;
}

/// `tensor` with a mask attached, (batch, time) of dtype bool, which layers with support for masks use. An
/// empty mask removes the mask.
Tensor with_mask(const Tensor& tensor, const Tensor& mask);
/// The mask attached to a tensor; empty if there is none.
Tensor mask_of(const Tensor& tensor);

}  // namespace unspool

namespace std {

/// The number of names in `auto [y, h, c] = lstm(x)`.
template <size_t n>
struct tuple_size<unspool::OutputList<n>> : integral_constant<size_t, n> {};
/// What each of these names is.
template <size_t i, size_t n>
struct tuple_element<i, unspool::OutputList<n>> {
  /// A tensor.
  using type = unspool::Tensor;
};

}  // namespace std
