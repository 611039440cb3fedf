#include <cmath>
#include <doctest/doctest.h>
#include <limits>

#include <unspool/unspool.h>

#include "../support/threads.h"

using namespace unspool;

namespace {

double largest_difference(const Tensor& a, const Tensor& b) {
  REQUIRE(a.shape() == b.shape());
  const double size = max(abs(b)).item<double>();
  return max(abs(a - b)).item<double>() / (size > 0 ? size : 1);
}

}  // namespace

TEST_CASE("scan is the loop that it stands for: values, gradients, second gradients") {
  set_seed(1);
  const Index steps = 5, batch = 3, units = 4;
  const Tensor x = random_normal({steps, batch, units}, 0, 1, float64);
  const Tensor h0 = random_normal({batch, units}, 0, 1, float64);
  const Tensor w = random_normal({units, units}, 0, 0.5, float64);
  const Tensor b = random_normal({units}, 0, 0.5, float64);
  const auto by = [&](bool scanned, bool reverse) {
    const auto step = [&](const Tensor& h, const Tensor& xt) { return tanh(matmul(h, w) + xt + b) * 0.9; };
    GradientTape outer;
    for (const Tensor& t : {x, h0, w, b}) outer.watch(t);
    GradientTape inner;
    for (const Tensor& t : {x, h0, w, b}) inner.watch(t);
    Tensor last, all;
    if (scanned) {
      const ScanResult result = scan(
          [&](const std::vector<Tensor>& carry, const std::vector<Tensor>& inputs) {
            const Tensor next = step(carry[0], inputs[0]);
            return ScanStep{{next}, {next * next}};
          },
          {h0}, {x}, {.reverse = reverse});
      last = result.carry[0];
      all = result.outputs[0];
    } else {
      std::vector<Tensor> outputs(static_cast<std::size_t>(steps));
      last = h0;
      for (Index s = 0; s < steps; ++s) {
        const Index t = reverse ? steps - 1 - s : s;
        last = step(last, x[t]);
        outputs[static_cast<std::size_t>(t)] = last * last;
      }
      all = stack(outputs, 0);
    }
    const Tensor loss = sum(last * last * last) + sum(all * x);
    const std::vector<Tensor> first = inner.gradient(loss, {x, h0, w, b});
    Tensor norm = sum(first[0] * first[0]);
    for (std::size_t i = 1; i < 4; ++i) norm = norm + sum(first[i] * first[i]);
    const std::vector<Tensor> second = outer.gradient(norm, {x, h0, w, b});
    std::vector<Tensor> results{last, all};
    results.insert(results.end(), first.begin(), first.end());
    results.insert(results.end(), second.begin(), second.end());
    return results;
  };
  for (bool reverse : {false, true}) {
    const auto scanned = by(true, reverse);
    const auto looped = by(false, reverse);
    for (std::size_t i = 0; i < scanned.size(); ++i) {
      CAPTURE(i);
      CHECK(largest_difference(scanned[i], looped[i]) < 1e-12);
    }
  }
}

TEST_CASE(
    "scan: runs and chunks of every short length, in both directions, give the bits of chunks of one step") {
  set_seed(4);
  const Index batch = 3, units = 4;
  const Tensor w = random_normal({units, units});
  // The second carry is an output, too; the first is not, and the third is read by its next step alone.
  const auto step = [&](const std::vector<Tensor>& carry, const std::vector<Tensor>& x) {
    const Tensor c = tanh(carry[0] * x[0] + carry[2]);
    const Tensor h = sigmoid(matmul(carry[1], w) + c);
    return ScanStep{.carry = {c, h, x[0] * carry[1]}, .outputs = {h}};
  };
  const Tensor start = random_normal({batch, units});
  const Tensor xs = random_normal({11, batch, units});
  for (Index steps = 1; steps <= 11; ++steps) {
    const Tensor x = slice(xs, 0, 0, steps);
    for (bool reverse : {false, true}) {
      const auto bits = [&](Index longest) {
        GradientTape tape;
        for (const Tensor& t : {x, start, w}) tape.watch(t);
        const ScanResult all =
            scan(step, {start, start, start}, {x},
                 {.reverse = reverse, .tuning = {.longest_chunk = longest, .grouped_weights = 1 << 20}});
        Tensor loss = sum(square(all.outputs[0]));
        for (const Tensor& carry : all.carry) loss = loss + sum(carry);
        std::vector<float> found = all.outputs[0].to_vector<float>();
        const auto add = [&](const std::vector<Tensor>& list) {
          for (const Tensor& each : list) {
            const std::vector<float> own = each.to_vector<float>();
            found.insert(found.end(), own.begin(), own.end());
          }
        };
        add(all.carry);
        add(tape.gradient(loss, {x, start}));
        return found;
      };
      const std::vector<float> expected = bits(1);
      for (Index longest = 2; longest <= steps + 1; ++longest) {
        CAPTURE(steps);
        CAPTURE(longest);
        CHECK(bits(longest) == expected);
      }
    }
  }
}

TEST_CASE("scan: a carry may become what is the same at all steps, and a sequence may have rows of its own") {
  set_seed(2);
  const Index steps = 7, batch = 24, units = 5;
  const Tensor x = random_normal({batch, steps, units}, 0, 1, float64);
  const Tensor few = random_normal({2, steps, units}, 0, 1, float64);
  const Tensor start = random_normal({batch, units}, 0, 1, float64);
  const Tensor given = random_normal({batch, units}, 0, 1, float64);
  // The first carry goes on as it is given, the second as what is made of that once, the third as a cell's.
  const auto step = [&](const std::vector<Tensor>& carry, const std::vector<Tensor>& inputs) {
    const Tensor made = given * 2.0;
    const Tensor next = tanh(carry[0] * inputs[0] + carry[1] + carry[2]);
    // Nothing else of the few: rows of the loop do not wait for them.
    return ScanStep{{given, made, next}, {next * carry[0], square(inputs[1])}};
  };
  const auto of_time = [](const Tensor& t, Index time) { return transpose(t, {1, 0, 2})[time]; };
  const auto results = [&](bool scanned) {
    GradientTape tape;
    for (const Tensor& t : {x, few, start, given}) tape.watch(t);
    ScanResult all{{start, start, start}, {}};
    if (scanned) {
      all = scan(step, all.carry, {x, few}, {.time_axis = 1, .tuning = {.task_multiply_adds = 0}});
    } else {
      std::vector<Tensor> outputs[2];
      for (Index time = 0; time < steps; ++time) {
        const ScanStep made = step(all.carry, {of_time(x, time), of_time(few, time)});
        all.carry = made.carry;
        for (std::size_t i = 0; i < 2; ++i) outputs[i].push_back(made.outputs[i]);
      }
      all.outputs = {stack(outputs[0], 1), stack(outputs[1], 1)};
    }
    std::vector<Tensor> found = all.carry;
    found.insert(found.end(), all.outputs.begin(), all.outputs.end());
    const Tensor loss = sum(square(all.outputs[0])) + sum(square(all.outputs[1])) +
                        sum(all.carry[0] * all.carry[1] * all.carry[2]);
    for (const Tensor& gradient : tape.gradient(loss, {x, few, start, given})) found.push_back(gradient);
    return found;
  };
  const std::vector<Tensor> looped = results(false);
  for (int n : {1, 2, 4}) {
    const testing::Threads threads(n);
    const std::vector<Tensor> scanned = results(true);
    for (std::size_t i = 0; i < looped.size(); ++i) {
      CAPTURE(n);
      CAPTURE(i);
      CHECK(largest_difference(scanned[i], looped[i]) < 1e-12);
    }
  }
}

#ifdef __SSE__
TEST_CASE(
    "scan: what fades below the normal numbers is 0 in the loop, and outside of it all stays as it was") {
  const Tensor start = Tensor::full({4, 3}, 1.0);
  const auto faded = [&](Index steps) {
    GradientTape tape;
    tape.watch(start);
    const Tensor last = scan(
                            [](const auto& carry, const auto&) {
                              return ScanStep{{carry[0] * 0.5f}, {}};
                            },
                            {start}, {}, {.steps = steps})
                            .carry[0];
    return std::pair{last, tape.gradient(sum(last), start)};
  };
  const auto normal = faded(120);
  CHECK(normal.first.to_vector<float>() == std::vector<float>(12, std::ldexp(1.0F, -120)));
  CHECK(normal.second.to_vector<float>() == normal.first.to_vector<float>());
  const auto none = faded(140);
  CHECK(none.first.to_vector<float>() == std::vector<float>(12, 0.0F));
  CHECK(none.second.to_vector<float>() == std::vector<float>(12, 0.0F));
  CHECK((Tensor::scalar(std::numeric_limits<float>::min()) * 0.5f).item<float>() > 0);
}
#endif
