#include <algorithm>

#include <unspool/autograd/internal/plan_writer.h>

namespace unspool::internal {

PlanWriter::Instruction PlanWriter::copy_to_new(Value value, Phase phase) {
  const auto made = static_cast<Value>(values_.size());
  values_.push_back(values_[at(value)]);
  depends_.push_back(depends_[at(value)]);
  rows_.push_back(!whole() && has_rows(spec(value).shape));
  producer_.push_back(copied);
  for (auto* owners : {&view_, &each_of_, &next_of_, &final_of_, &same_memory_, &part_of_})
    owners->resize(values_.size(), -1);
  Instruction copy;
  copy.kind = Kind::copy;
  copy.phase = phase;
  copy.inputs.push_back(value);
  copy.outputs.push_back(made);
  return copy;
}

PlanWriter::Value PlanWriter::copy_of(Value value, Phase phase, bool first) {
  std::vector<Instruction>& copies = first ? first_copies_ : last_copies_;
  copies.push_back(copy_to_new(value, phase));
  return copies.back().outputs[0];
}

bool PlanWriter::is_carry(Value value) const {
  return std::ranges::find(program_.carries, value) != program_.carries.end();
}

bool PlanWriter::is_plain_sequence(Value value) const {
  const auto found = std::ranges::find(program_.sequences, value, &Stacked::value);
  return found != program_.sequences.end() && !turned(*found);
}

bool PlanWriter::is_fixed(Value value) const {
  return std::ranges::find(program_.captured, value) != program_.captured.end() ||
         (!is_input(value) && view_[at(value)] < 0 && phase_of(value) == Phase::once);
}

PlanWriter::Value PlanWriter::root_of(Value value) const {
  while (view_[at(value)] >= 0) value = view_[at(value)];
  return value;
}

void PlanWriter::find_views() {
  for (std::size_t u = 0; u < program_.uses.size(); ++u) {
    const Use& use = program_.uses[u];
    const Value from = use.inputs.empty() ? -1 : use.inputs[0];
    if (from < 0 || phase_[u] == Phase::once) continue;
    if (use.operation->kernel.view) {
      // The rows of both must be the same rows, or both have none.
      if (rowwise_[u] ? !rows_[at(from)] : rows_[at(from)] || rows_[at(use.outputs[0])]) continue;
      view_[at(use.outputs[0])] = from;
      continue;
    }
    if (!rowwise_[u] || !rows_[at(from)] || spec(from).shape.rank() < 2) continue;
    if (use.operation->name == "split") {
      const Index axis = spec(from).shape.normalize(static_cast<int>(use.attributes.integer("axis")));
      if (axis != 1) continue;
      for (Value part : use.outputs) view_[at(part)] = from;
    } else if (use.operation->name == "slice" && columns_of_slice(use)) {
      view_[at(use.outputs[0])] = from;
    }
  }
}

std::optional<std::pair<Index, Index>> PlanWriter::columns_of_slice(const Use& use) const {
  const Shape& from = spec(use.inputs[0]).shape;
  const Shape& to = spec(use.outputs[0]).shape;
  const auto& begin = use.attributes.integers("begin");
  const auto& step = use.attributes.integers("step");
  for (int axis = 0; axis < from.rank(); ++axis) {
    if (step[static_cast<std::size_t>(axis)] != 1) return std::nullopt;
    if (axis != 1 && from[axis] != to[axis]) return std::nullopt;
  }
  const Index first = begin[1] < 0 ? std::max<Index>(0, begin[1] + from[1]) : std::min(begin[1], from[1]);
  return std::pair(first, first + to[1]);
}

void PlanWriter::find_owners() {
  find_views();
  for (auto* owners : {&each_of_, &next_of_, &final_of_}) owners->assign(values_.size(), -1);
  for (std::size_t e = 0; e < program_.each.size(); ++e) {
    Value value = program_.each[e].value;
    const bool own =
        !is_input(value) && view_[at(value)] < 0 && phase_of(value) != Phase::once && each_of_[at(value)] < 0;
    if (!own) {
      const Value root = root_of(value);
      const bool late = is_late_view(value);
      const bool early = is_carry(root) && !late;
      if (late) keep_carry(value);
      value = copy_of(value, early || (!late && phase_of(root) == Phase::loop) ? Phase::loop : Phase::after,
                      early);
    }
    each_of_[at(value)] = static_cast<int>(e);
  }
  plan_.next_ = program_.next;
  for (std::size_t k = 0; k < program_.next.size(); ++k) {
    Value value = program_.next[k];
    const bool made = !is_input(value) && view_[at(value)] < 0;
    if (read_[k]) {
      if (is_plain_sequence(value) || is_fixed(value)) {
        // The next step reads it where it lies.
        plan_.next_[k] = value;
        continue;
      }
      if (!made || phase_of(value) != Phase::loop || next_of_[at(value)] >= 0) {
        value = copy_of(value, Phase::loop);
      }
      next_of_[at(value)] = static_cast<int>(k);
    } else {
      const bool own = made && phase_of(value) == Phase::last && final_of_[at(value)] < 0;
      if (!own) {
        keep_carry(value);
        value = copy_of(seen(value, Phase::last), Phase::last);
      }
      final_of_[at(value)] = static_cast<int>(k);
    }
    plan_.next_[k] = value;
  }
  for (std::size_t u = 0; u < program_.uses.size(); ++u) {
    if (phase_[u] != Phase::after && phase_[u] != Phase::last) continue;
    for (Value value : program_.uses[u].inputs) keep_carry(value);
  }
  for (Value value : program_.sums) keep_carry(value);
}

bool PlanWriter::is_late_view(Value value) const {
  return view_[at(value)] >= 0 && (phase_of(value) == Phase::after || phase_of(value) == Phase::last);
}

void PlanWriter::keep_carry(Value value) {
  while (is_late_view(value)) value = view_[at(value)];
  if (!is_carry(root_of(value)) || kept_.contains(value)) return;
  kept_.emplace(value, copy_of(value, Phase::loop, true));
}

PlanWriter::Value PlanWriter::seen(Value value, Phase phase) const {
  if (phase != Phase::after && phase != Phase::last) return value;
  const auto found = kept_.find(value);
  return found == kept_.end() ? value : found->second;
}

}  // namespace unspool::internal
