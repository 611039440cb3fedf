#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include <unspool/autograd/operation.h>

namespace unspool {

/// What a check found. True if everything holds.
struct CheckReport {
  /// How many properties were looked at, over all examples.
  std::size_t checks = 0;
  /// One line for each that does not hold: the call, the property, the numbers.
  std::vector<std::string> failures = {};
  explicit operator bool() const { return failures.empty(); }
};

std::string to_string(const CheckReport& report);

/// Checks an operation's record against itself on its examples: that gradients of the first and second order
/// are those of the kernel, and read what `keep` names, all of it and nothing else; that the shape rule fits
/// the kernel, also where sizes are unknown; that rows and leading axes behave as `rows` and `fold` say;
/// that float32 gives what float64 gives; that it has a name of its own and a summary. For operations of
/// one's own, too:
///
///     CHECK(check_operation(table["smooth_step"]));
CheckReport check_operation(OperationRef operation);

}  // namespace unspool
