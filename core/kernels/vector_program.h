#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <unspool/core/kernels/vector_op.h>
#include <unspool/core/kernels/vector_table.h>

namespace unspool::kernels {

/// A chain of elementwise functions of floats, as steps. Step i gives value i.
struct VectorProgram {
  using Value = std::int32_t;
  struct Step {
    VectorOp op;
    Value a = -1;
    Value b = -1;
    Value c = -1;
    /// The bits of a constant, the index of a table, or by how much a shift shifts.
    std::int32_t number = 0;
    /// Which operand of the loop a load reads or a store writes.
    std::int32_t operand = 0;
    /// The function that a slow path calls.
    VectorTable::Function VectorTable::*function = nullptr;
  };
  std::vector<Step> steps;
  std::vector<std::array<float, 8>> tables;

  /// Adds a step, unless one that does the same is there, and returns its value.
  Value add(const Step& step);
  Value constant(std::int32_t bits);
  /// Of eight numbers.
  Value table(const float* numbers);
  /// Adds the steps of a function that is vectorized<...> (vector.h) and returns its value. Returns -1, and
  /// adds nothing, if it is something else.
  Value call(BlockFunction function, std::span<const Value> operands);
};

/// Its steps, one a line: "v3 = fma v0 v1 v2".
std::string to_string(const VectorProgram& program);

/// The table of no instruction set: in place of elements its functions take and give, in four bytes each, the
/// values of the program that VectorProgram::call is adding to.
extern const VectorTable vector_recorded;
/// What a block's row_bytes are if it is to be recorded.
extern const std::ptrdiff_t recorded_block[1];

}  // namespace unspool::kernels
