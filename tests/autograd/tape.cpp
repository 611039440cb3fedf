#include <cmath>
#include <doctest/doctest.h>
#include <pthread.h>

#include <unspool/unspool.h>

using namespace unspool;

namespace {

/// Runs f on a thread with a stack of this size.
template <class F>
void on_small_stack(std::size_t bytes, F f) {
  pthread_attr_t attributes;
  REQUIRE(pthread_attr_init(&attributes) == 0);
  REQUIRE(pthread_attr_setstacksize(&attributes, bytes) == 0);
  pthread_t thread;
  REQUIRE(pthread_create(
              &thread, &attributes,
              [](void* argument) -> void* {
                (*static_cast<F*>(argument))();
                return nullptr;
              },
              &f) == 0);
  pthread_join(thread, nullptr);
  pthread_attr_destroy(&attributes);
}

Tensor scalar64(double value) { return Tensor::scalar(value); }

double close(double a, double b) { return std::fabs(a - b) / std::max(1.0, std::fabs(b)); }

}  // namespace

TEST_CASE("a gradient sums over all uses of a tensor") {
  const Tensor x = Tensor::of<double>({1, 2, 3});
  GradientTape tape;
  tape.watch(x);
  const Tensor y = sum(x * x + 3 * x);
  CHECK(tape.gradient(y, x).to_vector<double>() == std::vector<double>{5, 7, 9});
}

TEST_CASE("a gradient by a variable sums over all its reads, and knows the value at each") {
  const Variable w(scalar64(3));
  GradientTape tape;
  Tensor y = w * w;
  w.assign(scalar64(5));
  y = y + w.value();
  CHECK(tape.gradient(y, w).item<double>() == 7);  // 2 * 3 from the old value, 1 from the new
}

TEST_CASE("assigning changes nothing that was read before") {
  const Variable w(Tensor::of({1, 2}));
  const Tensor before = w;
  GradientTape tape;
  const Tensor y = sum(square(w));
  w.assign(Tensor::of({10, 20}));
  CHECK(before.to_vector<float>() == std::vector<float>{1, 2});
  CHECK(tape.gradient(y, w).to_vector<float>() == std::vector<float>{2, 4});
  CHECK(w.value().to_vector<float>() == std::vector<float>{10, 20});
}

TEST_CASE("assigning a tensor that a tape knows keeps no history") {
  const Variable w(scalar64(2));
  const Tensor x = scalar64(3);
  GradientTape tape({.persistent = true});
  tape.watch(x);
  w.assign(x * x);
  const Tensor y = w * w;
  CHECK_FALSE(tape.gradient(y, x));
  CHECK(tape.gradient(y, w).item<double>() == 18);
}

TEST_CASE("what the target does not depend on has no gradient, or zeros if asked") {
  const Tensor x = scalar64(1);
  const Variable unused(Tensor::of<double>({1, 2}));
  GradientTape tape({.persistent = true});
  tape.watch(x);
  tape.watch(unused);
  const Tensor y = x * 2;
  CHECK_FALSE(tape.gradient(y, unused));
  CHECK(tape.gradient(y, unused, {.unconnected = Unconnected::zero}).to_vector<double>() ==
        std::vector<double>{0, 0});
}

TEST_CASE("a frozen variable is not watched, unless by hand") {
  const Variable frozen(scalar64(2), {.trainable = false});
  {
    GradientTape tape;
    const Tensor y = frozen * 3;
    CHECK_FALSE(tape.recorded(y));
  }
  GradientTape tape;
  tape.watch(frozen);
  CHECK(tape.gradient(frozen * 3, frozen).item<double>() == 3);
}

TEST_CASE("stop_gradient and no_gradient cut the path") {
  const Tensor x = scalar64(3);
  GradientTape tape;
  tape.watch(x);
  const Tensor cut = stop_gradient(x * x);
  const Tensor hidden = no_gradient([&] { return x * x; });
  const Tensor y = x * cut + x * hidden;
  CHECK(tape.gradient(y, x).item<double>() == 18);
}

TEST_CASE("custom_gradient replaces the gradient and has one itself") {
  const Tensor x = scalar64(2);
  const auto twice_the_slope = [](const Tensor& at) {
    return custom_gradient(
        [](const std::vector<Tensor>& in) {
          return CustomGradient{{in[0] * in[0] * in[0]}, [x = in[0]](const std::vector<Tensor>& dy) {
                                  return std::vector<Tensor>{dy[0] * 6 * x * x};
                                }};
        },
        {at})[0];
  };
  CHECK(twice_the_slope(x).item<double>() == 8);
  CHECK(gradient(twice_the_slope, x).item<double>() == 24);
  CHECK(hessian(twice_the_slope, x).item<double>() == 24);  // d 6 x^2 / dx
}

TEST_CASE("a persistent tape answers again and records until it is stopped") {
  const Tensor x = scalar64(3);
  GradientTape tape({.persistent = true});
  tape.watch(x);
  const Tensor y = x * x;
  CHECK(tape.gradient(y, x).item<double>() == 6);
  const Tensor z = y * x;
  const Tensor slope = tape.gradient(z, x);
  CHECK(slope.item<double>() == 27);
  CHECK(tape.gradient(slope, x).item<double>() == 18);
  tape.stop();
  CHECK_FALSE(tape.recorded(x * x));
}

TEST_CASE("derivatives of tanh up to the third agree with closed forms") {
  for (double at : {-2.0, -0.3, 0.0, 0.7, 1.9}) {
    const Tensor x = scalar64(at);
    const auto first = [](const Tensor& y) { return gradient([](const Tensor& z) { return tanh(z); }, y); };
    const auto second = [&](const Tensor& y) { return gradient(first, y); };
    const double t = std::tanh(at);
    const double s = 1 - t * t;
    CHECK(close(first(x).item<double>(), s) < 1e-10);
    CHECK(close(second(x).item<double>(), -2 * t * s) < 1e-10);
    CHECK(close(gradient(second, x).item<double>(), s * (6 * t * t - 2)) < 1e-10);
  }
}

TEST_CASE("derivatives of a product of matrices up to the third agree with closed forms") {
  // f(A) = sum((A B) * (A B)): its gradient is 2 A B B^T, its hessian 2 (I x B B^T), its third derivative 0.
  const Tensor a = Tensor::of<double>({{0.3, -1.2}, {0.8, 0.5}, {-0.7, 1.1}});
  const Tensor b = Tensor::of<double>({{1.5, -0.4, 0.2}, {0.6, 0.9, -1.3}});
  const auto f = [&](const Tensor& x) { return sum(square(matmul(x, b))); };
  const auto bb = [&](int i, int j) {
    double total = 0;
    for (int k = 0; k < 3; ++k) total += b.item<double>({i, k}) * b.item<double>({j, k});
    return total;
  };
  const Tensor first = gradient(f, a);
  const Tensor second = hessian(f, a);
  for (int i = 0; i < 3; ++i) {
    for (int j = 0; j < 2; ++j) {
      const double expected = 2 * (a.item<double>({i, 0}) * bb(0, j) + a.item<double>({i, 1}) * bb(1, j));
      CHECK(close(first.item<double>({i, j}), expected) < 1e-10);
      for (int k = 0; k < 3; ++k) {
        for (int l = 0; l < 2; ++l) {
          CHECK(close(second.item<double>({i, j, k, l}), i == k ? 2 * bb(j, l) : 0) < 1e-10);
        }
      }
    }
  }
  // g(A) = sum((A B)^3) has the third derivative 6 sum over columns c of B[j,c] B[l,c] B[n,c] within one row.
  const auto cube = [&](const Tensor& x) { return sum(pow(matmul(x, b), 3)); };
  const Tensor third = jacobian([&](const Tensor& x) { return hessian(cube, x); }, a);
  for (int j = 0; j < 2; ++j) {
    for (int l = 0; l < 2; ++l) {
      for (int n = 0; n < 2; ++n) {
        double expected = 0;
        for (int c = 0; c < 3; ++c)
          expected += 6 * b.item<double>({j, c}) * b.item<double>({l, c}) * b.item<double>({n, c});
        CHECK(close(third.item<double>({1, j, 1, l, 1, n}), expected) < 1e-10);
        CHECK(close(third.item<double>({0, j, 1, l, 1, n}), 0) < 1e-10);
      }
    }
  }
}

TEST_CASE("a hessian-vector product is the hessian times the vector") {
  const Tensor x = Tensor::of<double>({0.4, -0.9, 1.3});
  const Tensor v = Tensor::of<double>({1, -2, 0.5});
  const auto f = [](const Tensor& at) { return sum(tanh(at) * at) + square(sum(at)) * 0.5; };
  const Tensor product = hessian_vector_product(f, x, v);
  const Tensor matrix = hessian(f, x);
  for (int i = 0; i < 3; ++i) {
    double expected = 0;
    for (int j = 0; j < 3; ++j) expected += matrix.item<double>({i, j}) * v.item<double>({j});
    CHECK(close(product.item<double>({i}), expected) < 1e-12);
  }
}

TEST_CASE("a jacobian has a row for each element of the target") {
  const Tensor x = Tensor::of<double>({1, 2});
  GradientTape tape;
  tape.watch(x);
  const Tensor y = stack({x[0] * x[1], x[0] + 3 * x[1], square(x[1])});
  const Tensor j = tape.jacobian(y, x);
  CHECK(j.shape() == Shape{3, 2});
  CHECK(j.to_vector<double>() == std::vector<double>{2, 1, 1, 3, 0, 4});
}

TEST_CASE("a chain of a million operations is differentiated and freed on a small stack") {
  constexpr int length = 1'000'000;
  for (bool tape_first : {true, false}) {
    double slope = 0;
    on_small_stack(256 * 1024, [&] {
      const Tensor x = scalar64(1);
      const Tensor step = scalar64(1e-6);
      auto tape = std::make_unique<GradientTape>(GradientTapeOptions{.persistent = true});
      tape->watch(x);
      Tensor y = x;
      for (int i = 0; i < length; ++i) y = y + y * step;
      slope = tape->gradient(y, x).item<double>();
      if (tape_first) {
        tape.reset();
        y = Tensor();
      } else {
        y = Tensor();
        tape.reset();
      }
    });
    CHECK(close(slope, std::pow(1 + 1e-6, length)) < 1e-9);
  }
}

TEST_CASE("a tape that is not persistent frees as it goes") {
  constexpr int length = 1'000'000;
  double slope = 0;
  on_small_stack(256 * 1024, [&] {
    const Tensor x = scalar64(0.5);
    GradientTape tape;
    tape.watch(x);
    Tensor y = x;
    for (int i = 0; i < length; ++i) y = -y;
    slope = tape.gradient(y, x).item<double>();
  });
  CHECK(slope == 1);
}

TEST_CASE("detect_anomaly names the first operation that makes a NaN, forward and backward") {
  const Tensor x = Tensor::of<double>({-1, 4});
  try {
    detect_anomaly([&] { return log(x) * 2; });
    FAIL("no error");
  } catch (const RuntimeError& error) {
    CHECK(std::string(error.what()).find("log(float64[2])") != std::string::npos);
  }
  // sqrt is fine at 0, but its gradient times 0 is not.
  const Tensor zero = Tensor::of<double>({0});
  GradientTape tape;
  tape.watch(zero);
  const Tensor y = sum(sqrt(zero) * 0);
  try {
    detect_anomaly([&] { return tape.gradient(y, zero); });
    FAIL("no error");
  } catch (const RuntimeError& error) {
    CHECK(std::string(error.what()).find("in the gradient of sqrt") != std::string::npos);
  }
}

TEST_CASE("wrong use of a tape says what to do") {
  const Tensor x = scalar64(1);
  const Tensor other = scalar64(2);
  {
    GradientTape tape;
    tape.watch(x);
    const Tensor y = x * x;
    CHECK_THROWS_WITH_AS(tape.gradient(other * other, x),
                         doctest::Contains("expected a target that the tape recorded"), ValueError);
    CHECK_THROWS_WITH_AS(tape.gradient(y, other),
                         doctest::Contains("the tape did not record it; call watch()"), ValueError);
    CHECK_THROWS_WITH_AS(tape.gradient(y, x, {.output_gradient = Tensor::of<double>({1, 2})}),
                         doctest::Contains("expected an output_gradient of the target's shape []"),
                         ValueError);
    CHECK(tape.gradient(y, x).item<double>() == 2);  // none of these ended it
    CHECK_THROWS_WITH_AS(tape.gradient(y, x),
                         doctest::Contains("expected an active tape, got one that has ended"), RuntimeError);
    CHECK_THROWS_WITH_AS(tape.watch(x), doctest::Contains("expected an active tape, got one that has ended"),
                         RuntimeError);
  }
  GradientTape tape;
  CHECK_THROWS_WITH_AS(tape.watch(Tensor::of<std::int32_t>({1})), doctest::Contains("int32[1]"), TypeError);
}

TEST_CASE("tapes of two threads do not see each other") {
  const Tensor x = scalar64(2);
  GradientTape tape;
  tape.watch(x);
  double there = 0;
  on_small_stack(1 << 20,
                 [&] { there = gradient([](const Tensor& y) { return y * y * y; }, x).item<double>(); });
  CHECK(there == 12);
  CHECK(tape.size() == 0);
}

TEST_CASE("a printed tape names operations, numbers and what is kept") {
  const Tensor x = scalar64(2);
  GradientTape tape;
  tape.watch(x);
  static_cast<void>(tanh(x * 3));
  const std::string text = tape.to_string();
  CHECK(text.find("%1 float64[] = multiply(%0 float64[] kept, constant float64[] kept)") !=
        std::string::npos);
  CHECK(text.find("%2 float64[] kept = tanh(%1 float64[])") != std::string::npos);
}

TEST_CASE("gradcheck accepts right gradients and finds wrong ones") {
  const Tensor x = Tensor::of<double>({0.3, -0.8, 1.4});
  CHECK(gradcheck([](const Tensor& at) { return tanh(at) * at; }, x));
  const Variable w(Tensor::of<double>({0.5, 0.6, 0.7}));
  CHECK(gradcheck([&](const Tensor& at) { return tanh(at * w) * w; }, x, {w}));
  CHECK(w.value().to_vector<double>() == std::vector<double>{0.5, 0.6, 0.7});
  CHECK(gradcheck([](const Tensor&) { return Tensor::of<double>({1}); }, x));

  const auto wrong = [](const Tensor& at) {
    return custom_gradient(
        [](const std::vector<Tensor>& in) {
          return CustomGradient{
              {tanh(in[0])}, [](const std::vector<Tensor>& dy) { return std::vector<Tensor>{dy[0] * 0.9}; }};
        },
        {at})[0];
  };
  const GradcheckResult result = gradcheck(wrong, x);
  CHECK_FALSE(result);
  CHECK(result.message.find("first gradient by input 0") != std::string::npos);
  // Right slope, wrong curvature: only the second order tells.
  const auto bent = [](const Tensor& at) {
    return custom_gradient(
        [](const std::vector<Tensor>& in) {
          const Tensor slope = stop_gradient(2 * in[0]);
          return CustomGradient{{square(in[0])}, [slope](const std::vector<Tensor>& dy) {
                                  return std::vector<Tensor>{dy[0] * slope};
                                }};
        },
        {at})[0];
  };
  CHECK(gradcheck(bent, x, {}, {.second_order = false}));
  CHECK(gradcheck(bent, x).message.find("second gradient") != std::string::npos);
  CHECK_THROWS_AS(gradcheck([](const Tensor& at) { return at * at; }, Tensor::of({1, 2})), TypeError);
}
