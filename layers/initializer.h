#pragma once

#include <concepts>
#include <cstdint>
#include <memory>
#include <optional>
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

/// The base class of initializers. Derive from it for one of your own with arguments, and register it with
/// register_initializer<MyInitializer>(). Without arguments a function is enough.
class InitializerBase : public NamedObject {
 public:
  /// A function of shape and dtype that is an initializer.
  using Function = Callable<Tensor(const Shape&, DType)>;

  /// The initial value of a weight of this shape, which has no unknown sizes, and dtype.
  virtual Tensor call(const Shape& shape, DType dtype) const = 0;
  /// The name under which the class is registered. Throws KeyError if it is not.
  std::string class_name() const override;
};

/// The registry of initializers.
Registry<InitializerBase>& initializer_registry();

/// Makes the initial value of a weight. Made from a name ("glorot_uniform"), by one of the functions below,
/// or from a function of shape and dtype. Names, formulas and defaults are those of Keras.
///
/// An initializer made by a function below gives equal values to all weights of one shape; without a seed it
/// takes one from the process-wide generator (set_seed) when it is made. One made from a name gives new
/// values each time.
class Initializer final : public NamedHandle<Initializer, const InitializerBase, initializer_registry> {
 public:
  /// Empty, or from a name, a function or an object.
  using NamedHandle::NamedHandle;

  /// A value of this shape and dtype. Throws ValueError for an empty initializer and for an unknown or
  /// unsuitable shape, TypeError for an unsuitable dtype.
  Tensor operator()(const Shape& shape, DType dtype = float32) const;

 private:
  friend NamedHandle;
  static std::shared_ptr<const InitializerBase> of_function(InitializerBase::Function function);
};
extern template class NamedHandle<Initializer, const InitializerBase, initializer_registry>;

/// Registers a class of your own, which is made from T::Options, for configs and files: "my>Scaled".
template <std::derived_from<InitializerBase> T>
void register_initializer(std::string name) {
  initializer_registry().add<T>(std::move(name));
}
/// Registers a function with a name for programs, configs and files: "my>scaled". Throws ValueError for the
/// name of a built-in initializer.
void register_initializer(const std::string& name, const InitializerBase::Function& function);

/// All 0.
Initializer Zeros();
/// All 1.
Initializer Ones();

/// Arguments of Constant.
struct ConstantOptions {
  double value = 0;
  static const Fields& fields();
};
/// All `value`.
Initializer Constant(ConstantOptions options = {});
/// Takes values for the first options, in their order.
template <class... Values>
requires PositionalFor<ConstantOptions, Values...> Initializer Constant(Values&&... values) {
  return Constant(from_positional<ConstantOptions>(std::forward<Values>(values)...));
}

/// Arguments of RandomUniform.
struct RandomUniformOptions {
  double minval = -0.05;
  double maxval = 0.05;
  std::optional<std::int64_t> seed = std::nullopt;
  static const Fields& fields();
};
/// Uniform on [minval, maxval).
Initializer RandomUniform(RandomUniformOptions options = {});
/// Takes values for the first options, in their order.
template <class... Values>
requires PositionalFor<RandomUniformOptions, Values...> Initializer RandomUniform(Values&&... values) {
  return RandomUniform(from_positional<RandomUniformOptions>(std::forward<Values>(values)...));
}

/// Arguments of RandomNormal and TruncatedNormal.
struct RandomNormalOptions {
  double mean = 0;
  double stddev = 0.05;
  std::optional<std::int64_t> seed = std::nullopt;
  static const Fields& fields();
};
/// Normal.
Initializer RandomNormal(RandomNormalOptions options = {});
/// Takes values for the first options, in their order.
template <class... Values>
requires PositionalFor<RandomNormalOptions, Values...> Initializer RandomNormal(Values&&... values) {
  return RandomNormal(from_positional<RandomNormalOptions>(std::forward<Values>(values)...));
}
/// Normal, without values more than two standard deviations from the mean, which are drawn again. `stddev` is
/// the standard deviation before this truncation.
Initializer TruncatedNormal(RandomNormalOptions options = {});
/// Takes values for the first options, in their order.
template <class... Values>
requires PositionalFor<RandomNormalOptions, Values...> Initializer TruncatedNormal(Values&&... values) {
  return TruncatedNormal(from_positional<RandomNormalOptions>(std::forward<Values>(values)...));
}

/// Arguments of VarianceScaling.
struct VarianceScalingOptions {
  double scale = 1;
  std::string mode = "fan_in";
  std::string distribution = "truncated_normal";
  std::optional<std::int64_t> seed = std::nullopt;
  std::optional<std::vector<Index>> input_axes = std::nullopt;
  std::optional<std::vector<Index>> output_axes = std::nullopt;
  static const Fields& fields();
};
/// A random value with the variance scale / fan, where fan is the number of inputs of a unit (mode "fan_in"),
/// of its outputs
/// ("fan_out") or their mean ("fan_avg"), from a "truncated_normal", "untruncated_normal" or "uniform"
/// distribution. Throws ValueError for another mode or distribution, or a scale that is not positive.
Initializer VarianceScaling(VarianceScalingOptions options = {});
/// Takes values for the first options, in their order.
template <class... Values>
requires PositionalFor<VarianceScalingOptions, Values...> Initializer VarianceScaling(Values&&... values) {
  return VarianceScaling(from_positional<VarianceScalingOptions>(std::forward<Values>(values)...));
}

/// Arguments of the named special cases of VarianceScaling.
struct FanOptions {
  std::optional<std::int64_t> seed = std::nullopt;
  std::optional<std::vector<Index>> input_axes = std::nullopt;
  std::optional<std::vector<Index>> output_axes = std::nullopt;
  static const Fields& fields();
};
/// Uniform, of variance 2 / (fan in + fan out) (Glorot and Bengio 2010).
Initializer GlorotUniform(FanOptions options = {});
/// Truncated normal, of variance 2 / (fan in + fan out) (Glorot and Bengio 2010).
Initializer GlorotNormal(FanOptions options = {});
/// Uniform, of variance 2 / fan in (He et al. 2015).
Initializer HeUniform(FanOptions options = {});
/// Truncated normal, of variance 2 / fan in (He et al. 2015).
Initializer HeNormal(FanOptions options = {});
/// Uniform, of variance 1 / fan in (LeCun et al. 1998).
Initializer LecunUniform(FanOptions options = {});
/// Truncated normal, of variance 1 / fan in (LeCun et al. 1998).
Initializer LecunNormal(FanOptions options = {});

/// Arguments of Orthogonal.
struct OrthogonalOptions {
  double gain = 1;
  std::optional<std::int64_t> seed = std::nullopt;
  static const Fields& fields();
};
/// `gain` times a matrix with orthonormal rows or columns, whichever are fewer (Saxe et al. 2014). Beyond two
/// dimensions all but the last one are rows. Throws ValueError for fewer than two dimensions.
Initializer Orthogonal(OrthogonalOptions options = {});
/// Takes values for the first options, in their order.
template <class... Values>
requires PositionalFor<OrthogonalOptions, Values...> Initializer Orthogonal(Values&&... values) {
  return Orthogonal(from_positional<OrthogonalOptions>(std::forward<Values>(values)...));
}

/// Arguments of Identity.
struct IdentityOptions {
  double gain = 1;
  static const Fields& fields();
};
/// `gain` on the diagonal of a matrix, 0 elsewhere. Throws ValueError for a shape that is not of rank 2.
Initializer Identity(IdentityOptions options = {});
/// Takes values for the first options, in their order.
template <class... Values>
requires PositionalFor<IdentityOptions, Values...> Initializer Identity(Values&&... values) {
  return Identity(from_positional<IdentityOptions>(std::forward<Values>(values)...));
}

}  // namespace unspool
