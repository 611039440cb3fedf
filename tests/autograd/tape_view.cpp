#include <algorithm>
#include <doctest/doctest.h>
#include <map>
#include <sstream>

#include <unspool/unspool.h>

#include "../support/errors.h"
#include "../support/same_bits.h"

using namespace unspool;
using namespace unspool::testing;

// What is shown of a tape: its values, records and formulas, and how gradients went back.

namespace {

/// A GRU of two units over three steps, as a loop over time that a user would write.
struct SmallNet {
  Variable kernel{Tensor::of<double>({{0.5, -0.25}, {0.125, 0.75}}), {.name = "kernel"}};
  Variable recurrent{Tensor::of<double>({{0.25, 0.5}, {-0.5, 0.375}}), {.name = "recurrent_kernel"}};
  Tensor x = Tensor::of<double>({{{1, 2}}, {{0.5, -1}}, {{-2, 0.25}}});

  /// The sum of the squares of all states. Gradients do not go from time step `cut` to the one before.
  Tensor loss(Index cut = 0) const {
    const auto step = [&](const std::vector<Tensor>& carry, const std::vector<Tensor>& at_step) {
      const Tensor f = labeled(sigmoid(matmul(at_step[0], kernel) + matmul(carry[0], recurrent)), "f");
      const Tensor h = labeled(f * carry[0] + (1 - f) * tanh(matmul(at_step[0], recurrent)), "h_t");
      return ScanStep{.carry = {h}, .outputs = {h}};
    };
    const Tensor h = Tensor::zeros({1, 2}, float64);
    if (cut == 0) return sum(square(scan(step, {h}, {x}).outputs[0]));
    const ScanResult before = scan(step, {h}, {slice(x, 0, 0, cut)});
    const ScanResult after = scan(step, {stop_gradient(before.carry[0])}, {slice(x, 0, cut, 3)});
    return sum(square(before.outputs[0])) + sum(square(after.outputs[0]));
  }
};

double difference_between(const Tensor& a, const Tensor& b) { return max(abs(a - b)).item<double>(); }

}  // namespace

TEST_CASE("view: values with their names and tensors, records with their operands, in order") {
  const Tensor x = labeled(Tensor::of<double>({1, 2}), "x");
  const Variable w(Tensor::of<double>({3, 4}), {.name = "w"});
  GradientTape tape({.keep_all = true});
  tape.watch(x);
  const Tensor y = labeled(x * w + 1, "y");
  const TapeView view = tape.view();
  REQUIRE(view.records.size() == 2);
  CHECK(view.records[0].name() == "multiply");
  CHECK(view.formula(view.records[0]) == "%2 = x * w");
  const TapeValue& first = view.values[view.records[0].inputs[0]];
  CHECK(first.name == "x");
  CHECK(first.recorded);
  CHECK(same_bits(first.tensor, x));
  const TapeValue& second = view.values[view.records[0].inputs[1]];
  CHECK(second.variable == w);
  const TapeValue& one = view.values[view.records[1].inputs[1]];
  CHECK_FALSE(one.recorded);
  CHECK(one.name == "constant");
  CHECK(view.index_of(y) == view.records[1].outputs[0]);
  CHECK_THROWS_WITH_AS(view.index_of(Tensor::ones({3})), doctest::Contains("which it did not record"),
                       ValueError);
}

TEST_CASE("keep_all: keeps every value, goes on after gradient(), and changes no gradient") {
  const SmallNet net;
  const auto gradients = [&](GradientTapeOptions options) {
    GradientTape tape(options);
    const Tensor loss = net.loss();
    std::vector<Tensor> all = tape.gradient(loss, {net.kernel, net.recurrent});
    all.push_back(loss);
    return all;
  };
  const std::vector<Tensor> ordinary = gradients({});
  const std::vector<Tensor> shown = gradients({.keep_all = true});
  for (std::size_t i = 0; i < ordinary.size(); ++i) {
    CHECK(difference_between(ordinary[i], shown[i]) < 1e-14);
  }
  GradientTape tape({.keep_all = true});
  const Tensor loss = net.loss();
  const Tensor first = tape.gradient(loss, net.kernel);
  const std::size_t records = tape.size();
  CHECK(same_bits(tape.gradient(loss, net.kernel), first));
  CHECK(tape.size() == records);
  for (const TapeValue& value : tape.view().values) CHECK_FALSE(value.tensor.is_abstract());
}

TEST_CASE("keep_all: a scan is shown step by step, with the time step of each record") {
  const SmallNet net;
  GradientTape tape({.keep_all = true});
  net.loss();
  const TapeView view = tape.view();
  std::map<Index, int> records;
  for (const TapeRecord& record : view.records) ++records[record.step];
  CHECK(records.size() == 4);
  CHECK(records[0] == records[1]);
  CHECK(records[1] == records[2]);
  const auto has = [&](const std::string& name) {
    return std::ranges::any_of(view.values, [&](const TapeValue& value) { return value.name == name; });
  };
  for (const char* name : {"f_0", "f_1", "f_2", "h_0", "h_2", "kernel", "recurrent_kernel"}) {
    CAPTURE(name);
    CHECK(has(name));
  }
}

TEST_CASE("keep_all: a layer's steps are shown with its path, its draws are those of the compiled loop") {
  const Ref<layers::RNN> layer = LSTM({.units = 2, .dropout = 0.5, .seed = 7, .name = "memory"});
  const Ref<layers::RNN> again = LSTM({.units = 2, .dropout = 0.5, .seed = 7, .name = "memory"});
  const Tensor x = Tensor::ones({2, 3, 2});
  layer(x);
  again(x);
  again->set_weights(layer->get_weights());
  const Tensor compiled = again(x, {.training = true});
  GradientTape tape({.keep_all = true});
  const Tensor shown = layer(x, {.training = true});
  CHECK(max(abs(compiled - shown)).item<float>() < 1e-6F);
  int in_cell = 0;
  const TapeView view = tape.view();
  for (const TapeRecord& record : view.records) {
    if (record.step >= 0 && record.layer.starts_with("memory/")) ++in_cell;
  }
  CHECK(in_cell > 30);
  for (const TapeValue& value : view.values) {
    if (value.name == "kernel") CHECK(value.layer.starts_with("memory/"));
  }
}

TEST_CASE("sweep: the parts of each value add up to its gradient, which is that of gradient()") {
  const SmallNet net;
  GradientTape tape({.keep_all = true});
  tape.watch(net.x);
  const Tensor loss = net.loss();
  const TapeView view = tape.view();
  const TapeSweep sweep = tape.sweep(loss);
  CHECK(sweep.target == view.index_of(loss));
  std::vector<Tensor> sums(view.values.size());
  for (const TapeSweepStep& step : sweep.steps) {
    const TapeRecord& record = view.records[step.record];
    for (std::size_t i = 0; i < record.inputs.size(); ++i) {
      if (!step.leaving[i]) continue;
      CHECK(step.leaving[i].shape() == view.values[record.inputs[i]].tensor.shape());
      Tensor& sum = sums[record.inputs[i]];
      sum = sum ? sum + step.leaving[i] : step.leaving[i];
    }
    for (std::size_t i = 0; i < record.outputs.size(); ++i) {
      if (step.arriving[i]) CHECK(same_bits(step.arriving[i], sweep.gradients[record.outputs[i]]));
    }
  }
  int compared = 0;
  for (std::size_t v = 0; v < sums.size(); ++v) {
    if (!sums[v]) continue;
    CHECK(same_bits(sums[v], sweep.gradients[v]));
    ++compared;
  }
  CHECK(compared > 20);
  for (const Variable& variable : {net.kernel, net.recurrent}) {
    CHECK(same_bits(sweep.gradients[view.index_of(variable.value())], tape.gradient(loss, variable)));
  }
  CHECK(same_bits(sweep.gradients[view.index_of(net.x)], tape.gradient(loss, net.x)));
}

TEST_CASE("sweep: an operand that stands twice, and an output gradient") {
  const Tensor x = Tensor::of<double>({3, 5});
  GradientTape tape;
  tape.watch(x);
  const Tensor y = x * x;
  const TapeSweep sweep = tape.sweep(y, {.output_gradient = Tensor::of<double>({1, 10})});
  REQUIRE(sweep.steps.size() == 1);
  CHECK(same_bits(sweep.steps[0].leaving[0], Tensor::of<double>({6, 100})));
  CHECK_FALSE(static_cast<bool>(sweep.steps[0].leaving[1]));
  // The tape does not notice.
  CHECK(same_bits(tape.gradient(y, x), Tensor::of<double>({6, 10})));
  CHECK_THROWS_AS(tape.sweep(y), RuntimeError);
}

TEST_CASE("sweep: truncated at a time step it is the gradient with the state of that step cut off") {
  const SmallNet net;
  GradientTape tape({.keep_all = true});
  const Tensor loss = net.loss();
  const TapeView view = tape.view();
  for (Index cut = 0; cut < 3; ++cut) {
    CAPTURE(cut);
    const TapeSweep sweep = tape.sweep(loss, {.truncate_at = cut});
    GradientTape other;
    const Tensor cut_loss = net.loss(cut);
    const std::vector<Tensor> expected = other.gradient(cut_loss, {net.kernel, net.recurrent});
    CHECK(difference_between(sweep.gradients[view.index_of(net.kernel.value())], expected[0]) < 1e-14);
    CHECK(difference_between(sweep.gradients[view.index_of(net.recurrent.value())], expected[1]) < 1e-14);
  }
}

TEST_CASE("formulas: what a record computes and what its gradient rule computes") {
  const auto rules = [](auto&& function, const std::vector<Tensor>& operands) {
    GradientTape tape({.keep_all = true});
    for (const Tensor& input : operands) tape.watch(input);
    labeled(function(), "y");
    const TapeView view = tape.view();
    std::string text;
    for (const TapeRecord& record : view.records) {
      text += view.formula(record);
      const std::vector<std::string> formulas = view.gradient_formulas(record);
      for (std::size_t i = 0; i < formulas.size(); ++i) {
        if (!formulas[i].empty()) text += "; " + view.gradient_name(record.inputs[i]) + " = " + formulas[i];
      }
      text += "\n";
    }
    return text;
  };
  const Tensor a = labeled(Tensor::of<double>({{1, 2}, {3, 4}}), "a");
  const Tensor b = labeled(Tensor::of<double>({{5, 6}, {7, 8}}), "b");
  const Tensor row = labeled(Tensor::of<double>({1, 2}), "r");
  CHECK(rules([&] { return a * b; }, {a, b}) == "y = a * b; da = dy * b; db = dy * a\n");
  CHECK(rules([&] { return a / b; }, {a}) == "y = a / b; da = dy / b\n");
  CHECK(rules([&] { return sigmoid(a); }, {a}) == "y = sigmoid(a); da = dy * y * (1 - y)\n");
  CHECK(rules([&] { return tanh(a); }, {a}) == "y = tanh(a); da = dy * (1 - y^2)\n");
  CHECK(rules([&] { return matmul(a, b); }, {a, b}) == "y = a @ b; da = dy @ b^T; db = a^T @ dy\n");
  CHECK(rules([&] { return a - row; }, {row}) == "y = a - r; dr = sum_to(-dy, shape=[2])\n");
  CHECK(rules([&] { return square(a); }, {a}) == "y = a^2; da = dy * (a + a)\n");
}

TEST_CASE("explain: a worksheet forward and backward, with values, parts and formulas") {
  const Tensor x = labeled(Tensor::of<double>({0.5}), "x");
  const Variable w(Tensor::of<double>({2}), {.name = "w"});
  GradientTape tape({.keep_all = true});
  tape.watch(x);
  Tensor h = x;
  for (Index t = 0; t < 2; ++t) {
    const TimeStep step(t);
    h = labeled(h * w, "h_t");
  }
  const Tensor loss = labeled(sum(h), "loss");
  CHECK(explain(tape, loss) ==
        R"(forward
  time step 0
    0  h_0 = x * w  float64[1] = [1]
  time step 1
    1  h_1 = h_0 * w  float64[1] = [2]
  outside of layers and time steps
    2  loss = sum(h_1, axes={0}, keepdims=false)  float64[] = 2
backward, from loss
    2  loss = sum(h_1, axes={0}, keepdims=false)
         arrives  dloss = 1
         leaves   dh_1 = broadcast_to(expand_dims(dloss, axes={0}), shape=[1]) = [1]
  time step 1
    1  h_1 = h_0 * w
         arrives  dh_1 = [1]
         leaves   dh_0 = dh_1 * w = [2]
         leaves   dw += dh_1 * h_0 = [1]
  time step 0
    0  h_0 = x * w
         arrives  dh_0 = [2]
         leaves   dx = dh_0 * w = [4]
         leaves   dw += dh_0 * x = [1]
gradients, as sums of their parts
  dx  float64[1] = [4]
         from record 0, time step 0: [4]
  dw  float64[1] = [2]
         from record 1, time step 1: [1]
         from record 0, time step 0: [1]
)");
  std::ostringstream printed;
  printed << tape;
  CHECK(contains(printed.str(), "    1  h_1 = h_0 * w  float64[1] = [2]\n"));
  CHECK(printed.str() == to_string(tape));
}
