#include <algorithm>

#include <unspool/autograd/arithmetic.h>
#include <unspool/autograd/conversion.h>
#include <unspool/autograd/tape.h>
#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/models/internal/objective.h>

namespace unspool::internal {

namespace {

/// The metrics of each output. A plain list is that of the only output.
std::vector<std::vector<Metric>> metrics_by_output(const NamedList<Metrics>& metrics,
                                                   const std::vector<std::string>& outputs,
                                                   std::string_view what) {
  std::vector<std::vector<Metric>> found(outputs.size());
  const auto& entries = metrics.entries();
  const bool plain = outputs.size() == 1 && std::all_of(entries.begin(), entries.end(),
                                                        [](const auto& e) { return e.name.empty(); });
  if (plain) {
    for (const auto& entry : entries) {
      const std::vector<Metric>& more = entry.value.list();
      found.front().insert(found.front().end(), more.begin(), more.end());
    }
    return found;
  }
  std::vector<Metrics> values;
  try {
    values = metrics.in_order_of(outputs, what);
  } catch (const ValueError& error) {
    // {{"mae", "mse"}, {"accuracy"}} is read as the metric "mse" of the output "mae".
    throw ValueError(std::string(error.what()) +
                     "; two metrics of one output are written as Metrics{\"mae\", \"mse\"}");
  }
  for (std::size_t i = 0; i < values.size(); ++i) found[i] = values[i].list();
  return found;
}

/// The number in a result, or an entry for each of its elements: "f1_score[0]", "confusion[0][1]".
void add_values(Logs& logs, const std::string& name, const Tensor& result) {
  if (!result || result.size() == 0) {
    throw ValueError("the metric " + name + ": expected a result of one number or more, got " +
                     (result ? describe(result) : "an empty tensor"));
  }
  if (result.size() == 1) return logs.set(name, result.item<double>());
  const Shape& shape = result.shape();
  const std::vector<double> values = cast(result, float64).to_vector<double>();
  for (std::size_t i = 0; i < values.size(); ++i) {
    std::string indices;
    Index rest = static_cast<Index>(i);
    for (int axis = shape.rank() - 1; axis >= 0; rest /= shape[axis--]) {
      indices = fmt::format("[{}]", rest % shape[axis]) + indices;
    }
    logs.set(name + indices, values[i]);
  }
}

double batch_size(const Tensor& predicted) {
  return predicted.rank() == 0 ? 1 : static_cast<double>(predicted.shape().front());
}

}  // namespace

Objective::Objective(const CompileOptions& options)
    : losses_(options.loss),
      weights_(options.loss_weights),
      metrics_(options.metrics),
      weighted_metrics_(options.weighted_metrics) {
  for (const auto* list : {&metrics_, &weighted_metrics_}) {
    for (const auto& entry : list->entries()) {
      for (const Metric& metric : entry.value.list()) {
        if (!metric) throw ValueError("compile: expected metrics, got an empty one");
      }
    }
  }
}

bool Objective::fits_one_output() const {
  const auto fits = [](const auto& list) {
    return list.empty() || (list.entries().size() == 1 && list.entries().front().name.empty());
  };
  const auto plain = [](const NamedList<Metrics>& list) {
    const auto& entries = list.entries();
    return std::all_of(entries.begin(), entries.end(), [](const auto& entry) { return entry.name.empty(); });
  };
  return fits(losses_) && fits(weights_) && plain(metrics_) && plain(weighted_metrics_);
}

void Objective::bind(const std::vector<std::string>& names) {
  std::vector<Output> outputs(names.size());
  const std::vector<Loss> losses = losses_.alone()
                                       ? std::vector<Loss>(names.size(), losses_.entries().front().value)
                                       : losses_.in_order_of(names, "compile: loss");
  const std::vector<double> weights = weights_.in_order_of(names, "compile: loss_weights", 1.0);
  const auto metrics = metrics_by_output(metrics_, names, "compile: metrics");
  const auto weighted = metrics_by_output(weighted_metrics_, names, "compile: weighted_metrics");
  std::vector<std::string> taken{"loss"};
  const auto is_taken = [&](const std::string& name) {
    return std::find(taken.begin(), taken.end(), name) != taken.end();
  };
  const bool several = names.size() > 1;
  const bool several_losses =
      std::count_if(losses.begin(), losses.end(), [](const Loss& l) { return bool(l); }) > 1;
  for (std::size_t i = 0; i < names.size(); ++i) {
    Output& output = outputs[i];
    output.name = names[i];
    output.loss = losses[i];
    output.weight = weights[i];
    if (several_losses && output.loss) taken.push_back(output.loss_name = output.name + "_loss");
  }
  for (std::size_t i = 0; i < names.size(); ++i) {
    const auto add = [&](const Metric& metric, bool is_weighted) {
      const std::string prefix = several ? names[i] + "_" : "";
      std::string name = prefix + metric.name();
      if (is_weighted && is_taken(name)) name = prefix + "weighted_" + metric.name();
      std::string unique = name;
      for (int n = 1; is_taken(unique); ++n) unique = fmt::format("{}_{}", name, n);
      taken.push_back(unique);
      outputs[i].metrics.push_back({metric, std::move(unique), is_weighted});
    };
    for (const Metric& metric : metrics[i]) add(metric, false);
    for (const Metric& metric : weighted[i]) add(metric, true);
  }
  outputs_ = std::move(outputs);
}

Objective::Losses Objective::losses(const TensorList& predicted, const TensorList& y,
                                    const TensorList& weights, const TensorList& added,
                                    const std::string& model) const {
  Losses losses;
  losses.each.resize(outputs_.size());
  for (std::size_t i = 0; i < outputs_.size(); ++i) {
    const Output& output = outputs_[i];
    if (!output.loss) continue;
    const std::string where = outputs_.size() == 1 ? "" : " of the output " + output.name;
    if (!y[i])
      throw ValueError("the loss " + output.loss.name() + where + ": expected labels y, got an empty tensor");
    const Tensor loss = output.loss(y[i], predicted[i], weights[i]);
    if (loss.size() != 1) {
      throw ValueError("the loss " + output.loss.name() + where + ": expected one number, got " +
                       describe(loss) + ": use a reduction other than \"none\"");
    }
    losses.each[i] = loss;
    const Tensor counted = output.weight == 1 ? loss : loss * output.weight;
    losses.total = losses.total ? losses.total + counted : counted;
  }
  for (const Tensor& loss : added) losses.total = losses.total ? losses.total + loss : loss;
  if (!losses.total) {
    throw ValueError("the model " + model + ": expected a loss from compile() or from a layer, got none");
  }
  return losses;
}

void Objective::update(const TensorList& predicted, const Losses& losses, const TensorList& y,
                       const TensorList& weights) {
  const NoGradient guard;
  const double samples = batch_size(predicted.front());
  total_.update_state(losses.total.item<double>(), samples);
  for (std::size_t i = 0; i < outputs_.size(); ++i) {
    Output& output = outputs_[i];
    // The loss of the only output is in the total.
    if (outputs_.size() > 1 && losses.each[i])
      output.mean.update_state(losses.each[i].item<double>(), samples);
    for (const Tracked& tracked : output.metrics) {
      if (!y[i]) {
        throw ValueError("the metric " + tracked.name + ": expected labels y, got an empty tensor");
      }
      tracked.metric.update_state(y[i], predicted[i], tracked.weighted ? weights[i] : Tensor());
    }
  }
}

void Objective::reset() {
  total_.reset_state();
  for (Output& output : outputs_) {
    output.mean.reset_state();
    for (const Tracked& tracked : output.metrics) tracked.metric.reset_state();
  }
}

Logs Objective::logs() const {
  Logs logs{{"loss", total_.result()}};
  for (const Output& output : outputs_) {
    if (!output.loss_name.empty()) logs.set(output.loss_name, output.mean.result());
  }
  for (const Output& output : outputs_) {
    for (const Tracked& tracked : output.metrics) {
      const NamedList<Tensor> results = tracked.metric->results();
      if (results.empty()) add_values(logs, tracked.name, tracked.metric.result());
      for (const auto& entry : results.entries()) {
        add_values(logs, outputs_.size() > 1 ? output.name + "_" + entry.name : entry.name, entry.value);
      }
    }
  }
  return logs;
}

bool Objective::has_metrics() const {
  return std::any_of(outputs_.begin(), outputs_.end(), [](const Output& o) { return !o.metrics.empty(); });
}

std::vector<std::string> Objective::names() const {
  std::vector<std::string> names{"loss"};
  for (const Output& output : outputs_) {
    if (!output.loss_name.empty()) names.push_back(output.loss_name);
  }
  for (const Output& output : outputs_) {
    for (const Tracked& tracked : output.metrics) names.push_back(tracked.name);
  }
  return names;
}

OptionalBool Objective::more_is_better(std::string_view name) const {
  if (name == "loss") return false;
  for (const Output& output : outputs_) {
    if (name == output.loss_name) return false;
    for (const Tracked& tracked : output.metrics) {
      const std::string_view metric = name.substr(0, name.find('['));
      if (tracked.name == metric) return tracked.metric->more_is_better();
      for (const auto& entry : tracked.metric->results().entries()) {
        const std::string prefix = outputs_.size() > 1 ? output.name + "_" : "";
        if (prefix + entry.name == metric) return tracked.metric->more_is_better();
      }
    }
  }
  return {};
}

}  // namespace unspool::internal
