#include <algorithm>
#include <functional>

#include <unspool/autograd/scan/program.h>
#include <unspool/core/internal/format.h>

namespace unspool::scan_compiler {
namespace {

class Hash {
 public:
  void add(std::uint64_t word) { state_ = (state_ ^ word) * 0x9E3779B97F4A7C15U + (state_ >> 29U); }
  template <class List>
  void add_all(const List& list) {
    add(list.size());
    for (const auto& element : list) add(static_cast<std::uint64_t>(element));
  }
  std::uint64_t value() const { return state_; }

 private:
  std::uint64_t state_ = 0;
};

bool same_use(const Use& a, const Use& b) {
  return a.operation == b.operation && std::ranges::equal(a.inputs, b.inputs) &&
         std::ranges::equal(a.outputs, b.outputs) && a.attributes == b.attributes;
}

std::string with_spec(const Program& program, Value value) {
  const Spec& spec = program.spec(value);
  return fmt::format("{} {}{}", name_of(program, value), name_of(spec.dtype), to_string(spec.shape));
}

}  // namespace

Value Program::input(std::size_t i) const {
  if (i < carries.size()) return carries[i];
  i -= carries.size();
  return i < sequences.size() ? sequences[i].value : captured[i - sequences.size()];
}

Value Program::output(std::size_t i) const {
  if (i < next_carry.size()) return next_carry[i];
  i -= next_carry.size();
  return i < stacked_outputs.size() ? stacked_outputs[i].value : reduced_outputs[i - stacked_outputs.size()];
}

const Stacked* Program::stacked_input(std::size_t i) const {
  return i < carries.size() || i >= carries.size() + sequences.size() ? nullptr
                                                                      : &sequences[i - carries.size()];
}

const Stacked* Program::stacked_output(std::size_t i) const {
  return i < next_carry.size() || i >= next_carry.size() + stacked_outputs.size()
             ? nullptr
             : &stacked_outputs[i - next_carry.size()];
}

void Program::label(Value value, Label label) {
  if (label && !label_of(value)) labels.push_back({value, label});
}

Label Program::label_of(Value value) const {
  const auto found = std::ranges::find(labels, value, &Labeled::value);
  return found == labels.end() ? Label() : found->label;
}

std::vector<bool> Program::floating_outputs() const {
  std::vector<bool> floating(outputs());
  for (std::size_t i = 0; i < floating.size(); ++i) floating[i] = is_floating(spec(output(i)).dtype);
  return floating;
}

std::uint64_t Program::hash() const {
  Hash hash;
  for (const Spec& spec : values) {
    hash.add(static_cast<std::uint64_t>(spec.dtype));
    hash.add_all(std::span<const Index>(spec.shape));
  }
  for (const auto* list : {&carries, &captured, &next_carry, &reduced_outputs}) hash.add_all(*list);
  for (const auto* list : {&sequences, &stacked_outputs}) {
    hash.add(list->size());
    for (const Stacked& stacked : *list) {
      hash.add(static_cast<std::uint64_t>(stacked.value));
      hash.add(static_cast<std::uint64_t>(stacked.time_axis));
    }
  }
  for (const Use& use : uses) {
    hash.add(std::hash<const void*>()(&*use.operation));
    hash.add_all(use.inputs);
    hash.add_all(use.outputs);
  }
  hash.add(reverse ? 1 : 0);
  return hash.value();
}

bool operator==(const Program& a, const Program& b) {
  return a.reverse == b.reverse && a.tuning == b.tuning && a.carries == b.carries &&
         a.sequences == b.sequences && a.captured == b.captured && a.next_carry == b.next_carry &&
         a.stacked_outputs == b.stacked_outputs && a.reduced_outputs == b.reduced_outputs &&
         a.values == b.values && a.labels == b.labels && std::ranges::equal(a.uses, b.uses, same_use);
}

std::size_t bytes_of(const Spec& spec) {
  return static_cast<std::size_t>(spec.shape.elements()) * size_of(spec.dtype);
}

bool is_batch_major(const Program& program, const Stacked& stacked) {
  return stacked.time_axis == 1 && program.spec(stacked.value).shape[0] != 1;
}

Program eliminate_dead_code(Program program) {
  std::vector<bool> live(program.values.size(), false);
  for (std::size_t i = 0; i < program.outputs(); ++i) live[index_of(program.output(i))] = true;
  std::vector<bool> needed(program.uses.size(), false);
  for (std::size_t i = program.uses.size(); i-- > 0;) {
    const Use& use = program.uses[i];
    needed[i] = std::ranges::any_of(use.outputs, [&](Value value) { return live[index_of(value)]; });
    if (!needed[i]) continue;
    for (Value value : use.inputs) live[index_of(value)] = true;
  }
  // Nothing is moved up to the first one that goes, as a rule none.
  const auto first = static_cast<std::size_t>(std::ranges::find(needed, false) - needed.begin());
  std::size_t kept = first;
  for (std::size_t i = first; i < needed.size(); ++i) {
    if (needed[i]) program.uses[kept++] = std::move(program.uses[i]);
  }
  program.uses.erase(program.uses.begin() + static_cast<std::ptrdiff_t>(kept), program.uses.end());
  return program;
}

std::vector<Tensor> replay(const Program& program, std::span<const Tensor> captured) {
  std::vector<Tensor> values(program.values.size());
  for (std::size_t i = 0; i < captured.size(); ++i) values[index_of(program.captured[i])] = captured[i];
  for (const Use& use : program.uses) {
    Tensors operands;
    for (Value value : use.inputs) operands.push_back(values[index_of(value)]);
    const Tensors results = apply_all(use.operation, operands, use.attributes);
    for (std::size_t i = 0; i < results.size(); ++i) values[index_of(use.outputs[i])] = results[i];
  }
  std::vector<Tensor> outputs;
  for (std::size_t i = 0; i < program.outputs(); ++i) outputs.push_back(values[index_of(program.output(i))]);
  return outputs;
}

std::vector<std::string> names_of(const Program& program) {
  std::vector<std::string> names(program.values.size());
  for (const Labeled& labeled : program.labels) names[index_of(labeled.value)] = labeled.label.text();
  internal::tell_apart(names);
  const auto give = [&](Value value, const char* kind, std::size_t number) {
    if (std::string& name = names[index_of(value)]; name.empty()) name = fmt::format("{}{}", kind, number);
  };
  for (std::size_t i = 0; i < program.carries.size(); ++i) give(program.carries[i], "c", i);
  for (std::size_t i = 0; i < program.sequences.size(); ++i) give(program.sequences[i].value, "x", i);
  for (std::size_t i = 0; i < program.captured.size(); ++i) give(program.captured[i], "w", i);
  for (std::size_t i = 0; i < names.size(); ++i) give(static_cast<Value>(i), "%", i);
  return names;
}

std::string name_of(const Program& program, Value value) {
  // Copies that later stages make are values beyond those of the program.
  return index_of(value) < program.values.size() ? names_of(program)[index_of(value)]
                                                 : fmt::format("%{}", value);
}

std::string to_string(const Program& program, const Use& use) {
  std::string text;
  for (Value value : use.outputs) text += (text.empty() ? "" : ", ") + with_spec(program, value);
  text += fmt::format(" = {}(", use.operation->name);
  const char* separator = "";
  for (Value value : use.inputs) {
    text += separator + name_of(program, value);
    separator = ", ";
  }
  if (!use.attributes.empty()) text += separator + to_string(use.attributes);
  return text + ")";
}

std::string to_string(const Program& program) {
  std::string text;
  const auto line = [&](const std::string& what) { text += "  " + what + "\n"; };
  const auto stacked = [](const Stacked& value) {
    return value.time_axis == 0 ? "" : ", time is its second axis";
  };
  for (Value value : program.carries) line("carry " + with_spec(program, value));
  for (const Stacked& value : program.sequences) {
    line("sequence " + with_spec(program, value.value) + stacked(value));
  }
  for (Value value : program.captured) line("captured " + with_spec(program, value));
  for (const Use& use : program.uses) line(to_string(program, use));
  for (Value value : program.next_carry) line("next carry " + name_of(program, value));
  for (const Stacked& value : program.stacked_outputs) {
    line("stacked output " + name_of(program, value.value) + stacked(value));
  }
  for (Value value : program.reduced_outputs) line("output summed over time " + name_of(program, value));
  if (program.reverse) line("from the last step to the first");
  return text;
}

}  // namespace unspool::scan_compiler
