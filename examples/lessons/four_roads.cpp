// Four roads to one gradient: how much each weight of a recurrent net changes the loss.
//
//     scripts/example.sh four_roads
//
// 1. Backpropagation through time: forward over all steps, then backward over all steps. The tape does it.
// 2. Real-time recurrent learning (Williams and Zipser 1989): no backward pass. A matrix
//    P_t = d h_t / d weights goes forward beside the state: P_t = (d h_t / d h_{t-1}) P_{t-1} + d h_t / d
//    weights, and the gradient of a step's loss is (d loss_t / d h_t) P_t. It takes units x weights numbers,
//    whatever the length.
// 3. Truncated backpropagation: the loss of each step is followed back over k steps at most. With k as long
//    as the sequence nothing is cut, and it is the whole gradient; the table shows what a smaller k loses.
// 4. Finite differences: the loss at moved weights, nothing else. A difference of eight values has an error
//    of h^8, so that h can be large enough for rounding not to matter.
//
// All four agree to 1e-10; the exit status says so.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <iostream>
#include <vector>

#include <unspool/unspool.h>

using namespace unspool;

namespace {

constexpr Index steps = 12, features = 2, units = 3;

/// A net of one GRU cell, a sequence, and the state that it should have at each step.
struct Net {
  Ref<layers::GRUCell> cell = GRUCell({.units = units, .seed = 1, .dtype = float64});
  Tensor x = random_normal({1, steps, features}, 0, 1, float64, 2);
  Tensor wanted = random_normal({steps, 1, units}, 0, 0.5, float64, 3);

  Net() { cell->build_once(Shape{1, features}); }
  Tensor input(Index t) const { return squeeze(slice(x, 1, t, t + 1), {1}); }
  Tensor start() const { return Tensor::zeros({1, units}, float64); }
  /// Half the squared distance from the wanted state.
  Tensor loss(const Tensor& h, Index t) const { return sum(square(h - wanted[t])) / 2; }
};

/// The gradients with respect to all weights, one after the other.
std::vector<double> joined(const std::vector<Tensor>& gradients) {
  std::vector<double> all;
  for (const Tensor& gradient : gradients) {
    const std::vector<double> own = gradient.to_vector<double>();
    all.insert(all.end(), own.begin(), own.end());
  }
  return all;
}

std::vector<double> through_time(const Net& net) {
  GradientTape tape;
  const auto rnn = RNN(net.cell, {.return_sequences = true});
  const Tensor states = rnn(net.x);
  const Tensor loss = sum(square(transpose(states, {1, 0, 2}) - net.wanted)) / 2;
  return joined(tape.gradient(loss, net.cell->weights()));
}

std::vector<double> real_time(const Net& net) {
  const std::vector<Variable> weights = net.cell->weights();
  std::vector<Tensor> gradients;
  std::vector<Tensor> p;  // d h_t / d weight, (units, elements of the weight).
  for (const Variable& weight : weights) {
    gradients.push_back(Tensor::zeros(weight.shape(), float64));
    p.push_back(Tensor::zeros({units, weight.size()}, float64));
  }
  Tensor h = net.start();
  for (Index t = 0; t < steps; ++t) {
    GradientTape tape({.persistent = true});
    tape.watch(h);
    const Tensor next = net.cell(net.input(t), {h}).states[0];
    tape.stop();
    const Tensor by_state = reshape(tape.jacobian(next, h), {units, units});
    const Tensor by_loss = next - net.wanted[t];  // d loss_t / d h_t, (1, units).
    for (std::size_t w = 0; w < weights.size(); ++w) {
      const Tensor by_weight = reshape(tape.jacobian(next, weights[w]), {units, weights[w].size()});
      p[w] = matmul(by_state, p[w]) + by_weight;
      gradients[w] = gradients[w] + reshape(matmul(by_loss, p[w]), weights[w].shape());
    }
    h = next;
  }
  return joined(gradients);
}

/// Follows the loss of each step back over `k` steps.
std::vector<double> truncated(const Net& net, Index k) {
  std::vector<Tensor> states{net.start()};
  for (Index t = 0; t < steps; ++t) states.push_back(net.cell(net.input(t), {states.back()}).states[0]);
  std::vector<double> total;
  for (Index t = 0; t < steps; ++t) {
    const Index first = std::max<Index>(0, t + 1 - k);
    GradientTape tape;
    // A state that no tape has recorded is a constant: here the way back ends.
    Tensor h = states[static_cast<std::size_t>(first)];
    for (Index s = first; s <= t; ++s) h = net.cell(net.input(s), {h}).states[0];
    const std::vector<double> own = joined(tape.gradient(net.loss(h, t), net.cell->weights()));
    total.resize(own.size());
    for (std::size_t i = 0; i < own.size(); ++i) total[i] += own[i];
  }
  return total;
}

double loss_of(const Net& net) {
  Tensor h = net.start();
  double loss = 0;
  for (Index t = 0; t < steps; ++t) {
    h = net.cell(net.input(t), {h}).states[0];
    loss += net.loss(h, t).item<double>();
  }
  return loss;
}

std::vector<double> by_differences(const Net& net, double h) {
  constexpr double factors[] = {4.0 / 5, -1.0 / 5, 4.0 / 105, -1.0 / 280};
  std::vector<double> gradient;
  for (const Variable& weight : net.cell->weights()) {
    const Tensor before = weight.value();
    std::vector<double> values = before.to_vector<double>();
    for (double& value : values) {
      const double middle = value;
      double sum = 0;
      for (int step = 1; step <= 4; ++step) {
        for (const int sign : {1, -1}) {
          value = middle + sign * step * h;
          weight.assign(Tensor::from(values, weight.shape()));
          sum += sign * factors[step - 1] * loss_of(net);
        }
      }
      value = middle;
      gradient.push_back(sum / h);
    }
    weight.assign(before);
  }
  return gradient;
}

double largest_difference(const std::vector<double>& a, const std::vector<double>& b) {
  double worst = a.size() == b.size() ? 0 : HUGE_VAL;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i)
    worst = std::max(worst, std::fabs(a[i] - b[i]));
  return worst;
}

}  // namespace

int main() {
  try {
    const Net net;
    const std::vector<double> exact = through_time(net);
    const std::vector<double> forward = real_time(net);
    const std::vector<double> whole = truncated(net, steps);
    const std::vector<double> differences = by_differences(net, 0.01);

    std::printf("The first weights of a GRU of %d units over %d steps, of %zu in all:\n\n",
                static_cast<int>(units), static_cast<int>(steps), exact.size());
    std::printf("%18s %18s %18s %18s\n", "through time", "real time", "truncated at 12", "differences");
    for (std::size_t i = 0; i < 5; ++i) {
      std::printf("%18.14f %18.14f %18.14f %18.14f\n", exact[i], forward[i], whole[i], differences[i]);
    }
    const double worst[] = {largest_difference(exact, forward), largest_difference(exact, whole),
                            largest_difference(exact, differences)};
    std::printf("\nlargest difference from the first column, over all weights:\n%18s %18.1e %18.1e %18.1e\n",
                "", worst[0], worst[1], worst[2]);

    std::printf("\nWhat truncation loses, as a share of the largest gradient:\n\n%6s %12s\n", "k", "lost");
    double largest = 0;
    for (const double value : exact) largest = std::max(largest, std::fabs(value));
    for (const Index k : {1, 2, 3, 4, 6, 8, 12}) {
      std::printf("%6d %11.4f%%\n", static_cast<int>(k),
                  100 * largest_difference(exact, truncated(net, k)) / largest);
    }

    std::printf(
        "\nWhat differences reach: the error of the step, h^8, against that of rounding, 1 / h:\n\n%8s "
        "%10s\n",
        "h", "error");
    for (const double h : {0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.001, 0.0001}) {
      std::printf("%8g %10.1e\n", h, largest_difference(exact, by_differences(net, h)));
    }
    return *std::max_element(std::begin(worst), std::end(worst)) <= 1e-10 ? 0 : 1;
  } catch (const std::exception& error) {
    std::cerr << "four_roads: " << error.what() << '\n';
    return 2;
  }
}
