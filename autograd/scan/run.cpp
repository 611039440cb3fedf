#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

#include <unspool/autograd/scan/run.h>
#include <unspool/core/internal/float_mode.h>
#include <unspool/core/internal/threads.h>
#include <unspool/core/kernels/gemm.h>
#include <unspool/core/threads.h>

namespace unspool::scan_compiler {
namespace {

bool sums_rows(const Reduction& reduction) { return !std::holds_alternative<ValueReduction>(reduction); }

template <class F>
void for_each_output(const Reduction& reduction, F&& visit) {
  if (const auto* const products = std::get_if<ProductReductions>(&reduction)) {
    for (const ProductReductions::Term& term : products->terms) visit(term.output);
  } else if (const auto* const rows = std::get_if<RowReduction>(&reduction)) {
    visit(rows->output);
  } else {
    visit(std::get<ValueReduction>(reduction).output);
  }
}

}  // namespace

Run::Run(const Executable& executable, Index most_steps, Index groups, Index threads)
    : code_(executable),
      threads_(threads),
      memory_(executable, groups, chunk_steps(executable, most_steps, groups, threads_)) {}

void Run::operator()(std::span<const ScanArray> inputs, std::span<const ScanArray> outputs, Index steps) {
  const internal::FlushToZero flush;
  std::optional<internal::SerialScope> alone;
  if (threads_ == 1) alone.emplace();
  memory_.bind(inputs, outputs, steps);
  if (!std::exchange(prepared_, true)) prepare();
  const Schedule& schedule = schedule_for(code_, memory_.groups(), threads_);
  if (schedule.group_by_group) {
    parallel_for(memory_.groups(), 1, [&](Index begin, Index end) {
      for (Index group = begin; group < end; ++group) run_group(schedule, group);
    });
  } else {
    Executor executor(code_, memory_);
    for_each_chunk(0, code_.rows, [&](const Window& window) {
      executor.set_window(window);
      for (const Region& region : schedule.chunk) run_region(region, executor);
    });
    executor.set_window(last_window(0, code_.rows));
    for (const Region& region : schedule.finish) run_region(region, executor);
  }
  if (steps > 0) add_group_sums();
  memory_.begin_sums();
}

template <class F>
void Run::for_each_chunk(Index first_row, Index rows, F&& visit) const {
  for (Index first = 0; first < memory_.steps(); first += memory_.chunk_steps()) {
    visit(Window{first, std::min(memory_.steps(), first + memory_.chunk_steps()), first_row, rows});
  }
}

Window Run::last_window(Index first_row, Index rows) const {
  const Index steps = memory_.steps();
  return {steps == 0 ? 0 : (steps - 1) / memory_.chunk_steps() * memory_.chunk_steps(), steps, first_row,
          rows};
}

void Run::run_group(const Schedule& schedule, Index group) const {
  const Index begin = memory_.group_begin(group);
  const Index end = memory_.group_begin(group + 1);
  Executor executor(code_, memory_);
  const auto run = [&](const std::vector<Region>& regions) {
    for (const Region& region : regions) {
      for (const Task& task : region.tasks) executor.run(task, {begin, end}, {group, group + 1}, false);
    }
  };
  for_each_chunk(begin, end - begin, [&](const Window& window) {
    executor.set_window(window);
    run(schedule.chunk);
  });
  executor.set_window(last_window(begin, end - begin));
  run(schedule.finish);
}

void Run::run_region(const Region& region, const Executor& executor) const {
  const Index rows = code_.rows;
  const auto run = [&](Index begin, Index end, bool share) {
    for (const Task& task : region.tasks) executor.run(task, {begin, end}, {0, memory_.groups()}, share);
  };
  const Index shares = row_shares(code_, threads_);
  if (region.cut == Region::Cut::within_tasks) {
    run(0, rows, true);
  } else if (shares == 1) {
    run(0, rows, false);
  } else {
    parallel_for(rows, (rows + shares - 1) / shares, [&](Index begin, Index end) { run(begin, end, false); });
  }
}

void Run::prepare() {
  Executor(code_, memory_).run_once();
  for (std::size_t m = 0; m < code_.matrices.size(); ++m) {
    const Matrix& matrix = code_.matrices[m];
    const std::byte* from = memory_.locate(matrix.value, 0, {});
    const Index stride = matrix.transpose ? matrix.depth : matrix.columns;
    visit_floating(code_.specs[index_of(matrix.value)].dtype, [&]<class T>(T) {
      kernels::pack<T>(matrix.columns, matrix.depth,
                       {reinterpret_cast<const T*>(from), stride, matrix.transpose},
                       reinterpret_cast<T*>(memory_.packed(static_cast<int>(m))));
    });
  }
  // Sums over rows start with the first thing that is added, unless nothing is.
  if (memory_.steps() == 0 || code_.rows == 0) memory_.begin_sums();
  for (const Reduction& reduction : code_.reductions) {
    if (sums_rows(reduction) && !memory_.sums_begun()) continue;
    for_each_output(reduction, [&](int output) {
      const Value value = code_.program->reduced_outputs[static_cast<std::size_t>(output)];
      std::memset(memory_.reduced(output), 0, code_.bytes(value));
    });
  }
}

void Run::add_group_sums() const {
  if (memory_.groups() == 1) return;
  for (const Reduction& reduction : code_.reductions) {
    if (!sums_rows(reduction)) continue;
    for_each_output(reduction, [&](int output) {
      const RunMemory::SumShape& shape = memory_.sum_shape(output);
      visit_floating(shape.dtype, [&]<class T>(T) {
        const auto row_of = [&](Index group, Index i) {
          const auto [data, stride] = memory_.sum(output, group);
          return reinterpret_cast<const T*>(data) + i * stride;
        };
        T* const whole = reinterpret_cast<T*>(memory_.reduced(output));
        const Index share =
            std::max<Index>(1, machine::elementwise_task_elements / std::max<Index>(1, shape.columns));
        parallel_for(shape.rows, share, [&](Index begin, Index end) {
          for (Index i = begin; i < end; ++i) {
            T* const to = whole + i * shape.columns;
            std::copy_n(row_of(0, i), shape.columns, to);
            for (Index group = 1; group < memory_.groups(); ++group) {
              const T* const other = row_of(group, i);
              for (Index j = 0; j < shape.columns; ++j) to[j] += other[j];
            }
          }
        });
      });
    });
  }
}

}  // namespace unspool::scan_compiler
