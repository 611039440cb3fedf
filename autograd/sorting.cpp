#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <vector>

#include <unspool/autograd/families.h>
#include <unspool/autograd/indexing.h>
#include <unspool/autograd/internal/axes.h>
#include <unspool/autograd/internal/one.h>
#include <unspool/autograd/sorting.h>
#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/core/threads.h>

namespace unspool {
namespace {

/// How many indices there are along the axis; all of them unless the attribute "count" says fewer.
Index sorted_count(const Attributes& attributes, Index size) {
  const Index count = attributes.integer("count");
  return count < 0 ? size : count;
}

Specs argsort_shape(const Call& call) {
  const int axis = call.axis();
  const Index size = call.shape()[axis];
  if (size > std::numeric_limits<std::int32_t>::max()) call.fail("expected an axis that int32 indices reach");
  const Index count = sorted_count(call.attributes, size);
  if (size != unknown && count > size) {
    call.fail(fmt::format("expected at least {} elements along axis {}, got {}", count, axis, size));
  }
  Shape shape = call.shape();
  shape.set(axis, count);
  return one(shape, int32);
}

/// An element as a number that has its order, so that one sort serves all dtypes.
template <class T>
std::uint64_t sort_key(T value) {
  constexpr std::uint64_t sign = std::uint64_t{1} << 63U;
  if constexpr (std::is_floating_point_v<T>) {
    if (std::isnan(value)) return ~std::uint64_t{0};
    // Adding 0 makes 0 of -0.
    const auto bits = std::bit_cast<std::uint64_t>(static_cast<double>(value) + 0.0);
    return (bits & sign) != 0 ? ~bits : bits | sign;
  } else {
    return static_cast<std::uint64_t>(static_cast<std::int64_t>(value)) ^ sign;
  }
}

struct SortedPlace {
  std::uint64_t order;
  std::int32_t index;
  friend bool operator<(const SortedPlace& a, const SortedPlace& b) {
    return a.order != b.order ? a.order < b.order : a.index < b.index;
  }
};

void argsort_kernel(const KernelCall& call) {
  const Array& x = call.inputs[0];
  const Shape& shape = *x.shape;
  const int axis = shape.normalize(static_cast<int>(call.attributes.integer("axis")));
  const Index size = shape[axis];
  const Index count = sorted_count(call.attributes, size);
  const Index inner = shape.sub(axis + 1, shape.rank()).elements();
  const Index outer = shape.sub(0, axis).elements();
  const std::uint64_t flip = call.attributes.flag("descending") ? ~std::uint64_t{0} : 0;
  auto* const y = call.outputs[0].as<std::int32_t>();
  if (count == 0) return;
  parallel_for(outer * inner, std::max<Index>(1, (1 << 12) / size), [&](Index begin, Index end) {
    std::vector<SortedPlace> places(static_cast<std::size_t>(size));
    for (Index line = begin; line < end; ++line) {
      const Index first = line / inner * size * inner + line % inner;
      visit_dtype(x.dtype, [&]<class T>(T) {
        const T* const values = x.as<const T>() + first;
        for (Index i = 0; i < size; ++i) {
          places[static_cast<std::size_t>(i)] = {sort_key(values[i * inner]) ^ flip,
                                                 static_cast<std::int32_t>(i)};
        }
      });
      if (count == size) {
        std::sort(places.begin(), places.end());
      } else {
        std::partial_sort(places.begin(), places.begin() + count, places.end());
      }
      const Index to = line / inner * count * inner + line % inner;
      for (Index i = 0; i < count; ++i) y[to + i * inner] = places[static_cast<std::size_t>(i)].index;
    }
  });
}

constexpr Operation sorting_records[] = {
    {.name = "argsort",
     .summary = "the indices that sort x along an axis, or the first of them",
     .shape = argsort_shape,
     .kernel = {.run = argsort_kernel},
     .rows = [](const Call& call, std::span<Rows> operands) { rows_if(call.axis() != 0, operands); },
     .examples =
         [] {
           std::vector<Example> examples;
           const auto add = [&](Operand operand, Index axis, bool descending, Index count) {
             examples.push_back({{operand}, {{"axis", axis}, {"descending", descending}, {"count", count}}});
           };
           add({.shape = {5}, .distinct = true}, 0, false, -1);
           add({.shape = {2, 3}, .distinct = true}, -1, true, -1);
           add({.shape = {3, 4}, .distinct = true}, 0, false, 2);
           add({.shape = {2, 4, 2}, .distinct = true}, 1, true, 3);
           add({.shape = {2, 8}, .range = {0, 3}, .dtype = int32}, 1, true, -1);
           add({.shape = {2, 6}, .dtype = boolean}, 1, false, -1);
           add({.shape = {0, 3}}, 1, false, -1);
           add({.shape = {2, 0}}, 1, false, -1);
           return examples;
         }},
};
constexpr OperationTable sorting_table(sorting_records);

Tensor places(const Tensor& x, int axis, bool descending, Index count) {
  return apply(sorting_table["argsort"], x,
               {{"axis", Index{axis}}, {"descending", descending}, {"count", count}});
}

}  // namespace

OperationList families::sorting() { return sorting_table; }

Tensor argsort(const Tensor& x, int axis, bool descending) { return places(x, axis, descending, -1); }

Tensor sort(const Tensor& x, int axis, bool descending) {
  return take_along_axis(x, argsort(x, axis, descending), axis);
}

TopK top_k(const Tensor& x, Index k) {
  if (k < 0) throw ValueError(fmt::format("top_k: expected k >= 0, got {}", k));
  const Tensor indices = places(x, -1, true, k);
  return {take_along_axis(x, indices, -1), indices};
}

}  // namespace unspool
