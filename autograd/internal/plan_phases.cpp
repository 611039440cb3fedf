#include <algorithm>

#include <unspool/autograd/internal/plan_writer.h>
#include <unspool/core/internal/format.h>

namespace unspool::internal {

void PlanWriter::find_rows() {
  plan_.rows_ = unknown;
  const std::size_t carries = program_.carries.size();
  for (std::size_t i = 0; i < (carries > 0 ? carries : program_.sequences.size()); ++i) {
    const Shape& shape = program_.spec(program_.input(i)).shape;
    const Index rows = shape.rank() > 0 ? shape[0] : unknown;
    if (rows == unknown || (plan_.rows_ != unknown && rows != plan_.rows_)) {
      plan_.why_whole_ = "the carries have no rows in common";
      return;
    }
    plan_.rows_ = rows;
  }
  if (plan_.rows_ == unknown) plan_.why_whole_ = "there is no carry";
}

void PlanWriter::classify() {
  values_ = program_.values;
  const std::size_t count = values_.size();
  depends_.assign(count, on_nothing);
  rows_.assign(count, false);
  producer_.assign(count, -1);
  view_.assign(count, -1);
  for (Value value : program_.carries) {
    depends_[at(value)] = on_carry;
    rows_[at(value)] = has_rows(spec(value).shape);
  }
  for (const auto& [value, time_axis] : program_.sequences) {
    depends_[at(value)] = on_sequence;
    rows_[at(value)] = has_rows(spec(value).shape);
  }
  rowwise_.assign(program_.uses.size(), false);
  kinds_.assign(program_.uses.size(), {});
  for (std::size_t u = 0; u < program_.uses.size(); ++u) classify(u);
  find_phases();
}

void PlanWriter::classify(std::size_t u) {
  const Use& use = program_.uses[u];
  std::uint8_t depends = on_nothing;
  Tensors operands(use.inputs.size());
  for (std::size_t i = 0; i < operands.size(); ++i) {
    depends |= depends_[at(use.inputs[i])];
    operands[i] = TensorAccess::abstract(spec(use.inputs[i]).shape, spec(use.inputs[i]).dtype);
  }
  SmallVector<Rows, 8>& kinds = kinds_[u];
  kinds.resize(operands.size());
  use.operation->rows({*use.operation, operands, use.attributes}, {kinds.data(), kinds.size()});
  bool rowwise = !whole() && depends != on_nothing;
  bool any = false;
  for (std::size_t i = 0; i < kinds.size(); ++i) {
    const Value value = use.inputs[i];
    if (kinds[i] == Rows::same) {
      any = true;
      rowwise = rowwise && (rows_[at(value)] || has_rows(spec(value).shape));
    } else {
      rowwise = rowwise && kinds[i] == Rows::all && !rows_[at(value)];
    }
  }
  for (Value value : use.outputs) rowwise = rowwise && has_rows(spec(value).shape);
  rowwise_[u] = rowwise && any;
  for (Value value : use.outputs) {
    depends_[at(value)] = depends;
    rows_[at(value)] = depends != on_nothing && has_rows(spec(value).shape);
    producer_[at(value)] = static_cast<int>(u);
  }
}

void PlanWriter::find_phases() {
  enum Needed : std::uint8_t { in_loop = 1, each_step = 2, at_last = 4 };
  std::vector<std::uint8_t> needed(values_.size(), 0);
  read_.assign(program_.carries.size(), false);
  for (std::size_t k = 0; k < read_.size(); ++k) {
    const Value value = program_.carries[k];
    const auto in = [&](const auto& list) { return std::ranges::find(list, value) != list.end(); };
    const bool stacked = std::ranges::find(program_.each, value, &Stacked::value) != program_.each.end();
    read_[k] = in(program_.next) || stacked || in(program_.sums) ||
               std::ranges::any_of(program_.uses, [&](const Use& use) { return in(use.inputs); });
    needed[at(program_.next[k])] |= read_[k] ? in_loop : at_last;
  }
  for (const Stacked& stacked : program_.each) needed[at(stacked.value)] |= each_step;
  for (Value value : program_.sums) needed[at(value)] |= each_step;
  std::vector<bool> read_apart(values_.size(), false);
  for (Value value : program_.next) read_apart[at(value)] = true;
  phase_.assign(program_.uses.size(), Phase::once);
  for (std::size_t u = program_.uses.size(); u-- > 0;) {
    const Use& use = program_.uses[u];
    std::uint8_t wanted = 0;
    std::uint8_t depends = on_nothing;
    for (Value value : use.outputs) {
      wanted |= needed[at(value)];
      depends |= depends_[at(value)];
    }
    if (depends == on_nothing) continue;
    const bool loop = (wanted & in_loop) != 0;
    // What only elementwise operations of the loop read is made beside them, and never stored; but not a sum
    // with a product, which that takes up.
    const auto of_product = [&](Value value) {
      const int producer = producer_[at(value)];
      return producer >= 0 && depends_[at(value)] != on_nothing &&
             !program_.uses[static_cast<std::size_t>(producer)].operation->elementwise();
    };
    const bool beside = use.operation->elementwise() && rowwise_[u] && (wanted & ~in_loop) == 0 &&
                        std::ranges::none_of(use.inputs, of_product) &&
                        std::ranges::none_of(use.outputs, [&](Value value) { return read_apart[at(value)]; });
    phase_[u] = loop && ((depends & on_carry) != 0 || beside) ? Phase::loop
                : loop                                        ? Phase::before
                : (wanted & each_step) != 0                   ? Phase::after
                                                              : Phase::last;
    for (Value value : use.inputs) {
      needed[at(value)] |= loop ? in_loop : (wanted & each_step) != 0 ? each_step : at_last;
      if (phase_[u] != Phase::loop || !use.operation->elementwise()) read_apart[at(value)] = true;
    }
    if (phase_[u] == Phase::loop && !rowwise_[u] && !whole()) {
      plan_.why_whole_ = fmt::format("{} mixes rows", use.operation->name);
    }
  }
}

PlanWriter::Phase PlanWriter::phase_of(Value value) const {
  const int producer = producer_[at(value)];
  if (producer >= 0) return phase_[static_cast<std::size_t>(producer)];
  return depends_[at(value)] == on_nothing ? Phase::once : Phase::before;
}

}  // namespace unspool::internal
