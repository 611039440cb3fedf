#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include <unspool/core/callable.h>
#include <unspool/core/tensor.h>

namespace unspool {

/// The arguments of a Variable.
struct VariableOptions {
  std::string name = "variable";  ///< For errors, printing and files.
  bool trainable = true;          ///< Whether optimizers change it and tapes watch it.
  /// A penalty that is added to the loss; empty: none.
  Callable<Tensor(const Tensor&)> regularizer = {};
  /// Applied to the value after each step of an optimizer.
  Callable<Tensor(const Tensor&)> constraint = {};
};

/// A named tensor whose value can be assigned. A handle: copies are the same variable.
///
/// Active tapes record reads (conversions to Tensor). An assignment replaces the value: tensors that were
/// read before keep the old one, and no gradient flows through the assignment.
class Variable {
 public:
  /// An empty handle.
  Variable() = default;
  /// A variable with this initial value. Throws ValueError if it is empty, RuntimeError if it is abstract.
  explicit Variable(const Tensor& value, VariableOptions options = {});

  /// Whether the handle is not empty. The other members throw ValueError if it is.
  explicit operator bool() const { return state_ != nullptr; }
  ///@{
  /// The value, or the only number in it. Active tapes of this thread watch a trainable variable when it is
  /// read.
  operator Tensor() const { return value(); }
  template <class T>
  requires(std::is_arithmetic_v<T> && !std::is_same_v<T, bool>) explicit operator T() const {
    return value().template item<T>();
  }
  Tensor value() const;
  ///@}
  ///@{
  /// As those of the value, without reading it.
  const Shape& shape() const&;
  Shape shape() const&& { return shape(); }
  DType dtype() const;
  int rank() const { return shape().rank(); }
  Index size() const { return shape().elements(); }
  ///@}

  /// Replaces the value, which is cast to the dtype of a floating variable, as in Keras. Throws ValueError if
  /// the shape differs, TypeError if the dtype of an integer or bool variable differs, RuntimeError for an
  /// abstract tensor.
  void assign(const Tensor& value) const;
  ///@{
  /// Assigns value() + delta, or value() - delta.
  void assign_add(const Tensor& delta) const;
  void assign_sub(const Tensor& delta) const;
  ///@}
  ///@{
  /// Assigns a number to each element, adds it, or subtracts it. Throws TypeError for a fraction in an
  /// integer variable.
  template <class T>
  requires std::is_arithmetic_v<T>
  void assign(T number) const { assign(filled(static_cast<double>(number))); }
  template <class T>
  requires std::is_arithmetic_v<T>
  void assign_add(T number) const { assign_add(filled(static_cast<double>(number))); }
  template <class T>
  requires std::is_arithmetic_v<T>
  void assign_sub(T number) const { assign_sub(filled(static_cast<double>(number))); }
  ///@}
  ///@{
  /// Mistakes: a variable is changed by assign().
  template <class T>
  requires(!std::is_base_of_v<Variable, T>) UNSPOOL_MISTAKE(
      "write v.assign(value), or v = Variable(value) for another variable", operator=(const T& value));
  template <class T>
  UNSPOOL_MISTAKE("write v.assign_add(delta)", operator+=(const T& delta) const);
  template <class T>
  UNSPOOL_MISTAKE("write v.assign_sub(delta)", operator-=(const T& delta) const);
  template <class T>
  UNSPOOL_MISTAKE("write v.assign(v * factor)", operator*=(const T& factor) const);
  template <class T>
  UNSPOOL_MISTAKE("write v.assign(v / divisor)", operator/=(const T& divisor) const);
  ///@}
  /// The number of assignments so far.
  std::uint64_t version() const;

  ///@{
  /// The name.
  const std::string& name() const&;
  std::string name() const&& { return name(); }
  ///@}
  ///@{
  /// The name after those of the layers around it: "sequential/dense/kernel".
  const std::string& path() const&;
  std::string path() const&& { return path(); }
  ///@}
  /// Sets path().
  void set_path(std::string path) const;
  /// Whether optimizers change the variable and tapes watch it.
  bool trainable() const;
  /// Sets trainable().
  void set_trainable(bool trainable) const;
  ///@{
  /// As in VariableOptions.
  const Callable<Tensor(const Tensor&)>& regularizer() const&;
  const Callable<Tensor(const Tensor&)>& constraint() const&;
  Callable<Tensor(const Tensor&)> regularizer() const&& { return regularizer(); }
  Callable<Tensor(const Tensor&)> constraint() const&& { return constraint(); }
  ///@}

  /// Whether both are the same variable.
  friend bool operator==(const Variable& a, const Variable& b) { return a.state_ == b.state_; }
  /// The identity of the variable, as a key of maps.
  const void* key() const { return state_.get(); }
  /// Path, dtype and shape: "dense/kernel float32[2, 3]".
  std::string describe() const;

 private:
  friend class TapeState;
  struct State;
  State& state() const;
  /// A number in each element.
  Tensor filled(double number) const;
  /// The tensor, cast to the dtype of a floating variable.
  Tensor as_own_dtype(const Tensor& value) const;
  std::shared_ptr<State> state_;
};

///@{
/// Prints the path, shape, dtype and value.
std::string to_string(const Variable& variable);
std::ostream& operator<<(std::ostream& stream, const Variable& variable);
///@}

}  // namespace unspool
