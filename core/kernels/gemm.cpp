#include <algorithm>
#include <cstddef>

#include <unspool/core/internal/quotient.h>
#include <unspool/core/kernels/gemm.h>
#include <unspool/core/kernels/gemm_jit.h>
#include <unspool/core/kernels/instruction_set.h>
#include <unspool/core/pooled.h>
#include <unspool/core/threads.h>

namespace unspool::kernels {

namespace {

using internal::quotient;
Index pieces(Index value, Index step) { return quotient(value + step - 1, step); }
Index round_up(Index value, Index step) { return pieces(value, step) * step; }
/// The size of a task: so many units of this cost make up the work that is worth a thread.
Index task_size(Index work, Index cost) { return std::max<Index>(1, quotient(work, cost)); }

template <class T>
Factor<T> left_factor(const MatrixView<T>& a) {
  return a.transposed ? Factor<T>{a.data, a.stride, 1, a.runs} : Factor<T>{a.data, 1, a.stride, a.runs};
}

template <class T>
Factor<T> right_factor(const MatrixView<T>& b) {
  return b.transposed ? Factor<T>{b.data, 1, b.stride, b.runs} : Factor<T>{b.data, b.stride, 1, b.runs};
}

/// Whether k rows lie in more than one run.
template <class T>
bool is_cut(const Factor<T>& factor, Index k) {
  return factor.runs.first + k > factor.runs.length;
}

/// The factor from element p along k and row or column i on.
template <class T>
Factor<T> part_of(const Factor<T>& factor, Index p, Index i) {
  const Runs& runs = factor.runs;
  const Index at = runs.first + p;
  const Index run = at < runs.length ? 0 : quotient(at, runs.length);
  const Index first = at - run * runs.length;
  return {factor.data + (run * runs.stride + first - runs.first) * factor.step + i * factor.across,
          factor.step,
          factor.across,
          {runs.length, runs.stride, first}};
}

/// Packs n columns of B, `part` deep, dealt to threads.
template <class T>
void pack_columns(const GemmTable<T>& table, const Factor<T>& b, Index n, Index part, T* packed) {
  const Index nr = table.nr;
  parallel_for(pieces(n, nr), task_size(machine::pack_task_elements, nr * part),
               [&](Index first, Index last) {
                 table.pack_b(std::min(n, last * nr) - first * nr, part, part_of(b, 0, first * nr),
                              packed + first * nr * part);
               });
}

/// The left side of a product: decides once, for all blocks, whether tiles read A in place, packed or
/// copied, and prepares it so, block by block.
template <class T>
class LeftSide {
 public:
  LeftSide(const GemmTable<T>& table, bool jit, const GemmShape& shape, const Factor<T>& a)
      : table_(table), a_(a), access_(choose(table, jit, shape, a)), memory_(elements(shape)) {}

  /// `height` rows from `first` on, `part` deep from k = p on. Valid until the next call.
  LeftRows<T> prepare(Index first, Index height, Index p, Index part) const {
    const Factor<T> a = part_of(a_, p, first);
    switch (access_) {
      case Access::packed:
        return pack(a, height, part);
      case Access::copied:
        return copy(a, height, part);
      case Access::in_place:
        break;
    }
    return {a.data, a.step == 1 ? LeftLayout::rows : LeftLayout::columns, a.across, a.step};
  }

  /// The rows from `row` on, which begins a tile.
  LeftRows<T> rows_from(LeftRows<T> rows, Index row) const {
    rows.data += rows.layout == LeftLayout::packed ? quotient(row, table_.mr) * rows.panel : row * rows.row;
    return rows;
  }

 private:
  enum class Access { in_place, packed, copied };

  static Access choose(const GemmTable<T>& table, bool jit, const GemmShape& shape, const Factor<T>& a) {
    const auto [m, n, k] = shape;
    if (is_cut(a, k)) return Access::packed;
    if (a.step != 1) {
      // Only JIT-compiled tiles read columns of A where they lie.
      const bool many_panels = n > machine::gemm_unpacked_panels_transposed * table.nr;
      return many_panels || !jit ? Access::packed : Access::in_place;
    }
    const bool many_panels = n > machine::gemm_unpacked_panels * table.nr;
    if (m > machine::gemm_unpacked_rows && many_panels) return Access::packed;
    const bool alias = std::min(m, table.mr) > machine::l1_alias_rows &&
                       a.across * static_cast<Index>(sizeof(T)) % machine::l1_alias_stride == 0;
    return alias && n >= machine::gemm_copy_panels * table.nr ? Access::copied : Access::in_place;
  }

  std::size_t elements(const GemmShape& shape) const {
    const Index rows = std::min(shape.m, machine::gemm_block_rows);
    const Index part = std::min(shape.k, machine::gemm_depth);
    switch (access_) {
      case Access::packed:
        return static_cast<std::size_t>(round_up(rows, table_.mr) * part);
      case Access::copied:
        return static_cast<std::size_t>(rows * copied_stride(part));
      case Access::in_place:
        break;
    }
    return 0;
  }

  LeftRows<T> pack(const Factor<T>& a, Index height, Index part) const {
    const Index mr = table_.mr;
    T* const to = memory_.data();
    parallel_for(pieces(height, mr), task_size(machine::pack_task_elements, mr * part),
                 [&](Index first, Index last) {
                   table_.pack_a(std::min(height, last * mr) - first * mr, part, part_of(a, 0, first * mr),
                                 to + first * mr * part);
                 });
    return {to, LeftLayout::packed, 1, mr, mr * part};
  }

  /// A row of a copy has a cache line more than its elements, so that rows do not alias.
  static Index copied_stride(Index part) {
    return part + machine::cache_line_bytes / static_cast<Index>(sizeof(T));
  }
  LeftRows<T> copy(const Factor<T>& a, Index height, Index part) const {
    const Index stride = copied_stride(part);
    T* const to = memory_.data();
    parallel_for(height, task_size(machine::pack_task_elements, part), [&](Index first, Index last) {
      for (Index i = first; i < last; ++i) std::copy_n(a.data + i * a.across, part, to + i * stride);
    });
    return {to, LeftLayout::rows, stride, 1};
  }

  const GemmTable<T>& table_;
  Factor<T> a_;
  Access access_;
  PooledBuffer<T> memory_;
};

template <class T>
class Product {
 public:
  /// B is given in memory or packed. All arguments have to outlive the product.
  Product(const GemmShape& shape, const MatrixView<T>& a, const MatrixView<T>* b, const T* packed,
          const GemmResult<T>& c, Isa isa)
      : table_(instruction_set(isa).gemm<T>()),
        isa_(isa),
        shape_(shape),
        a_(left_factor(a)),
        b_(b == nullptr ? Factor<T>{} : right_factor(*b)),
        packed_(packed),
        c_(c) {}

  void run() const {
    const auto [m, n, k] = shape_;
    if (m <= 0 || n <= 0) return;
    if (k <= 0) return run_empty();
    constexpr Index plain = machine::gemm_plain_multiply_adds;
    const bool cut = is_cut(a_, k) || is_cut(b_, k);
    if (packed_ == nullptr && m <= plain && n <= plain && k <= plain && m * n * k <= plain && !cut) {
      table_.plain(shape_, a_, b_, c_);
    } else if (m <= machine::gemv_rows && (packed_ != nullptr || b_.across == 1) && !cut) {
      run_gemv();
    } else if (m <= machine::gemm_small_batch_rows) {
      run_small_batch();
    } else {
      run_blocked();
    }
  }

 private:
  /// The packed panels of the columns from j on, for the part of k that begins at p.
  const T* packed_panels(Index j, Index p, Index part) const {
    return packed_ + p * round_up(shape_.n, table_.nr) + j * part;
  }

  /// C from row i and column j on, for the part of k that begins at p: parts but the first go on from the
  /// sums so far, and the last one adds the bias.
  GemmResult<T> result(Index p, Index i, Index j) const {
    const Start<T> start = p > 0 ? Start<T>{c_.data, c_.stride} : c_.start;
    const T* const bias = p + machine::gemm_depth < shape_.k ? nullptr : c_.bias;
    return GemmResult<T>{c_.data, c_.stride, start, bias}.from(i, j);
  }

  void run_block(GemmJit<T>& jit, const GemmShape& shape, const LeftRows<T>& a, const T* b,
                 const GemmResult<T>& c) const {
    const TileCut cut = cut_tiles(shape.m, shape.n, table_.mr, table_.nr, a.layout);
    const GemmBlock<T> block{shape, cut, a, b, c};
    if (jit.run(block)) return;
    if (a.layout != LeftLayout::columns) return table_.block(block);
    // There was no memory for the code that A was left in place for.
    for (Index i = 0; i < shape.m; i += machine::gemv_rows) {
      table_.gemv({std::min(machine::gemv_rows, shape.m - i), shape.n, shape.k},
                  {a.data + i * a.row, a.step, a.row}, {b, table_.nr, table_.nr * shape.k}, c.from(i, 0));
    }
  }

  /// Sums of no products.
  void run_empty() const {
    for (Index i = 0; i < shape_.m; ++i) {
      for (Index j = 0; j < shape_.n; ++j) {
        const T start = c_.start.data == nullptr ? T{} : c_.start.data[i * c_.start.stride + j];
        c_.data[i * c_.stride + j] = c_.bias == nullptr ? start : start + c_.bias[j];
      }
    }
  }

  /// Few rows: B is read once, in place.
  void run_gemv() const {
    const auto [m, n, k] = shape_;
    constexpr Index least = machine::gemv_task_columns;
    if (n <= least) return gemv_columns(0, n);
    const Index columns =
        round_up(std::max(least, task_size(machine::gemm_task_multiply_adds, m * k)), least);
    parallel_for(n, columns, [&](Index begin, Index end) { gemv_columns(begin, end); });
  }

  void gemv_columns(Index begin, Index end) const {
    const auto [m, n, k] = shape_;
    const Index nr = table_.nr;
    if (packed_ == nullptr) {
      table_.gemv({m, end - begin, k}, a_, {b_.data + begin, b_.step, nr}, c_.from(0, begin));
      return;
    }
    for (Index p = 0; p < k; p += machine::gemm_depth) {
      const Index part = std::min(machine::gemm_depth, k - p);
      table_.gemv({m, end - begin, part}, {a_.data + p * a_.step, a_.step, a_.across},
                  {packed_panels(begin, p, part), nr, nr * part}, result(p, 0, begin));
    }
  }

  /// Rows that make one block: each panel of B is used once, and forgotten if it had to be packed.
  void run_small_batch() const {
    const auto [m, n, k] = shape_;
    const Index nr = table_.nr;
    GemmJit<T>& jit = GemmJit<T>::of(isa_);
    const LeftSide<T> left(table_, jit.available(), shape_, a_);
    for (Index p = 0; p < k; p += machine::gemm_depth) {
      const Index part = std::min(machine::gemm_depth, k - p);
      const LeftRows<T> rows = left.prepare(0, m, p, part);
      const Index share = task_size(machine::gemm_task_multiply_adds, m * part * nr);
      parallel_for(pieces(n, nr), share, [&, m = m, n = n](Index first, Index last) {
        const Index begin = first * nr;
        const Index end = std::min(n, last * nr);
        if (packed_ != nullptr) {
          run_block(jit, {m, end - begin, part}, rows, packed_panels(begin, p, part), result(p, 0, begin));
          return;
        }
        const Index group = std::min(machine::gemm_small_batch_panels * nr, end - begin);
        const PooledBuffer<T> panels(static_cast<std::size_t>(round_up(group, nr) * part));
        for (Index j = begin; j < end; j += group) {
          const Index columns = std::min(group, end - j);
          table_.pack_b(columns, part, part_of(b_, p, j), panels.data());
          run_block(jit, {m, columns, part}, rows, panels.data(), result(p, 0, j));
        }
      });
    }
  }

  /// Many rows: blocks of A and B are packed, and the tasks of threads are rectangles of C.
  void run_blocked() const {
    const auto [m, n, k] = shape_;
    GemmJit<T>& jit = GemmJit<T>::of(isa_);
    const LeftSide<T> left(table_, jit.available(), shape_, a_);
    const Index block_columns = round_up(std::min(n, machine::gemm_block_columns), table_.nr);
    const PooledBuffer<T> panels(
        static_cast<std::size_t>(packed_ != nullptr ? 0 : block_columns * std::min(k, machine::gemm_depth)));
    for (Index j = 0; j < n; j += machine::gemm_block_columns) {
      const Index columns = std::min(machine::gemm_block_columns, n - j);
      for (Index p = 0; p < k; p += machine::gemm_depth) {
        const Index part = std::min(machine::gemm_depth, k - p);
        const T* b = panels.data();
        if (packed_ != nullptr) {
          b = packed_panels(j, p, part);
        } else {
          pack_columns(table_, part_of(b_, p, j), columns, part, panels.data());
        }
        for (Index i = 0; i < m; i += machine::gemm_block_rows) {
          const Index height = std::min(machine::gemm_block_rows, m - i);
          const LeftRows<T> rows = left.prepare(i, height, p, part);
          run_tasks(jit, {height, columns, part}, left, rows, b, result(p, i, j));
        }
      }
    }
  }

  void run_tasks(GemmJit<T>& jit, const GemmShape& shape, const LeftSide<T>& left, const LeftRows<T>& rows,
                 const T* b, const GemmResult<T>& c) const {
    const auto [height, columns, part] = shape;
    // Even rectangles of at most mc rows.
    const Index task_rows = round_up(pieces(height, pieces(height, table_.mc)), table_.mr);
    const Index down = pieces(height, task_rows);
    // With few tasks threads would go without one, or with one less than others.
    const bool few =
        num_threads() > 1 && down * pieces(columns, machine::gemm_task_columns) < 2 * num_threads();
    const Index task_columns = few ? machine::gemm_task_columns / 2 : machine::gemm_task_columns;
    const Index share =
        task_size(machine::gemm_task_multiply_adds, task_rows * std::min(columns, task_columns) * part);
    parallel_for(down * pieces(columns, task_columns), share,
                 [&, height = height, columns = columns, part = part](Index first, Index last) {
                   for (Index task = first; task < last; ++task) {
                     const Index across = quotient(task, down);
                     const Index i = (task - across * down) * task_rows;
                     const Index j = across * task_columns;
                     run_block(jit,
                               {std::min(task_rows, height - i), std::min(task_columns, columns - j), part},
                               left.rows_from(rows, i), b + j * part, c.from(i, j));
                   }
                 });
  }

  const GemmTable<T>& table_;
  Isa isa_;
  const GemmShape& shape_;
  Factor<T> a_;
  Factor<T> b_;
  const T* packed_;
  const GemmResult<T>& c_;
};

}  // namespace

template <class T>
void gemm(const GemmShape& shape, const MatrixView<T>& a, const MatrixView<T>& b, const GemmResult<T>& c,
          Isa isa) {
  Product<T>(shape, a, &b, nullptr, c, isa).run();
}

template <class T>
void gemm(const GemmShape& shape, const MatrixView<T>& a, const PackedMatrix<T>& b, const GemmResult<T>& c,
          Isa isa) {
  Product<T>(shape, a, nullptr, b.data, c, isa).run();
}

template <class T>
void pack(Index n, Index k, const MatrixView<T>& b, T* packed, Isa isa) {
  const GemmTable<T>& table = instruction_set(isa).gemm<T>();
  const Factor<T> factor = right_factor(b);
  for (Index p = 0; p < k; p += machine::gemm_depth) {
    const Index part = std::min(machine::gemm_depth, k - p);
    pack_columns(table, part_of(factor, p, 0), n, part, packed + p * round_up(n, table.nr));
  }
}

template <class T>
Index packed_size(Index n, Index k, Isa isa) {
  return round_up(n, panel_columns<T>(isa)) * k;
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
