#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/layers/call.h>

namespace unspool {

InitialState::InitialState(std::vector<Tensor> tensors) : vector(std::move(tensors)) {}
InitialState::InitialState(const std::vector<Variable>& variables)
    : vector(variables.begin(), variables.end()) {}
InitialState::InitialState(const Tensor& only) : vector{only} {}

using internal::TensorAccess;

Inputs::Inputs(const Tensor& tensor) : tensors_{tensor} {}
Inputs::Inputs(const Variable& variable) : tensors_{variable.value()} {}
Inputs::Inputs(std::initializer_list<Tensor> tensors) : tensors_(tensors) {}
Inputs::Inputs(std::vector<Tensor> tensors) : tensors_(std::move(tensors)) {}

Outputs::Outputs(Tensor only) : Outputs(std::vector<Tensor>{std::move(only)}) {}
Outputs::Outputs(std::vector<Tensor> all)
    : Tensor(all.size() == 1 ? all.front() : Tensor()), all_(std::move(all)) {}

Tensor Outputs::operator[](Index position) const {
  if (all_.size() < 2) return Tensor::operator[](position);
  const Index count = static_cast<Index>(all_.size());
  if (position < -count || position >= count) {
    throw IndexError(fmt::format("expected the position of one of {} outputs, got {}", count, position));
  }
  return all_[static_cast<std::size_t>(position < 0 ? position + count : position)];
}

std::vector<Tensor> Outputs::all() && { return std::move(all_); }

std::vector<Shape> Shapes::all() && { return std::move(all_); }

void detail::fail_unpack(std::size_t wanted, std::size_t got) {
  throw ValueError(fmt::format("unpack<{}>: expected a call with {} outputs, got {}", wanted, wanted, got));
}

void detail::fail_output_list(std::size_t wanted, std::size_t got) {
  throw ValueError(fmt::format(
      "expected {} outputs, one for each name in [...], got {}: make the layer with return_state = true",
      wanted, got));
}

Inputs::Inputs(const Outputs& outputs) : tensors_(outputs.all()) {}

Shapes::Shapes(std::vector<Shape> all) : Shape(all.empty() ? Shape() : all.front()), all_(std::move(all)) {}

Tensor with_mask(const Tensor& tensor, const Tensor& mask) {
  return TensorAccess::with_mask(tensor, mask ? std::make_shared<const Tensor>(mask) : nullptr);
}

Tensor mask_of(const Tensor& tensor) {
  const Tensor* const mask = TensorAccess::mask(tensor);
  return mask != nullptr ? *mask : Tensor();
}

std::vector<Shape> internal::shapes_of(const std::vector<Tensor>& tensors) {
  std::vector<Shape> shapes;
  shapes.reserve(tensors.size());
  for (const Tensor& tensor : tensors) shapes.push_back(tensor.shape());
  return shapes;
}

}  // namespace unspool
