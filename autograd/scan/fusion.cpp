#include <algorithm>
#include <tuple>

#include <unspool/autograd/scan/fusion.h>
#include <unspool/core/internal/format.h>

namespace unspool::scan_compiler {
namespace {

using Kind = Placement::Kind;

constexpr std::array step_phases = {Phase::before, Phase::loop, Phase::after, Phase::last};

/// After a product has been fused with the addition of `other`: where nobody else reads what the sums start
/// from, they grow in its memory.
void share_memory(ValueTable& table, const std::vector<Instruction>& list, Value result, Value other) {
  const Value root = table.root_of(other);
  const ValueInfo& owner = table[root];
  if (table[other].consumers != 1 || owner.is_input() || owner.is_output() ||
      owner.depends_on == DependsOn::captured) {
    return;
  }
  if (table[result].is_output()) {
    // Then the other operand is computed where the result is to be.
    const bool here = std::ranges::any_of(
        list, [&](const Instruction& made) { return std::ranges::count(results_of(made), other) != 0; });
    if (here && other == root && table[other].placement.kind == Kind::own) {
      table[other].placement = {Kind::accumulator, result, 0};
    }
    return;
  }
  const bool whole_view = table[other].producer >= 0 && owner.consumers == 1 &&
                          table[other].spec.shape.rank() == owner.spec.shape.rank();
  if (other == root || whole_view) table[result].placement = {Kind::accumulator, other, 0};
}

/// Fuses the addition at `at` with a product before it. True if it did: the product's entry is gone then.
bool fuse_product(ValueTable& table, std::vector<Instruction>& list, std::size_t at) {
  const auto* const add = std::get_if<Elementwise>(&list[at]);
  if (add == nullptr || std::get_if<form::Addition>(table.phased->facts(add->use).form.get()) == nullptr)
    return false;
  for (const std::size_t which : {std::size_t{0}, std::size_t{1}}) {
    const Value product = add->operands[which];
    const Value other = add->operands[1 - which];
    const Access access = add->access[1 - which];
    const bool rows = access == Access::element && table[other].has_rows;
    const bool row = access == Access::row && table[other].depends_on == DependsOn::captured;
    if (add->access[which] != Access::element || !(rows || row) || other == product) continue;
    const auto end = list.begin() + static_cast<std::ptrdiff_t>(at);
    const auto made = std::find_if(list.begin(), end, [&](const Instruction& instruction) {
      const auto* const candidate = std::get_if<Product>(&instruction);
      return candidate != nullptr && candidate->result == product && candidate->bias == no_value &&
             (row || candidate->start == no_value);
    });
    if (made == end || table[product].consumers != 1 || table[product].is_output()) continue;
    Product fused = std::get<Product>(*made);
    const Value result = add->result;
    fused.result = result;
    (row ? fused.bias : fused.start) = other;
    list[at] = fused;
    list.erase(made);
    if (rows) {
      share_memory(table, list, result, other);
    } else if (table[product].placement.kind == Kind::accumulator && !table[result].is_output()) {
      table[result].placement = table[product].placement;
    }
    return true;
  }
  return false;
}

/// Whether an instruction of this phase, or of one before it that runs at the same steps, computes it row by
/// row.
bool computed_by_rows(const Instructions& instructions, Value value, Phase phase) {
  for (Phase earlier : step_phases) {
    if (earlier > phase || (phase == Phase::last && earlier != phase)) continue;
    for (const Instruction& made : instructions.lists[earlier]) {
      if (std::ranges::count(results_of(made), value) == 0) continue;
      return std::holds_alternative<Elementwise>(made) || std::holds_alternative<Product>(made);
    }
  }
  return false;
}

/// Places the operands of the concatenation at `at`, which is moved behind the copies that this needs.
void place_parts(Instructions& instructions, Phase phase, std::size_t& at) {
  ValueTable& table = instructions.table;
  const CallKernel concatenation = std::get<CallKernel>(instructions.lists[phase][at]);
  const Value result = concatenation.results[0];
  SmallVector<Value, 4> parts = concatenation.operands;
  Index offset = 0;
  for (Value& part : parts) {
    const ValueInfo& info = table[part];
    const bool free = info.producer >= 0 && info.placement.kind == Kind::own && !info.is_output();
    if (!free || !computed_by_rows(instructions, part, phase)) {
      const Copy copy = table.copy_of(part);
      std::vector<Instruction>& list = instructions.lists[phase];
      list.insert(list.begin() + static_cast<std::ptrdiff_t>(at++), copy);
      part = copy.to;
    }
    table[part].placement = {Kind::part, result, offset};
    offset += columns_of(table[part].spec.shape);
  }
  instructions.lists[phase][at] =
      View{.use = concatenation.use, .operands = parts, .results = concatenation.results};
}

/// Reductions that share a right side follow one another, those of its parts after that of the whole.
void sort_reductions(const ValueTable& table, std::vector<Instruction>& reductions) {
  std::ranges::stable_sort(reductions, {}, [&](const Instruction& instruction) {
    const auto* const product = std::get_if<ReduceProduct>(&instruction);
    if (product == nullptr) return std::tuple(no_value, false, no_value);
    const Value memory = table.memory_of(product->right);
    return std::tuple(memory, memory != product->right, product->right);
  });
}

}  // namespace

Instructions fuse_products(Instructions instructions) {
  for (Phase phase : step_phases) {
    std::vector<Instruction>& list = instructions.lists[phase];
    for (std::size_t i = 0; i < list.size(); ++i) {
      // What was at i is at i - 1 then.
      if (fuse_product(instructions.table, list, i)) --i;
    }
  }
  return instructions;
}

Instructions place_concatenations(Instructions instructions) {
  const ValueTable& table = instructions.table;
  for (Phase phase : step_phases) {
    for (std::size_t i = 0; i < instructions.lists[phase].size(); ++i) {
      const auto* const call = std::get_if<CallKernel>(&instructions.lists[phase][i]);
      if (call == nullptr || call->whole_step) continue;
      const auto* const joined = std::get_if<form::Concatenation>(table.phased->facts(call->use).form.get());
      if (joined == nullptr || joined->axis != 1 ||
          !std::ranges::all_of(call->operands, [&](Value part) { return table[part].has_rows; })) {
        continue;
      }
      place_parts(instructions, phase, i);
    }
  }
  return instructions;
}

FusedProgram form_segments(Instructions instructions) {
  FusedProgram fused{.table = std::move(instructions.table),
                     .segments = {},
                     .reductions = std::move(instructions.reductions)};
  const ValueTable& table = fused.table;
  const auto is_elementwise = [&](const Instruction& instruction) {
    const bool fits =
        std::holds_alternative<Elementwise>(instruction) || std::holds_alternative<Copy>(instruction);
    return fits && table.phased->row_parallel() &&
           std::ranges::all_of(results_of(instruction), [&](Value value) { return table[value].has_rows; });
  };
  for (Phase phase : all_phases) {
    std::vector<Segment>& segments = fused.segments[phase];
    for (Instruction& instruction : instructions.lists[phase]) {
      if (std::holds_alternative<View>(instruction)) continue;
      const bool elementwise = phase != Phase::once && is_elementwise(instruction);
      if (!elementwise || segments.empty() || !segments.back().elementwise) {
        segments.push_back({.elementwise = elementwise, .instructions = {}});
      }
      segments.back().instructions.push_back(std::move(instruction));
    }
  }
  sort_reductions(table, fused.reductions);
  return fused;
}

std::string to_string(const FusedProgram& program) {
  std::string text;
  for (Phase phase : all_phases) {
    const std::vector<Segment>& segments = program.segments[phase];
    const bool reduces = phase == Phase::after && !program.reductions.empty();
    if (segments.empty() && !reduces) continue;
    text += fmt::format("  {}\n", name_of(phase));
    for (const Segment& segment : segments) {
      const bool several = segment.instructions.size() > 1;
      if (several) text += "    fused\n";
      for (const Instruction& instruction : segment.instructions) {
        text += (several ? "      " : "    ") + to_string(program.table, instruction) + "\n";
      }
    }
    if (!reduces) continue;
    for (const Instruction& reduction : program.reductions) {
      text += "    " + to_string(program.table, reduction) + "\n";
    }
  }
  return text;
}

}  // namespace unspool::scan_compiler
