#pragma once

#include <cstdint>

#include <unspool/core/kernels/machine.h>
#include <unspool/core/kernels/runs.h>

// Between gemm.cpp and the sources compiled for one instruction set. Those define no weak symbol and use no
// inline code of others: the linker keeps one copy of such code, from whichever source it likes, and a
// machine without that source's instructions would run it. So this header holds declarations only.

namespace unspool::kernels {

/// Strides are in elements. Element (i, p) of op(A) is a[i * a_row + p * a_step]; element (p, j) of op(B) is
/// b[p * b_step + j * b_col]. Sums go
/// on from element (i, j) of `from`, from[i * from_row + j], which may be C itself; from 0 where it is null.
/// To the sums of each row then `plus` is added, one row, unless it is null.
template <class T>
struct GemmTable {
  using Size = std::int64_t;

  /// A tile of C that is held in registers: mr rows, nr columns.
  Size mr;
  Size nr;
  /// Rows that are computed with one panel of B: a multiple of mr.
  Size mc;

  /// Any shape; plain loops.
  void (*small)(Size m, Size n, Size k, const T* a, Size a_row, Size a_step, const T* b, Size b_step,
                Size b_col, T* c, Size ldc, const T* from, Size from_row);

  /// 1 <= m <= machine::gemv_rows. B is packed (b_step == nr, b_panel == nr * k), or else its rows are
  /// contiguous (b_panel == nr).
  void (*few)(Size m, Size n, Size k, const T* a, Size a_row, Size a_step, const T* b, Size b_step,
              Size b_panel, T* c, Size ldc, const T* from, Size from_row, const T* plus);

  /// Panels of mr rows, each laid out by k, then row. What lies beyond the last row is not written. Along k
  /// there are several runs only where a_row is 1.
  void (*pack_a)(Size m, Size k, const T* a, Size a_row, Size a_step, Runs runs, T* packed);

  /// Panels of nr columns, each laid out by k, then column; filled up with zeros. b_step or b_col is 1; along
  /// k there are several runs only where b_col is.
  void (*pack_b)(Size n, Size k, const T* b, Size b_step, Size b_col, Runs runs, T* packed);

  /// Packed B. Packed A: a_row == 1, a_step == mr, a_tile == mr * k; or else as it lies, with a_step == 1.
  void (*block)(Size m, Size n, Size k, const T* a, Size a_tile, Size a_row, Size a_step, const T* b, T* c,
                Size ldc, const T* from, Size from_row, const T* plus);
};

#define UNSPOOL_INSTRUCTION_SET(name, ...)           \
  extern const GemmTable<float> gemm_##name##_float; \
  extern const GemmTable<double> gemm_##name##_double;
#include <unspool/core/kernels/instruction_sets.def>
#undef UNSPOOL_INSTRUCTION_SET

}  // namespace unspool::kernels
