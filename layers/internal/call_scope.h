#pragma once

#include <optional>
#include <string>

#include <unspool/core/error.h>
#include <unspool/layers/layer.h>

namespace unspool::internal {

/// The calls of layers that are under way on this thread, innermost last: while it lives, errors and the
/// paths of new weights start with the layer's name, and layers called within get its `training`.
class CallScope {
 public:
  /// `training` as said, else as the layer around says, else false.
  CallScope(const LayerBase& layer, std::optional<bool> training);
  ~CallScope();
  CallScope(const CallScope&) = delete;
  CallScope& operator=(const CallScope&) = delete;

  bool training() const { return training_; }
  /// No layer's call is around this one.
  bool outermost() const { return outer_ == nullptr; }
  /// The names of the layers around and this one's, joined by '/'.
  std::string path() const;

 private:
  const LayerBase& layer_;
  ErrorScope errors_;
  CallScope* outer_;
  bool training_;
};

}  // namespace unspool::internal
