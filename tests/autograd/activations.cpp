#include <cmath>
#include <doctest/doctest.h>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <unspool/autograd/activations.h>
#include <unspool/autograd/gradcheck.h>
#include <unspool/autograd/tape.h>

using namespace unspool;

namespace {

using Values = std::vector<double>;
using Function = std::function<Tensor(const Tensor&)>;

struct Named {
  std::string name;
  Function function;
};

/// All of one element each, with Keras' defaults.
const Named activations[] = {
    {"relu with all arguments", [](const Tensor& x) { return relu(x, 0.1, 4.5, 0.25); }},
    {"relu6", relu6},
    {"leaky_relu", [](const Tensor& x) { return leaky_relu(x); }},
    {"elu", [](const Tensor& x) { return elu(x); }},
    {"elu of another alpha", [](const Tensor& x) { return elu(x, 0.5); }},
    {"celu", [](const Tensor& x) { return celu(x); }},
    {"celu of another alpha", [](const Tensor& x) { return celu(x, 0.5); }},
    {"selu", selu},
    {"silu", silu},
    {"gelu", [](const Tensor& x) { return gelu(x); }},
    {"approximate gelu", [](const Tensor& x) { return gelu(x, true); }},
    {"softsign", softsign},
    {"hard_sigmoid", hard_sigmoid},
    {"hard_silu", hard_silu},
    {"hard_tanh", hard_tanh},
    {"mish", mish},
    {"linear", linear},
    {"log_sigmoid", log_sigmoid},
    {"sparse_plus", sparse_plus},
    {"sparse_sigmoid", sparse_sigmoid},
    {"squareplus", [](const Tensor& x) { return squareplus(x); }},
    {"squareplus of another b", [](const Tensor& x) { return squareplus(x, 2); }},
    {"tanh_shrink", tanh_shrink},
    {"soft_shrink", [](const Tensor& x) { return soft_shrink(x); }},
    {"hard_shrink", [](const Tensor& x) { return hard_shrink(x); }},
    {"threshold", [](const Tensor& x) { return threshold(x, 0.3, -2); }},
    {"exponential", exponential},
};

void check(const Function& f, const Values& x, const Values& wanted, double tolerance = 1e-6) {
  for (DType dtype : {float32, float64}) {
    const Tensor input =
        dtype == float64 ? Tensor::from(x) : Tensor::from(std::vector<float>(x.begin(), x.end()));
    const Tensor output = f(input);
    CHECK(output.dtype() == dtype);
    const Values got = output.to_vector<double>();
    REQUIRE(got.size() == wanted.size());
    for (std::size_t i = 0; i < got.size(); ++i) {
      CAPTURE(x[i]);
      CHECK(std::fabs(got[i] - wanted[i]) <= tolerance * std::fmax(1, std::fabs(wanted[i])));
    }
  }
}

Values derivative(const Function& f, const Tensor& x) {
  GradientTape tape;
  tape.watch(x);
  return tape.gradient(f(x), x).to_vector<double>();
}

const Values five_points{-4, -1, 0.5, 2, 8};

}  // namespace

TEST_CASE("activations: the values that Keras gives") {
  check(hard_sigmoid, five_points, {0, 0.3333333, 0.5833333, 0.8333333, 1});
  check(hard_silu, five_points, {0, -0.3333333, 0.2916667, 1.6666666, 8});
  check([](const Tensor& x) { return leaky_relu(x); }, five_points, {-0.8, -0.2, 0.5, 2, 8});
  check([](const Tensor& x) { return gelu(x); }, five_points,
        {-0.000126685, -0.1586553, 0.3457312, 1.9544997, 8});
  check(selu, five_points, {-1.7258986, -1.1113307, 0.5253506, 2.1014020, 8.4056082});
  check([](const Tensor& x) { return elu(x); }, five_points, {-0.9816844, -0.6321205, 0.5, 2, 8});
  check(mish, five_points, {-0.0725917, -0.3034015, 0.3752452, 1.9439590, 7.9999982});
  check(softsign, five_points, {-0.8, -0.5, 0.3333333, 0.6666667, 0.8888889});
  check(softplus, five_points, {0.0181499, 0.3132617, 0.9740770, 2.1269281, 8.0003357});
  check(relu6, five_points, {0, 0, 0.5, 2, 6});
  check(hard_tanh, five_points, {-1, -1, 0.5, 1, 1});
  check([](const Tensor& x) { return squareplus(x); }, five_points,
        {0.236068, 0.618034, 1.2807764, 2.4142137, 8.123106});
  check(tanh_shrink, five_points,
        {-4 + std::tanh(4.0), -1 + std::tanh(1.0), 0.5 - std::tanh(0.5), 2 - std::tanh(2.0),
         8 - std::tanh(8.0)});
  check([](const Tensor& x) { return soft_shrink(x); }, five_points, {-3.5, -0.5, 0, 1.5, 7.5});
  check([](const Tensor& x) { return hard_shrink(x); }, five_points, {-4, -1, 0, 2, 8});
  check([](const Tensor& x) { return threshold(x, 0.5, -3); }, five_points, {-3, -3, -3, 2, 8});
  check(sparse_plus, five_points, {0, 0, 0.5625, 2, 8});
  check(sparse_sigmoid, five_points, {0, 0, 0.75, 1, 1});
  check(linear, five_points, five_points);
}

TEST_CASE("activations: values by their formulas") {
  Values silu_wanted;
  Values log_sigmoid_wanted;
  Values celu_wanted;
  Values approximate;
  for (double x : five_points) {
    silu_wanted.push_back(x / (1 + std::exp(-x)));
    log_sigmoid_wanted.push_back(-std::log1p(std::exp(-x)));
    celu_wanted.push_back(x > 0 ? x : 0.5 * std::expm1(x / 0.5));
    const double inner = std::sqrt(2 / std::acos(-1.0)) * (x + 0.044715 * x * x * x);
    approximate.push_back(0.5 * x * (1 + std::tanh(inner)));
  }
  check(silu, five_points, silu_wanted);
  check(log_sigmoid, five_points, log_sigmoid_wanted);
  check([](const Tensor& x) { return celu(x, 0.5); }, five_points, celu_wanted);
  check([](const Tensor& x) { return gelu(x, true); }, five_points, approximate);
}

TEST_CASE("activations: the arguments of relu") {
  const auto with = [](double slope, std::optional<double> most, double threshold) {
    return [=](const Tensor& x) { return relu(x, slope, most, threshold); };
  };
  check(with(0, std::nullopt, 0), five_points, {0, 0, 0.5, 2, 8});
  check(with(0, 0.0, 0), five_points, {0, 0, 0, 0, 0});
  check(with(0.5, std::nullopt, 0), five_points, {-2, -0.5, 0.5, 2, 8});
  check(with(0, 6, 0), five_points, {0, 0, 0.5, 2, 6});
  check(with(0, 3, 1), five_points, {0, 0, 0, 2, 3});
  check(with(0.5, 3, 1), five_points, {-2.5, -1, -0.25, 2, 3});
  check(with(0.5, std::nullopt, 1), five_points, {-2.5, -1, -0.25, 2, 8});
}

TEST_CASE("activations: glu") {
  const Tensor x = Tensor::of<double>({{1, 2, 0, 1000}, {3, 4, -1000, std::log(3)}});
  CHECK(glu(x).to_vector<double>() == Values{0.5, 2, 0, 3});
  CHECK(glu(x, 0).shape() == Shape{1, 4});
}

TEST_CASE("activations: derivatives at corners are those of Keras") {
  const auto check_at = [](const Function& f, const Values& x, const Values& wanted) {
    CHECK(derivative(f, Tensor::from(x)) == wanted);
  };
  check_at([](const Tensor& x) { return relu(x); }, {0, -0.0}, {0, 0});
  check_at(relu6, {0, 6}, {0, 0});
  check_at(hard_tanh, {-1, 1}, {1, 1});
  check_at(hard_sigmoid, {-3, 3}, {0, 0});
  check_at([](const Tensor& x) { return elu(x, 0.5); }, {0}, {0.5});
  check_at([](const Tensor& x) { return celu(x, 0.5); }, {0}, {1});
  check_at([](const Tensor& x) { return hard_shrink(x); }, {-0.5, 0.5}, {0, 0});
  check_at([](const Tensor& x) { return soft_shrink(x); }, {-0.5, 0.5}, {0, 0});
  check_at([](const Tensor& x) { return squareplus(x); }, {0}, {0.5});
  check_at(softsign, {0}, {1});
}

TEST_CASE("activations: gradients of the first and second order against differences") {
  // No corner is among these.
  const Tensor x = Tensor::of<double>({-3.3, -1.4, -0.7, -0.11, 0.12, 0.8, 1.7, 3.4, 5.2});
  for (const Named& activation : activations) {
    CAPTURE(activation.name);
    const GradcheckResult result = gradcheck(activation.function, x);
    CHECK_MESSAGE(result, result.message);
  }
  const Tensor pairs = Tensor::of<double>({{-3.3, -1.4, 0.3, 0.9}, {0.2, 0.8, -1.7, 3.4}});
  for (int axis : {0, 1}) {
    const GradcheckResult result = gradcheck([&](const Tensor& t) { return glu(t, axis); }, pairs);
    CHECK_MESSAGE(result, result.message);
  }
}

TEST_CASE("activations: values and derivatives are finite far from 0") {
  const Values far{-1e6, -1000, -150, -90, 80, 1e3, 1e6};
  for (const Named& activation : activations) {
    if (activation.name == "exponential") continue;
    CAPTURE(activation.name);
    for (DType dtype : {float32, float64}) {
      const Tensor x =
          dtype == float64 ? Tensor::from(far) : Tensor::from(std::vector<float>(far.begin(), far.end()));
      for (double value : activation.function(x).to_vector<double>()) CHECK(std::isfinite(value));
      for (double value : derivative(activation.function, x)) CHECK(std::isfinite(value));
    }
  }
}

TEST_CASE("activations: small numbers far below 0 keep their digits") {
  const auto check_tail = [](const Function& f, double x, double wanted, double slope) {
    const Tensor at = Tensor::from(Values{x});
    CHECK(f(at).item<double>() == doctest::Approx(wanted).epsilon(1e-7));
    CHECK(derivative(f, at)[0] == doctest::Approx(slope).epsilon(1e-7));
  };
  check_tail([](const Tensor& x) { return squareplus(x); }, -1e6, 1e-6, 1e-12);
  check_tail(silu, -40, -40 * std::exp(-40.0), -39 * std::exp(-40.0));
  check_tail(softsign, -1e6, -1e6 / (1e6 + 1), 1 / ((1e6 + 1) * (1e6 + 1)));
  check_tail(log_sigmoid, 40, -std::exp(-40.0), std::exp(-40.0));
  check_tail(mish, -40, -40 * std::exp(-40.0), -39 * std::exp(-40.0));
  CHECK(gelu(Tensor::from(Values{-8})).item<double>() ==
        doctest::Approx(-8 * 6.2209605742717841e-16).epsilon(1e-5));
}

TEST_CASE("activations: NaN stays, except where what lies below a threshold is cut off") {
  const Tensor x = Tensor::from(Values{std::nan("")});
  for (const char* name : {"relu6", "leaky_relu", "elu", "celu", "selu", "silu", "gelu", "approximate gelu",
                           "softsign", "hard_sigmoid", "hard_silu", "hard_tanh", "mish", "sparse_plus",
                           "sparse_sigmoid", "squareplus", "tanh_shrink", "exponential", "log_sigmoid"}) {
    CAPTURE(name);
    for (const Named& activation : activations) {
      if (activation.name == name) CHECK(std::isnan(activation.function(x).item<double>()));
    }
  }
}
