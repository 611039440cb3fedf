#pragma once

#include <cstdint>

#include <unspool/core/kernels/runs.h>

// The operands of matrix products. The kernels of one instruction set include this header, so it holds no
// function that a compiler might leave out of line: the linker keeps one copy of such a function, from
// whichever source it likes.

namespace unspool::kernels {

/// The sizes of a product C[m, n] = op(A)[m, k] op(B)[k, n]. Any of them may be 0.
struct GemmShape {
  std::int64_t m;
  std::int64_t n;
  std::int64_t k;
};

/// A matrix operand: row-major in memory, or the transpose of that.
template <class T>
struct MatrixView {
  const T* data;
  /// Elements from a row in memory to the next.
  std::int64_t stride;
  /// The operand is the transpose of the matrix in memory.
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
  PackedMatrix columns_from(std::int64_t first, std::int64_t k) const { return {data + first * k}; }
};

/// What the sums of a product start from: element (i, j) is data[i * stride + j]. It may be C itself, or one
/// row for all (stride 0); 0 where data is null.
template <class T>
struct Start {
  const T* data = nullptr;
  std::int64_t stride = 0;
};

/// C, which overlaps neither A nor B.
template <class T>
struct GemmResult {
  T* data;
  /// Elements from a row to the next.
  std::int64_t stride;
  Start<T> start = {};
  /// One row of n elements, or null. It is added to all rows of C in the end, with the bits of an addition
  /// apart.
  const T* bias = nullptr;

  /// From row i and column j on.
  [[gnu::always_inline]] GemmResult from(std::int64_t i, std::int64_t j) const {
    return {data + i * stride + j,
            stride,
            {start.data == nullptr ? nullptr : start.data + i * start.stride + j, start.stride},
            bias == nullptr ? nullptr : bias + j};
  }
};

}  // namespace unspool::kernels
