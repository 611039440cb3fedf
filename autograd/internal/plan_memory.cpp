#include <algorithm>

#include <unspool/autograd/internal/plan_writer.h>
#include <unspool/core/kernels/gemm.h>

namespace unspool::internal {
namespace {

/// Elements of a row in a block: what an operation reads and writes fits into the nearest cache, or nearly.
constexpr Index block_elements = 3072;

}  // namespace

void PlanWriter::place() {
  values_.shrink_to_fit();
  plan_.values_ = values_;
  for (const Spec& each : values_) {
    plan_.value_bytes_.push_back(static_cast<std::size_t>(each.shape.elements()) * size_of(each.dtype));
  }
  plan_.slots_.resize(values_.size());
  plan_.offsets_.assign(values_.size(), 0);
  plan_.trajectory_.assign(program_.carries.size(), -1);
  find_spans();
  for (std::size_t v = 0; v < values_.size(); ++v) base_slot(static_cast<Value>(v));
  for (std::size_t v = 0; v < values_.size(); ++v) shared_slot(static_cast<Value>(v));
  blocks();
  for (const ScanPlan::Matrix& matrix : plan_.matrices_) {
    plan_.packed_bytes_ += whole_lines(packed_bytes(matrix));
  }
  contiguity();
}

std::size_t PlanWriter::packed_bytes(const ScanPlan::Matrix& matrix) const {
  const Index elements = spec(matrix.value).dtype == float32
                             ? kernels::packed_size<float>(matrix.columns, matrix.depth)
                             : kernels::packed_size<double>(matrix.columns, matrix.depth);
  return static_cast<std::size_t>(elements) * size_of(spec(matrix.value).dtype);
}

PlanWriter::Value PlanWriter::memory_of(Value value) const {
  for (;;) {
    if (view_[at(value)] >= 0) {
      value = view_[at(value)];
    } else if (same_memory_[at(value)] >= 0) {
      value = same_memory_[at(value)];
    } else if (part_of_[at(value)] >= 0) {
      value = part_of_[at(value)];
    } else {
      return value;
    }
  }
}

void PlanWriter::find_spans() {
  const std::pair<std::size_t, std::size_t> nowhere{ScanPlan::phases, 0};
  made_in_.assign(values_.size(), nowhere);
  for (std::size_t phase = 0; phase < ScanPlan::phases; ++phase) {
    for (std::size_t s = 0; s < plan_.segments_[phase].size(); ++s) {
      for (const Instruction& instruction : plan_.segments_[phase][s].instructions) {
        for (Value value : instruction.outputs) {
          // And the memory that it lies in, of which other parts may be made later.
          for (Value made : {value, memory_of(value)}) {
            if (made_in_[at(made)].first == ScanPlan::phases) made_in_[at(made)] = {phase, s};
          }
        }
      }
    }
  }
}

void PlanWriter::base_slot(Value value) {
  Slot& slot = plan_.slots_[at(value)];
  slot.columns = rows_[at(value)] ? columns_of(spec(value).shape) : spec(value).shape.elements();
  slot.rows = rows_[at(value)];
  slot.stride = slot.columns;
  slot.root = value;
  const auto among = [&](const std::vector<Value>& list) {
    return static_cast<int>(std::ranges::find(list, value) - list.begin());
  };
  const auto is = [&](const std::vector<Value>& list, Place place) {
    if (among(list) == static_cast<int>(list.size())) return false;
    slot.place = place;
    slot.index = among(list);
    return true;
  };
  if (is(program_.captured, Place::captured) || is(program_.carries, Place::carry)) return;
  const auto sequence = std::ranges::find(program_.sequences, value, &Stacked::value);
  if (sequence != program_.sequences.end()) {
    slot.index = static_cast<int>(sequence - program_.sequences.begin());
    slot.place = Place::sequence;
    if (turned(*sequence)) turn(value, static_cast<std::size_t>(slot.index), plan_.turned_sequences_);
    return;
  }
  if (made_in_[at(value)].first == ScanPlan::phases) return;  // Only a folded sum.
  if (each_of_[at(value)] >= 0) {
    slot.place = Place::each;
    slot.index = each_of_[at(value)];
    const auto e = static_cast<std::size_t>(slot.index);
    if (turned(program_.each[e])) turn(value, e, plan_.turned_each_);
  } else if (final_of_[at(value)] >= 0) {
    slot.place = Place::final;
    slot.index = final_of_[at(value)];
  }
}

bool PlanWriter::turned(const Stacked& stacked) const {
  return stacked.time_axis == 1 && spec(stacked.value).shape[0] != 1;
}

void PlanWriter::turn(Value value, std::size_t index, std::vector<ScanPlan::Turned>& list) {
  list.push_back({value, index});
  in_chunk(value);
}

void PlanWriter::in_chunk(Value value) {
  plan_.slots_[at(value)].place = Place::chunk;
  plan_.offsets_[at(value)] = plan_.chunk_bytes_;
  plan_.chunk_bytes_ += bytes_of(value);
}

void PlanWriter::shared_slot(Value value) {
  if (memory_of(value) != value) return;
  Slot& own = plan_.slots_[at(value)];
  const std::size_t first = made_in_[at(value)].first;
  if (own.place != Place::nowhere || first == ScanPlan::phases) return;
  if (first == index(Phase::once)) {
    own.place = Place::once;
    plan_.offsets_[at(value)] = plan_.once_bytes_;
    plan_.once_bytes_ += bytes_of(value);
    return;
  }
  bool later = false;
  bool one_segment = plan_.segments_[first][made_in_[at(value)].second].blocks;
  int next = -1;
  const auto visit = [&](std::size_t phase, std::size_t s, Value used) {
    if (memory_of(used) != value) return;
    later = later || phase != first;
    one_segment = one_segment && phase == first && s == made_in_[at(value)].second;
  };
  for (std::size_t phase = 0; phase < ScanPlan::phases; ++phase) {
    for (std::size_t s = 0; s < plan_.segments_[phase].size(); ++s) {
      for (const Instruction& instruction : plan_.segments_[phase][s].instructions) {
        for (Value used : instruction.inputs) visit(phase, s, used);
        for (Value made : instruction.outputs) visit(phase, s, made);
      }
    }
  }
  for (std::size_t v = 0; v < values_.size(); ++v) {
    if (next_of_[v] >= 0 && memory_of(static_cast<Value>(v)) == value) next = next_of_[v];
  }
  if (one_segment && next < 0) {
    own.place = Place::block;
    return;
  }
  if (first == index(Phase::loop) && !later) {
    if (next >= 0 && next_of_[at(value)] >= 0) {
      own.place = Place::next;
      own.index = next;
    } else {
      own.place = Place::step;
      plan_.offsets_[at(value)] = plan_.step_bytes_;
      plan_.step_bytes_ += bytes_of(value);
    }
    return;
  }
  in_chunk(value);
}

std::size_t PlanWriter::bytes_of(Value value) const {
  return whole_lines(static_cast<std::size_t>(spec(value).shape.elements()) * size_of(spec(value).dtype));
}

void PlanWriter::blocks() {
  for (std::size_t phase = 0; phase < ScanPlan::phases; ++phase) {
    for (Segment& segment : plan_.segments_[phase]) {
      if (!segment.blocks) continue;
      Index widest = 1;
      for (const Instruction& instruction : segment.instructions) {
        if (instruction.kind == Kind::nothing) continue;
        for (Value value : instruction.outputs) widest = std::max(widest, plan_.slots_[at(value)].columns);
      }
      segment.block_rows = std::clamp<Index>(block_elements / widest, 1, std::max<Index>(1, plan_.rows_));
      share_blocks(segment);
    }
  }
  for (std::size_t v = 0; v < values_.size(); ++v) resolve(static_cast<Value>(v));
}

void PlanWriter::share_blocks(const Segment& segment) {
  struct Free {
    std::size_t offset;
    std::size_t bytes;
  };
  std::vector<Free> free;
  std::map<Value, std::size_t> last_use;
  for (std::size_t i = 0; i < segment.instructions.size(); ++i) {
    const Instruction& instruction = segment.instructions[i];
    for (Value value : instruction.inputs) last_use[memory_of(value)] = i;
    for (Value value : instruction.outputs) last_use[memory_of(value)] = i;
  }
  std::size_t top = 0;
  std::map<Value, std::size_t> live;
  const auto size = [&](Value value) {
    return whole_lines(static_cast<std::size_t>(segment.block_rows * plan_.slots_[at(value)].columns) *
                       size_of(spec(value).dtype));
  };
  for (std::size_t i = 0; i < segment.instructions.size(); ++i) {
    for (Value output : segment.instructions[i].outputs) {
      const Value value = memory_of(output);
      if (plan_.slots_[at(value)].place != Place::block || live.contains(value)) continue;
      const std::size_t bytes = size(value);
      const auto found = std::ranges::find_if(free, [&](const Free& hole) { return hole.bytes == bytes; });
      if (found != free.end()) {
        live[value] = found->offset;
        free.erase(found);
      } else {
        live[value] = top;
        top += bytes;
      }
      plan_.offsets_[at(value)] = live[value];
    }
    for (auto it = live.begin(); it != live.end();) {
      if (last_use[it->first] == i) {
        free.push_back({it->second, size(it->first)});
        it = live.erase(it);
      } else {
        ++it;
      }
    }
  }
  plan_.block_bytes_ = std::max(plan_.block_bytes_, top);
}

void PlanWriter::resolve(Value value) {
  Slot& slot = plan_.slots_[at(value)];
  Value at_value = value;
  Index offset = 0;
  for (;;) {
    if (const Value from = view_[at(at_value)]; from >= 0) {
      offset += offset_in(at_value, from);
      at_value = from;
    } else if (same_memory_[at(at_value)] >= 0) {
      at_value = same_memory_[at(at_value)];
    } else if (const Value all = part_of_[at(at_value)]; all >= 0) {
      offset += offset_of_part(at_value, all);
      at_value = all;
    } else {
      break;
    }
  }
  if (at_value == value) return;
  const Slot& root = plan_.slots_[at(at_value)];
  slot.place = root.place;
  slot.index = root.index;
  slot.root = at_value;
  slot.offset = offset;
  slot.stride = root.columns;
}

Index PlanWriter::offset_in(Value part, Value from) const {
  const Use& use = program_.uses[static_cast<std::size_t>(producer_[at(part)])];
  const Shape& shape = spec(from).shape;
  Index inner = 1;
  for (int axis = 2; axis < shape.rank(); ++axis) inner *= shape[axis];
  if (use.operation->name == "split") {
    Index first = 0;
    for (Value output : use.outputs) {
      if (output == part) return first * inner;
      first += spec(output).shape[1];
    }
  }
  if (use.operation->name == "slice") return columns_of_slice(use)->first * inner;
  return 0;
}

Index PlanWriter::offset_of_part(Value part, Value all) const {
  Index offset = 0;
  for (Value each : concat_.at(all)) {
    if (each == part) break;
    offset += plan_.slots_[at(each)].columns;
  }
  return offset;
}

}  // namespace unspool::internal
