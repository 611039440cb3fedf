#pragma once

#include <unspool/core/internal/work_limit.h>
#include <unspool/core/shape.h>

namespace unspool::internal {

/// While it lives, the layers that this thread makes may take memory for about so many elements of weights
/// together, and limited time. Further ones throw ValueError before memory is taken. A reader of files sets
/// it to what the file holds, so that a config cannot ask for more.
class BuildBudget {
 public:
  explicit BuildBudget(Index elements);
  ~BuildBudget();
  BuildBudget(const BuildBudget&) = delete;
  BuildBudget& operator=(const BuildBudget&) = delete;

  /// Called for each weight that a layer makes.
  static void take(const Shape& shape);
  /// Called for other memory whose size a config states, such as the states of stateful layers and metrics.
  /// Not all files hold these, so they have a budget of their own, of 2^24 elements.
  static void take_state(const Shape& shape);

 private:
  BuildBudget* around_;
  Index left_;
  Index states_left_ = Index{1} << 24;
  /// The graphs of models that people train have a few thousand calls.
  WorkLimit work_{100'000};
};

}  // namespace unspool::internal
