// What the compiled loop over time does where, by its own account: one product a step for each layer of
// weights that the carry goes through, everything else outside the loop.
#include <sstream>
#include <string>

#include <unspool/autograd/joining.h>
#include <unspool/core/kernels/jit.h>

#include "recurrent_support.h"

using namespace unspool;
using namespace unspool::testing;

namespace {

/// Zhou et al. 2016.
class MinimalGated : public Cell {
 public:
  explicit MinimalGated(Index units) : Cell({.state_sizes = {units}}), units_(units) {}
  void build(const Shape& input) override {
    kernel_ = add_weight({.name = "kernel", .shape = {input.back(), 2 * units_}});
    recurrent_ = add_weight({.name = "recurrent_kernel", .shape = {units_, 2 * units_}});
  }
  CellOutput call(const Tensor& x, const States& states, const CallArgs&) override {
    const Tensor& h = states[0];
    const auto [xf, xc] = split<2>(matmul(x, kernel_));
    const auto [uf, uc] = split<2>(recurrent_);
    const Tensor f = sigmoid(xf + matmul(h, uf));
    const Tensor next = (1 - f) * h + f * tanh(xc + matmul(f * h, uc));
    return {next, {next}};
  }

 private:
  Index units_;
  Variable kernel_, recurrent_;
};

/// Lei et al. 2018: the state is only scaled.
class SimpleRecurrentUnit : public Cell {
 public:
  explicit SimpleRecurrentUnit(Index units) : Cell({.state_sizes = {units}}), units_(units) {}
  void build(const Shape& input) override {
    kernel_ = add_weight({.name = "kernel", .shape = {input.back(), 4 * units_}});
  }
  CellOutput call(const Tensor& x, const States& states, const CallArgs&) override {
    const auto [value, forget, reset, skip] = split<4>(matmul(x, kernel_));
    const Tensor f = sigmoid(forget);
    const Tensor r = sigmoid(reset);
    const Tensor c = f * states[0] + (1 - f) * value;
    return {r * tanh(c) + (1 - r) * skip, {c}};
  }

 private:
  Index units_;
  Variable kernel_;
};

struct Products {
  int before = 0;
  int loop = 0;
  int after = 0;
  friend bool operator==(const Products&, const Products&) = default;
};

/// The products of each part of the plan, forward and backward.
std::array<Products, 2> products_of(const std::string& plan) {
  std::array<Products, 2> found;
  std::istringstream lines(plan);
  std::size_t direction = 0;
  int Products::*part = nullptr;
  for (std::string line; std::getline(lines, line);) {
    if (line == "backward") direction = 1;
    if (line == "  before the loop") part = &Products::before;
    if (line == "  in the loop") part = &Products::loop;
    if (line == "  after the loop") part = &Products::after;
    if (line.find(" times ") != std::string::npos && part != nullptr) ++(found[direction].*part);
  }
  return found;
}

std::string plan_of(const Ref<layers::RNN>& layer) {
  layer(Tensor::ones({4, 5, 3}));
  return layer->plan();
}

}  // namespace

TEST_CASE("plan: which products stand before, in and after the loop") {
  // Forward: the input's product before. Backward: one for the input and one for each kernel after.
  const auto check = [](const Ref<layers::RNN>& layer, const Products& forward, const Products& backward) {
    const std::string plan = plan_of(layer);
    CAPTURE(plan);
    const auto found = products_of(plan);
    CHECK(found[0] == forward);
    CHECK(found[1] == backward);
    CHECK(plan.find("4 rows, row-parallel") != std::string::npos);
    CHECK(plan.find("whole") == std::string::npos);
  };
  check(SimpleRNN({.units = 6}), {1, 1, 0}, {0, 1, 3});
  check(LSTM({.units = 6}), {1, 1, 0}, {0, 1, 3});
  check(GRU({.units = 6}), {1, 1, 0}, {0, 1, 3});
  check(GRU({.units = 6, .reset_after = false}), {1, 2, 0}, {0, 2, 4});
  check(RNN(make<MinimalGated>(6)), {1, 2, 0}, {0, 2, 4});
  check(RNN(make<SimpleRecurrentUnit>(6)), {1, 0, 0}, {0, 0, 2});
}

TEST_CASE("plan: the way back keeps nothing twice, and nothing that is cheap to compute again") {
  // States and gates of all steps; each takes 8 x 32 x 32 floats.
  const auto kept = [](const Ref<layers::RNN>& layer) {
    layer(Tensor::ones({32, 8, 3}));
    const std::string plan = layer->plan();
    const std::string title = "stacked outputs ";
    return std::stod(plan.substr(plan.find(title) + title.size())) / 32;
  };
  // The state as it comes in.
  CHECK(kept(SimpleRNN({.units = 32})) == 1);
  // Four gates, both states as they come in, and what the output gate opens.
  CHECK(kept(LSTM({.units = 32})) == 7);
  // Both gates, the candidate and its recurrent part, and the state, but not 1 - z.
  CHECK(kept(GRU({.units = 32})) == 5);
  // The gate, the candidate and the state, but neither 1 - f nor f * h.
  CHECK(kept(RNN(make<MinimalGated>(32))) == 3);
}

TEST_CASE(
    "plan: a cell's elementwise operations are machine code where the machine's instruction set allows it") {
  const bool made = kernels::jit_target(kernels::current_isa()) != nullptr;
  for (const Ref<layers::RNN>& layer :
       {Ref<layers::RNN>(LSTM({.units = 6})), Ref<layers::RNN>(GRU({.units = 6})), RNN(make<MinimalGated>(6)),
        RNN(make<SimpleRecurrentUnit>(6))}) {
    const std::string plan = plan_of(layer);
    CAPTURE(plan);
    CHECK((plan.find("in machine code") != std::string::npos) == made);
  }
}

TEST_CASE("plan: says which sequences are copied chunk by chunk, since their second axis is time") {
  const std::string plan = plan_of(SimpleRNN({.units = 6, .return_sequences = true}));
  CAPTURE(plan);
  // The input, and the gradient by the output; the output, and the gradient by the input.
  CHECK(plan.find("time is the second axis of x_t: read chunk by chunk") != std::string::npos);
  const std::size_t backward = plan.find("backward");
  CHECK(plan.rfind("written chunk by chunk", backward) != std::string::npos);
  CHECK(plan.find("written chunk by chunk", backward) != std::string::npos);
}

TEST_CASE("plan: many rows make two groups where the weights are worth it") {
  const auto groups = [](Index batch, Index units) {
    const Ref<layers::RNN> layer = LSTM({.units = units});
    layer(Tensor::ones({batch, 3, units}));
    return layer->plan().find("2 groups of rows, each with sums of its own") != std::string::npos;
  };
  CHECK(groups(16, 64));
  CHECK_FALSE(groups(15, 64));
  CHECK_FALSE(groups(16, 32));
}

TEST_CASE("plan: says why nothing is compiled, or that nothing has run yet") {
  CHECK(LSTM({.units = 2})->plan() == "not called yet\n");
  CHECK(plan_of(LSTM({.units = 2, .unroll = true})).find("unroll is true") != std::string::npos);
}
