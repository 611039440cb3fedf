#include <algorithm>

#include <unspool/autograd/families.h>
#include <unspool/autograd/indexing.h>
#include <unspool/autograd/internal/axes.h>
#include <unspool/autograd/internal/one.h>
#include <unspool/autograd/joining.h>
#include <unspool/autograd/reduction.h>
#include <unspool/autograd/shaping.h>
#include <unspool/autograd/views.h>
#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/core/internal/shape_inference.h>
#include <unspool/core/kernels/strided.h>

namespace unspool {
namespace {

/// The shape of operand 0 in two parts: the leading axes, which stay, and the others.
std::pair<Shape, Shape> halves(const Call& call) {
  const int leading = leading_axes(call.attributes);
  if (leading < 0 || leading > call.rank()) {
    call.fail(fmt::format("expected from 0 to {} leading axes, got {}", call.rank(), leading));
  }
  return {call.shape().sub(0, leading), call.shape().sub(leading, call.rank())};
}

/// The product of the known sizes.
Index known_elements(const Shape& shape) {
  Shape known;
  for (Index size : shape) known.push_back(size == unknown ? 1 : size);
  return known.elements();
}

Specs reshape_shape(const Call& call) {
  const auto [stays, from] = halves(call);
  Shape to = call.attributes.shape("shape");
  const auto open = std::count(to.begin(), to.end(), unknown);
  if (open > 1) call.fail("expected at most one size of -1");
  const Index known = known_elements(to);
  const Index elements = known_elements(from);
  if (from.known() && open == 0 && elements != known) {
    call.fail(
        fmt::format("expected a shape of {} elements, got {}, which has {}", elements, to_string(to), known));
  }
  if (from.known() && open == 1) {
    if (known == 0) call.fail("expected sizes other than 0 beside one of -1, which otherwise is not unique");
    if (elements % known != 0)
      call.fail(fmt::format("expected sizes whose product divides {} elements, got {}", elements, known));
    to.set(static_cast<int>(std::find(to.begin(), to.end(), unknown) - to.begin()), elements / known);
  }
  if (!from.known() && open == 0 && (elements == 0 ? known != 0 : known % elements != 0)) {
    call.fail(fmt::format("expected a shape of a multiple of {} elements, got {}, which has {}", elements,
                          to_string(to), known));
  }
  return one(stays + to, call.dtype());
}

Specs broadcast_shape(const Call& call) {
  const auto [stays, from] = halves(call);
  Shape to = call.attributes.shape("shape");
  const int missing = to.rank() - from.rank();
  if (missing < 0)
    call.fail(fmt::format("expected a shape with at least as many axes as x, got {}", to_string(to)));
  for (int i = 0; i < to.rank(); ++i) {
    if (i < missing) {
      if (to[i] == unknown) call.fail("expected known sizes of new axes");
      continue;
    }
    const Index size = from[i - missing];
    if (to[i] == unknown) to.set(i, size);
    if (size != to[i] && size != 1 && size != unknown) {
      call.fail(fmt::format("expected a shape that x broadcasts to, got {}: size {} is neither {} nor 1",
                            to_string(to), size, to[i]));
    }
  }
  return one(stays + to, call.dtype());
}

void broadcast_kernel(const KernelCall& call) {
  const Shape& from = *call.inputs[0].shape;
  const Shape& to = *call.outputs[0].shape;
  const int leading = leading_axes(call.attributes);
  const kernels::Strides own = kernels::row_major(from);
  kernels::Strides strides{};
  for (int i = 0; i < to.rank(); ++i) {
    const int at = i < leading ? i : i - (to.rank() - from.rank());
    if (at >= (i < leading ? 0 : leading) && from[at] != 1) {
      strides[static_cast<std::size_t>(i)] = own[static_cast<std::size_t>(at)];
    }
  }
  kernels::copy(to, size_of(call.outputs[0].dtype), call.inputs[0].data, strides, call.outputs[0].data,
                kernels::row_major(to));
}

/// The attribute "axes" of expand_dims: axes of the result, sorted.
std::vector<int> new_axes(const Call& call) {
  const auto& given = call.attributes.integers("axes");
  const Index rank = call.rank() + static_cast<Index>(given.size());
  std::vector<int> axes;
  for (Index axis : given) {
    if (axis < -rank || axis >= rank) {
      throw IndexError(
          fmt::format("{}: axis {} is out of range for a result of rank {}", call.describe(), axis, rank));
    }
    axes.push_back(static_cast<int>(axis < 0 ? axis + rank : axis));
  }
  std::sort(axes.begin(), axes.end());
  if (std::adjacent_find(axes.begin(), axes.end()) != axes.end())
    call.fail("expected different axes, got one twice");
  return axes;
}

Specs expand_shape(const Call& call) {
  Shape shape = call.shape();
  for (int axis : new_axes(call)) shape.insert(axis, 1);
  return one(shape, call.dtype());
}

Specs squeeze_shape(const Call& call) {
  Shape shape;
  const std::vector<int> axes = call.axes();
  for (int i = 0; i < call.rank(); ++i) {
    const Index size = call.shape()[i];
    if (std::find(axes.begin(), axes.end(), i) == axes.end()) {
      shape.push_back(size);
    } else if (size != 1 && size != unknown) {
      call.fail(fmt::format("expected size 1 of axis {}, got {}", i, size));
    }
  }
  return one(shape, call.dtype());
}

/// The attribute "order" of transpose, counted from the front.
std::vector<Index> order_of(const Call& call) {
  std::vector<Index> order = call.attributes.integers("order");
  if (static_cast<int>(order.size()) != call.rank()) {
    call.fail(fmt::format("expected an order of {} axes, got {}", call.rank(), order.size()));
  }
  std::vector<bool> seen(order.size(), false);
  for (Index& axis : order) {
    if (axis < -call.rank() || axis >= call.rank()) {
      throw IndexError(fmt::format("{}: axis {} is out of range", call.describe(), axis));
    }
    if (axis < 0) axis += call.rank();
    if (seen[static_cast<std::size_t>(axis)]) call.fail("expected different axes, got one twice");
    seen[static_cast<std::size_t>(axis)] = true;
  }
  return order;
}

void transpose_kernel(const KernelCall& call) {
  const Shape& to = *call.outputs[0].shape;
  const auto& order = call.attributes.integers("order");
  const kernels::Strides own = kernels::row_major(*call.inputs[0].shape);
  kernels::Strides strides{};
  for (int i = 0; i < to.rank(); ++i) {
    const Index axis = order[static_cast<std::size_t>(i)];
    strides[static_cast<std::size_t>(i)] = own[static_cast<std::size_t>(axis < 0 ? axis + to.rank() : axis)];
  }
  kernels::copy(to, size_of(call.outputs[0].dtype), call.inputs[0].data, strides, call.outputs[0].data,
                kernels::row_major(to));
}

void flip_kernel(const KernelCall& call) {
  const Array& x = call.inputs[0];
  const Shape& shape = *x.shape;
  const kernels::Strides own = kernels::row_major(shape);
  kernels::Strides strides = own;
  if (shape.elements() == 0) return;
  Index start = 0;
  for (Index axis : call.attributes.integers("axes")) {
    const auto i = static_cast<std::size_t>(axis < 0 ? axis + shape.rank() : axis);
    start += (shape[static_cast<int>(i)] - 1) * own[i];
    strides[i] = -own[i];
  }
  kernels::copy(shape, size_of(x.dtype), x.as<std::byte>() + start * static_cast<Index>(size_of(x.dtype)),
                strides, call.outputs[0].data, own);
}

constexpr Operation shaping_records[] = {
    {.name = "reshape",
     .summary = "the same elements in the same order, in another shape",
     .shape = reshape_shape,
     .kernel = {.view = true},
     .gradient =
         [](Backward& b) {
           const int leading = leading_axes(b.attributes());
           b.dx() = reshape(b.dy(), b.x().shape().sub(leading, b.x().rank()), leading);
         },
     .rows =
         [](const Call& call, std::span<Rows> operands) {
           if (leading_axes(call.attributes) > 0) return rows_if(true, operands);
           const Shape& from = call.shape();
           const Shape to = reshape_shape(call)[0].shape;
           bool same = from.rank() > 0 && to.rank() > 0;
           if (same) {
             const Shape a = from.sub(1, from.rank());
             const Shape b = to.sub(1, to.rank());
             same = a.known() && b.known() && a.elements() == b.elements() && compatible({from[0]}, {to[0]});
           }
           rows_if(same, operands);
         },
     .examples =
         [] {
           return std::vector<Example>{
               {{{{2, 6}}}, {{"shape", Shape{3, 4}}}},
               {{{{2, 6}}}, {{"shape", Shape{2, 3, -1}}}},
               {{{{2, 6}}}, {{"shape", Shape{-1}}}},
               {{{{2, 6}}}, {{"shape", Shape{-1, 2}}}},
               {{{{1}}}, {{"shape", Shape{}}}},
               {{{{}}}, {{"shape", Shape{1, 1}}}},
               {{{{0, 3}}}, {{"shape", Shape{3, 0}}}},
               {{{{0, 3}}}, {{"shape", Shape{-1, 3}}}},
               {{{{2, 0, 3}}}, {{"shape", Shape{3, 0}}, {"leading", Index{1}}}},
               {{{{3, 4, 2}}}, {{"shape", Shape{-1}}, {"leading", Index{1}}}},
           };
         }},
    {.name = "expand_dims",
     .summary = "x with axes of size 1 inserted",
     .shape = expand_shape,
     .kernel = {.view = true},
     .gradient =
         [](Backward& b) {
           const std::vector<int> axes = new_axes(b.call());
           b.dx() = axes.empty() ? b.dy() : squeeze(b.dy(), as_indices(axes));
         },
     .rows =
         [](const Call& call, std::span<Rows> operands) {
           const std::vector<int> axes = new_axes(call);
           rows_if(call.rank() > 0 && (axes.empty() || axes[0] != 0), operands);
         },
     .examples =
         [] {
           return std::vector<Example>{{{{{2, 3}}}, {{"axes", std::vector<Index>{0}}}},
                                       {{{{1, 3}}}, {{"axes", std::vector<Index>{}}}},
                                       {{{{2, 3}}}, {{"axes", std::vector<Index>{-1}}}},
                                       {{{{2, 3}}}, {{"axes", std::vector<Index>{1, 3}}}},
                                       {{{{}}}, {{"axes", std::vector<Index>{0}}}},
                                       {{{{0, 3}}}, {{"axes", std::vector<Index>{1}}}}};
         }},
    {.name = "squeeze",
     .summary = "x with axes of size 1 removed",
     .shape = squeeze_shape,
     .kernel = {.view = true},
     .gradient = [](Backward& b) { b.dx() = expand_dims(b.dy(), as_indices(b.call().axes())); },
     .rows = rows_unless_named,
     .examples =
         [] {
           return std::vector<Example>{{{{{1, 2, 3}}}, {{"axes", std::vector<Index>{0}}}},
                                       {{{{2, 1, 3, 1}}}, {{"axes", std::vector<Index>{-1, 1}}}},
                                       {{{{1, 1}}}, {{"axes", std::vector<Index>{0, 1}}}},
                                       {{{{0, 1}}}, {{"axes", std::vector<Index>{1}}}}};
         }},
    {.name = "transpose",
     .summary = "x with its axes in another order",
     .shape =
         [](const Call& call) {
           Shape shape;
           for (Index axis : order_of(call)) shape.push_back(call.shape()[static_cast<int>(axis)]);
           return one(shape, call.dtype());
         },
     .kernel = {.run = transpose_kernel},
     .gradient =
         [](Backward& b) {
           const std::vector<Index> order = order_of(b.call());
           std::vector<Index> inverse(order.size());
           for (std::size_t i = 0; i < order.size(); ++i) {
             inverse[static_cast<std::size_t>(order[i])] = static_cast<Index>(i);
           }
           b.dx() = transpose(b.dy(), inverse);
         },
     .rows =
         [](const Call& call, std::span<Rows> operands) {
           const std::vector<Index> order = order_of(call);
           rows_if(!order.empty() && order[0] == 0, operands);
         },
     .form = [](const Call& call) -> Form {
       return order_of(call) == std::vector<Index>{1, 0} ? Form(form::Transposition{}) : Form();
     },
     .examples =
         [] {
           return std::vector<Example>{{{{{2, 3}}}, {{"order", std::vector<Index>{1, 0}}}},
                                       {{{{2, 3, 4}}}, {{"order", std::vector<Index>{0, 2, 1}}}},
                                       {{{{2, 3, 4}}}, {{"order", std::vector<Index>{2, 0, -2}}}},
                                       {{{{}}}, {{"order", std::vector<Index>{}}}},
                                       {{{{0, 3}}}, {{"order", std::vector<Index>{1, 0}}}}};
         }},
    {.name = "broadcast_to",
     .summary = "x repeated along new axes and along those of size 1",
     .shape = broadcast_shape,
     .kernel = {.run = broadcast_kernel},
     .gradient =
         [](Backward& b) {
           const int leading = leading_axes(b.attributes());
           b.dx() = sum_to(b.dy(), b.x().shape().sub(leading, b.x().rank()), leading);
         },
     .rows =
         [](const Call& call, std::span<Rows> operands) {
           const Shape to = broadcast_shape(call)[0].shape;
           const bool same = call.rank() == to.rank() && to.rank() > 0 && call.shape()[0] == to[0];
           rows_if(same || leading_axes(call.attributes) > 0, operands);
         },
     .form = [](const Call& call) -> Form {
       return leading_axes(call.attributes) == 0 ? Form(form::Broadcast{}) : Form();
     },
     .examples =
         [] {
           return std::vector<Example>{
               {{{{3}}}, {{"shape", Shape{2, 3}}}},
               {{{{2, 1}}}, {{"shape", Shape{2, 3}}}},
               {{{{1, 3}}}, {{"shape", Shape{2, 3}}}},
               {{{{}}}, {{"shape", Shape{2, 3}}}},
               {{{{2, 1}}}, {{"shape", Shape{-1, 4}}}},
               {{{{1, 3}}}, {{"shape", Shape{0, 3}}}},
               {{{{2, 3}}}, {{"shape", Shape{4, 3}}, {"leading", Index{1}}}},
           };
         }},
    {.name = "flip",
     .summary = "the order along some axes reversed",
     .shape =
         [](const Call& call) {
           static_cast<void>(call.axes());
           return one(call.shape(), call.dtype());
         },
     .kernel = {.run = flip_kernel},
     .gradient = [](Backward& b) { b.dx() = flip(b.dy(), as_indices(b.call().axes())); },
     .rows = rows_unless_named,
     .examples =
         [] {
           return std::vector<Example>{{{{{2, 3}}}, {{"axes", std::vector<Index>{0}}}},
                                       {{{{2, 3, 4}}}, {{"axes", std::vector<Index>{-1, 1}}}},
                                       {{{{0, 3}}}, {{"axes", std::vector<Index>{0}}}}};
         }},
};
constexpr OperationTable shaping_table(shaping_records);

Attributes shape_attributes(const Shape& shape, int leading) {
  if (leading == 0) return {{"shape", shape}};
  return {{"shape", shape}, {"leading", Index{leading}}};
}

std::vector<Index> all_axes(const Tensor& x) {
  std::vector<Index> axes;
  for (int i = 0; i < x.rank(); ++i) axes.push_back(i);
  return axes;
}

}  // namespace

OperationList families::shaping() { return shaping_table; }

Tensor reshape(const Tensor& x, const Shape& shape, int leading) {
  return apply(shaping_table["reshape"], x, shape_attributes(shape, leading));
}

Tensor transpose(const Tensor& x, const std::vector<Index>& axes) {
  std::vector<Index> order = axes;
  if (order.empty()) {
    order = all_axes(x);
    std::reverse(order.begin(), order.end());
  }
  return apply(shaping_table["transpose"], x, {{"order", std::move(order)}});
}

Tensor broadcast_to(const Tensor& x, const Shape& shape, int leading) {
  return apply(shaping_table["broadcast_to"], x, shape_attributes(shape, leading));
}

Tensor swapaxes(const Tensor& x, int a, int b) {
  std::vector<Index> order = all_axes(x);
  std::swap(order[static_cast<std::size_t>(x.shape().normalize(a))],
            order[static_cast<std::size_t>(x.shape().normalize(b))]);
  return transpose(x, order);
}

Tensor moveaxis(const Tensor& x, int source, int destination) {
  std::vector<Index> order = all_axes(x);
  const int from = x.shape().normalize(source);
  order.erase(order.begin() + from);
  order.insert(order.begin() + x.shape().normalize(destination), Index{from});
  return transpose(x, order);
}

Tensor expand_dims(const Tensor& x, const Axes& axes) {
  return apply(shaping_table["expand_dims"], x, {{"axes", axes.list()}});
}

Tensor squeeze(const Tensor& x, const Axes& axes) {
  std::vector<Index> named = axes.list();
  if (named.empty()) {
    if (!x.shape().known()) {
      throw ValueError("squeeze(" + describe(x) + "): expected known sizes, or the axes to remove");
    }
    for (int i = 0; i < x.rank(); ++i) {
      if (x.shape()[i] == 1) named.push_back(i);
    }
  }
  return apply(shaping_table["squeeze"], x, {{"axes", std::move(named)}});
}

Tensor flip(const Tensor& x, const Axes& axes) {
  return apply(shaping_table["flip"], x, {{"axes", axes.empty() ? all_axes(x) : axes.list()}});
}

namespace {

/// x with `count` copies of it along an axis: one after another, or of each element.
Tensor copies(const Tensor& x, int axis, Index count, bool of_each) {
  if (count == 1) return x;
  if (internal::ShapeInference::recorder_for({count})) {
    Shape shape = x.shape();
    shape.set(axis, unknown);
    return Tensor::zeros(shape, x.dtype());
  }
  const int fresh = of_each ? axis + 1 : axis;
  const Tensor opened = expand_dims(x, fresh);
  Shape wide = opened.shape().sub(axis, opened.rank());
  wide.set(fresh - axis, count);
  // -1 keeps a size that is not known. The axes in front stay, so that they need not be known either.
  const Tensor filled = broadcast_to(opened, wide, axis);
  Shape merged = x.shape().sub(axis, x.rank());
  merged.set(0, merged[0] == unknown ? unknown : merged[0] * count);
  return reshape(filled, merged, axis);
}

void check_repeats(const char* function, const Tensor& x, Index count) {
  if (count >= 0 || internal::ShapeInference::recorder_for({count})) return;
  throw ValueError(fmt::format("{}({}): expected counts >= 0, got {}", function, describe(x), count));
}

}  // namespace

Tensor tile(const Tensor& x, const Shape& repeats) {
  Tensor tiled = x;
  while (tiled.rank() < repeats.rank()) tiled = expand_dims(tiled, 0);
  for (int i = 0; i < repeats.rank(); ++i) {
    check_repeats("tile", x, repeats[i]);
    tiled = copies(tiled, tiled.rank() - repeats.rank() + i, repeats[i], false);
  }
  return tiled;
}

Tensor repeat(const Tensor& x, Index repeats, std::optional<Index> axis) {
  check_repeats("repeat", x, repeats);
  if (!axis) return copies(reshape(x, -1), 0, repeats, true);
  return copies(x, x.shape().normalize(static_cast<int>(*axis)), repeats, true);
}

Tensor repeat(const Tensor& x, const std::vector<Index>& repeats, std::optional<Index> axis) {
  if (!axis) return repeat(reshape(x, -1), repeats, 0);
  const auto along = static_cast<int>(*axis);
  const Index size = x.shape()[along];
  if (size != unknown && size != static_cast<Index>(repeats.size())) {
    throw ValueError(fmt::format("repeat({}): expected {} counts for axis {}, got {}", describe(x), size,
                                 *axis, repeats.size()));
  }
  std::vector<Index> indices;
  for (std::size_t i = 0; i < repeats.size(); ++i) {
    check_repeats("repeat", x, repeats[i]);
    indices.insert(indices.end(), static_cast<std::size_t>(repeats[i]), static_cast<Index>(i));
  }
  return gather(x, Tensor::from(indices), along);
}

Tensor roll(const Tensor& x, Index shift, int axis) {
  const int along = x.shape().normalize(axis);
  const Index size = x.shape()[along];
  if (size == 0) return x;
  if (size == unknown) {
    throw ValueError(
        fmt::format("roll({}): expected a known size of axis {}: join two slices of it with concat()",
                    describe(x), axis));
  }
  const Index cut = ((-shift % size) + size) % size;
  if (cut == 0) return x;
  return concat({slice(x, along, cut, size), slice(x, along, 0, cut)}, along);
}

}  // namespace unspool
