#include <memory>

#include <unspool/core/error.h>

#include "build.h"
#include "call.h"
#include "groups.h"
#include "recurrent.h"

namespace golden {
namespace {

void check_states(const Case& file, const std::string& key,
                  const std::vector<std::shared_ptr<layers::RNN>>& rnns, Report& report) {
  std::vector<Tensor> states;
  for (const auto& rnn : rnns) {
    for (const Variable& state : rnn->states()) states.push_back(state.value());
  }
  const std::string name = "state_after." + key;
  const std::vector<Tensor> expected = file.numbered(name + ".");
  if (states.size() != expected.size()) {
    report.fail(name + ": expected " + std::to_string(expected.size()) + " states, got " +
                std::to_string(states.size()));
    return;
  }
  for (std::size_t i = 0; i < states.size(); ++i) {
    report.compare(name + "." + std::to_string(i), states[i], expected[i]);
  }
}

void run_sequence(const Case& file, const Config& config, Report& report) {
  const std::vector<Config> sequence = file.call()["sequence"].elements();
  const Ref<LayerBase> layer = build(config, float32);
  std::vector<std::shared_ptr<layers::RNN>> rnns = recurrent_layers(layer);
  std::erase_if(rnns, [](const auto& rnn) { return !rnn->stateful(); });
  const auto reset = [&] {
    for (const auto& rnn : rnns) rnn->reset_states();
  };
  Call(file, "call0", Config::map()).build(layer);
  layer->set_weights(file.numbered("weight."));
  reset();
  for (const Config& step : sequence) {
    const std::string operation = step["op"].as<std::string>();
    if (operation == "reset_state") {
      reset();
    } else if (operation == "call") {
      const std::string key = "call" + std::to_string(step["call"].as<Index>());
      Call(file, key, step).check(layer, report);
      check_states(file, key, rnns, report);
    } else {
      throw ValueError(step.path() + ": no operation is called " + in_quotes(operation) +
                       did_you_mean(operation, {"call", "reset_state"}));
    }
  }
  check_paths(layer, report);
}

}  // namespace

void run_stateful(const Case& file, Report& report) {
  for (const Variant& variant : variants_of(file.config())) {
    report.begin_part(variant.name);
    run_sequence(file, variant.config, report);
  }
}

}  // namespace golden
