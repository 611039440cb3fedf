#include <algorithm>

#include <unspool/autograd/scan/phases.h>
#include <unspool/core/internal/format.h>

namespace unspool::scan_compiler {
namespace {

/// Sets the rows that all carries have (all sequences, if there is no carry), or the reason why there are
/// none.
void find_rows(PhasedProgram& phased) {
  const Program& program = *phased.program;
  const std::size_t carries = program.carries.size();
  Index rows = unknown;
  for (std::size_t i = 0; i < (carries > 0 ? carries : program.sequences.size()); ++i) {
    const Shape& shape = program.spec(program.input(i)).shape;
    const Index own = shape.rank() > 0 ? shape[0] : unknown;
    if (own == unknown || (rows != unknown && own != rows)) {
      phased.not_row_parallel_reason = "the carries have no rows in common";
      return;
    }
    rows = own;
  }
  if (rows == unknown) {
    phased.not_row_parallel_reason = "there is no carry";
    return;
  }
  phased.rows = rows;
}

/// Finds what the outputs of a use depend on, and how the use treats rows.
void classify(PhasedProgram& phased, std::size_t u) {
  const Use& use = phased.program->uses[u];
  PhasedProgram::UseFacts& facts = phased.uses[u];
  DependsOn depends_on = DependsOn::captured;
  Tensors operands(use.inputs.size());
  for (std::size_t i = 0; i < operands.size(); ++i) {
    const Spec& spec = phased.program->spec(use.inputs[i]);
    depends_on = std::max(depends_on, phased.facts_of(use.inputs[i]).depends_on);
    operands[i] = internal::TensorAccess::abstract(spec.shape, spec.dtype);
  }
  const Call call{*use.operation, operands, use.attributes};
  facts.rows.resize(operands.size());
  use.operation->rows(call, {facts.rows.data(), facts.rows.size()});
  if (use.operation->form != nullptr) facts.form = std::make_shared<const Form>(use.operation->form(call));
  bool row_wise = phased.row_parallel() && depends_on != DependsOn::captured;
  bool any = false;
  for (std::size_t i = 0; i < operands.size(); ++i) {
    const bool has_rows = phased.facts_of(use.inputs[i]).has_rows;
    if (facts.rows[i] == Rows::same) {
      any = true;
      row_wise = row_wise && (has_rows || phased.has_rows(operands[i].shape()));
    } else {
      row_wise = row_wise && facts.rows[i] == Rows::all && !has_rows;
    }
  }
  for (Value value : use.outputs) {
    const bool has_rows = phased.has_rows(phased.program->spec(value).shape);
    row_wise = row_wise && has_rows;
    phased.values[index_of(value)] = {.depends_on = depends_on,
                                      .has_rows = depends_on != DependsOn::captured && has_rows,
                                      .producer = static_cast<int>(u)};
  }
  facts.row_wise = row_wise && any;
}

/// Who needs a value, as flags.
enum Needed : std::uint8_t { by_loop = 1, by_each_step = 2, by_last_step = 4 };

/// Marks the carries that a step reads, and what the outputs need.
std::vector<std::uint8_t> needed_by_outputs(PhasedProgram& phased) {
  const Program& program = *phased.program;
  std::vector<std::uint8_t> needed(program.values.size(), 0);
  phased.carry_is_read.assign(program.carries.size(), false);
  for (std::size_t k = 0; k < program.carries.size(); ++k) {
    const Value value = program.carries[k];
    const auto in = [&](const auto& list) { return std::ranges::find(list, value) != list.end(); };
    phased.carry_is_read[k] =
        in(program.next_carry) || in(program.reduced_outputs) ||
        std::ranges::find(program.stacked_outputs, value, &Stacked::value) != program.stacked_outputs.end() ||
        std::ranges::any_of(program.uses, [&](const Use& use) { return in(use.inputs); });
    needed[index_of(program.next_carry[k])] |= phased.carry_is_read[k] ? by_loop : by_last_step;
  }
  for (const Stacked& stacked : program.stacked_outputs) needed[index_of(stacked.value)] |= by_each_step;
  for (Value value : program.reduced_outputs) needed[index_of(value)] |= by_each_step;
  return needed;
}

/// From the last use to the first, by who needs the outputs.
void find_phases(PhasedProgram& phased) {
  const Program& program = *phased.program;
  std::vector<std::uint8_t> needed = needed_by_outputs(phased);
  // Values that something other than an elementwise operation of the loop reads.
  std::vector<bool> read_elsewhere(program.values.size(), false);
  for (Value value : program.next_carry) read_elsewhere[index_of(value)] = true;
  const auto is_elementwise = [&](int u) { return phased.use(u).operation->elementwise(); };
  // Computed at each step by an operation that is not elementwise, most often a product.
  const auto is_product_of_step = [&](Value value) {
    const PhasedProgram::ValueFacts& facts = phased.facts_of(value);
    return facts.producer >= 0 && facts.depends_on != DependsOn::captured && !is_elementwise(facts.producer);
  };
  for (std::size_t u = program.uses.size(); u-- > 0;) {
    const Use& use = program.uses[u];
    PhasedProgram::UseFacts& facts = phased.uses[u];
    std::uint8_t wanted = 0;
    for (Value value : use.outputs) wanted |= needed[index_of(value)];
    const DependsOn depends_on = phased.facts_of(use.outputs[0]).depends_on;
    if (depends_on == DependsOn::captured) continue;
    const bool for_loop = (wanted & by_loop) != 0;
    // An elementwise operation that only elementwise operations of the loop read runs beside them, so that
    // its result is never stored. One that reads a product stays before the loop: there it is fused with
    // that.
    const bool beside =
        use.operation->elementwise() && facts.row_wise && (wanted & ~by_loop) == 0 &&
        std::ranges::none_of(use.inputs, is_product_of_step) &&
        std::ranges::none_of(use.outputs, [&](Value value) { return read_elsewhere[index_of(value)]; });
    facts.phase = for_loop && (depends_on == DependsOn::carry || beside) ? Phase::loop
                  : for_loop                                             ? Phase::before
                  : (wanted & by_each_step) != 0                         ? Phase::after
                                                                         : Phase::last;
    for (Value value : use.inputs) {
      needed[index_of(value)] |= for_loop                       ? by_loop
                                 : (wanted & by_each_step) != 0 ? by_each_step
                                                                : by_last_step;
      if (facts.phase != Phase::loop || !use.operation->elementwise()) read_elsewhere[index_of(value)] = true;
    }
    if (facts.phase == Phase::loop && !facts.row_wise && phased.row_parallel()) {
      phased.not_row_parallel_reason = fmt::format("{} mixes rows", use.operation->name);
    }
  }
}

void classify_all(PhasedProgram& phased) {
  const Program& program = *phased.program;
  phased.values.assign(program.values.size(), {});
  phased.uses.assign(program.uses.size(), {});
  const auto input = [&](Value value, DependsOn depends_on) {
    phased.values[index_of(value)] = {.depends_on = depends_on,
                                      .has_rows = phased.has_rows(program.spec(value).shape)};
  };
  for (Value value : program.carries) input(value, DependsOn::carry);
  for (const Stacked& stacked : program.sequences) input(stacked.value, DependsOn::sequence);
  for (std::size_t u = 0; u < program.uses.size(); ++u) classify(phased, u);
  find_phases(phased);
}

}  // namespace

const char* name_of(Phase phase) {
  static constexpr std::array<const char*, phase_count> names = {"once", "before the loop", "in the loop",
                                                                 "after the loop", "at the last step"};
  return names[static_cast<std::size_t>(phase)];
}

Phase PhasedProgram::phase_of(Value value) const {
  const ValueFacts& facts = facts_of(value);
  if (facts.producer >= 0) return uses[static_cast<std::size_t>(facts.producer)].phase;
  return facts.depends_on == DependsOn::captured ? Phase::once : Phase::before;
}

PhasedProgram assign_phases(const Program& program) {
  PhasedProgram phased{.program = &program,
                       .rows = 1,
                       .not_row_parallel_reason = {},
                       .values = {},
                       .uses = {},
                       .carry_is_read = {}};
  find_rows(phased);
  classify_all(phased);
  if (!phased.row_parallel()) {
    // What is known of rows has changed: without them everything runs on whole steps.
    phased.rows = 1;
    classify_all(phased);
  }
  return phased;
}

std::string to_string(const PhasedProgram& phased) {
  std::string text = phased.row_parallel()
                         ? fmt::format("  {} rows, row-parallel\n", phased.rows)
                         : fmt::format("  not row-parallel, since {}\n", phased.not_row_parallel_reason);
  for (Phase phase : all_phases) {
    std::string uses;
    for (std::size_t u = 0; u < phased.uses.size(); ++u) {
      if (phased.uses[u].phase != phase) continue;
      uses += "    " + to_string(*phased.program, phased.program->uses[u]) + "\n";
    }
    if (!uses.empty()) text += fmt::format("  {}\n", name_of(phase)) + uses;
  }
  return text;
}

}  // namespace unspool::scan_compiler
