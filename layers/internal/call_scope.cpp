#include <unspool/layers/internal/call_scope.h>

namespace unspool {

namespace internal {

namespace {

thread_local CallScope* innermost = nullptr;
thread_local bool keep_losses = true;

}  // namespace

CallScope::CallScope(const LayerBase& layer, std::optional<bool> training)
    : layer_(layer),
      errors_(layer.name()),
      outer_(innermost),
      training_(training.value_or(innermost != nullptr && innermost->training())) {
  innermost = this;
}

CallScope::~CallScope() { innermost = outer_; }

std::string CallScope::path() const {
  return outer_ == nullptr ? layer_.name() : outer_->path() + "/" + layer_.name();
}

const CallScope* CallScope::of(const LayerBase& layer) {
  const CallScope* scope = innermost;
  while (scope != nullptr && &scope->layer_ != &layer) scope = scope->outer_;
  return scope;
}

std::uint64_t CallScope::identity_of(const Tensor& input) const {
  for (std::size_t i = 0; received_ != nullptr && i < received_->size(); ++i) {
    if ((*received_)[i].id() == input.id()) return (*given_)[i].id();
  }
  return input.id();
}

bool losses_are_kept() { return keep_losses; }

}  // namespace internal

WithoutLosses::WithoutLosses() : outer_(internal::keep_losses) { internal::keep_losses = false; }
WithoutLosses::~WithoutLosses() { internal::keep_losses = outer_; }

}  // namespace unspool
