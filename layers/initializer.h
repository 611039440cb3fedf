#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <unspool/core/config.h>
#include <unspool/core/fields.h>
#include <unspool/core/tensor.h>

namespace unspool {

/// How a weight gets its first value: made from a name ("glorot_uniform"), by one of the functions below, or
/// from a function of shape and dtype. Keras' names, formulas and defaults. Empty if default-made.
///
/// One made by a function gives the same values each time for one shape, so that weights of one shape that it
/// is given to are equal: without a seed it draws one from the process-wide generator (set_seed) when it is
/// made. One made from a name gives new values each time.
class Initializer {
 public:
  Initializer() = default;
  ~Initializer();  // What is copied in every options struct is compiled once.
  Initializer(const Initializer& other);
  Initializer(Initializer&& other) noexcept;
  Initializer& operator=(const Initializer& other);
  Initializer& operator=(Initializer&& other) noexcept;
  /// ValueError for an unknown name, naming the nearest.
  Initializer(const char* name);
  Initializer(const std::string& name);
  Initializer(std::function<Tensor(const Shape&, DType)> function);

  explicit operator bool() const { return implementation_ != nullptr; }
  /// ValueError for a shape that is not known or does not suit; TypeError for a dtype that does not.
  Tensor operator()(const Shape& shape, DType dtype = float32) const;
  /// Keras' class name: "GlorotUniform".
  std::string class_name() const;
  /// {"module", "class_name", "config", "registered_name"}; null if empty.
  Config config() const;
  /// From that, a name, or null.
  static Initializer from_config(const Config& config);

  /// One function or one name and arguments.
  friend bool operator==(const Initializer& a, const Initializer& b);

  struct Implementation;
  explicit Initializer(std::shared_ptr<const Implementation> implementation)
      : implementation_(std::move(implementation)) {}

 private:
  std::shared_ptr<const Implementation> implementation_;
};

/// Makes a function usable, and written to configs, by a name: "my>scaled". ValueError if it is a built-in
/// one's.
void register_initializer(const std::string& name, std::function<Tensor(const Shape&, DType)> function);

template <>
struct ConfigValue<Initializer> {
  static constexpr std::string_view name = "Initializer";
  static Config to(const Initializer& value) { return value.config(); }
  static Initializer from(const Config& config) { return Initializer::from_config(config); }
};

/// All 0.
Initializer Zeros();
/// All 1.
Initializer Ones();

struct ConstantOptions {
  double value = 0;
  static const Fields& fields();
};
Initializer Constant(ConstantOptions options = {});

struct RandomUniformOptions {
  double minval = -0.05;
  double maxval = 0.05;
  std::optional<std::int64_t> seed = std::nullopt;
  static const Fields& fields();
};
Initializer RandomUniform(RandomUniformOptions options = {});

struct RandomNormalOptions {
  double mean = 0;
  double stddev = 0.05;
  std::optional<std::int64_t> seed = std::nullopt;
  static const Fields& fields();
};
Initializer RandomNormal(RandomNormalOptions options = {});
/// Drawn anew beyond two standard deviations; `stddev` is that before the cut.
Initializer TruncatedNormal(RandomNormalOptions options = {});

struct VarianceScalingOptions {
  double scale = 1;
  std::string mode = "fan_in";
  std::string distribution = "truncated_normal";
  std::optional<std::int64_t> seed = std::nullopt;
  std::optional<std::vector<Index>> input_axes = std::nullopt;
  std::optional<std::vector<Index>> output_axes = std::nullopt;
  static const Fields& fields();
};
/// Variance scale / fan.
Initializer VarianceScaling(VarianceScalingOptions options = {});

/// Arguments of the named forms of VarianceScaling.
struct FanOptions {
  std::optional<std::int64_t> seed = std::nullopt;
  std::optional<std::vector<Index>> input_axes = std::nullopt;
  std::optional<std::vector<Index>> output_axes = std::nullopt;
  static const Fields& fields();
};
/// Variance 2 / (fan in + fan out) (Glorot and Bengio 2010).
Initializer GlorotUniform(FanOptions options = {});
Initializer GlorotNormal(FanOptions options = {});
/// Variance 2 / fan in (He et al. 2015).
Initializer HeUniform(FanOptions options = {});
Initializer HeNormal(FanOptions options = {});
/// Variance 1 / fan in (LeCun et al. 1998).
Initializer LecunUniform(FanOptions options = {});
Initializer LecunNormal(FanOptions options = {});

struct OrthogonalOptions {
  double gain = 1;
  std::optional<std::int64_t> seed = std::nullopt;
  static const Fields& fields();
};
/// A matrix of shape (product of all sizes but the last, last) with orthonormal rows or columns, whichever
/// are fewer (Saxe et al. 2014).
Initializer Orthogonal(OrthogonalOptions options = {});

struct IdentityOptions {
  double gain = 1;
  static const Fields& fields();
};
/// Ones on the diagonal of a matrix.
Initializer Identity(IdentityOptions options = {});

}  // namespace unspool
