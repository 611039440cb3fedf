#pragma once

#include <concepts>
#include <initializer_list>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <unspool/core/callable.h>
#include <unspool/core/config.h>
#include <unspool/core/fields.h>
#include <unspool/core/named_handle.h>
#include <unspool/core/positional.h>
#include <unspool/core/registry.h>
#include <unspool/core/tensor.h>

namespace unspool {

/// The base class of constraints. Derive from it for one of your own with arguments, and register it with
/// register_constraint<MyBound>(). Without arguments a function is enough.
class ConstraintBase : public NamedObject {
 public:
  /// A function that is a constraint.
  using Function = Callable<Tensor(const Tensor&)>;

  /// The nearest allowed value, with the shape of the weight.
  virtual Tensor call(const Tensor& x) const = 0;
  /// The name under which the class is registered. Throws KeyError if it is not.
  std::string class_name() const override;
};

/// The registry of constraints.
Registry<ConstraintBase>& constraint_registry();

/// Maps a weight to an allowed value after each step of an optimizer. Made from a name ("max_norm",
/// "min_max_norm", "non_neg", "unit_norm", with Keras' defaults), by one of the functions below, or from a
/// function.
class Constraint final : public NamedHandle<Constraint, const ConstraintBase, constraint_registry> {
 public:
  /// Empty, or from a name, a function or an object.
  using NamedHandle::NamedHandle;

  /// The allowed value. Throws ValueError for an empty constraint.
  Tensor operator()(const Tensor& x) const;

 private:
  friend NamedHandle;
  static std::shared_ptr<const ConstraintBase> of_function(ConstraintBase::Function function);
};
extern template class NamedHandle<Constraint, const ConstraintBase, constraint_registry>;

/// Registers a class of your own, which is made from T::Options, for configs and files: "my>Bound".
template <std::derived_from<ConstraintBase> T>
void register_constraint(std::string name) {
  constraint_registry().add<T>(std::move(name));
}
/// Registers a function with a name for programs, configs and files: "my>bound". Throws ValueError for the
/// name of a built-in constraint.
void register_constraint(const std::string& name, const ConstraintBase::Function& function);

/// One axis or several. In configs one axis is a number and several are a list, as in Keras.
class AxisList {
 public:
  /// One axis.
  AxisList(Index axis);
  /// Several axes.
  AxisList(std::initializer_list<Index> axes);
  /// Several axes.
  explicit AxisList(std::vector<Index> axes);
  /// The axes in the given order.
  const std::vector<Index>& list() const& { return axes_; }
  /// A copy, for temporaries.
  std::vector<Index> list() && { return std::move(axes_); }
  /// Whether axes and order are equal.
  friend bool operator==(const AxisList&, const AxisList&) = default;

 private:
  std::vector<Index> axes_;
};

/// AxisList to configs and back.
template <>
struct ConfigValue<AxisList> {
  static constexpr std::string_view name = "axis or axes";
  static Config to(const AxisList& axes);
  static AxisList from(const Config& config);
};

// Norms are Euclidean, over the axes `axis`: with 0 each column of a matrix has a norm of its own.

/// Arguments of MaxNorm.
struct MaxNormOptions {
  double max_value = 2;
  AxisList axis = 0;
  static const Fields& fields();
};
/// Scales vectors with a norm above max_value to that norm.
Constraint MaxNorm(MaxNormOptions options = {});
/// Takes values for the first options, in their order.
template <class... Values>
requires PositionalFor<MaxNormOptions, Values...> Constraint MaxNorm(Values&&... values) {
  return MaxNorm(from_positional<MaxNormOptions>(std::forward<Values>(values)...));
}

/// Arguments of UnitNorm.
struct UnitNormOptions {
  AxisList axis = 0;
  static const Fields& fields();
};
/// Scales vectors to norm 1.
Constraint UnitNorm(UnitNormOptions options = {});
/// Takes values for the first options, in their order.
template <class... Values>
requires PositionalFor<UnitNormOptions, Values...> Constraint UnitNorm(Values&&... values) {
  return UnitNorm(from_positional<UnitNormOptions>(std::forward<Values>(values)...));
}

/// Arguments of MinMaxNorm.
struct MinMaxNormOptions {
  double min_value = 0;
  double max_value = 1;
  double rate = 1;
  AxisList axis = 0;
  static const Fields& fields();
};
/// Scales vectors to a norm in [min_value, max_value], moving a fraction `rate` of the way at each step.
Constraint MinMaxNorm(MinMaxNormOptions options = {});
/// Takes values for the first options, in their order.
template <class... Values>
requires PositionalFor<MinMaxNormOptions, Values...> Constraint MinMaxNorm(Values&&... values) {
  return MinMaxNorm(from_positional<MinMaxNormOptions>(std::forward<Values>(values)...));
}

/// Sets negative elements to 0.
Constraint NonNeg();

}  // namespace unspool
