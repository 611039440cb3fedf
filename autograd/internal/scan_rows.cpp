#include <algorithm>
#include <cstring>
#include <utility>

#include <unspool/autograd/internal/scan_run.h>
#include <unspool/core/kernels/gemm.h>

namespace unspool::internal {

/// Where the values of the loop lie, from step to step.
class ScanRun::Path {
 public:
  Path(const ScanRun& run, Frame& frame) : run_(run), frame_(frame) {
    SmallVector<bool, 64> met(run.plan_.slots_.size());
    for (const Segment& segment : run.segments(Phase::loop)) {
      for (Value value : segment.values) {
        if (std::exchange(met[at(value)], true)) continue;
        frame[value] = run.find(value, run.first_);
        const Slot& slot = run.plan_.slot(value);
        if (slot.place == Place::carry || slot.place == Place::next) {
          carried_.push_back(value);
        } else if (slot.place == Place::sequence || slot.place == Place::each || slot.place == Place::chunk) {
          const auto bytes = static_cast<std::ptrdiff_t>(run.time_bytes(slot.root));
          moving_.push_back({value, run.program_.reverse ? -bytes : bytes});
        }
      }
    }
  }

  /// To the step that follows the last one.
  void go_to(Index step) {
    for (const Moving& each : moving_) frame_[each.value] += each.by;
    for (Value value : carried_) frame_[value] = run_.find(value, step);
  }

 private:
  struct Moving {
    Value value;
    std::ptrdiff_t by;
  };
  const ScanRun& run_;
  Frame& frame_;
  SmallVector<Moving, 32> moving_;
  SmallVector<Value, 16> carried_;
};

void ScanRun::copy_rows(std::byte* to, const std::byte* from, Value like, Index begin, Index end) const {
  const std::size_t row = plan_.dealt_
                              ? step_bytes(like) / static_cast<std::size_t>(std::max<Index>(1, rows_))
                              : step_bytes(like);
  std::memcpy(to + static_cast<std::size_t>(begin) * row, from + static_cast<std::size_t>(begin) * row,
              static_cast<std::size_t>(end - begin) * row);
}

void ScanRun::loop_rows(Index begin, Index end) const {
  Frame frame(*this);
  for (std::size_t k = 0; k < program_.carries.size(); ++k) {
    if (first_ != 0 || plan_.trajectory_[k] < 0) continue;
    const auto e = static_cast<std::size_t>(plan_.trajectory_[k]);
    copy_rows(each(e) + static_cast<std::size_t>(time_of(0)) * step_bytes(program_.carries[k]), input(k),
              program_.carries[k], begin, end);
  }
  Path path(*this, frame);
  for (Index step = first_; step < end_; ++step) {
    if (step > first_) path.go_to(step);
    for (const Segment& segment : segments(Phase::loop)) run_segment(segment, frame, begin, end);
  }
  for (std::size_t k = 0; k < program_.carries.size(); ++k) {
    if (plan_.slot(plan_.next_[k]).place != Place::chunk || end_ == first_) continue;
    copy_rows(holds_[2 * k], locate(plan_.next_[k], time_of(end_ - 1)), program_.carries[k], begin, end);
  }
}

void ScanRun::run_steps(std::span<const Segment> segments, Index low, Index high, Index begin,
                        Index end) const {
  Frame frame(*this);
  for (const Segment& segment : segments) {
    for (Index time = low; time < high; ++time) {
      place(frame, segment, time);
      run_segment(segment, frame, begin, end);
    }
  }
}

void ScanRun::run_segment(const Segment& segment, Frame& frame, Index begin, Index end) const {
  if (!segment.blocks) {
    for (const Instruction& instruction : segment.instructions) run_rows(instruction, frame, begin, end);
    return;
  }
  // In machine code nothing but what it takes and gives need be near.
  const Index block = segment.in_block.empty() && !segment.loops.empty() ? end - begin : segment.block_rows;
  for (Index row = begin; row < end; row += block) {
    for (const Segment::InBlock& own : segment.in_block) {
      frame[own.value] = frame.blocks() + own.offset - row * own.row_bytes;
    }
    const Index last = std::min(end, row + block);
    auto loop = segment.loops.begin();
    for (std::size_t i = 0; i < segment.instructions.size();) {
      if (loop != segment.loops.end() && loop->first == i) {
        run_loop(*loop, frame, row, last);
        i = loop->end;
        ++loop;
      } else {
        run_rows(segment.instructions[i++], frame, row, last);
      }
    }
  }
}

void ScanRun::run_loop(const ScanPlan::Loop& loop, Frame& frame, Index begin, Index end) const {
  SmallVector<std::byte*, 32> pointers(loop.pointers.size());
  for (std::size_t i = 0; i < pointers.size(); ++i) {
    pointers[i] = frame[loop.pointers[i].value] + begin * loop.pointers[i].row_bytes;
  }
  const Index rows = end - begin;
  if (loop.contiguous) {
    (*loop.code)(pointers.data(), 1, rows * loop.columns);
  } else {
    (*loop.code)(pointers.data(), rows, loop.columns);
  }
}

void ScanRun::run_rows(const Instruction& instruction, Frame& frame, Index begin, Index end) const {
  switch (instruction.kind) {
    case Kind::elementwise:
      return elementwise(instruction, frame, begin, end);
    case Kind::product:
      return product(instruction, frame, begin, end);
    case Kind::copy:
      return copy(instruction, frame, begin, end);
    case Kind::call:
      return call(instruction, frame, begin, end, false);
    case Kind::whole:
      return call(instruction, frame, 0, 0, true);
    default:
      return;
  }
}

void ScanRun::elementwise(const Instruction& instruction, Frame& frame, Index begin, Index end) const {
  const std::size_t count = instruction.inputs.size();
  const void* data[8];
  for (std::size_t i = 0; i < count; ++i) {
    data[i] = frame[instruction.inputs[i]] + begin * instruction.row_bytes[i];
  }
  std::byte* const to = frame[instruction.outputs[0]] + begin * instruction.row_bytes[count];
  const Index* const steps = instruction.steps.data();
  if (instruction.contiguous) {
    instruction.block({data, steps, to, (end - begin) * instruction.columns, instruction.input_dtype,
                       instruction.output_dtype});
  } else if (end > begin) {
    instruction.block({data, steps, to, instruction.columns, instruction.input_dtype,
                       instruction.output_dtype, end - begin, instruction.row_bytes.data()});
  }
}

void ScanRun::copy(const Instruction& instruction, Frame& frame, Index begin, Index end) const {
  const std::byte* from = frame[instruction.inputs[0]];
  std::byte* to = frame[instruction.outputs[0]];
  const Slot& slot = plan_.slot(instruction.outputs[0]);
  const std::size_t row = static_cast<std::size_t>(slot.columns) * plan_.element(instruction.outputs[0]);
  if (!slot.rows) {
    std::memcpy(to, from, row);
    return;
  }
  const auto bytes = static_cast<std::ptrdiff_t>(row);
  if (instruction.row_bytes[0] == bytes && instruction.row_bytes[1] == bytes) {
    std::memcpy(to + begin * bytes, from + begin * bytes, static_cast<std::size_t>(end - begin) * row);
    return;
  }
  for (Index r = begin; r < end; ++r) {
    std::memcpy(to + r * instruction.row_bytes[1], from + r * instruction.row_bytes[0], row);
  }
}

void ScanRun::product(const Instruction& instruction, Frame& frame, Index begin, Index end) const {
  const ScanPlan::Matrix& matrix = plan_.matrices_[static_cast<std::size_t>(instruction.index)];
  const Slot& left = plan_.slot(instruction.inputs[0]);
  const Slot& out = plan_.slot(instruction.outputs[0]);
  visit_floating(plan_.values_[at(instruction.outputs[0])].dtype, [&]<class T>(T) {
    const T* a = reinterpret_cast<const T*>(frame[instruction.inputs[0]]) + begin * left.stride;
    T* c = reinterpret_cast<T*>(frame[instruction.outputs[0]]) + begin * out.stride;
    kernels::Start<T> start;
    if (instruction.has_start()) {
      const std::ptrdiff_t row = instruction.row_bytes[2];
      start = {reinterpret_cast<const T*>(frame[instruction.inputs[2]] + begin * row),
               row / static_cast<std::ptrdiff_t>(sizeof(T))};
    }
    kernels::gemm_packed(
        false, end - begin, matrix.columns, matrix.depth, a, left.stride,
        reinterpret_cast<const T*>(packed_matrices_[static_cast<std::size_t>(instruction.index)]), c,
        out.stride, start,
        instruction.plus ? reinterpret_cast<const T*>(frame[instruction.inputs.back()]) : nullptr);
  });
}

void ScanRun::call(const Instruction& instruction, Frame& frame, Index begin, Index end, bool whole) const {
  if (instruction.kind == Kind::nothing || (instruction.kind == Kind::copy && whole)) {
    if (instruction.kind == Kind::copy) copy(instruction, frame, 0, 1);
    return;
  }
  const StepProgram::Use& use = program_.uses[static_cast<std::size_t>(instruction.use)];
  const std::size_t count = instruction.inputs.size();
  const std::size_t size = count + instruction.outputs.size();
  SmallVector<Shape, 6> shapes(size);
  SmallVector<Array, 6> arrays(size);
  Arena copies;
  for (std::size_t i = 0; i < size; ++i) {
    const bool in = i < count;
    const Value value = in ? instruction.inputs[i] : instruction.outputs[i - count];
    const Slot& slot = plan_.slot(value);
    shapes[i] = plan_.values_[at(value)].shape;
    std::byte* data = frame[value];
    const bool by_row = !whole && (!in || instruction.by_row[i]);
    if (by_row) {
      shapes[i].set(0, end - begin);
      data += begin * instruction.row_bytes[i];
    }
    // Kernels read rows that lie one after the other.
    if (in && slot.rows && slot.stride != slot.columns) {
      const Index rows = shapes[i][0];
      const std::size_t row = static_cast<std::size_t>(slot.columns) * plan_.element(value);
      auto* dense = static_cast<std::byte*>(copies.take(static_cast<std::size_t>(rows) * row));
      for (Index r = 0; r < rows; ++r) {
        std::memcpy(dense + static_cast<std::size_t>(r) * row, data + r * instruction.row_bytes[i], row);
      }
      data = dense;
    }
    arrays[i] = {data, &shapes[i], plan_.values_[at(value)].dtype};
  }
  if (use.operation->kernel.view) {
    std::memcpy(arrays[count].data, arrays[0].data,
                static_cast<std::size_t>(shapes[count].elements()) * size_of(arrays[count].dtype));
  } else {
    use.operation->kernel.run(
        {{arrays.data(), count}, {arrays.data() + count, size - count}, use.attributes});
  }
}

}  // namespace unspool::internal
