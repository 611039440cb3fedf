#include <algorithm>

#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/layers/internal/build_budget.h>

namespace unspool::internal {
namespace {

thread_local BuildBudget* current_budget = nullptr;

}  // namespace

// Twice, since a layer whose build() throws is built again by the first call.
BuildBudget::BuildBudget(Index elements) : around_(current_budget), left_(2 * elements) {
  current_budget = this;
}

BuildBudget::~BuildBudget() { current_budget = around_; }

void BuildBudget::take(const Shape& shape) {
  if (current_budget == nullptr) return;
  const Index elements = shape.elements();
  if (elements > current_budget->left_) {
    throw ValueError(
        fmt::format("expected weights of at most {} more elements, since the file holds no others, got "
                    "the shape {}: the config does not fit the weights",
                    current_budget->left_, to_string(shape)));
  }
  current_budget->left_ -= elements;
}

void BuildBudget::take_state(const Shape& shape) {
  if (current_budget == nullptr) return;
  const Index elements = shape.elements();
  if (elements > current_budget->states_left_) {
    throw ValueError(fmt::format("expected states of at most {} more elements in a file, got the shape {}",
                                 current_budget->states_left_, to_string(shape)));
  }
  current_budget->states_left_ -= elements;
}

}  // namespace unspool::internal
