#pragma once

#include <unspool/core/kernels/isa.h>
#include <unspool/core/kernels/machine.h>
#include <unspool/core/kernels/runs.h>
#include <unspool/core/shape.h>

namespace unspool::kernels {

// Matrix products C[m, n] = op(A)[m, k] op(B)[k, n] of row-major matrices of float or double.
//
// An element of C is one chain of multiply-adds over k, in order, from 0 or from a start value, rounded to T
// at each (fused where the instruction set can); a bias may be added in the end. So its bits depend on its
// row of A, its column of B and the instruction set, and on nothing else: not on the other rows and columns,
// the transpositions, the strides, packing, or threads. Cutting k in two and going on from the first part
// gives the same bits, too.

/// The sizes of a product. Any of them may be 0.
struct GemmShape {
  Index m;
  Index n;
  Index k;
};

/// A matrix operand: row-major in memory, or the transpose of what lies there.
template <class T>
struct MatrixView {
  const T* data;
  /// Elements from a row in memory to the next.
  Index stride;
  /// The operand is the transpose of what lies in memory.
  bool transposed = false;
  /// How the rows lie in memory. Several runs are for rows that sums go over: those of a transposed A, or of
  /// a B that is not transposed.
  Runs runs = one_run;
};

/// A right side B that pack() has laid out: for one that is used again and again.
template <class T>
struct PackedMatrix {
  /// packed_size elements, aligned to 64 bytes.
  const T* data;

  /// The columns from `first` on, a multiple of panel_columns, of a B of depth k <= machine::gemm_depth.
  PackedMatrix columns_from(Index first, Index k) const { return {data + first * k}; }
};

/// What the sums of a product start from: element (i, j) is data[i * stride + j]. It may be C itself, or one
/// row for all (stride 0); 0 where data is null.
template <class T>
struct Start {
  const T* data = nullptr;
  Index stride = 0;
};

/// C, which overlaps neither A nor B.
template <class T>
struct GemmResult {
  T* data;
  /// Elements from a row to the next.
  Index stride;
  Start<T> start = {};
  /// One row of n elements, or null. It is added to all rows of C in the end, with the bits of an addition
  /// apart.
  const T* bias = nullptr;
};

/// A result that the product is added to, or one that it replaces.
template <class T>
GemmResult<T> accumulated(T* data, Index stride, bool accumulate = true) {
  return {data, stride, accumulate ? Start<T>{data, stride} : Start<T>{}};
}

/// Computes C, dealt to threads if that is worth it. `isa` is one of available_isas.
template <class T>
void gemm(const GemmShape& shape, const MatrixView<T>& a, const MatrixView<T>& b, const GemmResult<T>& c,
          Isa isa = current_isa());
template <class T>
void gemm(const GemmShape& shape, const MatrixView<T>& a, const PackedMatrix<T>& b, const GemmResult<T>& c,
          Isa isa = current_isa());

/// Lays out B[k, n] into packed_size elements. A packed matrix belongs to the instruction set that it was
/// packed for.
template <class T>
void pack(Index n, Index k, const MatrixView<T>& b, T* packed, Isa isa = current_isa());

/// The elements that pack() writes.
template <class T>
Index packed_size(Index n, Index k, Isa isa = current_isa());

/// The columns of a panel: pack() lays out the columns from each multiple of it on by themselves.
template <class T>
Index panel_columns(Isa isa = current_isa());

}  // namespace unspool::kernels
