#include <unspool/autograd/arithmetic.h>
#include <unspool/autograd/comparison.h>
#include <unspool/autograd/elementary.h>
#include <unspool/models/internal/loss_kind.h>
#include <unspool/models/losses/hinge.h>

namespace unspool {
namespace {

/// How far a score is short of the margin. If all labels are 0 or 1, 0 stands for -1.
Tensor shortfall(const Tensor& y, const Tensor& p) {
  const Tensor binary = all(logical_or(equal(y, 0), equal(y, 1)));
  return maximum(1 - where(binary, 2 * y - 1, y) * p, 0);
}

constexpr internal::LossKind<LossOptions> hinge{
    .name = "Hinge",
    .aliases = "",
    .call = [](const LossOptions&, const Tensor& y, const Tensor& p) { return shortfall(y, p); },
    .elementwise = true};

constexpr internal::LossKind<LossOptions> squared_hinge{
    .name = "SquaredHinge",
    .aliases = "",
    .call = [](const LossOptions&, const Tensor& y, const Tensor& p) { return square(shortfall(y, p)); },
    .elementwise = true};

constexpr internal::LossKind<LossOptions> categorical_hinge{
    .name = "CategoricalHinge",
    .aliases = "",
    .call = [](const LossOptions&, const Tensor& y, const Tensor& p) {
      return maximum(max((1 - y) * p, {-1}) - sum(y * p, {-1}) + 1, 0);
    }};

}  // namespace

Loss internal::make_hinge(const LossOptions& options) { return made_loss(hinge, options); }
Loss internal::make_squared_hinge(const LossOptions& options) { return made_loss(squared_hinge, options); }
Loss internal::make_categorical_hinge(const LossOptions& options) {
  return made_loss(categorical_hinge, options);
}

void internal::add_hinge_losses(LossEntries& entries) {
  for (const auto* kind : {&hinge, &squared_hinge, &categorical_hinge}) add_loss_kind(entries, *kind);
}

}  // namespace unspool
