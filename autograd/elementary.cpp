#include <cmath>
#include <concepts>
#include <numbers>

#include <unspool/autograd/arithmetic.h>
#include <unspool/autograd/comparison.h>
#include <unspool/autograd/elementary.h>
#include <unspool/autograd/elementwise.h>
#include <unspool/autograd/families.h>
#include <unspool/core/kernels/vector.h>

namespace unspool {
namespace {

using kernels::vectorized;
using kernels::VectorTable;

using std::floating_point;

// The derivatives of tanh, sigmoid and relu as functions of their output, each as one operation.
Tensor tanh_gradient(const Tensor& y, const Tensor& dy);
Tensor sigmoid_gradient(const Tensor& y, const Tensor& dy);
Tensor relu_gradient(const Tensor& y, const Tensor& dy);

constexpr Operation elementary_records[] = {
    {.name = "sqrt",
     .summary = "the square root of x; NaN for negative x",
     .kernel =
         elementwise<vectorized<&VectorTable::sqrt>>([](floating_point auto x) { return std::sqrt(x); }),
     .gradient = [](Backward& b) { b.dx() = b.dy() / (b.y() + b.y()); },
     .keep = keep::output(),
     .examples = {{0.1, 2}}},
    {.name = "rsqrt",
     .summary = "1 / sqrt(x)",
     .formula = "1 / sqrt({0})",
     .kernel =
         elementwise<vectorized<&VectorTable::rsqrt>>([](floating_point auto x) { return 1 / std::sqrt(x); }),
     .gradient = [](Backward& b) { b.dx() = b.dy() * (b.y() * square(b.y()) * -0.5); },
     .keep = keep::output(),
     .examples = {{0.1, 2}}},
    {.name = "pow",
     .summary = "a to the power of b; 1 for b = 0. For a <= 0 the derivative with respect to b is 0",
     .formula = "{0}^{1}",
     .kernel = elementwise([](floating_point auto a, floating_point auto b) { return std::pow(a, b); }),
     .gradient =
         [](Backward& b) {
           const Tensor& base = b.x(0);
           const Tensor& exponent = b.x(1);
           const Tensor one = scalar_beside(base, 1);
           // Masks the arguments, not the results: a masked result would come back as 0 * inf.
           if (b.needs(0)) {
             const Tensor both_zero = logical_and(equal(base, 0), equal(exponent, 0));
             b.dx(0) = b.dy() * (exponent * pow(where(both_zero, one, base), exponent - one));
           }
           if (b.needs(1)) {
             const Tensor positive = where(base > 0, base, one);
             b.dx(1) = b.dy() * (pow(positive, exponent) * log(positive));
           }
         },
     .keep = keep::all_inputs,
     .examples = {{0.1, 2}, {-2, 2}}},
    {.name = "exp",
     .summary = "e to the power of x",
     .kernel = elementwise<vectorized<&VectorTable::exp>>([](floating_point auto x) { return std::exp(x); }),
     .gradient = [](Backward& b) { b.dx() = b.dy() * b.y(); },
     .keep = keep::output(),
     .examples = {{-2, 2}}},
    {.name = "expm1",
     .summary = "exp(x) - 1, accurate near 0",
     .kernel =
         elementwise<vectorized<&VectorTable::expm1>>([](floating_point auto x) { return std::expm1(x); }),
     // Not computed from the output: y + 1 cancels where x is far below 0.
     .gradient = [](Backward& b) { b.dx() = b.dy() * exp(b.x()); },
     .keep = keep::input(),
     .examples = {{-2, 2}}},
    {.name = "log",
     .summary = "the natural logarithm of x",
     .kernel = elementwise<vectorized<&VectorTable::log>>([](floating_point auto x) { return std::log(x); }),
     .gradient = [](Backward& b) { b.dx() = b.dy() / b.x(); },
     .keep = keep::input(),
     .examples = {{0.1, 2}}},
    {.name = "log1p",
     .summary = "log(1 + x), accurate near 0",
     .kernel =
         elementwise<vectorized<&VectorTable::log1p>>([](floating_point auto x) { return std::log1p(x); }),
     .gradient = [](Backward& b) { b.dx() = b.dy() / (b.x() + 1); },
     .keep = keep::input(),
     .examples = {{-0.9, 2}}},
    {.name = "floor",
     .summary = "the largest integer <= x",
     .kernel = elementwise([](floating_point auto x) { return std::floor(x); }),
     .examples = {{-2, 2}}},
    {.name = "ceil",
     .summary = "the smallest integer >= x",
     .kernel = elementwise([](floating_point auto x) { return std::ceil(x); }),
     .examples = {{-2, 2}}},
    {.name = "round",
     .summary = "the nearest integer, the even one of two",
     .kernel = elementwise([](floating_point auto x) { return std::nearbyint(x); }),
     .examples = {{-2, 2}}},
    {.name = "sin",
     .summary = "the sine of x in radians",
     .kernel = elementwise([](floating_point auto x) { return std::sin(x); }),
     .gradient = [](Backward& b) { b.dx() = b.dy() * cos(b.x()); },
     .keep = keep::input(),
     .examples = {{-2, 2}}},
    {.name = "cos",
     .summary = "the cosine of x in radians",
     .kernel = elementwise([](floating_point auto x) { return std::cos(x); }),
     .gradient = [](Backward& b) { b.dx() = -(b.dy() * sin(b.x())); },
     .keep = keep::input(),
     .examples = {{-2, 2}}},
    {.name = "erf",
     .summary = "2 / sqrt(pi) times the integral of exp(-t^2) from 0 to x",
     .kernel = elementwise([](floating_point auto x) { return std::erf(x); }),
     .gradient =
         [](Backward& b) { b.dx() = b.dy() * (exp(-square(b.x())) * (2 * std::numbers::inv_sqrtpi)); },
     .keep = keep::input(),
     .examples = {{-2, 2}}},
    {.name = "erfc",
     .summary = "1 - erf(x), accurate for large x",
     .kernel = elementwise([](floating_point auto x) { return std::erfc(x); }),
     .gradient =
         [](Backward& b) { b.dx() = b.dy() * (exp(-square(b.x())) * (-2 * std::numbers::inv_sqrtpi)); },
     .keep = keep::input(),
     .examples = {{-2, 2}}},
    {.name = "tanh",
     .summary = "the hyperbolic tangent of x",
     .kernel =
         elementwise<vectorized<&VectorTable::tanh>>([](floating_point auto x) { return std::tanh(x); }),
     .gradient = [](Backward& b) { b.dx() = tanh_gradient(b.y(), b.dy()); },
     .keep = keep::output(),
     .bounds = {.low = -1, .high = 1},
     .examples = {{-2, 2}}},
    {.name = "tanh_gradient",
     .summary = "dy * (1 - y * y): the gradient of y = tanh(x)",
     .formula = "{1} * (1 - {0}^2)",
     .kernel = elementwise<vectorized<&VectorTable::tanh_gradient>>(
         [](floating_point auto y, floating_point auto dy) { return dy * (1 - y * y); }),
     .gradient =
         [](Backward& b) {
           if (b.needs(0)) b.dx(0) = b.dy() * (b.x(1) * b.x(0) * -2);
           if (b.needs(1)) b.dx(1) = tanh_gradient(b.x(0), b.dy());
         },
     .keep = keep::all_inputs,
     .examples = {{-1, 1}, {-2, 2}}},
    {.name = "sigmoid",
     .summary = "1 / (1 + exp(-x))",
     .kernel = elementwise<vectorized<&VectorTable::sigmoid>>([](floating_point auto x) {
       const auto small = std::exp(-std::abs(x));
       return (x >= 0 ? 1 : small) / (1 + small);
     }),
     .gradient = [](Backward& b) { b.dx() = sigmoid_gradient(b.y(), b.dy()); },
     .keep = keep::output(),
     .bounds = {.low = 0, .high = 1},
     .examples = {{-2, 2}}},
    {.name = "sigmoid_gradient",
     .summary = "dy * y * (1 - y): the gradient of y = sigmoid(x)",
     .formula = "{1} * {0} * (1 - {0})",
     .kernel = elementwise<vectorized<&VectorTable::sigmoid_gradient>>(
         [](floating_point auto y, floating_point auto dy) { return dy * y * (1 - y); }),
     .gradient =
         [](Backward& b) {
           if (b.needs(0)) b.dx(0) = b.dy() * (b.x(1) * (1 - (b.x(0) + b.x(0))));
           if (b.needs(1)) b.dx(1) = sigmoid_gradient(b.x(0), b.dy());
         },
     .keep = keep::all_inputs,
     .examples = {{0, 1}, {-2, 2}}},
    {.name = "softplus",
     .summary = "log(1 + exp(x))",
     .kernel = elementwise<vectorized<&VectorTable::softplus>>(
         [](floating_point auto x) { return (x > 0 ? x : 0) + std::log1p(std::exp(-std::abs(x))); }),
     .gradient = [](Backward& b) { b.dx() = b.dy() * sigmoid(b.x()); },
     .keep = keep::input(),
     .examples = {{-2, 2}}},
    {.name = "softsign",
     .summary = "x / (1 + |x|)",
     .kernel = elementwise<vectorized<&VectorTable::softsign>>([](floating_point auto x) {
       return std::isinf(x) ? std::copysign(decltype(x){1}, x) : x / (1 + std::abs(x));
     }),
     // The quotient rule would subtract nearly equal numbers where |x| is large.
     .gradient = [](Backward& b) { b.dx() = b.dy() / square(abs(b.x()) + 1); },
     .keep = keep::input(),
     .examples = {{-2, 2}}},
    {.name = "relu",
     .summary = "max(x, 0); its derivative at 0 is 0",
     .kernel =
         elementwise<vectorized<&VectorTable::relu>>([](floating_point auto x) { return x <= 0 ? 0 : x; }),
     .gradient = [](Backward& b) { b.dx() = relu_gradient(b.y(), b.dy()); },
     .keep = keep::output(),
     .bounds = {.low = 0},
     .examples = {{-2, 2}}},
    {.name = "relu_gradient",
     .summary = "dy where y > 0, else 0: the gradient of y = relu(x)",
     .formula = "{1} * ({0} > 0)",
     .kernel = elementwise<vectorized<&VectorTable::relu_gradient>>(
         [](floating_point auto y, floating_point auto dy) { return y > 0 ? dy : 0; }),
     .gradient =
         [](Backward& b) {
           if (b.needs(1)) b.dx(1) = relu_gradient(b.x(0), b.dy());
         },
     .keep = keep::input(0),
     .examples = {{-2, 2}, {-2, 2}}},
};
constexpr OperationTable elementary_table(elementary_records);

Tensor tanh_gradient(const Tensor& y, const Tensor& dy) {
  return apply(elementary_table["tanh_gradient"], y, dy);
}
Tensor sigmoid_gradient(const Tensor& y, const Tensor& dy) {
  return apply(elementary_table["sigmoid_gradient"], y, dy);
}
Tensor relu_gradient(const Tensor& y, const Tensor& dy) {
  return apply(elementary_table["relu_gradient"], y, dy);
}

}  // namespace

OperationList families::elementary() { return elementary_table; }

Tensor sqrt(const Tensor& x) { return apply(elementary_table["sqrt"], x); }
Tensor rsqrt(const Tensor& x) { return apply(elementary_table["rsqrt"], x); }
Tensor pow(const Tensor& a, const Tensor& b) { return apply(elementary_table["pow"], a, b); }
Tensor pow(const Tensor& a, Scalar b) { return pow(beside_scalar(a, b), scalar_beside(a, b)); }
Tensor pow(Scalar a, const Tensor& b) { return pow(scalar_beside(b, a), beside_scalar(b, a)); }
Tensor exp(const Tensor& x) { return apply(elementary_table["exp"], x); }
Tensor expm1(const Tensor& x) { return apply(elementary_table["expm1"], x); }
Tensor log(const Tensor& x) { return apply(elementary_table["log"], x); }
Tensor log1p(const Tensor& x) { return apply(elementary_table["log1p"], x); }
Tensor log2(const Tensor& x) { return log(x) / std::numbers::ln2; }
Tensor log10(const Tensor& x) { return log(x) / std::numbers::ln10; }
Tensor floor(const Tensor& x) { return apply(elementary_table["floor"], x); }
Tensor ceil(const Tensor& x) { return apply(elementary_table["ceil"], x); }
Tensor round(const Tensor& x) { return apply(elementary_table["round"], x); }
Tensor sin(const Tensor& x) { return apply(elementary_table["sin"], x); }
Tensor cos(const Tensor& x) { return apply(elementary_table["cos"], x); }
Tensor erf(const Tensor& x) { return apply(elementary_table["erf"], x); }
Tensor erfc(const Tensor& x) { return apply(elementary_table["erfc"], x); }
Tensor tanh(const Tensor& x) { return apply(elementary_table["tanh"], x); }
Tensor sigmoid(const Tensor& x) { return apply(elementary_table["sigmoid"], x); }
// By way of others: tanh is accurate near 0.
Tensor sinh(const Tensor& x) { return tanh(x) * cosh(x); }
Tensor cosh(const Tensor& x) { return (exp(x) + exp(-x)) / 2; }
Tensor softplus(const Tensor& x) { return apply(elementary_table["softplus"], x); }
Tensor softsign(const Tensor& x) { return apply(elementary_table["softsign"], x); }
Tensor relu(const Tensor& x) { return apply(elementary_table["relu"], x); }

}  // namespace unspool
