#pragma once

#include <cstdint>

// Between vector.cpp and the sources compiled for one instruction set: declarations only, as in gemm_table.h.

namespace unspool::kernels {

/// Elementwise functions of floats, each on a run of elements as a KernelBlock has it: operand i advances by
/// steps[i] (0 or 1) elements; a lone operand advances always. The output may be one of the operands. An
/// element of the result does not depend on where in the run it stands.
struct VectorTable {
  using Function = void (*)(const void* const* inputs, const std::int64_t* steps, void* output,
                            std::int64_t count);

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

  // These give bools.
  Function equal;
  Function not_equal;
  Function less;
  Function less_equal;
  Function is_nan;

  /// Operand 0 is bool.
  Function where;
};

extern const VectorTable vector_baseline;
extern const VectorTable vector_avx2;
extern const VectorTable vector_avx512;

}  // namespace unspool::kernels
