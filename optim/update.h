#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <utility>

#include <unspool/autograd/variable.h>
#include <unspool/core/tensor.h>

namespace unspool {

/// Of the elements, in a fixed order whatever the number of threads.
double sum_of_squares(const Tensor& tensor);

namespace internal {

/// Where an update reads and writes: the elements of the gradient, of the variables, and of their new values.
struct UpdateElements {
  const void* gradient;
  const void* const* from;
  void* const* to;
};
/// The elements from `begin` to `end`, by a rule.
using UpdateLoop = void (*)(const void* rule, const UpdateElements& elements, Index begin, Index end);
/// Runs the loop over all elements, on all threads, and sets the variables to what it wrote. Throws TypeError
/// unless all are of the dtype.
void update_by_loop(UpdateLoop loop, const void* rule, DType dtype, const Tensor& gradient,
                    std::span<const Variable* const> variables);

}  // namespace internal

/// Updates a variable and its slots element by element, in one pass: f(gradient, value, slot...) gets the
/// elements at one index, all but the first as T&. Tensors that were read before keep their values. Throws
/// TypeError unless all are of the dtype of T.
template <class T, class F, class... V>
void update_elements(F f, const Tensor& gradient, const V&... variables) {
  constexpr std::size_t count = sizeof...(V);
  const auto loop = [](const void* rule, const internal::UpdateElements& elements, Index begin, Index end) {
    F update = *static_cast<const F*>(rule);
    const T* const g = static_cast<const T*>(elements.gradient);
    [&]<std::size_t... k>(std::index_sequence<k...>) {
      const std::array<const T*, count> from{static_cast<const T*>(elements.from[k])...};
      const std::array<T*, count> to{static_cast<T*>(elements.to[k])...};
      // The results are new tensors, which overlap nothing.
#ifdef __clang__
#pragma clang loop vectorize(assume_safety)
#else
#pragma GCC ivdep
#endif
      for (Index i = begin; i < end; ++i) {
        std::array<T, count> element{from[k][i]...};
        update(g[i], element[k]...);
        ((to[k][i] = element[k]), ...);
      }
    }
    (std::make_index_sequence<count>());
  };
  const std::array<const Variable*, count> updated{&variables...};
  internal::update_by_loop(loop, &f, dtype_for<T>(), gradient, updated);
}

}  // namespace unspool
