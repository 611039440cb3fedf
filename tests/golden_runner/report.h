#pragma once

#include <set>
#include <string>
#include <vector>

#include "../support/checksum.h"
#include "case.h"

namespace golden {

/// The outcome of a case: the greatest error relative to its tolerance, and all that does not hold.
class Report {
 public:
  /// `checksums`, if there are any, get every value that is compared.
  explicit Report(const Tolerance& tolerance, testing::ChecksumLines* checksums = nullptr)
      : tolerance_(tolerance), checksums_(checksums) {}

  /// Every element within the case's tolerance, booleans and integers exactly; one shape and dtype.
  void compare(const std::string& what, const Tensor& got, const Tensor& expected);
  void compare(const std::string& what, const Tensor& got, const Tensor& expected,
               const Tolerance& tolerance);
  /// Where Keras' float32 result is itself beyond the tolerance from the right one (float64), the right one
  /// will do.
  void compare_or_right(const std::string& what, const Tensor& got, const Tensor& expected,
                        const Tensor& right);
  /// One number that may be off by `allowed`.
  void compare(const std::string& what, double got, double expected, double allowed);
  void fail(const std::string& why) { failures_.push_back(part_ + why); }

  /// How it was run: "scan". Each is noted once.
  void took_path(const std::string& path) { paths_.insert(path); }
  const std::set<std::string>& paths() const { return paths_; }

  /// What stands before the messages from now on: "unroll=true: ".
  void begin_part(std::string name) { part_ = std::move(name); }

  bool holds() const { return failures_.empty(); }
  /// How many tensors and numbers have been compared.
  int compared() const { return compared_; }
  const std::vector<std::string>& failures() const { return failures_; }
  /// Above 1: beyond the tolerance.
  double worst() const { return worst_; }
  const std::string& worst_place() const { return worst_place_; }

 private:
  void compare(const std::string& what, const Tensor& got, const Tensor& expected, const Tolerance& tolerance,
               const Tensor* right);
  void note(double error, const std::string& place);

  Tolerance tolerance_;
  testing::ChecksumLines* checksums_;
  std::string part_;
  std::vector<std::string> failures_;
  std::set<std::string> paths_;
  int compared_ = 0;
  double worst_ = 0;
  std::string worst_place_;
};

/// A number in so many digits: "1.23".
std::string digits(double value, int count);

/// |got - expected| in tolerances; infinite for a NaN.
double relative_error(double got, double expected, const Tolerance& tolerance);

}  // namespace golden
