#include <algorithm>

#include <unspool/autograd/internal/plan_writer.h>

namespace unspool::internal {

void PlanWriter::find_trajectories() {
  for (Segment& segment : plan_.segments_[index(Phase::loop)]) {
    for (Instruction& instruction : segment.instructions) {
      if (instruction.kind != Kind::copy) continue;
      const Slot& to = plan_.slots_[at(instruction.outputs[0])];
      const Slot& from = plan_.slots_[at(instruction.inputs[0])];
      if (to.place != Place::each || from.place != Place::carry || from.offset != 0) continue;
      if (from.columns != from.stride) continue;
      const auto k = static_cast<std::size_t>(from.index);
      if (plan_.slots_[at(plan_.next_[k])].place != Place::next || plan_.trajectory_[k] >= 0) continue;
      plan_.trajectory_[k] = to.index;
      instruction.kind = Kind::nothing;
    }
  }
}

bool PlanWriter::folds(Value value) const {
  const Slot& slot = plan_.slots_[at(value)];
  return slot.rows && (slot.place == Place::sequence || slot.place == Place::each ||
                       slot.place == Place::chunk || slot.place == Place::block);
}

bool PlanWriter::still(Value value) const {
  const Place place = plan_.slots_[at(value)].place;
  return place == Place::captured || place == Place::once;
}

std::ptrdiff_t PlanWriter::row_bytes(Value value, bool by_row) const {
  const Slot& slot = plan_.slots_[at(value)];
  const auto size = static_cast<std::ptrdiff_t>(size_of(spec(value).dtype));
  if (slot.rows) return slot.stride * size;
  return by_row ? slot.columns / std::max<Index>(1, plan_.rows_) * size : 0;
}

void PlanWriter::contiguity() {
  find_trajectories();
  for (auto& segments : plan_.segments_) {
    for (Segment& segment : segments) {
      segment.folds = segment.blocks;
      for (Instruction& instruction : segment.instructions) {
        if (instruction.kind == Kind::nothing) continue;
        if (instruction.kind == Kind::copy) instruction.by_row.push_back(true);
        for (std::size_t i = 0; i < instruction.inputs.size(); ++i) {
          const bool by_row = i < instruction.by_row.size() && instruction.by_row[i];
          instruction.row_bytes.push_back(row_bytes(instruction.inputs[i], by_row));
        }
        for (Value value : instruction.outputs) instruction.row_bytes.push_back(row_bytes(value, true));
        const auto dense = [&](Value value) {
          return plan_.slots_[at(value)].stride == plan_.slots_[at(value)].columns;
        };
        instruction.contiguous = std::ranges::all_of(instruction.outputs, dense);
        for (std::size_t i = 0; i < instruction.inputs.size(); ++i) {
          const bool walks = instruction.walks.empty() || instruction.walks[i] == Walk::same;
          const bool one = !instruction.walks.empty() && instruction.walks[i] == Walk::one;
          instruction.contiguous = instruction.contiguous && (one || (walks && dense(instruction.inputs[i])));
          segment.folds = segment.folds && (folds(instruction.inputs[i]) ||
                                            (instruction.row_bytes[i] == 0 && still(instruction.inputs[i])));
          touch(segment, instruction.inputs[i]);
        }
        for (Value value : instruction.outputs) {
          segment.folds = segment.folds && folds(value);
          touch(segment, value);
        }
        if (instruction.kind == Kind::elementwise) prepare(instruction);
      }
    }
  }
}

void PlanWriter::touch(Segment& segment, Value value) const {
  const Slot& own = plan_.slots_[at(value)];
  if (own.place != Place::block) {
    if (std::ranges::find(segment.values, value) == segment.values.end()) segment.values.push_back(value);
    return;
  }
  if (std::ranges::find(segment.in_block, value, &Segment::InBlock::value) != segment.in_block.end()) return;
  const auto size = static_cast<std::ptrdiff_t>(size_of(spec(value).dtype));
  segment.in_block.push_back({value,
                              static_cast<std::ptrdiff_t>(plan_.offsets_[at(own.root)]) + own.offset * size,
                              own.stride * size});
}

void PlanWriter::prepare(Instruction& instruction) const {
  const Value result = instruction.outputs[0];
  instruction.block = program_.uses[static_cast<std::size_t>(instruction.use)].operation->kernel.block;
  instruction.input_dtype = spec(instruction.inputs.back()).dtype;
  instruction.output_dtype = spec(result).dtype;
  for (Walk walk : instruction.walks)
    instruction.steps.push_back(walk == Walk::same || walk == Walk::row ? 1 : 0);
  instruction.columns = plan_.slots_[at(result)].columns;
}

}  // namespace unspool::internal
