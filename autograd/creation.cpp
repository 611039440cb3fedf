#include <cmath>
#include <limits>
#include <vector>

#include <unspool/autograd/comparison.h>
#include <unspool/autograd/conversion.h>
#include <unspool/autograd/creation.h>
#include <unspool/autograd/elementwise.h>
#include <unspool/autograd/families.h>
#include <unspool/autograd/internal/one.h>
#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/core/internal/shape_inference.h>

namespace unspool {
namespace {

constexpr Operation creation_records[] = {
    {.name = "full_like",
     .summary = "the second operand, broadcast to the shape of the first",
     .shape =
         [](const Call& call) {
           if (call.dtype(0) != call.dtype(1)) {
             call.fail_type("expected operands of the same dtype: cast(value, dtype) first");
           }
           Shape shape;
           if (!broadcast(call.shape(0), call.shape(1), shape) || !compatible(shape, call.shape(0))) {
             call.fail("expected a value that broadcasts to the shape of x");
           }
           // A size that only the value knows is that of x, too.
           return one(shape, call.dtype());
         },
     .kernel = elementwise_with_bool([](auto, auto value) { return value; }),
     .gradient =
         [](Backward& b) {
           if (b.needs(1)) b.dx(1) = b.dy();
         },
     .cheap = true,
     .examples =
         [] {
           return std::vector<Example>{{{{{2, 3}}, {{}}}},     {{{{2, 3}}, {{3}}}},    {{{{2, 3}}, {{2, 1}}}},
                                       {{{{2, 3}}, {{2, 3}}}}, {{{{0, 3}}, {{1, 3}}}}, {{{{}}, {{}}}},
                                       {{{{40}}, {{1}}}}};
         }},
};
constexpr OperationTable creation_table(creation_records);

/// The same shape in another dtype, whatever the elements are.
Tensor in_dtype(const Tensor& x, DType dtype) { return x.dtype() == dtype ? x : cast(is_nan(x), dtype); }

bool is_whole(Scalar value) { return value.kind() != Scalar::Kind::floating; }

}  // namespace

OperationList families::creation() { return creation_table; }

Tensor zeros(const Shape& shape, DType dtype) { return Tensor::zeros(shape, dtype); }
Tensor ones(const Shape& shape, DType dtype) { return Tensor::ones(shape, dtype); }
Tensor full(const Shape& shape, Scalar value, DType dtype) { return Tensor::full(shape, value, dtype); }

Tensor zeros_like(const Tensor& x, std::optional<DType> dtype) { return full_like(x, 0, dtype); }
Tensor ones_like(const Tensor& x, std::optional<DType> dtype) { return full_like(x, 1, dtype); }

Tensor full_like(const Tensor& x, Scalar value, std::optional<DType> dtype) {
  const DType type = dtype.value_or(x.dtype());
  if (!x.is_abstract()) return Tensor::full(x.shape(), value, type);
  return full_like(in_dtype(x, type), Tensor::scalar(value, type));
}

Tensor full_like(const Tensor& x, const Tensor& value) {
  return apply(creation_table["full_like"], in_dtype(x, value.dtype()), value);
}

Tensor eye(Index rows, DType dtype) { return Tensor::eye(rows, rows, dtype); }
Tensor eye(Index rows, Index columns, DType dtype) { return Tensor::eye(rows, columns, dtype); }

Tensor arange(Scalar stop, std::optional<DType> dtype) { return arange(0, stop, 1, dtype); }

Tensor arange(Scalar start, Scalar stop, Scalar step, std::optional<DType> dtype) {
  const bool whole = is_whole(start) && is_whole(stop) && is_whole(step);
  return Tensor::arange(start.as<double>(), stop.as<double>(), step.as<double>(),
                        dtype.value_or(whole ? int32 : float32));
}

Tensor linspace(double start, double stop, Index count, bool endpoint, DType dtype) {
  if (internal::ShapeInference::recorder_for({count})) return Tensor::zeros({count}, dtype);
  if (count < 0) throw ValueError(fmt::format("linspace: expected a count >= 0, got {}", count));
  const Index steps = endpoint ? count - 1 : count;
  const double step = steps > 0 ? (stop - start) / static_cast<double>(steps) : 0;
  std::vector<double> values(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<double>(i) * step + start;
  if (endpoint && count > 1) values.back() = stop;
  if (is_integer(dtype)) {
    for (double& value : values) value = std::floor(value);
  }
  return cast(Tensor::from(values), dtype);
}

}  // namespace unspool
