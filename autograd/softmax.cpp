#include <algorithm>
#include <array>
#include <cmath>
#include <concepts>
#include <functional>
#include <limits>
#include <type_traits>
#include <vector>

#include <unspool/autograd/arithmetic.h>
#include <unspool/autograd/comparison.h>
#include <unspool/autograd/conversion.h>
#include <unspool/autograd/elementary.h>
#include <unspool/autograd/elementwise.h>
#include <unspool/autograd/families.h>
#include <unspool/autograd/internal/one.h>
#include <unspool/autograd/reduction.h>
#include <unspool/autograd/shaping.h>
#include <unspool/autograd/softmax.h>
#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/core/threads.h>

namespace unspool {
namespace {

Tensor softmax_gradient(const Tensor& y, const Tensor& dy, int axis);
Tensor subtract_one_hot(const Tensor& labels, const Tensor& x);

/// The elements along an axis at one index of the other axes.
template <class T>
struct Line {
  T* data;
  Index size;
  Index stride;
  T& operator[](Index i) const { return data[i * stride]; }
};

/// A shape viewed as (outer, size, inner) around an axis.
struct Split {
  Index outer = 1;
  Index size = 1;
  Index inner = 1;

  Split(const Shape& shape, int axis) : size(shape[axis]) {
    for (int i = 0; i < axis; ++i) outer *= shape[i];
    for (int i = axis + 1; i < shape.rank(); ++i) inner *= shape[i];
  }
  Index lines() const { return outer * inner; }
  template <class T>
  Line<T> line(T* data, Index i) const {
    return {data + i / inner * size * inner + i % inner, size, inner};
  }
};

int axis_of(const KernelCall& call, std::size_t operand) {
  const Index axis = call.attributes.integer("axis");
  return static_cast<int>(axis < 0 ? axis + call.inputs[operand].shape->rank() : axis);
}

/// Calls f(T{}, i) for every line of the split, in parallel.
template <class F>
void each_line(DType dtype, const Split& split, const F& f) {
  const Index grain = std::max<Index>(1, 4096 / std::max<Index>(1, split.size));
  visit_dtype(dtype, [&]<class T>(T zero) {
    if constexpr (std::floating_point<T>) {
      parallel_for(split.lines(), grain, [&](Index begin, Index end) {
        for (Index i = begin; i < end; ++i) f(zero, i);
      });
    }
  });
}

/// term(0) + term(1) + ... in eight interleaved sums, which round less than one sum.
template <class T, class F>
T sum_of(Index count, const F& term) {
  std::array<T, 8> sums{};
  for (Index i = 0; i < count; ++i) sums[static_cast<std::size_t>(i % 8)] += term(i);
  return ((sums[0] + sums[4]) + (sums[2] + sums[6])) + ((sums[1] + sums[5]) + (sums[3] + sums[7]));
}

template <class T>
std::remove_const_t<T> largest(Line<T> x) {
  auto most = -std::numeric_limits<std::remove_const_t<T>>::infinity();
  // This order of operands keeps NaN.
  for (Index i = 0; i < x.size; ++i) most = x[i] <= most ? most : x[i];
  return most;
}

/// log(sum(exp(x - largest))).
template <class T>
std::remove_const_t<T> log_sum(Line<T> x, std::remove_const_t<T> most) {
  return std::log(sum_of<std::remove_const_t<T>>(x.size, [&](Index i) { return std::exp(x[i] - most); }));
}

void run_softmax(const KernelCall& call) {
  const Split split(*call.inputs[0].shape, axis_of(call, 0));
  each_line(call.inputs[0].dtype, split, [&]<class T>(T, Index i) {
    const auto x = split.line(call.inputs[0].as<const T>(), i);
    const auto y = split.line(call.outputs[0].as<T>(), i);
    const T most = largest(x);
    const T sum = sum_of<T>(x.size, [&](Index k) { return y[k] = std::exp(x[k] - most); });
    for (Index k = 0; k < x.size; ++k) y[k] /= sum;
  });
}

void run_softmax_gradient(const KernelCall& call) {
  const Split split(*call.inputs[0].shape, axis_of(call, 0));
  each_line(call.inputs[0].dtype, split, [&]<class T>(T, Index i) {
    const auto y = split.line(call.inputs[0].as<const T>(), i);
    const auto dy = split.line(call.inputs[1].as<const T>(), i);
    const auto dx = split.line(call.outputs[0].as<T>(), i);
    const T mean = sum_of<T>(y.size, [&](Index k) { return dy[k] * y[k]; });
    for (Index k = 0; k < y.size; ++k) dx[k] = y[k] * (dy[k] - mean);
  });
}

void run_log_softmax(const KernelCall& call) {
  const Split split(*call.inputs[0].shape, axis_of(call, 0));
  each_line(call.inputs[0].dtype, split, [&]<class T>(T, Index i) {
    const auto x = split.line(call.inputs[0].as<const T>(), i);
    const auto y = split.line(call.outputs[0].as<T>(), i);
    const T most = largest(x);
    const T log = log_sum(x, most);
    for (Index k = 0; k < x.size; ++k) y[k] = (x[k] - most) - log;
  });
}

void run_softmax_cross_entropy(const KernelCall& call) {
  const Split split(*call.inputs[1].shape, axis_of(call, 1));
  each_line(call.inputs[1].dtype, split, [&]<class T>(T, Index i) {
    const auto target = split.line(call.inputs[0].as<const T>(), i);
    const auto x = split.line(call.inputs[1].as<const T>(), i);
    const T most = largest(x);
    const T log = log_sum(x, most);
    // 0 * -inf counts as 0: a class of probability 0 that is not the target.
    call.outputs[0].as<T>()[i] =
        sum_of<T>(x.size, [&](Index k) { return target[k] == 0 ? T{0} : target[k] * ((most - x[k]) + log); });
  });
}

Index label_of(const Array& labels, Index i, Index classes) {
  const Index label =
      labels.dtype == int32 ? labels.as<const std::int32_t>()[i] : labels.as<const Index>()[i];
  if (label < 0 || label >= classes) {
    throw IndexError(fmt::format("sparse_softmax_cross_entropy: expected labels from 0 to {}, got {}",
                                 classes - 1, label));
  }
  return label;
}

void run_sparse_softmax_cross_entropy(const KernelCall& call) {
  const Split split(*call.inputs[1].shape, call.inputs[1].shape->rank() - 1);
  each_line(call.inputs[1].dtype, split, [&]<class T>(T, Index i) {
    const auto x = split.line(call.inputs[1].as<const T>(), i);
    const T most = largest(x);
    call.outputs[0].as<T>()[i] = (most - x[label_of(call.inputs[0], i, split.size)]) + log_sum(x, most);
  });
}

void run_subtract_one_hot(const KernelCall& call) {
  const Split split(*call.inputs[1].shape, call.inputs[1].shape->rank() - 1);
  each_line(call.inputs[1].dtype, split, [&]<class T>(T, Index i) {
    const auto x = split.line(call.inputs[1].as<const T>(), i);
    const auto y = split.line(call.outputs[0].as<T>(), i);
    for (Index k = 0; k < x.size; ++k) y[k] = x[k];
    y[label_of(call.inputs[0], i, split.size)] -= 1;
  });
}

void run_sparsemax(const KernelCall& call) {
  const Split split(*call.inputs[0].shape, axis_of(call, 0));
  each_line(call.inputs[0].dtype, split, [&]<class T>(T, Index i) {
    const auto x = split.line(call.inputs[0].as<const T>(), i);
    const auto y = split.line(call.outputs[0].as<T>(), i);
    const T most = largest(x);
    std::vector<T> sorted;
    for (Index k = 0; k < x.size; ++k) sorted.push_back(x[k] - most);
    std::sort(sorted.begin(), sorted.end(), std::greater<>());
    // Finds the largest elements, up to the threshold that makes the result add up to 1.
    T sum = 0;
    T threshold = 0;
    for (std::size_t k = 0; k < sorted.size(); ++k) {
      sum += sorted[k];
      const auto count = static_cast<T>(k + 1);
      if (1 + count * sorted[k] > sum) threshold = (sum - 1) / count;
    }
    for (Index k = 0; k < x.size; ++k) y[k] = std::max((x[k] - most) - threshold, T{0});
  });
}

void check_floating(const Call& call, std::size_t i) {
  if (!is_floating(call.dtype(i))) call.fail_type("expected float32 or float64: cast(x, float32) first");
}

/// The common shape of two operands: a size is known if either operand knows it.
Shape merged(const Call& call, const Shape& a, const Shape& b) {
  if (!compatible(a, b))
    call.fail(fmt::format("expected equal shapes, got {} and {}", to_string(a), to_string(b)));
  Shape shape = a;
  for (int i = 0; i < shape.rank(); ++i) {
    if (shape[i] == unknown) shape.set(i, b[i]);
  }
  return shape;
}

/// The shape rule of operations on operands of equal dtype and shape, along an axis.
Specs along_axis(const Call& call) {
  check_floating(call, 0);
  call.axis();
  Shape shape = call.shape();
  for (std::size_t i = 1; i < call.inputs.size(); ++i) {
    if (call.dtype(i) != call.dtype()) {
      call.fail_type("expected operands of the same dtype: cast(x, dtype) one of them");
    }
    shape = merged(call, shape, call.shape(i));
  }
  return one(shape, call.dtype());
}

Specs without_axis(const Call& call) {
  Specs specs = along_axis(call);
  specs[0].shape.erase(call.axis());
  return specs;
}

/// The common shape of integer labels and of the logits without their last axis.
Shape labelled(const Call& call) {
  if (!is_integer(call.dtype(0)))
    call.fail_type("expected labels of dtype int32 or int64: cast(labels, int32) first");
  check_floating(call, 1);
  if (call.rank(1) == 0) call.fail("expected logits with at least one axis, that of the classes");
  return merged(call, call.shape(0), call.shape(1).sub(0, call.rank(1) - 1));
}

/// An operation along the first axis mixes all rows; along another axis it stays within a row.
void rows_by_axis(const Call& call, std::span<Rows> operands) {
  std::fill(operands.begin(), operands.end(), call.axis() == 0 ? Rows::all : Rows::same);
}

void rows_of_labelled(const Call& call, std::span<Rows> operands) {
  std::fill(operands.begin(), operands.end(), call.rank(0) == 0 ? Rows::all : Rows::same);
}

Attributes along(int axis) { return {{"axis", Index{axis}}}; }

std::vector<Example> lines(std::size_t operands, Range range) {
  std::vector<Example> examples;
  const auto add = [&](Shape shape, int axis) {
    examples.push_back({std::vector<Operand>(operands, {.shape = shape, .range = range}), along(axis)});
  };
  add({3}, 0);
  add({2, 3}, -1);
  add({2, 3}, 0);
  add({2, 3, 2}, 1);
  add({2, 1}, 1);
  add({0, 3}, 1);
  return examples;
}

std::vector<Example> labelled_lines() {
  std::vector<Example> examples;
  for (const Shape& shape : {Shape{}, Shape{2}, Shape{2, 3}, Shape{0}}) {
    for (DType dtype : {int32, int64}) {
      examples.push_back({{{.shape = shape, .range = {0, 2}, .dtype = dtype}, {.shape = shape + Shape{4}}}});
    }
  }
  return examples;
}

Axes axes(const Call& call, std::size_t i = 0) { return call.axis(i); }

constexpr Operation softmax_records[] = {
    {.name = "softmax",
     .summary = "exp(x) / sum(exp(x)) along an axis",
     .shape = along_axis,
     .kernel = {run_softmax},
     .gradient = [](Backward& b) { b.dx() = softmax_gradient(b.y(), b.dy(), b.call().axis()); },
     .keep = keep::output(),
     .rows = rows_by_axis,
     .bounds = {.low = 0, .high = 1},
     .examples =
         [] {
           return lines(1, {-2, 2});
         }},
    {.name = "softmax_gradient",
     .summary = "y * (dy - sum(y * dy)) along an axis: the gradient of y = softmax(x)",
     .shape = along_axis,
     .kernel = {run_softmax_gradient},
     .gradient =
         [](Backward& b) {
           const Tensor& y = b.x(0);
           const Tensor& dy = b.x(1);
           const Tensor& g = b.dy();
           if (b.needs(0)) {
             const Axes axis = axes(b.call());
             b.dx(0) = g * dy - g * sum(y * dy, axis, true) - dy * sum(y * g, axis, true);
           }
           if (b.needs(1)) b.dx(1) = softmax_gradient(y, g, b.call().axis());
         },
     .keep = keep::all_inputs,
     .rows = rows_by_axis,
     .examples =
         [] {
           return lines(2, {-1, 1});
         }},
    {.name = "log_softmax",
     .summary = "x - log(sum(exp(x))) along an axis",
     .shape = along_axis,
     .kernel = {run_log_softmax},
     .gradient = [](Backward& b) { b.dx() = b.dy() - exp(b.y()) * sum(b.dy(), axes(b.call()), true); },
     .keep = keep::output(),
     .rows = rows_by_axis,
     .examples =
         [] {
           return lines(1, {-2, 2});
         }},
    {.name = "softmax_cross_entropy",
     .summary = "-sum(target * log_softmax(logits)) along an axis, which the result does not have",
     .shape = without_axis,
     .kernel = {run_softmax_cross_entropy},
     .gradient =
         [](Backward& b) {
           const Tensor& target = b.x(0);
           const Tensor& logits = b.x(1);
           const int axis = b.call().axis();
           const Tensor dy = expand_dims(b.dy(), axis);
           if (b.needs(0)) b.dx(0) = -(dy * log_softmax(logits, axis));
           if (b.needs(1)) b.dx(1) = dy * (softmax(logits, axis) * sum(target, {axis}, true) - target);
         },
     .keep = keep::all_inputs,
     .rows = rows_by_axis,
     .examples =
         [] {
           return lines(2, {0, 1});
         }},
    {.name = "sparse_softmax_cross_entropy",
     .summary = "-log_softmax(logits)[label] along the last axis, which the result does not have",
     .shape = [](const Call& call) { return one(labelled(call), call.dtype(1)); },
     .kernel = {run_sparse_softmax_cross_entropy},
     .gradient =
         [](Backward& b) {
           if (b.needs(1)) b.dx(1) = expand_dims(b.dy(), -1) * subtract_one_hot(b.x(0), softmax(b.x(1)));
         },
     .keep = keep::all_inputs,
     .rows = rows_of_labelled,
     .examples = labelled_lines},
    {.name = "subtract_one_hot",
     .summary = "x minus 1 at each label along the last axis",
     .shape =
         [](const Call& call) {
           return one(labelled(call) + call.shape(1).sub(call.rank(1) - 1, call.rank(1)), call.dtype(1));
         },
     .kernel = {run_subtract_one_hot},
     .gradient =
         [](Backward& b) {
           if (b.needs(1)) b.dx(1) = b.dy();
         },
     .rows = rows_of_labelled,
     .examples = labelled_lines},
    {.name = "sigmoid_cross_entropy",
     .summary = "max(z, 0) - z * target + log(1 + exp(-|z|)), z the second operand",
     .kernel = elementwise([](std::floating_point auto target, std::floating_point auto z) {
       // z is skipped where its factor is 0: for an infinite logit that is right the loss is 0.
       const auto factor = z > 0 ? 1 - target : -target;
       return (factor == 0 ? 0 : z * factor) + std::log1p(std::exp(-std::abs(z)));
     }),
     .gradient =
         [](Backward& b) {
           if (b.needs(0)) b.dx(0) = -(b.dy() * b.x(1));
           if (b.needs(1)) b.dx(1) = b.dy() * (sigmoid(b.x(1)) - b.x(0));
         },
     .keep = keep::all_inputs,
     .examples = {{0, 1}, {-2, 2}}},
    {.name = "sparsemax",
     .summary = "the nearest point to x whose elements along an axis are >= 0 and add up to 1",
     .shape = along_axis,
     .kernel = {run_sparsemax},
     .gradient =
         [](Backward& b) {
           const Axes axis = axes(b.call());
           const Tensor zero = scalar_beside(b.dy(), 0);
           const Tensor support = b.y() > 0;
           const Tensor count = sum(cast(support, b.y().dtype()), axis, true);
           const Tensor mean = sum(where(support, b.dy(), zero), axis, true) / count;
           b.dx() = where(support, b.dy() - mean, zero);
         },
     .keep = keep::output(),
     .rows = rows_by_axis,
     .examples =
         [] {
           return lines(1, {-1, 1});
         }},
};
constexpr OperationTable softmax_table(softmax_records);

Tensor softmax_gradient(const Tensor& y, const Tensor& dy, int axis) {
  return apply(softmax_table["softmax_gradient"], y, dy, along(axis));
}
Tensor subtract_one_hot(const Tensor& labels, const Tensor& x) {
  return apply(softmax_table["subtract_one_hot"], labels, x);
}

}  // namespace

OperationList families::softmax() { return softmax_table; }

Tensor softmax(const Tensor& x, int axis) { return apply(softmax_table["softmax"], x, along(axis)); }
Tensor log_softmax(const Tensor& x, int axis) { return apply(softmax_table["log_softmax"], x, along(axis)); }
Tensor softmax_cross_entropy(const Tensor& target, const Tensor& logits, int axis) {
  return apply(softmax_table["softmax_cross_entropy"], target, logits, along(axis));
}
Tensor sparse_softmax_cross_entropy(const Tensor& labels, const Tensor& logits) {
  return apply(softmax_table["sparse_softmax_cross_entropy"], labels, logits);
}
Tensor sigmoid_cross_entropy(const Tensor& target, const Tensor& logits) {
  return apply(softmax_table["sigmoid_cross_entropy"], target, logits);
}
Tensor sparsemax(const Tensor& x, int axis) { return apply(softmax_table["sparsemax"], x, along(axis)); }

}  // namespace unspool
