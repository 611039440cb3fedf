#include <cstring>
#include <numeric>

#include <unspool/autograd/conversion.h>
#include <unspool/autograd/families.h>
#include <unspool/autograd/indexing.h>
#include <unspool/autograd/internal/axes.h>
#include <unspool/autograd/internal/one.h>
#include <unspool/autograd/operation.h>
#include <unspool/autograd/shaping.h>
#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>

namespace unspool {
namespace {

void check_indices(const Call& call, std::size_t operand) {
  if (!is_integer(call.dtype(operand))) {
    call.fail_type("expected indices of dtype int32 or int64, got " + describe(call.inputs[operand]) +
                   ": cast(x, int32) first");
  }
}

/// Calls f(position, index) for every index, after checking that it is in [low, size).
template <class F>
void for_each_index(const Array& indices, const char* operation, Index low, Index size, F&& f) {
  visit_dtype(indices.dtype, [&]<class T>(T) {
    if constexpr (std::is_same_v<T, std::int32_t> || std::is_same_v<T, std::int64_t>) {
      const T* values = indices.as<T>();
      const Index count = indices.shape->elements();
      for (Index i = 0; i < count; ++i) {
        const Index index = values[i];
        if (index < low || index >= size) {
          throw IndexError(fmt::format("{}: index {} (at position {}) is out of range for an axis of size {}",
                                       operation, index, i, size));
        }
        f(i, index < 0 ? index + size : index);
      }
    }
  });
}

/// Bytes of one part along axis 0.
std::size_t part_bytes(const Array& array) {
  Index elements = 1;
  for (int i = 1; i < array.shape->rank(); ++i) elements *= (*array.shape)[i];
  return static_cast<std::size_t>(elements) * size_of(array.dtype);
}

void gather_kernel(const KernelCall& call) {
  const Array& x = call.inputs[0];
  const std::size_t bytes = part_bytes(x);
  const Index size = (*x.shape)[0];
  for_each_index(call.inputs[1], "gather", -size, size, [&](Index to, Index from) {
    if (bytes == 0) return;
    std::memcpy(call.outputs[0].as<std::byte>() + static_cast<std::size_t>(to) * bytes,
                x.as<const std::byte>() + static_cast<std::size_t>(from) * bytes, bytes);
  });
}

void scatter_add_kernel(const KernelCall& call) {
  const Array& updates = call.inputs[1];
  const Array& y = call.outputs[0];
  const Index size = (*y.shape)[0];
  visit_dtype(y.dtype, [&]<class T>(T) {
    if constexpr (!std::is_same_v<T, bool>) {
      const auto part = static_cast<Index>(part_bytes(y) / sizeof(T));
      T* out = y.as<T>();
      std::fill_n(out, y.shape->elements(), T{});
      const T* from = updates.as<const T>();
      for_each_index(call.inputs[0], "scatter_add", -size, size, [&](Index i, Index to) {
        for (Index k = 0; k < part; ++k) out[to * part + k] += from[i * part + k];
      });
    }
  });
}

/// Row i of the output follows from row i of the indices. The table is read as a whole.
void rows_of_indices(const Call& call, std::size_t indices, std::span<Rows> operands) {
  std::fill(operands.begin(), operands.end(), Rows::all);
  if (call.rank(indices) > 0) operands[indices] = Rows::same;
}

Operand indices_below(Shape shape, Index size) {
  return {.shape = shape, .range = {0, static_cast<double>(size)}, .dtype = int32};
}

Tensor add_at(const Tensor& indices, const Tensor& updates, Index rows);

// One index for each element of the result: those of take_along_axis and of its gradient.

Tensor take_elements(const Tensor& x, const Tensor& indices, int axis);
Tensor add_elements(const Tensor& indices, const Tensor& updates, int axis, Index size);

/// The shape of `indices`, where `other` has the same sizes along all axes but one.
Shape shape_of_elements(const Call& call, std::size_t indices, std::size_t other) {
  check_indices(call, indices);
  if (call.rank(indices) != call.rank(other)) call.fail("expected operands of the same rank");
  const int along = call.axis(other);
  Shape shape = call.shape(indices);
  for (int i = 0; i < shape.rank(); ++i) {
    const Index size = call.shape(other)[i];
    if (i == along) continue;
    if (shape[i] == unknown) shape.set(i, size);
    if (size != unknown && size != shape[i]) {
      call.fail(fmt::format("expected equal sizes along axis {}, got {} and {}", i, shape[i], size));
    }
  }
  return shape;
}

/// Calls f(position among the indices, position in `whole` of the element that the index names).
template <class F>
void for_each_element(const KernelCall& call, const char* operation, const Array& indices, const Array& whole,
                      F&& f) {
  const int axis = whole.shape->normalize(static_cast<int>(call.attributes.integer("axis")));
  const Index size = (*whole.shape)[axis];
  const Index count = (*indices.shape)[axis];
  Index inner = 1;
  for (int i = axis + 1; i < whole.shape->rank(); ++i) inner *= (*whole.shape)[i];
  for_each_index(indices, operation, -size, size, [&](Index at, Index index) {
    f(at, (at / (count * inner) * size + index) * inner + at % inner);
  });
}

void rows_of_elements(const Call& call, std::span<Rows> operands) { rows_if(call.axis() != 0, operands); }

constexpr Operation indexing_records[] = {
    {.name = "gather",
     .summary = "x[indices]: parts along axis 0",
     .shape =
         [](const Call& call) {
           check_indices(call, 1);
           if (call.rank() == 0) call.fail("expected x to have at least one axis");
           return one(call.shape(1) + call.shape(0).sub(1, call.rank()), call.dtype());
         },
     .kernel = {.run = gather_kernel},
     .gradient =
         [](Backward& b) {
           if (b.needs(0)) b.dx(0) = add_at(b.x(1), b.dy(), b.x(0).shape()[0]);
         },
     .keep = keep::input(1),
     .rows = [](const Call& call, std::span<Rows> operands) { rows_of_indices(call, 1, operands); },
     .examples =
         [] {
           return std::vector<Example>{{{{.shape = {4, 3}}, indices_below({2}, 4)}},
                                       {{{.shape = {4, 3}}, indices_below({2, 3}, 4)}},
                                       {{{.shape = {4}}, indices_below({}, 4)}},
                                       {{{.shape = {4, 2}}, indices_below({0}, 4)}},
                                       {{{.shape = {4, 0}}, indices_below({2}, 4)}}};
         }},
    {.name = "scatter_add",
     .summary = "zeros with updates[i] added at row indices[i]",
     .shape =
         [](const Call& call) {
           check_indices(call, 0);
           if (call.dtype(1) == boolean)
             call.fail_type("expected updates of numbers, not bool: cast(updates, int32) first");
           const int rank = call.rank(0);
           if (call.rank(1) < rank || !compatible(call.shape(1).sub(0, rank), call.shape(0))) {
             call.fail("expected updates whose shape starts with that of the indices");
           }
           Shape shape{call.attributes.integer("rows")};
           return one(shape + call.shape(1).sub(rank, call.rank(1)), call.dtype(1));
         },
     .kernel = {.run = scatter_add_kernel},
     .gradient =
         [](Backward& b) {
           if (b.needs(1)) b.dx(1) = gather(b.dy(), b.x(0));
         },
     .keep = keep::input(0),
     .rows =
         [](const Call& call, std::span<Rows> operands) {
           std::fill(operands.begin(), operands.end(), call.rank(0) > 0 ? Rows::summed : Rows::all);
         },
     .examples =
         [] {
           return std::vector<Example>{{{indices_below({3}, 2), {.shape = {3, 2}}}, {{"rows", Index{2}}}},
                                       {{indices_below({2, 2}, 3), {.shape = {2, 2}}}, {{"rows", Index{3}}}},
                                       {{indices_below({}, 2), {.shape = {3}}}, {{"rows", Index{2}}}},
                                       {{indices_below({0}, 2), {.shape = {0, 3}}}, {{"rows", Index{2}}}}};
         }},
    {.name = "take_along_axis",
     .summary = "for each index the element of x at that place along an axis",
     .shape = [](const Call& call) { return one(shape_of_elements(call, 1, 0), call.dtype()); },
     .kernel = {.run =
                    [](const KernelCall& call) {
                      const Array& x = call.inputs[0];
                      const std::size_t bytes = size_of(x.dtype);
                      for_each_element(call, "take_along_axis", call.inputs[1], x, [&](Index to, Index from) {
                        std::memcpy(call.outputs[0].as<std::byte>() + static_cast<std::size_t>(to) * bytes,
                                    x.as<const std::byte>() + static_cast<std::size_t>(from) * bytes, bytes);
                      });
                    }},
     .gradient =
         [](Backward& b) {
           const int axis = b.call().axis();
           if (b.needs(0)) b.dx(0) = add_elements(b.x(1), b.dy(), axis, b.x(0).shape()[axis]);
         },
     .keep = keep::input(1),
     .rows = rows_of_elements,
     .examples =
         [] {
           const auto along = [](Index axis) { return Attributes{{"axis", axis}}; };
           return std::vector<Example>{{{{.shape = {4}}, indices_below({2}, 4)}, along(0)},
                                       {{{.shape = {2, 3}}, indices_below({2, 5}, 3)}, along(-1)},
                                       {{{.shape = {3, 2}}, indices_below({1, 2}, 3)}, along(0)},
                                       {{{.shape = {2, 3, 2}}, indices_below({2, 2, 2}, 3)}, along(1)},
                                       {{{.shape = {2, 3}}, indices_below({2, 0}, 3)}, along(1)},
                                       {{{.shape = {0, 3}}, indices_below({0, 2}, 3)}, along(1)}};
         }},
    {.name = "add_along_axis",
     .summary = "zeros, with each update added at its index along an axis: the gradient of take_along_axis",
     .shape =
         [](const Call& call) {
           if (call.dtype(1) == boolean)
             call.fail_type("expected updates of numbers, not bool: cast(updates, int32) first");
           Shape shape = shape_of_elements(call, 0, 1);
           const int axis = call.axis();
           const Index count = call.shape(1)[axis];
           if (shape[axis] != count && shape[axis] != unknown && count != unknown) {
             call.fail("expected updates of the shape of the indices");
           }
           shape.set(axis, call.attributes.integer("size"));
           return one(shape, call.dtype(1));
         },
     .kernel = {.run =
                    [](const KernelCall& call) {
                      const Array& y = call.outputs[0];
                      visit_dtype(y.dtype, [&]<class T>(T) {
                        if constexpr (!std::is_same_v<T, bool>) {
                          T* out = y.as<T>();
                          std::fill_n(out, y.shape->elements(), T{});
                          const T* from = call.inputs[1].as<const T>();
                          for_each_element(call, "add_along_axis", call.inputs[0], y,
                                           [&](Index i, Index to) { out[to] += from[i]; });
                        }
                      });
                    }},
     .gradient =
         [](Backward& b) {
           if (b.needs(1)) b.dx(1) = take_elements(b.dy(), b.x(0), b.call().axis());
         },
     .keep = keep::input(0),
     .rows = rows_of_elements,
     .examples =
         [] {
           const auto along = [](Index axis, Index size) {
             return Attributes{{"axis", axis}, {"size", size}};
           };
           return std::vector<Example>{{{indices_below({3}, 2), {.shape = {3}}}, along(0, 2)},
                                       {{indices_below({2, 3}, 4), {.shape = {2, 3}}}, along(-1, 4)},
                                       {{indices_below({2, 3, 2}, 2), {.shape = {2, 3, 2}}}, along(1, 2)},
                                       {{indices_below({0, 3}, 2), {.shape = {0, 3}}}, along(1, 2)},
                                       {{indices_below({2, 0}, 2), {.shape = {2, 0}}}, along(1, 3)}};
         }},
    {.name = "one_hot",
     .summary = "1 at each index along a new last axis, 0 elsewhere",
     .shape =
         [](const Call& call) {
           check_indices(call, 0);
           Shape shape = call.shape();
           shape.push_back(call.attributes.integer("depth"));
           return one(shape, call.attributes.get<DType>("dtype"));
         },
     .kernel = {.run =
                    [](const KernelCall& call) {
                      const Index depth = call.attributes.integer("depth");
                      const Array& y = call.outputs[0];
                      visit_dtype(y.dtype, [&]<class T>(T) {
                        T* out = y.as<T>();
                        std::fill_n(out, y.shape->elements(), T{});
                        visit_dtype(call.inputs[0].dtype, [&]<class I>(I) {
                          const I* indices = call.inputs[0].as<const I>();
                          const Index count = call.inputs[0].shape->elements();
                          for (Index i = 0; i < count; ++i) {
                            const auto index = static_cast<Index>(indices[i]);
                            if (index >= 0 && index < depth) out[i * depth + index] = T{1};
                          }
                        });
                      });
                    }},
     .rows = [](const Call& call, std::span<Rows> operands) { rows_of_indices(call, 0, operands); },
     .examples =
         [] {
           const Attributes deep{{"depth", Index{3}}, {"dtype", float32}};
           return std::vector<Example>{{{indices_below({4}, 5)}, deep},
                                       {{indices_below({2, 2}, 3)}, deep},
                                       {{indices_below({}, 3)}, deep},
                                       {{indices_below({0}, 3)}, {{"depth", Index{0}}, {"dtype", boolean}}}};
         }},
};
constexpr OperationTable indexing_table(indexing_records);

Tensor add_at(const Tensor& indices, const Tensor& updates, Index rows) {
  return apply(indexing_table["scatter_add"], indices, updates, {{"rows", rows}});
}

Tensor take_elements(const Tensor& x, const Tensor& indices, int axis) {
  return apply(indexing_table["take_along_axis"], x, indices, {{"axis", Index{axis}}});
}

Tensor add_elements(const Tensor& indices, const Tensor& updates, int axis, Index size) {
  return apply(indexing_table["add_along_axis"], indices, updates, {{"axis", Index{axis}}, {"size", size}});
}

/// x with its axes of size 1, but not the one at `axis`, in the sizes that `other` has there.
Tensor broadcast_beside(const Tensor& x, const Tensor& other, int axis) {
  Shape shape = x.shape();
  for (int i = 0; i < shape.rank(); ++i) {
    if (i != axis && shape[i] == 1 && other.shape()[i] != unknown) shape.set(i, other.shape()[i]);
  }
  return shape == x.shape() ? x : broadcast_to(x, shape);
}

}  // namespace

OperationList families::indexing() { return indexing_table; }

Tensor Tensor::operator[](const Tensor& indices) const { return gather(*this, indices); }

Tensor gather(const Tensor& x, const Tensor& indices, int axis) {
  const int from = x.shape().normalize(axis);
  if (from == 0) return apply(indexing_table["gather"], x, indices);
  // Moves the axis to the front, and the axes of the result back to its position.
  std::vector<Index> front{from};
  for (Index i = 0; i < x.rank(); ++i) {
    if (i != from) front.push_back(i);
  }
  const Tensor found = apply(indexing_table["gather"], transpose(x, front), indices);
  std::vector<Index> back;
  for (Index i = 0; i < from; ++i) back.push_back(indices.rank() + i);
  for (Index i = 0; i < indices.rank(); ++i) back.push_back(i);
  for (Index i = from; i < x.rank() - 1; ++i) back.push_back(indices.rank() + i);
  return transpose(found, back);
}

Tensor scatter_add(const Tensor& indices, const Tensor& updates, Index rows) {
  return add_at(indices, updates, rows);
}

Tensor take_along_axis(const Tensor& x, const Tensor& indices, int axis) {
  if (x.rank() != indices.rank()) {
    throw ValueError(
        fmt::format("take_along_axis: expected as many axes in x as in the indices, got {} and {}",
                    describe(x), describe(indices)));
  }
  const int along = x.shape().normalize(axis);
  return take_elements(broadcast_beside(x, indices, along), broadcast_beside(indices, x, along), along);
}

std::vector<Tensor> nonzero(const Tensor& x) {
  if (x.is_abstract()) {
    throw RuntimeError(
        fmt::format("nonzero({}): expected a tensor with a value, got an abstract one: how many indices "
                    "there are depends "
                    "on the values. Select with where(), or call nonzero() outside of the graph or trace",
                    describe(x)));
  }
  const int rank = x.rank();
  std::vector<std::vector<std::int32_t>> found(static_cast<std::size_t>(rank));
  visit_dtype(x.dtype(), [&]<class T>(T) {
    const std::span<const T> elements = x.data<T>();
    for (std::size_t i = 0; i < elements.size(); ++i) {
      if (elements[i] == T{}) continue;
      auto place = static_cast<Index>(i);
      for (int axis = rank; axis-- > 0;) {
        found[static_cast<std::size_t>(axis)].push_back(static_cast<std::int32_t>(place % x.shape()[axis]));
        place /= x.shape()[axis];
      }
    }
  });
  std::vector<Tensor> indices;
  for (const std::vector<std::int32_t>& along : found) indices.push_back(Tensor::from(along));
  return indices;
}

Tensor one_hot(const Tensor& indices, Index depth, DType dtype) {
  return apply(indexing_table["one_hot"], indices, {{"depth", depth}, {"dtype", dtype}});
}

}  // namespace unspool
