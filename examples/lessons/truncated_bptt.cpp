// Truncated backpropagation through time: a series that is too long for one tape, in windows.
//
//     scripts/example.sh truncated_bptt
//
// A gradient over a long series needs memory for all of it, and gives one update. So one cuts the series into
// windows. A stateful layer starts each window with the states at the end of the one before, so that its
// predictions are those of one long call. But each window has a tape of its own, which ends where the window
// begins: the state it starts with is a constant there, and no gradient goes back beyond it (Williams and
// Peng 1990).
//
// The gradient of a weight is a sum of one part for each time step at which the weight was used. So it is
// easy to say what truncation loses. For the loss in a window, the parts of the steps in the window are those
// of the full gradient, and the parts of all steps before it are missing. What the states carry over a
// window's edge is used, but nothing trains the net to carry it.
//
// reset_states() is for the end of a series: after it the layer starts from zeros again.
#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include <unspool/unspool.h>

#include "lesson.h"

using namespace unspool;

namespace {

constexpr Index steps = 24, window = 8, units = 4;

/// A series, and what the states should be at each step; the loss of some steps is the sum of their errors.
struct Series {
  Tensor x = random_normal({1, steps, 1}, 0, 1, float64, 2);
  Tensor wanted = random_normal({1, steps, units}, 0, 0.5, float64, 3);

  Tensor input(Index first, Index last) const { return slice(x, 1, first, last); }
  /// The loss of the steps from `first` up to, not including, `last`; `h` are the states of these steps.
  Tensor loss(const Tensor& h, Index first, Index last) const {
    return sum(square(h - slice(wanted, 1, first, last))) / 2;
  }
};

/// The parts of the gradient with respect to the recurrent kernel, one for each time step; empty: none.
std::vector<Tensor> parts_of(const GradientTape& tape, const Tensor& loss, const Variable& weight,
                             Index truncate_at) {
  const TapeView view = tape.view();
  std::vector<Tensor> parts(static_cast<std::size_t>(steps));
  for (const TapeSweepStep& step : tape.sweep(loss, {.truncate_at = truncate_at}).steps) {
    const TapeRecord& record = view.records[step.record];
    for (std::size_t i = 0; i < record.inputs.size(); ++i) {
      if (view.values[record.inputs[i]].variable != weight || !step.leaving[i]) continue;
      Tensor& part = parts.at(static_cast<std::size_t>(record.step));
      part = part ? part + step.leaving[i] : step.leaving[i];
    }
  }
  return parts;
}

double norm_of(const Tensor& part) { return part ? norm(part).item<double>() : 0; }

/// "0.249765", or "none" for a step to which no gradient goes.
std::string text_of(const Tensor& part) { return part ? std::to_string(norm_of(part)) : "none"; }

/// dL/dU of the loss of all steps, from a tape for each window of `k` steps.
Tensor by_windows(const GRU& stateful, const Series& series, Index k) {
  stateful->reset_states();
  Tensor total = Tensor::zeros(stateful->weights()[1].shape(), float64);
  for (Index first = 0; first < steps; first += k) {
    GradientTape tape;
    const Tensor h = stateful(series.input(first, first + k));
    total = total + tape.gradient(series.loss(h, first, first + k), stateful->weights()[1]);
  }
  return total;
}

void predict_by_windows(lesson::Claims& claims, const GRU& whole, const GRU& stateful, const Series& series) {
  const Tensor in_one_call = whole(series.x);
  const auto in_windows = [&] {
    std::vector<Tensor> outputs;
    for (Index first = 0; first < steps; first += window)
      outputs.push_back(stateful(series.input(first, first + window)));
    return concat(outputs, 1);
  };
  claims.check(lesson::difference(in_windows(), in_one_call) <= 1e-12,
               "the predictions in windows are those of one long call, to 1e-12");
  claims.check(lesson::difference(in_windows(), in_one_call) > 0.01,
               "a second pass starts with the states at the end of the first, so it differs");
  stateful->reset_states();
  claims.check(lesson::difference(in_windows(), in_one_call) <= 1e-12,
               "after reset_states() it is the first pass again");
}

void teach(lesson::Claims& claims) {
  set_seed(1);
  const Series series;
  GRUOptions options{.units = units, .return_sequences = true, .dtype = float64};
  const GRU whole(options);
  options.stateful = true;
  const GRU stateful(options);
  whole->build_once(series.x.shape());
  stateful->build_once(Shape{1, window, 1});
  stateful->set_weights(whole->get_weights());
  predict_by_windows(claims, whole, stateful, series);

  // The loss of the last window, followed back to the first step and to the start of the window.
  const Variable weight = whole->weights()[1];
  const Index first = steps - window;
  GradientTape tape({.keep_all = true});
  const Tensor h = whole(series.x);
  const Tensor loss = series.loss(slice(h, 1, first, steps), first, steps);
  const std::vector<Tensor> full = parts_of(tape, loss, weight, 0);
  const std::vector<Tensor> cut = parts_of(tape, loss, weight, first);
  std::printf("\nThe loss of the last window, steps %d to %d: the norm of each step's part of dL/dU\n\n",
              static_cast<int>(first), static_cast<int>(steps - 1));
  std::printf("%6s %14s %14s\n", "step", "full", "truncated");
  double inside = 0, before = 0;
  Tensor sum_of_full = Tensor::zeros(weight.shape(), float64), sum_of_cut = sum_of_full;
  for (std::size_t t = 0; t < full.size(); ++t) {
    std::printf("%6zu %14s %14s\n", t, text_of(full[t]).c_str(), text_of(cut[t]).c_str());
    if (full[t]) sum_of_full = sum_of_full + full[t];
    if (cut[t]) sum_of_cut = sum_of_cut + cut[t];
    if (static_cast<Index>(t) < first)
      before = std::max(before, norm_of(cut[t]));
    else
      inside = std::max(inside, lesson::difference(full[t], cut[t]));
  }
  std::printf("%6s %14.6f %14.6f\n\n", "sum", norm_of(sum_of_full), norm_of(sum_of_cut));
  claims.check(before == 0, "the truncated gradient has no part of a step before the window");
  claims.check(inside <= 1e-12, "its parts inside the window are those of the full gradient, to 1e-12");

  // A stateful layer truncates by itself: the tape of a window does not see what came before it.
  stateful->reset_states();
  stateful(series.input(0, first));
  GradientTape of_window;
  const Tensor own_loss = series.loss(stateful(series.input(first, steps)), first, steps);
  const Tensor own = of_window.gradient(own_loss, stateful->weights()[1]);
  claims.check(lesson::difference(own, sum_of_cut) <= 1e-12,
               "a stateful layer and a tape for the window give the truncated gradient, to 1e-12");

  const Tensor exact = tape.gradient(series.loss(h, 0, steps), weight);
  std::printf("\nThe loss of all steps: what windows of k steps lose of the norm of dL/dU\n\n%6s %10s\n", "k",
              "lost");
  for (const Index k : {1, 2, 4, 8, 12, 24}) {
    std::printf("%6d %9.2f%%\n", static_cast<int>(k),
                100 * norm_of(by_windows(stateful, series, k) - exact) / norm_of(exact));
  }
  std::printf("\n");
  claims.check(lesson::difference(by_windows(stateful, series, steps), exact) <= 1e-12,
               "one window for the whole series loses nothing, to 1e-12");
}

}  // namespace

int main(int argc, char** argv) {
  return lesson::run("truncated_bptt", argc, argv,
                     [](lesson::Claims& claims, const auto&) { teach(claims); });
}
