// Exploding gradients, and clipping: why a recurrent net's loss jumps, and how a bound on the gradient's norm
// prevents it.
//
//     scripts/example.sh clipping
//
// The gradient with respect to an early state is a product of one Jacobian for each step in between. In a
// linear net h_t = h_{t-1} U, where U is g times an orthogonal matrix, each factor stretches every vector by
// exactly g. So over 50 steps the gradient is multiplied by g^50: 0.005 for g = 0.9, and 117 for g = 1.1. It
// explodes once the spectral radius of U is above 1 (Bengio, Simard, Frasconi 1994).
//
// With a nonlinearity the Jacobian depends on the state, and the gradient explodes in some places only. The
// smallest example is that of Pascanu, Mikolov and Bengio (2013): one unit without input,
//
//     h_t = w sigmoid(h_{t-1}) + b      h_0 = 0.5      L = (h_50 - 0.7)^2
//
// The slope of sigmoid is at most 1/4, so with w = 5 a step's factor can reach 1.25. Where the two sides of a
// bifurcation meet, the loss has a wall: the gradient is hundreds of times as large as beside it, and one
// step of gradient descent throws the weights far away. Clipping keeps the direction of the gradient and
// limits its length: if the norm of all gradients together exceeds a threshold, all are multiplied by
// threshold / norm.
//
// Both runs start with the same weights and use the same learning rate. Without clipping the update at the
// wall throws away what the ones before it have reached; it happens to land where the loss falls again. With
// clipping the net meets the wall, too, and stays there: it goes to and fro across it by learning rate times
// threshold, 0.01, and a smaller learning rate would bring it closer. The program writes clipping_norm.svg
// and clipping_loss.svg.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <vector>

#include <unspool/unspool.h>

#include "lesson.h"

using namespace unspool;

namespace {

constexpr Index steps = 50;
constexpr int updates = 120;
constexpr double threshold = 2, learning_rate = 0.005;

/// |dL/dh_0| / |dL/dh_50| of a linear net whose recurrent matrix is g times an orthogonal one.
double stretched(double g) {
  const Variable u(Orthogonal({.gain = g, .seed = 1})({8, 8}, float64), {.name = "u"});
  const Tensor h0 = random_normal({1, 8}, 0, 1, float64, 2);
  GradientTape tape;
  tape.watch(h0);
  const auto step = [&](const std::vector<Tensor>& carry, const std::vector<Tensor>&) {
    return ScanStep{.carry = {matmul(carry[0], u)}};
  };
  const Tensor last = scan(step, {h0}, {}, {.steps = steps}).carry[0];
  const Tensor gradient = random_normal({1, 8}, 0, 1, float64, 3);
  return norm(tape.gradient(last, h0, {.output_gradient = gradient})).item<double>() /
         norm(gradient).item<double>();
}

/// The unit without input.
struct Unit {
  Variable w{Tensor::full({1, 1}, 5, float64), {.name = "w"}};
  Variable b{Tensor::full({1, 1}, -1.5, float64), {.name = "b"}};

  std::vector<Variable> weights() const { return {w, b}; }
  Tensor loss() const {
    const auto step = [&](const std::vector<Tensor>& carry, const std::vector<Tensor>&) {
      return ScanStep{.carry = {w * sigmoid(carry[0]) + b}};
    };
    const Tensor h0 = Tensor::full({1, 1}, 0.5, float64);
    return sum(square(scan(step, {h0}, {}, {.steps = steps}).carry[0] - 0.7));
  }
};

double largest(const std::vector<double>& values) { return *std::max_element(values.begin(), values.end()); }

/// What happened at each update.
struct Run {
  std::vector<double> loss, norm, norm_applied;
  double largest_rise() const {
    double rise = 0;
    for (std::size_t i = 1; i < loss.size(); ++i) rise = std::max(rise, loss[i] - loss[i - 1]);
    return rise;
  }
};

Run train(bool clip) {
  const Unit unit;
  SGD optimizer(learning_rate);
  Run run;
  for (int update = 0; update < updates; ++update) {
    GradientTape tape;
    const Tensor loss = unit.loss();
    std::vector<Tensor> gradients = tape.gradient(loss, unit.weights());
    const auto [clipped, norm] = clip_by_global_norm(gradients, threshold);
    if (clip) gradients = clipped;
    run.loss.push_back(loss.item<double>());
    run.norm.push_back(norm.item<double>());
    run.norm_applied.push_back(clip_by_global_norm(gradients, threshold).second.item<double>());
    optimizer.apply(gradients, unit.weights());
  }
  return run;
}

void draw(const std::filesystem::path& folder, const Run& plain, const Run& clipped) {
  const Tensor at = Tensor::arange(0, updates);
  const Tensor limit = Tensor::full({updates}, threshold);
  save_plot((folder / "clipping_norm.svg").string(),
            {{.label = "without clipping", .x = at, .y = Tensor::from(plain.norm)},
             {.label = "with clipping, before it is clipped", .x = at, .y = Tensor::from(clipped.norm)},
             {.label = "threshold", .x = at, .y = limit, .dashed = true}},
            {.title = "The norm of the gradient with respect to w and b",
             .x_label = "update",
             .y_label = "L2 norm",
             .logarithmic = true});
  save_plot((folder / "clipping_loss.svg").string(),
            {{.label = "without clipping", .x = at, .y = Tensor::from(plain.loss)},
             {.label = "with clipping", .x = at, .y = Tensor::from(clipped.loss)}},
            {.title = "The loss, from the same start with the same learning rate",
             .x_label = "update",
             .y_label = "squared error",
             .logarithmic = true});
}

void teach(lesson::Claims& claims, const std::filesystem::path& folder) {
  std::printf(
      "A linear net of 8 units over %d steps: the gradient at the first state, relative to the last\n\n",
      static_cast<int>(steps));
  std::printf("%6s %14s %14s\n", "g", "measured", "g^50");
  double worst = 0;
  for (const double g : {0.9, 1.0, 1.1, 1.5}) {
    const double measured = stretched(g), formula = std::pow(g, steps);
    std::printf("%6.1f %14.6g %14.6g\n", g, measured, formula);
    worst = std::max(worst, std::fabs(measured / formula - 1));
  }
  std::printf("\n");
  claims.check(worst <= 1e-9, "both agree to a billionth");

  const Run plain = train(false), clipped = train(true);
  std::printf(
      "\nThe unit without input, by SGD with a learning rate of %g, with gradients clipped at %g:\n\n",
      learning_rate, threshold);
  std::printf("%8s %26s %26s\n", "", "without clipping", "with clipping");
  std::printf("%8s %13s %12s %13s %12s\n", "update", "loss", "norm", "loss", "norm");
  const auto worst_update = std::max_element(plain.norm.begin(), plain.norm.end()) - plain.norm.begin();
  for (int i = 0; i < updates; ++i) {
    if (i % 10 != 0 && std::abs(i - worst_update) > 2) continue;
    const auto at = static_cast<std::size_t>(i);
    std::printf("%8d %13.4f %12.2f %13.4f %12.2f\n", i, plain.loss[at], plain.norm[at], clipped.loss[at],
                clipped.norm[at]);
  }
  draw(folder, plain, clipped);
  std::printf("\n%-46s %16s %14s\n", "", "without clipping", "with clipping");
  std::printf("%-46s %16.2f %14.2f\n", "largest rise of the loss by one update", plain.largest_rise(),
              clipped.largest_rise());
  std::printf("%-46s %16.2f %14.2f\n\n", "longest move of (w, b) by one update",
              learning_rate * largest(plain.norm_applied), learning_rate * largest(clipped.norm_applied));

  double error = 0;
  for (std::size_t i = 0; i < clipped.norm.size(); ++i)
    error = std::max(error, std::fabs(clipped.norm_applied[i] - std::min(clipped.norm[i], threshold)));
  claims.check(error <= 1e-12, "the norm after clipping is the smaller of norm and threshold, to 1e-12");
  claims.check(plain.largest_rise() > 10, "without clipping one update raises the loss by more than 10");
  claims.check(clipped.largest_rise() < 0.1, "with clipping no update raises it by more than 0.1");
  claims.check(largest(clipped.norm) > 10 * threshold,
               "though it meets gradients of more than ten times the threshold");
  claims.check(clipped.loss.back() < 0.01 * clipped.loss.front(),
               "and the loss falls to less than a hundredth");

  // Optimizers have clipping built in.
  const Unit by_hand, built_in;
  GradientTape tape;
  const Tensor loss = by_hand.loss() + built_in.loss();
  const std::vector<Tensor> first = tape.gradient(loss, {by_hand.w, by_hand.b, built_in.w, built_in.b});
  SGD(learning_rate).apply(clip_by_global_norm({first[0], first[1]}, threshold).first, by_hand.weights());
  SGD({.learning_rate = learning_rate, .global_clipnorm = threshold})
      .apply({first[2], first[3]}, built_in.weights());
  claims.check(lesson::difference(by_hand.w, built_in.w) <= 1e-15 &&
                   lesson::difference(by_hand.b, built_in.b) <= 1e-15,
               "SGD({.global_clipnorm = 2}) makes the same update");
}

}  // namespace

int main(int argc, char** argv) { return lesson::run("clipping", argc, argv, teach); }
