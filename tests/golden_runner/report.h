#pragma once

#include <set>
#include <string>
#include <vector>

#include "../support/checksum.h"
#include "case.h"

namespace golden {

/// The result of a case: the largest error relative to the tolerance, and all failures.
class Report {
 public:
  /// `checksums`, if not null, get every value that is compared.
  explicit Report(const Tolerance& tolerance, testing::ChecksumLines* checksums = nullptr)
      : tolerance_(tolerance), checksums_(checksums) {}

  /// Compares shape, dtype and elements: floating ones within the tolerance, others exactly.
  void compare(const std::string& what, const Tensor& got, const Tensor& expected);
  void compare(const std::string& what, const Tensor& got, const Tensor& expected,
               const Tolerance& tolerance);
  /// Like compare(), but where Keras' float32 result is off by more than the tolerance, compares with the
  /// float64 one.
  void compare_or_right(const std::string& what, const Tensor& got, const Tensor& expected,
                        const Tensor& right);
  /// Compares one number with an absolute tolerance.
  void compare(const std::string& what, double got, double expected, double allowed);
  void fail(const std::string& why) { failures_.push_back(part_ + why); }

  /// Records how a layer ran: "scan". Each way is recorded once.
  void took_path(const std::string& path) { paths_.insert(path); }
  const std::set<std::string>& paths() const { return paths_; }

  /// Sets the prefix of further messages: "unroll=true: ".
  void begin_part(std::string name) { part_ = std::move(name); }

  bool holds() const { return failures_.empty(); }
  /// The number of tensors and numbers that were compared.
  int compared() const { return compared_; }
  const std::vector<std::string>& failures() const { return failures_; }
  /// The largest error relative to its tolerance; above 1 is a failure.
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

/// A number with so many significant digits: "1.23".
std::string digits(double value, int count);

/// |got - expected| relative to the tolerance; infinite for NaN.
double relative_error(double got, double expected, const Tolerance& tolerance);

}  // namespace golden
