#pragma once

#include <vector>

#include <unspool/core/tensor.h>

namespace unspool {
class LayerTree;
}

namespace unspool::internal {

/// Sees the outputs of each layer that this thread calls, in the order in which the calls end, while it
/// lives.
class OutputObserver {
 public:
  OutputObserver();
  virtual ~OutputObserver();
  OutputObserver(const OutputObserver&) = delete;
  OutputObserver& operator=(const OutputObserver&) = delete;

  /// Called at the end of a call, also of one on abstract tensors.
  virtual void see(const LayerTree& layer, const std::vector<Tensor>& outputs) = 0;

  /// The observer of this thread; null if there is none.
  static OutputObserver* current() { return current_; }

 private:
  static constinit thread_local OutputObserver* current_;
  OutputObserver* around_;
};

}  // namespace unspool::internal
