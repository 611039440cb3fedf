#pragma once

#include <unspool/core/kernel_block.h>

// Between vector.cpp and the sources compiled for one instruction set: declarations only, as in gemm_table.h.

namespace unspool::kernels {

/// The elementwise functions of floats of an instruction set. Each takes the rows of a KernelBlock, whose
/// dtypes it does not read. The operand of a function with one operand has to advance. The output may be one
/// of the operands. An element of the result does not depend on where it stands.
struct VectorTable {
  using Function = BlockFunction;

  Function add;
  Function subtract;
  Function multiply;
  Function divide;
  Function minimum;
  Function maximum;
  Function negative;
  Function abs;
  Function sign;
  Function square;

  Function sqrt;
  Function rsqrt;
  Function exp;
  Function expm1;
  Function log;
  Function log1p;
  Function tanh;
  Function tanh_gradient;
  Function sigmoid;
  Function sigmoid_gradient;
  Function softplus;
  Function softsign;
  Function relu;
  Function relu_gradient;

  // The outputs of these are bools.
  Function equal;
  Function not_equal;
  Function less;
  Function less_equal;
  Function is_nan;

  /// Operand 0 is bool.
  Function where;
};

#define UNSPOOL_INSTRUCTION_SET(name, ...) extern const VectorTable vector_##name;
#include <unspool/core/kernels/instruction_sets.def>
#undef UNSPOOL_INSTRUCTION_SET

}  // namespace unspool::kernels
