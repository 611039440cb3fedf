#pragma once

#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <vector>

#include <unspool/core/config.h>
#include <unspool/core/fields.h>
#include <unspool/core/tensor.h>

namespace unspool {

/// Maps a weight to an allowed one after each step of an optimizer: made from a name ("max_norm"), by one of
/// the functions below, or from a function. Empty if default-made.
class Constraint {
 public:
  Constraint() = default;
  ~Constraint();  // What is copied in every options struct is compiled once.
  Constraint(const Constraint& other);
  Constraint(Constraint&& other) noexcept;
  Constraint& operator=(const Constraint& other);
  Constraint& operator=(Constraint&& other) noexcept;
  /// "max_norm", "min_max_norm", "non_neg", "unit_norm", with Keras' defaults. ValueError for an unknown
  /// name.
  Constraint(const char* name);
  Constraint(const std::string& name);
  Constraint(std::function<Tensor(const Tensor&)> function);

  explicit operator bool() const { return implementation_ != nullptr; }
  /// The allowed value.
  Tensor operator()(const Tensor& x) const;
  /// Keras' class name: "MaxNorm".
  std::string class_name() const;
  /// {"module", "class_name", "config", "registered_name"}; null if empty.
  Config config() const;
  /// From that, a name, or null.
  static Constraint from_config(const Config& config);

  /// One function or one name and arguments.
  friend bool operator==(const Constraint& a, const Constraint& b);

  struct Implementation;
  explicit Constraint(std::shared_ptr<const Implementation> implementation)
      : implementation_(std::move(implementation)) {}

 private:
  std::shared_ptr<const Implementation> implementation_;
};

/// Makes a function usable, and written to configs, by a name: "my>bounded". ValueError if it is a built-in
/// one's.
void register_constraint(const std::string& name, std::function<Tensor(const Tensor&)> function);

template <>
struct ConfigValue<Constraint> {
  static constexpr std::string_view name = "Constraint";
  static Config to(const Constraint& value) { return value.config(); }
  static Constraint from(const Config& config) { return Constraint::from_config(config); }
};

/// One axis or several; written as Keras does, one as a number.
class AxisList {
 public:
  AxisList(Index axis) : axes_{axis} {}
  AxisList(std::initializer_list<Index> axes) : axes_(axes) {}
  explicit AxisList(std::vector<Index> axes) : axes_(std::move(axes)) {}
  const std::vector<Index>& list() const { return axes_; }
  friend bool operator==(const AxisList&, const AxisList&) = default;

 private:
  std::vector<Index> axes_;
};

template <>
struct ConfigValue<AxisList> {
  static constexpr std::string_view name = "axis or axes";
  static Config to(const AxisList& axes);
  static AxisList from(const Config& config);
};

// Norms are taken over `axis`: 0 gives each column of a matrix its own.

struct MaxNormOptions {
  double max_value = 2;
  AxisList axis = 0;
  static const Fields& fields();
};
/// Scales down what has a larger norm.
Constraint MaxNorm(MaxNormOptions options = {});

struct UnitNormOptions {
  AxisList axis = 0;
  static const Fields& fields();
};
/// Scales to norm 1.
Constraint UnitNorm(UnitNormOptions options = {});

struct MinMaxNormOptions {
  double min_value = 0;
  double max_value = 1;
  double rate = 1;
  AxisList axis = 0;
  static const Fields& fields();
};
/// Moves norms into a range.
Constraint MinMaxNorm(MinMaxNormOptions options = {});

/// Negative elements become 0.
Constraint NonNeg();

}  // namespace unspool
