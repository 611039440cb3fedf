#include <unspool/autograd/arithmetic.h>
#include <unspool/autograd/clipping.h>
#include <unspool/autograd/conversion.h>
#include <unspool/autograd/elementary.h>
#include <unspool/autograd/reduction.h>
#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>

namespace unspool {
namespace {

void check_norm(const char* function, double norm) {
  if (!(norm > 0)) throw ValueError(fmt::format("{}: expected a norm above 0, got {}", function, norm));
}

/// x times min(1, norm / length), which divides by no 0.
Tensor shortened(const Tensor& x, const Tensor& length, double norm) {
  return x * cast(norm / maximum(length, norm), x.dtype());
}

}  // namespace

Tensor clip_by_norm(const Tensor& x, double norm) {
  check_norm("clip_by_norm", norm);
  return shortened(x, sqrt(sum(square(x))), norm);
}

std::pair<std::vector<Tensor>, Tensor> clip_by_global_norm(const std::vector<Tensor>& tensors, double norm) {
  check_norm("clip_by_global_norm", norm);
  Tensor squares;
  for (const Tensor& tensor : tensors) {
    if (!tensor) continue;
    const Tensor of_one = sum(square(tensor));
    squares = squares ? squares + cast(of_one, squares.dtype()) : of_one;
  }
  if (!squares) return {tensors, Tensor::scalar(0.0F)};
  const Tensor length = sqrt(squares);
  std::vector<Tensor> clipped;
  for (const Tensor& tensor : tensors) clipped.push_back(tensor ? shortened(tensor, length, norm) : tensor);
  return {std::move(clipped), length};
}

}  // namespace unspool
