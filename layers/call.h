#pragma once

#include <array>
#include <cstddef>
#include <initializer_list>
#include <optional>
#include <utility>
#include <vector>

#include <unspool/autograd/variable.h>
#include <unspool/core/shape.h>
#include <unspool/core/tensor.h>

namespace unspool {

/// What a cell computes once for all steps of a sequence, dropout masks for example.
struct CallCache {
  /// In an order of the cell's own.
  std::vector<Tensor> tensors = {};
};

/// The arguments of a call beside its inputs.
struct CallArgs {
  /// Whether dropout, batch statistics and the like are on. Empty: as in the layer around, else false.
  std::optional<bool> training = std::nullopt;
  /// Which steps count, (batch, time), bool. Empty: the mask attached to the first input, if any.
  Tensor mask = {};
  /// The states before the first step of a recurrent layer, one tensor each. Empty: what the cell says.
  std::vector<Tensor> initial_state = {};
  /// What a cell is given at every step beside its input.
  std::vector<Tensor> constants = {};
  /// What the cell's call_cache() returned. Set in what call() gets, valid during that call; what a caller
  /// sets is ignored, so that a cell may hand on its own arguments to another one.
  const CallCache* call_cache = nullptr;

  /// `training`, false if it is empty.
  bool is_training() const { return training.value_or(false); }
};

class Outputs;

/// The input tensors of a call, from one tensor or a list, or all outputs of another call.
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
  const std::vector<Tensor>& tensors() const { return tensors_; }

 private:
  std::vector<Tensor> tensors_;
};

/// What a call returns: the first output, which may have others after it. unpack<n>() names them all.
class Outputs : public Tensor {
 public:
  /// A single output.
  Outputs(Tensor only);
  /// Several outputs, in order.
  Outputs(std::vector<Tensor> all);
  /// All of them, in order.
  const std::vector<Tensor>& all() const& { return all_; }
  /// All outputs of a temporary: `for (const Tensor& y : layer(x).all())` is safe.
  std::vector<Tensor> all() &&;

 private:
  std::vector<Tensor> all_;
};

/// The shape of the first of some tensors, which may have others after it.
class Shapes : public Shape {
 public:
  /// The shapes of the tensors, in order.
  Shapes(std::vector<Shape> all);
  /// All of them, in order.
  const std::vector<Shape>& all() const& { return all_; }
  /// All shapes of a temporary.
  std::vector<Shape> all() &&;

 private:
  std::vector<Shape> all_;
};

namespace detail {
[[noreturn]] void fail_unpack(std::size_t wanted, std::size_t got);
}

/// All outputs of a call as an array: `auto [sequence, state] = unpack<2>(rnn(x))`. ValueError if there are
/// not exactly `count` outputs.
template <std::size_t count>
std::array<Tensor, count> unpack(const Outputs& outputs) {
  if (outputs.all().size() != count) detail::fail_unpack(count, outputs.all().size());
  std::array<Tensor, count> parts;
  for (std::size_t i = 0; i < count; ++i) parts[i] = outputs.all()[i];
  return parts;
}

/// `tensor` with a mask attached, (batch, time) and bool: layers that understand masks find it there. An
/// empty mask takes the mask away.
Tensor with_mask(const Tensor& tensor, const Tensor& mask);
/// The mask attached to a tensor; empty if there is none.
Tensor mask_of(const Tensor& tensor);

}  // namespace unspool
