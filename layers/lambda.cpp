#include <algorithm>
#include <map>
#include <mutex>

#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/layers/internal/fields_of_layer.h>
#include <unspool/layers/internal/layer_maker.h>
#include <unspool/layers/lambda.h>

namespace unspool {
namespace {

struct Known {
  std::mutex mutex;
  std::map<std::string, LambdaFunction> functions;
};
Known& known() {
  static Known all;
  return all;
}

}  // namespace

LambdaFunction::LambdaFunction(Function function, std::string name)
    : name_(std::move(name)),
      function_(function ? std::make_shared<const Function>(std::move(function)) : nullptr) {}

LambdaFunction::LambdaFunction() = default;
LambdaFunction::LambdaFunction(const char* name) : LambdaFunction(std::string(name)) {}
LambdaFunction::LambdaFunction(const std::string& name) : name_(name) {
  Known& all = known();
  const std::lock_guard lock(all.mutex);
  const auto found = all.functions.find(name);
  if (found == all.functions.end()) {
    std::vector<std::string> names;
    for (const auto& [own, function] : all.functions) names.push_back(own);
    throw ValueError("expected the name of a function that register_lambda() registered, got " +
                     in_quotes(name) + did_you_mean(name, names));
  }
  function_ = found->second.function_;
}

std::vector<Tensor> LambdaFunction::operator()(const std::vector<Tensor>& inputs,
                                               const LambdaCall& call) const {
  if (!function_)
    throw RuntimeError("expected a function, got an empty LambdaFunction: make it from a function");
  return (*function_)(inputs, call);
}

const Tensor& internal::only_input(const std::vector<Tensor>& inputs) {
  if (inputs.size() == 1) return inputs.front();
  throw ValueError(fmt::format("expected one tensor for the function, got {}", inputs.size()));
}

std::vector<Tensor> internal::list_of(Tensor tensor) { return {std::move(tensor)}; }
std::vector<Tensor> internal::list_of(std::vector<Tensor> tensors) { return tensors; }

Config LambdaFunction::config() const {
  if (!function_) return {};
  if (name_.empty()) {
    throw ValueError(
        "expected a function with a name for a config, got one without: register it by register_lambda() and "
        "use it by its name");
  }
  return name_;
}

LambdaFunction LambdaFunction::from_config(const Config& config) {
  if (config.is_null()) return {};
  if (config.is_string()) return config.as<std::string>();
  if (config.is_map() && config.get("class_name", "") == "__lambda__") {
    throw ValueError(config.path() +
                     ": expected the name of a function, got a Python lambda: code in a config is never run: "
                     "write it as a C++ function and register it by register_lambda()");
  }
  if (config.is_map()) {
    for (const char* key : {"registered_name", "config"}) {
      if (const auto name = config.find(key); name && name->is_string()) return name->as<std::string>();
    }
  }
  config.fail("the name of a function");
}

void register_lambda(const std::string& name, const LambdaFunction& function) {
  if (name.empty()) throw ValueError("register_lambda: expected a name, got an empty one");
  LambdaFunction named = function;
  named.name_ = name;
  Known& all = known();
  const std::lock_guard lock(all.mutex);
  all.functions.insert_or_assign(name, std::move(named));
}

const Fields& LambdaOptions::fields() {
  using O = LambdaOptions;
  static const Fields all = internal::fields_of_layer<O>(
      field("function", &O::function, "from the inputs to the outputs"),
      field("output_shape", &O::output_shape, "without the batch; null: found without values")
          .unless_default(),
      field("mask", &O::mask, "gives the mask of the output; null: none").unless_default(),
      field("arguments", &O::arguments, "what the functions are given beside their inputs"));
  return all;
}

template Ref<layers::Lambda> detail::make_from_options<layers::Lambda>(const layers::Lambda::Options&);

}  // namespace unspool

namespace unspool::layers {

Lambda::Lambda(LambdaOptions options) : OptionsLayer(std::move(options)) {
  if (!options_.function.value()) throw ValueError("Lambda: expected a function, got none");
}

std::vector<Tensor> Lambda::call_all(const std::vector<Tensor>& inputs, const CallArgs& args) {
  std::vector<Tensor> outputs = options_.function.value()(
      inputs, {.mask = args.mask, .training = args.is_training(), .arguments = options_.arguments});
  // An input that is returned comes with its mask, which is compute_mask()'s to say.
  for (Tensor& output : outputs) {
    const bool given = std::any_of(inputs.begin(), inputs.end(),
                                   [&](const Tensor& input) { return output && output.id() == input.id(); });
    if (given) output = with_mask(output, {});
  }
  return outputs;
}

Tensor Lambda::compute_mask(const std::vector<Tensor>& inputs, const Tensor& mask) {
  if (!options_.mask) return {};
  const std::vector<Tensor> masks = options_.mask(inputs, {.mask = mask, .arguments = options_.arguments});
  if (masks.size() == 1) return masks.front();
  throw ValueError(
      fmt::format("expected one mask from the mask function of the layer {}, got {}", name(), masks.size()));
}

std::vector<Tensor> Lambda::compute_output_spec(const std::vector<Tensor>& inputs, const CallArgs& args) {
  return options_.output_shape ? OptionsLayer::compute_output_spec(inputs, args) : call_all(inputs, args);
}

std::vector<Shape> Lambda::compute_output_shapes(const std::vector<Shape>& inputs) {
  if (!options_.output_shape) return OptionsLayer::compute_output_shapes(inputs);
  return {Shape({first_of(inputs)[0]}) + *options_.output_shape};
}

}  // namespace unspool::layers
