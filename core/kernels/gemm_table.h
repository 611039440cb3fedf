#pragma once

#include <cstdint>

#include <unspool/core/kernels/gemm_operands.h>
#include <unspool/core/kernels/gemm_tiles.h>
#include <unspool/core/kernels/machine.h>

// Between gemm.cpp and the sources compiled for one instruction set. Those define no weak symbol and use no
// inline code of others: the linker keeps one copy of such code, from whichever source it likes, and a
// machine without that source's instructions would run it. So this header holds declarations only.

namespace unspool::kernels {

/// A factor as packing and plain loops read it. Element p along k of row i of A, or of column i of B, is
/// data[p * step + i * across]; one of the strides is 1. Rows along k may lie in several runs where `across`
/// is 1.
template <class T>
struct Factor {
  const T* data;
  std::int64_t step;
  std::int64_t across;
  Runs runs = one_run;
};

/// Rows of A as the tiles of a block read them: element p of row i is data[i * row + p * step].
template <class T>
struct LeftRows {
  const T* data;
  LeftLayout layout;
  std::int64_t row;
  std::int64_t step;
  /// Elements from a panel of mr packed rows to the next; not read for other layouts.
  std::int64_t panel = 0;
};

/// B as products of few rows read it: element (p, j) of panel w of nr columns is data[w * panel + p * step +
/// j].
template <class T>
struct RightPanels {
  const T* data;
  std::int64_t step;
  std::int64_t panel;
};

/// A block of C by packed panels of B.
template <class T>
struct GemmBlock {
  GemmShape shape;
  TileCut cut;
  LeftRows<T> a;
  const T* b;
  GemmResult<T> c;
};

/// The kernels of an instruction set. All of them compute the chains of multiply-adds that gemm.h describes.
template <class T>
struct GemmTable {
  /// A tile of C that is held in registers: mr rows, nr columns.
  std::int64_t mr;
  std::int64_t nr;
  /// Rows that are computed with one panel of B: a multiple of mr.
  std::int64_t mc;

  /// Any shape, by plain loops. Neither factor lies in several runs.
  void (*plain)(const GemmShape& shape, const Factor<T>& a, const Factor<T>& b, const GemmResult<T>& c);

  /// 1 <= m <= machine::gemv_rows. B is packed (step == nr, panel == nr * k), or else its rows are contiguous
  /// (panel == nr). A does not lie in several runs.
  void (*gemv)(const GemmShape& shape, const Factor<T>& a, const RightPanels<T>& b, const GemmResult<T>& c);

  /// Packs m rows of A as panels of mr rows, each laid out by k, then row. Rows beyond the last are not
  /// written.
  void (*pack_a)(std::int64_t m, std::int64_t k, const Factor<T>& a, T* packed);

  /// Packs n columns of B as panels of nr columns, each laid out by k, then column, filled up with zeros.
  void (*pack_b)(std::int64_t n, std::int64_t k, const Factor<T>& b, T* packed);

  /// All tiles of a block. A is packed, or its layout is LeftLayout::rows.
  void (*block)(const GemmBlock<T>& block);
};

#define UNSPOOL_INSTRUCTION_SET(name, ...)           \
  extern const GemmTable<float> gemm_##name##_float; \
  extern const GemmTable<double> gemm_##name##_double;
#include <unspool/core/kernels/instruction_sets.def>
#undef UNSPOOL_INSTRUCTION_SET

}  // namespace unspool::kernels
