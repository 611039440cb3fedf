#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

#include <unspool/autograd/scan/executor.h>
#include <unspool/core/kernels/machine.h>
#include <unspool/core/kernels/strided.h>
#include <unspool/core/threads.h>

namespace unspool::scan_compiler {
namespace {

constexpr Index all_rows = std::numeric_limits<Index>::max();

}  // namespace

/// Moves the addresses of the loop's values from step to step: all but the carries by a fixed distance.
class Executor::LoopCursor {
 public:
  LoopCursor(const Executor& executor, Frame& frame) : executor_(executor), frame_(frame) {
    const Executable& code = executor.code_;
    SmallVector<bool, 64> seen(code.layout.slots.size());
    for (const CodeSegment& segment : code.segments[Phase::loop]) {
      for (Value value : segment.values) {
        if (std::exchange(seen[index_of(value)], true)) continue;
        frame[value] = executor.memory_.locate_in_loop(value, executor.window_.first_step, executor.window_);
        const Slot& slot = code.slot(value);
        if (slot.storage == Storage::carry_in || slot.storage == Storage::carry_out) {
          carried_.push_back(value);
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
    for (Value value : carried_) {
      frame_[value] = executor_.memory_.locate_in_loop(value, step, executor_.window_);
    }
  }

 private:
  struct Moving {
    Value value;
    std::ptrdiff_t by;
  };
  const Executor& executor_;
  Frame& frame_;
  SmallVector<Moving, 32> moving_;
  SmallVector<Value, 16> carried_;
};

void Executor::run(const Task& task, Index begin, Index end, bool share, Index first_group,
                   Index end_group) const {
  const Layout& layout = code_.layout;
  switch (task.kind) {
    case Task::Kind::read_batch_major:
      for (const BatchMajor& each : layout.batch_major_sequences) {
        copy_batch_major(each, memory_.sequence(each.index), true, begin, share ? all_rows : end);
      }
      return;
    case Task::Kind::run: {
      if (task.phase == Phase::loop) return run_loop(begin, end);
      const std::span<const CodeSegment> segments(code_.segments[task.phase]);
      if (window_.steps() == 0) return;
      // The last phase runs at the last step only.
      const Index first = task.phase == Phase::last ? memory_.steps() - 1 : window_.first_step;
      return run_segments(segments.subspan(task.first, task.end - task.first), first, window_.end_step, begin,
                          end, share);
    }
    case Task::Kind::reduce:
      return reduce(first_group, end_group);
    case Task::Kind::write_batch_major:
      for (const BatchMajor& each : layout.batch_major_outputs) {
        copy_batch_major(each, memory_.stacked(each.index), false, begin, share ? all_rows : end);
      }
      return;
    case Task::Kind::finish_carries:
      return finish_carries(begin, end);
  }
}

void Executor::run_once() const {
  Frame frame(code_);
  for (const CodeSegment& segment : code_.segments[Phase::once]) {
    for (Value value : segment.values) frame[value] = memory_.locate(value, 0, window_);
    run_rows(segment, frame, 0, 0);
  }
}

void Executor::run_segments(std::span<const CodeSegment> segments, Index first, Index end_step, Index begin,
                            Index end, bool share) const {
  const Index steps = end_step - first;
  const Index first_time = std::min(memory_.time_of(first), memory_.time_of(end_step - 1));
  const bool whole_window = begin == window_.first_row && end == window_.end_row();
  const bool in_group = window_.rows != code_.rows;
  for (const CodeSegment& segment : segments) {
    if (whole_window && (in_group ? segment.dense_in_group : segment.dense_over_time)) {
      // The rows of all steps are one run: they go at once, a product as one product.
      const Index rows = steps * window_.rows;
      const auto run = [&](Index from, Index to) {
        Frame frame(code_);
        locate(frame, segment, first_time);
        run_rows(segment, frame, begin + from, begin + to);
      };
      if (!segment.elementwise || !share) {
        run(0, rows);
      } else {
        const Index block = segment.share_rows;
        parallel_for(
            rows, std::max<Index>(1, machine::elementwise_task_elements / (segment.columns * block)) * block,
            run);
      }
      continue;
    }
    const auto run = [&](Index from, Index to) {
      Frame frame(code_);
      for (Index step = first + from; step < first + to; ++step) {
        locate(frame, segment, memory_.time_of(step));
        run_rows(segment, frame, begin, end);
      }
    };
    if (segment.elementwise && share) {
      parallel_for(steps, 1, run);
    } else {
      run(0, steps);
    }
  }
}

void Executor::run_loop(Index begin, Index end) const {
  const Program& program = *code_.program;
  Frame frame(code_);
  for (std::size_t k = 0; k < program.carries.size(); ++k) {
    if (window_.first_step != 0 || code_.layout.trajectory[k] < 0) continue;
    const auto e = static_cast<std::size_t>(code_.layout.trajectory[k]);
    std::byte* const to = static_cast<std::byte*>(memory_.stacked(e).data) +
                          static_cast<std::size_t>(memory_.time_of(0)) * code_.bytes(program.carries[k]);
    copy_carry(to, memory_.carry_in(k), k, begin, end);
  }
  LoopCursor cursor(*this, frame);
  for (Index step = window_.first_step; step < window_.end_step; ++step) {
    if (step > window_.first_step) cursor.advance_to(step);
    for (const CodeSegment& segment : code_.segments[Phase::loop]) run_rows(segment, frame, begin, end);
  }
  for (std::size_t k = 0; k < program.carries.size(); ++k) {
    if (code_.slot(code_.next_carry[k]).storage != Storage::chunk || window_.steps() == 0) continue;
    copy_carry(memory_.carry_between_chunks(k),
               memory_.locate(code_.next_carry[k], memory_.time_of(window_.end_step - 1), window_), k, begin,
               end);
  }
}

void Executor::locate(Frame& frame, const CodeSegment& segment, Index time) const {
  for (Value value : segment.values) frame[value] = memory_.locate(value, time, window_);
}

void Executor::copy_batch_major(const BatchMajor& each, const ScanArray& whole, bool to_chunk, Index begin,
                                Index end) const {
  const Spec& spec = code_.specs[index_of(each.value)];
  const Index rows = spec.shape[0];
  const Index columns = rows == 0 ? 0 : spec.shape.elements() / rows;
  const std::size_t element = code_.element_bytes(each.value);
  const Index time = memory_.first_time(window_);
  std::byte* const by_rows = static_cast<std::byte*>(whole.data) +
                             static_cast<std::size_t>((begin * whole.steps + time) * columns) * element;
  std::byte* const by_steps =
      memory_.locate(each.value, time, window_) + static_cast<std::size_t>(begin * columns) * element;
  const Shape sizes{window_.steps(), std::min(end, rows) - begin, columns};
  const kernels::Strides row_strides{columns, whole.steps * columns, 1};
  const kernels::Strides step_strides{static_cast<Index>(memory_.time_bytes(each.value, window_) / element),
                                      columns, 1};
  if (to_chunk) {
    kernels::copy(sizes, element, by_rows, row_strides, by_steps, step_strides);
  } else {
    kernels::copy(sizes, element, by_steps, step_strides, by_rows, row_strides);
  }
}

void Executor::finish_carries(Index begin, Index end) const {
  const Program& program = *code_.program;
  const Index steps = memory_.steps();
  for (std::size_t k = 0; k < program.carries.size(); ++k) {
    const Slot& slot = code_.slot(code_.next_carry[k]);
    const std::byte* from = steps == 0 ? memory_.carry_in(k) : nullptr;
    if (steps > 0 && (slot.storage == Storage::chunk || slot.is_addressable())) {
      from = memory_.carry_after(k, steps - 1, window_);
    }
    if (from != nullptr) copy_carry(memory_.carry_out(k), from, k, begin, end);
  }
}

void Executor::copy_carry(std::byte* to, const std::byte* from, std::size_t k, Index begin, Index end) const {
  const std::size_t bytes = code_.bytes(code_.program->carries[k]);
  const std::size_t row =
      code_.row_parallel ? bytes / static_cast<std::size_t>(std::max<Index>(1, code_.rows)) : bytes;
  std::memcpy(to + static_cast<std::size_t>(begin) * row, from + static_cast<std::size_t>(begin) * row,
              static_cast<std::size_t>(end - begin) * row);
}

}  // namespace unspool::scan_compiler
