#include "call.h"

#include <algorithm>

#include <unspool/autograd/arithmetic.h>
#include <unspool/autograd/reduction.h>
#include <unspool/core/error.h>
#include <unspool/layers/cell.h>

namespace golden {
namespace {

/// A source of gradients, with the end of their names: "input.0".
struct GradientSource {
  std::string name;
  Source source;
};

void add_floating(std::vector<GradientSource>& sources, const std::string& kind,
                  const std::vector<Tensor>& tensors) {
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    if (is_floating(tensors[i].dtype())) sources.push_back({kind + "." + std::to_string(i), tensors[i]});
  }
}

Tensor total(const std::vector<Tensor>& terms) {
  Tensor sum = terms.front();
  for (std::size_t i = 1; i < terms.size(); ++i) sum = sum + terms[i];
  return sum;
}

}  // namespace

Call::Call(const Case& file, std::string key, const Config& about)
    : file_(file), key_(std::move(key)), about_(about) {
  inputs_ = file.numbered(name("input") + ".");
  if (inputs_.empty()) throw ValueError("expected a tensor " + in_quotes(name("input", 0)) + ", got none");
  args_.training = file.call().get("training", false);
  args_.initial_state = file.numbered(name("initial_state") + ".");
  args_.constants = file.numbered(name("constant") + ".");
  check_count("num_inputs", inputs_.size());
  check_count("num_initial_states", args_.initial_state.size());
  check_count("num_constants", args_.constants.size());

  const std::string via = about.get("mask_via", std::optional<std::string>()).value_or("argument");
  if (via != "argument" && via != "implicit") {
    throw ValueError("mask_via: expected \"argument\" or \"implicit\", got " + in_quotes(via));
  }
  bool masked = false;
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    if (!file.has(name("mask", i))) continue;
    masked = true;
    const Tensor& mask = file.tensor(name("mask", i));
    // The mask argument is that of the first input.
    if (via == "argument" && i == 0) {
      args_.mask = mask;
    } else {
      inputs_[i] = with_mask(inputs_[i], mask);
    }
  }
  if (masked != about.get("has_mask", masked)) {
    throw ValueError(masked ? "expected no mask, since has_mask is false, got one"
                            : "expected a mask, since has_mask is true, got none");
  }
}

std::string Call::name(const std::string& what) const { return key_.empty() ? what : what + "." + key_; }

std::string Call::name(const std::string& what, std::size_t i) const {
  return name(what) + "." + std::to_string(i);
}

void Call::check_count(const char* key, std::size_t got) const {
  const auto said = about_.get(key, got);
  if (said == got) return;
  throw ValueError("expected " + std::to_string(said) + " tensors, as " + key + " says, got " +
                   std::to_string(got));
}

std::vector<Tensor> Call::run(const Ref<LayerBase>& layer) const {
  if (const auto cell = std::dynamic_pointer_cast<Cell>(layer.pointer())) {
    CallArgs args = args_;
    args.initial_state.clear();
    CellOutput step = (*cell)(inputs_.at(0), args_.initial_state, args);
    std::vector<Tensor> outputs = {step.output};
    outputs.insert(outputs.end(), step.states.begin(), step.states.end());
    return outputs;
  }
  return (*std::dynamic_pointer_cast<Layer>(layer.pointer()))(inputs_, args_).all();
}

void Call::build(const Ref<LayerBase>& layer) const {
  no_gradient([&] { run(layer); });
}

void Call::check(const Ref<LayerBase>& layer, Report& report) const {
  GradientTape tape;
  for (const std::vector<Tensor>& tensors :
       std::vector<std::vector<Tensor>>{inputs_, args_.initial_state, args_.constants}) {
    for (const Tensor& tensor : tensors) {
      if (is_floating(tensor.dtype())) tape.watch(tensor);
    }
  }
  const std::vector<Tensor> outputs = run(layer);
  const std::vector<Tensor> expected = file_.numbered(name("output") + ".");
  if (outputs.size() != expected.size()) {
    report.fail(name("output") + ": expected " + std::to_string(expected.size()) + " tensors, got " +
                std::to_string(outputs.size()));
    return;
  }
  for (std::size_t i = 0; i < outputs.size(); ++i) report.compare(name("output", i), outputs[i], expected[i]);
  check_masks(outputs, report);

  std::vector<Tensor> terms;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    terms.push_back(sum(outputs[i] * file_.tensor(name("cotangent", i))));
  }
  const std::vector<Tensor> losses = layer->losses();
  check_losses(losses, report);
  terms.insert(terms.end(), losses.begin(), losses.end());
  const Tensor loss = total(terms);
  report.compare(name("loss"), loss, file_.tensor(name("loss")));
  check_gradients(layer, tape, loss, report);
}

void Call::check_masks(const std::vector<Tensor>& outputs, Report& report) const {
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const Tensor mask = mask_of(outputs[i]);
    const std::string expected = name("output_mask", i);
    if (file_.has(expected)) {
      report.compare(expected, mask, file_.tensor(expected));
    } else if (mask && key_.empty()) {
      // Files with several calls have no output masks.
      report.fail(expected + ": expected none, got " + describe(mask));
    }
  }
}

/// Compares losses in Keras' order, or only their sum if the order is another.
void Call::check_losses(const std::vector<Tensor>& losses, Report& report) const {
  const std::vector<Tensor> expected = file_.numbered(name("layer_loss") + ".");
  if (losses.empty() && expected.empty()) return;
  if (losses.empty() || expected.empty()) {
    report.fail(name("layer_loss") + ": expected " + std::to_string(expected.size()) + ", got " +
                std::to_string(losses.size()));
    return;
  }
  const bool in_order = std::equal(
      losses.begin(), losses.end(), expected.begin(), expected.end(), [&](const Tensor& a, const Tensor& b) {
        return relative_error(a.item<double>(), b.item<double>(), file_.tolerance()) <= 1;
      });
  if (!in_order) {
    report.compare("the sum of " + name("layer_loss"), total(losses), total(expected));
    return;
  }
  for (std::size_t i = 0; i < losses.size(); ++i) {
    report.compare(name("layer_loss", i), losses[i], expected[i]);
  }
}

void Call::check_gradients(const Ref<LayerBase>& layer, GradientTape& tape, const Tensor& loss,
                           Report& report) const {
  std::vector<GradientSource> sources;
  add_floating(sources, "input", inputs_);
  add_floating(sources, "initial_state", args_.initial_state);
  add_floating(sources, "constant", args_.constants);
  const std::vector<Variable> weights = layer->weights();
  const Config about_weights = file_.about()["weights"];
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const bool trainable = about_weights[i]["trainable"].as<bool>();
    if (trainable != weights[i].trainable()) {
      report.fail("weight." + std::to_string(i) + ": expected one that is " + (trainable ? "" : "not ") +
                  "trainable, got " + weights[i].path());
    } else if (trainable) {
      sources.push_back({"weight." + std::to_string(i), weights[i]});
    }
  }
  if (!tape.recorded(loss)) {
    for (const GradientSource& source : sources) {
      if (file_.has(name("grad") + "." + source.name)) {
        report.fail(name("loss") + " does not depend on " + source.name);
      }
    }
    return;
  }

  std::vector<Source> of;
  for (const GradientSource& source : sources) of.push_back(source.source);
  const std::vector<Tensor> gradients = tape.gradient(loss, of, {.unconnected = Unconnected::zero});
  std::vector<std::string> without;
  if (const auto names = file_.about().find("no_gradient")) without = names->as<std::vector<std::string>>();
  for (std::size_t i = 0; i < sources.size(); ++i) {
    const std::string expected = name("grad") + "." + sources[i].name;
    if (file_.has(expected)) {
      report.compare(expected, gradients[i], file_.tensor(expected));
    } else if (std::any_of(without.begin(), without.end(), [&](const std::string& said) {
                 return said == expected || "grad." + said == expected;
               })) {
      report.compare(expected, gradients[i], Tensor::zeros(gradients[i].shape(), gradients[i].dtype()));
    } else {
      report.fail("expected " + expected + " in the file, or under no_gradient, got neither");
    }
  }
}

}  // namespace golden
