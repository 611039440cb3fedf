#include <utility>

#include <unspool/core/callable.h>
#include <unspool/core/error.h>

namespace unspool::internal {

CallableBase::CallableBase(const CallableBase& other)
    : object_(other.manage_ == nullptr ? nullptr : other.manage_(other.object_, true)),
      manage_(other.manage_) {}

CallableBase::CallableBase(CallableBase&& other) noexcept
    : object_(std::exchange(other.object_, nullptr)), manage_(std::exchange(other.manage_, nullptr)) {}

CallableBase& CallableBase::operator=(const CallableBase& other) {
  if (this != &other) *this = CallableBase(other);
  return *this;
}

CallableBase& CallableBase::operator=(CallableBase&& other) noexcept {
  std::swap(object_, other.object_);
  std::swap(manage_, other.manage_);
  return *this;
}

CallableBase::~CallableBase() {
  if (manage_ != nullptr) manage_(object_, false);
}

void CallableBase::fail_empty() { throw RuntimeError("expected a function, got an empty one"); }

}  // namespace unspool::internal
