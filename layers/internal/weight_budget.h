#pragma once

#include <unspool/core/internal/placeholders.h>
#include <unspool/core/shape.h>

namespace unspool::internal {

/// While it lives, the layers that this thread makes may take memory for about so many elements of weights
/// together. Further ones throw ValueError before memory is taken. A reader of files sets it to what the file
/// holds, so that a config cannot ask for more. Their weights are placeholders: the reader replaces them all.
class WeightBudget {
 public:
  explicit WeightBudget(Index elements);
  ~WeightBudget();
  WeightBudget(const WeightBudget&) = delete;
  WeightBudget& operator=(const WeightBudget&) = delete;

  /// Called for each weight that a layer makes.
  static void take(const Shape& shape);
  /// Called for each state that a stateful layer keeps, for its batch. Files of Keras do not hold states, so
  /// these have a budget of their own, 64 MB.
  static void take_state(Index batch, const Shape& size);

 private:
  Placeholders placeholders_;
  WeightBudget* around_;
  Index left_;
  Index states_left_ = Index{1} << 24;
};

}  // namespace unspool::internal
