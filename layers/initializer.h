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
#include <unspool/core/made_handle.h>
#include <unspool/core/make_shared_as.h>
#include <unspool/core/named_handle.h>
#include <unspool/core/options_handle.h>
#include <unspool/core/registry.h>
#include <unspool/core/sealed.h>
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
  /// call().
  Tensor operator()(const Shape& shape, DType dtype = float32) const { return call(shape, dtype); }
  /// The name under which the class is registered. Throws KeyError if it is not.
  std::string class_name() const override;
  /// The arguments, for configs and files. Unless overridden there are none.
  Config get_config() const override { return {}; }
};

/// The registry of initializers.
Registry<InitializerBase>& initializer_registry();

namespace internal {
UNSPOOL_SEALED(SealedInitializer,
               "Initializer is a handle: derive from InitializerBase, and pass make<MyInitializer>(...)");
}

/// Makes the initial value of a weight. Made from a name ("glorot_uniform"), as one of the classes below,
/// or from a function of shape and dtype. Names, formulas and defaults are those of Keras.
///
/// An initializer of a class below gives equal values to all weights of one shape; without a seed it
/// takes one from the process-wide generator (set_seed) when it is made. One made from a name gives new
/// values each time.
class Initializer : public NamedHandle<Initializer, const InitializerBase, initializer_registry>,
                    public virtual internal::SealedInitializer {
 public:
  ///@{
  /// Empty, or from a name, a function or an object, as in NamedHandle.
  Initializer();
  Initializer(const char* name);
  Initializer(const std::string& name);
  template <internal::FunctionFor<InitializerBase> F>
  Initializer(F function) : Initializer(of_function(std::move(function))) {}
  explicit Initializer(std::shared_ptr<const InitializerBase> object);
  Initializer(const Initializer& other);
  Initializer(Initializer&& other) noexcept;
  Initializer& operator=(const Initializer& other);
  Initializer& operator=(Initializer&& other) noexcept;
  ~Initializer();
  ///@}

  /// A value of this shape and dtype. Throws ValueError for an empty initializer and for an unknown or
  /// unsuitable shape, TypeError for an unsuitable dtype.
  Tensor operator()(const Shape& shape, DType dtype = float32) const;

 protected:
  /// Refuses derived classes.
  using Sealed = internal::SealedInitializer;

 private:
  friend NamedHandle;
  static std::shared_ptr<const InitializerBase> of_function(InitializerBase::Function function);
};
extern template class NamedHandle<Initializer, const InitializerBase, initializer_registry>;

/// Makes an initializer of a class of your own, make<MyInitializer>(0.5), whose `->` reaches all members of
/// the class.
template <std::derived_from<InitializerBase> T, class... Arguments>
MadeHandle<Initializer, const T> make(Arguments&&... arguments) {
  return MadeHandle<Initializer, const T>(
      make_shared_as<InitializerBase, const T>(std::forward<Arguments>(arguments)...));
}
/// Registers a class of your own, made as Registry::add() says, for configs and files: "my>Scaled".
template <std::derived_from<InitializerBase> T>
void register_initializer(std::string name) {
  static_assert(!internal::has_arguments<T> || internal::OverridesConfig<T, InitializerBase>,
                "override get_config(), which returns the arguments for files: return to_config(options);");
  initializer_registry().add<T>(std::move(name));
}
/// Registers a function with a name for programs, configs and files: "my>scaled". Throws ValueError for the
/// name of a built-in initializer.
void register_initializer(const std::string& name, const InitializerBase::Function& function);

struct ConstantOptions;
struct RandomUniformOptions;
struct RandomNormalOptions;
struct VarianceScalingOptions;
struct FanOptions;
struct OrthogonalOptions;
struct IdentityOptions;

namespace internal {
Initializer make_zeros(const NoOptions&);
Initializer make_ones(const NoOptions&);
Initializer make_constant(const ConstantOptions& options);
Initializer make_random_uniform(const RandomUniformOptions& options);
Initializer make_random_normal(const RandomNormalOptions& options);
Initializer make_truncated_normal(const RandomNormalOptions& options);
Initializer make_variance_scaling(const VarianceScalingOptions& options);
Initializer make_glorot_uniform(const FanOptions& options);
Initializer make_glorot_normal(const FanOptions& options);
Initializer make_he_uniform(const FanOptions& options);
Initializer make_he_normal(const FanOptions& options);
Initializer make_lecun_uniform(const FanOptions& options);
Initializer make_lecun_normal(const FanOptions& options);
Initializer make_orthogonal(const OrthogonalOptions& options);
Initializer make_identity(const IdentityOptions& options);
}  // namespace internal

/// All 0.
using Zeros = OptionsHandle<internal::make_zeros>;
/// All 1.
using Ones = OptionsHandle<internal::make_ones>;

/// Arguments of Constant.
struct ConstantOptions {
  double value = 0;
  static const Fields& fields();
};
/// All `value`.
using Constant = OptionsHandle<internal::make_constant>;

/// Arguments of RandomUniform.
struct RandomUniformOptions {
  double minval = -0.05;
  double maxval = 0.05;
  std::optional<std::int64_t> seed = std::nullopt;
  static const Fields& fields();
};
/// Uniform on [minval, maxval).
using RandomUniform = OptionsHandle<internal::make_random_uniform>;

/// Arguments of RandomNormal and TruncatedNormal.
struct RandomNormalOptions {
  double mean = 0;
  double stddev = 0.05;
  std::optional<std::int64_t> seed = std::nullopt;
  static const Fields& fields();
};
/// Normal.
using RandomNormal = OptionsHandle<internal::make_random_normal>;
/// Normal, without values more than two standard deviations from the mean, which are drawn again. `stddev` is
/// the standard deviation before this truncation.
using TruncatedNormal = OptionsHandle<internal::make_truncated_normal>;

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
using VarianceScaling = OptionsHandle<internal::make_variance_scaling>;

/// Arguments of the named special cases of VarianceScaling.
struct FanOptions {
  std::optional<std::int64_t> seed = std::nullopt;
  std::optional<std::vector<Index>> input_axes = std::nullopt;
  std::optional<std::vector<Index>> output_axes = std::nullopt;
  static const Fields& fields();
};
/// Uniform, of variance 2 / (fan in + fan out) (Glorot and Bengio 2010).
using GlorotUniform = OptionsHandle<internal::make_glorot_uniform>;
/// Truncated normal, of variance 2 / (fan in + fan out) (Glorot and Bengio 2010).
using GlorotNormal = OptionsHandle<internal::make_glorot_normal>;
/// Uniform, of variance 2 / fan in (He et al. 2015).
using HeUniform = OptionsHandle<internal::make_he_uniform>;
/// Truncated normal, of variance 2 / fan in (He et al. 2015).
using HeNormal = OptionsHandle<internal::make_he_normal>;
/// Uniform, of variance 1 / fan in (LeCun et al. 1998).
using LecunUniform = OptionsHandle<internal::make_lecun_uniform>;
/// Truncated normal, of variance 1 / fan in (LeCun et al. 1998).
using LecunNormal = OptionsHandle<internal::make_lecun_normal>;

/// Arguments of Orthogonal.
struct OrthogonalOptions {
  double gain = 1;
  std::optional<std::int64_t> seed = std::nullopt;
  static const Fields& fields();
};
/// `gain` times a matrix with orthonormal rows or columns, whichever are fewer (Saxe et al. 2014). Beyond two
/// dimensions all but the last one are rows. Throws ValueError for fewer than two dimensions.
using Orthogonal = OptionsHandle<internal::make_orthogonal>;

/// Arguments of Identity.
struct IdentityOptions {
  double gain = 1;
  static const Fields& fields();
};
/// `gain` on the diagonal of a matrix, 0 elsewhere. Throws ValueError for a shape that is not of rank 2.
using Identity = OptionsHandle<internal::make_identity>;

}  // namespace unspool
