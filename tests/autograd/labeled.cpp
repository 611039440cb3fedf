#include <algorithm>
#include <doctest/doctest.h>

#include <unspool/unspool.h>

#include "../support/errors.h"
#include "../support/same_bits.h"

using namespace unspool;
using namespace unspool::testing;

// Names of values: in tapes, programs, plans and errors.

TEST_CASE("labeled: a tape names inputs, variables and labeled values, and numbers the others") {
  const Tensor x = labeled(Tensor::of<double>({{1, 2}}), "x");
  const Variable w(Tensor::of<double>({{0.5}, {0.25}}), {.name = "kernel"});
  GradientTape tape;
  tape.watch(x);
  const Tensor a = labeled(matmul(x, w), "a");
  const Tensor y = tanh(a) * 3;
  CHECK(tape.to_string() ==
        "a float64[1, 1] = matmul(x float64[1, 2] kept, kernel float64[2, 1] kept, transpose_a=false, "
        "transpose_b=false)\n"
        "%3 float64[1, 1] kept = tanh(a float64[1, 1])\n"
        "%4 float64[1, 1] = multiply(%3 float64[1, 1] kept, constant float64[] kept)\n");
  CHECK(label_of(a) == "a");
  CHECK(label_of(x) == "x");
  CHECK(label_of(y).empty());
  CHECK(a.id() == labeled(a, "b").id());
  // The first name stays.
  CHECK(label_of(labeled(a, "b")) == "a");
}

TEST_CASE("labeled: the value, its identity, its mask and its gradient are those of the argument") {
  const Tensor x = Tensor::of<double>({1, 2, 3});
  const Tensor named = labeled(x, std::string("long name of ") + "x");
  CHECK(named.id() == x.id());
  CHECK(same_bits(named, x));
  CHECK(label_of(named) == "long name of x");
  CHECK(label_of(x).empty());
  GradientTape tape;
  tape.watch(x);
  const Tensor y = sum(square(labeled(named, "other")));
  CHECK(same_bits(tape.gradient(y, x), Tensor::of<double>({2, 4, 6})));
  const Tensor masked = with_mask(named, Tensor::of<bool>({true, false, true}));
  CHECK(label_of(masked) == "long name of x");
  CHECK(label_of(labeled(with_mask(x, Tensor::of<bool>({true, false, true})), "m")) == "m");
  CHECK(static_cast<bool>(mask_of(labeled(with_mask(x, Tensor::of<bool>({true, false, true})), "m"))));
  CHECK_THROWS_WITH_AS(labeled(Tensor(), "x"), doctest::Contains("expected a tensor, got an empty one"),
                       ValueError);
}

TEST_CASE("labeled: values of a time step have its number") {
  Tensor h = Tensor::of<double>({0.5});
  GradientTape tape;
  tape.watch(h);
  for (Index t = 0; t < 2; ++t) {
    const TimeStep step(t);
    const Tensor f = labeled(sigmoid(h), "f");
    CHECK(label_of(f) == "f_" + std::to_string(t));
    h = labeled(f * h, "h_t");
  }
  const std::string text = tape.to_string();
  CAPTURE(text);
  CHECK(contains(text, "f_0 float64[1] kept = sigmoid(%0 float64[1])"));
  CHECK(contains(text, "h_0 float64[1] = multiply(f_0 float64[1] kept, %0 float64[1] kept)"));
  CHECK(contains(text, "h_1 float64[1] = multiply(f_1 float64[1] kept, h_0 float64[1] kept)"));
  CHECK_THROWS_AS([] { const TimeStep step(-1); }(), ValueError);
}

TEST_CASE("labeled: values of one name are told apart, variables by their paths") {
  const Tensor x = Tensor::ones({2, 3});
  const Ref<Layer> first = Dense({.units = 3, .name = "first"});
  const Ref<Layer> second = Dense({.units = 3, .name = "second"});
  GradientTape tape;
  const Tensor a = labeled(first(x), "y");
  const Tensor b = labeled(second(a), "y");
  const std::string text = tape.to_string();
  CAPTURE(text);
  CHECK(contains(text, "first/kernel float32[3, 3] kept"));
  CHECK(contains(text, "second/kernel float32[3, 3] kept"));
  CHECK(contains(text, "y.2 float32[2, 3] = "));
}

TEST_CASE("labeled: a compiled step has the same bits and the same plan apart from the names") {
  const Tensor w = labeled(Tensor::of({{0.5F, -0.25F}, {1, 0.75F}}), "w");
  const Tensor x = Tensor::of({{{1, 2}, {3, 4}}, {{0.5F, 0.25F}, {-1, 1}}, {{2, 1}, {0, -2}}});
  const auto run = [&](bool named, std::string* plan) {
    const auto step = [&](const std::vector<Tensor>& carry, const std::vector<Tensor>& inputs) {
      const auto name = [&](const Tensor& value, Label label) {
        return named ? labeled(value, label) : value;
      };
      const Tensor a = name(inputs[0] + matmul(carry[0], w), "a");
      const Tensor next = name(tanh(a), "h_t");
      return ScanStep{.carry = {next}, .outputs = {next}};
    };
    GradientTape tape;
    tape.watch(w);
    const ScanResult result = scan(step, {Tensor::zeros({2, 2})}, {x});
    const Tensor loss = sum(square(result.outputs[0]));
    *plan = result.compiled->plan(3, {.stages = true});
    return std::pair(result.outputs[0], tape.gradient(loss, w));
  };
  std::string plain;
  std::string named;
  const auto [y, dw] = run(false, &plain);
  const auto [named_y, named_dw] = run(true, &named);
  CHECK(same_bits(y, named_y));
  CHECK(same_bits(dw, named_dw));
  CHECK(std::ranges::count(plain, '\n') == std::ranges::count(named, '\n'));
  CHECK(contains(named, "h_t float32[2, 2] = tanh(a)"));
  CHECK(contains(named, "sum 0 += transpose("));
  CHECK_FALSE(contains(plain, "h_t"));
  // Captured tensors bring their names.
  CHECK(contains(plain, "captured w float32[2, 2]"));
}

TEST_CASE("labeled: RNN names inputs, states and weights, a stack of cells numbers them") {
  const Tensor x = Tensor::ones({2, 3, 4});
  const auto plan_of = [&](const Ref<layers::RNN>& layer) {
    layer(x);
    return layer->plan({.stages = true});
  };
  const std::string lstm = plan_of(LSTM({.units = 5}));
  CAPTURE(lstm);
  for (const char* part :
       {"carry h float32[2, 5]", "carry c float32[2, 5]", "sequence x_t float32[2, 4]",
        "captured kernel float32[4, 20]", "captured recurrent_kernel float32[5, 20]",
        "captured bias float32[20]", "f float32[2, 5] = sigmoid(a_f)", "next carry h_t", "next carry c_t",
        "carry dh_next float32[2, 5]", "next carry dh\n", "output summed over time dkernel"}) {
    CAPTURE(part);
    CHECK(contains(lstm, part));
  }
  const std::string stack = plan_of(RNN({LSTMCell({.units = 5}), SimpleRNNCell({.units = 6})}));
  CAPTURE(stack);
  for (const char* part : {"carry h float32[2, 5]", "carry c float32[2, 5]", "carry h.2 float32[2, 6]",
                           "captured kernel.2 float32[5, 6]", "next carry h_t.2"}) {
    CAPTURE(part);
    CHECK(contains(stack, part));
  }
}

TEST_CASE("labeled: an unrolled RNN names the values of each time step") {
  const Ref<layers::RNN> layer = GRU({.units = 2, .unroll = true});
  const Tensor x = labeled(Tensor::ones({1, 3, 2}), "x");
  GradientTape tape;
  tape.watch(x);
  layer(x);
  const std::string text = tape.to_string();
  CAPTURE(text);
  for (const char* part : {"z_0 ", "r_1 ", "c_2 ", "h_2 float32[1, 2] = add", "x_1 float32[1, 2]",
                           "matmul(x_2 float32[1, 2] kept, kernel float32[2, 6] kept",
                           "matmul(h_1 float32[1, 2] kept, recurrent_kernel float32[2, 6] kept"}) {
    CAPTURE(part);
    CHECK(contains(text, part));
  }
}

TEST_CASE("labeled: errors name operands") {
  const Tensor f = labeled(Tensor::ones({2, 3}), "f");
  const Variable kernel(Tensor::ones({4, 5}), {.name = "kernel"});
  CHECK(contains(message_of<Error>([&] { matmul(f, kernel); }),
                 "matmul(f float32[2, 3], kernel float32[4, 5]"));
  GradientTape tape;
  tape.watch(f);
  const TimeStep step(2);
  const Tensor a = labeled(f * 2, "a_t");
  CHECK(contains(message_of<Error>([&] { a + Tensor::ones({5}); }), "add(a_2 float32[2, 3], float32[5])"));
}

TEST_CASE("detect_anomaly: names the operation, the values and the time step inside of a compiled loop") {
  // log(h) of a state that becomes negative at time step 2.
  const Tensor x = Tensor::of<double>({{3}, {-1}, {-2.5}, {1}});
  const auto step = [](const std::vector<Tensor>& carry, const std::vector<Tensor>& inputs) {
    const Tensor h = labeled(carry[0] + inputs[0], "h_t");
    return ScanStep{.carry = {h}, .outputs = {labeled(log(h), "u")}};
  };
  const std::string forward = message_of<Error>(
      [&] { detect_anomaly([&] { return scan(step, {Tensor::zeros({1}, float64)}, {x}); }); });
  CAPTURE(forward);
  CHECK(contains(forward, "a step of 2 operations that computes h_t"));
  CHECK(contains(forward, "it arises at time step 2, in u float64[1] = log(h_t)"));
  // sqrt(h_t) is 0 at time step 1: its derivative there times 0 is NaN.
  const auto root = [](const std::vector<Tensor>& carry, const std::vector<Tensor>& inputs) {
    const Tensor h = labeled(carry[0] + inputs[0], "h_t");
    return ScanStep{.carry = {h}, .outputs = {labeled(sqrt(h), "u") * 0.0}};
  };
  const Tensor z = Tensor::of<double>({{1}, {-1}, {2}});
  const std::string backward = message_of<Error>([&] {
    detect_anomaly([&] {
      GradientTape tape;
      tape.watch(z);
      return tape.gradient(sum(scan(root, {Tensor::zeros({1}, float64)}, {z}).outputs[0]), z);
    });
  });
  CAPTURE(backward);
  CHECK(contains(backward, "in the gradient of scan"));
  CHECK(contains(backward, "it arises at time step 1, in "));
  CHECK(contains(backward, "du"));
  // A layer that is not compiled says the time step, too.
  const std::string unrolled = message_of<Error>([&] {
    detect_anomaly([&] {
      const TimeStep time(1);
      return log(labeled(Tensor::of<double>({-1}), "p_t"));
    });
  });
  CHECK(contains(unrolled, "log(p_t float64[1]) at time step 1: the result has a NaN"));
}
