#pragma once

#include <concepts>
#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <unspool/core/config.h>
#include <unspool/core/fields.h>
#include <unspool/core/named_handle.h>
#include <unspool/core/registry.h>
#include <unspool/core/tensor.h>

namespace unspool {

/// Base class of constraints. Derive from it for one of your own that has arguments, and make it known by
/// register_constraint<MyBound>(); for one without arguments a function is enough.
class ConstraintBase : public NamedObject {
 public:
  /// A function that can stand for a constraint.
  using Function = std::function<Tensor(const Tensor&)>;

  /// The allowed value nearest to a weight's, of its shape.
  virtual Tensor call(const Tensor& x) const = 0;
  /// The name under which the class is registered. Throws KeyError if it is not.
  std::string class_name() const override;
};

/// All constraints by name.
Registry<ConstraintBase>& constraint_registry();

/// Maps a weight to an allowed value after each step of an optimizer. It is made from a name ("max_norm",
/// "min_max_norm", "non_neg", "unit_norm"; the defaults are Keras'), by one of the functions below, or from a
/// function.
class Constraint : public NamedHandle<Constraint, const ConstraintBase, constraint_registry> {
 public:
  /// Empty, or from a name, a function or an object.
  using NamedHandle::NamedHandle;

  /// The allowed value, of the same shape. Throws ValueError for an empty constraint.
  Tensor operator()(const Tensor& x) const;

 private:
  friend NamedHandle;
  static std::shared_ptr<const ConstraintBase> of_function(ConstraintBase::Function function);
};
extern template class NamedHandle<Constraint, const ConstraintBase, constraint_registry>;

/// Makes a class of your own, which is made from T::Options, known to configs and files: "my>Bound".
template <std::derived_from<ConstraintBase> T>
void register_constraint(std::string name) {
  constraint_registry().add<T>(std::move(name));
}
/// Makes a function usable, and written to configs, by a name: "my>bound". Throws ValueError for a name of a
/// built-in constraint.
void register_constraint(const std::string& name, const ConstraintBase::Function& function);

/// One axis or several. A config holds one axis as a number and several as a list, as Keras does.
class AxisList {
 public:
  /// One axis.
  AxisList(Index axis) : axes_{axis} {}
  /// Several axes.
  AxisList(std::initializer_list<Index> axes) : axes_(axes) {}
  /// Several axes.
  explicit AxisList(std::vector<Index> axes) : axes_(std::move(axes)) {}
  /// The axes in the order in which they were given.
  const std::vector<Index>& list() const { return axes_; }
  /// True for the same axes in the same order.
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

// Norms are Euclidean, over the axes `axis`: 0 gives each column of a matrix a norm of its own.

/// Arguments of MaxNorm.
struct MaxNormOptions {
  double max_value = 2;
  AxisList axis = 0;
  static const Fields& fields();
};
/// Scales what has a norm above max_value down to it.
Constraint MaxNorm(MaxNormOptions options = {});

/// Arguments of UnitNorm.
struct UnitNormOptions {
  AxisList axis = 0;
  static const Fields& fields();
};
/// Scales to the norm 1.
Constraint UnitNorm(UnitNormOptions options = {});

/// Arguments of MinMaxNorm.
struct MinMaxNormOptions {
  double min_value = 0;
  double max_value = 1;
  double rate = 1;
  AxisList axis = 0;
  static const Fields& fields();
};
/// Moves norms into [min_value, max_value], by the part `rate` of the way at each step.
Constraint MinMaxNorm(MinMaxNormOptions options = {});

/// Sets negative elements to 0.
Constraint NonNeg();

}  // namespace unspool
