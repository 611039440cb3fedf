#include <algorithm>
#include <ostream>
#include <unordered_map>

#include <unspool/autograd/internal/engine.h>
#include <unspool/autograd/internal/step_equations.h>
#include <unspool/autograd/scan/traced_scan.h>
#include <unspool/autograd/tape.h>
#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/layers/backward_equations.h>

namespace unspool {
namespace {

using scan_compiler::index_of;
using scan_compiler::Program;
using scan_compiler::TracedScan;
using scan_compiler::Use;
using scan_compiler::Value;

/// The rows of the batch that the step is traced with. Equations do not depend on it.
constexpr Index traced_rows = 2;

Shape input_size_of(const Cell& cell, const Shape& given) {
  if (!given.empty()) return given;
  const Config config = cell.get_build_config();
  if (!cell.built() || config.is_null()) {
    throw ValueError(fmt::format(
        "backward_equations: expected a cell that is built, got {}: call it, or give the size of its input, "
        "backward_equations(cell, {{features}})",
        cell.name()));
  }
  const Shape shape = config["input_shape"].as<Shape>();
  return shape.sub(1, shape.rank());
}

/// The step as a program whose captured inputs are the weights. What the cell computes from weights alone,
/// which a scan does once and not in its program, becomes a part of it.
class WholeStep {
 public:
  WholeStep(Cell& cell, const Shape& input_size) {
    for (const Variable& weight : cell.weights()) {
      if (is_floating(weight.dtype())) weights_.push_back(weight);
    }
    GradientTape tape({.persistent = true, .keep_all = true});
    for (const Variable& weight : weights_) tape.watch(weight);
    const States states = cell.get_initial_state(traced_rows);
    const Tensor x = Tensor::zeros(Shape({1, traced_rows}) + input_size, cell.dtype());
    const TracedScan traced = scan_compiler::trace_scan(
        [&](const std::vector<Tensor>& carry, const std::vector<Tensor>& inputs) {
          const CellOutput made = cell(inputs[0], carry);
          return ScanStep{.carry = made.states, .outputs = {made.output}};
        },
        states, {x}, {});
    const TapeState* const recorded = Engine::of_this_thread().tape;
    add_weights(traced);
    recorded->visit([&](const Operation& operation, std::span<const Tensor> inputs,
                        std::span<const Tensor> outputs,
                        const Attributes& attributes) { add_once(operation, inputs, outputs, attributes); });
    add_step(traced);
    made_.program = scan_compiler::eliminate_dead_code(std::move(made_.program));
    drop_unused();
  }

  internal::StepToWrite result() && { return std::move(made_); }

 private:
  Value add_value(const Spec& spec) {
    made_.program.values.push_back(spec);
    return static_cast<Value>(made_.program.values.size() - 1);
  }

  Value capture(const Tensor& tensor, bool constant, Label label) {
    const Value value = add_value({tensor.shape(), tensor.dtype()});
    made_.program.captured.push_back(value);
    made_.constants.push_back(constant ? tensor : Tensor());
    if (label) made_.program.label(value, label);
    known_.emplace(tensor.id(), value);
    return value;
  }

  void add_weights(const TracedScan&) {
    for (const Variable& weight : weights_) capture(weight.value(), false, Label::of(weight.name()));
  }

  /// What is no weight and not computed from one is a constant.
  Value operand(const Tensor& tensor, Label label) {
    const auto found = known_.find(tensor.id());
    return found != known_.end() ? found->second : capture(tensor, true, label);
  }

  void add_once(const Operation& operation, std::span<const Tensor> inputs, std::span<const Tensor> outputs,
                const Attributes& attributes) {
    for (const OperationList& table : operation_tables()) {
      for (std::size_t i = 0; i < table.size(); ++i) {
        if (&*table[i] != &operation) continue;
        Use use{.operation = table[i], .inputs = {}, .outputs = {}, .attributes = attributes};
        for (const Tensor& input : inputs) use.inputs.push_back(operand(input, {}));
        for (const Tensor& output : outputs) {
          const Value value = add_value({output.shape(), output.dtype()});
          known_[output.id()] = value;
          use.outputs.push_back(value);
        }
        made_.program.uses.push_back(std::move(use));
        return;
      }
    }
  }

  void add_step(const TracedScan& traced) {
    const Program& step = traced.program->program();
    std::vector<Value> renumbered(step.values.size(), scan_compiler::no_value);
    const auto own = [&](Value value) -> Value {
      Value& made = renumbered[index_of(value)];
      if (made == scan_compiler::no_value) made = add_value(step.spec(value));
      return made;
    };
    const std::size_t others = step.carries.size() + step.sequences.size();
    for (std::size_t i = 0; i < step.captured.size(); ++i) {
      renumbered[index_of(step.captured[i])] =
          operand(traced.operands[others + i], step.label_of(step.captured[i]));
    }
    Program& program = made_.program;
    for (const Value carry : step.carries) program.carries.push_back(own(carry));
    for (const scan_compiler::Stacked& sequence : step.sequences)
      program.sequences.push_back({own(sequence.value)});
    for (Use use : step.uses) {
      for (Value& input : use.inputs) input = own(input);
      for (Value& output : use.outputs) output = own(output);
      program.uses.push_back(std::move(use));
    }
    for (const Value next : step.next_carry) program.next_carry.push_back(own(next));
    for (const scan_compiler::Stacked& output : step.stacked_outputs)
      program.stacked_outputs.push_back({own(output.value)});
    for (const scan_compiler::Labeled& labeled : step.labels) {
      if (renumbered[index_of(labeled.value)] != scan_compiler::no_value) {
        program.label(renumbered[index_of(labeled.value)], labeled.label);
      }
    }
  }

  /// Constants that nothing reads.
  void drop_unused() {
    Program& program = made_.program;
    std::vector<Value> captured;
    std::vector<Tensor> constants;
    for (std::size_t i = 0; i < program.captured.size(); ++i) {
      const Value value = program.captured[i];
      const bool read = std::ranges::any_of(program.uses, [&](const Use& use) {
        return std::ranges::find(use.inputs, value) != use.inputs.end();
      });
      if (!read && made_.constants[i]) continue;
      captured.push_back(value);
      constants.push_back(made_.constants[i]);
    }
    program.captured = std::move(captured);
    made_.constants = std::move(constants);
  }

  std::vector<Variable> weights_;
  internal::StepToWrite made_;
  std::unordered_map<std::uint64_t, Value> known_;
};

std::vector<Equation> equations_of(const std::vector<internal::WrittenEquation>& written) {
  std::vector<Equation> equations;
  for (const internal::WrittenEquation& own : written) {
    equations.push_back({.left = own.left,
                         .right = own.right,
                         .latex = own.latex,
                         .accumulates = own.accumulates,
                         .operations = own.operations});
  }
  return equations;
}

std::string shape_text(const Shape& shape) {
  std::string text;
  for (int i = 0; i < shape.rank(); ++i) text += fmt::format("{}{}", i > 0 ? ", " : "", shape[i]);
  return "(" + text + ")";
}

std::string lines(const std::vector<Equation>& equations) {
  std::string text;
  for (const Equation& equation : equations) {
    text += fmt::format("  {} {} {}\n", equation.left, equation.accumulates ? "+=" : "=", equation.right);
  }
  return text;
}

std::string aligned(const std::vector<Equation>& equations) {
  std::string text = "\\begin{align*}\n";
  for (std::size_t i = 0; i < equations.size(); ++i) {
    std::string latex = equations[i].latex;
    const std::string sign = equations[i].accumulates ? "\\mathrel{+}=" : "=";
    latex.insert(latex.find(sign), "&");
    text += latex + (i + 1 < equations.size() ? " \\\\\n" : "\n");
  }
  return text + "\\end{align*}\n";
}

}  // namespace

BackwardEquations backward_equations(const Ref<Cell>& cell, const Shape& input_size) {
  if (!cell) throw ValueError("backward_equations: expected a cell, got an empty Ref");
  const Shape size = input_size_of(*cell, input_size);
  if (!cell->built()) cell->build_once(Shape({traced_rows}) + size);
  const internal::StepEquations written = internal::write_equations(WholeStep(*cell, size).result());
  BackwardEquations made{.name = cell->class_name(),
                         .weights = {},
                         .forward = equations_of(written.forward),
                         .backward = equations_of(written.backward)};
  for (const internal::WrittenWeight& weight : written.weights) {
    made.weights.push_back({.name = weight.name,
                            .shape = weight.shape,
                            .parts = weight.parts,
                            .latex = weight.latex,
                            .constant = weight.constant});
  }
  return made;
}

std::string BackwardEquations::to_text() const {
  const auto section = [&](const char* title, bool constants) {
    std::string rows;
    for (const EquationWeight& weight : weights) {
      if (static_cast<bool>(weight.constant) != constants) continue;
      rows += fmt::format("  {} {}{}\n", weight.name, shape_text(weight.shape),
                          weight.parts.empty() ? "" : " = " + weight.parts);
    }
    return rows.empty() ? rows : fmt::format("\n{}\n", title) + rows;
  };
  return name + ", one time step\n" + section("Weights", false) + section("Constants", true) + "\nForward\n" +
         lines(forward) + "\nBackward\n" + lines(backward);
}

std::string BackwardEquations::to_latex() const {
  return "% Forward\n" + aligned(forward) + "% Backward\n" + aligned(backward);
}

std::string to_string(const BackwardEquations& equations) { return equations.to_text(); }

std::ostream& operator<<(std::ostream& stream, const BackwardEquations& equations) {
  return stream << equations.to_text();
}

}  // namespace unspool
