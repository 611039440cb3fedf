#include "report.h"

#include <cmath>
#include <cstdio>
#include <limits>

namespace golden {
namespace {

/// "[1, 2]" for the element at `offset`.
std::string position(std::size_t offset, const Shape& shape) {
  if (shape.rank() == 0) return "";
  std::string text;
  auto rest = static_cast<Index>(offset);
  for (int axis = shape.rank() - 1; axis >= 0; --axis) {
    text = std::to_string(rest % shape[axis]) + (text.empty() ? "" : ", ") + text;
    rest /= shape[axis];
  }
  return "[" + text + "]";
}

double in_units(double distance, double allowed) {
  if (distance == 0) return 0;
  return distance <= allowed || allowed > 0 ? distance / allowed : std::numeric_limits<double>::infinity();
}

}  // namespace

std::string digits(double value, int count) {
  char text[40];
  std::snprintf(text, sizeof text, "%.*g", count, value);
  return text;
}

double relative_error(double got, double expected, const Tolerance& tolerance) {
  const double error =
      in_units(std::abs(got - expected), tolerance.atol + tolerance.rtol * std::abs(expected));
  return std::isnan(error) ? std::numeric_limits<double>::infinity() : error;
}

void Report::note(double error, const std::string& place) {
  ++compared_;
  if (error <= worst_) return;
  worst_ = error;
  worst_place_ = place;
}

void Report::compare(const std::string& what, const Tensor& got, const Tensor& expected) {
  compare(what, got, expected, tolerance_, nullptr);
}

void Report::compare(const std::string& what, const Tensor& got, const Tensor& expected,
                     const Tolerance& tolerance) {
  compare(what, got, expected, tolerance, nullptr);
}

void Report::compare_or_right(const std::string& what, const Tensor& got, const Tensor& expected,
                              const Tensor& right) {
  compare(what, got, expected, tolerance_, &right);
}

void Report::compare(const std::string& what, double got, double expected, double allowed) {
  if (checksums_ != nullptr) checksums_->add(part_ + what, got);
  const double error = relative_error(got, expected, {.rtol = 0, .atol = allowed});
  note(error, part_ + what);
  if (error <= 1) return;
  fail(what + ": expected " + digits(expected, 9) + " within " + digits(allowed, 3) + ", got " +
       digits(got, 9));
}

void Report::compare(const std::string& what, const Tensor& got, const Tensor& expected,
                     const Tolerance& tolerance, const Tensor* right) {
  if (checksums_ != nullptr) checksums_->add(part_ + what, got);
  if (!got) return fail(what + ": expected " + describe(expected) + ", got nothing");
  if (!(got.shape() == expected.shape()) || got.dtype() != expected.dtype()) {
    return fail(what + ": expected " + describe(expected) + ", got " + describe(got));
  }
  const Tolerance allowed = is_floating(expected.dtype()) ? tolerance : Tolerance{};
  const std::vector<double> ours = got.to_vector<double>();
  const std::vector<double> theirs = expected.to_vector<double>();
  const std::vector<double> exact = right ? right->to_vector<double>() : std::vector<double>();
  std::size_t beyond = 0;
  std::size_t at = 0;
  double worst = -1;
  for (std::size_t i = 0; i < ours.size(); ++i) {
    double error = relative_error(ours[i], theirs[i], allowed);
    if (right && relative_error(theirs[i], exact[i], allowed) > 1) {
      error = std::min(error, relative_error(ours[i], exact[i], allowed));
    }
    if (!(error <= 1)) ++beyond;
    if (error > worst) {
      worst = error;
      at = i;
    }
  }
  if (ours.empty()) return;
  const std::string place = what + position(at, expected.shape());
  note(worst, part_ + place);
  if (beyond == 0) return;
  fail(place + ": expected " + digits(theirs[at], 9) + ", got " + digits(ours[at], 9) + ", " +
       digits(worst, 3) + " of the tolerance; beyond it are " + std::to_string(beyond) + " of " +
       std::to_string(ours.size()) + " elements");
}

}  // namespace golden
