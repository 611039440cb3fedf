#include <algorithm>
#include <cstddef>
#include <type_traits>

#include <unspool/core/internal/quotient.h>
#include <unspool/core/kernels/gemm.h>
#include <unspool/core/kernels/gemm_loop.h>
#include <unspool/core/kernels/gemm_table.h>
#include <unspool/core/pooled.h>
#include <unspool/core/threads.h>

namespace unspool::kernels {

namespace {

// A panel of B, 16 KiB with AVX2, then stays in the nearest cache.
constexpr Index depth = gemm_depth;
// What is packed at a time: a block of B of 2 MiB and one of A of 3 MiB in float.
constexpr Index most_columns = 2048;
constexpr Index most_rows = 3072;
// Columns of the tiles of C that are dealt to threads: their part of B, 256 KiB, stays in the second cache.
constexpr Index tile_columns = 256;
// Up to so many rows a few panels of B are packed at a time, used while they are in the second cache, and
// forgotten.
constexpr Index rows_at_once = 192;
constexpr Index panels_at_once = 8;
// Up to so many rows that lie as they are come from the caches as fast as packed ones.
constexpr Index few_enough = 96;
// Multiply-adds that are worth a thread's while (some 5 us), and elements to pack.
constexpr Index worthwhile = 1 << 18;
constexpr Index worthwhile_to_pack = 1 << 14;
// Up to so many, whatever is prepared first costs more than it saves.
constexpr Index tiny = 512;

using internal::quotient;
Index pieces(Index value, Index step) { return quotient(value + step - 1, step); }
Index round_up(Index value, Index step) { return pieces(value, step) * step; }

template <class T>
const GemmTable<T>& table_for(Isa isa) {
  constexpr bool single = std::is_same_v<T, float>;
#ifdef __x86_64__
  if constexpr (single) {
    if (isa == Isa::avx2) return gemm_avx2_float;
    if (isa == Isa::avx512) return gemm_avx512_float;
  } else {
    if (isa == Isa::avx2) return gemm_avx2_double;
    if (isa == Isa::avx512) return gemm_avx512_double;
  }
#else
  static_cast<void>(isa);
#endif
  if constexpr (single) {
    return gemm_baseline_float;
  } else {
    return gemm_baseline_double;
  }
}

template <class T>
struct Operand {
  const T* data;
  // Between elements along k, and across it.
  Index step;
  Index across;
  // Along k.
  Runs runs = one_run;

  bool cut(Index k) const { return runs.begun + k > runs.length; }
  Operand from(Index k, Index other) const {
    const Index at = runs.begun + k;
    const Index before = at < runs.length ? 0 : quotient(at, runs.length);
    const Index begun = at - before * runs.length;
    return {data + (before * runs.apart + begun - runs.begun) * step + other * across,
            step,
            across,
            {runs.length, runs.apart, begun}};
  }
};

// A, packed or as it lies, as GemmTable::block takes it.
template <class T>
struct Rows {
  const T* data;
  Index tile;
  Index row;
  Index step;
};

template <class T>
Rows<T> as_it_lies(const Operand<T>& a, Index mr) {
  return {a.data, mr * a.across, a.across, a.step};
}

// Packing costs a pass over A, and spares as many passes in which the cache serves it badly as there are
// panels of B: columns, of which each step takes another line, worse than rows. For columns there are tiles
// in machine code only.
constexpr Index few_panels_by_rows = 16;
constexpr Index few_panels_by_columns = 4;

template <class T>
bool worth_packing(const Operand<T>& a, const GemmTable<T>& table, const GemmLoops<T>& loops, Index n,
                   Index k) {
  if (a.cut(k)) return true;
  if (a.step == 1) return n > few_panels_by_rows * table.nr;
  return a.across != 1 || !loops.made() || n > few_panels_by_columns * table.nr;
}

// So many rows find places in the nearest cache though they crowd.
constexpr Index most_crowded_rows = 8;

template <class T>
bool worth_copying(const Operand<T>& a, const GemmTable<T>& table, Index m, Index n) {
  return a.step == 1 && std::min(m, table.mr) > most_crowded_rows && n >= 4 * table.nr &&
         a.across * static_cast<Index>(sizeof(T)) % crowded_bytes == 0;
}

// How rows are cut: into even blocks of at most mc.
template <class T>
Index block_rows(const GemmTable<T>& table, Index m) {
  return round_up(pieces(m, pieces(m, table.mc)), table.mr);
}

// n columns, `part` of k deep, as panels.
template <class T>
void pack_columns_of(const GemmTable<T>& table, const Operand<T>& from, Index n, Index part, T* to) {
  const Index nr = table.nr;
  parallel_for(pieces(n, nr), std::max<Index>(1, quotient(worthwhile_to_pack, nr * part)),
               [&](Index first, Index last) {
                 const Operand<T> here = from.from(0, first * nr);
                 table.pack_b(std::min(n, last * nr) - first * nr, part, here.data, here.step, here.across,
                              here.runs, to + first * nr * part);
               });
}

template <class T>
struct Product {
  const GemmTable<T>& table;
  GemmLoops<T>& loops;
  Index m;
  Index n;
  Index k;
  Operand<T> a;
  // Packed by `pack` if b.step is 0.
  Operand<T> b;
  T* c;
  Index ldc;
  Start<T> start;
  const T* plus = nullptr;

  bool packed() const { return b.step == 0; }
  // The packed panels of columns j and on, from k = p, `part` of it.
  const T* panels(Index j, Index p, Index part) const {
    return b.data + p * round_up(n, table.nr) + j * part;
  }
  // What sums go on from at k = p, in row i and column j.
  Start<T> from(Index p, Index i, Index j) const {
    const Start<T> all = p > 0 ? Start<T>{c, ldc} : start;
    return {all.data == nullptr ? nullptr : all.data + i * all.ld + j, all.ld};
  }

  // What is added in the end, in column j: with the last part of k.
  const T* plus_at(Index p, Index j) const { return plus == nullptr || p + depth < k ? nullptr : plus + j; }

  void pack_rows_of(const Operand<T>& from, Index height, Index part, T* to) const {
    const Index mr = table.mr;
    parallel_for(pieces(height, mr), std::max<Index>(1, quotient(worthwhile_to_pack, mr * part)),
                 [&](Index first, Index last) {
                   const Operand<T> here = from.from(0, first * mr);
                   table.pack_a(std::min(height, last * mr) - first * mr, part, here.data, here.across,
                                here.step, here.runs, to + first * mr * part);
                 });
  }

  // Elements of a row of a copy, which lies beside others without crowding them.
  static Index copied_row(Index part) { return part + 64 / static_cast<Index>(sizeof(T)); }
  Rows<T> copy_rows_of(const Operand<T>& from, Index height, Index part, T* to) const {
    const Index row = copied_row(part);
    parallel_for(height, std::max<Index>(1, quotient(worthwhile_to_pack, part)),
                 [&](Index first, Index last) {
                   for (Index i = first; i < last; ++i)
                     std::copy_n(from.data + i * from.across, part, to + i * row);
                 });
    return {to, table.mr * row, row, 1};
  }

  void block(Index rows, Index columns, Index part, const Rows<T>& from, Index first_row, const T* b_panels,
             T* to, Start<T> begin, const T* row) const {
    const T* const first = from.data + quotient(first_row, table.mr) * from.tile;
    if (loops.block(table, rows, columns, part, first, from.tile, from.row, from.step, b_panels, to, ldc,
                    begin.data, begin.ld, row)) {
      return;
    }
    if (from.step == 1 || from.step == table.mr) {
      table.block(rows, columns, part, first, from.tile, from.row, from.step, b_panels, to, ldc, begin.data,
                  begin.ld, row);
      return;
    }
    // No memory was left for the code that they were left as they lie for.
    for (Index i = 0; i < rows; i += kernels::few_rows) {
      table.few(std::min(kernels::few_rows, rows - i), columns, part, first + i * from.row, from.row,
                from.step, b_panels, table.nr, table.nr * part, to + i * ldc, ldc,
                begin.data == nullptr ? nullptr : begin.data + i * begin.ld, begin.ld, row);
    }
  }

  void run() const;
  void few_rows_run() const;
  void some_rows_run() const;
  void many_rows_run() const;
};

template <class T>
void Product<T>::few_rows_run() const {
  // A multiple of every width.
  const Index grain = round_up(std::max<Index>(512, quotient(worthwhile, m * k)), 512);
  if (!packed()) {
    parallel_for(n, grain, [&](Index begin, Index end) {
      const Start<T> here = from(0, 0, begin);
      table.few(m, end - begin, k, a.data, a.across, a.step, b.data + begin, b.step, table.nr, c + begin, ldc,
                here.data, here.ld, nullptr);
    });
    return;
  }
  parallel_for(n, grain, [&](Index begin, Index end) {
    for (Index p = 0; p < k; p += depth) {
      const Index part = std::min(depth, k - p);
      const Start<T> here = from(p, 0, begin);
      table.few(m, end - begin, part, a.data + p * a.step, a.across, a.step, panels(begin, p, part), table.nr,
                table.nr * part, c + begin, ldc, here.data, here.ld, plus_at(p, begin));
    }
  });
}

template <class T>
void Product<T>::some_rows_run() const {
  const Index mr = table.mr;
  const Index nr = table.nr;
  const bool pack_rows = (m > few_enough || a.step != 1 || a.cut(k)) && worth_packing(a, table, loops, n, k);
  const bool copy_rows = !pack_rows && worth_copying(a, table, m, n);
  const PooledBuffer<T> packed_a(static_cast<std::size_t>(pack_rows   ? round_up(m, mr) * std::min(k, depth)
                                                          : copy_rows ? m * copied_row(std::min(k, depth))
                                                                      : 0));
  for (Index p = 0; p < k; p += depth) {
    const Index part = std::min(depth, k - p);
    const Operand<T> a_part = a.from(p, 0);
    Rows<T> rows = as_it_lies(a_part, mr);
    if (pack_rows) {
      pack_rows_of(a_part, m, part, packed_a.data());
      rows = {packed_a.data(), mr * part, 1, mr};
    } else if (copy_rows) {
      rows = copy_rows_of(a_part, m, part, packed_a.data());
    }
    const Index grain = std::max<Index>(1, quotient(worthwhile, m * part * nr));
    parallel_for(pieces(n, nr), grain, [&](Index first, Index last) {
      const Index end = std::min(n, last * nr);
      if (packed()) {
        block(m, end - first * nr, part, rows, 0, panels(first * nr, p, part), c + first * nr,
              from(p, 0, first * nr), plus_at(p, first * nr));
        return;
      }
      const Index group = std::min(panels_at_once * nr, end - first * nr);
      const PooledBuffer<T> group_panels(static_cast<std::size_t>(round_up(group, nr) * part));
      for (Index j = first * nr; j < end; j += group) {
        const Index columns = std::min(group, end - j);
        const Operand<T> b_part = b.from(p, j);
        table.pack_b(columns, part, b_part.data, b_part.step, b_part.across, b_part.runs,
                     group_panels.data());
        block(m, columns, part, rows, 0, group_panels.data(), c + j, from(p, 0, j), nullptr);
      }
    });
  }
}

template <class T>
void Product<T>::many_rows_run() const {
  const Index mr = table.mr;
  const Index nr = table.nr;
  const bool pack_rows = worth_packing(a, table, loops, n, k);
  const bool copy_rows = !pack_rows && worth_copying(a, table, m, n);
  const Index deepest = std::min(k, depth);
  const PooledBuffer<T> packed_a(
      static_cast<std::size_t>(pack_rows   ? round_up(std::min(m, most_rows), mr) * deepest
                               : copy_rows ? std::min(m, most_rows) * copied_row(deepest)
                                           : 0));
  const PooledBuffer<T> packed_b(
      static_cast<std::size_t>(packed() ? 0 : round_up(std::min(n, most_columns), nr) * deepest));
  for (Index j0 = 0; j0 < n; j0 += most_columns) {
    const Index columns = std::min(most_columns, n - j0);
    for (Index p = 0; p < k; p += depth) {
      const Index part = std::min(depth, k - p);
      const T* b_panels = panels(j0, p, part);
      if (!packed()) {
        b_panels = packed_b.data();
        pack_columns_of(table, b.from(p, j0), columns, part, packed_b.data());
      }
      for (Index i0 = 0; i0 < m; i0 += most_rows) {
        const Index height = std::min(most_rows, m - i0);
        const Operand<T> a_part = a.from(p, i0);
        Rows<T> rows = as_it_lies(a_part, mr);
        if (pack_rows) {
          rows = {packed_a.data(), mr * part, 1, mr};
          pack_rows_of(a_part, height, part, packed_a.data());
        } else if (copy_rows) {
          rows = copy_rows_of(a_part, height, part, packed_a.data());
        }
        const Index tile_rows = block_rows(table, height);
        const Index down = pieces(height, tile_rows);
        // Few tiles would leave threads without one, or with one less than others.
        const bool few = num_threads() > 1 && down * pieces(columns, tile_columns) < 2 * num_threads();
        const Index wide = few ? tile_columns / 2 : tile_columns;
        const Index grain =
            std::max<Index>(1, quotient(worthwhile, tile_rows * std::min(columns, wide) * part));
        parallel_for(down * pieces(columns, wide), grain, [&](Index first, Index last) {
          for (Index which = first; which < last; ++which) {
            const Index across = quotient(which, down);
            const Index i = (which - across * down) * tile_rows;
            const Index j = across * wide;
            block(std::min(tile_rows, height - i), std::min(wide, columns - j), part, rows, i,
                  b_panels + j * part, c + (i0 + i) * ldc + j0 + j, from(p, i0 + i, j0 + j),
                  plus_at(p, j0 + j));
          }
        });
      }
    }
  }
}

template <class T>
void Product<T>::run() const {
  if (m <= 0 || n <= 0) return;
  if (k <= 0) {
    for (Index i = 0; i < m; ++i) {
      for (Index j = 0; j < n; ++j) {
        const T from = start.data == nullptr ? T{} : start.data[i * start.ld + j];
        c[i * ldc + j] = plus == nullptr ? from : from + plus[j];
      }
    }
    return;
  }
  if (!packed() && m <= tiny && n <= tiny && k <= tiny && m * n * k <= tiny) {
    table.small(m, n, k, a.data, a.across, a.step, b.data, b.step, b.across, c, ldc, start.data, start.ld);
  } else if (m <= kernels::few_rows && (packed() || b.across == 1) && !a.cut(k)) {
    few_rows_run();
  } else if (m <= rows_at_once) {
    some_rows_run();
  } else {
    many_rows_run();
  }
}

template <class T>
Operand<T> left(bool transpose, const T* a, Index lda) {
  return transpose ? Operand<T>{a, lda, 1} : Operand<T>{a, 1, lda};
}

template <class T>
Operand<T> right(bool transpose, const T* b, Index ldb) {
  return transpose ? Operand<T>{b, 1, ldb} : Operand<T>{b, ldb, 1};
}

template <class T>
void gemm_any(Isa isa, bool transpose_a, bool transpose_b, Index m, Index n, Index k, const T* a, Index lda,
              const T* b, Index ldb, T* c, Index ldc, bool accumulate) {
  Product<T>{table_for<T>(isa),
             GemmLoops<T>::of(isa),
             m,
             n,
             k,
             left(transpose_a, a, lda),
             right(transpose_b, b, ldb),
             c,
             ldc,
             accumulate ? Start<T>{c, ldc} : Start<T>{}}
      .run();
}

template <class T>
void gemm_packed_any(Isa isa, const Operand<T>& a, Index m, Index n, Index k, const T* packed, T* c,
                     Index ldc, Start<T> start, const T* plus) {
  Product<T>{table_for<T>(isa), GemmLoops<T>::of(isa), m, n, k, a, {packed, 0, 0}, c, ldc, start, plus}.run();
}

template <class T>
void pack_any(Isa isa, const Operand<T>& from, Index n, Index k, T* packed) {
  const GemmTable<T>& table = table_for<T>(isa);
  for (Index p = 0; p < k; p += depth) {
    const Index part = std::min(depth, k - p);
    pack_columns_of(table, from.from(p, 0), n, part, packed + p * round_up(n, table.nr));
  }
}

}  // namespace

void gemm(bool transpose_a, bool transpose_b, Index m, Index n, Index k, const float* a, Index lda,
          const float* b, Index ldb, float* c, Index ldc, bool accumulate) {
  gemm_any(current_isa(), transpose_a, transpose_b, m, n, k, a, lda, b, ldb, c, ldc, accumulate);
}

void gemm(bool transpose_a, bool transpose_b, Index m, Index n, Index k, const double* a, Index lda,
          const double* b, Index ldb, double* c, Index ldc, bool accumulate) {
  gemm_any(current_isa(), transpose_a, transpose_b, m, n, k, a, lda, b, ldb, c, ldc, accumulate);
}

void gemm_with(Isa isa, bool transpose_a, bool transpose_b, Index m, Index n, Index k, const float* a,
               Index lda, const float* b, Index ldb, float* c, Index ldc, bool accumulate) {
  gemm_any(isa, transpose_a, transpose_b, m, n, k, a, lda, b, ldb, c, ldc, accumulate);
}

void gemm_with(Isa isa, bool transpose_a, bool transpose_b, Index m, Index n, Index k, const double* a,
               Index lda, const double* b, Index ldb, double* c, Index ldc, bool accumulate) {
  gemm_any(isa, transpose_a, transpose_b, m, n, k, a, lda, b, ldb, c, ldc, accumulate);
}

template <class T>
Index packed_size(Index n, Index k, Isa isa) {
  return round_up(n, table_for<T>(isa).nr) * k;
}
template Index packed_size<float>(Index n, Index k, Isa isa);
template Index packed_size<double>(Index n, Index k, Isa isa);

template <class T>
Index panel_columns(Isa isa) {
  return table_for<T>(isa).nr;
}
template Index panel_columns<float>(Isa isa);
template Index panel_columns<double>(Isa isa);

void pack(bool transpose_b, Index n, Index k, const float* b, Index ldb, float* packed, Isa isa) {
  pack_any(isa, right(transpose_b, b, ldb), n, k, packed);
}

void pack(bool transpose_b, Index n, Index k, const double* b, Index ldb, double* packed, Isa isa) {
  pack_any(isa, right(transpose_b, b, ldb), n, k, packed);
}

void gemm_packed(bool transpose_a, Index m, Index n, Index k, const float* a, Index lda, const float* packed,
                 float* c, Index ldc, Start<float> start, const float* plus, Isa isa) {
  gemm_packed_any(isa, left(transpose_a, a, lda), m, n, k, packed, c, ldc, start, plus);
}

void gemm_packed(bool transpose_a, Index m, Index n, Index k, const double* a, Index lda,
                 const double* packed, double* c, Index ldc, Start<double> start, const double* plus,
                 Isa isa) {
  gemm_packed_any(isa, left(transpose_a, a, lda), m, n, k, packed, c, ldc, start, plus);
}

template <class T>
void pack_runs(Runs runs, Index n, Index k, const T* b, Index ldb, T* packed, Isa isa) {
  pack_any(isa, {b, ldb, 1, runs}, n, k, packed);
}
template void pack_runs(Runs runs, Index n, Index k, const float* b, Index ldb, float* packed, Isa isa);
template void pack_runs(Runs runs, Index n, Index k, const double* b, Index ldb, double* packed, Isa isa);

template <class T>
void gemm_packed_runs(Runs runs, Index m, Index n, Index k, const T* a, Index lda, const T* packed, T* c,
                      Index ldc, bool accumulate, Isa isa) {
  gemm_packed_any<T>(isa, {a, lda, 1, runs}, m, n, k, packed, c, ldc,
                     accumulate ? Start<T>{c, ldc} : Start<T>{}, nullptr);
}
template void gemm_packed_runs(Runs runs, Index m, Index n, Index k, const float* a, Index lda,
                               const float* packed, float* c, Index ldc, bool accumulate, Isa isa);
template void gemm_packed_runs(Runs runs, Index m, Index n, Index k, const double* a, Index lda,
                               const double* packed, double* c, Index ldc, bool accumulate, Isa isa);

}  // namespace unspool::kernels
