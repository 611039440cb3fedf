#include <algorithm>
#include <cmath>
#include <doctest/doctest.h>

#include <unspool/autograd/joining.h>
#include <unspool/autograd/scan/plan.h>
#include <unspool/autograd/views.h>
#include <unspool/operation.h>

#include "programs.h"

using namespace unspool;
using namespace unspool::testing;
using namespace unspool::scan_compiler;

// Operations declared outside of the library: what their records say is all that the compiler knows of them.

namespace {

Specs left_half_shape(const Call& call) {
  Specs specs(1);
  specs[0] = {call.shape(), call.dtype()};
  specs[0].shape.set(1, call.shape()[1] == unknown ? unknown : call.shape()[1] / 2);
  return specs;
}

void left_half_kernel(const KernelCall& call) {
  const Shape& from = *call.inputs[0].shape;
  const Index width = (*call.outputs[0].shape)[1];
  visit_dtype(call.inputs[0].dtype, [&]<class T>(T) {
    for (Index i = 0; i < from[0]; ++i) {
      std::copy_n(call.inputs[0].as<T>() + i * from[1], width, call.outputs[0].as<T>() + i * width);
    }
  });
}

Specs product_shape(const Call& call) {
  Specs specs(1);
  specs[0] = {{call.shape(0)[0], call.shape(1)[0]}, call.dtype()};
  return specs;
}

void product_kernel(const KernelCall& call) {
  const Shape& a = *call.inputs[0].shape;
  const Index columns = (*call.inputs[1].shape)[0];
  visit_floating(call.inputs[0].dtype, [&]<class T>(T) {
    for (Index i = 0; i < a[0]; ++i) {
      for (Index j = 0; j < columns; ++j) {
        T sum = 0;
        for (Index k = 0; k < a[1]; ++k) {
          sum = std::fma(call.inputs[0].as<T>()[i * a[1] + k], call.inputs[1].as<T>()[j * a[1] + k], sum);
        }
        call.outputs[0].as<T>()[i * columns + j] = sum;
      }
    }
  });
}

std::vector<Example> matrices(Shape shape) { return {{{{.shape = shape}}}}; }

constexpr Operation records[] = {
    {.name = "left_half",
     .summary = "the first half of the columns",
     .shape = left_half_shape,
     .kernel = {.run = left_half_kernel},
     .gradient =
         [](Backward& b) {
           const Tensor none =
               Tensor::zeros({b.dy().shape()[0], b.x().shape()[1] - b.dy().shape()[1]}, b.dy().dtype());
           b.dx() = concat({b.dy(), none}, 1);
         },
     .rows = [](const Call&, std::span<Rows> operands) { operands[0] = Rows::same; },
     .form = [](const Call&) -> Form { return form::Columns{{Index{0}}}; },
     .examples =
         [] {
           return matrices({3, 4});
         }},
    {.name = "times_transposed",
     .summary = "a b^T",
     .shape = product_shape,
     .kernel = {.run = product_kernel},
     .gradient =
         [](Backward& b) {
           if (b.needs(0)) b.dx(0) = matmul(b.dy(), b.x(1));
           if (b.needs(1)) b.dx(1) = matmul(b.dy(), b.x(0), true, false);
         },
     .keep = keep::all_inputs,
     .rows =
         [](const Call&, std::span<Rows> operands) {
           operands[0] = Rows::same;
           operands[1] = Rows::all;
         },
     .form = [](const Call&) -> Form { return form::Product{.transpose_b = true}; },
     .examples =
         [] {
           return std::vector<Example>{{{{.shape = {3, 4}}, {.shape = {2, 4}}}}};
         }},
    {.name = "plus",
     .summary = "a + b",
     .kernel = elementwise([](std::floating_point auto a, decltype(a) b) { return a + b; }),
     .gradient =
         [](Backward& b) {
           if (b.needs(0)) b.dx(0) = b.dy();
           if (b.needs(1)) b.dx(1) = b.dy();
         },
     .form = [](const Call&) -> Form { return form::Addition{}; },
     .examples = {{-2, 2}, {-2, 2}}},
    // Named like the library's, but another function, and no addition by its own account.
    {.name = "add",
     .summary = "a - 2 b",
     .kernel = elementwise([](std::floating_point auto a, decltype(a) b) { return a - 2 * b; }),
     .gradient =
         [](Backward& b) {
           if (b.needs(0)) b.dx(0) = b.dy();
           if (b.needs(1)) b.dx(1) = b.dy() * -2;
         },
     .examples = {{-2, 2}, {-2, 2}}},
    {.name = "split",
     .summary = "the columns in reverse order",
     .shape =
         [](const Call& call) {
           Specs specs(1);
           specs[0] = {call.shape(), call.dtype()};
           return specs;
         },
     .kernel = {.run =
                    [](const KernelCall& call) {
                      const Shape& shape = *call.inputs[0].shape;
                      visit_floating(call.inputs[0].dtype, [&]<class T>(T) {
                        for (Index i = 0; i < shape[0]; ++i) {
                          for (Index j = 0; j < shape[1]; ++j) {
                            call.outputs[0].as<T>()[i * shape[1] + j] =
                                call.inputs[0].as<T>()[i * shape[1] + shape[1] - 1 - j];
                          }
                        }
                      });
                    }},
     .gradient = [](Backward& b) { b.dx() = flip(b.dy(), {1}); },
     .rows = [](const Call&, std::span<Rows> operands) { operands[0] = Rows::same; },
     .examples =
         [] {
           return matrices({3, 4});
         }},
};
constexpr OperationTable table(records);

/// A cell of eight units whose equations are written in `operations`; the same in the library's where
/// `plain`.
class OwnCell : public Cell {
 public:
  explicit OwnCell(bool plain) : Cell({.state_sizes = {8}}), plain_(plain) {}
  void build(const Shape& input) override {
    kernel_ = add_weight(
        {.name = "kernel", .shape = {input.back(), 16}, .initializer = GlorotUniform({.seed = 1})});
    recurrent_ =
        add_weight({.name = "recurrent", .shape = {8, 8}, .initializer = GlorotUniform({.seed = 2})});
    bias_ = add_weight({.name = "bias", .shape = {8}, .initializer = GlorotUniform({.seed = 3})});
  }
  CellOutput call(const Tensor& x, const States& states, const CallArgs&) override {
    const Tensor both = matmul(x, kernel_);
    const Tensor half = plain_ ? slice(both, 1, 0, 8) : apply(table["left_half"], both);
    const Tensor product = plain_ ? matmul(states[0], recurrent_, false, true)
                                  : apply(table["times_transposed"], states[0], recurrent_);
    const Tensor sum =
        plain_ ? half + product + bias_ : apply(table["plus"], apply(table["plus"], half, product), bias_);
    const Tensor h = tanh(sum);
    return {h, {h}};
  }

 private:
  bool plain_;
  Variable kernel_, recurrent_, bias_;
};

std::string plan_of(const Ref<Cell>& cell) {
  const auto rnn = RNN(cell);
  rnn(Tensor::ones({4, 5, 3}));
  return rnn->plan();
}

/// Scan against the plain loop, by the largest difference of values and of gradients.
double scan_differs(const ScanFunction& step, const Tensor& carry, const Tensor& x) {
  const auto results = [&](bool scanned) {
    GradientTape tape;
    tape.watch(carry);
    tape.watch(x);
    Tensor state = carry;
    if (scanned) {
      state = scan(step, {carry}, {x}).carry[0];
    } else {
      for (Index t = 0; t < x.shape()[0]; ++t) state = step({state}, {x[t]}).carry[0];
    }
    std::vector<Tensor> all =
        tape.gradient(sum(square(state)), {carry, x}, {.unconnected = Unconnected::zero});
    all.push_back(state);
    return all;
  };
  const std::vector<Tensor> a = results(true);
  const std::vector<Tensor> b = results(false);
  double worst = 0;
  for (std::size_t i = 0; i < a.size(); ++i) worst = std::max(worst, max(abs(a[i] - b[i])).item<double>());
  return worst;
}

}  // namespace

TEST_CASE("operations of a user's own: their records hold") {
  for (const char* name : {"left_half", "times_transposed", "plus"}) {
    for (std::size_t i = 0; i < OperationList(table).size(); ++i) {
      const OperationRef operation = OperationList(table)[i];
      if (operation->name != name) continue;
      const CheckReport report = check_operation(operation);
      CHECK_MESSAGE(static_cast<bool>(report), to_string(report));
    }
  }
}

TEST_CASE(
    "operations of a user's own: columns, a transposed product and additions cost no pass of their own") {
  const std::string own = plan_of(make<OwnCell>(false));
  const std::string plain = plan_of(make<OwnCell>(true));
  CAPTURE(own);
  // The same products and functions, in the same memory: the half is a view, the sums are part of the
  // product.
  CHECK(own.substr(0, own.find("backward")) == plain.substr(0, plain.find("backward")));
  for (const char* name : {"left_half", "times_transposed", "plus"}) {
    CHECK(own.substr(0, own.find("backward")).find(name) == std::string::npos);
  }
}

TEST_CASE("operations of a user's own: a name of the library's means nothing") {
  const Tensor w = random_normal({8, 8}, 0, 0.3, float64);
  const Tensor b = random_normal({8}, 0, 1, float64);
  const Tensor x = random_normal({5, 3, 8}, 0, 1, float64);
  const Tensor h = random_normal({3, 8}, 0, 1, float64);
  CHECK(scan_differs(
            [&](const std::vector<Tensor>& carry, const std::vector<Tensor>& in) {
              return ScanStep{.carry = {tanh(apply(table["add"], matmul(carry[0], w) + in[0], b))}};
            },
            h, x) < 1e-12);
  CHECK(scan_differs(
            [&](const std::vector<Tensor>& carry, const std::vector<Tensor>& in) {
              return ScanStep{.carry = {tanh(apply(table["split"], matmul(carry[0], w)) + in[0])}};
            },
            h, x) < 1e-12);
}

TEST_CASE("operations of a user's own: a model's config does not take one for the library's") {
  const Tensor in = Input({.shape = {4}});
  const Model own({in}, apply(table["add"], in, in));
  CHECK(max(abs(own.predict(Tensor::ones({2, 4})) + 1)).item<float>() == 0);
  CHECK_THROWS_WITH_AS(
      own.network()->get_config(),
      doctest::Contains("expected an operation of the library, which a config can name, got add"),
      ValueError);
  const Model library({in}, in + in);
  CHECK_NOTHROW(library.network()->get_config());
}

TEST_CASE("a custom gradient in a step: by scan as by the loop") {
  const Tensor w = random_normal({4, 4}, 0, 0.5, float64);
  const Tensor scale = Tensor::full({}, 3, float64);
  // A step function with the slope of an arc tangent; its gradient reads a value of the step, a tensor from
  // outside and a product of both.
  const auto spike = [&](const Tensor& v) {
    return custom_gradient(
        [&](const std::vector<Tensor>& in) {
          CustomGradient made;
          made.outputs = {cast(in[0] > 0, in[0].dtype())};
          made.gradient = [&scale, v = in[0]](const std::vector<Tensor>& dy) {
            return std::vector<Tensor>{dy[0] / (1 + square(v * scale))};
          };
          return made;
        },
        {v})[0];
  };
  const ScanFunction step = [&](const std::vector<Tensor>& carry, const std::vector<Tensor>& in) {
    return ScanStep{.carry = {carry[0] * 0.9 + in[0] + matmul(spike(carry[0]), w)}};
  };
  const Tensor h = random_normal({2, 4}, 0, 1, float64);
  const Tensor x = random_normal({5, 2, 4}, 0, 1, float64);
  CHECK(scan_differs(step, h, x) < 1e-12);
  // One trace is like the next, so the plan is made once.
  const auto program = [&] { return trace_scan(step, {h}, {x}, {}).program; };
  CHECK(program() == program());
}

TEST_CASE("a custom gradient in a step: inputs without one, and several outputs") {
  const Tensor x = random_normal({4, 3, 2}, 0, 1, float64);
  const Tensor h = random_normal({3, 2}, 0, 1, float64);
  CHECK(scan_differs(
            [](const std::vector<Tensor>& carry, const std::vector<Tensor>& in) {
              const std::vector<Tensor> both = custom_gradient(
                  [](const std::vector<Tensor>& arguments) {
                    CustomGradient made;
                    made.outputs = {arguments[0] * arguments[1], arguments[0] + arguments[1]};
                    made.gradient = [a = arguments[0]](const std::vector<Tensor>& dy) {
                      return std::vector<Tensor>{{}, dy[0] * a * 2 + dy[1]};
                    };
                    return made;
                  },
                  {in[0], carry[0]});
              return ScanStep{.carry = {tanh(both[0]) + both[1] * 0.5}};
            },
            h, x) < 1e-12);
}
