#include <algorithm>

#include <unspool/autograd/scan/instructions.h>
#include <unspool/core/internal/format.h>

namespace unspool::scan_compiler {
namespace {

template <class... F>
struct Overloaded : F... {
  using F::operator()...;
};
template <class... F>
Overloaded(F...) -> Overloaded<F...>;

std::string name_of_operation(const ValueTable& table, int use) {
  return std::string(table.phased->use(use).operation->name);
}

std::string names(const ValueTable& table, std::span<const Value> values) {
  std::string all;
  for (Value value : values) all += (all.empty() ? "" : ", ") + name_of(table, value);
  return all;
}

std::string with_specs(const ValueTable& table, std::span<const Value> values) {
  std::string all;
  for (Value value : values) {
    const Spec& spec = table[value].spec;
    all += fmt::format("{}{} {}{}", all.empty() ? "" : ", ", name_of(table, value), name_of(spec.dtype),
                       to_string(spec.shape));
  }
  return all;
}

std::string with_spec(const ValueTable& table, Value value) { return with_specs(table, {&value, 1}); }

std::string text_of(const ValueTable& table, const Product& product) {
  const Matrix& matrix = table.matrices[static_cast<std::size_t>(product.matrix)];
  std::string sum = fmt::format("{} times {}{}", name_of(table, product.left), name_of(table, matrix.value),
                                matrix.transpose ? " transposed" : "");
  if (product.bias != no_value) sum += " + " + name_of(table, product.bias);
  const std::string result = with_spec(table, product.result);
  if (product.start == no_value) return fmt::format("{} = {}", result, sum);
  const bool in_place = table.memory_of(product.start) == table.memory_of(product.result);
  return in_place ? fmt::format("{} += {}", result, sum)
                  : fmt::format("{} = {} + {}", result, name_of(table, product.start), sum);
}

}  // namespace

SmallVector<Value, 6> operands_of(const Instruction& instruction) {
  SmallVector<Value, 6> all;
  const auto add = [&](const auto& list) {
    for (Value value : list) all.push_back(value);
  };
  std::visit(Overloaded{[&](const Product& product) {
                          all.push_back(product.left);
                          if (product.start != no_value) all.push_back(product.start);
                          if (product.bias != no_value) all.push_back(product.bias);
                        },
                        [&](const Copy& copy) { all.push_back(copy.from); },
                        [&](const ReduceProduct& reduce) {
                          all.push_back(reduce.left);
                          all.push_back(reduce.right);
                        },
                        [&](const ReduceRows& reduce) { all.push_back(reduce.value); },
                        [&](const ReduceValue& reduce) { all.push_back(reduce.value); },
                        [&](const auto& other) { add(other.operands); }},
             instruction);
  return all;
}

SmallVector<Value, 2> results_of(const Instruction& instruction) {
  return std::visit(Overloaded{[](const Product& product) { return SmallVector<Value, 2>{product.result}; },
                               [](const Elementwise& each) { return SmallVector<Value, 2>{each.result}; },
                               [](const Copy& copy) { return SmallVector<Value, 2>{copy.to}; },
                               [](const CallKernel& call) { return call.results; },
                               [](const View& view) { return view.results; },
                               [](const auto&) { return SmallVector<Value, 2>{}; }},
                    instruction);
}

Value ValueTable::root_of(Value value) const {
  while ((*this)[value].is_view()) value = (*this)[value].placement.in;
  return value;
}

Value ValueTable::memory_of(Value value) const {
  while ((*this)[value].placement.kind != Placement::Kind::own) value = (*this)[value].placement.in;
  return value;
}

Copy ValueTable::copy_of(Value value) {
  const auto made = static_cast<Value>(values.size());
  const ValueInfo& from = (*this)[value];
  ValueInfo copy{.spec = from.spec, .depends_on = from.depends_on, .producer = ValueInfo::copied};
  copy.has_rows = phased->has_rows(copy.spec.shape);
  values.push_back(std::move(copy));
  return {.from = value, .to = made};
}

Index columns_of(const Shape& shape) {
  Index columns = 1;
  for (int axis = 1; axis < shape.rank(); ++axis) columns *= shape[axis];
  return columns;
}

std::string name_of(const ValueTable& table, Value value) { return name_of(table.program(), value); }

std::string to_string(const ValueTable& table, const Instruction& instruction) {
  const auto name = [&](Value value) { return name_of(table, value); };
  return std::visit(
      Overloaded{[&](const Product& product) { return text_of(table, product); },
                 [&](const Elementwise& each) {
                   return fmt::format("{} = {}({})", with_spec(table, each.result),
                                      name_of_operation(table, each.use), names(table, each.operands));
                 },
                 [&](const Copy& copy) {
                   return fmt::format("{} = {}", with_spec(table, copy.to), name(copy.from));
                 },
                 [&](const CallKernel& call) {
                   return fmt::format("{} = {}({}){}", with_specs(table, call.results),
                                      name_of_operation(table, call.use), names(table, call.operands),
                                      call.whole_step ? ", whole" : "");
                 },
                 [&](const View& view) {
                   return fmt::format("{} = {}({}), in place", with_specs(table, view.results),
                                      name_of_operation(table, view.use), names(table, view.operands));
                 },
                 [&](const ReduceProduct& reduce) {
                   return fmt::format("sum {} += transpose({}) times {}, all steps in one product",
                                      reduce.output, name(reduce.left), name(reduce.right));
                 },
                 [&](const ReduceRows& reduce) {
                   return fmt::format("sum {} += the rows of {}", reduce.output, name(reduce.value));
                 },
                 [&](const ReduceValue& reduce) {
                   return fmt::format("sum {} += {}", reduce.output, name(reduce.value));
                 }},
      instruction);
}

std::string to_string(const Instructions& instructions) {
  std::string text;
  for (Phase phase : all_phases) {
    const auto& list = instructions.lists[phase];
    const bool reduces = phase == Phase::after && !instructions.reductions.empty();
    if (list.empty() && !reduces) continue;
    text += fmt::format("  {}\n", name_of(phase));
    for (const Instruction& instruction : list) {
      text += "    " + to_string(instructions.table, instruction) + "\n";
    }
    if (!reduces) continue;
    for (const Instruction& reduction : instructions.reductions) {
      text += "    " + to_string(instructions.table, reduction) + "\n";
    }
  }
  return text;
}

}  // namespace unspool::scan_compiler
