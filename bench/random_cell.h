#pragma once

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include <unspool/unspool.h>

namespace bench {

/// A gated cell with a random number, order, activation and coupling of gates, like one that a user may
/// invent. It keeps most of its state at each step, so that gradients do not become subnormal.
class RandomCell : public unspool::Cell {
 public:
  RandomCell(unspool::Index units, std::uint32_t seed) : RandomCell(units, Draw(seed)) {}

  unspool::Index gates() const { return static_cast<unspool::Index>(draw_.order.size()); }
  /// "3 gates (2 0 1), c = f * c + (1 - f) * softsign, h = tanh(c)".
  std::string describe() const {
    std::string text = std::to_string(draw_.order.size()) + " gates (";
    for (std::size_t gate : draw_.order) text += (text.back() == '(' ? "" : " ") + std::to_string(gate);
    text += "), c = f * c + ";
    text += draw_.input_gate ? "i * " : draw_.coupled ? "(1 - f) * " : "";
    text += std::string(name_of(draw_.candidate)) +
            (draw_.second ? " * " + std::string(name_of(draw_.other)) : "");
    text += ", h = " + std::string(draw_.output_gate ? "o * " : "") + name_of(draw_.output) + "(c)";
    return text + (draw_.two_states ? ", two states" : "");
  }

  void build(const unspool::Shape& input) override {
    using namespace unspool;
    const Index width = gates() * units_;
    kernel_ = add_weight({.name = "kernel", .shape = {input.back(), width}});
    recurrent_ =
        add_weight({.name = "recurrent_kernel", .shape = {units_, width}, .initializer = Orthogonal()});
    bias_ = add_weight({.name = "bias", .shape = {width}, .initializer = Zeros()});
  }

  unspool::CellOutput call(const unspool::Tensor& x, const unspool::States& states,
                           const unspool::CallArgs&) override {
    using namespace unspool;
    const Tensor z = matmul(x, kernel_) + matmul(states[0], recurrent_) + bias_;
    const std::vector<Tensor> parts = split(z, gates());
    std::size_t next = 0;
    const auto part = [&] { return parts[draw_.order[next++]]; };
    const Tensor f = sigmoid(part() + 2);
    Tensor candidate = activated(draw_.candidate, part());
    if (draw_.second) candidate = candidate * activated(draw_.other, part());
    if (draw_.input_gate) {
      candidate = sigmoid(part()) * candidate;
    } else if (draw_.coupled) {
      candidate = (1 - f) * candidate;
    }
    const Tensor c = f * states.back() + candidate;
    Tensor h = activated(draw_.output, c);
    if (draw_.output_gate) h = sigmoid(part()) * h;
    return draw_.two_states ? CellOutput{h, {h, c}} : CellOutput{h, {c}};
  }

 private:
  enum Activation { tanh_of, softsign_of, sigmoid_of, linear };
  struct Draw {
    explicit Draw(std::uint32_t seed) {
      std::mt19937 draw(seed);
      const auto one_of = [&](std::uint32_t count) { return static_cast<int>(draw() % count); };
      second = one_of(3) == 0;
      input_gate = one_of(2) == 0;
      coupled = one_of(2) == 0;
      output_gate = one_of(2) == 0;
      two_states = one_of(2) == 0;
      candidate = static_cast<Activation>(one_of(2));
      other = static_cast<Activation>(one_of(3));
      output = one_of(3) == 0 ? linear : tanh_of;
      order.resize(2U + (second ? 1U : 0U) + (input_gate ? 1U : 0U) + (output_gate ? 1U : 0U));
      for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
      std::shuffle(order.begin(), order.end(), draw);
    }
    bool second, input_gate, coupled, output_gate, two_states;
    Activation candidate, other, output;
    std::vector<std::size_t> order;
  };

  RandomCell(unspool::Index units, Draw draw)
      : Cell({.state_sizes = std::vector<unspool::StateSize>(draw.two_states ? 2 : 1, units)}),
        units_(units),
        draw_(std::move(draw)) {}

  static const char* name_of(Activation activation) {
    constexpr const char* names[] = {"tanh", "softsign", "sigmoid", "linear"};
    return names[activation];
  }
  static unspool::Tensor activated(Activation activation, const unspool::Tensor& x) {
    switch (activation) {
      case tanh_of:
        return tanh(x);
      case softsign_of:
        return softsign(x);
      case sigmoid_of:
        return sigmoid(x);
      default:
        return x;
    }
  }

  unspool::Index units_;
  Draw draw_;
  unspool::Variable kernel_, recurrent_, bias_;
};

}  // namespace bench
