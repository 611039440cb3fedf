#include <algorithm>
#include <cmath>
#include <limits>

#include <unspool/autograd/creation.h>
#include <unspool/autograd/families.h>
#include <unspool/autograd/internal/axes.h>
#include <unspool/autograd/internal/element_at.h>
#include <unspool/autograd/internal/one.h>
#include <unspool/autograd/shaping.h>
#include <unspool/autograd/views.h>
#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/core/internal/work_limit.h>
#include <unspool/core/kernels/strided.h>

namespace unspool {
namespace {

Tensor slice_as(const Tensor& x, const Attributes& ranges);
Tensor place(const Tensor& x, const Attributes& ranges, const Shape& shape);
Tensor write_part(const Tensor& x, const Tensor& part, const Attributes& ranges);

// Slices. Bounds on an axis of unknown size stay as given; a bound that was left out is larger than any size.
constexpr Index beyond = std::numeric_limits<Index>::max();
constexpr Index before = std::numeric_limits<Index>::min();

struct Part {
  Index first;
  Index count;
};

/// As in Python, bounds below 0 count from the end, and bounds out of range are clipped.
Part cut(Index begin, Index end, Index step, Index size) {
  const Index low = step > 0 ? 0 : -1;
  const Index high = step > 0 ? size : size - 1;
  const auto bound = [&](Index given) {
    return given < 0 ? std::max(given + size, low) : std::min(given, high);
  };
  const Index first = bound(begin);
  const Index last = bound(end);
  if (step > 0) return {first, last > first ? (last - first - 1) / step + 1 : 0};
  return {first, first > last ? (first - last - 1) / -step + 1 : 0};
}

struct Ranges {
  const std::vector<Index>& begin;
  const std::vector<Index>& end;
  const std::vector<Index>& step;

  explicit Ranges(const Attributes& attributes)
      : begin(attributes.integers("begin")),
        end(attributes.integers("end")),
        step(attributes.integers("step")) {}
  Part part(int axis, Index size) const {
    const auto i = static_cast<std::size_t>(axis);
    return cut(begin[i], end[i], step[i], size);
  }
  bool whole(int axis, Index size) const {
    const auto i = static_cast<std::size_t>(axis);
    return begin[i] == 0 && step[i] == 1 && end[i] >= (size == unknown ? beyond : size);
  }
};

Ranges checked_ranges(const Call& call, int rank) {
  const Ranges ranges(call.attributes);
  const auto axes = static_cast<std::size_t>(rank);
  if (ranges.begin.size() != axes || ranges.end.size() != axes || ranges.step.size() != axes) {
    call.fail(fmt::format("expected ranges for {} axes, got {}", rank, ranges.begin.size()));
  }
  if (std::count(ranges.step.begin(), ranges.step.end(), 0) != 0)
    call.fail("expected steps other than 0, got 0");
  // The smallest integer has no negative.
  if (std::count(ranges.step.begin(), ranges.step.end(), before) != 0) {
    call.fail(fmt::format("step out of range: expected more than {}", before));
  }
  return ranges;
}

Specs slice_shape(const Call& call) {
  const Ranges ranges = checked_ranges(call, call.rank());
  Shape shape;
  for (int i = 0; i < call.rank(); ++i) {
    const Index size = call.shape()[i];
    shape.push_back(size == unknown ? unknown : ranges.part(i, size).count);
  }
  return one(shape, call.dtype());
}

/// Copies between a tensor and a part of it.
void copy_part(const KernelCall& call, const Array& whole, const Array& part, bool into_whole) {
  if (part.shape->elements() == 0) return;
  const Ranges ranges(call.attributes);
  kernels::Strides strides = kernels::row_major(*whole.shape);
  Index start = 0;
  for (int i = 0; i < whole.shape->rank(); ++i) {
    const auto axis = static_cast<std::size_t>(i);
    start += ranges.part(i, (*whole.shape)[i]).first * strides[axis];
    // An axis of one element needs no stride, and a large step would overflow.
    strides[axis] = (*part.shape)[i] > 1 ? strides[axis] * ranges.step[axis] : 0;
  }
  const kernels::Strides own = kernels::row_major(*part.shape);
  const std::size_t size = size_of(part.dtype);
  if (into_whole) {
    kernels::copy(*part.shape, size, part.data, own, element_at(whole, start), strides);
  } else {
    kernels::copy(*part.shape, size, element_at(whole, start), strides, part.data, own);
  }
}

/// Where a part of this shape begins, if it takes each element between its ends.
std::optional<Shape> begin_of_part(const Call& call, const Shape& whole) {
  const Ranges ranges(call.attributes);
  Shape begin;
  for (int axis = 0; axis < whole.rank(); ++axis) {
    if (ranges.step[static_cast<std::size_t>(axis)] != 1) return std::nullopt;
    begin.push_back(ranges.part(axis, whole[axis]).first);
  }
  return begin;
}

Form slice_form(const Call& call) {
  const std::optional<Shape> begin = begin_of_part(call, call.shape());
  if (!begin) return {};
  const Ranges ranges(call.attributes);
  bool columns = call.rank() >= 2;
  for (int axis = 0; axis < call.rank(); ++axis) {
    const Index size = call.shape()[axis];
    columns = columns && (axis == 1 || ranges.part(axis, size).count == size);
  }
  return columns ? Form(form::Columns{{(*begin)[1]}}) : Form(form::Parts{{*begin}});
}

Form place_form(const Call& call) {
  const std::optional<Shape> begin = begin_of_part(call, call.attributes.shape("shape"));
  return begin ? Form(form::Placed{*begin}) : Form();
}

Specs place_shape(const Call& call) {
  Shape shape = call.attributes.shape("shape");
  if (shape.rank() != call.rank())
    call.fail(fmt::format("expected a shape of rank {}, got {}", call.rank(), to_string(shape)));
  const Ranges ranges = checked_ranges(call, call.rank());
  for (int i = 0; i < call.rank(); ++i) {
    const Index size = call.shape()[i];
    if (shape[i] == unknown) {
      if (!ranges.whole(i, unknown))
        call.fail(fmt::format("expected a known size of axis {}, got an unknown one", i));
      shape.set(i, size);
    } else if (const Index count = ranges.part(i, shape[i]).count; size != unknown && size != count) {
      call.fail(fmt::format("expected {} elements in the range of axis {}, got {}", size, i, count));
    }
  }
  return one(shape, call.dtype());
}

Attributes ranges_attributes(std::vector<Index> begin, std::vector<Index> end, std::vector<Index> step) {
  return {{"begin", std::move(begin)}, {"end", std::move(end)}, {"step", std::move(step)}};
}

std::vector<Example> slice_examples() {
  return {{{{{4, 3}}}, ranges_attributes({1, 0}, {3, 3}, {1, 1})},
          {{{{4, 3}}}, ranges_attributes({0, 1}, {4, 3}, {1, 1})},
          {{{{5, 6}}}, ranges_attributes({0, -1}, {beyond, before}, {2, -2})},
          {{{{3, 5}}}, ranges_attributes({-1, 0}, {-4, 5}, {-1, 3})},
          {{{{4}}}, ranges_attributes({2}, {2}, {1})},
          {{{{0, 3}}}, ranges_attributes({0, 0}, {0, 2}, {1, 1})},
          {{{{}}}, ranges_attributes({}, {}, {})}};
}

std::vector<Example> place_examples() {
  std::vector<Example> examples;
  for (const Example& cut_example : slice_examples()) {
    const Shape& whole = cut_example.operands[0].shape;
    const Ranges ranges(cut_example.attributes);
    Shape part;
    for (int i = 0; i < whole.rank(); ++i) part.push_back(ranges.part(i, whole[i]).count);
    examples.push_back({{{.shape = part}}, cut_example.attributes.with("shape", whole)});
  }
  return examples;
}

// Writing a part.

Specs slice_update_shape(const Call& call) {
  if (call.dtype(0) != call.dtype(1)) {
    call.fail_type("expected a part of the dtype of x: cast(part, dtype) first");
  }
  if (call.rank(0) != call.rank(1)) call.fail(fmt::format("expected a part of rank {}", call.rank(0)));
  const Ranges ranges = checked_ranges(call, call.rank());
  for (int i = 0; i < call.rank(); ++i) {
    const Index whole = call.shape(0)[i];
    const Index size = call.shape(1)[i];
    if (whole == unknown || size == unknown) continue;
    if (const Index count = ranges.part(i, whole).count; size != count) {
      call.fail(fmt::format("expected {} elements along axis {} of the part, got {}", count, i, size));
    }
  }
  return one(call.shape(0), call.dtype());
}

std::vector<Example> slice_update_examples() {
  std::vector<Example> examples;
  for (const Example& cut_example : slice_examples()) {
    const Shape& whole = cut_example.operands[0].shape;
    const Ranges ranges(cut_example.attributes);
    Shape part;
    for (int i = 0; i < whole.rank(); ++i) part.push_back(ranges.part(i, whole[i]).count);
    examples.push_back({{{.shape = whole}, {.shape = part}}, cut_example.attributes});
  }
  return examples;
}

// Padding.

Specs pad_shape(const Call& call) {
  const auto& widths = call.attributes.integers("widths");
  if (widths.size() != 2 * static_cast<std::size_t>(call.rank())) {
    call.fail(fmt::format("expected widths for {} axes, got {}", call.rank(), widths.size() / 2));
  }
  Shape shape;
  for (int i = 0; i < call.rank(); ++i) {
    const Index lower = widths[2 * static_cast<std::size_t>(i)];
    const Index upper = widths[2 * static_cast<std::size_t>(i) + 1];
    Index size = call.shape()[i];
    if (lower < 0 || upper < 0)
      call.fail("expected widths >= 0, got a negative one: use slice() to remove elements");
    if (size != unknown &&
        (__builtin_add_overflow(size, lower, &size) || __builtin_add_overflow(size, upper, &size))) {
      call.fail(fmt::format("expected a size of axis {} that fits 64 bits, got more", i));
    }
    shape.push_back(size);
  }
  return one(shape, call.dtype());
}

void pad_kernel(const KernelCall& call) {
  const Array& x = call.inputs[0];
  const Array& y = call.outputs[0];
  const auto& widths = call.attributes.integers("widths");
  visit_dtype(y.dtype, [&]<class T>(T) {
    std::fill_n(y.as<T>(), y.shape->elements(), static_cast<T>(call.attributes.number("value")));
  });
  if (x.shape->elements() == 0) return;
  const kernels::Strides strides = kernels::row_major(*y.shape);
  Index start = 0;
  for (std::size_t i = 0; 2 * i < widths.size(); ++i) start += widths[2 * i] * strides[i];
  kernels::copy(*x.shape, size_of(x.dtype), x.data, kernels::row_major(*x.shape), element_at(y, start),
                strides);
}

constexpr Operation views_records[] = {
    {.name = "slice",
     .summary = "a range of each axis of x: begin, begin + step, ... before end",
     .shape = slice_shape,
     .kernel = {.run =
                    [](const KernelCall& call) { copy_part(call, call.inputs[0], call.outputs[0], false); }},
     .gradient = [](Backward& b) { b.dx() = place(b.dy(), b.attributes(), b.x().shape()); },
     .rows =
         [](const Call& call, std::span<Rows> operands) {
           rows_if(call.rank() > 0 && Ranges(call.attributes).whole(0, call.shape()[0]), operands);
         },
     .form = slice_form,
     .examples = slice_examples},
    {.name = "place",
     .summary = "zeros, with x where a slice would have taken it from: the gradient of slice",
     .shape = place_shape,
     .kernel = {.run =
                    [](const KernelCall& call) {
                      const Array& y = call.outputs[0];
                      const Index bytes = y.shape->elements() * static_cast<Index>(size_of(y.dtype));
                      std::fill_n(y.as<std::byte>(), bytes, std::byte{0});
                      copy_part(call, y, call.inputs[0], true);
                    }},
     .gradient = [](Backward& b) { b.dx() = slice_as(b.dy(), b.attributes()); },
     .rows =
         [](const Call& call, std::span<Rows> operands) {
           rows_if(call.rank() > 0 && Ranges(call.attributes).whole(0, call.attributes.shape("shape")[0]),
                   operands);
         },
     .form = place_form,
     .examples = place_examples},
    {.name = "slice_update",
     .summary = "x with another tensor in place of a slice",
     .shape = slice_update_shape,
     .kernel = {.run =
                    [](const KernelCall& call) {
                      const Array& y = call.outputs[0];
                      const Index bytes = y.shape->elements() * static_cast<Index>(size_of(y.dtype));
                      std::copy_n(call.inputs[0].as<const std::byte>(), bytes, y.as<std::byte>());
                      copy_part(call, y, call.inputs[1], true);
                    }},
     .gradient =
         [](Backward& b) {
           const Tensor part = slice_as(b.dy(), b.attributes());
           if (b.needs(0)) b.dx(0) = write_part(b.dy(), zeros_like(part), b.attributes());
           if (b.needs(1)) b.dx(1) = part;
         },
     .rows =
         [](const Call& call, std::span<Rows> operands) {
           rows_if(call.rank() > 0 && Ranges(call.attributes).whole(0, call.shape()[0]), operands);
         },
     .examples = slice_update_examples},
    {.name = "pad",
     .summary = "x with a value before and after it along each axis",
     .shape = pad_shape,
     .kernel = {.run = pad_kernel},
     .gradient =
         [](Backward& b) {
           std::vector<Slice> ranges;
           const auto& widths = b.attributes().integers("widths");
           for (std::size_t i = 0; 2 * i < widths.size(); ++i) {
             const Index size = b.x().shape()[static_cast<int>(i)];
             const Index first = widths[2 * i];
             const Index last = widths[2 * i + 1];
             if (size != unknown) {
               ranges.push_back({first, first + size});
             } else {
               ranges.push_back({first, last == 0 ? std::optional<Index>() : -last});
             }
           }
           b.dx() = slice(b.dy(), ranges);
         },
     .rows =
         [](const Call& call, std::span<Rows> operands) {
           const auto& widths = call.attributes.integers("widths");
           rows_if(call.rank() > 0 && widths[0] == 0 && widths[1] == 0, operands);
         },
     .examples =
         [] {
           return std::vector<Example>{
               {{{{2, 3}}}, {{"widths", std::vector<Index>{1, 0, 0, 2}}, {"value", 0.0}}},
               {{{{2, 3}}}, {{"widths", std::vector<Index>{0, 0, 1, 1}}, {"value", 2.5}}},
               {{{{0, 2}}}, {{"widths", std::vector<Index>{2, 1, 0, 0}}, {"value", -1.0}}},
               {{{{}}}, {{"widths", std::vector<Index>{}}, {"value", 0.0}}}};
         }},
};
constexpr OperationTable views_table(views_records);

Tensor slice_as(const Tensor& x, const Attributes& ranges) {
  const Ranges given(ranges);
  return apply(views_table["slice"], x, ranges_attributes(given.begin, given.end, given.step));
}

Tensor place(const Tensor& x, const Attributes& ranges, const Shape& shape) {
  return apply(views_table["place"], x, ranges.with("shape", shape));
}

Tensor write_part(const Tensor& x, const Tensor& part, const Attributes& ranges) {
  const Ranges given(ranges);
  return apply(views_table["slice_update"], x, part, ranges_attributes(given.begin, given.end, given.step));
}

/// The ranges as attributes in a canonical form: where the size is known, bounds are in range and `end` is
/// one step past the last element.
Attributes normalised(const Tensor& x, const std::vector<Slice>& ranges) {
  std::vector<Index> begin;
  std::vector<Index> end;
  std::vector<Index> step;
  for (int i = 0; i < x.rank(); ++i) {
    const auto axis = static_cast<std::size_t>(i);
    const Slice range = axis < ranges.size() ? ranges[axis] : Slice{};
    const Index size = x.shape()[i];
    const Index first = range.begin.value_or(range.step > 0 ? 0 : beyond);
    const Index last = range.end.value_or(range.step > 0 ? beyond : before);
    begin.push_back(first);
    end.push_back(last);
    step.push_back(range.step);
    if (size == unknown || range.step == 0 || range.step == before) continue;
    const Part part = cut(first, last, range.step, size);
    if (part.count == 0) {
      begin[axis] = end[axis] = 0;
      step[axis] = 1;
      continue;
    }
    const Index final = part.first + (part.count - 1) * range.step;
    begin[axis] = part.first;
    // There is no index before element 0: -1 means the last element.
    end[axis] = range.step > 0 ? final + 1 : final > 0 ? final - 1 : -size - 1;
  }
  return ranges_attributes(std::move(begin), std::move(end), std::move(step));
}

}  // namespace

OperationList families::views() { return views_table; }

Tensor slice(const Tensor& x, const std::vector<Slice>& ranges) {
  if (ranges.size() > static_cast<std::size_t>(x.rank())) {
    throw IndexError(fmt::format("slice({}): expected ranges for at most {} axes, got {}", describe(x),
                                 x.rank(), ranges.size()));
  }
  return apply(views_table["slice"], x, normalised(x, ranges));
}

Tensor slice(const Tensor& x, int axis, Index begin, std::optional<Index> end) {
  std::vector<Slice> ranges(static_cast<std::size_t>(x.shape().normalize(axis)) + 1);
  ranges.back() = {begin, end};
  return slice(x, ranges);
}

Tensor slice_update(const Tensor& x, const std::vector<Slice>& ranges, const Tensor& part) {
  if (ranges.size() > static_cast<std::size_t>(x.rank())) {
    throw IndexError(fmt::format("slice_update({}): expected ranges for at most {} axes, got {}", describe(x),
                                 x.rank(), ranges.size()));
  }
  const Attributes attributes = normalised(x, ranges);
  const Ranges range(attributes);
  Shape shape;
  for (int i = 0; i < x.rank(); ++i) {
    const Index size = x.shape()[i];
    shape.push_back(size == unknown ? unknown : range.part(i, size).count);
  }
  if (compatible(part.shape(), shape)) return write_part(x, part, attributes);
  // Sizes that are not known are those of the part that is replaced.
  const Tensor fitted = shape.known() ? broadcast_to(part, shape) : full_like(slice_as(x, attributes), part);
  return write_part(x, fitted, attributes);
}

Tensor slice_update(const Tensor& x, const std::vector<Slice>& ranges, Scalar value) {
  if (is_integer(x.dtype()) && value.kind() == Scalar::Kind::floating &&
      value.as<double>() != std::trunc(value.as<double>())) {
    throw TypeError(fmt::format("slice_update({}): expected an integer, got {}: cast(x, float32) first",
                                describe(x), value.as<double>()));
  }
  return slice_update(x, ranges, Tensor::scalar(value, x.dtype()));
}

Tensor Tensor::operator[](Index i) const {
  if (rank() == 0)
    throw IndexError("expected a tensor with at least one axis, got a scalar and the index " +
                     std::to_string(i));
  const Index size = shape()[0];
  if (size != unknown && (i < -size || i >= size)) {
    throw IndexError(fmt::format("index {} is out of range for the first axis of {}", i, describe()));
  }
  const auto end = i == -1 ? std::optional<Index>() : std::optional<Index>(i + 1);
  return squeeze(slice(*this, {Slice{i, end}}), {0});
}

namespace {

std::vector<Slice> at_position(const Tensor& x, std::initializer_list<Index> position) {
  if (position.size() > static_cast<std::size_t>(x.rank())) {
    throw IndexError(fmt::format("with: expected at most {} indices for {}, got {}", x.rank(), x.describe(),
                                 position.size()));
  }
  std::vector<Slice> ranges;
  for (const Index i : position) {
    const Index size = x.shape()[static_cast<int>(ranges.size())];
    if (size != unknown && (i < -size || i >= size)) {
      throw IndexError(
          fmt::format("with: index {} is out of range for axis {} of {}", i, ranges.size(), x.describe()));
    }
    ranges.push_back({i, i == -1 ? std::optional<Index>() : std::optional<Index>(i + 1)});
  }
  return ranges;
}

}  // namespace

Tensor Tensor::with(std::initializer_list<Index> position, const Tensor& value) const {
  return slice_update(*this, at_position(*this, position), value);
}
Tensor Tensor::with(std::initializer_list<Index> position, Scalar value) const {
  return slice_update(*this, at_position(*this, position), value);
}
Tensor Tensor::with(Index i, const Tensor& value) const { return with({i}, value); }
Tensor Tensor::with(Index i, Scalar value) const { return with({i}, value); }

Tensor pad(const Tensor& x, const std::vector<std::array<Index, 2>>& widths, Scalar value) {
  std::vector<Index> flat;
  for (const auto& pair : widths) flat.insert(flat.end(), pair.begin(), pair.end());
  return apply(views_table["pad"], x, {{"widths", std::move(flat)}, {"value", value.as<double>()}});
}

}  // namespace unspool
