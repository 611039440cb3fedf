#include <cmath>
#include <doctest/doctest.h>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include <unspool/autograd/arithmetic.h>
#include <unspool/autograd/elementary.h>
#include <unspool/autograd/tape.h>
#include <unspool/core/error.h>

#include "../support/numbers.h"

using namespace unspool;
using namespace unspool::testing;

namespace {

const double not_a_number = std::nan("");

using Function = std::function<Tensor(const Tensor&)>;
using Values = std::vector<double>;

Values values(const Function& f, const Values& x, DType dtype = float64) {
  if (dtype == float64) return f(Tensor::from(x)).to_vector<double>();
  return f(Tensor::from(std::vector<float>(x.begin(), x.end()))).to_vector<double>();
}

/// The derivatives of order 0, 1 and 2 of f at each x.
std::vector<Values> derivatives(const Function& f, const Values& points) {
  GradientTape outer;
  const Tensor x = Tensor::from(points);
  outer.watch(x);
  Tensor y;
  Tensor first;
  {
    GradientTape inner;
    inner.watch(x);
    y = f(x);
    first = inner.gradient(y, x);
  }
  const Tensor second = outer.gradient(first, x, {.unconnected = Unconnected::zero});
  return {y.to_vector<double>(), first.to_vector<double>(), second.to_vector<double>()};
}

void check_equal(const Values& got, const Values& wanted) {
  REQUIRE(got.size() == wanted.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    CAPTURE(i);
    if (std::isnan(wanted[i])) {
      CHECK(std::isnan(got[i]));
    } else if (std::isinf(wanted[i])) {
      CHECK(got[i] == wanted[i]);
    } else {
      CHECK(got[i] == doctest::Approx(wanted[i]).epsilon(1e-13));
    }
  }
}

struct Closed {
  std::string name;
  Tensor (*function)(const Tensor&);
  double (*value)(double);
  double (*first)(double);
  double (*second)(double);
  Values points;
};

double logistic(double x) { return 1 / (1 + std::exp(-x)); }
double sech2(double x) { return 1 / (std::cosh(x) * std::cosh(x)); }

// The functions beside their derivatives as written in books.
const Closed closed[] = {
    {"sqrt",
     unspool::sqrt,
     [](double x) { return std::sqrt(x); },
     [](double x) { return 0.5 / std::sqrt(x); },
     [](double x) { return -0.25 / (x * std::sqrt(x)); },
     {0.01, 1, 2, 1e6}},
    {"rsqrt",
     unspool::rsqrt,
     [](double x) { return 1 / std::sqrt(x); },
     [](double x) { return -0.5 / (x * std::sqrt(x)); },
     [](double x) { return 0.75 / (x * x * std::sqrt(x)); },
     {0.01, 1, 2, 1e6}},
    {"exp",
     unspool::exp,
     [](double x) { return std::exp(x); },
     [](double x) { return std::exp(x); },
     [](double x) { return std::exp(x); },
     {-700, -1, 0, 1, 700}},
    {"expm1",
     unspool::expm1,
     [](double x) { return std::expm1(x); },
     [](double x) { return std::exp(x); },
     [](double x) { return std::exp(x); },
     {-700, -1, 1e-12, 1, 700}},
    {"log",
     unspool::log,
     [](double x) { return std::log(x); },
     [](double x) { return 1 / x; },
     [](double x) { return -1 / (x * x); },
     {1e-10, 0.5, 2, 1e10}},
    {"log1p",
     unspool::log1p,
     [](double x) { return std::log1p(x); },
     [](double x) { return 1 / (1 + x); },
     [](double x) { return -1 / ((1 + x) * (1 + x)); },
     {-0.5, 1e-15, 2, 1e10}},
    {"sin",
     unspool::sin,
     [](double x) { return std::sin(x); },
     [](double x) { return std::cos(x); },
     [](double x) { return -std::sin(x); },
     {-3, 0, 0.5, 30}},
    {"cos",
     unspool::cos,
     [](double x) { return std::cos(x); },
     [](double x) { return -std::sin(x); },
     [](double x) { return -std::cos(x); },
     {-3, 0, 0.5, 30}},
    {"erf",
     unspool::erf,
     [](double x) { return std::erf(x); },
     [](double x) { return 1.1283791670955126 * std::exp(-x * x); },
     [](double x) { return 1.1283791670955126 * -2 * x * std::exp(-x * x); },
     {-3, -1e-9, 0, 0.5, 3}},
    {"tanh",
     unspool::tanh,
     [](double x) { return std::tanh(x); },
     [](double x) { return sech2(x); },
     [](double x) { return -2 * std::tanh(x) * sech2(x); },
     {-2, -0.1, 0, 0.5, 2}},
    {"sigmoid",
     unspool::sigmoid,
     logistic,
     [](double x) { return logistic(x) * logistic(-x); },
     [](double x) { return logistic(x) * logistic(-x) * (1 - 2 * logistic(x)); },
     {-700, -40, -1, 0, 0.5, 3}},
    {"softplus",
     unspool::softplus,
     [](double x) { return std::log1p(std::exp(x)); },
     logistic,
     [](double x) { return logistic(x) * logistic(-x); },
     {-700, -40, -1, 0, 0.5, 30}},
    {"softsign",
     unspool::softsign,
     [](double x) { return x / (1 + std::fabs(x)); },
     [](double x) { return 1 / ((1 + std::fabs(x)) * (1 + std::fabs(x))); },
     [](double x) { return (x < 0 ? 2 : -2) / std::pow(1 + std::fabs(x), 3); },
     {-1e10, -1, 0.5, 1e4}},
    {"relu",
     unspool::relu,
     [](double x) { return x > 0 ? x : 0; },
     [](double x) { return x > 0 ? 1.0 : 0.0; },
     [](double) { return 0.0; },
     {-1e10, -1, 0, 0.5, 1e10}},
};

}  // namespace

TEST_CASE("elementary: values, first and second derivatives are those of the closed form") {
  for (const Closed& c : closed) {
    CAPTURE(c.name);
    Values wanted[3];
    for (double x : c.points) {
      wanted[0].push_back(c.value(x));
      wanted[1].push_back(c.first(x));
      wanted[2].push_back(c.second(x));
    }
    const std::vector<Values> got = derivatives(c.function, c.points);
    for (std::size_t order = 0; order < 3; ++order) {
      CAPTURE(order);
      check_equal(got[order], wanted[order]);
    }
  }
}

TEST_CASE("elementary: float32 stays within two units in the last place of the rounded exact value") {
  for (const Closed& c : closed) {
    CAPTURE(c.name);
    for (double point : c.points) {
      const auto x = static_cast<float>(point);
      const auto exact = static_cast<float>(c.value(static_cast<double>(x)));
      if (std::isinf(exact)) continue;
      const float got = c.function(Tensor::from(std::vector<float>{x})).item<float>();
      CAPTURE(x);
      const float unit =
          std::nextafter(std::fabs(exact), std::numeric_limits<float>::infinity()) - std::fabs(exact);
      CHECK(std::fabs(got - exact) <= 2 * unit);
    }
  }
}

TEST_CASE("elementary: limits at infinity, and NaN stays") {
  const Values ends{-infinity, infinity, not_a_number};
  for (DType dtype : {float32, float64}) {
    check_equal(values(unspool::exp, ends, dtype), {0, infinity, not_a_number});
    check_equal(values(unspool::expm1, ends, dtype), {-1, infinity, not_a_number});
    check_equal(values(unspool::tanh, ends, dtype), {-1, 1, not_a_number});
    check_equal(values(unspool::sigmoid, ends, dtype), {0, 1, not_a_number});
    check_equal(values(unspool::softplus, ends, dtype), {0, infinity, not_a_number});
    check_equal(values(unspool::softsign, ends, dtype), {-1, 1, not_a_number});
    check_equal(values([](const Tensor& x) { return relu(x); }, ends, dtype), {0, infinity, not_a_number});
    check_equal(values(unspool::erf, ends, dtype), {-1, 1, not_a_number});
    check_equal(values(unspool::log, {0, infinity, -1}, dtype), {-infinity, infinity, not_a_number});
    check_equal(values(unspool::rsqrt, {0, infinity}, dtype), {infinity, 0});
    check_equal(values(unspool::sigmoid, {-1000, 1000}, dtype), {0, 1});
    check_equal(values(unspool::softplus, {-1000, 1000}, dtype), {0, 1000});
  }
}

TEST_CASE(
    "elementary: tanh, sigmoid and relu put one operation each on the tape, and one for their gradient") {
  for (const Function& f : {Function(unspool::tanh), Function(unspool::sigmoid),
                            Function([](const Tensor& x) { return relu(x); })}) {
    GradientTape outer;
    const Tensor x = Tensor::of<double>({0.5, -0.5});
    outer.watch(x);
    GradientTape inner;
    inner.watch(x);
    const Tensor y = f(x);
    CHECK(outer.size() == 1);
    inner.gradient(y, x);
    CHECK(outer.size() == 2);
  }
}

TEST_CASE("elementary: pow by its base") {
  const auto power = [](double b) { return [b](const Tensor& a) { return pow(a, b); }; };
  // Zero and negative bases have derivatives wherever the exponent is a natural number.
  const Values points{-2, 0, 3};
  CHECK(derivatives(power(0), points) == std::vector<Values>{{1, 1, 1}, {0, 0, 0}, {0, 0, 0}});
  CHECK(derivatives(power(1), points) == std::vector<Values>{{-2, 0, 3}, {1, 1, 1}, {0, 0, 0}});
  CHECK(derivatives(power(2), points) == std::vector<Values>{{4, 0, 9}, {-4, 0, 6}, {2, 2, 2}});
  CHECK(derivatives(power(3), points) == std::vector<Values>{{-8, 0, 27}, {12, 0, 27}, {-12, 0, 18}});
  const std::vector<Values> inverse = derivatives(power(-1), {-2, 4});
  CHECK(inverse == std::vector<Values>{{-0.5, 0.25}, {-0.25, -0.0625}, {-0.25, 0.03125}});
}

TEST_CASE("elementary: pow by its exponent") {
  const auto power = [](double a) { return [a](const Tensor& b) { return pow(a, b); }; };
  const Values points{0, 1, 3};
  check_equal(derivatives(power(2), points)[1], {std::log(2), 2 * std::log(2), 8 * std::log(2)});
  check_equal(derivatives(power(2), points)[2],
              {std::log(2) * std::log(2), 2 * std::log(2) * std::log(2), 8 * std::log(2) * std::log(2)});
  CHECK(derivatives(power(0), points) == std::vector<Values>{{1, 0, 0}, {0, 0, 0}, {0, 0, 0}});
  CHECK(derivatives(power(-2), points) == std::vector<Values>{{1, -2, -8}, {0, 0, 0}, {0, 0, 0}});
}

TEST_CASE("elementary: the mixed derivative of pow at exponent 0") {
  const Tensor a = Tensor::of<double>({2, 4});
  const Tensor b = Tensor::of<double>({0, 0});
  GradientTape outer;
  outer.watch(b);
  GradientTape inner;
  inner.watch(a);
  const Tensor da = inner.gradient(pow(a, b), a);
  check_equal(outer.gradient(da, b).to_vector<double>(), {0.5, 0.25});
}

TEST_CASE("elementary: a number as one side of pow takes the tensor's dtype") {
  CHECK(pow(Tensor::of<float>({2, 3}), 2).dtype() == float32);
  CHECK(pow(2.5, Tensor::of<double>({2, 3})).dtype() == float64);
  CHECK(pow(2, Tensor::of<double>({2, 3})).to_vector<double>() == Values{4, 8});
}

TEST_CASE("elementary: integers and bool are refused") {
  CHECK_THROWS_AS(exp(Tensor::of<std::int32_t>({1, 2})), TypeError);
  CHECK_THROWS_AS(relu(Tensor::of<std::int64_t>({1, 2})), TypeError);
  CHECK_THROWS_AS(sigmoid(Tensor::of<bool>({true})), TypeError);
  CHECK_THROWS_AS(pow(Tensor::of<float>({1}), Tensor::of<double>({1})), TypeError);
}

TEST_CASE("elementary: sinh and cosh") {
  for (const double x : {-3.0, -1e-9, 0.0, 0.5, 20.0}) {
    CAPTURE(x);
    const Tensor at = Tensor::scalar(x);
    GradientTape tape;
    tape.watch(at);
    const Tensor y = sinh(at);
    CHECK(y.item<double>() == doctest::Approx(std::sinh(x)).epsilon(1e-14));
    CHECK(cosh(at).item<double>() == doctest::Approx(std::cosh(x)).epsilon(1e-14));
    CHECK(tape.gradient(y, at).item<double>() == doctest::Approx(std::cosh(x)).epsilon(1e-13));
  }
}
