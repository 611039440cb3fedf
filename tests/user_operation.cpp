#include <cmath>
#include <concepts>
#include <doctest/doctest.h>

#include <unspool/operation.h>
#include <unspool/unspool.h>

using namespace unspool;

// A new operation is its record, a table and a function: nothing else in the library knows of it.
namespace {

constexpr Operation steps[] = {
    {.name = "smooth_step",
     .summary = "x^2 (3 - 2 x), which rises smoothly from 0 at 0 to 1 at 1",
     .kernel = elementwise([](auto x) { return x * x * (3 - 2 * x); }),
     .gradient = [](Backward& b) { b.dx() = b.dy() * 6 * b.x() * (1 - b.x()); },
     .keep = keep::input(),
     .examples = {{0, 1}}},
};
constexpr OperationTable step_table(steps);
Tensor smooth_step(const Tensor& x) { return apply(step_table["smooth_step"], x); }

}  // namespace

// One of two operands, whose gradient makes use of the output.
namespace {

constexpr Operation distances[] = {
    {.name = "distance",
     .summary = "sqrt(a^2 + b^2)",
     .kernel = elementwise([](std::floating_point auto a, decltype(a) b) { return std::hypot(a, b); }),
     .gradient =
         [](Backward& b) {
           if (b.needs(0)) b.dx(0) = b.dy() * b.x(0) / b.y();
           if (b.needs(1)) b.dx(1) = b.dy() * b.x(1) / b.y();
         },
     .keep = keep::all_inputs | keep::output(),
     .examples = {{0.5, 2}, {0.5, 2}}},
};
constexpr OperationTable distance_table(distances);
Tensor distance(const Tensor& a, const Tensor& b) { return apply(distance_table["distance"], a, b); }

}  // namespace

TEST_CASE("an operation of one's own: eager") {
  CHECK(smooth_step(Tensor::of({0, 0.5, 1})).to_vector<float>() == std::vector<float>{0, 0.5, 1});
  const Tensor lengths = distance(Tensor::of<double>({{3}, {6}}), Tensor::of<double>({4, 8}));
  CHECK(lengths.shape() == Shape{2, 2});
  CHECK(lengths.item<double>({0, 0}) == doctest::Approx(5));
  CHECK(lengths.item<double>({1, 1}) == doctest::Approx(10));
}

TEST_CASE("an operation of one's own: errors name it") {
  CHECK_THROWS_WITH_AS(smooth_step(Tensor::of<std::int32_t>({1})),
                       "smooth_step(int32[1]): expected float32 or float64: cast(x, float32) first",
                       TypeError);
  CHECK_THROWS_AS(distance(Tensor::ones({2}), Tensor::ones({3})), ValueError);
}

TEST_CASE("an operation of one's own: gradients of any order, on the tape as any other") {
  const Tensor x = Tensor::of<double>({0.25, 0.5});
  GradientTape outer({.persistent = true});
  outer.watch(x);
  GradientTape inner;
  inner.watch(x);
  const Tensor y = smooth_step(x);
  CHECK(inner.to_string().find("smooth_step(%0 float64[2] kept)") != std::string::npos);
  const Tensor slope = inner.gradient(y, x);
  CHECK(slope.item<double>({0}) == doctest::Approx(6 * 0.25 * 0.75));
  const Tensor curvature = outer.gradient(slope, x);
  CHECK(curvature.item<double>({0}) == doctest::Approx(6 - 12 * 0.25));
  CHECK(curvature.item<double>({1}) == doctest::Approx(0));
}

TEST_CASE("an operation of one's own: a broadcast operand gets the sum of its gradients") {
  const Tensor a = Tensor::of<double>({{3}, {6}});
  const Tensor b = Tensor::of<double>({4, 8});
  GradientTape tape;
  tape.watch(a);
  const Tensor slope = tape.gradient(distance(a, b), a);
  CHECK(slope.shape() == Shape{2, 1});
  CHECK(slope.item<double>({0, 0}) == doctest::Approx(3 / 5.0 + 3 / std::sqrt(73.0)));
}

TEST_CASE("an operation of one's own: shapes are inferred without computing") {
  const auto specs = infer([](const std::vector<Tensor>& x) { return std::vector{distance(x[0], x[1])}; },
                           {{{unknown, 1}, float32}, {{5}, float32}});
  CHECK(specs[0].shape == Shape{unknown, 5});
}

TEST_CASE("an operation of one's own: checked like the library's") {
  for (const OperationRef operation : {step_table["smooth_step"], distance_table["distance"]}) {
    const CheckReport report = check_operation(operation);
    CHECK_MESSAGE(static_cast<bool>(report), to_string(report));
  }
}
