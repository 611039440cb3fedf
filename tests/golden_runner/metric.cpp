#include <functional>

#include <unspool/autograd/conversion.h>
#include <unspool/layers/call.h>
#include <unspool/models/loss.h>
#include <unspool/models/metric.h>

#include "arguments.h"
#include "groups.h"

namespace golden {
namespace {

/// Calls `reset` and `update(batch name)` as the case says, and compares the result after each batch.
void run_batches(const Case& file, Report& report, const std::function<void()>& reset,
                 const std::function<void(const std::string& batch, const Tensor& weight)>& update,
                 const std::function<Tensor()>& result) {
  for (const Config& step : file.call()["sequence"].elements()) {
    if (step["reset_before"].as<bool>()) reset();
    const std::string batch = "batch" + std::to_string(step["batch"].as<Index>());
    update(batch, step["has_sample_weight"].as<bool>() ? file.tensor("sample_weight." + batch) : Tensor());
    const Tensor& expected = file.tensor("result." + batch);
    report.compare("result." + batch, cast(result(), expected.dtype()), expected);
  }
}

void compare_numbers(const Case& file, Report& report, const std::vector<double>& numbers) {
  const std::vector<Tensor> expected = file.numbered("variable.");
  for (std::size_t i = 0; i < expected.size() && i < numbers.size(); ++i) {
    report.compare("variable." + std::to_string(i), Tensor::scalar(numbers[i], expected[i].dtype()),
                   expected[i]);
  }
  if (expected.size() != numbers.size()) report.fail("expected another number of variables in the file");
}

/// Mean and Sum, which take values.
template <class T>
void run_values(const Case& file, Report& report, T metric) {
  run_batches(
      file, report, [&] { metric.reset_state(); },
      [&](const std::string& batch, const Tensor& weight) {
        metric.update_state(file.tensor("values." + batch), weight);
      },
      [&] { return Tensor::scalar(metric.result()); });
  if constexpr (requires { metric.count(); }) {
    compare_numbers(file, report, {metric.total(), metric.count()});
  } else {
    compare_numbers(file, report, {metric.result()});
  }
}

}  // namespace

void run_metric(const Case& file, Report& report) {
  const std::string class_name = file.config()["class_name"].as<std::string>();
  if (class_name == "Mean") return run_values(file, report, Mean());
  if (class_name == "Sum") return run_values(file, report, Sum());
  const Metric metric =
      Metric::from_config(serialized_with_arguments(file.config(), file.about()["what"].as<std::string>()));
  run_batches(
      file, report, [&] { metric.reset_state(); },
      [&](const std::string& batch, const Tensor& weight) {
        const Tensor& y_pred = file.tensor("y_pred." + batch);
        const bool has_mask = file.has("mask." + batch);
        metric.update_state(file.tensor("y_true." + batch),
                            has_mask ? with_mask(y_pred, file.tensor("mask." + batch)) : y_pred, weight);
      },
      [&] { return metric.result(); });
  const std::vector<Tensor> expected = file.numbered("variable.");
  const std::vector<Variable> variables = metric.variables();
  if (expected.size() != variables.size()) {
    report.fail("expected " + std::to_string(expected.size()) + " variables, got " +
                std::to_string(variables.size()));
    return;
  }
  for (std::size_t i = 0; i < expected.size(); ++i) {
    report.compare("variable." + std::to_string(i) + ", " + variables[i].name(),
                   cast(variables[i].value(), expected[i].dtype()), expected[i]);
  }
}

}  // namespace golden
