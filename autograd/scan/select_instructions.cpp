#include <algorithm>
#include <map>
#include <optional>

#include <unspool/autograd/scan/instructions.h>

namespace unspool::scan_compiler {
namespace {

/// Selects the instructions of one program.
class Selector {
 public:
  explicit Selector(const PhasedProgram& phased) : phased_(phased), program_(*phased.program) {
    made_.table.phased = &phased;
  }

  Instructions select() {
    make_values();
    find_views();
    for (std::size_t e = 0; e < program_.stacked_outputs.size(); ++e) own_stacked_output(e);
    made_.table.next_carry = program_.next_carry;
    for (std::size_t k = 0; k < program_.carries.size(); ++k) own_carry(k);
    for (std::size_t u = 0; u < program_.uses.size(); ++u) {
      const Phase phase = phased_.uses[u].phase;
      if (phase != Phase::after && phase != Phase::last) continue;
      for (Value value : program_.uses[u].inputs) keep_carry(value);
    }
    for (Value value : program_.reduced_outputs) keep_carry(value);
    make_instructions();
    return std::move(made_);
  }

 private:
  ValueInfo& info(Value value) { return made_.table[value]; }
  const ValueInfo& info(Value value) const { return made_.table[value]; }
  const Shape& shape(Value value) const { return info(value).spec.shape; }
  bool is_carry(Value value) const {
    return std::ranges::find(program_.carries, value) != program_.carries.end();
  }

  void make_values() {
    for (std::size_t v = 0; v < program_.values.size(); ++v) {
      const PhasedProgram::ValueFacts& facts = phased_.values[v];
      made_.table.values.push_back({.spec = program_.values[v],
                                    .depends_on = facts.depends_on,
                                    .has_rows = facts.has_rows,
                                    .producer = facts.producer});
    }
    for (const Use& use : program_.uses) {
      for (Value value : use.inputs) ++info(value).consumers;
    }
    for (std::size_t i = 0; i < program_.outputs(); ++i) ++info(program_.output(i)).consumers;
  }

  void find_views() {
    for (std::size_t u = 0; u < program_.uses.size(); ++u) {
      const Use& use = program_.uses[u];
      const PhasedProgram::UseFacts& facts = phased_.uses[u];
      if (use.inputs.empty() || facts.phase == Phase::once) continue;
      const Value from = use.inputs[0];
      const auto view = [&](std::size_t output, Index offset) {
        info(use.outputs[output]).placement = {Placement::Kind::view, from, offset};
      };
      if (use.operation->kernel.view) {
        // Either both have the same rows, or neither has rows.
        const Value to = use.outputs[0];
        const bool alike = facts.row_wise ? info(from).has_rows : !info(from).has_rows && !info(to).has_rows;
        if (alike) view(0, 0);
        continue;
      }
      const auto* const columns = std::get_if<form::Columns>(facts.form.get());
      if (columns == nullptr || !facts.row_wise || !info(from).has_rows || shape(from).rank() < 2) continue;
      const Index inner = columns_of(shape(from)) / std::max<Index>(1, shape(from)[1]);
      for (std::size_t i = 0; i < use.outputs.size(); ++i) view(i, columns->first[i] * inner);
    }
  }

  /// A copy of a value in a list that runs before or after the instructions of the phase.
  Value copy(Value value, Phase phase, bool first = false) {
    const Copy made = made_.table.copy_of(value);
    (first ? first_copies_ : last_copies_)[phase].push_back(made);
    return made.to;
  }

  /// Finds the value that stacked output e is written by.
  void own_stacked_output(std::size_t e) {
    Value value = program_.stacked_outputs[e].value;
    const bool own = !info(value).is_input() && !info(value).is_view() &&
                     phased_.phase_of(value) != Phase::once && info(value).stacked_output < 0;
    if (!own) {
      const Value root = made_.table.root_of(value);
      const bool late = is_late_view(value);
      const bool early = is_carry(root) && !late;
      if (late) keep_carry(value);
      const bool in_loop = early || (!late && phased_.phase_of(root) == Phase::loop);
      value = copy(value, in_loop ? Phase::loop : Phase::after, early);
    }
    info(value).stacked_output = static_cast<int>(e);
  }

  /// Finds the value that carry k is handed on by.
  void own_carry(std::size_t k) {
    Value value = program_.next_carry[k];
    const bool made = !info(value).is_input() && !info(value).is_view();
    if (phased_.carry_is_read[k]) {
      // The next step reads these where they lie.
      if (is_time_major_sequence(value) || is_constant(value)) return;
      if (!made || phased_.phase_of(value) != Phase::loop || info(value).next_carry >= 0) {
        value = copy(value, Phase::loop);
      }
      info(value).next_carry = static_cast<int>(k);
    } else {
      const bool own = made && phased_.phase_of(value) == Phase::last && info(value).final_carry < 0;
      if (!own) {
        keep_carry(value);
        value = copy(seen(value, Phase::last), Phase::last);
      }
      info(value).final_carry = static_cast<int>(k);
    }
    made_.table.next_carry[k] = value;
  }

  /// A sequence whose steps follow one another in memory.
  bool is_time_major_sequence(Value value) const {
    const auto found = std::ranges::find(program_.sequences, value, &Stacked::value);
    return found != program_.sequences.end() && !is_batch_major(program_, *found);
  }

  /// The same at all steps, and whole in memory.
  bool is_constant(Value value) const {
    return std::ranges::find(program_.captured, value) != program_.captured.end() ||
           (!info(value).is_input() && !info(value).is_view() && phased_.phase_of(value) == Phase::once);
  }

  /// A view that is taken after the loop.
  bool is_late_view(Value value) const {
    const Phase phase = phased_.phase_of(value);
    return info(value).is_view() && (phase == Phase::after || phase == Phase::last);
  }

  /// After the loop a carry is gone. What is read there of a carry is copied in the loop.
  void keep_carry(Value value) {
    while (is_late_view(value)) value = info(value).placement.in;
    if (!is_carry(made_.table.root_of(value)) || kept_.contains(value)) return;
    kept_.emplace(value, copy(value, Phase::loop, true));
  }

  /// The value that an instruction of the phase reads in place of this one.
  Value seen(Value value, Phase phase) const {
    if (phase != Phase::after && phase != Phase::last) return value;
    const auto found = kept_.find(value);
    return found == kept_.end() ? value : found->second;
  }

  void make_instructions() {
    std::vector<bool> reduced(program_.uses.size(), false);
    for (std::size_t s = 0; s < program_.reduced_outputs.size(); ++s) {
      made_.reductions.push_back(reduction(s, reduced));
    }
    for (Phase phase : all_phases) made_.lists[phase] = std::move(first_copies_[phase]);
    for (std::size_t u = 0; u < program_.uses.size(); ++u) {
      if (!reduced[u]) made_.lists[phased_.uses[u].phase].push_back(instruction(static_cast<int>(u)));
    }
    for (Phase phase : all_phases) {
      for (Instruction& copy : last_copies_[phase]) made_.lists[phase].push_back(std::move(copy));
    }
  }

  /// The sum over time of a product of all rows, or of a sum over rows, is one reduction over time and rows.
  /// The use that computes it at each step is marked as `reduced`.
  Instruction reduction(std::size_t s, std::vector<bool>& reduced) {
    const Value value = program_.reduced_outputs[s];
    const int output = static_cast<int>(s);
    const int producer = info(value).producer;
    if (phased_.row_parallel() && producer >= 0 && info(value).consumers == 1) {
      const Use& use = phased_.use(producer);
      const Form* const form = phased_.facts(producer).form.get();
      const bool of_rows =
          std::ranges::all_of(use.inputs, [&](Value x) { return info(x).has_rows && shape(x).rank() == 2; });
      const auto operand = [&](std::size_t i) { return seen(use.inputs[i], Phase::after); };
      const auto* const product = std::get_if<form::Product>(form);
      if (of_rows && product != nullptr && product->transpose_a && !product->transpose_b) {
        reduced[static_cast<std::size_t>(producer)] = true;
        return ReduceProduct{.left = operand(0), .right = operand(1), .output = output};
      }
      if (of_rows && std::get_if<form::RowSum>(form) != nullptr) {
        reduced[static_cast<std::size_t>(producer)] = true;
        return ReduceRows{.value = operand(0), .output = output};
      }
    }
    return ReduceValue{.value = seen(value, Phase::after), .output = output};
  }

  Instruction instruction(int u) {
    const Use& use = phased_.use(u);
    const PhasedProgram::UseFacts& facts = phased_.facts(u);
    SmallVector<Value, 4> operands;
    for (Value value : use.inputs) operands.push_back(seen(value, facts.phase));
    if (info(use.outputs[0]).is_view()) {
      for (Value value : use.outputs) info(value).placement.in = operands[0];
      return View{.use = u, .operands = operands, .results = use.outputs};
    }
    if (!facts.row_wise) {
      return CallKernel{
          .use = u, .operands = operands, .by_row = {}, .results = use.outputs, .whole_step = true};
    }
    if (const std::optional<Product> made = product(use, facts, operands)) return *made;
    if (use.operation->elementwise()) {
      if (std::optional<SmallVector<Access, 4>> access = accesses(use, facts)) {
        return Elementwise{
            .use = u, .operands = operands, .access = *std::move(access), .result = use.outputs[0]};
      }
    }
    SmallVector<bool, 4> by_row;
    for (Rows rows : facts.rows) by_row.push_back(rows == Rows::same);
    return CallKernel{
        .use = u, .operands = operands, .by_row = by_row, .results = use.outputs, .whole_step = false};
  }

  /// Rows times a matrix that is the same at all steps.
  std::optional<Product> product(const Use& use, const PhasedProgram::UseFacts& facts,
                                 const SmallVector<Value, 4>& operands) {
    const auto* const form = std::get_if<form::Product>(facts.form.get());
    if (form == nullptr || form->transpose_a) return std::nullopt;
    const Value left = use.inputs[0];
    const Value right = use.inputs[1];
    if (shape(left).rank() != 2 || shape(right).rank() != 2 || !info(left).has_rows ||
        facts.rows[0] != Rows::same || info(right).depends_on != DependsOn::captured) {
      return std::nullopt;
    }
    return Product{.left = operands[0], .matrix = matrix(right, form->transpose_b), .result = use.outputs[0]};
  }

  int matrix(Value value, bool transpose) {
    std::vector<Matrix>& all = made_.table.matrices;
    const auto found = std::ranges::find_if(
        all, [&](const Matrix& known) { return known.value == value && known.transpose == transpose; });
    const auto index = static_cast<int>(found - all.begin());
    if (found == all.end()) {
      const Shape& own = shape(value);
      all.push_back({value, transpose, own[transpose ? 0 : 1], own[transpose ? 1 : 0]});
    }
    return index;
  }

  /// How each operand is stepped through; nothing if the operation's own kernel has to broadcast.
  std::optional<SmallVector<Access, 4>> accesses(const Use& use, const PhasedProgram::UseFacts& facts) const {
    const Shape& out = shape(use.outputs[0]);
    SmallVector<Access, 4> all;
    for (std::size_t i = 0; i < use.inputs.size(); ++i) {
      const Shape& own = shape(use.inputs[i]);
      if (facts.rows[i] == Rows::same) {
        if (own == out) {
          all.push_back(Access::element);
        } else if (own.rank() == out.rank() && columns_of(own) == 1) {
          all.push_back(Access::column);
        } else {
          return std::nullopt;
        }
      } else if (own.elements() == 1) {
        all.push_back(Access::scalar);
      } else if (own.elements() == columns_of(out) &&
                 own.sub(std::max(0, own.rank() - out.rank() + 1), own.rank()) ==
                     out.sub(std::max(1, out.rank() - own.rank()), out.rank())) {
        all.push_back(Access::row);
      } else {
        return std::nullopt;
      }
    }
    return all;
  }

  const PhasedProgram& phased_;
  const Program& program_;
  Instructions made_;
  PerPhase<std::vector<Instruction>> first_copies_;
  PerPhase<std::vector<Instruction>> last_copies_;
  /// The copies, made in the loop, of what is read of carries after it.
  std::map<Value, Value> kept_;
};

}  // namespace

Instructions select_instructions(const PhasedProgram& program) { return Selector(program).select(); }

}  // namespace unspool::scan_compiler
