#pragma once

#include <unspool/core/tensor.h>

namespace unspool {
class Label;
}

namespace unspool::internal {

/// Sees each value that gets a name on this thread while it lives.
class LabelObserver {
 public:
  LabelObserver();
  virtual ~LabelObserver();
  LabelObserver(const LabelObserver&) = delete;
  LabelObserver& operator=(const LabelObserver&) = delete;

  /// `step` is the time step that runs; -1 for none.
  virtual void see(const Tensor& tensor, Label label, Index step) = 0;

  /// The observer of this thread; null if there is none.
  static LabelObserver* current() { return current_; }

 private:
  static constinit thread_local LabelObserver* current_;
  LabelObserver* around_;
};

}  // namespace unspool::internal
