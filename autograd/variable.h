#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include <unspool/core/tensor.h>

namespace unspool {

struct VariableOptions {
  std::string name = "variable";
  bool trainable = true;
  /// A penalty of the value, added to the loss while training; empty: none.
  std::function<Tensor(const Tensor&)> regularizer = {};
  /// Maps the value to an allowed one after each step of an optimizer; empty: none.
  std::function<Tensor(const Tensor&)> constraint = {};
};

/// A named tensor that can be assigned. Copying a Variable copies the handle.
///
/// Reading one (a conversion to Tensor) is seen by the tapes that run. Assigning replaces the value: tensors
/// read before keep theirs, and no history is kept.
class Variable {
 public:
  /// An empty handle.
  Variable() = default;
  explicit Variable(const Tensor& value, VariableOptions options = {});

  explicit operator bool() const { return state_ != nullptr; }
  /// The value. A trainable variable is watched by the tapes that are active on this thread.
  operator Tensor() const { return value(); }
  Tensor value() const;
  const Shape& shape() const;
  DType dtype() const;
  int rank() const { return shape().rank(); }
  Index size() const { return shape().elements(); }

  /// ValueError or TypeError if shape or dtype differ; RuntimeError for an abstract tensor.
  void assign(const Tensor& value) const;
  /// assign(value() + delta), and so on.
  void assign_add(const Tensor& delta) const;
  void assign_sub(const Tensor& delta) const;
  /// Counts assignments.
  std::uint64_t version() const;

  const std::string& name() const;
  /// The name with the names of the layers around it: "sequential/dense/kernel".
  const std::string& path() const;
  void set_path(std::string path) const;
  bool trainable() const;
  void set_trainable(bool trainable) const;
  const std::function<Tensor(const Tensor&)>& regularizer() const;
  const std::function<Tensor(const Tensor&)>& constraint() const;

  /// The same variable.
  friend bool operator==(const Variable& a, const Variable& b) { return a.state_ == b.state_; }
  /// Identity, for maps.
  const void* key() const { return state_.get(); }

 private:
  friend class TapeState;
  struct State;
  State& state() const;
  std::shared_ptr<State> state_;
};

std::string to_string(const Variable& variable);
std::ostream& operator<<(std::ostream& stream, const Variable& variable);

}  // namespace unspool
