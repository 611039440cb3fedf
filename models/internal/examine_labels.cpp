#include <algorithm>
#include <cmath>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <unspool/core/internal/format.h>
#include <unspool/models/internal/examination.h>
#include <unspool/models/internal/model.h>

namespace unspool::internal {

namespace {

/// Sums of probabilities in float32 are 1 to this.
constexpr double rounding = 1e-3;
/// Single labels may be mistakes of the data; a hundredth of them is not.
constexpr double many = 0.01;

/// An output, its labels and its loss.
struct LabelledOutput {
  std::string loss;  ///< The name of the class.
  bool from_logits = false;
  std::optional<double> ignored;
  const Operation* operation = nullptr;
  std::vector<double> predicted;
  std::size_t width = 1;  ///< The last axis of the output.
  std::vector<double> labels;
  std::size_t label_width = 1;

  Bounds bounds() const { return operation == nullptr ? Bounds() : operation->bounds; }
};

/// What is wrong, and what to do.
struct Misfit {
  std::string words;
  std::string advice;
};

double share_of(const std::vector<double>& values, const std::function<bool(double)>& holds) {
  if (values.empty()) return 0;
  return static_cast<double>(std::count_if(values.begin(), values.end(), holds)) /
         static_cast<double>(values.size());
}
bool any_of(const std::vector<double>& values, const std::function<bool(double)>& holds) {
  return std::any_of(values.begin(), values.end(), holds);
}
bool in_unit_interval(double value) { return value >= -rounding && value <= 1 + rounding; }

/// Whether all rows are distributions.
bool sum_to_one(const std::vector<double>& values, std::size_t width) {
  for (std::size_t i = 0; i + width <= values.size(); i += width) {
    double sum = 0;
    for (std::size_t j = i; j < i + width; ++j) sum += values[j];
    if (!(std::abs(sum - 1) <= rounding * static_cast<double>(width))) return false;
  }
  return true;
}
bool are_distributions(const std::vector<double>& values, std::size_t width) {
  return std::all_of(values.begin(), values.end(), in_unit_interval) && sum_to_one(values, width);
}

std::optional<Misfit> misfit_of_crossentropy(const LabelledOutput& output) {
  const bool sparse =
      output.loss == "SparseCategoricalCrossentropy" || output.loss == "CategoricalGeneralizedCrossEntropy";
  if (output.width == 1) {
    return Misfit{
        "the output has one unit, and the probability of the only class is always 1",
        "for two classes use one unit with a sigmoid and binary_crossentropy, or a unit for each class"};
  }
  const auto classes = static_cast<double>(output.width);
  if (sparse) {
    const auto wrong = [&](double label) {
      return label != output.ignored && (label != std::round(label) || label < 0 || label >= classes);
    };
    if (any_of(output.labels, wrong)) {
      const double got = *std::find_if(output.labels.begin(), output.labels.end(), wrong);
      return Misfit{fmt::format("expected classes 0 to {}, as many as the output has units, got the label {}",
                                output.width - 1, got),
                    "number the classes from 0 on, or give the output as many units as there are classes"};
    }
  } else if (output.label_width == output.width && !are_distributions(output.labels, output.label_width)) {
    return Misfit{
        "expected labels that are one-hot or a distribution, got rows that do not sum to 1",
        "use sparse_categorical_crossentropy for numbers of classes, binary_crossentropy for several "
        "labels at a time"};
  }
  const bool probabilities = are_distributions(output.predicted, output.width);
  if (!output.from_logits && !probabilities) {
    return Misfit{"expected outputs that are probabilities, got outputs that do not sum to 1",
                  "end the network with activation = \"softmax\", or make the loss with from_logits = true"};
  }
  if (output.from_logits && probabilities) {
    return Misfit{"expected logits, since from_logits is true, got outputs that are probabilities",
                  "leave out the softmax at the end of the network, or from_logits"};
  }
  return std::nullopt;
}

std::optional<Misfit> misfit_of_binary(const LabelledOutput& output) {
  const auto outside = [](double value) { return !in_unit_interval(value); };
  if (any_of(output.labels, outside)) {
    const double got = *std::find_if(output.labels.begin(), output.labels.end(), outside);
    return Misfit{
        fmt::format("expected labels from 0 to 1, got {}", got),
        "make the labels 0 and 1, or use hinge for -1 and 1, or a categorical loss for more classes"};
  }
  const bool probabilities = output.bounds() == Bounds{.low = 0, .high = 1};
  if (probabilities && !output.operation->elementwise() && output.width == 1) {
    return Misfit{fmt::format("a {} of one unit is always 1", output.operation->name),
                  "use activation = \"sigmoid\""};
  }
  if (!output.from_logits && any_of(output.predicted, outside)) {
    return Misfit{"expected outputs that are probabilities, got some outside of 0 to 1",
                  "end the network with activation = \"sigmoid\", or make the loss with from_logits = true"};
  }
  if (output.from_logits && probabilities) {
    const std::string_view last = output.operation->name;
    return Misfit{fmt::format("expected logits, since from_logits is true, got outputs of a {}", last),
                  fmt::format("leave out the {} at the end of the network, or from_logits", last)};
  }
  return std::nullopt;
}

/// Targets that the last activation function cannot reach.
std::optional<Misfit> misfit_of_range(const LabelledOutput& output) {
  const Bounds bounds = output.bounds();
  const double share = share_of(output.labels, [&](double label) {
    return label < bounds.low - rounding || label > bounds.high + rounding;
  });
  if (share <= many) return std::nullopt;
  return Misfit{fmt::format("{:.0f} % of the targets are outside of what the last {} can give, {} to {}",
                            100 * share, output.operation->name, bounds.low, bounds.high),
                "end the network without an activation, or bring the targets into this range"};
}

std::optional<Misfit> misfit_of(const LabelledOutput& output) {
  const std::string& loss = output.loss;
  static const std::set<std::string> crossentropies{"SparseCategoricalCrossentropy",
                                                    "CategoricalCrossentropy", "CategoricalFocalCrossentropy",
                                                    "CategoricalGeneralizedCrossEntropy"};
  if (crossentropies.contains(loss)) return misfit_of_crossentropy(output);
  if (loss == "BinaryCrossentropy" || loss == "BinaryFocalCrossentropy") return misfit_of_binary(output);
  if (loss == "KLDivergence") {
    if (are_distributions(output.labels, output.label_width) &&
        are_distributions(output.predicted, output.width)) {
      return std::nullopt;
    }
    return Misfit{"expected labels and outputs that are distributions, got rows that do not sum to 1",
                  "end the network with activation = \"softmax\", and divide each row of labels by its sum"};
  }
  if (loss == "Poisson" || loss == "MeanSquaredLogarithmicError") {
    const double least = loss == "Poisson" ? 0 : -1;
    if (!any_of(output.labels, [&](double label) { return label < least; })) return misfit_of_range(output);
    return Misfit{fmt::format("expected labels of at least {}, got some below", least),
                  "use mean_squared_error"};
  }
  if (loss == "MeanAbsolutePercentageError" &&
      share_of(output.labels, [](double label) { return label == 0; }) > many) {
    return Misfit{"an error in percent of labels that are 0 has no meaning, and is huge here",
                  "use mean_absolute_error"};
  }
  if (loss == "Hinge" || loss == "SquaredHinge") {
    if (!any_of(output.labels, [](double label) { return label != -1 && label != 0 && label != 1; })) {
      return std::nullopt;
    }
    return Misfit{"expected labels -1 and 1 (or 0 and 1), got others", "use mean_squared_error for numbers"};
  }
  static const std::set<std::string> regressions{"MeanSquaredError", "MeanAbsoluteError", "Huber", "LogCosh",
                                                 "MeanAbsolutePercentageError"};
  return regressions.contains(loss) ? misfit_of_range(output) : std::nullopt;
}

std::size_t last_axis(const Tensor& tensor) {
  return tensor.rank() == 0 ? 1 : static_cast<std::size_t>(std::max<Index>(1, tensor.shape().back()));
}

}  // namespace

void examine_labels(Examination& examination) {
  const Probe& seen = examination.seen;
  const Objective& objective = ModelAccess::state(examination.model).objective();
  const TensorList labels = examination.labels();
  const auto add = [&](std::size_t output, Misfit misfit) {
    examination.findings.push_back({.fault = Fault::labels_misfit_loss,
                                    .layer = examination.output_layer(output),
                                    .step = {},
                                    .words = std::move(misfit.words),
                                    .advice = std::move(misfit.advice)});
  };
  for (std::size_t i = 0; i < std::min({labels.size(), seen.outputs.size(), objective.output_count()}); ++i) {
    const Loss& loss = objective.loss_of(i);
    if (!labels[i] || !loss || labels[i].size() == 0) continue;
    LabelledOutput output{.loss = loss->class_name(),
                          .operation = seen.output_operations[i],
                          .predicted = seen.outputs[i].to_vector<double>(),
                          .width = last_axis(seen.outputs[i]),
                          .labels = labels[i].to_vector<double>(),
                          .label_width = last_axis(labels[i])};
    const Config config = loss->get_config();
    output.from_logits = config.get("from_logits", false);
    if (const Config ignored = config.get("ignore_class", Config()); !ignored.is_null()) {
      output.ignored = ignored.as<double>();
    }
    if (std::optional<Misfit> misfit = misfit_of(output)) add(i, std::move(*misfit));
  }
  if (!seen.loss_error.empty() && !examination.has(Fault::labels_misfit_loss)) {
    add(0, {"the loss failed: " + seen.loss_error, "bring the labels into the shape that the loss expects"});
  }
}

}  // namespace unspool::internal
