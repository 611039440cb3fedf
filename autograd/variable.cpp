#include <cmath>
#include <ostream>

#include <unspool/autograd/arithmetic.h>
#include <unspool/autograd/conversion.h>
#include <unspool/autograd/internal/engine.h>
#include <unspool/autograd/tape.h>
#include <unspool/autograd/variable.h>
#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>

namespace unspool {

using internal::TensorAccess;

namespace {

/// The value with a new identity, so that no tape links the variable to how the value was computed, and with
/// the variable's name. `name` is that for errors.
Tensor detached(const Tensor& value, Label label, const std::string& name) {
  if (!value) throw ValueError("the variable " + name + ": expected a value, got an empty tensor");
  if (value.is_abstract()) {
    throw RuntimeError("the variable " + name + ": expected a value, got " + value.describe() +
                       ", which is being traced and has no value yet: return it as a state instead");
  }
  Tensor own = TensorAccess::alias(value, value.shape());
  TensorAccess::name_newborn(own, label.text());
  return own;
}

}  // namespace

Variable::Variable(const Tensor& value, VariableOptions options) {
  const Label label = Label::of(options.name);
  Tensor own = detached(value, label, options.name);
  std::string path = options.name;
  state_ = std::make_shared<State>(State{std::move(own), std::move(path), std::move(options), label});
}

Variable::State& Variable::state() const {
  if (state_ == nullptr)
    throw ValueError("expected a Variable with a value, got an empty one: it was default-constructed");
  return *state_;
}

Tensor Variable::value() const {
  const Tensor& value = state().value;
  const Engine& engine = Engine::of_this_thread();
  if (engine.records() && state_->options.trainable) {
    for (TapeState* tape = engine.tape; tape != nullptr; tape = tape->outer()) {
      if (tape->watches_variables()) tape->read(*this, value);
    }
  }
  return value;
}

const Shape& Variable::shape() const& { return state().shape; }
DType Variable::dtype() const { return state().value.dtype(); }

void Variable::assign(const Tensor& value) const {
  Tensor own = detached(as_own_dtype(value), state().label, path());
  if (!(value.shape() == shape())) {
    throw ValueError("the variable " + path() + ": expected the shape " + to_string(shape()) + ", got " +
                     value.describe());
  }
  if (own.dtype() != dtype()) {
    throw TypeError("the variable " + path() + ": expected the dtype " + std::string(name_of(dtype())) +
                    ", got " + value.describe() + ": cast() it first");
  }
  state_->value = std::move(own);
  ++state_->version;
}

void Variable::assign_add(const Tensor& delta) const {
  NoGradient guard;
  assign(state().value + as_own_dtype(delta));
}
void Variable::assign_sub(const Tensor& delta) const {
  NoGradient guard;
  assign(state().value - as_own_dtype(delta));
}

Tensor Variable::filled(double number) const {
  if (!is_floating(dtype()) && number != std::trunc(number)) {
    throw TypeError(fmt::format("the variable {}: expected a whole number for the dtype {}, got {}", path(),
                                name_of(dtype()), number));
  }
  return Tensor::full(shape(), number, dtype());
}

Tensor Variable::as_own_dtype(const Tensor& value) const {
  if (!value || value.is_abstract() || !is_floating(dtype()) || value.dtype() == dtype()) return value;
  const NoGradient guard;
  return cast(value, dtype());
}

std::uint64_t Variable::version() const { return state().version; }
const std::string& Variable::name() const& { return state().options.name; }
const std::string& Variable::path() const& { return state().path; }
void Variable::set_path(std::string path) const { state().path = std::move(path); }
bool Variable::trainable() const { return state().options.trainable; }
void Variable::set_trainable(bool trainable) const { state().options.trainable = trainable; }
const Callable<Tensor(const Tensor&)>& Variable::regularizer() const& { return state().options.regularizer; }
const Callable<Tensor(const Tensor&)>& Variable::constraint() const& { return state().options.constraint; }

std::string Variable::describe() const {
  if (!*this) return "an empty variable";
  return path() + " " + state().value.describe();
}

std::string to_string(const Variable& variable) {
  return "<Variable " + variable.path() + " " + describe(variable.value()) + "\n" +
         to_string(variable.value()) + ">";
}
std::ostream& operator<<(std::ostream& stream, const Variable& variable) {
  return stream << to_string(variable);
}

}  // namespace unspool
