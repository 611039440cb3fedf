#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include <unspool/core/kernels/vector_table.h>

namespace unspool::kernels {

/// What a step of a VectorProgram does, for each element, with the values a, b, c of earlier steps: floats,
/// or integers or truths (all bits or none) of as many bits.
enum class VectorOp : std::uint8_t {
  load,            ///< an element of a row of `operand`
  broadcast,       ///< the first element of a row of `operand`
  broadcast_bool,  ///< whether the first element of a row of `operand`, bools, is true
  constant,        ///< the bits `number`
  table,           ///< tables[number]: element i has number i mod 8 of the table
  add,
  subtract,
  multiply,
  divide,
  fma,  ///< a b + c, rounded once
  min,  ///< b where either is NaN
  max,  ///< b where either is NaN
  sqrt,
  to_float,  ///< of integers
  less,
  less_equal,
  equal,
  not_equal,
  bit_and,
  bit_or,
  bit_xor,
  add_int,
  subtract_int,
  shift_left,   ///< by `number`
  shift_right,  ///< by `number`; the sign stays
  permute,      ///< the element of a, a table, that b says
  select,       ///< b where a, else c
  unless_far,   ///< c where all of a are set; else `function` of b
  store,        ///< a to a row of `operand`
};

/// A chain of elementwise functions of floats, as steps. Step i gives value i.
struct VectorProgram {
  using Value = std::int32_t;
  struct Step {
    VectorOp op;
    Value a = -1;
    Value b = -1;
    Value c = -1;
    /// Of a constant, its bits; of a shift, by how much.
    std::int32_t number = 0;
    /// Of a load or a store.
    std::int32_t operand = 0;
    VectorTable::Function VectorTable::*function = nullptr;
  };
  std::vector<Step> steps;
  std::vector<std::array<float, 8>> tables;

  /// The value of a new step, or of one that does the same.
  Value add(const Step& step);
  Value constant(std::int32_t bits);
  /// Of eight numbers.
  Value table(const float* each);
  /// The steps of a function that is vectorized<...> (vector.h), and its value; -1, and no steps, if it is
  /// something else.
  Value call(BlockFunction function, std::span<const Value> operands);
};

/// Not of an instruction set: in place of elements its functions take and give, in four bytes each, the
/// values of the program that VectorProgram::call is at.
extern const VectorTable vector_recorded;
/// What a block's row_bytes are if it is to be recorded.
extern const std::ptrdiff_t recorded_block[1];

}  // namespace unspool::kernels
