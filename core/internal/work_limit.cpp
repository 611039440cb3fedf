#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/core/internal/work_limit.h>

namespace unspool::internal {
namespace {

constinit thread_local WorkLimit* current_limit = nullptr;

}  // namespace

WorkLimit::WorkLimit(Index steps) : around_(current_limit), steps_(steps), left_(steps) {
  current_limit = this;
}

WorkLimit::~WorkLimit() { current_limit = around_; }

void WorkLimit::take(Index steps) {
  if (current_limit == nullptr) return;
  if (steps > current_limit->left_) {
    throw ValueError(
        fmt::format("expected a config whose layers are called, with those of nested models, at most {} "
                    "times, got more",
                    current_limit->steps_));
  }
  current_limit->left_ -= steps;
}

}  // namespace unspool::internal
