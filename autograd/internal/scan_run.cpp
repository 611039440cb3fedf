#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

#include <unspool/autograd/internal/scan_run.h>
#include <unspool/core/internal/float_mode.h>
#include <unspool/core/kernels/gemm.h>
#include <unspool/core/kernels/strided.h>

namespace unspool::internal {
namespace {

/// What the buffers of a chunk may take: they are to stay in the second cache.
constexpr std::size_t chunk_limit = std::size_t{512} << 10U;
/// Rows of a group that make a folded product worth its while.
constexpr Index folded_rows = 192;
/// Rows below which a thread's products lose their pace.
constexpr Index fewest_rows = 8;
constexpr Index all_rows = std::numeric_limits<Index>::max();

}  // namespace

ScanRun::ScanRun(const ScanPlan& plan, Index most_steps, Index groups)
    : plan_(plan),
      program_(*plan.program_),
      chunk_steps_(plan.chunk_steps(most_steps, groups)),
      rows_(plan.rows_),
      groups_(groups),
      chunk_rows_(plan.rows_) {
  std::size_t bytes = 0;
  const auto take = [&](std::size_t size) {
    const std::size_t offset = bytes;
    bytes += whole_lines(size);
    return offset;
  };
  const std::size_t once = take(plan.once_bytes_);
  const std::size_t packed = take(plan.packed_bytes_);
  const std::size_t step = take(plan.step_bytes_);
  const std::size_t chunk =
      take(plan.chunk_bytes_ * static_cast<std::size_t>(std::max<Index>(1, chunk_steps_)));
  const std::size_t carries = program_.carries.size();
  SmallVector<std::size_t, 8> holds(2 * carries);
  for (std::size_t k = 0; k < carries; ++k) {
    holds[2 * k] = take(step_bytes(program_.carries[k]));
    holds[2 * k + 1] = take(step_bytes(program_.carries[k]));
  }
  SmallVector<std::size_t, 8> apart(program_.sums.size());
  for (const Segment& segment : segments(Phase::after)) {
    if (groups_ == 1 || !segment.sums_by_rows()) continue;
    const Instruction& instruction = segment.instructions[0];
    const Index elements = groups_ * sum_rows_of(instruction) * sum_stride(instruction);
    apart[static_cast<std::size_t>(instruction.index)] =
        take(static_cast<std::size_t>(elements) * plan_.element(instruction.inputs.back()));
  }
  bytes_ = bytes;
  memory_ = static_cast<std::byte*>(allocate(bytes_));
  once_ = memory_ + once;
  packed_ = memory_ + packed;
  step_ = memory_ + step;
  chunk_ = memory_ + chunk;
  holds_.resize(2 * carries);
  for (std::size_t i = 0; i < 2 * carries; ++i) holds_[i] = memory_ + holds[i];
  sums_apart_.resize(apart.size());
  for (std::size_t s = 0; s < apart.size(); ++s) {
    sums_apart_[s] = memory_ + apart[s];
  }
}

ScanRun::ScanRun(const ScanRun& whole, Index group)
    : plan_(whole.plan_),
      program_(whole.program_),
      inputs_(whole.inputs_),
      outputs_(whole.outputs_),
      steps_(whole.steps_),
      chunk_steps_(whole.chunk_steps_),
      rows_(whole.rows_),
      groups_(whole.groups_),
      first_row_(group_begin(group)),
      chunk_rows_(group_begin(group + 1) - first_row_),
      prepared_(true),
      sums_begun_(whole.sums_begun_),
      once_(whole.once_),
      packed_(whole.packed_),
      step_(whole.step_),
      chunk_(whole.chunk_),
      holds_(whole.holds_),
      sums_apart_(whole.sums_apart_),
      packed_matrices_(whole.packed_matrices_) {}

ScanRun::~ScanRun() {
  if (memory_ != nullptr) deallocate(memory_, bytes_);
}

void ScanRun::run(std::span<const ScanArray> inputs, std::span<const ScanArray> outputs, Index steps) {
  const FlushToZero flush;
  inputs_ = inputs;
  outputs_ = outputs;
  steps_ = steps;
  if (!std::exchange(prepared_, true)) prepare();
  if (groups_ > 1 && plan_.runs_groups_apart()) {
    parallel_for(groups_, 1, [&](Index begin, Index end) {
      for (Index group = begin; group < end; ++group) ScanRun(*this, group).run_group(group);
    });
  } else {
    each_chunk([&] { run_chunk(); });
    finish(0, rows_);
  }
  if (steps_ > 0) finish_sums();
  sums_begun_ = true;
}

template <class F>
void ScanRun::each_chunk(const F& run) {
  for (Index first = 0; first < steps_; first += chunk_steps_) {
    first_ = first;
    end_ = std::min(steps_, first + chunk_steps_);
    run();
  }
}

void ScanRun::run_group(Index group) {
  const Index end = first_row_ + chunk_rows_;
  const std::vector<Segment>& after = segments(Phase::after);
  const auto sums = std::ranges::find_if_not(after, &Segment::by_rows);
  each_chunk([&] {
    turn_sequences(first_row_, end);
    run_group_steps(segments(Phase::before));
    loop_rows(first_row_, end);
    run_group_steps({after.begin(), sums});
    add_sums({sums, after.end()}, group, group + 1);
    turn_outputs(first_row_, end);
  });
  finish(first_row_, end);
}

void ScanRun::run_group_steps(std::span<const Segment> segments) const {
  for (const Segment& segment : segments) {
    const Instruction& first = segment.instructions[0];
    const auto without_gaps = [&](Value value) { return plan_.slot(value).place == Place::chunk; };
    if (first.kind == Kind::product && without_gaps(first.inputs[0]) && without_gaps(first.outputs[0]) &&
        (!first.has_start() || without_gaps(first.inputs[2]))) {
      Frame frame(*this);
      place(frame, segment, lowest());
      product(first, frame, first_row_, first_row_ + (end_ - first_) * chunk_rows_);
    } else {
      run_steps({&segment, 1}, lowest(), highest(), first_row_, first_row_ + chunk_rows_);
    }
  }
}

std::byte* ScanRun::locate(Value value, Index time) const {
  const Slot& slot = plan_.slot(value);
  const std::size_t inside = static_cast<std::size_t>(slot.offset) * plan_.element(slot.root);
  const auto i = static_cast<std::size_t>(slot.index);
  const auto moved = [&](std::byte* base, Index by) {
    return base + static_cast<std::size_t>(by) * time_bytes(slot.root) + inside;
  };
  switch (slot.place) {
    case Place::sequence:
      return moved(input(program_.carries.size() + i), time);
    case Place::captured:
      return input(program_.carries.size() + program_.sequences.size() + i) + inside;
    case Place::once:
      return once_ + plan_.offsets_[at(slot.root)] + inside;
    case Place::each:
      return moved(each(i), time);
    case Place::chunk:
      // In a group's part, as many rows before it as if they were there.
      return moved(chunk_ + plan_.offsets_[at(slot.root)] * static_cast<std::size_t>(chunk_steps_) +
                       static_cast<std::size_t>(first_row_ * (chunk_steps_ - 1)) * row_bytes(slot.root),
                   time - lowest());
    case Place::step:
      return step_ + plan_.offsets_[at(slot.root)] + inside;
    case Place::final:
      return output(i) + inside;
    default:
      return nullptr;
  }
}

std::byte* ScanRun::after_step(std::size_t k, Index step) const {
  const Slot& slot = plan_.slot(plan_.next_[k]);
  if (slot.lies_apart()) return locate(plan_.next_[k], time_of(step));
  if (slot.place == Place::chunk) {
    return step < first_ ? holds_[2 * k] : locate(plan_.next_[k], time_of(step));
  }
  if (step + 1 == steps_) return output(k);
  if (plan_.trajectory_[k] >= 0) {
    const auto e = static_cast<std::size_t>(plan_.trajectory_[k]);
    return each(e) + static_cast<std::size_t>(time_of(step + 1)) * step_bytes(program_.carries[k]);
  }
  return holds_[2 * k + static_cast<std::size_t>(step & 1)];
}

std::byte* ScanRun::find(Value value, Index step) const {
  const Slot& slot = plan_.slot(value);
  const auto k = static_cast<std::size_t>(slot.index);
  if (slot.place != Place::carry && slot.place != Place::next) return locate(value, time_of(step));
  std::byte* const base = slot.place == Place::next ? after_step(k, step)
                          : step == 0               ? input(k)
                                                    : after_step(k, step - 1);
  return base + static_cast<std::size_t>(slot.offset) * plan_.element(slot.root);
}

void ScanRun::prepare() {
  first_ = 0;
  end_ = 0;
  Frame frame(*this);
  for (const Segment& segment : segments(Phase::once)) {
    for (Value value : segment.values) frame[value] = find(value, 0);
    for (const Instruction& instruction : segment.instructions) call(instruction, frame, 0, 0, true);
  }
  std::byte* packed = packed_;
  for (const ScanPlan::Matrix& matrix : plan_.matrices_) {
    packed_matrices_.push_back(packed);
    const std::byte* from = locate(matrix.value, 0);
    const Index ld = matrix.transpose ? matrix.depth : matrix.columns;
    visit_floating(plan_.values_[at(matrix.value)].dtype, [&]<class T>(T) {
      kernels::pack(matrix.transpose, matrix.columns, matrix.depth, reinterpret_cast<const T*>(from), ld,
                    reinterpret_cast<T*>(packed));
      packed += whole_lines(static_cast<std::size_t>(kernels::packed_size<T>(matrix.columns, matrix.depth)) *
                            sizeof(T));
    });
  }
  // Sums by rows begin with what is added first.
  sums_begun_ = steps_ == 0 || rows_ == 0;
  for (const Segment& segment : segments(Phase::after)) {
    if (!segment.sums() || (segment.sums_by_rows() && !sums_begun_)) continue;
    const Instruction& instruction = segment.instructions[0];
    std::memset(summed(instruction), 0,
                step_bytes(program_.sums[static_cast<std::size_t>(instruction.index)]));
  }
}

void ScanRun::finish(Index begin, Index end) {
  if (steps_ > 0) {
    first_ = (steps_ - 1) / chunk_steps_ * chunk_steps_;
    end_ = steps_;
    const Index last = time_of(steps_ - 1);
    if (chunk_rows_ == rows_) {
      fold(Phase::last, 0, last, last + 1);
    } else {
      run_steps(segments(Phase::last), last, last + 1, begin, end);
    }
  }
  for (std::size_t k = 0; k < program_.carries.size(); ++k) {
    const std::byte* from = steps_ == 0 ? input(k) : nullptr;
    const Slot& slot = plan_.slot(plan_.next_[k]);
    if (steps_ > 0 && (slot.place == Place::chunk || slot.lies_apart())) from = after_step(k, steps_ - 1);
    if (from != nullptr) copy_rows(output(k), from, program_.carries[k], begin, end);
  }
}

void ScanRun::run_chunk() {
  const Index parts = plan_.dealt_ ? std::clamp<Index>(rows_ / fewest_rows, 1, num_threads()) : 1;
  const Index share = (rows_ + parts - 1) / parts;
  if (parts > 1 && plan_.begins_by_rows_) return run_chunk_by_rows(share);
  turn_sequences(0, all_rows);
  fold(Phase::before, 0, lowest(), highest());
  if (parts == 1) {
    loop_rows(0, rows_);
  } else {
    parallel_for(rows_, share, [&](Index begin, Index end) { loop_rows(begin, end); });
  }
  fold(Phase::after, 0, lowest(), highest());
  turn_outputs(0, all_rows);
}

void ScanRun::run_chunk_by_rows(Index share) {
  const std::vector<Segment>& before = segments(Phase::before);
  const std::vector<Segment>& after = segments(Phase::after);
  const auto rest = std::ranges::find_if_not(after, &Segment::by_rows);
  parallel_for(rows_, share, [&](Index begin, Index end) {
    turn_sequences(begin, end);
    run_steps(before, lowest(), highest(), begin, end);
    loop_rows(begin, end);
    run_steps({after.begin(), rest}, lowest(), highest(), begin, end);
    if (plan_.ends_by_rows_) turn_outputs(begin, end);
  });
  fold(Phase::after, static_cast<std::size_t>(rest - after.begin()), lowest(), highest());
  if (!plan_.ends_by_rows_) turn_outputs(0, all_rows);
}

void ScanRun::turn_sequences(Index begin, Index end) const {
  for (const ScanPlan::Turned& turned : plan_.turned_sequences_) {
    turn(turned.value, inputs_[program_.carries.size() + turned.index], true, begin, end);
  }
}

void ScanRun::turn_outputs(Index begin, Index end) const {
  for (const ScanPlan::Turned& turned : plan_.turned_each_) {
    turn(turned.value, outputs_[program_.next.size() + turned.index], false, begin, end);
  }
}

void ScanRun::turn(Value value, const ScanArray& whole, bool to_chunk, Index begin, Index end) const {
  const Spec& spec = plan_.values_[at(value)];
  const Index rows = spec.shape[0];
  const Index columns = rows == 0 ? 0 : spec.shape.elements() / rows;
  const std::size_t element = plan_.element(value);
  std::byte* const apart = static_cast<std::byte*>(whole.data) +
                           static_cast<std::size_t>((begin * whole.steps + lowest()) * columns) * element;
  std::byte* const together = locate(value, lowest()) + static_cast<std::size_t>(begin * columns) * element;
  const Shape sizes{end_ - first_, std::min(end, rows) - begin, columns};
  const kernels::Strides by_row{columns, whole.steps * columns, 1};
  const kernels::Strides by_step{static_cast<Index>(time_bytes(value) / element), columns, 1};
  if (to_chunk) {
    kernels::copy(sizes, element, apart, by_row, together, by_step);
  } else {
    kernels::copy(sizes, element, together, by_step, apart, by_row);
  }
}

void ScanRun::fold(Phase phase, std::size_t from, Index low, Index high) {
  const std::vector<Segment>& all = segments(phase);
  for (std::size_t s = from; s < all.size(); ++s) {
    if (all[s].blocks) {
      fold_blocks(all[s], low, high);
    } else if (all[s].sums_by_rows()) {
      const auto end = std::find_if_not(all.begin() + static_cast<std::ptrdiff_t>(s), all.end(),
                                        [](const Segment& segment) { return segment.sums_by_rows(); });
      const auto count = static_cast<std::size_t>(end - all.begin()) - s;
      add_sums({&all[s], count}, 0, groups_);
      s += count - 1;
    } else {
      for (const Instruction& instruction : all[s].instructions) {
        fold(all[s], instruction, low, high);
      }
    }
  }
}

void ScanRun::fold_blocks(const Segment& segment, Index low, Index high) const {
  if (segment.folds) {
    const Index rows = (high - low) * rows_;
    const Index columns = std::max<Index>(1, segment.instructions[0].columns);
    const Index share = std::max<Index>(1, grain / (columns * segment.block_rows)) * segment.block_rows;
    parallel_for(rows, share, [&](Index begin, Index end) {
      Frame frame(*this);
      place(frame, segment, low);
      run_segment(segment, frame, begin, end);
    });
    return;
  }
  parallel_for(high - low, 1, [&](Index begin, Index end) {
    Frame frame(*this);
    for (Index time = low + begin; time < low + end; ++time) {
      place(frame, segment, time);
      run_segment(segment, frame, 0, rows_);
    }
  });
}

void ScanRun::place(Frame& frame, const Segment& segment, Index time) const {
  for (Value value : segment.values) frame[value] = locate(value, time);
}

void ScanRun::fold(const Segment& segment, const Instruction& instruction, Index low, Index high) {
  Frame frame(*this);
  place(frame, segment, low);
  if (instruction.kind == Kind::product) return product(instruction, frame, 0, (high - low) * rows_);
  for (Index step = 0; step < high - low; ++step) {
    // In the order of the loop, so that sums have one order.
    const Index time = program_.reverse ? high - 1 - step : low + step;
    place(frame, segment, time);
    if (instruction.kind == Kind::sum_values) {
      sum_values(instruction, frame);
    } else if (instruction.kind == Kind::call) {
      call(instruction, frame, 0, rows_, false);
    } else {
      call(instruction, frame, 0, 0, true);
    }
  }
}

std::atomic<Index> ScanPlan::longest_chunk = std::numeric_limits<Index>::max();

Index ScanPlan::chunk_steps(Index steps, Index groups) const {
  auto fitting = static_cast<Index>(chunk_limit / std::max<std::size_t>(1, chunk_bytes_));
  // Products over the rows of a group: sums, or all of them where it runs by itself.
  const bool by_groups = !program_->sums.empty() || runs_groups_apart();
  const Index rows = std::max<Index>(1, by_groups ? (rows_ + groups - 1) / groups : rows_);
  const Index folded = (folded_rows + rows - 1) / rows;
  const Index deep = kernels::gemm_depth / rows;
  if (deep > 0 && fitting > deep) fitting -= fitting % deep;
  return std::clamp<Index>(std::max(fitting, folded), 1, std::clamp<Index>(steps, 1, longest_chunk));
}

void ScanPlan::run(std::span<const Array> inputs, std::span<const Array> outputs, Index steps) const {
  const auto whole = [&](std::span<const Array> arrays) {
    SmallVector<ScanArray, 16> all(arrays.size());
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = {arrays[i].data, steps};
    return all;
  };
  const auto from = whole(inputs);
  const auto to = whole(outputs);
  ScanRun(*this, steps, groups_).run({from.data(), from.size()}, {to.data(), to.size()}, steps);
}

ScanRuns::ScanRuns(const ScanPlan& plan, Index most_steps)
    : run_(std::make_unique<ScanRun>(plan, most_steps, 1)) {}
ScanRuns::~ScanRuns() = default;
void ScanRuns::run(std::span<const ScanArray> inputs, std::span<const ScanArray> outputs, Index steps) {
  run_->run(inputs, outputs, steps);
}

}  // namespace unspool::internal
