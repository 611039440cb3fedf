#include <set>
#include <vector>

#include <unspool/autograd/internal/step_names.h>
#include <unspool/autograd/internal/use_expressions.h>

namespace unspool::internal {
namespace {

using scan_compiler::index_of;
using scan_compiler::Program;
using scan_compiler::Use;
using scan_compiler::Value;

bool is_product(const Program& program, const Use& use) {
  return std::holds_alternative<form::Product>(form_of(program, use)) &&
         program.spec(use.inputs[0]).shape.rank() == 2 && program.spec(use.inputs[1]).shape.rank() == 2;
}

/// A function of one operand by elements that is written by its name: tanh, sigmoid, relu.
bool is_activation(const Use& use) {
  return use.operation->elementwise() && use.inputs.size() == 1 && use.operation->formula.empty() &&
         use.operation->gradient != nullptr;
}

class NameGiver {
 public:
  explicit NameGiver(Program& program) : program_(program) {
    for (const scan_compiler::Labeled& labeled : program.labels) taken_.insert(labeled.label.text());
    contains_product_.resize(program.values.size());
    inputs_.resize(program.values.size());
    for (std::size_t i = 0; i < program.inputs(); ++i) inputs_[index_of(program.input(i))] = true;
    uses_.resize(program.values.size());
    for (const Use& use : program.uses) {
      for (const Value input : use.inputs) ++uses_[index_of(input)];
    }
  }

  void run() {
    for (const Use& use : program_.uses) {
      bool contains = is_product(program_, use);
      if (contains) give(use.inputs[0], "s", true);
      for (std::size_t i = 0; i < use.inputs.size(); ++i) {
        const Value input = use.inputs[i];
        const bool own = contains_product_[index_of(input)] && !program_.label_of(input);
        contains = contains || own;
        const bool read = use.operation->elementwise() && (use.operation->keep.inputs >> i & 1U) != 0;
        if (own && !is_activation(use) && (read || uses_[index_of(input)] > 1)) give(input, "s", true);
      }
      const Value output = use.outputs[0];
      if (is_activation(use) && contains) {
        give(output, "g", true);
        const std::string gate = program_.label_of(output).text();
        if (gate.ends_with("_t")) {
          give(use.inputs[0], taken_.contains("a") ? "a_" + gate_of(gate) : "a", false);
        } else {
          give(use.inputs[0], "a_" + gate, false);
        }
      }
      for (const Value value : use.outputs) contains_product_[index_of(value)] = contains;
    }
  }

 private:
  void give(Value value, const std::string& stem, bool numbered) {
    if (program_.label_of(value) || inputs_[index_of(value)]) return;
    std::string name = numbered ? stem + "1" : stem;
    for (int i = 2; taken_.contains(name); ++i) name = stem + std::to_string(i);
    taken_.insert(name);
    program_.label(value, Label::of(name));
  }

  Program& program_;
  std::set<std::string> taken_;
  std::vector<bool> contains_product_;
  std::vector<bool> inputs_;
  std::vector<int> uses_;
};

}  // namespace

void name_values(Program& program) { NameGiver(program).run(); }

std::string gate_of(std::string name) {
  if (name.starts_with("a_")) name = name.substr(2);
  if (name.size() > 2 && name.ends_with("_t")) name.resize(name.size() - 2);
  return name;
}

}  // namespace unspool::internal
