#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include <unspool/core/kernels/vector_table.h>

namespace unspool::kernels {

/// What a step of a VectorProgram does with the values a, b, c of earlier steps: floats, or integers or
/// truths (all bits or none) of as many bits.
enum class VectorOp : std::uint8_t {
  load,        ///< an element of a row of `operand`
  load_one,    ///< the first element of a row of `operand`
  load_truth,  ///< whether the first element of a row of `operand`, bools, is true
  constant,    ///< the bits `number`
  eight,       ///< eights[number]: element i has number i mod 8 of them
  add,
  subtract,
  multiply,
  divide,
  madd,     ///< a b + c, rounded once
  lesser,   ///< b where either is NaN
  greater,  ///< b where either is NaN
  root,
  floats_of,  ///< of integers
  less,
  less_equal,
  equal,
  unequal,
  bit_and,
  bit_or,
  bit_xor,
  add_integer,
  subtract_integer,
  shift_left,   ///< by `number`
  shift_right,  ///< by `number`; the sign stays
  pick,         ///< of a, eights, those that b says
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
  std::vector<std::array<float, 8>> eights;

  /// The value of a new step, or of one that does the same.
  Value add(const Step& step);
  Value constant(std::int32_t bits);
  Value eight(const float* each);
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
