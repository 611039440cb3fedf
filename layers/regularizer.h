#pragma once

#include <concepts>
#include <memory>
#include <string>
#include <utility>

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

/// The base class of regularizers. Derive from it for one of your own with arguments, and register it with
/// register_regularizer<MyPenalty>(). Without arguments a function is enough.
class RegularizerBase : public NamedObject {
 public:
  /// A function that is a regularizer.
  using Function = Callable<Tensor(const Tensor&)>;

  /// The penalty, a scalar.
  virtual Tensor call(const Tensor& x) const = 0;
  /// call().
  Tensor operator()(const Tensor& x) const { return call(x); }
  /// The name under which the class is registered. Throws KeyError if it is not.
  std::string class_name() const override;
  /// The arguments, for configs and files. Unless overridden there are none.
  Config get_config() const override { return {}; }
};

/// The registry of regularizers.
Registry<RegularizerBase>& regularizer_registry();

namespace internal {
UNSPOOL_SEALED(SealedRegularizer,
               "Regularizer is a handle: derive from RegularizerBase, and pass make<MyPenalty>(...)");
}

/// A penalty on a weight or an output, which is added to the loss. Made from a name ("l1", "l2", "L1L2",
/// "orthogonal_regularizer", with Keras' defaults), as one of the classes below, or from a function that
/// returns a scalar.
class Regularizer : public NamedHandle<Regularizer, const RegularizerBase, regularizer_registry>,
                    public virtual internal::SealedRegularizer {
 public:
  ///@{
  /// Empty, or from a name, a function or an object, as in NamedHandle.
  Regularizer();
  Regularizer(const char* name);
  Regularizer(const std::string& name);
  template <internal::FunctionFor<RegularizerBase> F>
  Regularizer(F function) : Regularizer(of_function(std::move(function))) {}
  explicit Regularizer(std::shared_ptr<const RegularizerBase> object);
  Regularizer(const Regularizer& other);
  Regularizer(Regularizer&& other) noexcept;
  Regularizer& operator=(const Regularizer& other);
  Regularizer& operator=(Regularizer&& other) noexcept;
  ~Regularizer();
  ///@}

  /// The penalty, a scalar. Throws ValueError for an empty regularizer.
  Tensor operator()(const Tensor& x) const;

 protected:
  /// Refuses derived classes.
  using Sealed = internal::SealedRegularizer;

 private:
  friend NamedHandle;
  static std::shared_ptr<const RegularizerBase> of_function(RegularizerBase::Function function);
};
extern template class NamedHandle<Regularizer, const RegularizerBase, regularizer_registry>;

/// Makes a regularizer of a class of your own, make<MyPenalty>(0.5), whose `->` reaches all members of the
/// class.
template <std::derived_from<RegularizerBase> T, class... Arguments>
MadeHandle<Regularizer, const T> make(Arguments&&... arguments) {
  return MadeHandle<Regularizer, const T>(
      make_shared_as<RegularizerBase, const T>(std::forward<Arguments>(arguments)...));
}
/// Registers a class of your own, made as Registry::add() says, for configs and files: "my>Penalty".
template <std::derived_from<RegularizerBase> T>
void register_regularizer(std::string name) {
  static_assert(!internal::has_arguments<T> || internal::OverridesConfig<T, RegularizerBase>,
                "override get_config(), which returns the arguments for files: return to_config(options);");
  regularizer_registry().add<T>(std::move(name));
}
/// Registers a function with a name for programs, configs and files: "my>penalty". Throws ValueError for the
/// name of a built-in regularizer.
void register_regularizer(const std::string& name, const RegularizerBase::Function& function);

// As in Keras, factors are rounded to float32 even for float64 weights. A factor that is negative or not
// finite is a ValueError.

struct L1Options;
struct L2Options;
struct L1L2Options;
struct OrthogonalRegularizerOptions;

namespace internal {
Regularizer make_l1(const L1Options& options);
Regularizer make_l2(const L2Options& options);
Regularizer make_l1l2(const L1L2Options& options);
Regularizer make_orthogonal_regularizer(const OrthogonalRegularizerOptions& options);
}  // namespace internal

/// Arguments of L1.
struct L1Options {
  double l1 = 0.01;
  static const Fields& fields();
};
/// l1 * sum(|x|).
using L1 = OptionsHandle<internal::make_l1>;

/// Arguments of L2.
struct L2Options {
  double l2 = 0.01;
  static const Fields& fields();
};
/// l2 * sum(x^2).
using L2 = OptionsHandle<internal::make_l2>;

/// Arguments of L1L2.
struct L1L2Options {
  double l1 = 0;
  double l2 = 0;
  static const Fields& fields();
};
/// l1 * sum(|x|) + l2 * sum(x^2).
using L1L2 = OptionsHandle<internal::make_l1l2>;

/// Arguments of OrthogonalRegularizer.
struct OrthogonalRegularizerOptions {
  double factor = 0.01;
  std::string mode = "rows";
  static const Fields& fields();
};
/// `factor` times the mean absolute cosine of the angle between two rows (mode "rows") or columns ("columns")
/// of a matrix. Throws ValueError for another mode, and for a tensor that is not a matrix.
using OrthogonalRegularizer = OptionsHandle<internal::make_orthogonal_regularizer>;

}  // namespace unspool
