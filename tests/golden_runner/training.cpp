#include <algorithm>
#include <memory>

#include <unspool/autograd/conversion.h>
#include <unspool/autograd/views.h>
#include <unspool/models/model.h>

#include "build.h"
#include "groups.h"

namespace golden {
namespace {

Metrics metrics_of(const Config& names) {
  std::vector<Metric> list;
  for (const Config& name : names.elements()) list.push_back(Metric::from_config(name));
  return list;
}

NamedList<Tensor> rows_of(const std::vector<Tensor>& tensors, Index begin, Index end) {
  std::vector<Tensor> parts;
  for (const Tensor& tensor : tensors) parts.push_back(slice(tensor, 0, begin, end));
  return parts;
}

Tensor number_like(double value, const Tensor& expected) { return Tensor::scalar(value, expected.dtype()); }

/// train_on_batch for some steps, then evaluate and predict.
void run_steps(const Case& file, Model& model, const std::vector<Tensor>& x, const Tensor& y,
               Report& report) {
  const Config call = file.call();
  const Index batch_size = call["batch_size"].as<Index>();
  const Index batches = call["batches"].as<Index>();
  const Tensor& losses = file.tensor("loss_per_step");
  std::vector<Index> resets;
  for (const Config& step : call["reset_states_before_step"].elements()) resets.push_back(step.as<Index>());
  std::vector<std::string> names;
  for (const Config& name : call["metrics"].elements()) names.push_back(name.as<std::string>());
  for (Index step = 0; step < call["steps"].as<Index>(); ++step) {
    if (std::find(resets.begin(), resets.end(), step) != resets.end()) model.reset_states();
    const Index begin = step % batches * batch_size;
    const Logs logs =
        model.train_on_batch(rows_of(x, begin, begin + batch_size), slice(y, 0, begin, begin + batch_size));
    const std::string number = std::to_string(step);
    const Tensor expected = losses[step];
    // Later losses drift with rounding.
    const Tolerance exact{1e-5, file.tolerance().atol};
    report.compare("loss_per_step " + number, number_like(logs["loss"], expected), expected,
                   step < 5 ? exact : file.tolerance());
    for (std::size_t i = 0; i < names.size(); ++i) {
      const Tensor of_step = file.tensor("metric_per_step")[step][static_cast<Index>(i)];
      report.compare(names[i] + " of step " + number, number_like(logs[names[i]], of_step), of_step);
    }
  }
  check_optimizer_state(file, model.optimizer(), report);
  model.reset_states();
  const Logs logs = model.evaluate(x, y, {.batch_size = batch_size, .verbose = 0});
  const std::vector<Config> evaluated = call["evaluate_names"].elements();
  for (std::size_t i = 0; i < evaluated.size(); ++i) {
    const std::string name = evaluated[i].as<std::string>();
    const Tensor expected = file.tensor("evaluate")[static_cast<Index>(i)];
    report.compare("evaluate " + name, number_like(logs[name], expected), expected);
  }
  model.reset_states();
  const Outputs outputs = model.predict(x, {.batch_size = batch_size});
  report.compare("predict.0", outputs, file.tensor("predict.0"));
}

void run_fit(const Case& file, Model& model, const std::vector<Tensor>& x, const Tensor& y, Report& report) {
  const Config call = file.call();
  const History history =
      model.fit(x, y,
                {.batch_size = call["batch_size"].as<Index>(),
                 .epochs = call["epochs"].as<Index>(),
                 .verbose = 0,
                 .validation_data = {file.numbered("validation_input."), file.tensor("validation_target"),
                                     file.tensor("validation_sample_weight")},
                 .shuffle = call["shuffle"].as<bool>(),
                 .sample_weight = file.tensor("sample_weight"),
                 .validation_batch_size = call["validation_batch_size"].as<Index>()});
  for (const std::string& name : history.history.names()) {
    const Tensor& expected = file.tensor("history." + name);
    report.compare("history." + name, cast(Tensor::from(history.history[name]), expected.dtype()), expected);
  }
}

}  // namespace

void run_training(const Case& file, Report& report) {
  const Ref<LayerBase> network = build(file.config(), float32);
  Model model{Ref<Layer>(std::dynamic_pointer_cast<Layer>(network.pointer()))};
  const std::vector<Tensor> x = file.numbered("input.");
  const Tensor& y = file.tensor("target");
  if (!model.built()) model.build(x.front().shape());
  model.set_weights(file.numbered("weight."));
  const Config call = file.call();
  model.compile({.optimizer = Optimizer::from_config(call["optimizer"]),
                 .loss = Loss::from_config(call["loss"]),
                 .metrics = metrics_of(call["metrics"]),
                 .weighted_metrics = metrics_of(call.get("weighted_metrics", Config::list({})))});
  if (file.has("loss_per_step")) {
    run_steps(file, model, x, y, report);
  } else {
    run_fit(file, model, x, y, report);
  }
  const std::vector<Tensor> weights = model.get_weights();
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const std::string name = "weight_after." + std::to_string(i);
    report.compare(name, weights[i], file.tensor(name));
  }
}

}  // namespace golden
