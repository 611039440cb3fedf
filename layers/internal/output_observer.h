#pragma once

#include <vector>

#include <unspool/core/tensor.h>

namespace unspool {
class LayerTree;
}

namespace unspool::internal {

/// A call of a layer that has ended.
struct ObservedCall {
  const LayerTree& layer;
  /// The inputs of the layer; of a cell its input, then its states.
  const std::vector<Tensor>& inputs;
  /// The outputs of the layer; of a cell its output, then its next states.
  const std::vector<Tensor>& outputs;
  /// The mask of the call; empty if there is none.
  const Tensor& mask;
};

/// Sees the calls of layers on this thread while it lives, also those on abstract tensors.
class OutputObserver {
 public:
  OutputObserver();
  virtual ~OutputObserver();
  OutputObserver(const OutputObserver&) = delete;
  OutputObserver& operator=(const OutputObserver&) = delete;

  /// Called at the start of a call.
  virtual void enter(const LayerTree& /*layer*/) {}
  /// Called at the end of a call.
  virtual void see(const ObservedCall& call) = 0;
  /// Whether it also sees the calls of cells, if recurrent layers run their steps one after the other
  /// (CallContext::one_by_one).
  virtual bool sees_steps() const { return false; }

  /// The observer of this thread; null if there is none.
  static OutputObserver* current() { return current_; }
  /// The observer of this thread, if it sees the calls of cells.
  static OutputObserver* of_steps() {
    return current_ != nullptr && current_->sees_steps() ? current_ : nullptr;
  }

 private:
  static constinit thread_local OutputObserver* current_;
  OutputObserver* around_;
};

}  // namespace unspool::internal
