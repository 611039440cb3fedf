#include <algorithm>
#include <tuple>

#include <unspool/autograd/internal/plan_writer.h>

namespace unspool::internal {

void PlanWriter::make_instructions() {
  consumers_.assign(values_.size(), 0);
  for (const Use& use : program_.uses) {
    for (Value value : use.inputs) ++consumers_[at(value)];
  }
  for (std::size_t i = 0; i < program_.outputs(); ++i) ++consumers_[at(program_.output(i))];
  folded_.assign(values_.size(), false);
  std::vector<Instruction> sums;
  for (std::size_t s = 0; s < program_.sums.size(); ++s) sums.push_back(sum_of(s));
  for (Instruction& copy : first_copies_) lists_[index(copy.phase)].push_back(std::move(copy));
  for (std::size_t u = 0; u < program_.uses.size(); ++u) {
    if (folded_[at(program_.uses[u].outputs[0])]) continue;
    lists_[index(phase_[u])].push_back(instruction_of(u));
  }
  for (Instruction& copy : last_copies_) lists_[index(copy.phase)].push_back(std::move(copy));
  for (Instruction& sum : sums) lists_[index(Phase::after)].push_back(std::move(sum));
}

PlanWriter::Instruction PlanWriter::sum_of(std::size_t s) {
  const Value value = program_.sums[s];
  Instruction sum;
  sum.phase = Phase::after;
  sum.index = static_cast<int>(s);
  const int producer = producer_[at(value)];
  if (!whole() && producer >= 0 && consumers_[at(value)] == 1) {
    const Use& use = program_.uses[static_cast<std::size_t>(producer)];
    const auto by_rows = [&] {
      return std::ranges::all_of(use.inputs,
                                 [&](Value x) { return rows_[at(x)] && spec(x).shape.rank() == 2; });
    };
    if (use.operation->name == "matmul" && by_rows() && use.attributes.flag("transpose_a") &&
        !use.attributes.flag("transpose_b")) {
      sum.kind = Kind::sum_product;
    } else if ((use.operation->name == "sum_to" || use.operation->name == "sum") && by_rows() &&
               kinds_[static_cast<std::size_t>(producer)][0] == Rows::summed &&
               spec(value).shape.elements() == spec(use.inputs[0]).shape[1] &&
               (spec(value).shape.empty() || spec(value).shape.back() == spec(use.inputs[0]).shape[1])) {
      sum.kind = Kind::sum_rows;
    }
    if (sum.kind != Kind::call) {
      folded_[at(value)] = true;
      for (Value input : use.inputs) sum.inputs.push_back(seen(input, Phase::after));
      sum.use = producer;
      return sum;
    }
  }
  sum.kind = Kind::sum_values;
  sum.inputs.push_back(seen(value, Phase::after));
  return sum;
}

PlanWriter::Instruction PlanWriter::instruction_of(std::size_t u) {
  const Use& use = program_.uses[u];
  Instruction made;
  made.phase = phase_[u];
  made.use = static_cast<int>(u);
  for (Value value : use.inputs) made.inputs.push_back(seen(value, made.phase));
  for (Value value : use.outputs) made.outputs.push_back(value);
  if (view_[at(use.outputs[0])] >= 0) {
    made.kind = Kind::nothing;
    view_[at(use.outputs[0])] = made.inputs[0];
    for (Value value : use.outputs) view_[at(value)] = made.inputs[0];
    return made;
  }
  if (!rowwise_[u]) {
    made.kind = Kind::whole;
    return made;
  }
  if (is_product(u)) {
    made.kind = Kind::product;
    const Shape& right = spec(use.inputs[1]).shape;
    const bool transpose = use.attributes.flag("transpose_b");
    made.index = matrix(use.inputs[1], transpose, right[transpose ? 0 : 1], right[transpose ? 1 : 0]);
    return made;
  }
  for (Rows kind : kinds_[u]) made.by_row.push_back(kind == Rows::same);
  made.kind = use.operation->elementwise() && find_walks(use, made) ? Kind::elementwise : Kind::call;
  return made;
}

bool PlanWriter::is_product(std::size_t u) const {
  const Use& use = program_.uses[u];
  return use.operation->name == "matmul" && spec(use.inputs[0]).shape.rank() == 2 &&
         spec(use.inputs[1]).shape.rank() == 2 && rows_[at(use.inputs[0])] && kinds_[u][0] == Rows::same &&
         depends_[at(use.inputs[1])] == on_nothing && !use.attributes.flag("transpose_a");
}

int PlanWriter::matrix(Value value, bool transpose, Index columns, Index depth) {
  for (std::size_t i = 0; i < plan_.matrices_.size(); ++i) {
    if (plan_.matrices_[i].value == value && plan_.matrices_[i].transpose == transpose)
      return static_cast<int>(i);
  }
  plan_.matrices_.push_back({value, transpose, columns, depth});
  return static_cast<int>(plan_.matrices_.size() - 1);
}

bool PlanWriter::find_walks(const Use& use, Instruction& made) const {
  const Shape& out = spec(use.outputs[0]).shape;
  for (std::size_t i = 0; i < use.inputs.size(); ++i) {
    const Shape& own = spec(use.inputs[i]).shape;
    const bool by_row = made.by_row[i];
    if (by_row) {
      if (own == out) {
        made.walks.push_back(Walk::same);
      } else if (own.rank() == out.rank() && columns_of(own) == 1) {
        made.walks.push_back(Walk::column);
      } else {
        return false;
      }
      continue;
    }
    if (own.elements() == 1) {
      made.walks.push_back(Walk::one);
    } else if (own.elements() == columns_of(out) &&
               own.sub(std::max(0, own.rank() - out.rank() + 1), own.rank()) ==
                   out.sub(std::max(1, out.rank() - own.rank()), out.rank())) {
      made.walks.push_back(Walk::row);
    } else {
      return false;
    }
  }
  return true;
}

void PlanWriter::order() {
  // Sums that share a right side stand together, those of its parts after that of the whole.
  std::ranges::stable_sort(lists_[index(Phase::after)], {}, [&](const Instruction& instruction) {
    if (instruction.kind != Kind::sum_product) return std::tuple<Value, bool, Value>(-1, false, -1);
    const Value right = instruction.inputs[1];
    return std::tuple(memory_of(right), memory_of(right) != right, right);
  });
  for (std::size_t phase = 0; phase < ScanPlan::phases; ++phase) {
    for (Instruction& instruction : lists_[phase]) {
      append(phase, std::move(instruction));
    }
  }
}

void PlanWriter::append(std::size_t phase, Instruction instruction) {
  const bool blocks =
      (instruction.kind == Kind::elementwise || instruction.kind == Kind::copy ||
       instruction.kind == Kind::nothing) &&
      phase != index(Phase::once) &&
      std::ranges::all_of(instruction.outputs, [&](Value value) { return rows_[at(value)] || whole(); }) &&
      plan_.why_whole_.empty();
  std::vector<Segment>& segments = plan_.segments_[phase];
  if (!blocks || segments.empty() || !segments.back().blocks)
    segments.push_back({.instructions = {},
                        .loops = {},
                        .blocks = blocks,
                        .block_rows = 1,
                        .folds = false,
                        .values = {},
                        .in_block = {}});
  segments.back().instructions.push_back(std::move(instruction));
}

}  // namespace unspool::internal
