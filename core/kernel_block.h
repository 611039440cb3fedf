#pragma once

#include <cstddef>
#include <cstdint>

// Declarations only, for the sources that are compiled for one instruction set.

namespace unspool {

enum class DType : std::uint8_t;

/// Rows of elements of an elementwise operation: within a row operand i advances by steps[i] (0 or 1)
/// elements.
struct KernelBlock {
  const void* const* inputs;
  const std::int64_t* steps;
  void* output;
  /// Of a row.
  std::int64_t count;
  /// Of the last operand.
  DType input_dtype;
  DType output_dtype;
  /// At least 1.
  std::int64_t rows = 1;
  /// For each input, then the output, the bytes from a row to the next; not read where there is one row.
  const std::ptrdiff_t* row_bytes = nullptr;
};
using BlockFunction = void (*)(const KernelBlock&);

}  // namespace unspool
