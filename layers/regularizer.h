#pragma once

#include <functional>
#include <memory>
#include <string>

#include <unspool/core/config.h>
#include <unspool/core/fields.h>
#include <unspool/core/tensor.h>

namespace unspool {

/// A penalty on a weight or an output, added to the loss: made from a name ("l2"), by one of the functions
/// below, or from a function that gives a scalar. Empty if default-made.
class Regularizer {
 public:
  Regularizer() = default;
  ~Regularizer();  // What is copied in every options struct is compiled once.
  Regularizer(const Regularizer& other);
  Regularizer(Regularizer&& other) noexcept;
  Regularizer& operator=(const Regularizer& other);
  Regularizer& operator=(Regularizer&& other) noexcept;
  /// "l1", "l2", "L1L2", "orthogonal_regularizer", with Keras' defaults. ValueError for an unknown name.
  Regularizer(const char* name);
  Regularizer(const std::string& name);
  Regularizer(std::function<Tensor(const Tensor&)> function);

  explicit operator bool() const { return implementation_ != nullptr; }
  /// The penalty, a scalar.
  Tensor operator()(const Tensor& x) const;
  /// Keras' class name: "L1L2".
  std::string class_name() const;
  /// {"module", "class_name", "config", "registered_name"}; null if empty.
  Config config() const;
  /// From that, a name, or null.
  static Regularizer from_config(const Config& config);

  /// One function or one name and arguments.
  friend bool operator==(const Regularizer& a, const Regularizer& b);

  struct Implementation;
  explicit Regularizer(std::shared_ptr<const Implementation> implementation)
      : implementation_(std::move(implementation)) {}

 private:
  std::shared_ptr<const Implementation> implementation_;
};

/// Makes a function usable, and written to configs, by a name: "my>penalty". ValueError if it is a built-in
/// one's.
void register_regularizer(const std::string& name, std::function<Tensor(const Tensor&)> function);

template <>
struct ConfigValue<Regularizer> {
  static constexpr std::string_view name = "Regularizer";
  static Config to(const Regularizer& value) { return value.config(); }
  static Regularizer from(const Config& config) { return Regularizer::from_config(config); }
};

// Factors are rounded to float32 even for float64 weights, as Keras does. ValueError if negative or not
// finite.

struct L1Options {
  double l1 = 0.01;
  static const Fields& fields();
};
/// l1 * sum(|x|).
Regularizer L1(L1Options options = {});

struct L2Options {
  double l2 = 0.01;
  static const Fields& fields();
};
/// l2 * sum(x^2).
Regularizer L2(L2Options options = {});

struct L1L2Options {
  double l1 = 0;
  double l2 = 0;
  static const Fields& fields();
};
/// Both.
Regularizer L1L2(L1L2Options options = {});

struct OrthogonalRegularizerOptions {
  double factor = 0.01;
  std::string mode = "rows";
  static const Fields& fields();
};
/// factor times the mean absolute cosine between two rows (or columns) of a matrix.
Regularizer OrthogonalRegularizer(OrthogonalRegularizerOptions options = {});

}  // namespace unspool
