#include <cmath>

#include <unspool/core/error.h>
#include <unspool/layers/initializer.h>

#include "groups.h"

namespace golden {
namespace {

/// The expected distribution for one shape, and the values.
struct Draw {
  Config expected;
  std::string what;
  Shape shape;
  std::vector<double> values;
};

void check_limits(const Draw& draw, double slack, Report& report) {
  const auto low = draw.expected["low"].as<std::optional<double>>();
  const auto high = draw.expected["high"].as<std::optional<double>>();
  for (const double x : draw.values) {
    if ((low && !(x >= *low - slack)) || (high && !(x <= *high + slack))) {
      report.fail(draw.what + ": expected values from " + (low ? digits(*low, 9) : "anywhere") + " to " +
                  (high ? digits(*high, 9) : "anywhere") + ", got " + digits(x, 9));
      return;
    }
  }
}

/// Checks mean and standard deviation within five standard errors.
void check_distribution(const Draw& draw, Report& report) {
  const auto size = static_cast<double>(draw.values.size());
  const double mean = draw.expected["mean"].as<double>();
  const double stddev = draw.expected["stddev"].as<double>();
  double sum = 0;
  for (const double x : draw.values) sum += x;
  double squares = 0;
  for (const double x : draw.values) squares += (x - sum / size) * (x - sum / size);
  report.compare("the mean of " + draw.what, sum / size, mean, 5 * stddev / std::sqrt(size));
  report.compare("the standard deviation of " + draw.what, std::sqrt(squares / size), stddev,
                 5 * stddev / std::sqrt(2 * size));
}

void check_constant(const Draw& draw, const Tolerance& tolerance, Report& report) {
  const double value = draw.expected["mean"].as<double>();
  for (const double x : draw.values) {
    report.compare(draw.what, x, value, tolerance.atol + tolerance.rtol * std::abs(value));
  }
}

/// Checks that the rows or columns, whichever are fewer, of the matrix of shape (product of all sizes but the
/// last, last) are orthogonal and of the length `gain`.
void check_orthogonal(const Draw& draw, const Tolerance& tolerance, Report& report) {
  const auto columns = static_cast<std::size_t>(draw.shape.back());
  const std::size_t rows = draw.values.size() / columns;
  const double gain = draw.expected["gain"].as<double>();
  const bool wide = rows < columns;
  const std::size_t few = wide ? rows : columns;
  const std::size_t many = wide ? columns : rows;
  const auto at = [&](std::size_t vector, std::size_t i) {
    return draw.values[wide ? vector * columns + i : i * columns + vector];
  };
  for (std::size_t a = 0; a < few; ++a) {
    for (std::size_t b = 0; b <= a; ++b) {
      double product = 0;
      for (std::size_t i = 0; i < many; ++i) product += at(a, i) * at(b, i);
      report.compare("a product of vectors of " + draw.what, product, a == b ? gain * gain : 0,
                     tolerance.atol + (a == b ? tolerance.rtol * gain * gain : 0));
    }
  }
}

void check_identity(const Draw& draw, const Tolerance& tolerance, Report& report) {
  const auto columns = static_cast<std::size_t>(draw.shape.back());
  const double gain = draw.expected["gain"].as<double>();
  for (std::size_t i = 0; i < draw.values.size(); ++i) {
    const double value = i / columns == i % columns ? gain : 0;
    report.compare(draw.what, draw.values[i], value, tolerance.atol + tolerance.rtol * std::abs(value));
  }
}

void check(const Draw& draw, const Tolerance& tolerance, Report& report) {
  const std::string kind = draw.expected["kind"].as<std::string>();
  if (kind == "orthogonal") return check_orthogonal(draw, tolerance, report);
  if (kind == "identity") return check_identity(draw, tolerance, report);
  // Limits are float64, values float32.
  check_limits(draw, tolerance.atol, report);
  if (kind == "constant") return check_constant(draw, tolerance, report);
  if (kind == "uniform" || kind == "normal" || kind == "truncated_normal") {
    return check_distribution(draw, report);
  }
  throw ValueError(
      draw.expected.path() + ": no kind of distribution is called " + in_quotes(kind) +
      did_you_mean(kind, {"constant", "uniform", "normal", "truncated_normal", "orthogonal", "identity"}));
}

/// The config of an initializer. Keras omits the gain of Identity.
Config with_gain(const Config& config, const Config& expected) {
  if (expected["kind"].as<std::string>() != "identity" || config["config"].contains("gain")) return config;
  Config arguments = config["config"];
  arguments.set("gain", expected["gain"]);
  return Config(config).set("config", arguments);
}

}  // namespace

void run_initializer(const Case& file, Report& report) {
  const std::vector<Config> all = file.about()["expect"].elements();
  if (all.empty()) throw ValueError("expected at least one shape under \"expect\", got none");
  for (const Config& expected : all) {
    const Initializer initializer = Initializer::from_config(with_gain(file.config(), expected));
    const Shape shape = expected["shape"].as<Shape>();
    const Tensor drawn = initializer(shape, float32);
    check({expected, describe(drawn), shape, drawn.to_vector<double>()}, file.tolerance(), report);
  }
  // `expect` has all shapes; the tensors of shapes are not needed.
  for (const std::string& name : file.left()) {
    if (name.starts_with("shape.")) file.pass_over(name);
  }
}

}  // namespace golden
