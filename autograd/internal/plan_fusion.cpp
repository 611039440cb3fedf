#include <algorithm>

#include <unspool/autograd/internal/plan_writer.h>

namespace unspool::internal {

void PlanWriter::fuse_products() {
  same_memory_.assign(values_.size(), -1);
  for (Phase phase : {Phase::before, Phase::loop, Phase::after, Phase::last}) {
    std::vector<Instruction>& list = lists_[index(phase)];
    for (std::size_t i = 0; i < list.size(); ++i) {
      // The product is gone from before; what was at i is at i - 1 then.
      if (fuse_product(list, i)) --i;
    }
  }
}

bool PlanWriter::fuse_product(std::vector<Instruction>& list, std::size_t sum) {
  const Instruction& add = list[sum];
  if (add.kind != Kind::elementwise) return false;
  if (program_.uses[static_cast<std::size_t>(add.use)].operation->name != "add") return false;
  for (std::size_t which : {std::size_t{0}, std::size_t{1}}) {
    const Value product = add.inputs[which];
    const Value other = add.inputs[1 - which];
    const bool rows = add.walks[1 - which] == Walk::same && rows_[at(other)];
    const bool row = add.walks[1 - which] == Walk::row && depends_[at(other)] == on_nothing;
    if (add.walks[which] != Walk::same || !(rows || row) || other == product) continue;
    const auto end = list.begin() + static_cast<std::ptrdiff_t>(sum);
    const auto made = std::find_if(list.begin(), end, [&](const Instruction& instruction) {
      return instruction.kind == Kind::product && instruction.outputs[0] == product && !instruction.plus &&
             (row || !instruction.has_start());
    });
    if (made == end || consumers_[at(product)] != 1 || is_output(product)) continue;
    Instruction fused = std::move(*made);
    const Value result = add.outputs[0];
    fused.outputs[0] = result;
    fused.inputs.push_back(other);
    fused.plus = row;
    list[sum] = std::move(fused);
    list.erase(made);
    if (rows) {
      share_memory(list, result, other);
    } else if (same_memory_[at(product)] >= 0 && !is_output(result)) {
      same_memory_[at(result)] = same_memory_[at(product)];
    }
    return true;
  }
  return false;
}

void PlanWriter::share_memory(const std::vector<Instruction>& list, Value result, Value other) {
  const Value root = root_of(other);
  if (consumers_[at(other)] != 1 || is_input(root) || is_output(root) || depends_[at(root)] == on_nothing)
    return;
  if (is_output(result)) {
    // Then the other operand is made where the sum is to be.
    const bool here = std::ranges::any_of(list, [&](const Instruction& made) {
      return std::ranges::find(made.outputs, other) != made.outputs.end();
    });
    if (here && other == root && same_memory_[at(other)] < 0) same_memory_[at(other)] = result;
    return;
  }
  if (other == root) {
    same_memory_[at(result)] = other;
  } else if (producer_[at(other)] >= 0 && consumers_[at(root)] == 1 &&
             spec(other).shape.rank() == spec(root).shape.rank()) {
    same_memory_[at(result)] = other;
  }
}

void PlanWriter::place_parts() {
  part_of_.assign(values_.size(), -1);
  for (Phase phase : {Phase::before, Phase::loop, Phase::after, Phase::last}) {
    for (std::size_t i = 0; i < lists_[index(phase)].size(); ++i) {
      const Instruction& concat = lists_[index(phase)][i];
      if (concat.kind != Kind::call ||
          program_.uses[static_cast<std::size_t>(concat.use)].operation->name != "concat")
        continue;
      const Use& use = program_.uses[static_cast<std::size_t>(concat.use)];
      const Value result = concat.outputs[0];
      if (spec(result).shape.normalize(static_cast<int>(use.attributes.integer("axis"))) != 1) continue;
      if (!std::ranges::all_of(concat.inputs, [&](Value part) { return rows_[at(part)]; })) continue;
      place_parts(phase, i);
    }
  }
}

void PlanWriter::place_parts(Phase phase, std::size_t& concat) {
  const Value result = lists_[index(phase)][concat].outputs[0];
  SmallVector<Value, 4> parts = lists_[index(phase)][concat].inputs;
  for (Value& part : parts) {
    if (is_free(part) && made_by_rows(part, phase)) {
      part_of_[at(part)] = result;
      continue;
    }
    Instruction copy = copy_to_new(part, phase);
    part = copy.outputs[0];
    part_of_[at(part)] = result;
    std::vector<Instruction>& list = lists_[index(phase)];
    list.insert(list.begin() + static_cast<std::ptrdiff_t>(concat++), std::move(copy));
  }
  Instruction& instruction = lists_[index(phase)][concat];
  instruction.kind = Kind::nothing;
  instruction.inputs = parts;
  concat_[result] = parts;
}

bool PlanWriter::is_free(Value value) const {
  return producer_[at(value)] >= 0 && view_[at(value)] < 0 && same_memory_[at(value)] < 0 &&
         part_of_[at(value)] < 0 && !is_output(value);
}

bool PlanWriter::made_by_rows(Value value, Phase phase) const {
  for (Phase earlier : {Phase::before, Phase::loop, Phase::after, Phase::last}) {
    if (earlier > phase || (phase == Phase::last && earlier != phase)) continue;
    for (const Instruction& made : lists_[index(earlier)]) {
      if (std::ranges::find(made.outputs, value) == made.outputs.end()) continue;
      return made.kind == Kind::elementwise || made.kind == Kind::product;
    }
  }
  return false;
}

}  // namespace unspool::internal
