#include <functional>

#include <unspool/autograd/activations.h>
#include <unspool/autograd/arithmetic.h>
#include <unspool/autograd/conversion.h>
#include <unspool/autograd/tape.h>
#include <unspool/core/error.h>
#include <unspool/layers/activation.h>

#include "groups.h"

namespace golden {
namespace {

using Function = std::function<Tensor(const Tensor&)>;

/// An activation function of Keras with its arguments beside x.
struct WithArguments {
  std::string_view name;
  std::vector<std::string> arguments;
  Tensor (*call)(const Tensor& x, const Config& arguments);
};

const WithArguments activations_with_arguments[] = {
    {"relu",
     {"negative_slope", "max_value", "threshold"},
     [](const Tensor& x, const Config& a) {
       return relu(x, a.get("negative_slope", 0.0), a.get("max_value", std::optional<double>()),
                   a.get("threshold", 0.0));
     }},
    {"leaky_relu",
     {"negative_slope"},
     [](const Tensor& x, const Config& a) { return leaky_relu(x, a.get("negative_slope", 0.2)); }},
    {"elu", {"alpha"}, [](const Tensor& x, const Config& a) { return elu(x, a.get("alpha", 1.0)); }},
    {"celu", {"alpha"}, [](const Tensor& x, const Config& a) { return celu(x, a.get("alpha", 1.0)); }},
    {"gelu",
     {"approximate"},
     [](const Tensor& x, const Config& a) { return gelu(x, a.get("approximate", false)); }},
    {"squareplus", {"b"}, [](const Tensor& x, const Config& a) { return squareplus(x, a.get("b", 4.0)); }},
    {"soft_shrink",
     {"threshold"},
     [](const Tensor& x, const Config& a) { return soft_shrink(x, a.get("threshold", 0.5)); }},
    {"hard_shrink",
     {"threshold"},
     [](const Tensor& x, const Config& a) { return hard_shrink(x, a.get("threshold", 0.5)); }},
    {"threshold",
     {"threshold", "default_value"},
     [](const Tensor& x, const Config& a) {
       return threshold(x, a["threshold"].as<double>(), a["default_value"].as<double>());
     }},
    {"glu", {"axis"}, [](const Tensor& x, const Config& a) { return glu(x, a.get("axis", -1)); }},
    {"softmax", {"axis"}, [](const Tensor& x, const Config& a) { return softmax(x, a.get("axis", -1)); }},
    {"log_softmax",
     {"axis"},
     [](const Tensor& x, const Config& a) { return log_softmax(x, a.get("axis", -1)); }},
    {"sparsemax", {"axis"}, [](const Tensor& x, const Config& a) { return sparsemax(x, a.get("axis", -1)); }},
};

Function function_of(const Config& config, const Config& arguments) {
  if (arguments.empty()) {
    return [activation = Activation::from_config(config)](const Tensor& x) { return activation(x); };
  }
  const std::string name = config.as<std::string>();
  for (const WithArguments& known : activations_with_arguments) {
    if (known.name != name) continue;
    for (const std::string& key : arguments.keys()) {
      if (std::find(known.arguments.begin(), known.arguments.end(), key) == known.arguments.end()) {
        throw ValueError(name + " has no argument " + in_quotes(key) + did_you_mean(key, known.arguments));
      }
    }
    return [&known, arguments](const Tensor& x) { return known.call(x, arguments); };
  }
  throw ValueError(in_quotes(name) + ": expected an activation that takes arguments, got " +
                   to_json(arguments));
}

/// A function and its derivative at every element.
struct Curve {
  Tensor output;
  Tensor derivative;
};

Curve curve(const Function& function, const Tensor& x, const Tensor& cotangent = {}) {
  GradientTape tape;
  tape.watch(x);
  const Tensor y = function(x);
  return {y, tape.gradient(y, x, {.output_gradient = cotangent, .unconnected = Unconnected::zero})};
}

/// Functions that mix elements are checked with a cotangent, elementwise ones by their derivative on a grid.
void check(const Case& file, const Function& function, const std::string& i, Report& report) {
  const Tensor& x = file.tensor("input." + i);
  if (file.has("cotangent." + i)) {
    const Curve got = curve(function, x, file.tensor("cotangent." + i));
    report.compare("output." + i, got.output, file.tensor("output." + i));
    report.compare("grad.input." + i, got.derivative, file.tensor("grad.input." + i));
    return;
  }
  const Curve got = curve(function, x);
  const Curve came64 = curve(function, cast(x, float64));
  constexpr Tolerance tolerance64 = {.rtol = 1e-9, .atol = 1e-12};
  const auto compare = [&](const std::string& name, const Tensor& single, const Tensor& wide) {
    const std::string right = name + "64." + i;
    const std::string expected = name + "." + i;
    if (!file.has(right)) return report.compare(expected, single, file.tensor(expected));
    report.compare_or_right(expected, single, file.tensor(expected), file.tensor(right));
    report.compare(right, wide, file.tensor(right), tolerance64);
  };
  compare("output", got.output, came64.output);
  compare("derivative", got.derivative, came64.derivative);

  if (file.has("kink_input." + i)) {
    report.compare("kink_output." + i, function(file.tensor("kink_input." + i)),
                   file.tensor("kink_output." + i));
  }
  // The derivative at a kink is a convention, in which this library may differ from TensorFlow.
  file.pass_over("kink_derivative." + i);
  // Keras' result overflows at these inputs.
  file.pass_over("not_finite_input." + i);
}

}  // namespace

void run_activation(const Case& file, Report& report) {
  const std::vector<Config> arguments = file.call()["arguments"].elements();
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    check(file, function_of(file.config(), arguments[i]), std::to_string(i), report);
  }
}

}  // namespace golden
