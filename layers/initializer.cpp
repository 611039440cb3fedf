#include <algorithm>
#include <cmath>

#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/core/internal/named_function.h>
#include <unspool/core/make_shared_as.h>
#include <unspool/core/random.h>
#include <unspool/layers/initializer.h>
#include <unspool/layers/internal/initial_values.h>

namespace unspool {

const Fields& ConstantOptions::fields() {
  using O = ConstantOptions;
  static const Fields all = fields_of<O>(field("value", &O::value, "of every element"));
  return all;
}

const Fields& RandomUniformOptions::fields() {
  using O = RandomUniformOptions;
  static const Fields all = fields_of<O>(field("minval", &O::minval, "the lower bound"),
                                         field("maxval", &O::maxval, "the upper bound"),
                                         field("seed", &O::seed, "makes it repeat"));
  return all;
}

const Fields& RandomNormalOptions::fields() {
  using O = RandomNormalOptions;
  static const Fields all =
      fields_of<O>(field("mean", &O::mean, "the mean"), field("stddev", &O::stddev, "the standard deviation"),
                   field("seed", &O::seed, "makes it repeat"));
  return all;
}

const Fields& VarianceScalingOptions::fields() {
  using O = VarianceScalingOptions;
  static const Fields all = fields_of<O>(
      field("scale", &O::scale, "the variance times the fan"),
      field("mode", &O::mode, "\"fan_in\", \"fan_out\" or \"fan_avg\""),
      field("distribution", &O::distribution, "\"truncated_normal\", \"untruncated_normal\" or \"uniform\""),
      field("seed", &O::seed, "makes it repeat"),
      field("input_axes", &O::input_axes, "whose sizes make the fan in"),
      field("output_axes", &O::output_axes, "whose sizes make the fan out"));
  return all;
}

const Fields& FanOptions::fields() {
  using O = FanOptions;
  static const Fields all =
      fields_of<O>(field("seed", &O::seed, "makes it repeat"),
                   field("input_axes", &O::input_axes, "whose sizes make the fan in"),
                   field("output_axes", &O::output_axes, "whose sizes make the fan out"));
  return all;
}

const Fields& OrthogonalOptions::fields() {
  using O = OrthogonalOptions;
  static const Fields all =
      fields_of<O>(field("gain", &O::gain, "times the matrix"), field("seed", &O::seed, "makes it repeat"));
  return all;
}

const Fields& IdentityOptions::fields() {
  using O = IdentityOptions;
  static const Fields all = fields_of<O>(field("gain", &O::gain, "on the diagonal"));
  return all;
}

namespace {

struct ZerosKind {
  static constexpr auto name = "Zeros";
  static constexpr std::string_view aliases[] = {"zero"};
  using Options = internal::NoOptions;
  static Tensor call(const Options&, const Shape& shape, DType dtype) { return Tensor::zeros(shape, dtype); }
};

struct OnesKind {
  static constexpr auto name = "Ones";
  static constexpr std::string_view aliases[] = {"one"};
  using Options = internal::NoOptions;
  static Tensor call(const Options&, const Shape& shape, DType dtype) { return Tensor::ones(shape, dtype); }
};

struct ConstantKind {
  static constexpr auto name = "Constant";
  using Options = ConstantOptions;
  static Tensor call(const Options& options, const Shape& shape, DType dtype) {
    return Tensor::full(shape, options.value, dtype);
  }
};

struct RandomUniformKind {
  static constexpr auto name = "RandomUniform";
  static constexpr std::string_view aliases[] = {"uniform"};
  using Options = RandomUniformOptions;
  static Tensor call(const Options& options, const Shape& shape, DType dtype) {
    return internal::uniform_values(name, shape, dtype, options.minval, options.maxval, options.seed);
  }
};

struct RandomNormalKind {
  static constexpr auto name = "RandomNormal";
  static constexpr std::string_view aliases[] = {"normal"};
  using Options = RandomNormalOptions;
  static Tensor call(const Options& options, const Shape& shape, DType dtype) {
    return internal::normal_values(name, shape, dtype, options.mean, options.stddev, options.seed);
  }
};

struct TruncatedNormalKind {
  static constexpr auto name = "TruncatedNormal";
  using Options = RandomNormalOptions;
  static Tensor call(const Options& options, const Shape& shape, DType dtype) {
    return internal::truncated_normal_values(name, shape, dtype, options.mean, options.stddev, options.seed);
  }
};

struct Fans {
  double in = 1;
  double out = 1;
};

double product(const Shape& shape, const std::vector<Index>& axes) {
  double size = 1;
  for (const Index axis : axes) size *= static_cast<double>(shape[static_cast<int>(axis)]);
  return size;
}

Fans fans_of(const Shape& shape, const VarianceScalingOptions& options) {
  if (options.input_axes && options.output_axes) {
    return {product(shape, *options.input_axes), product(shape, *options.output_axes)};
  }
  if (shape.rank() == 0) return {};
  if (shape.rank() == 1) return {static_cast<double>(shape[0]), static_cast<double>(shape[0])};
  const double field = static_cast<double>(shape.sub(0, shape.rank() - 2).elements());
  return {static_cast<double>(shape[-2]) * field, static_cast<double>(shape[-1]) * field};
}

Tensor variance_scaling(std::string_view name, const VarianceScalingOptions& options, const Shape& shape,
                        DType dtype) {
  const Fans fans = fans_of(shape, options);
  const double fan = options.mode == "fan_in"    ? fans.in
                     : options.mode == "fan_out" ? fans.out
                                                 : (fans.in + fans.out) / 2;
  const double variance = options.scale / std::max(1.0, fan);
  if (options.distribution == "uniform") {
    const double limit = std::sqrt(3 * variance);
    return internal::uniform_values(name, shape, dtype, -limit, limit, options.seed);
  }
  if (options.distribution == "untruncated_normal") {
    return internal::normal_values(name, shape, dtype, 0, std::sqrt(variance), options.seed);
  }
  // The standard deviation of a normal distribution cut at 2.
  constexpr double stddev_of_cut = 0.87962566103423978;
  return internal::truncated_normal_values(name, shape, dtype, 0, std::sqrt(variance) / stddev_of_cut,
                                           options.seed);
}

struct VarianceScalingKind {
  static constexpr auto name = "VarianceScaling";
  using Options = VarianceScalingOptions;
  static void check(Options& options) {
    if (!(options.scale > 0)) {
      throw ValueError(
          fmt::format("VarianceScaling: scale: expected a positive number, got {}", options.scale));
    }
    if (options.mode != "fan_in" && options.mode != "fan_out" && options.mode != "fan_avg") {
      throw ValueError("VarianceScaling: mode: expected \"fan_in\", \"fan_out\" or \"fan_avg\", got " +
                       in_quotes(options.mode));
    }
    if (options.distribution == "normal") options.distribution = "truncated_normal";
    if (options.distribution != "uniform" && options.distribution != "truncated_normal" &&
        options.distribution != "untruncated_normal") {
      throw ValueError(
          "VarianceScaling: distribution: expected \"truncated_normal\", \"untruncated_normal\" or "
          "\"uniform\", got " +
          in_quotes(options.distribution));
    }
  }
  static Tensor call(const Options& options, const Shape& shape, DType dtype) {
    return variance_scaling(name, options, shape, dtype);
  }
};

/// A VarianceScaling with a name of its own; Scaling has all that differs from one to another.
template <class Scaling>
struct FanKind {
  static constexpr auto name = Scaling::name;
  using Options = FanOptions;
  static Tensor call(const Options& options, const Shape& shape, DType dtype) {
    return variance_scaling(name,
                            {.scale = Scaling::scale,
                             .mode = Scaling::mode,
                             .distribution = Scaling::distribution,
                             .seed = options.seed,
                             .input_axes = options.input_axes,
                             .output_axes = options.output_axes},
                            shape, dtype);
  }
};

struct GlorotUniformScaling {
  static constexpr auto name = "GlorotUniform", mode = "fan_avg", distribution = "uniform";
  static constexpr double scale = 1;
};
struct GlorotNormalScaling {
  static constexpr auto name = "GlorotNormal", mode = "fan_avg", distribution = "truncated_normal";
  static constexpr double scale = 1;
};
struct HeUniformScaling {
  static constexpr auto name = "HeUniform", mode = "fan_in", distribution = "uniform";
  static constexpr double scale = 2;
};
struct HeNormalScaling {
  static constexpr auto name = "HeNormal", mode = "fan_in", distribution = "truncated_normal";
  static constexpr double scale = 2;
};
struct LecunUniformScaling {
  static constexpr auto name = "LecunUniform", mode = "fan_in", distribution = "uniform";
  static constexpr double scale = 1;
};
struct LecunNormalScaling {
  static constexpr auto name = "LecunNormal", mode = "fan_in", distribution = "truncated_normal";
  static constexpr double scale = 1;
};

struct OrthogonalKind {
  static constexpr auto name = "Orthogonal";
  static constexpr std::string_view aliases[] = {"OrthogonalInitializer"};
  using Options = OrthogonalOptions;
  static Tensor call(const Options& options, const Shape& shape, DType dtype) {
    if (shape.rank() < 2) {
      throw ValueError("Orthogonal: expected a shape of at least 2 dimensions, got " + to_string(shape));
    }
    return internal::orthogonal_values(name, shape, dtype, options.gain, options.seed);
  }
};

struct IdentityKind {
  static constexpr auto name = "Identity";
  static constexpr std::string_view aliases[] = {"IdentityInitializer"};
  using Options = IdentityOptions;
  static Tensor call(const Options& options, const Shape& shape, DType dtype) {
    if (shape.rank() != 2)
      throw ValueError("Identity: expected a shape of 2 dimensions, got " + to_string(shape));
    return internal::identity_values(name, shape, dtype, options.gain);
  }
};

template <class Kind>
using BuiltInInitializer = internal::BuiltInFunction<InitializerBase, Kind>;

std::vector<Registry<InitializerBase>::Entry> built_in_initializers() {
  return internal::entries_of<
      InitializerBase, BuiltInInitializer, ZerosKind, OnesKind, ConstantKind, RandomUniformKind,
      RandomNormalKind, TruncatedNormalKind, VarianceScalingKind, FanKind<GlorotUniformScaling>,
      FanKind<GlorotNormalScaling>, FanKind<HeUniformScaling>, FanKind<HeNormalScaling>,
      FanKind<LecunUniformScaling>, FanKind<LecunNormalScaling>, OrthogonalKind, IdentityKind>();
}

/// Without a seed one is drawn. The config, as Keras writes it, does not show it, so that a copy draws its
/// own.
template <class Kind>
Initializer made_initializer(typename Kind::Options options) {
  typename Kind::Options drawn = options;
  if constexpr (requires { drawn.seed; }) {
    if (!drawn.seed) drawn.seed = static_cast<std::int64_t>(SeedGenerator().seed());
  }
  return Initializer(
      make_shared_as<InitializerBase, BuiltInInitializer<Kind>>(std::move(options), std::move(drawn)));
}

}  // namespace

template class NamedHandle<Initializer, const InitializerBase, initializer_registry>;

Initializer::Initializer() : SealedInitializer(Key()) {}
Initializer::Initializer(const Initializer& other) = default;
Initializer::Initializer(Initializer&& other) noexcept = default;
Initializer& Initializer::operator=(const Initializer& other) = default;
Initializer& Initializer::operator=(Initializer&& other) noexcept = default;
Initializer::~Initializer() = default;
Initializer::Initializer(const char* name) : SealedInitializer(Key()), NamedHandle(name) {}
Initializer::Initializer(const std::string& name) : SealedInitializer(Key()), NamedHandle(name) {}
Initializer::Initializer(std::shared_ptr<const InitializerBase> object)
    : SealedInitializer(Key()), NamedHandle(std::move(object)) {}

Registry<InitializerBase>& initializer_registry() {
  static Registry<InitializerBase> registry("initializer", &built_in_initializers, "register_initializer",
                                            "keras.initializers");
  return registry;
}

std::string InitializerBase::class_name() const { return initializer_registry().name_of(*this); }

std::shared_ptr<const InitializerBase> Initializer::of_function(InitializerBase::Function function) {
  return make_shared_as<InitializerBase, internal::UserFunction<InitializerBase>>("", std::move(function));
}

Tensor Initializer::operator()(const Shape& shape, DType dtype) const {
  const InitializerBase& initializer = object();
  if (!shape.known()) {
    throw ValueError("expected a shape with known sizes for a value, got " + to_string(shape));
  }
  return initializer.call(shape, dtype);
}

void register_initializer(const std::string& name, const InitializerBase::Function& function) {
  internal::add_function<internal::UserFunction<InitializerBase>>(initializer_registry(), name, function);
}

Initializer internal::make_zeros(const NoOptions&) { return made_initializer<ZerosKind>({}); }
Initializer internal::make_ones(const NoOptions&) { return made_initializer<OnesKind>({}); }
Initializer internal::make_constant(const ConstantOptions& options) {
  return made_initializer<ConstantKind>(options);
}
Initializer internal::make_random_uniform(const RandomUniformOptions& options) {
  return made_initializer<RandomUniformKind>(options);
}
Initializer internal::make_random_normal(const RandomNormalOptions& options) {
  return made_initializer<RandomNormalKind>(options);
}
Initializer internal::make_truncated_normal(const RandomNormalOptions& options) {
  return made_initializer<TruncatedNormalKind>(options);
}
Initializer internal::make_variance_scaling(const VarianceScalingOptions& options) {
  return made_initializer<VarianceScalingKind>(options);
}
Initializer internal::make_glorot_uniform(const FanOptions& options) {
  return made_initializer<FanKind<GlorotUniformScaling>>(options);
}
Initializer internal::make_glorot_normal(const FanOptions& options) {
  return made_initializer<FanKind<GlorotNormalScaling>>(options);
}
Initializer internal::make_he_uniform(const FanOptions& options) {
  return made_initializer<FanKind<HeUniformScaling>>(options);
}
Initializer internal::make_he_normal(const FanOptions& options) {
  return made_initializer<FanKind<HeNormalScaling>>(options);
}
Initializer internal::make_lecun_uniform(const FanOptions& options) {
  return made_initializer<FanKind<LecunUniformScaling>>(options);
}
Initializer internal::make_lecun_normal(const FanOptions& options) {
  return made_initializer<FanKind<LecunNormalScaling>>(options);
}
Initializer internal::make_orthogonal(const OrthogonalOptions& options) {
  return made_initializer<OrthogonalKind>(options);
}
Initializer internal::make_identity(const IdentityOptions& options) {
  return made_initializer<IdentityKind>(options);
}

}  // namespace unspool
