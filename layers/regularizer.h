#pragma once

#include <concepts>
#include <memory>
#include <string>
#include <utility>

#include <unspool/core/callable.h>
#include <unspool/core/config.h>
#include <unspool/core/fields.h>
#include <unspool/core/named_handle.h>
#include <unspool/core/positional.h>
#include <unspool/core/registry.h>
#include <unspool/core/tensor.h>

namespace unspool {

/// The base class of regularizers. Derive from it for one of your own with arguments, and register it with
/// register_regularizer<MyPenalty>(). Without arguments a function is enough.
class RegularizerBase : public NamedObject {
 public:
  /// A function that is a regularizer.
  using Function = Callable<Tensor(const Tensor&)>;

  /// The penalty, a scalar.
  virtual Tensor call(const Tensor& x) const = 0;
  /// The name under which the class is registered. Throws KeyError if it is not.
  std::string class_name() const override;
};

/// The registry of regularizers.
Registry<RegularizerBase>& regularizer_registry();

/// A penalty on a weight or an output, which is added to the loss. Made from a name ("l1", "l2", "L1L2",
/// "orthogonal_regularizer", with Keras' defaults), by one of the functions below, or from a function that
/// returns a scalar.
class Regularizer final : public NamedHandle<Regularizer, const RegularizerBase, regularizer_registry> {
 public:
  /// Empty, or from a name, a function or an object.
  using NamedHandle::NamedHandle;

  /// The penalty, a scalar. Throws ValueError for an empty regularizer.
  Tensor operator()(const Tensor& x) const;

 private:
  friend NamedHandle;
  static std::shared_ptr<const RegularizerBase> of_function(RegularizerBase::Function function);
};
extern template class NamedHandle<Regularizer, const RegularizerBase, regularizer_registry>;

/// Registers a class of your own, which is made from T::Options, for configs and files: "my>Penalty".
template <std::derived_from<RegularizerBase> T>
void register_regularizer(std::string name) {
  regularizer_registry().add<T>(std::move(name));
}
/// Registers a function with a name for programs, configs and files: "my>penalty". Throws ValueError for the
/// name of a built-in regularizer.
void register_regularizer(const std::string& name, const RegularizerBase::Function& function);

// As in Keras, factors are rounded to float32 even for float64 weights. The functions below throw ValueError
// for a factor that is negative or not finite.

/// Arguments of L1.
struct L1Options {
  double l1 = 0.01;
  static const Fields& fields();
};
/// l1 * sum(|x|).
Regularizer L1(L1Options options = {});
/// Takes values for the first options, in their order.
template <class... Values>
requires PositionalFor<L1Options, Values...> Regularizer L1(Values&&... values) {
  return L1(from_positional<L1Options>(std::forward<Values>(values)...));
}

/// Arguments of L2.
struct L2Options {
  double l2 = 0.01;
  static const Fields& fields();
};
/// l2 * sum(x^2).
Regularizer L2(L2Options options = {});
/// Takes values for the first options, in their order.
template <class... Values>
requires PositionalFor<L2Options, Values...> Regularizer L2(Values&&... values) {
  return L2(from_positional<L2Options>(std::forward<Values>(values)...));
}

/// Arguments of L1L2.
struct L1L2Options {
  double l1 = 0;
  double l2 = 0;
  static const Fields& fields();
};
/// l1 * sum(|x|) + l2 * sum(x^2).
Regularizer L1L2(L1L2Options options = {});
/// Takes values for the first options, in their order.
template <class... Values>
requires PositionalFor<L1L2Options, Values...> Regularizer L1L2(Values&&... values) {
  return L1L2(from_positional<L1L2Options>(std::forward<Values>(values)...));
}

/// Arguments of OrthogonalRegularizer.
struct OrthogonalRegularizerOptions {
  double factor = 0.01;
  std::string mode = "rows";
  static const Fields& fields();
};
/// `factor` times the mean absolute cosine of the angle between two rows (mode "rows") or columns ("columns")
/// of a matrix. Throws ValueError for another mode, and for a tensor that is not a matrix.
Regularizer OrthogonalRegularizer(OrthogonalRegularizerOptions options = {});
/// Takes values for the first options, in their order.
template <class... Values>
requires PositionalFor<OrthogonalRegularizerOptions, Values...> Regularizer
OrthogonalRegularizer(Values&&... values) {
  return OrthogonalRegularizer(
      from_positional<OrthogonalRegularizerOptions>(std::forward<Values>(values)...));
}

}  // namespace unspool
