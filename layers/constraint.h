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
#include <unspool/core/made_handle.h>
#include <unspool/core/make_shared_as.h>
#include <unspool/core/named_handle.h>
#include <unspool/core/options_handle.h>
#include <unspool/core/registry.h>
#include <unspool/core/sealed.h>
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
  /// call().
  Tensor operator()(const Tensor& x) const { return call(x); }
  /// The name under which the class is registered. Throws KeyError if it is not.
  std::string class_name() const override;
  /// The arguments, for configs and files. Unless overridden there are none.
  Config get_config() const override { return {}; }
};

/// The registry of constraints.
Registry<ConstraintBase>& constraint_registry();

namespace internal {
UNSPOOL_SEALED(SealedConstraint,
               "Constraint is a handle: derive from ConstraintBase, and pass make<MyBound>(...)");
}

/// Maps a weight to an allowed value after each step of an optimizer. Made from a name ("max_norm",
/// "min_max_norm", "non_neg", "unit_norm", with Keras' defaults), as one of the classes below, or from a
/// function.
class Constraint : public NamedHandle<Constraint, const ConstraintBase, constraint_registry>,
                   public virtual internal::SealedConstraint {
 public:
  ///@{
  /// Empty, or from a name, a function or an object, as in NamedHandle.
  Constraint();
  Constraint(const char* name);
  Constraint(const std::string& name);
  template <internal::FunctionFor<ConstraintBase> F>
  Constraint(F function) : Constraint(of_function(std::move(function))) {}
  explicit Constraint(std::shared_ptr<const ConstraintBase> object);
  Constraint(const Constraint& other);
  Constraint(Constraint&& other) noexcept;
  Constraint& operator=(const Constraint& other);
  Constraint& operator=(Constraint&& other) noexcept;
  ~Constraint();
  ///@}

  /// The allowed value. Throws ValueError for an empty constraint.
  Tensor operator()(const Tensor& x) const;

 protected:
  /// Refuses derived classes.
  using Sealed = internal::SealedConstraint;

 private:
  friend NamedHandle;
  static std::shared_ptr<const ConstraintBase> of_function(ConstraintBase::Function function);
};
extern template class NamedHandle<Constraint, const ConstraintBase, constraint_registry>;

/// Makes a constraint of a class of your own, make<MyBound>(0.5), whose `->` reaches all members of the
/// class.
template <std::derived_from<ConstraintBase> T, class... Arguments>
MadeHandle<Constraint, const T> make(Arguments&&... arguments) {
  return MadeHandle<Constraint, const T>(
      make_shared_as<ConstraintBase, const T>(std::forward<Arguments>(arguments)...));
}
/// Registers a class of your own, made as Registry::add() says, for configs and files: "my>Bound".
template <std::derived_from<ConstraintBase> T>
void register_constraint(std::string name) {
  static_assert(!internal::has_arguments<T> || internal::OverridesConfig<T, ConstraintBase>,
                "override get_config(), which returns the arguments for files: return to_config(options);");
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

struct MaxNormOptions;
struct UnitNormOptions;
struct MinMaxNormOptions;

namespace internal {
Constraint make_max_norm(const MaxNormOptions& options);
Constraint make_unit_norm(const UnitNormOptions& options);
Constraint make_min_max_norm(const MinMaxNormOptions& options);
Constraint make_non_neg(const NoOptions&);
}  // namespace internal

/// Arguments of MaxNorm.
struct MaxNormOptions {
  double max_value = 2;
  AxisList axis = 0;
  static const Fields& fields();
};
/// Scales vectors with a norm above max_value to that norm.
using MaxNorm = OptionsHandle<internal::make_max_norm>;

/// Arguments of UnitNorm.
struct UnitNormOptions {
  AxisList axis = 0;
  static const Fields& fields();
};
/// Scales vectors to norm 1.
using UnitNorm = OptionsHandle<internal::make_unit_norm>;

/// Arguments of MinMaxNorm.
struct MinMaxNormOptions {
  double min_value = 0;
  double max_value = 1;
  double rate = 1;
  AxisList axis = 0;
  static const Fields& fields();
};
/// Scales vectors to a norm in [min_value, max_value], moving a fraction `rate` of the way at each step.
using MinMaxNorm = OptionsHandle<internal::make_min_max_norm>;

/// Sets negative elements to 0.
using NonNeg = OptionsHandle<internal::make_non_neg>;

}  // namespace unspool
