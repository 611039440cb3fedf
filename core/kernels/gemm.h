#pragma once

#include <unspool/core/kernels/gemm_operands.h>
#include <unspool/core/kernels/isa.h>
#include <unspool/core/kernels/machine.h>
#include <unspool/core/shape.h>

namespace unspool::kernels {

// Matrix products C[m, n] = op(A)[m, k] op(B)[k, n] of row-major matrices of float or double.
//
// An element of C is one chain of multiply-adds over k, in order, from 0 or from a start value, rounded to T
// at each (fused where the instruction set can); a bias may be added in the end. So its bits depend on its
// row of A, its column of B and the instruction set, and on nothing else: not on the other rows and columns,
// the transpositions, the strides, packing, or threads. Cutting k in two and going on from the first part
// gives the same bits, too.

/// A result that the product is added to, or one that it replaces.
template <class T>
GemmResult<T> accumulated(T* data, Index stride, bool accumulate = true) {
  return {data, stride, accumulate ? Start<T>{data, stride} : Start<T>{}};
}

/// Computes C, dealt to threads if that is worth it. `isa` is one of available_isas.
template <class T>
void gemm(const GemmShape& shape, const MatrixView<T>& a, const MatrixView<T>& b, const GemmResult<T>& c,
          Isa isa = current_isa());
/// Computes C with a B that pack() has laid out for the same instruction set.
template <class T>
void gemm(const GemmShape& shape, const MatrixView<T>& a, const PackedMatrix<T>& b, const GemmResult<T>& c,
          Isa isa = current_isa());

/// Lays out B[k, n] into packed_size elements, aligned to 64 bytes.
template <class T>
void pack(Index n, Index k, const MatrixView<T>& b, T* packed, Isa isa = current_isa());

/// The elements that pack() writes.
template <class T>
Index packed_size(Index n, Index k, Isa isa = current_isa());

/// The columns of a panel: pack() lays out the columns from each multiple of it on by themselves.
template <class T>
Index panel_columns(Isa isa = current_isa());

}  // namespace unspool::kernels
