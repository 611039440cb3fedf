#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace unspool {

/// What a check found. True if everything holds.
struct CheckReport {
  /// How many properties were looked at, over all examples.
  std::size_t checks = 0;
  /// One line for each that does not hold: where, the property, the numbers.
  std::vector<std::string> failures = {};
  explicit operator bool() const { return failures.empty(); }
};

std::string to_string(const CheckReport& report);

}  // namespace unspool
