#include <algorithm>
#include <cstddef>

#include <unspool/core/internal/quotient.h>
#include <unspool/core/kernels/gemm.h>
#include <unspool/core/kernels/gemm_loop.h>
#include <unspool/core/kernels/instruction_set.h>
#include <unspool/core/pooled.h>
#include <unspool/core/threads.h>

namespace unspool::kernels {

namespace {

using internal::quotient;
Index pieces(Index value, Index step) { return quotient(value + step - 1, step); }
Index round_up(Index value, Index step) { return pieces(value, step) * step; }

template <class T>
struct Operand {
  const T* data;
  // Between elements along k, and across it.
  Index step;
  Index across;
  // Along k.
  Runs runs = one_run;

  bool cut(Index k) const { return runs.first + k > runs.length; }
  Operand from(Index k, Index other) const {
    const Index at = runs.first + k;
    const Index before = at < runs.length ? 0 : quotient(at, runs.length);
    const Index first = at - before * runs.length;
    return {data + (before * runs.stride + first - runs.first) * step + other * across,
            step,
            across,
            {runs.length, runs.stride, first}};
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

// For columns of A side by side there are tiles in machine code only.
template <class T>
bool worth_packing(const Operand<T>& a, const GemmTable<T>& table, const GemmLoops<T>& loops, Index n,
                   Index k) {
  if (a.cut(k)) return true;
  if (a.step == 1) return n > machine::gemm_unpacked_panels * table.nr;
  return a.across != 1 || !loops.made() || n > machine::gemm_unpacked_panels_transposed * table.nr;
}

template <class T>
bool worth_copying(const Operand<T>& a, const GemmTable<T>& table, Index m, Index n) {
  return a.step == 1 && std::min(m, table.mr) > machine::l1_alias_rows &&
         n >= machine::gemm_copy_panels * table.nr &&
         a.across * static_cast<Index>(sizeof(T)) % machine::l1_alias_stride == 0;
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
  parallel_for(pieces(n, nr), std::max<Index>(1, quotient(machine::pack_task_elements, nr * part)),
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
  const T* bias = nullptr;

  bool packed() const { return b.step == 0; }
  // The packed panels of columns j and on, from k = p, `part` of it.
  const T* panels(Index j, Index p, Index part) const {
    return b.data + p * round_up(n, table.nr) + j * part;
  }
  // What sums go on from at k = p, in row i and column j.
  Start<T> from(Index p, Index i, Index j) const {
    const Start<T> all = p > 0 ? Start<T>{c, ldc} : start;
    return {all.data == nullptr ? nullptr : all.data + i * all.stride + j, all.stride};
  }

  // What is added in the end, in column j: with the last part of k.
  const T* bias_at(Index p, Index j) const {
    return bias == nullptr || p + machine::gemm_depth < k ? nullptr : bias + j;
  }

  void pack_rows_of(const Operand<T>& from, Index height, Index part, T* to) const {
    const Index mr = table.mr;
    parallel_for(pieces(height, mr), std::max<Index>(1, quotient(machine::pack_task_elements, mr * part)),
                 [&](Index first, Index last) {
                   const Operand<T> here = from.from(0, first * mr);
                   table.pack_a(std::min(height, last * mr) - first * mr, part, here.data, here.across,
                                here.step, here.runs, to + first * mr * part);
                 });
  }

  // Elements of a row of a copy, which lies beside others without crowding them.
  static Index copied_row(Index part) {
    return part + machine::cache_line_bytes / static_cast<Index>(sizeof(T));
  }
  Rows<T> copy_rows_of(const Operand<T>& from, Index height, Index part, T* to) const {
    const Index row = copied_row(part);
    parallel_for(height, std::max<Index>(1, quotient(machine::pack_task_elements, part)),
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
                    begin.data, begin.stride, row)) {
      return;
    }
    if (from.step == 1 || from.step == table.mr) {
      table.block(rows, columns, part, first, from.tile, from.row, from.step, b_panels, to, ldc, begin.data,
                  begin.stride, row);
      return;
    }
    // No memory was left for the code that they were left as they lie for.
    for (Index i = 0; i < rows; i += machine::gemv_rows) {
      table.few(std::min(machine::gemv_rows, rows - i), columns, part, first + i * from.row, from.row,
                from.step, b_panels, table.nr, table.nr * part, to + i * ldc, ldc,
                begin.data == nullptr ? nullptr : begin.data + i * begin.stride, begin.stride, row);
    }
  }

  void run() const;
  void run_gemv() const;
  void run_small_batch() const;
  void run_blocked() const;
};

template <class T>
void Product<T>::run_gemv() const {
  // A multiple of every width.
  const Index grain =
      round_up(std::max<Index>(machine::gemv_task_columns, quotient(machine::gemm_task_multiply_adds, m * k)),
               machine::gemv_task_columns);
  if (!packed()) {
    parallel_for(n, grain, [&](Index begin, Index end) {
      const Start<T> here = from(0, 0, begin);
      table.few(m, end - begin, k, a.data, a.across, a.step, b.data + begin, b.step, table.nr, c + begin, ldc,
                here.data, here.stride, bias == nullptr ? nullptr : bias + begin);
    });
    return;
  }
  parallel_for(n, grain, [&](Index begin, Index end) {
    for (Index p = 0; p < k; p += machine::gemm_depth) {
      const Index part = std::min(machine::gemm_depth, k - p);
      const Start<T> here = from(p, 0, begin);
      table.few(m, end - begin, part, a.data + p * a.step, a.across, a.step, panels(begin, p, part), table.nr,
                table.nr * part, c + begin, ldc, here.data, here.stride, bias_at(p, begin));
    }
  });
}

template <class T>
void Product<T>::run_small_batch() const {
  const Index mr = table.mr;
  const Index nr = table.nr;
  const bool pack_rows =
      (m > machine::gemm_unpacked_rows || a.step != 1 || a.cut(k)) && worth_packing(a, table, loops, n, k);
  const bool copy_rows = !pack_rows && worth_copying(a, table, m, n);
  const PooledBuffer<T> packed_a(
      static_cast<std::size_t>(pack_rows   ? round_up(m, mr) * std::min(k, machine::gemm_depth)
                               : copy_rows ? m * copied_row(std::min(k, machine::gemm_depth))
                                           : 0));
  for (Index p = 0; p < k; p += machine::gemm_depth) {
    const Index part = std::min(machine::gemm_depth, k - p);
    const Operand<T> a_part = a.from(p, 0);
    Rows<T> rows = as_it_lies(a_part, mr);
    if (pack_rows) {
      pack_rows_of(a_part, m, part, packed_a.data());
      rows = {packed_a.data(), mr * part, 1, mr};
    } else if (copy_rows) {
      rows = copy_rows_of(a_part, m, part, packed_a.data());
    }
    const Index grain = std::max<Index>(1, quotient(machine::gemm_task_multiply_adds, m * part * nr));
    parallel_for(pieces(n, nr), grain, [&](Index first, Index last) {
      const Index end = std::min(n, last * nr);
      if (packed()) {
        block(m, end - first * nr, part, rows, 0, panels(first * nr, p, part), c + first * nr,
              from(p, 0, first * nr), bias_at(p, first * nr));
        return;
      }
      const Index group = std::min(machine::gemm_small_batch_panels * nr, end - first * nr);
      const PooledBuffer<T> group_panels(static_cast<std::size_t>(round_up(group, nr) * part));
      for (Index j = first * nr; j < end; j += group) {
        const Index columns = std::min(group, end - j);
        const Operand<T> b_part = b.from(p, j);
        table.pack_b(columns, part, b_part.data, b_part.step, b_part.across, b_part.runs,
                     group_panels.data());
        block(m, columns, part, rows, 0, group_panels.data(), c + j, from(p, 0, j), bias_at(p, j));
      }
    });
  }
}

template <class T>
void Product<T>::run_blocked() const {
  const Index mr = table.mr;
  const Index nr = table.nr;
  const bool pack_rows = worth_packing(a, table, loops, n, k);
  const bool copy_rows = !pack_rows && worth_copying(a, table, m, n);
  const Index deepest = std::min(k, machine::gemm_depth);
  const PooledBuffer<T> packed_a(
      static_cast<std::size_t>(pack_rows   ? round_up(std::min(m, machine::gemm_block_rows), mr) * deepest
                               : copy_rows ? std::min(m, machine::gemm_block_rows) * copied_row(deepest)
                                           : 0));
  const PooledBuffer<T> packed_b(static_cast<std::size_t>(
      packed() ? 0 : round_up(std::min(n, machine::gemm_block_columns), nr) * deepest));
  for (Index j0 = 0; j0 < n; j0 += machine::gemm_block_columns) {
    const Index columns = std::min(machine::gemm_block_columns, n - j0);
    for (Index p = 0; p < k; p += machine::gemm_depth) {
      const Index part = std::min(machine::gemm_depth, k - p);
      const T* b_panels = panels(j0, p, part);
      if (!packed()) {
        b_panels = packed_b.data();
        pack_columns_of(table, b.from(p, j0), columns, part, packed_b.data());
      }
      for (Index i0 = 0; i0 < m; i0 += machine::gemm_block_rows) {
        const Index height = std::min(machine::gemm_block_rows, m - i0);
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
        const bool few =
            num_threads() > 1 && down * pieces(columns, machine::gemm_task_columns) < 2 * num_threads();
        const Index wide = few ? machine::gemm_task_columns / 2 : machine::gemm_task_columns;
        const Index grain = std::max<Index>(
            1, quotient(machine::gemm_task_multiply_adds, tile_rows * std::min(columns, wide) * part));
        parallel_for(down * pieces(columns, wide), grain, [&](Index first, Index last) {
          for (Index which = first; which < last; ++which) {
            const Index across = quotient(which, down);
            const Index i = (which - across * down) * tile_rows;
            const Index j = across * wide;
            block(std::min(tile_rows, height - i), std::min(wide, columns - j), part, rows, i,
                  b_panels + j * part, c + (i0 + i) * ldc + j0 + j, from(p, i0 + i, j0 + j),
                  bias_at(p, j0 + j));
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
        const T from = start.data == nullptr ? T{} : start.data[i * start.stride + j];
        c[i * ldc + j] = bias == nullptr ? from : from + bias[j];
      }
    }
    return;
  }
  constexpr Index plain = machine::gemm_plain_multiply_adds;
  const bool cut = a.cut(k) || b.cut(k);
  if (!packed() && m <= plain && n <= plain && k <= plain && m * n * k <= plain && !cut) {
    table.small(m, n, k, a.data, a.across, a.step, b.data, b.step, b.across, c, ldc, start.data,
                start.stride);
    for (Index i = 0; bias != nullptr && i < m; ++i) {
      for (Index j = 0; j < n; ++j) c[i * ldc + j] += bias[j];
    }
  } else if (m <= machine::gemv_rows && (packed() || b.across == 1) && !cut) {
    run_gemv();
  } else if (m <= machine::gemm_small_batch_rows) {
    run_small_batch();
  } else {
    run_blocked();
  }
}

template <class T>
Operand<T> left(const MatrixView<T>& a) {
  return a.transposed ? Operand<T>{a.data, a.stride, 1, a.runs} : Operand<T>{a.data, 1, a.stride, a.runs};
}

template <class T>
Operand<T> right(const MatrixView<T>& b) {
  return b.transposed ? Operand<T>{b.data, 1, b.stride, b.runs} : Operand<T>{b.data, b.stride, 1, b.runs};
}

template <class T>
void run(const GemmShape& shape, const Operand<T>& a, const Operand<T>& b, const GemmResult<T>& c, Isa isa) {
  Product<T>{instruction_set(isa).gemm<T>(),
             GemmLoops<T>::of(isa),
             shape.m,
             shape.n,
             shape.k,
             a,
             b,
             c.data,
             c.stride,
             c.start,
             c.bias}
      .run();
}

}  // namespace

template <class T>
void gemm(const GemmShape& shape, const MatrixView<T>& a, const MatrixView<T>& b, const GemmResult<T>& c,
          Isa isa) {
  run(shape, left(a), right(b), c, isa);
}

template <class T>
void gemm(const GemmShape& shape, const MatrixView<T>& a, const PackedMatrix<T>& b, const GemmResult<T>& c,
          Isa isa) {
  run(shape, left(a), {b.data, 0, 0}, c, isa);
}

template <class T>
void pack(Index n, Index k, const MatrixView<T>& b, T* packed, Isa isa) {
  const GemmTable<T>& table = instruction_set(isa).gemm<T>();
  const Operand<T> from = right(b);
  for (Index p = 0; p < k; p += machine::gemm_depth) {
    const Index part = std::min(machine::gemm_depth, k - p);
    pack_columns_of(table, from.from(p, 0), n, part, packed + p * round_up(n, table.nr));
  }
}

template <class T>
Index packed_size(Index n, Index k, Isa isa) {
  return round_up(n, instruction_set(isa).gemm<T>().nr) * k;
}

template <class T>
Index panel_columns(Isa isa) {
  return instruction_set(isa).gemm<T>().nr;
}

#define UNSPOOL_GEMM(T)                                                                                    \
  template void gemm(const GemmShape&, const MatrixView<T>&, const MatrixView<T>&, const GemmResult<T>&,   \
                     Isa);                                                                                 \
  template void gemm(const GemmShape&, const MatrixView<T>&, const PackedMatrix<T>&, const GemmResult<T>&, \
                     Isa);                                                                                 \
  template void pack(Index, Index, const MatrixView<T>&, T*, Isa);                                         \
  template Index packed_size<T>(Index, Index, Isa);                                                        \
  template Index panel_columns<T>(Isa);
UNSPOOL_GEMM(float)
UNSPOOL_GEMM(double)
#undef UNSPOOL_GEMM

}  // namespace unspool::kernels
