#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace unspool {

/// The result of check_operation() or check_layer().
struct CheckReport {
  std::size_t checks = 0;  ///< How many properties were checked, over all examples.
  /// One line for each violated property: where, which, the numbers.
  std::vector<std::string> failures = {};
  /// Whether all properties hold.
  explicit operator bool() const { return failures.empty(); }
};

/// All failures, one on a line, and the number of checks.
std::string to_string(const CheckReport& report);

}  // namespace unspool
