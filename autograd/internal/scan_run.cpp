#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

#include <unspool/autograd/internal/scan_plan.h>
#include <unspool/core/internal/float_mode.h>
#include <unspool/core/kernels/gemm.h>
#include <unspool/core/kernels/strided.h>
#include <unspool/core/pooled.h>
#include <unspool/core/threads.h>

namespace unspool::internal {
namespace {

/// What the buffers of a chunk may take: they are to stay in the second cache.
constexpr std::size_t chunk_limit = std::size_t{512} << 10U;
/// Rows that make a folded product worth its while.
constexpr Index folded_rows = 192;
/// Elements that a thread takes at a time.
constexpr Index grain = 1 << 15;
/// Multiply-adds of a sum that are worth a thread's while.
constexpr Index worthwhile = 1 << 18;
/// Rows below which a thread's products lose their pace.
constexpr Index fewest_rows = 8;
constexpr Index all_rows = std::numeric_limits<Index>::max();

}  // namespace

/// One run of a plan, or several, one after the other.
class ScanRun {
 public:
  ScanRun(const ScanPlan& plan, Index most_steps)
      : plan_(plan), program_(*plan.program_), chunk_steps_(plan.chunk_steps(most_steps)), rows_(plan.rows_) {
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
    bytes_ = bytes;
    memory_ = static_cast<std::byte*>(allocate(bytes_));
    once_ = memory_ + once;
    packed_ = memory_ + packed;
    step_ = memory_ + step;
    chunk_ = memory_ + chunk;
    holds_.resize(2 * carries);
    for (std::size_t i = 0; i < 2 * carries; ++i) holds_[i] = memory_ + holds[i];
  }
  ~ScanRun() { deallocate(memory_, bytes_); }
  ScanRun(const ScanRun&) = delete;
  ScanRun& operator=(const ScanRun&) = delete;

  void run(std::span<const ScanArray> inputs, std::span<const ScanArray> outputs, Index steps) {
    const FlushToZero flush;
    inputs_ = inputs;
    outputs_ = outputs;
    steps_ = steps;
    if (!std::exchange(prepared_, true)) prepare();
    for (Index first = 0; first < steps_; first += chunk_steps_) {
      first_ = first;
      end_ = std::min(steps_, first + chunk_steps_);
      run_chunk();
    }
    finish();
  }

 private:
  using Phase = ScanPlan::Phase;
  using Place = ScanPlan::Place;
  using Kind = ScanPlan::Kind;
  using Walk = ScanPlan::Walk;
  using Slot = ScanPlan::Slot;
  using Instruction = ScanPlan::Instruction;
  using Segment = ScanPlan::Segment;
  using Value = StepProgram::Value;

  /// Where values lie for one thread at one step: row 0 of each.
  class Frame {
   public:
    explicit Frame(const ScanRun& run) : blocks_(run.plan_.block_bytes_), rows_(run.plan_.slots_.size()) {}
    std::byte*& operator[](Value value) { return rows_[at(value)]; }
    std::byte* blocks() const { return blocks_.data(); }

   private:
    PooledBuffer<std::byte> blocks_;
    SmallVector<std::byte*, 64> rows_;
  };

  std::size_t step_bytes(Value value) const { return plan_.value_bytes_[at(value)]; }
  Index time_of(Index step) const { return program_.reverse ? steps_ - 1 - step : step; }
  Index lowest() const { return program_.reverse ? steps_ - end_ : first_; }
  Index highest() const { return program_.reverse ? steps_ - first_ : end_; }
  std::byte* input(std::size_t i) const { return static_cast<std::byte*>(inputs_[i].data); }
  std::byte* output(std::size_t i) const { return static_cast<std::byte*>(outputs_[i].data); }
  std::byte* each(std::size_t e) const { return output(program_.next.size() + e); }

  /// Row 0 of what lies still, or moves with time. Carries and blocks are not known here.
  std::byte* locate(Value value, Index time) const {
    const Slot& slot = plan_.slot(value);
    const std::size_t inside = static_cast<std::size_t>(slot.offset) * plan_.element(slot.root);
    const auto i = static_cast<std::size_t>(slot.index);
    const auto moved = [&](std::byte* base, Index by) {
      return base + static_cast<std::size_t>(by) * step_bytes(slot.root) + inside;
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
        return moved(chunk_ + plan_.offsets_[at(slot.root)] * static_cast<std::size_t>(chunk_steps_),
                     time - lowest());
      case Place::step:
        return step_ + plan_.offsets_[at(slot.root)] + inside;
      case Place::final:
        return output(i) + inside;
      default:
        return nullptr;
    }
  }

  /// Row 0 of carry k after a step that lies in this chunk, or just before it.
  std::byte* after_step(std::size_t k, Index step) const {
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

  /// Where a value lies at a step of the loop.
  std::byte* find(Value value, Index step) const {
    const Slot& slot = plan_.slot(value);
    const auto k = static_cast<std::size_t>(slot.index);
    if (slot.place != Place::carry && slot.place != Place::next) return locate(value, time_of(step));
    std::byte* const base = slot.place == Place::next ? after_step(k, step)
                            : step == 0               ? input(k)
                                                      : after_step(k, step - 1);
    return base + static_cast<std::size_t>(slot.offset) * plan_.element(slot.root);
  }

  /// Where the values of the loop lie, from step to step.
  class Path {
   public:
    Path(const ScanRun& run, Frame& frame) : run_(run), frame_(frame) {
      SmallVector<bool, 64> met(run.plan_.slots_.size());
      for (const Segment& segment : run.plan_.segments_[static_cast<std::size_t>(Phase::loop)]) {
        for (Value value : segment.values) {
          if (std::exchange(met[at(value)], true)) continue;
          frame[value] = run.find(value, run.first_);
          const Slot& slot = run.plan_.slot(value);
          if (slot.place == Place::carry || slot.place == Place::next) {
            carried_.push_back(value);
          } else if (slot.place == Place::sequence || slot.place == Place::each ||
                     slot.place == Place::chunk) {
            const auto bytes = static_cast<std::ptrdiff_t>(run.step_bytes(slot.root));
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

  void prepare() {
    first_ = 0;
    end_ = 0;
    Frame frame(*this);
    for (const Segment& segment : plan_.segments_[static_cast<std::size_t>(Phase::once)]) {
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
        packed += whole_lines(
            static_cast<std::size_t>(kernels::packed_size<T>(matrix.columns, matrix.depth)) * sizeof(T));
      });
    }
    const std::size_t first_sum = program_.next.size() + program_.each.size();
    for (std::size_t s = 0; s < program_.sums.size(); ++s) {
      std::memset(output(first_sum + s), 0, step_bytes(program_.sums[s]));
    }
  }

  void finish() {
    if (steps_ > 0) {
      first_ = std::max<Index>(0, (steps_ - 1) / chunk_steps_ * chunk_steps_);
      end_ = steps_;
      const Index last = time_of(steps_ - 1);
      fold(Phase::last, 0, last, last + 1);
    }
    for (std::size_t k = 0; k < program_.carries.size(); ++k) {
      const std::byte* from = steps_ == 0 ? input(k) : nullptr;
      const Slot& slot = plan_.slot(plan_.next_[k]);
      if (steps_ > 0 && (slot.place == Place::chunk || slot.lies_apart())) from = after_step(k, steps_ - 1);
      if (from != nullptr) std::memcpy(output(k), from, step_bytes(program_.carries[k]));
    }
  }

  void run_chunk() {
    const Index parts = plan_.dealt_ ? std::clamp<Index>(rows_ / fewest_rows, 1, num_threads()) : 1;
    if (parts > 1 && begins_by_rows()) return run_chunk_by_rows(parts);
    turn_sequences(0, all_rows);
    fold(Phase::before, 0, lowest(), highest());
    if (parts == 1) {
      loop_rows(0, rows_);
    } else {
      deal_rows(parts, [&](Index begin, Index end) { loop_rows(begin, end); });
    }
    fold(Phase::after, 0, lowest(), highest());
    turn_outputs(0, all_rows);
  }

  /// Whether what a row of the loop reads follows from that row of the sequences.
  bool begins_by_rows() const {
    const auto has_rows = [&](const ScanPlan::Turned& turned) { return plan_.slot(turned.value).rows; };
    return std::ranges::all_of(segments(Phase::before), &Segment::by_rows) &&
           std::ranges::all_of(plan_.turned_sequences_, has_rows);
  }

  /// Each thread takes its rows all the way, and waits for others only before what reads other rows, too: the
  /// rest of what comes after the loop, most often sums alone.
  void run_chunk_by_rows(Index parts) {
    const std::vector<Segment>& before = segments(Phase::before);
    const std::vector<Segment>& after = segments(Phase::after);
    const auto rest = std::ranges::find_if_not(after, &Segment::by_rows);
    const bool outputs_made =
        std::all_of(rest, after.end(), [](const Segment& segment) { return segment.sums(); }) &&
        std::ranges::all_of(plan_.turned_each_,
                            [&](const ScanPlan::Turned& turned) { return plan_.slot(turned.value).rows; });
    deal_rows(parts, [&](Index begin, Index end) {
      turn_sequences(begin, end);
      run_steps(before.begin(), before.end(), begin, end);
      loop_rows(begin, end);
      run_steps(after.begin(), rest, begin, end);
      if (outputs_made) turn_outputs(begin, end);
    });
    fold(Phase::after, static_cast<std::size_t>(rest - after.begin()), lowest(), highest());
    if (!outputs_made) turn_outputs(0, all_rows);
  }

  template <class F>
  void deal_rows(Index parts, const F& work) const {
    parallel_for(rows_, (rows_ + parts - 1) / parts, work);
  }

  const std::vector<Segment>& segments(Phase phase) const {
    return plan_.segments_[static_cast<std::size_t>(phase)];
  }

  void turn_sequences(Index begin, Index end) const {
    for (const ScanPlan::Turned& turned : plan_.turned_sequences_) {
      turn(turned.value, inputs_[program_.carries.size() + turned.index], true, begin, end);
    }
  }
  void turn_outputs(Index begin, Index end) const {
    for (const ScanPlan::Turned& turned : plan_.turned_each_) {
      turn(turned.value, outputs_[program_.next.size() + turned.index], false, begin, end);
    }
  }

  /// Some rows of the steps of this chunk, between an array whose second axis is time and the chunk's buffer.
  void turn(Value value, const ScanArray& whole, bool to_chunk, Index begin, Index end) const {
    const Spec& spec = plan_.values_[at(value)];
    const Index rows = spec.shape[0];
    const Index columns = rows == 0 ? 0 : spec.shape.elements() / rows;
    const std::size_t element = plan_.element(value);
    std::byte* const apart = static_cast<std::byte*>(whole.data) +
                             static_cast<std::size_t>((begin * whole.steps + lowest()) * columns) * element;
    std::byte* const together = locate(value, lowest()) + static_cast<std::size_t>(begin * columns) * element;
    const Shape sizes{end_ - first_, std::min(end, rows) - begin, columns};
    const kernels::Strides by_row{columns, whole.steps * columns, 1};
    const kernels::Strides by_step{rows * columns, columns, 1};
    if (to_chunk) {
      kernels::copy(sizes, element, apart, by_row, together, by_step);
    } else {
      kernels::copy(sizes, element, together, by_step, apart, by_row);
    }
  }

  /// Segments of before or after the loop, some rows of each step.
  template <class Iterator>
  void run_steps(Iterator first, Iterator last, Index begin, Index end) const {
    Frame frame(*this);
    for (; first != last; ++first) {
      for (Index time = lowest(); time < highest(); ++time) {
        place(frame, *first, time);
        run_segment(*first, frame, begin, end);
      }
    }
  }

  // The loop.

  void copy_rows(std::byte* to, const std::byte* from, Value like, Index begin, Index end) const {
    const std::size_t row = plan_.dealt_
                                ? step_bytes(like) / static_cast<std::size_t>(std::max<Index>(1, rows_))
                                : step_bytes(like);
    std::memcpy(to + static_cast<std::size_t>(begin) * row, from + static_cast<std::size_t>(begin) * row,
                static_cast<std::size_t>(end - begin) * row);
  }

  void loop_rows(Index begin, Index end) const {
    const std::vector<Segment>& segments = plan_.segments_[static_cast<std::size_t>(Phase::loop)];
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
      for (const Segment& segment : segments) run_segment(segment, frame, begin, end);
    }
    for (std::size_t k = 0; k < program_.carries.size(); ++k) {
      if (plan_.slot(plan_.next_[k]).place != Place::chunk || end_ == first_) continue;
      copy_rows(holds_[2 * k], locate(plan_.next_[k], time_of(end_ - 1)), program_.carries[k], begin, end);
    }
  }

  void run_segment(const Segment& segment, Frame& frame, Index begin, Index end) const {
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

  void run_loop(const ScanPlan::Loop& loop, Frame& frame, Index begin, Index end) const {
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

  void run_rows(const Instruction& instruction, Frame& frame, Index begin, Index end) const {
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

  void elementwise(const Instruction& instruction, Frame& frame, Index begin, Index end) const {
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

  void copy(const Instruction& instruction, Frame& frame, Index begin, Index end) const {
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

  void product(const Instruction& instruction, Frame& frame, Index begin, Index end) const {
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

  /// The operation's own kernel, on some rows or on all of the step.
  void call(const Instruction& instruction, Frame& frame, Index begin, Index end, bool whole) const {
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

  // Before and after the loop: the steps of a chunk, [low, high) in time, at once where they are rows of one
  // run.

  void fold(Phase phase, std::size_t from, Index low, Index high) {
    const std::vector<Segment>& all = segments(phase);
    for (std::size_t s = from; s < all.size(); ++s) {
      if (all[s].blocks) {
        fold_blocks(all[s], low, high);
      } else if (all[s].instructions[0].kind == Kind::sum_product) {
        s = sum_products(all, s, low, high);
      } else {
        for (const Instruction& instruction : all[s].instructions) {
          fold(all[s], instruction, low, high);
        }
      }
    }
  }

  void fold_blocks(const Segment& segment, Index low, Index high) const {
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

  void place(Frame& frame, const Segment& segment, Index time) const {
    for (Value value : segment.values) frame[value] = locate(value, time);
  }

  void fold(const Segment& segment, const Instruction& instruction, Index low, Index high) {
    Frame frame(*this);
    place(frame, segment, low);
    const Index rows = (high - low) * rows_;
    switch (instruction.kind) {
      case Kind::product:
        return product(instruction, frame, 0, rows);
      case Kind::sum_rows:
        return sum_rows(instruction, frame, rows);
      default:
        break;
    }
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

  std::byte* sum(const Instruction& instruction) const {
    return output(program_.next.size() + program_.each.size() + static_cast<std::size_t>(instruction.index));
  }

  /// Those from `first` on whose right sides are its own or parts of it. It is packed once for all of them, a
  /// part of the rows at a time; each thread has columns of it, packs them, and waits for nobody. Returns the
  /// last one.
  std::size_t sum_products(const std::vector<Segment>& segments, std::size_t first, Index low,
                           Index high) const {
    constexpr Index depth = kernels::gemm_depth;
    const Value right = segments[first].instructions[0].inputs[1];
    const Slot& b = plan_.slot(right);
    visit_floating(plan_.values_[at(right)].dtype, [&]<class T>(T) {
      const auto shares = [&](const Instruction& other) {
        if (other.kind != Kind::sum_product) return false;
        const Slot& part = plan_.slot(other.inputs[1]);
        const bool whole = b.root == right && b.stride == b.columns;
        return other.inputs[1] == right ||
               (whole && part.root == right && part.offset % kernels::panel_columns<T>() == 0);
      };
      std::size_t end = first;
      while (end < segments.size() && shares(segments[end].instructions[0])) ++end;
      Frame frame(*this);
      for (std::size_t s = first; s < end; ++s) place(frame, segments[s], low);
      const Index rows = (high - low) * rows_;
      const Index panel = kernels::panel_columns<T>();
      const Index panels = (b.columns + panel - 1) / panel;
      Index work = 0;
      for (std::size_t s = first; s < end; ++s)
        work += plan_.slot(segments[s].instructions[0].inputs[0]).columns;
      work *= rows * panel;
      const Index share =
          std::max((panels + num_threads() - 1) / num_threads(), worthwhile / std::max<Index>(1, work));
      parallel_for(panels, std::max<Index>(1, share), [&](Index first_panel, Index last_panel) {
        const Index left = first_panel * panel;
        const Index columns = std::min(b.columns, last_panel * panel) - left;
        const PooledBuffer<T> packed(
            static_cast<std::size_t>(kernels::packed_size<T>(columns, std::min(rows, depth))));
        for (Index row = 0; row < rows; row += depth) {
          const Index part = std::min(depth, rows - row);
          kernels::pack(false, columns, part,
                        reinterpret_cast<const T*>(frame[right]) + row * b.stride + left, b.stride,
                        packed.data());
          for (std::size_t s = first; s < end; ++s) {
            const Instruction& instruction = segments[s].instructions[0];
            const Slot& a = plan_.slot(instruction.inputs[0]);
            const Slot& own = plan_.slot(instruction.inputs[1]);
            const Index begins = own.offset - b.offset;
            const Index from = std::max(left, begins);
            const Index to = std::min(left + columns, begins + own.columns);
            if (from >= to) continue;
            T* const c = reinterpret_cast<T*>(sum(instruction)) + from - begins;
            kernels::gemm_packed(true, a.columns, to - from, part,
                                 reinterpret_cast<const T*>(frame[instruction.inputs[0]]) + row * a.stride,
                                 a.stride, packed.data() + (from - left) * part, c, own.columns,
                                 {c, own.columns});
          }
        }
      });
      first = end - 1;
    });
    return first;
  }

  /// In two levels, since one long chain of sums loses digits.
  void sum_rows(const Instruction& instruction, Frame& frame, Index rows) const {
    constexpr Index together = 32;
    const Slot& x = plan_.slot(instruction.inputs[0]);
    visit_floating(plan_.values_[at(instruction.inputs[0])].dtype, [&]<class T>(T) {
      const T* from = reinterpret_cast<const T*>(frame[instruction.inputs[0]]);
      const Index groups = (rows + together - 1) / together;
      const Index longest = std::max(groups, together);
      const PooledBuffer<T> memory(static_cast<std::size_t>(groups * x.columns + longest));
      T* const sums = memory.data();
      T* const ones = sums + groups * x.columns;
      std::fill_n(ones, longest, T{1});
      const Index share = std::max<Index>(1, grain / (together * std::max<Index>(1, x.columns)));
      parallel_for(groups, share, [&](Index begin, Index last) {
        for (Index g = begin; g < last; ++g) {
          kernels::gemm(false, false, 1, x.columns, std::min(together, rows - g * together), ones, longest,
                        from + g * together * x.stride, x.stride, sums + g * x.columns, x.columns, false);
        }
      });
      kernels::gemm(false, false, 1, x.columns, groups, ones, longest, sums, x.columns,
                    reinterpret_cast<T*>(sum(instruction)), x.columns, true);
    });
  }

  void sum_values(const Instruction& instruction, Frame& frame) const {
    const Value value = instruction.inputs[0];
    const Slot& slot = plan_.slot(value);
    const Index rows = slot.rows ? rows_ : 1;
    visit_floating(plan_.values_[at(value)].dtype, [&]<class T>(T) {
      T* to = reinterpret_cast<T*>(sum(instruction));
      const T* from = reinterpret_cast<const T*>(frame[value]);
      for (Index r = 0; r < rows; ++r) {
        for (Index c = 0; c < slot.columns; ++c) to[r * slot.columns + c] += from[r * slot.stride + c];
      }
    });
  }

  const ScanPlan& plan_;
  const StepProgram& program_;
  std::span<const ScanArray> inputs_;
  std::span<const ScanArray> outputs_;
  Index steps_ = 0;
  Index chunk_steps_;
  Index rows_;
  bool prepared_ = false;
  /// The steps of the chunk that runs, in the order of the loop.
  Index first_ = 0;
  Index end_ = 0;
  std::size_t bytes_ = 0;
  std::byte* memory_ = nullptr;
  std::byte* once_ = nullptr;
  std::byte* packed_ = nullptr;
  std::byte* step_ = nullptr;
  std::byte* chunk_ = nullptr;
  SmallVector<std::byte*, 8> holds_;
  SmallVector<std::byte*, 8> packed_matrices_;
};

std::atomic<Index> ScanPlan::longest_chunk = std::numeric_limits<Index>::max();

Index ScanPlan::chunk_steps(Index steps) const {
  auto fitting = static_cast<Index>(chunk_limit / std::max<std::size_t>(1, chunk_bytes_));
  const Index folded = (folded_rows + rows_ - 1) / std::max<Index>(1, rows_);
  const Index deep = kernels::gemm_depth / std::max<Index>(1, rows_);
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
  ScanRun(*this, steps).run({from.data(), from.size()}, {to.data(), to.size()}, steps);
}

ScanRuns::ScanRuns(const ScanPlan& plan, Index most_steps)
    : run_(std::make_unique<ScanRun>(plan, most_steps)) {}
ScanRuns::~ScanRuns() = default;
void ScanRuns::run(std::span<const ScanArray> inputs, std::span<const ScanArray> outputs, Index steps) {
  run_->run(inputs, outputs, steps);
}

}  // namespace unspool::internal
