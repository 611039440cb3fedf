#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include <unspool/autograd/conversion.h>
#include <unspool/autograd/tape.h>
#include <unspool/core/internal/format.h>
#include <unspool/layers/internal/output_observer.h>
#include <unspool/layers/layer_tree.h>
#include <unspool/models/internal/examination.h>
#include <unspool/models/internal/kept_model.h>
#include <unspool/models/internal/model.h>

namespace unspool::internal {

namespace {

/// With weights of Glorot's variance, inputs of this root mean square bring the sums of units to about it,
/// and a sigmoid or tanh is flat from 5 on.
constexpr double largest_scale = 20;
/// Such inputs change sums by less than the first hundred steps of an optimizer change the biases.
constexpr double smallest_scale = 0.01;
/// Targets that are so much larger than the outputs need weights as large: with steps of 1e-3, 1e5 steps.
constexpr double largest_target = 100;

/// Whether masks that a layer makes in calls on these samples keep every time step.
class MaskCheck final : public OutputObserver {
 public:
  explicit MaskCheck(std::string path) : path_(std::move(path)) {}
  void see(const ObservedCall& call) override {
    if (call.layer.path() != path_) return;
    const Tensor mask = mask_of(call.outputs.front());
    if (!mask || mask.is_abstract()) return;
    const std::vector<int> kept = mask.to_vector<int>();
    keeps_all_ = keeps_all_ && std::find(kept.begin(), kept.end(), 0) == kept.end();
  }
  bool keeps_all() const { return keeps_all_; }

 private:
  std::string path_;
  bool keeps_all_ = true;
};

bool masks_nothing(const Examination& examination, const std::string& path) {
  Model::State& state = ModelAccess::state(examination.model);
  const KeptModel kept(*state.network);
  const NoGradient no_gradient;
  const MaskCheck check(path);
  state.call(state.inputs_of(examination.sample.x, "x"), {.training = false});
  return check.keeps_all();
}

std::string percent(double share) { return fmt::format("{:.0f} %", 100 * share); }

}  // namespace

void examine_masks(Examination& examination) {
  for (const ProbedMask& each : examination.seen.masks) {
    const Index samples = each.mask.shape().front();
    if (each.mask.rank() < 2 || samples == 0) continue;
    const std::vector<int> kept = each.mask.to_vector<int>();
    const std::size_t steps = kept.size() / static_cast<std::size_t>(samples);
    Index empty = 0;
    for (std::size_t i = 0; i < kept.size(); i += steps) {
      const auto row = kept.begin() + static_cast<std::ptrdiff_t>(i);
      empty += std::find(row, row + static_cast<std::ptrdiff_t>(steps), 1) ==
               row + static_cast<std::ptrdiff_t>(steps);
    }
    if (2 * empty >= samples) {
      examination.findings.push_back(
          {.fault = Fault::mask_keeps_none,
           .layer = each.layer,
           .step = 0,
           .words =
               fmt::format("all {} time steps of {} of {} samples are masked, so the layers after it see "
                           "nothing of them",
                           steps, empty, samples),
           .advice = "compare the value that is masked with the padding of the data: it must not be a value "
                     "that samples have"});
    } else if (std::find(kept.begin(), kept.end(), 0) == kept.end() &&
               masks_nothing(examination, each.path)) {
      examination.findings.push_back(
          {.fault = Fault::mask_keeps_all,
           .layer = each.layer,
           .step = {},
           .words = fmt::format("the mask keeps all {} time steps of every sample", steps),
           .advice = "if samples are padded, mask the value that pads them; if they are not, leave the mask "
                     "out"});
    }
  }
}

void examine_scale(Examination& examination) {
  for (const ProbedInput& input : examination.seen.inputs) {
    if (input.value.rank() < 2 || input.value.size() == 0) continue;
    const auto features = static_cast<std::size_t>(input.value.shape().back());
    const std::vector<double> values = input.value.to_vector<double>();
    std::vector<double> squares(features);
    double largest = 0;
    for (std::size_t i = 0; i < values.size(); ++i) {
      squares[i % features] += values[i] * values[i];
      largest = std::max(largest, std::abs(values[i]));
    }
    const auto most = std::max_element(squares.begin(), squares.end());
    const double scale = std::sqrt(*most / (static_cast<double>(values.size() / features)));
    const std::string which =
        features == 1 ? "the input" : fmt::format("feature {} of the input", most - squares.begin());
    if (scale > largest_scale) {
      examination.findings.push_back(
          {.fault = Fault::unscaled_data,
           .layer = input.layer,
           .step = {},
           .words = fmt::format("{} has a root mean square of {:.3g}; initial weights are made for values of "
                                "about 1",
                                which, scale),
           .advice = "subtract the mean of the training data and divide by their standard deviation"});
    } else if (largest > 0 && largest < smallest_scale) {
      examination.findings.push_back(
          {.fault = Fault::unscaled_data,
           .layer = input.layer,
           .step = {},
           .words =
               fmt::format("no value of the input exceeds {:.2g}; initial weights are made for values of "
                           "about 1",
                           largest),
           .advice = "divide by the standard deviation of the training data"});
    }
  }
  const TensorList labels = examination.labels();
  const Objective& objective = ModelAccess::state(examination.model).objective();
  for (std::size_t i = 0; i < labels.size() && i < objective.output_count(); ++i) {
    if (!labels[i] || !objective.loss_of(i) || labels[i].size() == 0) continue;
    static const std::set<std::string> regressions{"MeanSquaredError", "MeanAbsoluteError", "Huber",
                                                   "LogCosh"};
    if (!regressions.contains(objective.loss_of(i)->class_name())) continue;
    const auto scale_of = [](const Tensor& tensor) {
      return norm_of(cast(tensor, float64)) / std::sqrt(static_cast<double>(tensor.size()));
    };
    const double target = scale_of(labels[i]);
    const double output = scale_of(examination.seen.outputs[i]);
    if (target <= largest_target * std::max(output, 1.0)) continue;
    examination.findings.push_back(
        {.fault = Fault::unscaled_data,
         .layer = examination.output_layer(i),
         .step = {},
         .words = fmt::format("the targets have a root mean square of {:.3g}, the outputs one of {:.3g}",
                              target, output),
         .advice = "divide the targets by their standard deviation, and multiply predictions by it"});
  }
}

namespace {

/// The class of each sample; empty if the labels are not one class for each sample.
std::vector<Index> classes_of(const Tensor& labels) {
  if (!labels || labels.size() == 0 || labels.rank() > 2 || labels.rank() == 0) return {};
  const std::vector<double> values = labels.to_vector<double>();
  const auto width = static_cast<std::size_t>(labels.rank() == 2 ? labels.shape().back() : 1);
  std::vector<Index> classes;
  if (width > 1) {
    for (std::size_t i = 0; i < values.size(); i += width) {
      const auto first = values.begin() + static_cast<std::ptrdiff_t>(i);
      const auto last = first + static_cast<std::ptrdiff_t>(width);
      if (std::count(first, last, 1.0) != 1 || std::count(first, last, 0.0) != last - first - 1) return {};
      classes.push_back(std::find(first, last, 1.0) - first);
    }
  } else {
    for (const double value : values) {
      if (value != std::round(value) || std::abs(value) > 1e6) return {};
      classes.push_back(std::llround(value));
    }
  }
  const std::set<Index> distinct(classes.begin(), classes.end());
  const bool few = 8 * distinct.size() <= classes.size() && distinct.size() > 1;
  return few ? classes : std::vector<Index>();
}

std::map<Index, double> shares_of(const std::vector<Index>& classes) {
  std::map<Index, double> shares;
  for (const Index each : classes) shares[each] += 1.0 / static_cast<double>(classes.size());
  return shares;
}

}  // namespace

void examine_order(Examination& examination) {
  for (std::size_t i = 0; i < examination.labels_in_order.size(); ++i) {
    const std::vector<Index> classes = classes_of(examination.labels_in_order[i]);
    if (classes.empty()) continue;
    double changes = 0;
    for (std::size_t n = 1; n < classes.size(); ++n) changes += classes[n] != classes[n - 1];
    double equal = 0;
    for (const auto& [each, share] : shares_of(classes)) equal += share * share;
    const double expected = static_cast<double>(classes.size() - 1) * (1 - equal);
    // In an order by chance the number of changes has a standard deviation below the root of its mean: from
    // 16 on, a quarter of it is more than three of them away.
    if (expected < 16 || changes >= expected / 4) continue;
    examination.findings.push_back(
        {.fault = Fault::unshuffled_data,
         .layer = examination.output_layer(i),
         .step = {},
         .words =
             fmt::format("the class changes {:.0f} times in {} samples; in a random order it would change "
                         "about {:.0f} times, so batches have few classes each",
                         changes, classes.size(), expected),
         .advice = "shuffle the samples: fit() with shuffle = true, or Dataset::shuffle() with a buffer as "
                   "large as the data"});
  }
  for (std::size_t i = 0; i < examination.validation_labels.size(); ++i) {
    const std::vector<Index> validation = classes_of(examination.validation_labels[i]);
    const std::vector<Index> training = classes_of(examination.training_labels[i]);
    // One class alone is the clearest case, and classes_of() leaves it out.
    const Tensor& labels = examination.validation_labels[i];
    if (training.empty()) continue;
    std::map<Index, double> held = shares_of(validation);
    if (validation.empty() && labels && (labels.rank() == 1 || labels.shape()[-1] == 1)) {
      for (const double value : labels.to_vector<double>()) {
        held[std::llround(value)] += 1.0 / static_cast<double>(labels.size());
      }
    }
    if (held.empty()) continue;
    std::map<Index, double> difference = shares_of(training);
    for (const auto& [each, share] : held) difference[each] -= share;
    double distance = 0;
    for (const auto& [each, share] : difference) distance += std::abs(share) / 2;
    if (distance <= 0.5) continue;
    examination.findings.push_back(
        {.fault = Fault::unshuffled_data,
         .layer = examination.output_layer(i),
         .step = {},
         .words = fmt::format("{} of the samples that validation_split takes from the end would have to "
                              "change their class for the classes to be as frequent as in training",
                              percent(distance)),
         .advice = "shuffle the samples before fit(), which takes those for validation from the end"});
  }
}

}  // namespace unspool::internal
