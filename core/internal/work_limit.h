#pragma once

#include <unspool/core/shape.h>

namespace unspool::internal {

/// While it lives, the shape inference of this thread may do about so many steps: calls of layers and
/// operations on abstract tensors. Further ones throw ValueError. A few kilobytes of config can ask for
/// billions of them, since a model may call a model twice that calls a model twice. A reader of files sets
/// the limit.
class WorkLimit {
 public:
  explicit WorkLimit(Index steps);
  ~WorkLimit();
  WorkLimit(const WorkLimit&) = delete;
  WorkLimit& operator=(const WorkLimit&) = delete;

  /// Called before the steps are done.
  static void take(Index steps = 1);

 private:
  WorkLimit* around_;
  Index steps_;
  Index left_;
};

}  // namespace unspool::internal
