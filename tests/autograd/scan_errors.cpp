#include <doctest/doctest.h>
#include <functional>
#include <string>

#include <unspool/unspool.h>

#include "../support/errors.h"

using namespace unspool;
using namespace unspool::testing;

namespace {

using Carry = std::vector<Tensor>;

const Tensor& state() {
  static const Tensor zeros = Tensor::zeros({2, 3});
  return zeros;
}
const Tensor& sequence() {
  static const Tensor ones = Tensor::ones({4, 2, 3});
  return ones;
}

/// What a scan with such a step says.
template <class E, class F>
std::string says(F&& step) {
  return message_of<E>([&] { scan(step, {state()}, {sequence()}); });
}

}  // namespace

TEST_CASE("a step that asks for a value is told what to do instead") {
  const auto check = [](auto&& ask) {
    const std::string message = says<RuntimeError>([&](const Carry& carry, const Carry& inputs) {
      ask(carry[0] + inputs[0]);
      return ScanStep{{carry[0]}};
    });
    CAPTURE(message);
    CHECK(contains(message, "float32[2, 3]"));
    CHECK(contains(message, "where()"));
    CHECK(contains(message, "as a state"));
    CHECK(contains(message, "unroll = true"));
  };
  check([](const Tensor& x) { return x.item<float>({0, 0}); });
  check([](const Tensor& x) { return x.data<float>(); });
  check([](const Tensor& x) { return x.to_vector<float>(); });
  const std::string scalar = says<RuntimeError>([](const Carry& carry, const Carry& inputs) {
    return ScanStep{{sum(inputs[0]).item<float>() > 0 ? carry[0] : inputs[0]}};
  });
  CHECK(contains(scalar, "where()"));
}

TEST_CASE("a traced tensor is printed by its shape") {
  std::string text;
  scan(
      [&](const Carry& carry, const Carry&) {
        text = to_string(carry[0]);
        return ScanStep{carry};
      },
      {state()}, {sequence()});
  CHECK(text == "<abstract float32[2, 3]>");
}

TEST_CASE("a variable does not take a traced tensor") {
  const Variable variable(state(), {.name = "kept"});
  for (const auto& assign : std::vector<std::function<void(const Tensor&)>>{
           [&](const Tensor& x) { variable.assign(x); },
           [&](const Tensor& x) { variable.assign_add(x); },
           [&](const Tensor& x) { Variable made(x, {.name = "kept"}); },
       }) {
    const std::string message = says<RuntimeError>([&](const Carry& carry, const Carry& inputs) {
      assign(inputs[0]);
      return ScanStep{carry};
    });
    CHECK(contains(message, "the variable kept"));
    CHECK(contains(message, "return it as a state"));
  }
  CHECK(variable.value().data<float>()[0] == 0);
}

TEST_CASE("a traced tensor is of no use after its step") {
  Tensor escaped;
  scan(
      [&](const Carry& carry, const Carry& inputs) {
        escaped = carry[0] * inputs[0];
        return ScanStep{{escaped}};
      },
      {state()}, {sequence()});
  CHECK(contains(message_of<RuntimeError>([&] { escaped.data<float>(); }), "unroll = true"));
  const std::string used = message_of<RuntimeError>([&] { escaped + 1; });
  CHECK(contains(used, "a step of a scan that has ended"));
  CHECK(contains(used, "let the step return it"));
  CHECK(contains(used, "unroll = true"));
  // In another scan, too: used, returned as it is, or as what goes in.
  const auto ended = [&](auto&& again) {
    const std::string message = message_of<RuntimeError>(again);
    CAPTURE(message);
    CHECK(contains(message, "a step of a scan that has ended"));
  };
  ended([&] {
    scan([&](const Carry& carry, const Carry&) { return ScanStep{{carry[0] + escaped}}; }, {state()},
         {sequence()});
  });
  ended([&] {
    scan([&](const Carry&, const Carry&) { return ScanStep{{escaped}}; }, {state()}, {sequence()});
  });
  ended([&] {
    scan([](const Carry& carry, const Carry&) { return ScanStep{carry}; }, {escaped}, {sequence()});
  });
}

TEST_CASE("a next carry that does not fit") {
  const std::string number = says<ValueError>([](const Carry&, const Carry&) { return ScanStep{}; });
  CHECK(contains(number, "takes 1 carries and returned 0"));
  const std::string shape =
      says<ValueError>([](const Carry& carry, const Carry&) { return ScanStep{{sum(carry[0], {1}, true)}}; });
  CHECK(contains(shape, "carry 0 is float32[2, 3]"));
  CHECK(contains(shape, "float32[2, 1]"));
  const std::string dtype =
      says<ValueError>([](const Carry& carry, const Carry&) { return ScanStep{{cast(carry[0], float64)}}; });
  CHECK(contains(dtype, "carry 0 is float32[2, 3]"));
  CHECK(contains(dtype, "float64[2, 3]"));
}

TEST_CASE("empty tensors") {
  const auto same = [](const Carry& carry, const Carry&) { return ScanStep{carry}; };
  CHECK(
      contains(message_of<ValueError>([&] { scan(same, {Tensor()}, {sequence()}); }), "a carry is an empty"));
  CHECK(contains(message_of<ValueError>([&] { scan(same, {state()}, {Tensor()}); }),
                 "expected a sequence whose first axis is time, got an empty tensor"));
  CHECK(contains(says<ValueError>([](const Carry&, const Carry&) { return ScanStep{{Tensor()}}; }),
                 "an empty tensor"));
  CHECK(contains(says<ValueError>([](const Carry& carry, const Carry&) {
                   return ScanStep{carry, {Tensor()}};
                 }),
                 "the step returned an empty tensor"));
  CHECK(contains(says<ValueError>([](const Carry& carry, const Carry&) {
                   return ScanStep{carry, {}, {Tensor()}};
                 }),
                 "the step returned an empty tensor"));
}

TEST_CASE("the number of steps") {
  const auto same = [](const Carry& carry, const Carry&) { return ScanStep{carry}; };
  CHECK(contains(message_of<ValueError>([&] {
                   scan(same, {state()}, {sequence(), Tensor::ones({5, 2})});
                 }),
                 "4 and 5 steps"));
  CHECK(contains(message_of<ValueError>([&] { scan(same, {state()}, {sequence()}, {.steps = 3}); }),
                 "3 and 4 steps"));
  CHECK(contains(message_of<ValueError>([&] { scan(same, {state()}, {Tensor::scalar(1)}); }),
                 "whose first axis is time, got int32[]"));
  CHECK(contains(message_of<ValueError>([&] { scan(same, {state()}, {}); }), "or set .steps"));
  CHECK(scan(same, {state()}, {}, {.steps = 3}).carry.size() == 1);
  const ScanResult none = scan(
      [](const Carry& carry, const Carry&) {
        return ScanStep{{carry[0] + 1}, {carry[0]}, {carry[0]}};
      },
      {Tensor::ones({2})}, {}, {.steps = 0});
  CHECK(none.carry[0].to_vector<float>() == std::vector<float>{1, 1});
  CHECK(none.outputs[0].shape() == Shape{0, 2});
  CHECK(none.last[0].to_vector<float>() == std::vector<float>{0, 0});
}

TEST_CASE("an error in a step leaves nothing behind") {
  for (int i = 0; i < 3; ++i) {
    says<RuntimeError>([](const Carry& carry, const Carry&) {
      carry[0].data<float>();
      return ScanStep{carry};
    });
  }
  // Outside a step a draw has values.
  CHECK_FALSE(random_uniform({2}).is_abstract());
  const ScanResult result =
      scan([](const Carry& carry, const Carry& inputs) { return ScanStep{{carry[0] + inputs[0]}}; },
           {state()}, {sequence()});
  CHECK(result.carry[0].data<float>()[5] == 4);
}
