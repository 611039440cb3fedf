#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/layers/call.h>

namespace unspool {

using internal::TensorAccess;

Inputs::Inputs(const Tensor& tensor) : tensors_{tensor} {}
Inputs::Inputs(const Variable& variable) : tensors_{variable.value()} {}
Inputs::Inputs(std::initializer_list<Tensor> tensors) : tensors_(tensors) {}
Inputs::Inputs(std::vector<Tensor> tensors) : tensors_(std::move(tensors)) {}

Outputs::Outputs(Tensor only) : Outputs(std::vector<Tensor>{std::move(only)}) {}
Outputs::Outputs(std::vector<Tensor> all)
    : Tensor(all.empty() ? Tensor() : all.front()), all_(std::move(all)) {}

std::vector<Tensor> Outputs::all() && { return std::move(all_); }

std::vector<Shape> Shapes::all() && { return std::move(all_); }

void detail::fail_unpack(std::size_t wanted, std::size_t got) {
  throw ValueError(
      fmt::format("unpack<{}>: the call returned {} tensor{}", wanted, got, got == 1 ? "" : "s"));
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
