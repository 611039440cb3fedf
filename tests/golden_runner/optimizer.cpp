#include <optional>

#include <unspool/autograd/conversion.h>
#include <unspool/optim/optimizer.h>

#include "groups.h"

namespace golden {
namespace {

/// Compares learning_rate[i] with the rate at step[i].
void check_schedule(const Case& file, Report& report) {
  const LearningRate rate = LearningRate::from_config(file.config());
  std::vector<double> got;
  for (Index step : file.tensor("step").to_vector<Index>()) got.push_back(rate.at(step));
  const Tensor& expected = file.tensor("learning_rate");
  report.compare("learning_rate", cast(Tensor::from(got), expected.dtype()), expected);
}

void compare_all(const std::string& what, const std::vector<Variable>& variables,
                 const std::vector<Tensor>& expected, Report& report) {
  if (expected.size() != variables.size()) {
    report.fail(what + ": expected " + std::to_string(variables.size()) + " values in the file, got " +
                std::to_string(expected.size()));
    return;
  }
  for (std::size_t i = 0; i < variables.size(); ++i) {
    report.compare(what + std::to_string(i), variables[i].value(), expected[i]);
  }
}

}  // namespace

void check_optimizer_state(const Case& file, const Optimizer& optimizer, Report& report) {
  const std::vector<Config> expected = file.about()["optimizer_variables"].elements();
  const std::vector<Variable> state = optimizer.variables();
  if (state.size() != expected.size()) {
    report.fail("expected " + std::to_string(expected.size()) + " variables of the optimizer, got " +
                std::to_string(state.size()));
    return;
  }
  for (std::size_t i = 0; i < state.size(); ++i) {
    const std::string name = "optimizer_variable." + std::to_string(i);
    std::string path = expected[i]["path"].as<std::string>();
    // The path of a weight begins with the name of the model in Keras, if the model is a Sequential.
    if (const std::size_t at = path.find("/sequential_"); at != std::string::npos) path.erase(at + 1, 11);
    if (state[i].path() != path) report.fail(name + ": expected " + path + ", got " + state[i].path());
    const std::optional<Config> dtype = expected[i].find("dtype");
    if (dtype && state[i].dtype() != dtype->as<DType>()) {
      report.fail(path + ": expected " + dtype->as<std::string>() + ", got " +
                  std::string(name_of(state[i].dtype())));
    }
    // The file stores int64 as int32.
    const Tensor& value = file.tensor(name);
    report.compare(path, cast(state[i].value(), value.dtype()), value);
  }
}

void run_optimizer(const Case& file, Report& report) {
  if (file.has("step")) return check_schedule(file, report);
  const Optimizer optimizer = Optimizer::from_config(file.config());
  std::vector<Variable> variables;
  for (const Tensor& before : file.numbered("variable.")) {
    variables.emplace_back(before, VariableOptions{.name = "v" + std::to_string(variables.size())});
  }
  const std::vector<double> rates = file.tensor("learning_rate").to_vector<double>();
  for (std::size_t step = 0; step < rates.size(); ++step) {
    const std::string number = std::to_string(step);
    report.compare("learning_rate before step " + number, optimizer.learning_rate(), rates[step],
                   file.tolerance().atol + file.tolerance().rtol * rates[step]);
    optimizer.apply_gradients(file.numbered("grad.step" + number + "."), variables);
    const std::string value = "value.step" + number + ".";
    compare_all(value, variables, file.numbered(value), report);
  }
  check_optimizer_state(file, optimizer, report);
  if (file.has("finalized.0")) {
    optimizer.finalize_variable_values();
    compare_all("finalized.", variables, file.numbered("finalized."), report);
  }
}

}  // namespace golden
