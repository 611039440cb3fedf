#pragma once

#include <memory>
#include <type_traits>

#include <unspool/core/shape.h>

namespace unspool {

/// How many threads parallel_for uses, the caller included. Waits until no parallel_for of another thread
/// runs. ValueError unless 1 <= n <= 1024; RuntimeError inside the body of a parallel_for.
void set_num_threads(int n);

/// As set; else the environment's UNSPOOL_NUM_THREADS (ValueError if that is not such a number); else the
/// number of the machine's hardware threads.
int num_threads();

namespace detail {
using ParallelBody = void (*)(void* context, Index begin, Index end);
void parallel_for(Index count, Index grain, ParallelBody body, void* context);
}  // namespace detail

/// Calls body(begin, end) for the pieces [k * grain, min((k + 1) * grain, count)), k = 0, 1, ..., each once,
/// on any thread and in any order. The pieces are the same whatever the number of threads; so is the result,
/// if no piece reads what another one writes. Runs in order on the calling thread if there is one piece or
/// one thread, inside another parallel_for, or while another thread's parallel_for has the workers.
///
/// What the body throws is thrown to the caller: of several exceptions that of the first piece, which is the
/// one that a single thread would have met. Pieces not yet begun are then left out. ValueError if grain < 1.
template <class F>
void parallel_for(Index count, Index grain, F&& body) {
  using Body = std::remove_reference_t<F>;
  const auto call = [](void* context, Index begin, Index end) { (*static_cast<Body*>(context))(begin, end); };
  auto* const context = const_cast<std::remove_const_t<Body>*>(std::addressof(body));
  detail::parallel_for(count, grain, call, context);
}

}  // namespace unspool
