#include <algorithm>
#include <cmath>
#include <limits>

#include <unspool/autograd/arithmetic.h>
#include <unspool/autograd/comparison.h>
#include <unspool/autograd/conversion.h>
#include <unspool/autograd/elementary.h>
#include <unspool/autograd/families.h>
#include <unspool/autograd/internal/axes.h>
#include <unspool/autograd/internal/one.h>
#include <unspool/autograd/joining.h>
#include <unspool/autograd/reduction.h>
#include <unspool/autograd/shaping.h>
#include <unspool/autograd/views.h>
#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/core/kernels/reduce.h>
#include <unspool/core/threads.h>

namespace unspool {
namespace {

using kernels::Reduce;

bool keeps(const Call& call) { return call.attributes.flag("keepdims"); }

Specs reduced_shape(const Call& call) {
  Shape shape;
  const std::vector<int> axes = call.axes();
  for (int i = 0; i < call.rank(); ++i) {
    if (std::find(axes.begin(), axes.end(), i) == axes.end()) {
      shape.push_back(call.shape()[i]);
    } else if (keeps(call)) {
      shape.push_back(1);
    }
  }
  return one(shape, call.dtype());
}

/// The number of elements that are reduced to one; unknown if one of their sizes is.
Index reduced_elements(const Call& call) {
  Shape sizes;
  for (int axis : call.axes()) sizes.push_back(call.shape()[axis]);
  return sizes.known() ? sizes.elements() : unknown;
}

Specs number_shape(const Call& call) {
  if (call.dtype() == boolean) call.fail_type("expected numbers, not bool: cast(x, int32) first");
  return reduced_shape(call);
}

Specs floating_shape(const Call& call) {
  if (!is_floating(call.dtype())) call.fail_type("expected float32 or float64: cast(x, float32) first");
  return reduced_shape(call);
}

Specs extreme_shape(const Call& call) {
  if (reduced_elements(call) == 0) call.fail("expected at least one element to reduce, got none");
  return number_shape(call);
}

Specs logical_shape(const Call& call) {
  if (call.dtype() != boolean) call.fail_type("expected bool: compare first, as in not_equal(x, 0)");
  return reduced_shape(call);
}

std::uint32_t mask_of(const std::vector<Index>& axes, int rank) {
  std::uint32_t mask = 0;
  for (Index axis : axes) mask |= 1U << static_cast<unsigned>(axis < 0 ? axis + rank : axis);
  return mask;
}

template <Reduce kind>
void reduce_kernel(const KernelCall& call) {
  const Array& x = call.inputs[0];
  kernels::reduce(kind, x, mask_of(call.attributes.integers("axes"), x.shape->rank()), call.outputs[0]);
}

void rows_of_sum(const Call& call, std::span<Rows> operands) {
  operands[0] = call.rank() == 0 ? Rows::all : names_rows(call) ? Rows::summed : Rows::same;
}

void rows_unless_axis(const Call& call, std::span<Rows> operands) {
  operands[0] = call.axis() == 0 ? Rows::all : Rows::same;
}

/// A result, or its gradient, with the reduced axes as axes of size 1, so that it broadcasts to the operand.
Tensor with_axes(const Backward& b, const Tensor& reduced) {
  return keeps(b.call()) ? reduced : expand_dims(reduced, as_indices(b.call().axes()));
}

/// dy at the largest (or smallest) element, in equal shares if there are several.
void extreme_gradient(Backward& b) {
  const std::vector<Index> axes = as_indices(b.call().axes());
  const Tensor chosen = cast(equal(b.x(), with_axes(b, b.y())), b.x().dtype());
  const Tensor share = axes.empty() ? chosen : chosen / sum(chosen, axes, true);
  b.dx() = with_axes(b, b.dy()) * share;
}

/// For each element along the last axis, the product of all others, computed by a tree of products. There is
/// no division, so that the result and its derivatives are correct for zeros.
Tensor product_of_others(const Tensor& x) {
  Tensor level = x;
  Index size = x.shape().back();
  std::vector<std::vector<Tensor>> halves;
  const auto grown = [](const Tensor& shorter, Index by) {
    std::vector<std::array<Index, 2>> widths(static_cast<std::size_t>(shorter.rank()));
    widths.back() = {0, by};
    return pad(shorter, widths, 1);
  };
  while (size > 1) {
    if (size % 2 != 0) level = grown(level, 1);
    halves.push_back(split(level, Index{2}));
    level = halves.back()[0] * halves.back()[1];
    size = (size + 1) / 2;
  }
  Tensor others = Tensor::ones({1}, x.dtype());
  for (std::size_t i = halves.size(); i-- > 0;) {
    const Index own = halves[i][0].shape().back();
    if (others.shape().back() > own) others = slice(others, -1, 0, own);
    others = concat({others * halves[i][1], others * halves[i][0]}, -1);
  }
  const Index asked = x.shape().back();
  return others.shape().back() > asked ? slice(others, -1, 0, asked) : others;
}

void prod_gradient(Backward& b) {
  const std::vector<int> axes = b.call().axes();
  const Shape& shape = b.x().shape();
  std::vector<Index> order;
  for (const bool reduced : {false, true}) {
    for (int i = 0; i < shape.rank(); ++i) {
      if ((std::find(axes.begin(), axes.end(), i) != axes.end()) == reduced) order.push_back(i);
    }
  }
  std::vector<Index> back(order.size());
  Shape moved;
  for (std::size_t i = 0; i < order.size(); ++i) {
    back[static_cast<std::size_t>(order[i])] = static_cast<Index>(i);
    moved.push_back(shape[static_cast<int>(order[i])]);
  }
  const int kept = shape.rank() - static_cast<int>(axes.size());
  const Index count = reduced_elements(b.call());
  if (count == unknown) b.call().fail("expected known sizes of the reduced axes for the gradient");
  if (count == 0) return;
  const Tensor lines = reshape(transpose(b.x(), order), {count}, kept);
  const Tensor others = reshape(product_of_others(lines), moved.sub(kept, moved.rank()), kept);
  b.dx() = with_axes(b, b.dy()) * transpose(others, back);
}

void cumsum_kernel(const KernelCall& call) {
  const Shape& shape = *call.outputs[0].shape;
  const int axis = shape.normalize(static_cast<int>(call.attributes.integer("axis")));
  const Index size = shape[axis];
  const Index inner = shape.sub(axis + 1, shape.rank()).elements();
  const Index outer = shape.sub(0, axis).elements();
  if (size == 0) return;
  const bool reverse = call.attributes.flag("reverse");
  visit_dtype(call.outputs[0].dtype, [&]<class T>(T) {
    using Total = std::conditional_t<std::is_floating_point_v<T>, double, std::uint64_t>;
    const T* x = call.inputs[0].as<T>();
    T* y = call.outputs[0].as<T>();
    parallel_for(outer * inner, std::max<Index>(1, (1 << 15) / size), [&](Index begin, Index end) {
      for (Index line = begin; line < end; ++line) {
        const Index start = line / inner * size * inner + line % inner;
        Total total = 0;
        for (Index i = 0; i < size; ++i) {
          const Index at = start + (reverse ? size - 1 - i : i) * inner;
          total += static_cast<Total>(x[at]);
          y[at] = static_cast<T>(total);
        }
      }
    });
  });
}

Specs index_shape(const Call& call) {
  const int axis = call.axis();
  const Index size = call.shape()[axis];
  if (size == 0) call.fail("expected an axis of at least one element, got an empty one");
  if (size > std::numeric_limits<std::int32_t>::max()) call.fail("expected an axis whose indices fit int32");
  if (call.dtype() == boolean) call.fail_type("expected numbers, not bool: cast(x, int32) first");
  Shape shape = call.shape();
  shape.erase(axis);
  return one(shape, int32);
}

/// The first NaN counts as the largest and as the smallest element, as in NumPy.
template <bool largest>
void index_kernel(const KernelCall& call) {
  const Shape& shape = *call.inputs[0].shape;
  const int axis = shape.normalize(static_cast<int>(call.attributes.integer("axis")));
  const Index size = shape[axis];
  const Index inner = shape.sub(axis + 1, shape.rank()).elements();
  const Index outer = shape.sub(0, axis).elements();
  visit_dtype(call.inputs[0].dtype, [&]<class T>(T) {
    const T* x = call.inputs[0].as<T>();
    auto* y = call.outputs[0].as<std::int32_t>();
    parallel_for(outer * inner, std::max<Index>(1, (1 << 15) / size), [&](Index begin, Index end) {
      for (Index line = begin; line < end; ++line) {
        const T* first = x + line / inner * size * inner + line % inner;
        Index best = 0;
        for (Index i = 1; i < size; ++i) {
          const T old = first[best * inner];
          const T value = first[i * inner];
          const bool wins = largest ? value > old : value < old;
          if (old == old && (wins || value != value)) best = i;
        }
        y[line] = static_cast<std::int32_t>(best);
      }
    });
  });
}

Specs sum_to_shape(const Call& call) {
  const int leading = leading_axes(call.attributes);
  if (leading < 0 || leading > call.rank()) {
    call.fail(fmt::format("expected from 0 to {} leading axes, got {}", call.rank(), leading));
  }
  if (call.dtype() == boolean) call.fail_type("expected numbers, not bool: cast(x, int32) first");
  Shape to = call.attributes.shape("shape");
  const int extra = call.rank() - leading - to.rank();
  if (extra < 0) call.fail("expected a shape with at most as many axes as x, got " + to_string(to));
  for (int i = 0; i < to.rank(); ++i) {
    const Index size = call.shape()[leading + extra + i];
    if (to[i] == unknown) to.set(i, size);
    if (to[i] != size && to[i] != 1 && size != unknown) {
      call.fail(
          fmt::format("expected a shape that broadcasts to that of x, got {}: size {} is neither {} nor 1",
                      to_string(to), to[i], size));
    }
  }
  return one(call.shape().sub(0, leading) + to, call.dtype());
}

void sum_to_kernel(const KernelCall& call) {
  const Shape& from = *call.inputs[0].shape;
  const Shape& to = *call.outputs[0].shape;
  const int leading = leading_axes(call.attributes);
  const int extra = from.rank() - to.rank();
  std::uint32_t axes = 0;
  for (int i = leading; i < from.rank(); ++i) {
    // An axis of size 1 in both need not be summed.
    if (i < leading + extra || to[i - extra] != from[i]) axes |= 1U << static_cast<unsigned>(i);
  }
  kernels::reduce(Reduce::sum, call.inputs[0], axes, call.outputs[0]);
}

/// A matrix' columns summed, each to one element of the result; nothing summed; or everything.
Form form_of_sum(const Call& call) {
  const Shape to = call.operation.shape(call)[0].shape;
  if (call.rank() == 2) {
    Rows rows{};
    call.operation.rows(call, {&rows, 1});
    const Index columns = call.shape()[1];
    const bool by_column = to.elements() == columns && (to.empty() || to.back() == columns);
    if (rows == Rows::summed && by_column) return form::RowSum{};
  }
  if (without_leading_ones(call.shape()) == without_leading_ones(to)) return form::Broadcast{};
  return to.elements() == 1 ? Form(form::Sum{}) : Form();
}

using List = std::vector<Index>;

std::vector<Example> reductions(Range range, DType dtype, bool distinct, bool empty) {
  std::vector<Example> examples;
  const auto add = [&](Shape shape, List axes, bool keepdims) {
    examples.push_back(
        {{{shape, range, dtype, distinct}}, {{"axes", std::move(axes)}, {"keepdims", keepdims}}});
  };
  add({2, 3}, {0, 1}, false);
  add({2, 3}, {1}, false);
  add({2, 3}, {0}, true);
  add({2, 3, 4}, {-1, 0}, false);
  add({2, 3, 2}, {1}, true);
  add({3, 2, 2}, {0, 1}, false);
  add({2, 3, 2, 2}, {1, 3}, true);
  add({}, {}, false);
  add({3}, {}, true);
  add({0, 3}, {1}, false);
  if (empty) {
    add({0, 3}, {0}, false);
    add({2, 0}, {1}, true);
  }
  return examples;
}

std::vector<Example> along_axis(bool distinct) {
  const auto example = [&](Shape shape, Index axis) {
    return Example{{{.shape = shape, .distinct = distinct}}, {{"axis", axis}}};
  };
  return {example({4}, 0), example({2, 3}, -1), example({2, 3}, 0), example({2, 3, 2}, 1),
          example({0, 3}, 1)};
}

constexpr Operation reduction_records[] = {
    {.name = "sum",
     .summary = "the sum over axes",
     .shape = number_shape,
     .kernel = {.run = reduce_kernel<Reduce::sum>},
     .gradient = [](Backward& b) { b.dx() = broadcast_to(with_axes(b, b.dy()), b.x().shape()); },
     .rows = rows_of_sum,
     .form = form_of_sum,
     .examples =
         [] {
           return reductions({-1, 1}, float64, false, true);
         }},
    {.name = "mean",
     .summary = "the mean over axes",
     .shape = floating_shape,
     .kernel = {.run = reduce_kernel<Reduce::mean>},
     .gradient =
         [](Backward& b) {
           const Index count = reduced_elements(b.call());
           if (count == unknown) b.call().fail("expected known sizes of the reduced axes for the gradient");
           const Tensor share = with_axes(b, b.dy()) / static_cast<double>(count);
           b.dx() = broadcast_to(share, b.x().shape());
         },
     .rows = rows_unless_named,
     .examples =
         [] {
           return reductions({-1, 1}, float64, false, false);
         }},
    {.name = "max",
     .summary = "the largest element over axes; NaN if there is one",
     .shape = extreme_shape,
     .kernel = {.run = reduce_kernel<Reduce::max>},
     .gradient = extreme_gradient,
     .keep = keep::input() | keep::output(),
     .rows = rows_unless_named,
     .examples =
         [] {
           return reductions({-1, 1}, float64, true, false);
         }},
    {.name = "min",
     .summary = "the smallest element over axes; NaN if there is one",
     .shape = extreme_shape,
     .kernel = {.run = reduce_kernel<Reduce::min>},
     .gradient = extreme_gradient,
     .keep = keep::input() | keep::output(),
     .rows = rows_unless_named,
     .examples =
         [] {
           return reductions({-1, 1}, float64, true, false);
         }},
    {.name = "prod",
     .summary = "the product over axes",
     .shape = number_shape,
     .kernel = {.run = reduce_kernel<Reduce::prod>},
     .gradient = prod_gradient,
     .keep = keep::input(),
     .rows = rows_unless_named,
     .examples =
         [] {
           return reductions({-2, 2}, float64, false, true);
         }},
    {.name = "all",
     .summary = "whether all elements over axes are true",
     .shape = logical_shape,
     .kernel = {.run = reduce_kernel<Reduce::all>},
     .rows = rows_unless_named,
     .examples = [] { return reductions({}, boolean, false, true); }},
    {.name = "any",
     .summary = "whether any element over axes is true",
     .shape = logical_shape,
     .kernel = {.run = reduce_kernel<Reduce::any>},
     .rows = rows_unless_named,
     .examples = [] { return reductions({}, boolean, false, true); }},
    {.name = "argmax",
     .summary = "the index of the first largest element along an axis",
     .shape = index_shape,
     .kernel = {.run = index_kernel<true>},
     .rows = rows_unless_axis,
     .examples = [] { return along_axis(true); }},
    {.name = "argmin",
     .summary = "the index of the first smallest element along an axis",
     .shape = index_shape,
     .kernel = {.run = index_kernel<false>},
     .rows = rows_unless_axis,
     .examples = [] { return along_axis(true); }},
    {.name = "cumsum",
     .summary = "cumulative sums along an axis, from its end if reverse",
     .shape =
         [](const Call& call) {
           static_cast<void>(call.axis());
           if (call.dtype() == boolean) call.fail_type("expected numbers, not bool: cast(x, int32) first");
           return one(call.shape(), call.dtype());
         },
     .kernel = {.run = cumsum_kernel},
     .gradient =
         [](Backward& b) { b.dx() = cumsum(b.dy(), b.call().axis(), !b.attributes().flag("reverse")); },
     .rows = rows_unless_axis,
     .examples =
         [] {
           std::vector<Example> examples;
           for (const bool reverse : {false, true}) {
             for (Example& example : along_axis(false)) {
               examples.push_back({example.operands, example.attributes.with("reverse", reverse)});
             }
           }
           return examples;
         }},
    {.name = "sum_to",
     .summary = "x summed to a shape that broadcasts to that of x",
     .shape = sum_to_shape,
     .kernel = {.run = sum_to_kernel},
     .gradient =
         [](Backward& b) {
           const int leading = leading_axes(b.attributes());
           b.dx() = broadcast_to(b.dy(), b.x().shape().sub(leading, b.x().rank()), leading);
         },
     .rows =
         [](const Call& call, std::span<Rows> operands) {
           const Shape to = sum_to_shape(call)[0].shape;
           const bool same = call.rank() > 0 && (leading_axes(call.attributes) > 0 ||
                                                 (to.rank() == call.rank() && to[0] == call.shape()[0]));
           operands[0] = same ? Rows::same : call.rank() > 0 ? Rows::summed : Rows::all;
         },
     .form = form_of_sum,
     .examples =
         [] {
           return std::vector<Example>{
               {{{{2, 3}}}, {{"shape", Shape{3}}}},
               {{{{2, 3}}}, {{"shape", Shape{1, 3}}}},
               {{{{2, 3}}}, {{"shape", Shape{2, 1}}}},
               {{{{2, 3, 2}}}, {{"shape", Shape{}}}},
               {{{{2, 3}}}, {{"shape", Shape{-1, 1}}}},
               {{{{2, 3, 2}}}, {{"shape", Shape{3, 1}}}},
               {{{{0, 3}}}, {{"shape", Shape{3}}}},
               {{{{2, 1, 3}}}, {{"shape", Shape{2, 1, 1}}}},
               {{{{2, 3, 2}}}, {{"shape", Shape{2}}, {"leading", Index{1}}}},
           };
         }},
};
constexpr OperationTable reduction_table(reduction_records);

Attributes over(const Tensor& x, const Axes& axes, bool keepdims) {
  std::vector<Index> named = axes.list();
  if (named.empty()) {
    for (int i = 0; i < x.rank(); ++i) named.push_back(i);
  }
  return {{"axes", std::move(named)}, {"keepdims", keepdims}};
}

Tensor in_floating(const Tensor& x) { return is_floating(x.dtype()) ? x : cast(x, float32); }

/// The square root of x >= 0. Its gradient at 0 is 0, not infinite.
Tensor root(const Tensor& x) {
  const Tensor zero = equal(x, 0);
  return where(zero, 0, sqrt(where(zero, 1, x)));
}

}  // namespace

OperationList families::reduction() { return reduction_table; }

Tensor sum(const Tensor& x, const Axes& axes, bool keepdims) {
  return apply(reduction_table["sum"], x.dtype() == boolean ? cast(x, int32) : x, over(x, axes, keepdims));
}
Tensor sum(const std::vector<Tensor>& terms) {
  if (terms.empty()) return Tensor::scalar(0.0f);
  Tensor total = terms.front();
  for (std::size_t i = 1; i < terms.size(); ++i) total = total + terms[i];
  return total;
}
Tensor mean(const Tensor& x, const Axes& axes, bool keepdims) {
  return apply(reduction_table["mean"], in_floating(x), over(x, axes, keepdims));
}
Tensor max(const Tensor& x, const Axes& axes, bool keepdims) {
  return apply(reduction_table["max"], x, over(x, axes, keepdims));
}
Tensor min(const Tensor& x, const Axes& axes, bool keepdims) {
  return apply(reduction_table["min"], x, over(x, axes, keepdims));
}
Tensor prod(const Tensor& x, const Axes& axes, bool keepdims) {
  return apply(reduction_table["prod"], x, over(x, axes, keepdims));
}
Condition all(const Tensor& x, const Axes& axes, bool keepdims) {
  return apply(reduction_table["all"], x, over(x, axes, keepdims));
}
Condition any(const Tensor& x, const Axes& axes, bool keepdims) {
  return apply(reduction_table["any"], x, over(x, axes, keepdims));
}

Tensor variance(const Tensor& given, const Axes& axes, bool keepdims) {
  const Tensor x = in_floating(given);
  return mean(square(x - mean(x, axes, true)), axes, keepdims);
}
Tensor var(const Tensor& x, const Axes& axes, bool keepdims) { return variance(x, axes, keepdims); }

Tensor stddev(const Tensor& x, const Axes& axes, bool keepdims) { return root(variance(x, axes, keepdims)); }

Tensor norm(const Tensor& given, const NormOptions& options) {
  const Tensor x = in_floating(given);
  const auto& [ord, axes, keepdims] = options;
  if (!ord) return root(sum(square(x), axes, keepdims));
  if ((axes.empty() ? static_cast<std::size_t>(x.rank()) : axes.list().size()) != 1) {
    throw ValueError(
        fmt::format("norm({}): expected one axis beside an order, got {}: the norms of matrices are not here",
                    describe(x), axes.empty() ? "all" : std::to_string(axes.list().size())));
  }
  const double infinity = std::numeric_limits<double>::infinity();
  if (*ord == infinity) return max(abs(x), axes, keepdims);
  if (*ord == -infinity) return min(abs(x), axes, keepdims);
  if (*ord == 0) return sum(cast(not_equal(x, 0), x.dtype()), axes, keepdims);
  if (*ord == 1) return sum(abs(x), axes, keepdims);
  if (*ord == 2) return root(sum(square(x), axes, keepdims));
  return pow(sum(pow(abs(x), *ord), axes, keepdims), 1 / *ord);
}

Tensor logsumexp(const Tensor& x, const Axes& axes, bool keepdims) {
  const Tensor largest = stop_gradient(max(x, axes, true));
  // An infinite maximum is not subtracted: inf - inf would be NaN.
  const Tensor shift =
      where(abs(largest) < std::numeric_limits<double>::infinity(), largest, scalar_beside(x, 0));
  const Tensor total = sum(exp(x - shift), axes, true);
  // If all elements are -inf, so is the result, and their gradients are 0 instead of 0 / 0.
  const Tensor none = equal(total, 0);
  const Tensor result = where(none, scalar_beside(x, -std::numeric_limits<double>::infinity()),
                              log(where(none, scalar_beside(x, 1), total)) + shift);
  if (keepdims) return result;
  return squeeze(result, over(x, axes, true).integers("axes"));
}

Tensor argmax(const Tensor& x, int axis) {
  return apply(reduction_table["argmax"], x, {{"axis", Index{axis}}});
}
Tensor argmin(const Tensor& x, int axis) {
  return apply(reduction_table["argmin"], x, {{"axis", Index{axis}}});
}
Tensor cumsum(const Tensor& x, int axis, bool reverse) {
  return apply(reduction_table["cumsum"], x, {{"axis", Index{axis}}, {"reverse", reverse}});
}

Tensor sum_to(const Tensor& x, const Shape& shape, int leading) {
  if (leading == 0) return apply(reduction_table["sum_to"], x, {{"shape", shape}});
  return apply(reduction_table["sum_to"], x, {{"shape", shape}, {"leading", Index{leading}}});
}

}  // namespace unspool
