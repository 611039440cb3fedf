#pragma once

#include <cstddef>
#include <cstdint>

// Declarations only: sources compiled for one instruction set include this header, and may use no inline
// code.

namespace unspool {

enum class DType : std::uint8_t;

/// The rows of elements that one call of an elementwise kernel computes.
struct KernelBlock {
  const void* const* inputs;  ///< The first element of each operand.
  const std::int64_t* steps;  ///< By how many elements each operand advances in a row: 0 or 1.
  void* output;               ///< The first element of the result.
  std::int64_t count;         ///< The number of elements in a row.
  DType input_dtype;          ///< The dtype of the last operand.
  DType output_dtype;         ///< The dtype of the result.
  std::int64_t rows = 1;      ///< The number of rows, at least 1.
  /// Bytes between consecutive rows, of each operand and then of the result. Not read if there is one row.
  const std::ptrdiff_t* row_bytes = nullptr;
};
/// An elementwise kernel.
using BlockFunction = void (*)(const KernelBlock&);

}  // namespace unspool
