#include <algorithm>

#include <unspool/autograd/fold.h>
#include <unspool/autograd/shaping.h>
#include <unspool/core/error.h>

namespace unspool {

std::optional<Tensors> apply_folded(OperationRef operation, std::span<const Tensor> inputs,
                                    std::span<const bool> leading, const Attributes& attributes) {
  const Call whole{*operation, inputs, attributes};
  Tensors steps(inputs);
  std::optional<Index> count;
  int rank = 0;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    Shape shape = whole.shape(i);
    if (leading[i]) {
      if (shape.empty()) whole.fail("a leading operand has no axis to lead with");
      if (count && *count != shape[0]) whole.fail("the sizes of the leading axes differ");
      count = shape[0];
      shape.erase(0);
    }
    steps[i] = internal::TensorAccess::abstract(shape, whole.dtype(i));
    rank = std::max(rank, shape.rank());
  }
  if (!count) whole.fail("no operand leads");
  if (rank == Shape::max_rank) return std::nullopt;

  const Call step{*operation, steps, attributes};
  Tensors operands(inputs);
  SmallVector<bool, 8> leads(leading);
  Attributes folded = attributes;
  if (!operation->fold(step, leads, folded)) {
    if (*count == unknown) return std::nullopt;
    std::fill(leads.begin(), leads.end(), true);
    folded = attributes;
    if (!operation->fold(step, leads, folded)) return std::nullopt;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      if (!leading[i]) operands[i] = broadcast_to(inputs[i], Shape{*count} + inputs[i].shape());
    }
  }
  if (operation->fold == fold::elementwise) {
    // Broadcasting counts axes from the last: who has fewer than the others gets them behind the new one.
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      std::vector<Index> axes;
      for (int axis = steps[i].rank(); axis < rank; ++axis) axes.push_back(1 + axis - steps[i].rank());
      if (leads[i] && !axes.empty()) operands[i] = expand_dims(operands[i], axes);
    }
  }
  return apply_all(operation, operands, folded);
}

}  // namespace unspool
