#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

#include <unspool/autograd/scan/executor.h>
#include <unspool/core/kernels/machine.h>
#include <unspool/core/kernels/strided.h>
#include <unspool/core/threads.h>

namespace unspool::scan_compiler {

/// Moves the addresses of the loop's values from step to step, by fixed distances; those of the carries only
/// in the middle of a run.
class Executor::LoopCursor {
 public:
  LoopCursor(const Executor& executor, Frame& frame) : executor_(executor), frame_(frame) {
    const Executable& code = executor.code_;
    const Window& window = executor.window_;
    // The first steps of a window and the last one of the run have places of their own.
    steady_from_ = window.first_step + 3;
    steady_end_ = std::min(window.end_step, executor.memory_.steps() - 1);
    const auto locate = [&](Value value, Index step) {
      return executor.memory_.locate_in_loop(value, step, window);
    };
    SmallVector<bool, 64> seen(code.layout.slots.size());
    for (const CodeSegment& segment : code.segments[Phase::loop]) {
      for (Value value : segment.values) {
        if (std::exchange(seen[index_of(value)], true)) continue;
        frame[value] = locate(value, window.first_step);
        const Slot& slot = code.slot(value);
        if (slot.storage == Storage::carry_in || slot.storage == Storage::carry_out) {
          const std::ptrdiff_t by =
              steady_from_ < steady_end_ ? locate(value, steady_from_) - locate(value, steady_from_ - 2) : 0;
          carried_.push_back({value, nullptr, by});
        } else if (slot.storage == Storage::sequence || slot.storage == Storage::stacked ||
                   slot.storage == Storage::chunk) {
          const auto bytes =
              static_cast<std::ptrdiff_t>(executor.memory_.time_bytes(slot.root, executor.window_));
          moving_.push_back({value, code.program->reverse ? -bytes : bytes});
        }
      }
    }
  }

  /// To the step after the one that it is at.
  void advance_to(Index step) {
    for (const Moving& each : moving_) frame_[each.value] += each.by;
    const bool steady = step >= steady_from_ && step < steady_end_;
    for (Carried& each : carried_) {
      std::byte*& here = frame_[each.value];
      std::byte* const next = steady ? each.before + each.by_in_two
                                     : executor_.memory_.locate_in_loop(each.value, step, executor_.window_);
      each.before = std::exchange(here, next);
    }
  }

 private:
  struct Moving {
    Value value;
    std::ptrdiff_t by;
  };
  /// A carry moves by a fixed distance in two steps: it is stacked, or one of two buffers in turn.
  struct Carried {
    Value value;
    std::byte* before;
    std::ptrdiff_t by_in_two;
  };
  const Executor& executor_;
  Frame& frame_;
  Index steady_from_;
  Index steady_end_;
  SmallVector<Moving, 32> moving_;
  SmallVector<Carried, 16> carried_;
};

void Executor::run(const Task& task, Interval rows, Interval groups, bool share) const {
  const Layout& layout = code_.layout;
  // A value without rows of the batch has others, which only a task for all rows copies.
  const Interval copied = share ? Interval{0, std::numeric_limits<Index>::max()} : rows;
  switch (task.kind) {
    case Task::Kind::read_batch_major:
      for (const BatchMajor& each : layout.batch_major_sequences) {
        copy_batch_major(each, memory_.sequence(each.index), true, copied);
      }
      return;
    case Task::Kind::run: {
      if (task.phase == Phase::loop) return run_loop(rows);
      if (window_.steps() == 0) return;
      const std::span<const CodeSegment> segments(code_.segments[task.phase]);
      // The last phase runs at the last step only.
      const Index first = task.phase == Phase::last ? memory_.steps() - 1 : window_.first_step;
      return run_segments(segments.subspan(task.first, task.end - task.first), {first, window_.end_step},
                          rows, share);
    }
    case Task::Kind::reduce:
      return reduce(groups);
    case Task::Kind::write_batch_major:
      for (const BatchMajor& each : layout.batch_major_outputs) {
        copy_batch_major(each, memory_.stacked(each.index), false, copied);
      }
      return;
    case Task::Kind::finish_carries:
      return finish_carries(rows);
  }
}

void Executor::run_once() const {
  Frame frame(code_);
  for (const CodeSegment& segment : code_.segments[Phase::once]) {
    for (Value value : segment.values) frame[value] = memory_.locate(value, 0, window_);
    run_rows(segment, frame, {0, 0});
  }
}

void Executor::run_segments(std::span<const CodeSegment> segments, Interval steps, Interval rows,
                            bool share) const {
  const Index first_time = std::min(memory_.time_of(steps.begin), memory_.time_of(steps.end - 1));
  const bool whole_window = rows.begin == window_.first_row && rows.end == window_.end_row();
  const bool in_group = window_.rows != code_.rows;
  for (const CodeSegment& segment : segments) {
    if (whole_window && (in_group ? segment.dense_in_group : segment.dense_over_time)) {
      // The rows of all steps are one run: they go at once, a product as one product.
      const auto run = [&](Index from, Index to) {
        Frame frame(code_);
        locate(frame, segment, first_time);
        run_rows(segment, frame, {rows.begin + from, rows.begin + to});
      };
      const Index all = steps.size() * window_.rows;
      if (segment.elementwise && share) {
        const Index block = segment.share_rows;
        const Index blocks = machine::elementwise_task_elements / (segment.columns * block);
        parallel_for(all, std::max<Index>(1, blocks) * block, run);
      } else {
        run(0, all);
      }
      continue;
    }
    const auto run = [&](Index from, Index to) {
      Frame frame(code_);
      for (Index step = steps.begin + from; step < steps.begin + to; ++step) {
        locate(frame, segment, memory_.time_of(step));
        run_rows(segment, frame, rows);
      }
    };
    if (segment.elementwise && share) {
      parallel_for(steps.size(), 1, run);
    } else {
      run(0, steps.size());
    }
  }
}

void Executor::run_loop(Interval rows) const {
  const Program& program = *code_.program;
  Frame frame(code_);
  for (std::size_t k = 0; k < program.carries.size(); ++k) {
    if (window_.first_step != 0 || code_.layout.trajectory[k] < 0) continue;
    const auto e = static_cast<std::size_t>(code_.layout.trajectory[k]);
    std::byte* const to = static_cast<std::byte*>(memory_.stacked(e).data) +
                          static_cast<std::size_t>(memory_.time_of(0)) * code_.bytes(program.carries[k]);
    copy_carry(to, memory_.carry_in(k), k, rows);
  }
  LoopCursor cursor(*this, frame);
  for (Index step = window_.first_step; step < window_.end_step; ++step) {
    if (step > window_.first_step) cursor.advance_to(step);
    for (const CodeSegment& segment : code_.segments[Phase::loop]) run_rows(segment, frame, rows);
  }
  for (std::size_t k = 0; k < program.carries.size(); ++k) {
    if (code_.slot(code_.next_carry[k]).storage != Storage::chunk || window_.steps() == 0) continue;
    const Index last = memory_.time_of(window_.end_step - 1);
    copy_carry(memory_.carry_between_chunks(k), memory_.locate(code_.next_carry[k], last, window_), k, rows);
  }
}

void Executor::locate(Frame& frame, const CodeSegment& segment, Index time) const {
  for (Value value : segment.values) frame[value] = memory_.locate(value, time, window_);
}

void Executor::copy_batch_major(const BatchMajor& each, const ScanArray& whole, bool to_chunk,
                                Interval rows) const {
  const Spec& spec = code_.specs[index_of(each.value)];
  const Index all = spec.shape[0];
  const Index columns = all == 0 ? 0 : spec.shape.elements() / all;
  const std::size_t element = code_.element_bytes(each.value);
  const Index time = memory_.first_time(window_);
  std::byte* const by_rows = static_cast<std::byte*>(whole.data) +
                             static_cast<std::size_t>((rows.begin * whole.steps + time) * columns) * element;
  std::byte* const by_steps =
      memory_.locate(each.value, time, window_) + static_cast<std::size_t>(rows.begin * columns) * element;
  const Shape sizes{window_.steps(), std::min(rows.end, all) - rows.begin, columns};
  const kernels::Strides row_strides{columns, whole.steps * columns, 1};
  const kernels::Strides step_strides{static_cast<Index>(memory_.time_bytes(each.value, window_) / element),
                                      columns, 1};
  if (to_chunk) {
    kernels::copy(sizes, element, by_rows, row_strides, by_steps, step_strides);
  } else {
    kernels::copy(sizes, element, by_steps, step_strides, by_rows, row_strides);
  }
}

void Executor::finish_carries(Interval rows) const {
  const Program& program = *code_.program;
  const Index steps = memory_.steps();
  for (std::size_t k = 0; k < program.carries.size(); ++k) {
    const Slot& slot = code_.slot(code_.next_carry[k]);
    const std::byte* from = steps == 0 ? memory_.carry_in(k) : nullptr;
    if (steps > 0 && (slot.storage == Storage::chunk || slot.is_addressable())) {
      from = memory_.carry_after(k, steps - 1, window_);
    }
    if (from != nullptr) copy_carry(memory_.carry_out(k), from, k, rows);
  }
}

void Executor::copy_carry(std::byte* to, const std::byte* from, std::size_t k, Interval rows) const {
  const std::size_t bytes = code_.bytes(code_.program->carries[k]);
  const std::size_t row =
      code_.row_parallel ? bytes / static_cast<std::size_t>(std::max<Index>(1, code_.rows)) : bytes;
  const std::size_t begin = static_cast<std::size_t>(rows.begin) * row;
  std::memcpy(to + begin, from + begin, static_cast<std::size_t>(rows.size()) * row);
}

}  // namespace unspool::scan_compiler
