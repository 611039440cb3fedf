#include <algorithm>

#include <unspool/autograd/scan/executor.h>
#include <unspool/core/kernels/gemm.h>
#include <unspool/core/threads.h>

namespace unspool::scan_compiler {

void Executor::reduce(Interval groups) const {
  for (const Reduction& reduction : code_.reductions) {
    std::visit([&](const auto& own) { reduce(own, groups); }, reduction);
  }
}

/// Each thread packs columns of the right side of a group, for all products that share it, and waits for
/// nobody.
void Executor::reduce(const ProductReductions& reductions, Interval groups) const {
  const Index all_columns = code_.slot(reductions.right).columns;
  Frame frame(code_);
  const Index time = memory_.first_time(window_);
  Index left_columns = 0;
  for (const ProductReductions::Term& term : reductions.terms) {
    frame[term.left] = memory_.locate(term.left, time, window_);
    frame[term.right] = memory_.locate(term.right, time, window_);
    left_columns += code_.slot(term.left).columns;
  }
  visit_floating(code_.specs[index_of(reductions.right)].dtype, [&]<class T>(T) {
    const Index panel = kernels::panel_columns<T>();
    const Index panels = (all_columns + panel - 1) / panel;
    const Index pieces = groups.size() * panels;
    const Index work = left_columns * window_.steps() * memory_.group_rows() * panel;
    const Index share = std::max((pieces + num_threads() - 1) / num_threads(),
                                 machine::gemm_task_multiply_adds / std::max<Index>(1, work));
    parallel_for(pieces, std::max<Index>(1, share), [&](Index first, Index last) {
      // Pieces of one group follow one another.
      for (Index g = first / panels; g * panels < last; ++g) {
        const Index left = std::max(first - g * panels, Index{0}) * panel;
        const Index columns = std::min(all_columns, (last - g * panels) * panel) - left;
        reduce_columns<T>(reductions, frame, groups.begin + g, left, columns);
      }
    });
  });
}

kernels::Runs Executor::runs_from(Value value, Index group, Index row, std::byte*& data) const {
  const Value root = code_.slot(value).root;
  const Index rows = memory_.group_begin(group + 1) - memory_.group_begin(group);
  const Index apart = memory_.step_rows(root, window_);
  data += static_cast<std::size_t>(row / rows * apart + memory_.group_begin(group) + row % rows) *
          memory_.row_bytes(root);
  return apart == rows ? kernels::one_run : kernels::Runs{rows, apart, row % rows};
}

template <class T>
void Executor::reduce_columns(const ProductReductions& reductions, Frame& frame, Index group, Index left,
                              Index columns) const {
  constexpr Index depth = machine::gemm_depth;
  const Slot& b = code_.slot(reductions.right);
  const Index rows = window_.steps() * (memory_.group_begin(group + 1) - memory_.group_begin(group));
  const PooledBuffer<T> packed(
      static_cast<std::size_t>(kernels::packed_size<T>(columns, std::min(rows, depth))));
  for (Index done = 0; done < rows; done += depth) {
    const Index part = std::min(depth, rows - done);
    std::byte* from = frame[reductions.right];
    const kernels::Runs right_runs = runs_from(reductions.right, group, done, from);
    kernels::pack<T>(columns, part, {reinterpret_cast<const T*>(from) + left, b.stride, false, right_runs},
                     packed.data());
    for (const ProductReductions::Term& term : reductions.terms) {
      const Slot& a = code_.slot(term.left);
      const Slot& own = code_.slot(term.right);
      const Index own_first = own.offset - b.offset;
      const Index begin = std::max(left, own_first);
      const Index end = std::min(left + columns, own_first + own.columns);
      if (begin >= end) continue;
      const auto [sum, stride] = memory_.sum(term.output, group);
      T* const to = reinterpret_cast<T*>(sum) + begin - own_first;
      std::byte* first = frame[term.left];
      const kernels::Runs runs = runs_from(term.left, group, done, first);
      kernels::gemm<T>({a.columns, end - begin, part},
                       {reinterpret_cast<const T*>(first), a.stride, true, runs},
                       kernels::PackedMatrix<T>{packed.data()}.columns_from(begin - left, part),
                       kernels::accumulated(to, stride, continues_sums() || done > 0));
    }
  }
}

void Executor::reduce(const RowReduction& reduction, Interval groups) const {
  const Slot& x = code_.slot(reduction.value);
  visit_floating(code_.specs[index_of(reduction.value)].dtype, [&]<class T>(T) {
    const T* from =
        reinterpret_cast<const T*>(memory_.locate(reduction.value, memory_.first_time(window_), window_));
    const Index apart = memory_.step_rows(x.root, window_);
    const Index in_step = (memory_.group_rows() + machine::scan_chain_rows - 1) / machine::scan_chain_rows;
    const Index in_group = window_.steps() * in_step;
    const Index pieces = groups.size() * in_group;
    const Index longest = std::max(in_group, machine::scan_chain_rows);
    const PooledBuffer<T> memory(static_cast<std::size_t>(pieces * x.columns + longest));
    T* const partial = memory.data();
    T* const ones = partial + pieces * x.columns;
    std::fill_n(ones, longest, T{1});
    const Index share = std::max<Index>(
        1, machine::elementwise_task_elements / (machine::scan_chain_rows * std::max<Index>(1, x.columns)));
    parallel_for(pieces, share, [&](Index first, Index last) {
      for (Index piece = first; piece < last; ++piece) {
        const Index group = groups.begin + piece / in_group;
        const Index step = piece % in_group / in_step;
        const Index row = memory_.group_begin(group) + piece % in_step * machine::scan_chain_rows;
        const Index rows =
            std::clamp(memory_.group_begin(group + 1) - row, Index{0}, machine::scan_chain_rows);
        kernels::gemm<T>({1, x.columns, rows}, {ones, longest},
                         {from + (step * apart + row) * x.stride, x.stride},
                         {partial + piece * x.columns, x.columns});
      }
    });
    for (Index group = groups.begin; group < groups.end; ++group) {
      T* const sum = reinterpret_cast<T*>(memory_.sum(reduction.output, group).data);
      kernels::gemm<T>({1, x.columns, in_group}, {ones, longest},
                       {partial + (group - groups.begin) * in_group * x.columns, x.columns},
                       kernels::accumulated(sum, x.columns, continues_sums()));
    }
  });
}

/// In the order of the loop, so that sums have one order.
void Executor::reduce(const ValueReduction& reduction, Interval) const {
  const Slot& slot = code_.slot(reduction.value);
  const Index rows = slot.has_rows ? code_.rows : 1;
  visit_floating(code_.specs[index_of(reduction.value)].dtype, [&]<class T>(T) {
    T* to = reinterpret_cast<T*>(memory_.reduced(reduction.output));
    for (Index step = window_.first_step; step < window_.end_step; ++step) {
      const T* from =
          reinterpret_cast<const T*>(memory_.locate(reduction.value, memory_.time_of(step), window_));
      for (Index r = 0; r < rows; ++r) {
        for (Index c = 0; c < slot.columns; ++c) to[r * slot.columns + c] += from[r * slot.stride + c];
      }
    }
  });
}

}  // namespace unspool::scan_compiler
