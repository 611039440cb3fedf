#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <unordered_map>

#include <unspool/autograd/internal/expression.h>
#include <unspool/autograd/internal/expression_text.h>
#include <unspool/autograd/internal/step_equations.h>
#include <unspool/autograd/internal/step_names.h>
#include <unspool/autograd/internal/use_expressions.h>
#include <unspool/autograd/scan/gradient.h>
#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>

namespace unspool::internal {
namespace {

using scan_compiler::Gradient;
using scan_compiler::index_of;
using scan_compiler::Program;
using scan_compiler::Use;
using scan_compiler::Value;
template <class T>
using ExpressionMap = std::map<Expr, T, OlderExpression>;
using ExpressionSet = std::set<Expr, OlderExpression>;

/// A value that the equations name.
struct Definition {
  Expr symbol;
  Expr value;
};

class EquationWriter {
 public:
  explicit EquationWriter(StepToWrite step)
      : program_(std::move(step.program)), constants_(std::move(step.constants)) {
    name_values(program_);
    name_constants();
    tell_labels_apart();
    forward_.resize(program_.values.size());
    names_ = scan_compiler::names_of(program_);
  }

  StepEquations write() {
    convert_forward();
    convert_backward();
    simplify();
    name_parts();
    StepEquations made;
    made.weights = written_weights();
    for (const Definition& definition : definitions_) {
      made.forward.push_back(equation(name_of(definition.symbol, Notation::text),
                                      name_of(definition.symbol, Notation::latex), definition.value, false));
    }
    for (const Definition& definition : in_order()) {
      made.backward.push_back(equation(name_of(definition.symbol, Notation::text),
                                       name_of(definition.symbol, Notation::latex), definition.value, false));
    }
    for (const Output& output : outputs_) {
      if (output.weight == nullptr) {
        const std::string name = "d" + name_of(output.of, Notation::text);
        // It may be a definition already, which others read.
        if (output.value->kind == ExpressionKind::symbol && output.value->name == name) continue;
        made.backward.push_back(
            equation(name, differential(name_of(output.of, Notation::latex)), output.value, false));
      } else {
        write_weight(output.of, output.value, made.backward);
      }
    }
    return made;
  }

 private:
  /// The gradient with respect to an input.
  struct Output {
    Expr of;
    Expr value;
    Expr weight;  // Null for a state or the input of the step.
  };

  static bool is_one_number(const Tensor& tensor) {
    if (tensor.is_abstract()) return false;
    const std::vector<double> values = tensor.to_vector<double>();
    return !values.empty() && std::ranges::all_of(values, [&](double value) { return value == values[0]; });
  }

  /// Constants that are more than a number are k1, k2, ..., unless the cell named them.
  void name_constants() {
    int count = 0;
    for (std::size_t i = 0; i < program_.captured.size(); ++i) {
      if (!constants_[i] || is_one_number(constants_[i])) continue;
      program_.label(program_.captured[i], Label::of(fmt::format("k{}", ++count)));
    }
  }

  /// Two values of one name would be one symbol.
  void tell_labels_apart() {
    std::set<std::string> taken;
    for (const scan_compiler::Labeled& labeled : program_.labels) taken.insert(labeled.label.text());
    std::set<std::string> given;
    for (scan_compiler::Labeled& labeled : program_.labels) {
      const std::string stem = labeled.label.text();
      std::string name = stem;
      for (int i = 2; given.contains(name) || (name != stem && taken.contains(name)); ++i) {
        name = fmt::format("{}_{}", stem, i);
      }
      given.insert(name);
      if (name != stem) labeled.label = Label::of(name);
    }
  }

  bool only_cut(Value value) const {
    bool cut = false;
    for (const Use& use : program_.uses) {
      if (std::ranges::find(use.inputs, value) == use.inputs.end()) continue;
      if (!std::holds_alternative<form::Columns>(form_of(program_, use))) return false;
      cut = true;
    }
    for (std::size_t i = 0; i < program_.outputs(); ++i) cut = cut && program_.output(i) != value;
    return cut;
  }

  /// A tensor whose elements are all one number is that number; another one has a name.
  Expr constant(const Tensor& tensor, const std::string& name) {
    if (!is_one_number(tensor)) return algebra_.symbol(name, tensor.shape());
    const bool scalar = tensor.shape().elements() == 1;
    return algebra_.number(tensor.to_vector<double>()[0], scalar ? Shape() : tensor.shape());
  }

  void convert_forward() {
    for (const Value value : program_.carries) forward_[index_of(value)] = symbol(value);
    for (const scan_compiler::Stacked& sequence : program_.sequences)
      forward_[index_of(sequence.value)] = symbol(sequence.value);
    for (std::size_t i = 0; i < program_.captured.size(); ++i)
      forward_[index_of(program_.captured[i])] =
          constants_[i] ? constant(constants_[i], names_[index_of(program_.captured[i])])
                        : symbol(program_.captured[i]);
    for (const Use& use : program_.uses) {
      std::vector<Expr> args;
      for (const Value input : use.inputs) args.push_back(forward_[index_of(input)]);
      const std::vector<Expr> made = expressions_of(algebra_, program_, use, args);
      for (std::size_t i = 0; i < made.size(); ++i) {
        const Value value = use.outputs[i];
        Expr& own = forward_[index_of(value)];
        own = made[i];
        const bool atom = own->kind == ExpressionKind::symbol || own->kind == ExpressionKind::part ||
                          own->kind == ExpressionKind::number || own->kind == ExpressionKind::join;
        if (!program_.label_of(value) || only_cut(value) || (atom && !is_output(value))) continue;
        own = symbol(value);
        definitions_.push_back({own, algebra_.factored(made[i])});
      }
    }
  }

  bool is_output(Value value) const {
    for (std::size_t i = 0; i < program_.outputs(); ++i) {
      if (program_.output(i) == value) return true;
    }
    return false;
  }

  Expr symbol(Value value) { return algebra_.symbol(names_[index_of(value)], program_.spec(value).shape); }

  void convert_backward() {
    std::vector<bool> needed;
    for (std::size_t i = 0; i < program_.inputs(); ++i) {
      const std::size_t others = program_.carries.size() + program_.sequences.size();
      needed.push_back(is_floating(program_.spec(program_.input(i)).dtype) &&
                       (i < others || !constants_[i - others]));
    }
    gradient_ = scan_compiler::gradient_of(program_, needed, program_.floating_outputs());
    const Program& program = gradient_.program->program();
    backward_.resize(program.values.size());
    for (std::size_t i = 0; i < gradient_.sources.size(); ++i) {
      const Value value = program.input(i);
      backward_[index_of(value)] = source(gradient_.sources[i], value, program);
    }
    for (const Use& use : program.uses) {
      std::vector<Expr> args;
      for (const Value input : use.inputs) args.push_back(backward_[index_of(input)]);
      const std::vector<Expr> made = expressions_of(algebra_, program, use, args);
      for (std::size_t i = 0; i < made.size(); ++i) {
        backward_[index_of(use.outputs[i])] = named(program.label_of(use.outputs[i]), made[i]);
      }
    }
    for (std::size_t i = 0; i < program_.inputs(); ++i) {
      if (!needed[i]) continue;
      const Value value = program_.input(i);
      const int output = gradient_.outputs[i];
      const Expr of = forward_[index_of(value)];
      const bool weight = i >= program_.carries.size() + program_.sequences.size();
      if (output < 0) {
        if (!weight) outputs_.push_back({of, algebra_.number(0), nullptr});
        continue;
      }
      const Expr result = backward_[index_of(program.output(static_cast<std::size_t>(output)))];
      outputs_.push_back({of, result, weight ? of : nullptr});
    }
    // Inputs of a step first, then what goes to the step before, then weights.
    std::ranges::stable_sort(outputs_, {}, [&](const Output& output) {
      if (output.weight != nullptr) return 2;
      return std::ranges::any_of(program_.sequences,
                                 [&](const scan_compiler::Stacked& sequence) {
                                   return forward_[index_of(sequence.value)] == output.of;
                                 })
                 ? 0
                 : 1;
    });
  }

  Expr source(const Gradient::Source& source, Value value, const Program& program) {
    switch (source.kind) {
      case Gradient::Source::input:
        return forward_[index_of(program_.input(source.index))];
      case Gradient::Source::output:
        return forward_[index_of(program_.output(source.index))];
      case Gradient::Source::residual:
        return forward_[source.index];
      case Gradient::Source::constant:
        return constant(gradient_.constants[source.index], fmt::format("constant{}", source.index));
      default: {
        const Label label = program.label_of(value);
        const Expr made = algebra_.symbol(label ? label.text() : fmt::format("d{}", source.index),
                                          program.spec(value).shape);
        gradients_.insert(made);
        return made;
      }
    }
  }

  /// Whether an expression depends on a gradient that arrives.
  bool is_gradient(Expr a) {
    if (gradients_.contains(a)) return true;
    const auto known = depends_.find(a);
    if (known != depends_.end()) return known->second;
    const bool depends = std::ranges::any_of(a->args, [&](Expr arg) { return is_gradient(arg); });
    return depends_[a] = depends;
  }

  static bool is_atom(Expr a) {
    return a->kind == ExpressionKind::symbol || a->kind == ExpressionKind::number ||
           a->kind == ExpressionKind::part ||
           (a->kind == ExpressionKind::sum && a->args.size() == 1 && is_atom(a->args[0]));
  }

  /// A gradient with a name is a symbol of its own from here on, with this value.
  Expr named(Label label, Expr value) {
    if (!is_gradient(value)) {
      // What the gradient computes again of the forward step has its name there.
      const auto known = std::ranges::find(definitions_, algebra_.factored(value), &Definition::value);
      return known == definitions_.end() || is_atom(value) ? value : known->symbol;
    }
    if (!label || is_atom(value) || value->kind == ExpressionKind::join) return value;
    return define(label.text(), value);
  }

  Expr define(const std::string& name, Expr value) {
    const Expr made = algebra_.symbol(name, value->shape);
    gradients_.insert(made);
    steps_.push_back({made, value});
    return made;
  }

  void change_all(const std::unordered_map<Expr, Expr>& values, bool factor) {
    const auto change = [&](Expr a) {
      const Expr made = values.empty() ? a : algebra_.substitute(a, values);
      return factor ? algebra_.factored(made) : made;
    };
    for (Definition& step : steps_) step.value = change(step.value);
    for (Output& output : outputs_) output.value = change(output.value);
  }

  /// How often each expression is an operand, or the value of a definition or output.
  ExpressionMap<int> count_uses() const {
    ExpressionMap<int> uses;
    const auto walk = [&](const auto& self, Expr a) -> void {
      if (uses[a]++ > 0) return;
      for (const Expr arg : a->args) self(self, arg);
    };
    for (const Definition& step : steps_) walk(walk, step.value);
    for (const Output& output : outputs_) walk(walk, output.value);
    return uses;
  }

  /// Puts the value of a definition in its place where it is used once.
  void put_in_place() {
    for (bool changed = true; changed;) {
      changed = false;
      const ExpressionMap<int> uses = count_uses();
      for (std::size_t i = 0; i < steps_.size(); ++i) {
        const auto found = uses.find(steps_[i].symbol);
        const int count = found == uses.end() ? 0 : found->second;
        if (count > 1 && !is_atom(steps_[i].value)) continue;
        const Definition step = steps_[i];
        steps_.erase(steps_.begin() + static_cast<std::ptrdiff_t>(i));
        if (count > 0) change_all({{step.symbol, step.value}}, false);
        changed = true;
        break;
      }
    }
  }

  /// Names what several equations compute.
  void name_common() {
    for (bool changed = true; changed;) {
      changed = false;
      for (const auto& [expression, count] : count_uses()) {
        if (count < 2 || is_atom(expression) || expression->kind == ExpressionKind::join ||
            expression->kind == ExpressionKind::transpose || expression->kind == ExpressionKind::row_sum ||
            !is_gradient(expression)) {
          continue;
        }
        const Expr value = expression;
        const auto known = std::ranges::find(steps_, value, &Definition::value);
        Expr made = nullptr;
        if (known != steps_.end()) {
          made = known->symbol;
          const Definition step = *known;
          steps_.erase(known);
          change_all({{value, made}}, false);
          steps_.push_back(step);
        } else {
          made = algebra_.symbol(fmt::format("u{}", ++common_), value->shape);
          gradients_.insert(made);
          change_all({{value, made}}, false);
          steps_.push_back({made, value});
        }
        changed = true;
        break;
      }
    }
  }

  void simplify() {
    put_in_place();
    change_all({}, true);
    name_common();
    put_in_place();
    change_all({}, true);
  }

  /// The definitions of the backward step, each after those that it reads.
  std::vector<Definition> in_order() const {
    std::vector<Definition> order;
    ExpressionSet done;
    const auto visit = [&](const auto& self, Expr a) -> void {
      for (const Expr arg : a->args) self(self, arg);
      const auto step = std::ranges::find(steps_, a, &Definition::symbol);
      if (step == steps_.end() || !done.insert(a).second) return;
      self(self, step->value);
      order.push_back(*step);
    };
    for (const Definition& step : steps_) visit(visit, step.symbol);
    for (const Output& output : outputs_) visit(visit, output.value);
    return order;
  }

  // Names.

  /// The gate that a definition belongs to: its own name, or for what got a name here the gate that reads it.
  std::string gate_that_reads(const Definition& definition) const {
    const std::string& name = definition.symbol->name;
    if (name.size() < 2 || name[0] != 's' || name.find_first_not_of("0123456789", 1) != std::string::npos) {
      return gate_of(name);
    }
    const auto reads = [&](const auto& self, Expr a) -> bool {
      return a == definition.symbol ||
             std::ranges::any_of(a->args, [&](Expr arg) { return self(self, arg); });
    };
    for (const Definition& other : definitions_) {
      if (reads(reads, other.value)) return gate_of(other.symbol->name);
    }
    return name;
  }

  /// Parts of weights are named by the gate that reads them first: kernel_f. Where that is not one to one,
  /// by their places: kernel_0.
  void name_parts() {
    ExpressionMap<std::vector<Expr>> parts;
    ExpressionMap<std::string> gate;
    const auto walk = [&](const auto& self, Expr a, const std::string& reader) -> void {
      if (a->kind == ExpressionKind::part) {
        if (gate.emplace(a, reader).second) parts[a->args[0]].push_back(a);
        return;
      }
      for (const Expr arg : a->args) self(self, arg, reader);
    };
    for (const Definition& definition : definitions_)
      walk(walk, definition.value, gate_that_reads(definition));
    for (const Definition& step : steps_) walk(walk, step.value, "");
    for (const Output& output : outputs_) walk(walk, output.value, "");
    for (auto& [whole, own] : parts) {
      std::ranges::sort(own, {}, [](Expr part) { return part->begin; });
      // Along each axis, the places at which parts begin.
      std::vector<std::set<Index>> begins(whole->begin.size() +
                                          static_cast<std::size_t>(whole->shape.rank()));
      for (const Expr part : own) {
        for (std::size_t axis = 0; axis < part->begin.size(); ++axis) begins[axis].insert(part->begin[axis]);
      }
      const std::size_t last = static_cast<std::size_t>(whole->shape.rank()) - 1;
      std::map<std::pair<std::vector<Index>, std::string>, int> readers;
      for (const Expr part : own) {
        std::vector<Index> others = part->begin;
        others.resize(last);
        ++readers[{others, gate[part]}];
      }
      const bool by_gate = std::ranges::all_of(
          readers, [](const auto& reader) { return reader.second == 1 && !reader.first.second.empty(); });
      for (const Expr part : own) {
        std::vector<std::string> text;
        for (std::size_t axis = 0; axis <= last; ++axis) {
          const auto at = std::distance(begins[axis].begin(), begins[axis].find(part->begin[axis]));
          const bool cut = part->begin[axis] != 0 || part->end[axis] != whole->shape[static_cast<int>(axis)];
          if (axis == last && by_gate && (cut || last == 0)) {
            text.push_back(gate[part]);
          } else if (cut) {
            text.push_back(std::to_string(at));
          }
        }
        part_names_[part] = std::move(text);
      }
    }
  }

  std::string name_of(Expr a, Notation notation) const {
    const bool latex = notation == Notation::latex;
    if (a->kind != ExpressionKind::part) return latex ? symbol_as_latex(a) : a->name;
    const auto found = part_names_.find(a);
    std::string name = latex ? weight_as_latex(a->args[0]->name) : a->args[0]->name;
    std::string below;
    for (const std::string& word : found->second) {
      if (latex) {
        below += (below.empty() ? "" : ",") + name_as_latex(word);
      } else {
        name += "_" + word;
      }
    }
    return latex ? name + "_{" + below + "}" : name;
  }

  bool is_weight(const std::string& name) const {
    return std::ranges::any_of(program_.captured,
                               [&](Value value) { return names_[index_of(value)] == name; });
  }

  /// The letters that papers use for Keras' weights, unless the cell uses them for something else.
  std::string weight_as_latex(const std::string& name) const {
    const auto letter = [&](const char* own) {
      return std::ranges::find(names_, own) == names_.end() ? own : name_as_latex(name);
    };
    if (name == "kernel") return letter("W");
    if (name == "recurrent_kernel") return letter("U");
    if (name == "bias") return letter("b");
    for (const auto& [ending, own] : {std::pair{"_kernel", "W"}, std::pair{"_bias", "b"}}) {
      if (!name.ends_with(ending)) continue;
      const std::string kind = name.substr(0, name.size() - std::string_view(ending).size());
      const std::string stem = letter(own);
      if (stem == own) return stem + "^{" + name_as_latex(kind) + "}";
    }
    return name_as_latex(name);
  }

  static std::string differential(const std::string& latex) { return "\\mathrm{d}" + latex; }

  std::string symbol_as_latex(Expr a) const {
    if (gradients_.contains(a) && a->name.starts_with("d")) {
      std::string of = a->name.substr(1);
      if (of.ends_with("_next")) {
        of.resize(of.size() - 5);
        return differential(name_as_latex(of)) + "_{\\mathrm{next}}";
      }
      return differential(value_as_latex(of));
    }
    return value_as_latex(a->name);
  }

  std::string value_as_latex(const std::string& name) const {
    if (is_weight(name)) return weight_as_latex(name);
    for (const Value carry : program_.carries) {
      if (names_[index_of(carry)] == name) return name_as_latex(name) + "_{t-1}";
    }
    const std::string stem = name.size() > 2 && name.ends_with("_t") ? name.substr(0, name.size() - 2) : name;
    if (stem.starts_with("a_")) return "a_{" + name_as_latex(stem.substr(2)) + "}";
    const bool number = stem.size() > 1 && stem.find_first_not_of("0123456789", 1) == std::string::npos;
    if (number) return stem.substr(0, 1) + "_{" + stem.substr(1) + "}";
    return name == stem ? name_as_latex(name) : name_as_latex(stem) + "_t";
  }

  WrittenEquation equation(const std::string& left, const std::string& latex_left, Expr value,
                           bool accumulates) const {
    const auto text_name = [&](Expr a) { return name_of(a, Notation::text); };
    const auto latex_name = [&](Expr a) { return name_of(a, Notation::latex); };
    return {.left = left,
            .right = written(value, Notation::text, text_name),
            .latex = latex_left + (accumulates ? " \\mathrel{+}= " : " = ") +
                     written(value, Notation::latex, latex_name),
            .accumulates = accumulates,
            .operations = operations_in(value) + (accumulates ? 1 : 0)};
  }

  /// An equation for each part of a weight.
  void write_weight(Expr of, Expr value, std::vector<WrittenEquation>& equations) {
    if (value->kind == ExpressionKind::number && value->number == 0) return;
    if (value->kind == ExpressionKind::join) {
      Index begin = 0;
      for (const Expr piece : value->args) {
        const Index end = begin + piece->shape[value->axis];
        // The gradient of bias (2, n) may lack axes of size 1.
        const int axis = value->axis + of->shape.rank() - value->shape.rank();
        const Expr own = algebra_.part(of, axis, begin, end);
        write_weight(own, piece, equations);
        begin = end;
      }
      return;
    }
    if (of->kind == ExpressionKind::part && !part_names_.contains(of)) {
      throw RuntimeError("equations: the gradient has a part of " + of->args[0]->name +
                         " that the step does not read");
    }
    equations.push_back(
        equation("d" + name_of(of, Notation::text), differential(name_of(of, Notation::latex)), value, true));
  }

  std::vector<WrittenWeight> written_weights() const {
    std::vector<WrittenWeight> weights;
    for (std::size_t i = 0; i < program_.captured.size(); ++i) {
      if (constants_[i] && is_one_number(constants_[i])) continue;
      const Value value = program_.captured[i];
      WrittenWeight weight{.name = names_[index_of(value)],
                           .shape = program_.spec(value).shape,
                           .parts = {},
                           .latex = weight_as_latex(names_[index_of(value)]),
                           .constant = constants_[i]};
      std::vector<Expr> own;
      for (const auto& [part, words] : part_names_) {
        if (part->args[0]->name == weight.name) own.push_back(part);
      }
      std::ranges::sort(own, {}, [](Expr part) { return part->begin; });
      std::vector<Index> row;
      for (const Expr part : own) {
        std::vector<Index> others = part->begin;
        others.pop_back();
        weight.parts += weight.parts.empty() ? "" : others == row ? ", " : "; ";
        row = others;
        weight.parts += name_of(part, Notation::text);
      }
      if (!own.empty()) weight.parts = "[" + weight.parts + "]";
      weights.push_back(std::move(weight));
    }
    return weights;
  }

  Program program_;
  std::vector<Tensor> constants_;
  std::vector<std::string> names_;
  Algebra algebra_;
  std::vector<Expr> forward_;
  std::vector<Expr> backward_;
  Gradient gradient_;
  std::vector<Definition> definitions_;
  std::vector<Definition> steps_;
  std::vector<Output> outputs_;
  ExpressionSet gradients_;
  ExpressionMap<bool> depends_;
  ExpressionMap<std::vector<std::string>> part_names_;
  int common_ = 0;
};

}  // namespace

StepEquations write_equations(StepToWrite step) { return EquationWriter(std::move(step)).write(); }

}  // namespace unspool::internal
