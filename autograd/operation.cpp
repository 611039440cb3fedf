#include <algorithm>

#include <unspool/autograd/families.h>
#include <unspool/autograd/labeled.h>
#include <unspool/autograd/operation.h>
#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>

namespace unspool {

int Call::axis(std::size_t i) const {
  const Index given = attributes.integer("axis");
  if (given < -rank(i) || given >= rank(i)) {
    throw IndexError(
        fmt::format("{}: axis {} is out of range for {}", describe(), given, unspool::describe(inputs[i])));
  }
  return static_cast<int>(given < 0 ? given + rank(i) : given);
}

std::vector<int> Call::axes(std::size_t i) const {
  std::vector<int> axes;
  for (Index given : attributes.integers("axes")) {
    if (given < -rank(i) || given >= rank(i)) {
      throw IndexError(
          fmt::format("{}: axis {} is out of range for {}", describe(), given, unspool::describe(inputs[i])));
    }
    axes.push_back(static_cast<int>(given < 0 ? given + rank(i) : given));
  }
  std::sort(axes.begin(), axes.end());
  if (std::adjacent_find(axes.begin(), axes.end()) != axes.end())
    fail("expected different axes, got one twice");
  return axes;
}

std::string Call::describe() const {
  std::string text(operation.name);
  text += '(';
  const char* separator = "";
  for (const Tensor& input : inputs) {
    const std::string name = label_of(input);
    text += separator + (name.empty() ? "" : name + " ") + unspool::describe(input);
    separator = ", ";
  }
  if (!attributes.empty()) text += separator + to_string(attributes);
  return text + ')';
}

void Call::fail(const std::string& what) const { throw ValueError(describe() + ": " + what); }
void Call::fail_type(const std::string& what) const { throw TypeError(describe() + ": " + what); }

std::vector<Example> Examples::list() const {
  if (make_ != nullptr) return make_();
  const auto operand = [&](std::size_t i, Shape shape) {
    return Operand{.shape = shape, .range = ranges_[i]};
  };
  std::vector<Example> examples;
  const auto add = [&](std::initializer_list<Shape> shapes) {
    Example example;
    for (std::size_t i = 0; i < count_; ++i) {
      example.operands.push_back(operand(i, shapes.begin()[i % shapes.size()]));
    }
    examples.push_back(std::move(example));
  };
  add({{}});
  add({{1}});
  add({{2, 3}});
  add({{0, 3}});
  add({{40}});
  if (count_ > 1) {
    add({{2, 3}, {3}});
    add({{3}, {2, 3}});
    add({{2, 1, 3}, {4, 1}});
    add({{2, 3}, {}});
    add({{}, {2, 3}});
    add({{0, 3}, {1, 3}});
    add({{2, 1}, {1, 3}});
  }
  return examples;
}

namespace rows {

void elementwise(const Call& call, std::span<Rows> operands) {
  int rank = 0;
  for (std::size_t i = 0; i < call.inputs.size(); ++i) rank = std::max(rank, call.rank(i));
  Index size = 1;
  for (std::size_t i = 0; i < call.inputs.size(); ++i) {
    if (rank > 0 && call.rank(i) == rank && call.shape(i)[0] != 1) size = call.shape(i)[0];
  }
  for (std::size_t i = 0; i < call.inputs.size(); ++i) {
    operands[i] = rank > 0 && call.rank(i) == rank && call.shape(i)[0] == size ? Rows::same : Rows::all;
  }
}

void mixed(const Call&, std::span<Rows> operands) { std::fill(operands.begin(), operands.end(), Rows::all); }

}  // namespace rows

namespace shapes {

Specs elementwise(const Call& call) {
  const DType dtype = call.dtype();
  Shape shape = call.shape();
  for (std::size_t i = 1; i < call.inputs.size(); ++i) {
    if (call.dtype(i) != dtype) {
      call.fail_type("expected operands of the same dtype: cast(x, dtype) one of them");
    }
    if (!broadcast(shape, call.shape(i), shape)) {
      call.fail(
          "expected shapes that broadcast: along each axis, counted from the last, sizes must be equal or 1");
    }
  }
  if (dtype == boolean) call.fail_type("expected numbers, not bool: cast(x, dtype) first");
  Specs specs(1);
  specs[0] = {shape, dtype};
  return specs;
}

Specs floating(const Call& call) {
  if (!is_floating(call.dtype())) call.fail_type("expected float32 or float64: cast(x, float32) first");
  return elementwise(call);
}

}  // namespace shapes

std::span<const OperationList> operation_tables() {
#define UNSPOOL_LIST_FAMILY(name) families::name(),
  static const OperationList tables[] = {UNSPOOL_OPERATION_FAMILIES(UNSPOOL_LIST_FAMILY)};
#undef UNSPOOL_LIST_FAMILY
  return tables;
}

void keeps(const Call& call, std::span<const Tensor> outputs, std::span<bool> inputs_kept,
           std::span<bool> outputs_kept) {
  const Operation& operation = call.operation;
  if (operation.keep_rule != nullptr) return operation.keep_rule(call, outputs, inputs_kept, outputs_kept);
  const auto fill = [](std::uint32_t mask, std::span<bool> kept) {
    for (std::size_t i = 0; i < kept.size(); ++i)
      kept[i] = ((mask >> std::min<std::size_t>(i, 31)) & 1U) != 0;
  };
  fill(operation.keep.inputs, inputs_kept);
  fill(operation.keep.outputs, outputs_kept);
}

}  // namespace unspool
