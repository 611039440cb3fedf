#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>

#include <unspool/core/threads.h>

namespace unspool::kernels {

/// Calls body(begin, end) for parts of [0, count) on threads, whose tasks have about `task` elements; `work`
/// is how many each of the `count` has. Calls it once if all are less than a task.
template <class F>
void deal(std::int64_t count, std::int64_t work, std::int64_t task, F&& body) {
  if (count * work <= task) return body(std::int64_t{0}, count);
  parallel_for(count, std::max<std::int64_t>(1, task / work), std::forward<F>(body));
}

}  // namespace unspool::kernels
