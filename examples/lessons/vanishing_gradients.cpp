// Vanishing gradients: how much of what a recurrent net did at step t reaches the loss at the end.
//
//     scripts/example.sh vanishing_gradients
//
// The gradient with respect to h_{t-1} is the gradient with respect to h_t times the Jacobian of a step. In a
// net of tanh that is diag(1 - h_t^2) times the transposed recurrent matrix, whose powers shrink with its
// spectral radius: with a radius of 0.8 less than a billionth is left after 100 steps (Hochreiter 1991;
// Pascanu, Mikolov, Bengio 2013). The identity as recurrent matrix, with relu, keeps most of it (Le, Jaitly,
// Hinton 2015). An LSTM's c_t has a way back of its own, along which the Jacobian is the forget gate: a step
// keeps sigmoid(bias) of the gradient, 0.73 with the usual bias of 1 and 0.993 with 5, whatever the recurrent
// matrix, and what comes back by the other gates is added. So a bias of 1 slows the fall, and does not end
// it.
//
// Five nets with fresh weights, on the adding problem of length 100; the loss is at the end. Writes
// vanishing_gradients.svg (all five) and lstm_gradients.svg (each gate of the LSTM, as a heat map).
//
// Argument: the folder for the pictures.
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <map>
#include <string>
#include <vector>

#include <unspool/unspool.h>

#include "lesson.h"

using namespace unspool;

namespace {

constexpr Index steps = 100, units = 32, batch = 16;

struct Problem {
  Tensor x;  // (batch, steps, 2): a number, and whether it is one of the two to be added.
  Tensor y;  // (batch, 1): their sum.
};

Problem adding_problem() {
  const Tensor numbers = random_uniform({batch, steps}, 0, 1, float32, 1);
  std::vector<float> marks(static_cast<std::size_t>(batch * steps));
  for (Index b = 0; b < batch; ++b) {
    marks[static_cast<std::size_t>(b * steps + (7 * b) % (steps / 2))] = 1;
    marks[static_cast<std::size_t>(b * steps + steps / 2 + (11 * b) % (steps / 2))] = 1;
  }
  const Tensor marked = Tensor::from(marks, {batch, steps});
  return {stack({numbers, marked}, 2), sum(numbers * marked, {1}, true)};
}

struct Net {
  std::string name;
  Ref<Layer> layer;
  std::string state;  // The state that carries the gradient.
};

std::vector<Net> nets() {
  const auto lstm = [](double forget_bias) {
    const auto layer = LSTM({.units = units, .unit_forget_bias = false, .seed = 1});
    layer->build_once(Shape{batch, steps, 2});
    const Tensor zeros = Tensor::zeros({units});
    layer->weights()[2].assign(concat({zeros, zeros + forget_bias, zeros, zeros}));
    return layer;
  };
  return {
      {"tanh, radius 0.8", SimpleRNN({.units = units, .recurrent_initializer = Orthogonal({.gain = 0.8})}),
       "h"},
      {"relu, identity",
       SimpleRNN({.units = units, .activation = "relu", .recurrent_initializer = "identity"}), "h"},
      {"LSTM, bias 1", lstm(1), "c"},
      {"LSTM, bias 5", lstm(5), "c"},
      {"GRU", GRU({.units = units}), "h"},
  };
}

}  // namespace

int main(int argc, char** argv) {
  try {
    set_seed(1);
    const std::filesystem::path out = argc > 1 ? argv[1] : "build/vanishing_gradients";
    std::filesystem::create_directories(out);
    const Problem data = adding_problem();
    std::vector<PlotLine> lines;
    std::map<std::string, double> left, kept;  // At the first step; by a step, on the mean of the last fifty.
    std::printf("%-18s %14s %14s %14s %16s\n", "", "at step 1", "at step 50", "at step 100",
                "kept by a step");
    for (const Net& net : nets()) {
      Sequential model({Input({.shape = {steps, 2}}), net.layer, Dense({.units = 1})});
      model.compile({.optimizer = "sgd", .loss = "mse"});
      const GradientFlow flow = gradient_flow(model, data.x, data.y);
      const std::vector<double>& norms = flow.row(net.state).norms;
      // Relative to the last step, so that the lines begin at one point.
      std::vector<double> relative;
      std::vector<double> at;
      for (std::size_t t = 0; t < norms.size(); ++t) {
        relative.push_back(norms[t] / norms.back());
        at.push_back(static_cast<double>(t + 1));
      }
      lines.push_back({.label = net.name, .x = Tensor::from(at), .y = Tensor::from(relative)});
      std::printf("%-18s %14.1e %14.1e %14.1e %16.3f\n", net.name.c_str(), relative.front(), relative[49],
                  relative.back(), std::pow(relative[49], 1.0 / 50));
      left[net.name] = relative.front();
      kept[net.name] = std::pow(relative[49], 1.0 / 50);
      if (net.name == "LSTM, bias 1") {
        flow.save_heat_map((out / "lstm_gradients.svg").string(), "LSTM with a forget bias of 1");
        std::cout << '\n' << flow << '\n';
      }
    }
    save_plot((out / "vanishing_gradients.svg").string(), lines,
              {.title = "How much of the gradient at the end is left at each step",
               .x_label = "time step",
               .y_label = "relative norm",
               .logarithmic = true,
               .width = 900,
               .height = 360});
    std::cout << "\nPictures are in " << out.string() << "\n\n";
    lesson::Claims claims;
    claims.check(left["tanh, radius 0.8"] < 1e-9, "the tanh net keeps less than a billionth over 100 steps");
    claims.check(left["relu, identity"] > 0.5, "relu with the identity keeps more than half");
    claims.check(kept["LSTM, bias 1"] > 0.73 && kept["LSTM, bias 1"] < 0.9,
                 "the LSTM keeps more than 0.73 by a step with a bias of 1, but less than 0.9");
    claims.check(kept["LSTM, bias 5"] > 0.99, "and more than 0.99 with a bias of 5");
    return claims.all_hold() ? 0 : 1;
  } catch (const std::exception& error) {
    std::cerr << "vanishing_gradients: " << error.what() << '\n';
    return 2;
  }
}
