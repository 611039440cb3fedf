#include <cmath>
#include <functional>
#include <limits>

#include "cases.h"

// Operations by themselves: on every kind of number, in vectors and the rest of them, large enough for
// threads.

namespace checksums {
namespace {

using Unary = Tensor (*)(const Tensor&);

const std::pair<const char*, Unary> unary_functions[] = {
    {"abs", [](const Tensor& x) { return abs(x); }},
    {"sign", [](const Tensor& x) { return sign(x); }},
    {"square", [](const Tensor& x) { return square(x); }},
    {"negative", [](const Tensor& x) { return -x; }},
    {"clip", [](const Tensor& x) { return clip(x, -1, 2); }},
    {"sqrt", [](const Tensor& x) { return sqrt(x); }},
    {"rsqrt", [](const Tensor& x) { return rsqrt(x); }},
    {"exp", [](const Tensor& x) { return exp(x); }},
    {"expm1", [](const Tensor& x) { return expm1(x); }},
    {"log", [](const Tensor& x) { return log(x); }},
    {"log1p", [](const Tensor& x) { return log1p(x); }},
    {"sin", [](const Tensor& x) { return sin(x); }},
    {"cos", [](const Tensor& x) { return cos(x); }},
    {"erf", [](const Tensor& x) { return erf(x); }},
    {"erfc", [](const Tensor& x) { return erfc(x); }},
    {"tanh", [](const Tensor& x) { return tanh(x); }},
    {"sigmoid", [](const Tensor& x) { return sigmoid(x); }},
    {"softplus", [](const Tensor& x) { return softplus(x); }},
    {"softsign", [](const Tensor& x) { return softsign(x); }},
    {"relu", [](const Tensor& x) { return relu(x); }},
    {"relu with arguments", [](const Tensor& x) { return relu(x, 0.1, 3.0, 0.2); }},
    {"x ^ 3", [](const Tensor& x) { return pow(x, 3); }},
    {"x ^ -1.5", [](const Tensor& x) { return pow(x, -1.5); }},
    {"1.7 ^ x", [](const Tensor& x) { return pow(1.7, x); }},
    {"1 / x", [](const Tensor& x) { return 1 / x; }},
    {"softmax", [](const Tensor& x) { return softmax(x); }},
    {"log_softmax", [](const Tensor& x) { return log_softmax(x); }},
    {"cumsum", [](const Tensor& x) { return cumsum(x, -1); }},
};

const char* const activations[] = {
    "relu6",       "leaky_relu",  "elu",          "celu",          "selu",        "silu",
    "gelu",        "glu",         "mish",         "hard_tanh",     "tanh_shrink", "soft_shrink",
    "hard_shrink", "log_sigmoid", "hard_sigmoid", "hard_silu",     "sparse_plus", "squareplus",
    "exponential", "sparsemax",   "linear",       "sparse_sigmoid"};

const std::pair<const char*, Tensor (*)(const Tensor&, const Tensor&)> binary_functions[] = {
    {"add", [](const Tensor& a, const Tensor& b) { return a + b; }},
    {"subtract", [](const Tensor& a, const Tensor& b) { return a - b; }},
    {"multiply", [](const Tensor& a, const Tensor& b) { return a * b; }},
    {"divide", [](const Tensor& a, const Tensor& b) { return a / b; }},
    {"maximum", [](const Tensor& a, const Tensor& b) { return maximum(a, b); }},
    {"minimum", [](const Tensor& a, const Tensor& b) { return minimum(a, b); }},
    {"pow", [](const Tensor& a, const Tensor& b) { return pow(abs(a), b); }},
    {"where", [](const Tensor& a, const Tensor& b) { return where(a < b, a * 2, b); }},
};

/// Numbers of all sizes and both signs, then those at which functions are special.
Tensor grid(Index size) {
  Draws draws(3);
  return Tensor::generate<double>({size}, [&](std::span<double> out) {
    constexpr double infinity = std::numeric_limits<double>::infinity();
    const double special[] = {0.0,    -0.0, 1.0,  -1.0,   infinity, -infinity, std::nan(""), 1e-40,
                              -1e-40, 3e38, 88.8, -104.0, 0.5,      -0.5,      8388609.0,    1e-8};
    for (std::size_t i = 0; i < out.size(); ++i) {
      const std::size_t from_end = out.size() - 1 - i;
      const double number = draws.number();
      out[i] = from_end < std::size(special) && out.size() > 2 * std::size(special)
                   ? special[from_end]
                   : std::ldexp(number, static_cast<int>(draws.from_to(-12, 7)));
    }
  });
}

void run(const std::string& name,
         const std::function<std::vector<Tensor>(const std::vector<Tensor>&)>& function,
         const std::vector<Tensor>& inputs, int orders = 2) {
  run_case("operation/" + name,
           [&](ChecksumLines& lines) { add_derivatives(lines, function, inputs, orders); });
}

void run_elementwise() {
  for (const DType dtype : {float32, float64}) {
    const std::string of_dtype = "/" + std::string(unspool::name_of(dtype));
    for (const Index size : {Index{7}, Index{1003}, Index{70001}}) {
      const Tensor x = cast(grid(size), dtype);
      const std::string of = of_dtype + "/" + std::to_string(size);
      for (const auto& entry : unary_functions) {
        const Unary function = entry.second;
        run(entry.first + of, [&](const auto& in) { return std::vector<Tensor>{function(in[0])}; }, {x});
      }
      const Tensor even = size % 2 == 0 ? x : slice(x, 0, 1, size);
      for (const char* name : activations) {
        run(name + of, [&](const auto& in) { return std::vector<Tensor>{Activation(name)(in[0])}; }, {even});
      }
    }
    const std::pair<Shape, Shape> shapes[] = {{{6, 37}, {6, 37}},  {{6, 37}, {37}}, {{6, 37}, {6, 1}},
                                              {{5, 1, 9}, {4, 1}}, {{}, {17}},      {{300, 301}, {301}}};
    for (std::size_t i = 0; i < std::size(shapes); ++i) {
      const Tensor a = cast(values(shapes[i].first, 50 + i), dtype);
      const Tensor b = cast(values(shapes[i].second, 60 + i), dtype);
      for (const auto& entry : binary_functions) {
        const auto function = entry.second;
        run(entry.first + of_dtype + "/shapes " + std::to_string(i),
            [&](const auto& in) { return std::vector<Tensor>{function(in[0], in[1])}; }, {a, b});
      }
    }
  }
}

void run_products() {
  const std::array<Index, 3> sizes[] = {{1, 1, 1},     {1, 64, 200},    {3, 5, 7},   {6, 16, 16},
                                        {17, 33, 65},  {32, 128, 64},   {64, 1, 96}, {130, 70, 257},
                                        {200, 300, 1}, {256, 256, 256}, {5, 0, 4},   {12, 600, 48},
                                        {1, 37, 19},   {7, 512, 24}};
  for (const auto& [rows, depth, columns] : sizes) {
    for (const DType dtype : {float32, float64}) {
      for (int form = 0; form < 4; ++form) {
        const bool transpose_a = form % 2 == 1;
        const bool transpose_b = form >= 2;
        const Shape a = transpose_a ? Shape{depth, rows} : Shape{rows, depth};
        const Shape b = transpose_b ? Shape{columns, depth} : Shape{depth, columns};
        const std::string name = "matmul/" + std::string(unspool::name_of(dtype)) + "/" +
                                 std::to_string(rows) + " " + std::to_string(depth) + " " +
                                 std::to_string(columns) + (transpose_a ? " a^T" : "") +
                                 (transpose_b ? " b^T" : "");
        run(name,
            [&](const auto& in) {
              return std::vector<Tensor>{matmul(in[0], in[1], transpose_a, transpose_b)};
            },
            {cast(values(a, 70), dtype), cast(values(b, 71), dtype)});
      }
    }
  }
  run("matmul/batches", [](const auto& in) { return std::vector<Tensor>{matmul(in[0], in[1])}; },
      {values({3, 2, 9, 20}, 72), values({2, 20, 11}, 73)});
}

void run_reductions() {
  const Tensor x = values({23, 41, 67}, 80);
  const Axes axes[] = {{}, {0}, {1}, {2}, {0, 1}, {1, 2}, {0, 2}};
  for (std::size_t i = 0; i < std::size(axes); ++i) {
    for (const DType dtype : {float32, float64}) {
      const Axes& over = axes[i];
      run("reductions/" + std::string(unspool::name_of(dtype)) + "/axes " + std::to_string(i),
          [&](const auto& in) {
            return std::vector<Tensor>{
                sum(in[0], over),      mean(in[0], over),      max(in[0], over),           min(in[0], over),
                variance(in[0], over), logsumexp(in[0], over), prod(in[0] * 0.1 + 1, over)};
          },
          {cast(x, dtype)});
    }
  }
  run("sum of many",
      [](const auto& in) {
        return std::vector<Tensor>{sum(in[0]), mean(in[0]), sum(square(in[0]))};
      },
      {values({1 << 20}, 81)});
  run("along an axis",
      [](const auto& in) {
        return std::vector<Tensor>{
            softmax(in[0], 1), log_softmax(in[0], 0),       sparsemax(in[0]),
            cumsum(in[0], 1),  cumsum(in[0], 0, true),      flip(in[0], {1}),
            argmax(in[0], 1),  argmin(in[0], -1),           cast(all(in[0] > 0, {1}), float32),
            transpose(in[0]),  transpose(in[0], {1, 0, 2}), pad(in[0], {{1, 0}, {0, 2}, {3, 1}})};
      },
      {x});
}

void run_indexing() {
  Draws draws(82);
  const Tensor ids = Tensor::generate<Index>({50, 3}, [&](std::span<Index> out) {
    for (Index& id : out) id = draws.from_to(0, 39);
  });
  run("gather and scatter",
      [&](const auto& in) {
        const Tensor rows = gather(in[0], ids);
        return std::vector<Tensor>{rows, scatter_add(ids, rows * rows, 40),
                                   gather(in[0], slice(ids, 1, 0, 1), 1), cast(one_hot(ids, 40), float32)};
      },
      {values({40, 60}, 83)});
  run("cross entropies",
      [&](const auto& in) {
        const Tensor labels = reshape(slice(ids, 1, 0, 1), {50});
        const Tensor target = softmax(in[1]);
        return std::vector<Tensor>{sparse_softmax_cross_entropy(labels, in[0]),
                                   softmax_cross_entropy(target, in[0]),
                                   sigmoid_cross_entropy(sigmoid(in[1]), in[0])};
      },
      {values({50, 40}, 84), values({50, 40}, 85)});
}

void run_random_numbers() {
  run_case("operation/random numbers", [](ChecksumLines& lines) {
    for (const DType dtype : {float32, float64}) {
      lines.add("uniform", random_uniform({100, 333}, -1, 2, dtype));
      lines.add("normal", random_normal({100, 333}, 1, 3, dtype));
      lines.add("bernoulli", random_bernoulli({100, 333}, 0.3, dtype));
    }
    std::vector<double> order;
    for (const Index i : permutation(1000, next_random_key())) order.push_back(static_cast<double>(i));
    lines.add("permutation", Tensor::from(order));
  });
  for (const char* name : {"zeros", "ones", "random_uniform", "random_normal", "truncated_normal",
                           "glorot_uniform", "glorot_normal", "he_uniform", "he_normal", "lecun_uniform",
                           "lecun_normal", "orthogonal", "identity"}) {
    run_case("initializer/" + std::string(name), [&](ChecksumLines& lines) {
      for (const DType dtype : {float32, float64}) {
        for (const Shape& shape : {Shape{30, 30}, Shape{7, 50}, Shape{64, 20}})
          lines.add("drawn", Initializer(name)(shape, dtype));
      }
    });
  }
}

}  // namespace

void run_operations() {
  run_elementwise();
  run_products();
  run_reductions();
  run_indexing();
  run_random_numbers();
}

}  // namespace checksums
