#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include <unspool/core/internal/format.h>
#include <unspool/models/internal/examination.h>

namespace unspool::internal {

namespace {

/// A part of a sum that is smaller than the rest by more than the rounding of the dtype changes nothing.
double rounding_of(DType dtype) {
  return dtype == float64 ? std::numeric_limits<double>::epsilon() / 2
                          : static_cast<double>(std::numeric_limits<float>::epsilon()) / 2;
}

/// Clipping to the norm that enters the loop, as Pascanu, Mikolov and Bengio (2013) do, would make all other
/// parts of a weight's gradient smaller by this.
constexpr double explodes_by = 1000;

/// The time steps that some sample has, in the order in which the gradient meets them.
std::vector<std::size_t> steps_backward(const ProbedSequence& sequence) {
  std::vector<std::size_t> steps;
  for (std::size_t t = 0; t < sequence.gradient.size(); ++t) {
    if (sequence.used[t]) steps.push_back(t);
  }
  if (!sequence.backwards) std::reverse(steps.begin(), steps.end());
  return steps;
}

void examine_sequence(Examination& examination, const ProbedSequence& sequence, DType dtype) {
  const std::vector<std::size_t> steps = steps_backward(sequence);
  if (steps.size() < 2) return;
  const auto norm = [&](std::size_t n) { return sequence.gradient[steps[n]]; };
  std::size_t most = 0;
  for (std::size_t n = 0; n < steps.size(); ++n) {
    if (!std::isfinite(norm(n))) {
      examination.findings.push_back(
          {.fault = Fault::exploding_gradients,
           .layer = sequence.layer,
           .step = static_cast<Index>(steps[n]),
           .words = fmt::format("the gradient is {} from time step {} back", norm(n), steps[n]),
           .advice = "clip gradients (clipnorm = 1), make the recurrent weights smaller, or use an LSTM"});
      return;
    }
    if (norm(n) > norm(most)) most = n;
  }
  if (norm(most) == 0) return;
  const auto parts = static_cast<double>(steps.size());
  // A loss at each step adds its part at each step: the sum grows with the number of steps by itself.
  const double first = norm(0);
  if (first > 0 && norm(most) > explodes_by * first && norm(most) > 10 * parts * first) {
    const double factor = std::pow(norm(most) / first, 1 / static_cast<double>(most));
    examination.findings.push_back(
        {.fault = Fault::exploding_gradients,
         .layer = sequence.layer,
         .step = static_cast<Index>(steps[most]),
         .words = fmt::format(
             "the gradient grows from {:.2g} at time step {} to {:.2g} at time step {}, by {:.2f} "
             "a step",
             first, steps[0], norm(most), steps[most], factor),
         .advice = "clip gradients (clipnorm = 1), make the recurrent weights smaller, or use an LSTM"});
  }
  std::size_t lost = 0;
  std::size_t nearest = steps.size();
  for (std::size_t n = steps.size(); n-- > 0;) {
    if (norm(n) >= rounding_of(dtype) * norm(most)) continue;
    ++lost;
    nearest = n;
  }
  if (2 * lost > steps.size()) {
    examination.findings.push_back(
        {.fault = Fault::vanishing_gradients,
         .layer = sequence.layer,
         .step = static_cast<Index>(steps[nearest]),
         .words =
             fmt::format("{} of {} time steps get less gradient than {} rounds off, those from time step "
                         "{} back; the first that the gradient leaves has {:.2g}, the last one {:.2g}",
                         lost, steps.size(), name_of(dtype), steps[nearest], norm(0), norm(steps.size() - 1)),
         .advice = "use an LSTM or GRU, an orthogonal recurrent kernel, or shorter sequences"});
  }
}

/// The gradient of a layer's weights, relative to the weights.
struct LayerGradient {
  std::string layer;
  double gradient = 0;  ///< The norm over all weights.
  double relative = 0;  ///< Of the weight of rank 2 or more where it is greatest.
  bool has_kernel = false;
};

std::vector<LayerGradient> layer_gradients(const Probe& seen) {
  std::vector<LayerGradient> all;
  for (const ProbedWeight& weight : seen.weights) {
    auto found = std::find_if(all.begin(), all.end(),
                              [&](const LayerGradient& each) { return each.layer == weight.layer; });
    if (found == all.end()) found = all.insert(all.end(), LayerGradient{.layer = weight.layer});
    const double norm = norm_of(weight.gradient);
    found->gradient = std::hypot(found->gradient, norm);
    if (std::isnan(norm)) found->gradient = norm;
    const double size = norm_of(weight.variable.value());
    if (weight.variable.rank() < 2 || size == 0) continue;
    found->has_kernel = true;
    found->relative = std::max(found->relative, norm / size);
  }
  return all;
}

}  // namespace

void examine_gradients(Examination& examination) {
  const Probe& seen = examination.seen;
  if (!seen.loss_error.empty() || seen.weights.empty()) return;
  const DType dtype = seen.weights.front().variable.dtype();
  const std::vector<LayerGradient> layers = layer_gradients(seen);
  // A loss of 0 has nothing more to learn.
  for (const LayerGradient& each : layers) {
    if (seen.loss == 0 || each.gradient != 0) continue;
    examination.findings.push_back(
        {.fault = Fault::no_gradient,
         .layer = each.layer,
         .step = {},
         .words = "none of its weights gets a gradient from this loss",
         .advice = "use its output on the way to a loss, differentiably (no argmax, rounding or comparison), "
                   "or set trainable to false"});
  }
  for (const ProbedSequence& sequence : seen.sequences) examine_sequence(examination, sequence, dtype);
  const bool unscaled = examination.has(Fault::unscaled_data);
  double most = 0;
  for (const LayerGradient& each : layers) most = std::max(most, each.relative);
  for (const LayerGradient& each : layers) {
    const bool in_time = std::any_of(seen.sequences.begin(), seen.sequences.end(),
                                     [&](const ProbedSequence& s) { return s.layer == each.layer; });
    if (in_time) continue;
    if (!std::isfinite(each.gradient) || (each.relative > explodes_by && !unscaled)) {
      examination.findings.push_back(
          {.fault = Fault::exploding_gradients,
           .layer = each.layer,
           .step = {},
           .words = fmt::format("the gradient of its weights is {:.2g} times as large as the weights, so a "
                                "learning rate of 0.001 replaces them",
                                each.relative),
           .advice = "make the initial weights smaller, normalize between the layers, or clip gradients "
                     "(clipnorm = 1)"});
    } else if (each.has_kernel && each.gradient != 0 && each.relative < rounding_of(dtype) * most) {
      examination.findings.push_back(
          {.fault = Fault::vanishing_gradients,
           .layer = each.layer,
           .step = {},
           .words = fmt::format("relative to its weights its gradient is {:.2g} of the greatest one in the "
                                "model",
                                each.relative / most),
           .advice = "use relu in place of sigmoid or tanh, normalize between the layers, or add connections "
                     "that skip layers"});
    }
  }
}

void examine_activations(Examination& examination) {
  for (const ProbedSequence& sequence : examination.seen.sequences) {
    std::string gates;
    std::optional<Index> step;
    for (const ProbedGate& gate : sequence.gates) {
      // Most of the values learn a hundred times slower than they could.
      if (!(gate.share > 0.5)) continue;
      gates += fmt::format("{}{} {:.0f} %", gates.empty() ? "" : ", ", gate.name, 100 * gate.share);
      for (std::size_t t = 0; t < gate.saturated.size() && !step; ++t) {
        if (gate.saturated[t] > 0.5) step = static_cast<Index>(t);
      }
    }
    if (gates.empty()) continue;
    examination.findings.push_back(
        {.fault = Fault::saturated_gates,
         .layer = sequence.layer,
         .step = step,
         .words = fmt::format("these have a derivative below a hundredth of its maximum: {} of their values",
                              gates),
         .advice = "scale the inputs, make weights and biases smaller, or lower the learning rate"});
  }
  for (const ProbedUnits& units : examination.seen.units) {
    // With few values a unit may be 0 for all of them by chance.
    if (units.values < 32 || 2 * units.dead < units.all) continue;
    examination.findings.push_back(
        {.fault = Fault::dead_units,
         .layer = units.layer,
         .step = {},
         .words = fmt::format("{} of {} units of relu are 0 for all {} values that were tried, and learn "
                              "nothing",
                              units.dead, units.all, units.values),
         .advice = "lower the learning rate, set biases to 0, scale the inputs, or use leaky_relu"});
  }
}

}  // namespace unspool::internal
