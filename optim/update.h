#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

#include <unspool/autograd/variable.h>
#include <unspool/core/error.h>
#include <unspool/core/tensor.h>
#include <unspool/core/threads.h>

namespace unspool {

/// Of the elements, in a fixed order whatever the number of threads.
double sum_of_squares(const Tensor& tensor);

/// The number of elements in a piece of work of a thread.
Index update_task_elements();

/// Updates a variable and its slots element by element, in one pass: f(gradient, value, slot...) gets the
/// elements at one index, all but the first as T&. Tensors that were read before keep their values.
template <class T, class F, class... V>
void update_elements(F f, const Tensor& gradient, const V&... variables) {
  constexpr std::size_t count = sizeof...(V);
  const std::array<Tensor, count> old{variables.value()...};
  std::array<Tensor, count> made{internal::TensorAccess::allocate(variables.shape(), variables.dtype())...};
  const T* const g = gradient.data<T>().data();
  [&]<std::size_t... k>(std::index_sequence<k...>) {
    const std::array<const T*, count> from{old[k].template data<T>().data()...};
    const std::array<T*, count> to{static_cast<T*>(internal::TensorAccess::data(made[k]))...};
    parallel_for(gradient.size(), update_task_elements(), [&](Index begin, Index end) {
    // The results are new tensors, which overlap nothing.
#ifdef __clang__
#pragma clang loop vectorize(assume_safety)
#else
#pragma GCC ivdep
#endif
      for (Index i = begin; i < end; ++i) {
        std::array<T, count> element{from[k][i]...};
        f(g[i], element[k]...);
        ((to[k][i] = element[k]), ...);
      }
    });
  }
  (std::make_index_sequence<count>());
  std::size_t next = 0;
  (variables.assign(made[next++]), ...);
}

}  // namespace unspool
