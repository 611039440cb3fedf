#pragma once

#include <unspool/autograd/variable.h>
#include <unspool/core/tensor.h>

namespace unspool::internal {

/// Sees the gradients of each step that an optimizer makes on this thread, while it lives.
class GradientObserver {
 public:
  GradientObserver();
  virtual ~GradientObserver();
  GradientObserver(const GradientObserver&) = delete;
  GradientObserver& operator=(const GradientObserver&) = delete;

  /// Called with each gradient, before it is clipped.
  virtual void see(const Variable& variable, const Tensor& gradient) = 0;

  /// The observer of this thread; null if there is none.
  static GradientObserver* current() { return current_; }

 private:
  static constinit thread_local GradientObserver* current_;
  GradientObserver* around_;
};

}  // namespace unspool::internal
