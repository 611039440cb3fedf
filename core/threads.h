#pragma once

#include <memory>
#include <type_traits>

#include <unspool/core/shape.h>

namespace unspool {

/// Sets how many threads parallel_for() uses, the caller included. Waits until no parallel_for() of another
/// thread runs. Throws ValueError unless 1 <= n <= 1024, RuntimeError inside of the body of a parallel_for().
void set_num_threads(int n);

/// The number of threads: that of set_num_threads(); else that of the environment variable
/// UNSPOOL_NUM_THREADS (throws ValueError if it is not a number from 1 to 1024); else the number of hardware
/// threads.
int num_threads();

namespace detail {
using ParallelBody = void (*)(void* context, Index begin, Index end);
void parallel_for(Index count, Index grain, ParallelBody body, void* context);
}  // namespace detail

/// Calls body(begin, end) once for each piece [k * grain, min((k + 1) * grain, count)), k = 0, 1, ..., on any
/// thread and in any order. The pieces do not depend on the number of threads; neither does the result,
/// unless a piece reads what another one writes. Runs in order on the calling thread if there is one piece or
/// one thread, inside of another parallel_for(), and while the parallel_for() of another thread runs.
///
/// An exception of the body is rethrown to the caller; if several pieces throw, that of the first piece,
/// which a single thread would have met. Pieces that have not begun are skipped then. Throws ValueError if
/// grain < 1.
template <class F>
void parallel_for(Index count, Index grain, F&& body) {
  using Body = std::remove_reference_t<F>;
  const auto call = [](void* context, Index begin, Index end) { (*static_cast<Body*>(context))(begin, end); };
  auto* const context = const_cast<std::remove_const_t<Body>*>(std::addressof(body));
  detail::parallel_for(count, grain, call, context);
}

}  // namespace unspool
