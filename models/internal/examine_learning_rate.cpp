#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include <unspool/autograd/arithmetic.h>
#include <unspool/autograd/tape.h>
#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/data/internal/rows.h>
#include <unspool/models/internal/examination.h>
#include <unspool/models/internal/kept_model.h>
#include <unspool/models/internal/model.h>

namespace unspool::internal {

namespace {

constexpr std::size_t trial_steps = 5;

/// An optimizer with equal settings and an equal state, so that the model's own stays as it is, but with a
/// multiple of its learning rate. Nothing if its class is not registered, or if a schedule sets the rate that
/// is to be another.
std::optional<Optimizer> copy_of(const Optimizer& optimizer, double factor) {
  try {
    Optimizer copy = Optimizer::from_config(optimizer.config());
    if (optimizer->built()) {
      copy->build(optimizer->built_for());
      const std::vector<Variable> from = optimizer.variables();
      const std::vector<Variable> to = copy.variables();
      if (from.size() != to.size()) return std::nullopt;
      for (std::size_t i = 0; i < from.size(); ++i) to[i].assign(from[i].value());
    }
    if (factor != 1) copy.set_learning_rate(optimizer.learning_rate() * factor);
    return copy;
  } catch (const Error&) {
    return std::nullopt;
  }
}

/// Steps of an optimizer on a model, which are taken back.
class Trial {
 public:
  Trial(const Model& model, const std::vector<Batch>& batches)
      : model_(model),
        state_(ModelAccess::state(model)),
        batches_(batches),
        weights_(model.trainable_weights()) {}

  /// Makes a step on each of the first batches.
  void run(const Optimizer& optimizer) const {
    for (std::size_t i = 0; i < std::min(trial_steps, batches_.size()); ++i) {
      GradientTape tape;
      const Outputs predicted = state_.call(state_.inputs_of(batches_[i].x, "x"), {.training = true});
      const Tensor loss = optimizer.scale_loss(model_.compute_loss(batches_[i], predicted));
      optimizer.apply_gradients(tape.gradient(loss, weights_), weights_);
    }
  }

  /// The mean loss on the first batches, in inference; with the labels of each batch in another order if
  /// `strange`.
  double loss(bool strange = false) const {
    const NoGradient no_gradient;
    double sum = 0;
    const std::size_t count = std::min(trial_steps, batches_.size());
    for (std::size_t i = 0; i < count; ++i) {
      Batch batch = batches_[i];
      const Outputs predicted = state_.call(state_.inputs_of(batch.x, "x"), {.training = false});
      if (strange) batch.y = turned(batch.y);
      sum += model_.compute_loss(batch, predicted).item<double>();
    }
    return sum / static_cast<double>(count);
  }

  std::vector<Tensor> values() const {
    const NoGradient no_gradient;
    std::vector<Tensor> values;
    for (const Variable& weight : weights_) values.push_back(weight.value());
    return values;
  }

  /// How far a weight moved relative to its size, where that is greatest.
  struct Move {
    double relative = 0;
    std::size_t weight = 0;
  };
  Move largest_move(const std::vector<Tensor>& from, const std::vector<Tensor>& to) const {
    const NoGradient no_gradient;
    Move largest;
    for (std::size_t i = 0; i < weights_.size(); ++i) {
      if (weights_[i].rank() < 2) continue;
      const Shape& shape = weights_[i].shape();
      // The norm that Glorot's weights of this shape have: some weights begin with 0.
      const double usual = std::sqrt(2.0 * static_cast<double>(weights_[i].size()) /
                                     static_cast<double>(shape[-1] + shape[-2]));
      const double relative = norm_of(to[i] - from[i]) / std::max(norm_of(from[i]), usual);
      if (!(relative <= largest.relative)) largest = {relative, i};
    }
    return largest;
  }
  const std::vector<Variable>& weights() const { return weights_; }

 private:
  /// The labels of each sample at the one after the next half of the batch.
  static NamedList<Tensor> turned(const NamedList<Tensor>& labels) {
    std::vector<NamedList<Tensor>::Entry> entries = labels.entries();
    for (auto& entry : entries) {
      if (!entry.value || entry.value.rank() == 0) continue;
      const Index rows = entry.value.shape().front();
      entry.value = join_rows({take_rows(entry.value, rows / 2, rows), take_rows(entry.value, 0, rows / 2)});
    }
    return NamedList<Tensor>(std::move(entries));
  }

  const Model& model_;
  Model::State& state_;
  const std::vector<Batch>& batches_;
  std::vector<Variable> weights_;
};

}  // namespace

void examine_learning_rate(Examination& examination) {
  const Model& model = examination.model;
  Model::State& state = ModelAccess::state(model);
  if (!examination.seen.loss_error.empty() || examination.batches.empty()) return;
  if (state.compiled_or_fail().options.train_step || model.trainable_weights().empty()) return;
  const std::optional<Optimizer> optimizer = copy_of(model.optimizer(), 1);
  if (!optimizer) return;
  KeptModel kept(*state.network);
  const Trial trial(model, examination.batches);
  const double before = trial.loss();
  if (!std::isfinite(before)) return;
  // What predictions that have nothing to do with the labels cost.
  const double without_skill = std::max(before, trial.loss(true));
  const std::vector<Tensor> from = trial.values();
  try {
    trial.run(*optimizer);
  } catch (const ValueError&) {
    return;  // No weight has a gradient.
  }
  const std::vector<Tensor> to = trial.values();
  const double after = trial.loss();
  const auto moved = trial.largest_move(from, to);
  const double steps = static_cast<double>(std::min(trial_steps, examination.batches.size()));
  const std::string layer = [&] {
    for (const ProbedWeight& weight : examination.seen.weights) {
      if (weight.variable == trial.weights()[moved.weight]) return weight.layer;
    }
    return std::string();
  }();
  const double rate = model.optimizer().learning_rate();
  // The loss after as many steps with another rate.
  const auto loss_with = [&](double factor) {
    kept.restore_variables();
    const std::optional<Optimizer> other = copy_of(model.optimizer(), factor);
    if (!other) return std::numeric_limits<double>::infinity();
    trial.run(*other);
    return trial.loss();
  };
  const bool fails = !std::isfinite(after) || after > 3 * without_skill;
  if (fails || moved.relative > steps) {
    double best = rate;
    for (double factor = 0.1; factor > 1e-7; factor /= 10) {
      if (loss_with(factor) < before) {
        best = rate * factor;
        break;
      }
    }
    examination.findings.push_back(
        {.fault = Fault::high_learning_rate,
         .layer = layer,
         .step = {},
         .words = fmt::format("with {:.2g}, {:.0f} steps bring the loss from {:.3g} to {:.3g} and move {} by "
                              "{:.2g} times its size",
                              rate, steps, before, after, layer, moved.relative),
         .advice = best < rate ? fmt::format("try {:.1g}", best) : "lower it"});
    return;
  }
  const double gain = std::max(0.0, before - after);
  for (double factor = 1e3; factor < 1e9; factor *= 10) {
    const double further = before - loss_with(factor);
    if (!(further > 100 * gain && further > 0.05 * std::abs(before))) continue;
    examination.findings.push_back(
        {.fault = Fault::low_learning_rate,
         .layer = layer,
         .step = {},
         .words =
             fmt::format("with {:.2g}, {:.0f} steps bring the loss from {:.4g} down by {:.2g}, with {:.2g} "
                         "they bring it down by {:.2g}",
                         rate, steps, before, gain, rate * factor, further),
         .advice = fmt::format("try {:.1g}", rate * factor)});
    return;
  }
}

}  // namespace unspool::internal
