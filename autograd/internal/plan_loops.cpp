#include <algorithm>

#include <unspool/autograd/internal/plan_writer.h>

namespace unspool::internal {

using kernels::VectorLoop;
using kernels::VectorOp;
using kernels::VectorProgram;

/// Neighbouring instructions as one program of vectors. What one of them makes and only others of them read
/// never reaches memory.
class PlanWriter::LoopWriter {
 public:
  LoopWriter(const PlanWriter& writer, const Segment& segment, std::size_t first)
      : writer_(writer), plan_(writer.plan_), segment_(segment), first_(first) {}

  /// Whether the next instruction belongs to it now.
  bool take(const Instruction& instruction) {
    if (instruction.kind == Kind::nothing) return true;
    if (instruction.kind != Kind::elementwise && instruction.kind != Kind::copy) return false;
    const Value result = instruction.outputs[0];
    if (!fits(instruction, result)) return false;
    const std::size_t count = instruction.inputs.size();
    SmallVector<VectorProgram::Value, 4> operands;
    for (std::size_t i = 0; i < count; ++i) {
      const Walk walk = instruction.walks.empty() ? Walk::same : instruction.walks[i];
      operands.push_back(read(instruction.inputs[i], walk, instruction.row_bytes[i]));
    }
    const auto value = instruction.kind == Kind::copy
                           ? operands[0]
                           : program_.call(kernel_of(instruction).of_floats, {operands.data(), count});
    if (value < 0) return false;
    write(result, value, instruction.row_bytes[count]);
    contiguous_ = contiguous_ && instruction.contiguous;
    ++taken_;
    return true;
  }

  /// For instructions up to `end`; null if there is nothing to be gained, or no such code can be had.
  std::optional<ScanPlan::Loop> finish(std::size_t end) {
    if (taken_ < 2) return std::nullopt;
    for (const Written& each : written_) {
      if (!needed(each.value, end)) program_.steps[at(each.store)].op = VectorOp::constant;
    }
    if (blocks_clash()) return std::nullopt;
    ScanPlan::Loop loop;
    loop.first = first_;
    loop.end = end;
    loop.columns = columns_;
    loop.contiguous = contiguous_;
    std::vector<VectorLoop::Operand> operands(places_.size());
    for (const VectorProgram::Step& step : program_.steps) {
      if (touches_memory(step.op)) operands[at(step.operand)] = point(loop, places_[at(step.operand)]);
    }
    std::vector<std::ptrdiff_t> row_bytes;
    for (const auto& pointer : loop.pointers) row_bytes.push_back(pointer.row_bytes);
    loop.code = VectorLoop::compile(program_, operands, row_bytes);
    if (loop.code == nullptr) return std::nullopt;
    return loop;
  }

 private:
  struct Place {
    Value value;
    std::ptrdiff_t row_bytes;
  };
  struct Known {
    Value value;
    std::ptrdiff_t row_bytes;
    Walk walk;
    VectorProgram::Value holds;
    bool written;
  };
  struct Written {
    Value value;
    VectorProgram::Value store;
  };

  static bool touches_memory(VectorOp op) {
    return op == VectorOp::load || op == VectorOp::load_one || op == VectorOp::load_truth ||
           op == VectorOp::store;
  }
  const Slot& slot(Value value) const { return plan_.slots_[at(value)]; }
  DType dtype(Value value) const { return writer_.spec(value).dtype; }
  const Kernel& kernel_of(const Instruction& instruction) const {
    return writer_.program_.uses[static_cast<std::size_t>(instruction.use)].operation->kernel;
  }

  bool fits(const Instruction& instruction, Value result) {
    const Slot& to = slot(result);
    if (dtype(result) != float32 || to.columns < 1) return false;
    if (taken_ == 0) {
      columns_ = to.columns;
      rows_ = to.rows;
    }
    if (to.columns != columns_ || to.rows != rows_) return false;
    if (instruction.kind == Kind::elementwise &&
        (kernel_of(instruction).of_floats == nullptr || instruction.input_dtype != float32)) {
      return false;
    }
    for (std::size_t i = 0; i < instruction.inputs.size(); ++i) {
      const Value value = instruction.inputs[i];
      const Walk walk = instruction.walks.empty() ? Walk::same : instruction.walks[i];
      if (dtype(value) != float32 && !(lone(walk) && dtype(value) == boolean)) return false;
      if (clashes(value, walk, instruction.row_bytes[i], false)) return false;
    }
    return !clashes(result, Walk::same, instruction.row_bytes[instruction.inputs.size()], true);
  }

  /// One element for all of a row.
  static bool lone(Walk walk) { return walk == Walk::column || walk == Walk::one; }
  /// Elements of a row that are read or written.
  Index width(Walk walk) const { return lone(walk) ? 1 : columns_; }

  /// Whether elements of it were written here, or, of something that is to be written, read, as part of
  /// something else: within a row the order of the two would not hold.
  bool clashes(Value value, Walk walk, std::ptrdiff_t row_bytes, bool writes) const {
    const Slot& own = slot(value);
    return std::ranges::any_of(known_, [&](const Known& other) {
      const Slot& its = slot(other.value);
      if (!(other.written || writes) || its.root != own.root) return false;
      if (its.offset == own.offset && other.walk == walk && other.row_bytes == row_bytes) return false;
      return its.offset < own.offset + width(walk) && own.offset < its.offset + width(other.walk);
    });
  }

  Known* known(Value value, std::ptrdiff_t row_bytes, Walk walk) {
    const auto found = std::ranges::find_if(known_, [&](const Known& other) {
      return slot(other.value).root == slot(value).root && slot(other.value).offset == slot(value).offset &&
             other.row_bytes == row_bytes && other.walk == walk;
    });
    return found == known_.end() ? nullptr : &*found;
  }

  std::int32_t place(Value value, std::ptrdiff_t row_bytes) {
    places_.push_back({value, row_bytes});
    return static_cast<std::int32_t>(places_.size() - 1);
  }

  VectorProgram::Value read(Value value, Walk walk, std::ptrdiff_t row_bytes) {
    if (const Known* before = known(value, row_bytes, walk)) return before->holds;
    const VectorOp op = dtype(value) == boolean ? VectorOp::load_truth
                        : lone(walk)            ? VectorOp::load_one
                                                : VectorOp::load;
    const auto holds = program_.add({.op = op, .operand = place(value, row_bytes)});
    known_.push_back({value, row_bytes, walk, holds, false});
    return holds;
  }

  void write(Value value, VectorProgram::Value holds, std::ptrdiff_t row_bytes) {
    const auto store = program_.add({.op = VectorOp::store, .a = holds, .operand = place(value, row_bytes)});
    written_.push_back({value, store});
    if (Known* before = known(value, row_bytes, Walk::same)) {
      before->holds = holds;
      before->written = true;
    } else {
      known_.push_back({value, row_bytes, Walk::same, holds, true});
    }
  }

  /// Whether what is written is read by an instruction beside these.
  bool needed(Value value, std::size_t end) const {
    if (slot(value).place != ScanPlan::Place::block) return true;
    for (std::size_t i = 0; i < segment_.instructions.size(); ++i) {
      if (i >= first_ && i < end) continue;
      for (Value read : segment_.instructions[i].inputs) {
        if (slot(read).root == slot(value).root) return true;
      }
    }
    return false;
  }

  /// Values of a block share its memory as they come and go; the rows of these come and go together.
  bool blocks_clash() const {
    std::vector<std::pair<Value, bool>> roots;
    for (const VectorProgram::Step& step : program_.steps) {
      if (!touches_memory(step.op)) continue;
      const Value root = slot(places_[at(step.operand)].value).root;
      if (slot(root).place == ScanPlan::Place::block) roots.emplace_back(root, step.op == VectorOp::store);
    }
    const auto bytes = [&](Value root) {
      return static_cast<std::size_t>(segment_.block_rows * slot(root).columns) * size_of(dtype(root));
    };
    return std::ranges::any_of(roots, [&](const auto& a) {
      return std::ranges::any_of(roots, [&](const auto& b) {
        const std::size_t low = plan_.offsets_[at(a.first)];
        const std::size_t high = plan_.offsets_[at(b.first)];
        return a.first != b.first && (a.second || b.second) && low <= high && high < low + bytes(a.first);
      });
    });
  }

  /// Views of one value need one pointer.
  VectorLoop::Operand point(ScanPlan::Loop& loop, const Place& place) const {
    const auto same = std::ranges::find_if(loop.pointers, [&](const auto& pointer) {
      return slot(pointer.value).root == slot(place.value).root && pointer.row_bytes == place.row_bytes;
    });
    const auto index = static_cast<int>(same - loop.pointers.begin());
    if (same == loop.pointers.end()) {
      loop.pointers.push_back({place.value, place.row_bytes});
      return {index, 0};
    }
    const Index offset = slot(place.value).offset - slot(same->value).offset;
    return {index, offset * static_cast<std::ptrdiff_t>(size_of(dtype(slot(place.value).root)))};
  }

  const PlanWriter& writer_;
  const ScanPlan& plan_;
  const Segment& segment_;
  std::size_t first_;
  std::size_t taken_ = 0;
  Index columns_ = 0;
  bool rows_ = false;
  bool contiguous_ = true;
  VectorProgram program_;
  std::vector<Place> places_;
  std::vector<Known> known_;
  std::vector<Written> written_;
};

void PlanWriter::make_loops() {
  for (auto& segments : plan_.segments_) {
    for (Segment& segment : segments) {
      if (!segment.blocks) continue;
      for (std::size_t first = 0; first < segment.instructions.size();) {
        LoopWriter loop(*this, segment, first);
        std::size_t end = first;
        while (end < segment.instructions.size() && loop.take(segment.instructions[end])) ++end;
        if (auto made = loop.finish(end)) segment.loops.push_back(std::move(*made));
        first = std::max(end, first + 1);
      }
      if (!segment.loops.empty()) touch_anew(segment);
    }
  }
}

void PlanWriter::touch_anew(Segment& segment) const {
  segment.values.clear();
  segment.in_block.clear();
  auto loop = segment.loops.begin();
  for (std::size_t i = 0; i < segment.instructions.size();) {
    if (loop != segment.loops.end() && loop->first == i) {
      for (const auto& pointer : loop->pointers) touch(segment, pointer.value);
      i = loop->end;
      ++loop;
      continue;
    }
    const Instruction& instruction = segment.instructions[i++];
    if (instruction.kind == Kind::nothing) continue;
    for (Value value : instruction.inputs) touch(segment, value);
    for (Value value : instruction.outputs) touch(segment, value);
  }
}

}  // namespace unspool::internal
