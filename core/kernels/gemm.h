#pragma once

#include <unspool/core/kernels/isa.h>
#include <unspool/core/kernels/runs.h>
#include <unspool/core/shape.h>

namespace unspool::kernels {

// Matrix products, row-major: C[m, n] = op(A)[m, k] op(B)[k, n], plus C if `accumulate`; op transposes where
// asked. ld* is the distance between rows in memory. Any of m, n, k may be 0. C overlaps neither A nor B.
//
// An element of C is one chain of multiply-adds over k, in order, from 0 or from C, rounded to T at each
// (fused where the instruction set can), to which an element of a row may be added in the end. So its bits
// depend on its row of A, its column of B and the instruction set, and on nothing else: not on the other rows
// and columns, the transpositions, the strides, packing, or threads. Cutting k in two and accumulating gives
// the same bits, too.

void gemm(bool transpose_a, bool transpose_b, Index m, Index n, Index k, const float* a, Index lda,
          const float* b, Index ldb, float* c, Index ldc, bool accumulate);
void gemm(bool transpose_a, bool transpose_b, Index m, Index n, Index k, const double* a, Index lda,
          const double* b, Index ldb, double* c, Index ldc, bool accumulate);

/// Sums run over so much of k at a time, through C: a product pays for each part that is begun.
inline constexpr Index gemm_depth = 256;

/// Rows of A or C that lie a multiple of this apart get in each other's way: they have few places in the
/// nearest cache, of which a high tile takes too many.
inline constexpr Index crowded_bytes = 2048;

// For a B that is used again and again: laid out once by pack, into packed_size elements aligned to 64 bytes.

template <class T>
Index packed_size(Index n, Index k, Isa isa = current_isa());

/// Columns from a multiple of this on are packed by themselves: those from j on of a B that is no deeper than
/// gemm_depth begin at packed + j * k.
template <class T>
Index panel_columns(Isa isa = current_isa());

void pack(bool transpose_b, Index n, Index k, const float* b, Index ldb, float* packed,
          Isa isa = current_isa());
void pack(bool transpose_b, Index n, Index k, const double* b, Index ldb, double* packed,
          Isa isa = current_isa());

/// What the sums of a product go on from: element (i, j) is data[i * ld + j]. It may be C itself, or one row
/// for all (ld = 0); 0 where data is null.
template <class T>
struct Start {
  const T* data = nullptr;
  Index ld = 0;
};

/// gemm with a packed B; then `plus`, one row unless it is null, is added to all rows of C, with the bits of
/// an addition apart.
void gemm_packed(bool transpose_a, Index m, Index n, Index k, const float* a, Index lda, const float* packed,
                 float* c, Index ldc, Start<float> start, const float* plus = nullptr,
                 Isa isa = current_isa());
void gemm_packed(bool transpose_a, Index m, Index n, Index k, const double* a, Index lda,
                 const double* packed, double* c, Index ldc, Start<double> start,
                 const double* plus = nullptr, Isa isa = current_isa());

/// pack of a B, and gemm of a transposed A with it, where the rows of A and of B, over which sums run, lie in
/// runs.
template <class T>
void pack_runs(Runs runs, Index n, Index k, const T* b, Index ldb, T* packed, Isa isa = current_isa());
template <class T>
void gemm_packed_runs(Runs runs, Index m, Index n, Index k, const T* a, Index lda, const T* packed, T* c,
                      Index ldc, bool accumulate, Isa isa = current_isa());

/// gemm with an instruction set of available_isas.
void gemm_with(Isa isa, bool transpose_a, bool transpose_b, Index m, Index n, Index k, const float* a,
               Index lda, const float* b, Index ldb, float* c, Index ldc, bool accumulate);
void gemm_with(Isa isa, bool transpose_a, bool transpose_b, Index m, Index n, Index k, const double* a,
               Index lda, const double* b, Index ldb, double* c, Index ldc, bool accumulate);

}  // namespace unspool::kernels
