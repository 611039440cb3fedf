#include <unspool/layers/internal/call_context.h>

namespace unspool::internal {
namespace {

constexpr CallContext outside;
constinit thread_local const CallContext* innermost = &outside;

}  // namespace

const CallContext& CallContext::current() { return *innermost; }

const CallContext* CallContext::of(const LayerTree& layer) {
  const CallContext* context = innermost->layer == nullptr ? nullptr : innermost;
  while (context != nullptr && context->layer != &layer) context = context->caller;
  return context;
}

std::string CallContext::path() const {
  return caller == nullptr ? layer->name() : caller->path() + "/" + layer->name();
}

std::uint64_t CallContext::identity_of(const Tensor& input) const {
  for (std::size_t i = 0; received != nullptr && i < received->size(); ++i) {
    if ((*received)[i].id() == input.id()) return (*given)[i].id();
  }
  return input.id();
}

CallScope::CallScope() : context_(*innermost), around_(innermost) { innermost = &context_; }

CallScope::CallScope(const LayerTree& layer, OptionalBool training) : CallScope() {
  context_.layer = &layer;
  // A layer whose build calls it is not within itself.
  const bool same = around_->layer == &layer;
  context_.caller = around_->layer == nullptr ? nullptr : same ? around_->caller : around_;
  context_.training = training.value_or(context_.training);
  context_.given = nullptr;
  context_.received = nullptr;
  if (!same) errors_.emplace(layer.name());
}

CallScope::~CallScope() { innermost = around_; }

}  // namespace unspool::internal
