#include <unspool/autograd/families.h>
#include <unspool/autograd/internal/axes.h>
#include <unspool/autograd/internal/element_at.h>
#include <unspool/autograd/internal/one.h>
#include <unspool/autograd/joining.h>
#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/core/internal/work_limit.h>
#include <unspool/core/kernels/strided.h>

namespace unspool {
namespace {

void check_alike(const Call& call, std::size_t i) {
  if (call.dtype(i) != call.dtype()) {
    call.fail_type("expected operands of the same dtype: cast(x, dtype) first");
  }
  if (call.rank(i) != call.rank()) call.fail("expected operands of the same rank");
}

/// Updates the size of an axis with that of another operand, which must be equal if both are known.
void unite(const Call& call, Shape& shape, std::size_t i, int axis) {
  const Index size = call.shape(i)[axis];
  if (shape[axis] == unknown) shape.set(axis, size);
  if (size != unknown && size != shape[axis]) {
    call.fail(fmt::format("expected equal sizes along axis {}, got {} and {}", axis, shape[axis], size));
  }
}

Specs concat_shape(const Call& call) {
  const int along = call.axis();
  Shape shape = call.shape();
  for (std::size_t i = 1; i < call.inputs.size(); ++i) {
    check_alike(call, i);
    for (int axis = 0; axis < call.rank(); ++axis) {
      if (axis != along) {
        unite(call, shape, i, axis);
        continue;
      }
      Index total = shape[axis];
      const Index size = call.shape(i)[axis];
      if (total == unknown || size == unknown) {
        total = unknown;
      } else if (__builtin_add_overflow(total, size, &total)) {
        call.fail("expected a result whose size fits 64 bits, got more");
      }
      shape.set(axis, total);
    }
  }
  return one(shape, call.dtype());
}

/// Copies between parts and the tensor that they make up along an axis.
void copy_parts(std::span<const Array> parts, const Array& whole, int axis, bool into_whole) {
  if (whole.shape->elements() == 0) return;
  const kernels::Strides strides = kernels::row_major(*whole.shape);
  const std::size_t size = size_of(whole.dtype);
  Index start = 0;
  for (const Array& part : parts) {
    const kernels::Strides own = kernels::row_major(*part.shape);
    if (part.shape->elements() != 0) {
      if (into_whole) {
        kernels::copy(*part.shape, size, part.data, own, element_at(whole, start), strides);
      } else {
        kernels::copy(*part.shape, size, element_at(whole, start), strides, part.data, own);
      }
    }
    start += (*part.shape)[axis] * strides[static_cast<std::size_t>(axis)];
  }
}

/// Copies between parts without the axis and the tensor that they make up along it.
void copy_layers(std::span<const Array> parts, const Array& whole, int axis, bool into_whole) {
  std::vector<Shape> shapes;
  std::vector<Array> layers(parts.begin(), parts.end());
  shapes.reserve(parts.size());
  for (Array& layer : layers) {
    shapes.push_back(*layer.shape);
    shapes.back().insert(axis, 1);
    layer.shape = &shapes.back();
  }
  copy_parts(layers, whole, axis, into_whole);
}

int axis_from_front(const KernelCall& call, const Array& whole) {
  return whole.shape->normalize(static_cast<int>(call.attributes.integer("axis")));
}

/// The attribute "axis" of stack: an axis of the result.
int stack_axis(const Call& call) {
  const Index given = call.attributes.integer("axis");
  const Index rank = call.rank() + 1;
  if (given < -rank || given >= rank) {
    throw IndexError(
        fmt::format("{}: axis {} is out of range for a result of rank {}", call.describe(), given, rank));
  }
  return static_cast<int>(given < 0 ? given + rank : given);
}

Specs stack_shape(const Call& call) {
  const int along = stack_axis(call);
  Shape shape = call.shape();
  for (std::size_t i = 1; i < call.inputs.size(); ++i) {
    check_alike(call, i);
    for (int axis = 0; axis < call.rank(); ++axis) unite(call, shape, i, axis);
  }
  shape.insert(along, static_cast<Index>(call.inputs.size()));
  return one(shape, call.dtype());
}

Specs split_shape(const Call& call) {
  const int axis = call.axis();
  const auto& sizes = call.attributes.integers("sizes");
  Index total = 0;
  for (Index size : sizes) {
    if (size < 0 || __builtin_add_overflow(total, size, &total)) {
      call.fail(fmt::format("expected sizes of parts >= 0, got {}", size));
    }
  }
  const Index size = call.shape()[axis];
  if (size != unknown && size != total) {
    call.fail(
        fmt::format("expected sizes of parts that add up to {} for axis {}, got {}", size, axis, total));
  }
  Specs specs(sizes.size());
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    specs[i] = {call.shape(), call.dtype()};
    specs[i].shape.set(axis, sizes[i]);
  }
  return specs;
}

Form split_form(const Call& call) {
  const int axis = call.axis();
  form::Columns columns;
  form::Parts parts;
  Shape begin(std::vector<Index>(static_cast<std::size_t>(call.rank())));
  for (Index size : call.attributes.integers("sizes")) {
    columns.first.push_back(begin[axis]);
    parts.begin.push_back(begin);
    begin.set(axis, begin[axis] + size);
  }
  return axis == 1 ? Form(std::move(columns)) : Form(std::move(parts));
}

Specs unstack_shape(const Call& call) {
  const int axis = call.axis();
  const Index count = call.attributes.integer("count");
  const Index size = call.shape()[axis];
  if (size != unknown && size != count) {
    call.fail(fmt::format("expected size {} of axis {}, got {}", count, axis, size));
  }
  if (count < 0) call.fail(fmt::format("expected a count >= 0, got {}", count));
  internal::WorkLimit::take(count);
  Shape shape = call.shape();
  shape.erase(axis);
  Specs specs(static_cast<std::size_t>(count));
  for (Spec& spec : specs) spec = {shape, call.dtype()};
  return specs;
}

std::vector<Tensor> cotangents(const Backward& b) {
  std::vector<Tensor> all;
  for (std::size_t i = 0; i < b.outputs(); ++i) all.push_back(b.dy(i));
  return all;
}

constexpr Operation joining_records[] = {
    {.name = "concat",
     .summary = "the operands joined along an axis",
     .shape = concat_shape,
     .kernel = {.run =
                    [](const KernelCall& call) {
                      const Array& y = call.outputs[0];
                      copy_parts(call.inputs, y, axis_from_front(call, y), true);
                    }},
     .gradient =
         [](Backward& b) {
           const int axis = b.call().axis();
           std::vector<Index> sizes;
           for (std::size_t i = 0; i < b.operands(); ++i) sizes.push_back(b.x(i).shape()[axis]);
           const std::vector<Tensor> parts = split(b.dy(), sizes, axis);
           for (std::size_t i = 0; i < parts.size(); ++i) {
             if (b.needs(i)) b.dx(i) = parts[i];
           }
         },
     .rows = [](const Call& call, std::span<Rows> operands) { rows_if(call.axis() != 0, operands); },
     .form = [](const Call& call) -> Form { return form::Concatenation{call.axis()}; },
     .examples =
         [] {
           return std::vector<Example>{{{{{2, 3}}, {{2, 1}}}, {{"axis", Index{-1}}}},
                                       {{{{2, 3}}, {{1, 3}}, {{0, 3}}}, {{"axis", Index{0}}}},
                                       {{{{2, 2, 2}}, {{2, 1, 2}}}, {{"axis", Index{1}}}},
                                       {{{{4}}}, {{"axis", Index{0}}}}};
         }},
    {.name = "stack",
     .summary = "the operands joined along a new axis",
     .shape = stack_shape,
     .kernel = {.run =
                    [](const KernelCall& call) {
                      const Array& y = call.outputs[0];
                      copy_layers(call.inputs, y, axis_from_front(call, y), true);
                    }},
     .gradient =
         [](Backward& b) {
           const std::vector<Tensor> parts = unstack(b.dy(), stack_axis(b.call()));
           for (std::size_t i = 0; i < parts.size(); ++i) {
             if (b.needs(i)) b.dx(i) = parts[i];
           }
         },
     .rows = [](const Call& call,
                std::span<Rows> operands) { rows_if(call.rank() > 0 && stack_axis(call) != 0, operands); },
     .examples =
         [] {
           return std::vector<Example>{{{{{2, 3}}, {{2, 3}}}, {{"axis", Index{0}}}},
                                       {{{{2, 3}}, {{2, 3}}, {{2, 3}}}, {{"axis", Index{-1}}}},
                                       {{{{2, 3}}, {{2, 3}}}, {{"axis", Index{1}}}},
                                       {{{{}}, {{}}}, {{"axis", Index{0}}}},
                                       {{{{0}}, {{0}}}, {{"axis", Index{1}}}}};
         }},
    {.name = "split",
     .summary = "x cut into parts of given sizes along an axis",
     .shape = split_shape,
     .kernel = {.run =
                    [](const KernelCall& call) {
                      const Array& x = call.inputs[0];
                      copy_parts(call.outputs, x, axis_from_front(call, x), false);
                    }},
     .gradient = [](Backward& b) { b.dx() = concat(cotangents(b), b.call().axis()); },
     .rows = [](const Call& call, std::span<Rows> operands) { rows_if(call.axis() != 0, operands); },
     .form = split_form,
     .examples =
         [] {
           using PartSizes = std::vector<Index>;
           return std::vector<Example>{{{{{2, 5}}}, {{"sizes", PartSizes{2, 3}}, {"axis", Index{-1}}}},
                                       {{{{4, 2}}}, {{"sizes", PartSizes{1, 0, 3}}, {"axis", Index{0}}}},
                                       {{{{2, 6, 2}}}, {{"sizes", PartSizes{2, 2, 2}}, {"axis", Index{1}}}},
                                       {{{{0, 2}}}, {{"sizes", PartSizes{1, 1}}, {"axis", Index{1}}}}};
         }},
    {.name = "unstack",
     .summary = "one tensor for each index of an axis of x",
     .shape = unstack_shape,
     .kernel = {.run =
                    [](const KernelCall& call) {
                      const Array& x = call.inputs[0];
                      copy_layers(call.outputs, x, axis_from_front(call, x), false);
                    }},
     .gradient = [](Backward& b) { b.dx() = stack(cotangents(b), b.call().axis()); },
     .rows = [](const Call& call, std::span<Rows> operands) { rows_if(call.axis() != 0, operands); },
     .examples =
         [] {
           return std::vector<Example>{{{{{2, 3}}}, {{"axis", Index{0}}, {"count", Index{2}}}},
                                       {{{{2, 3}}}, {{"axis", Index{-1}}, {"count", Index{3}}}},
                                       {{{{2, 3, 2}}}, {{"axis", Index{1}}, {"count", Index{3}}}},
                                       {{{{2}}}, {{"axis", Index{0}}, {"count", Index{2}}}}};
         }},
};
constexpr OperationTable joining_table(joining_records);

}  // namespace

OperationList families::joining() { return joining_table; }

Tensor concat(const std::vector<Tensor>& tensors, int axis) {
  if (tensors.empty()) throw ValueError("concat: expected at least one tensor, got none");
  return apply(joining_table["concat"], tensors, {{"axis", Index{axis}}});
}

Tensor concatenate(const std::vector<Tensor>& tensors, int axis) { return concat(tensors, axis); }

Tensor stack(const std::vector<Tensor>& tensors, int axis) {
  if (tensors.empty()) throw ValueError("stack: expected at least one tensor, got none");
  return apply(joining_table["stack"], tensors, {{"axis", Index{axis}}});
}

std::vector<Tensor> split(const Tensor& x, const std::vector<Index>& sizes, int axis) {
  const Tensor operands[] = {x};
  const Tensors parts =
      apply_all(joining_table["split"], operands, {{"sizes", sizes}, {"axis", Index{axis}}});
  return {parts.begin(), parts.end()};
}

std::vector<Tensor> split(const Tensor& x, Index count, int axis) {
  const Index size = x.shape()[axis];
  if (count < 1 || size == unknown || size % count != 0) {
    throw ValueError(fmt::format("split({}, {} parts, axis={}): {}", describe(x), count, axis,
                                 count < 1         ? "expected at least one part"
                                 : size == unknown ? "expected a known size: give the sizes of the parts"
                                                   : "expected a multiple of the number of parts"));
  }
  return split(x, std::vector<Index>(static_cast<std::size_t>(count), size / count), axis);
}

std::vector<Tensor> unstack(const Tensor& x, int axis) {
  const Index count = x.shape()[axis];
  if (count == unknown)
    throw ValueError("unstack(" + describe(x) + "): expected an axis of known size, got an unknown one");
  const Tensor operands[] = {x};
  const Tensors parts =
      apply_all(joining_table["unstack"], operands, {{"axis", Index{axis}}, {"count", count}});
  return {parts.begin(), parts.end()};
}

}  // namespace unspool
