#include <algorithm>
#include <bit>

#include <unspool/autograd/tape.h>
#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/core/internal/random.h>
#include <unspool/layers/internal/build_budget.h>
#include <unspool/layers/internal/layer_access.h>
#include <unspool/models/internal/fit_run.h>
#include <unspool/models/internal/model.h>
#include <unspool/models/internal/reading.h>
#include <unspool/models/internal/weight_indices.h>
#include <unspool/models/training_state.h>

namespace unspool {
namespace {

using internal::FitRun;

Config config_of_number(std::uint64_t number) { return std::bit_cast<Index>(number); }
std::uint64_t number_of_config(const Config& config) {
  return std::bit_cast<std::uint64_t>(config.as<Index>());
}
Config config_of_key(RandomKey key) {
  return Config::list({config_of_number(key.seed), config_of_number(key.stream)});
}
RandomKey key_of_config(const Config& config) {
  return {number_of_config(config[0]), number_of_config(config[1])};
}

/// That of compile(), and those that the network holds itself.
std::vector<Optimizer> optimizers_of(const Model& model) {
  std::vector<Optimizer> all = ModelAccess::state(model).own_optimizers();
  all.insert(all.begin(), model.optimizer());
  return all;
}

/// The variables that training changes, in groups.
struct TrainedVariables {
  std::string group;
  std::vector<Variable> variables;
};
std::vector<TrainedVariables> trained_variables(const Model& model) {
  std::vector<TrainedVariables> groups{
      {"weights", model.weights()}, {"states", internal::LayerAccess::persistent_states(*model.network())}};
  std::string name = "optimizer";
  for (const Optimizer& optimizer : optimizers_of(model)) {
    groups.push_back({name, optimizer.variables()});
    name = fmt::format("optimizer_{}", groups.size() - 2);
  }
  return groups;
}

std::string numbered(const std::string& group, std::size_t i) { return fmt::format("{}/{}", group, i); }

/// The tensors group/0, group/1, ...
std::vector<Tensor> group_of(const Snapshot& state, const std::string& group) {
  std::vector<Tensor> tensors;
  for (const NamedTensor& tensor : state.tensors) {
    if (tensor.name == numbered(group, tensors.size())) tensors.push_back(tensor.tensor);
  }
  return tensors;
}

/// Throws FileError unless a tensor of the state is there for each variable, with its shape and dtype.
void check_group(const TrainedVariables& group, const std::vector<Tensor>& tensors, const std::string& name) {
  if (tensors.size() != group.variables.size()) {
    throw FileError(fmt::format("{}: expected the state of this model, with {} tensors of {}, got {}", name,
                                group.variables.size(), group.group, tensors.size()));
  }
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const Variable& variable = group.variables[i];
    if (tensors[i].shape() == variable.shape() && tensors[i].dtype() == variable.dtype()) continue;
    throw FileError(fmt::format("{}: expected the state of this model, with {}{} for {}, got {}", name,
                                name_of(variable.dtype()), to_string(variable.shape()), variable.path(),
                                describe(tensors[i])));
  }
}

/// The call of fit() that is in this phase. `where` are the hooks that are called in it.
FitRun& run_in(FitRun::Phase phase, const Model& model, const char* what, const char* where) {
  FitRun* const run = ModelAccess::state(model).run;
  if (run != nullptr && run->phase == phase) return *run;
  throw RuntimeError(fmt::format("{}: expected a call in {} of a callback, while fit() trains {}, got one {}",
                                 what, where, model.name(),
                                 run == nullptr ? "outside of fit()" : "in another place"));
}

Index total_elements(const std::vector<Tensor>& tensors) {
  Index count = 0;
  for (const Tensor& tensor : tensors) count += tensor.size();
  return count;
}

/// Everything is read and checked before anything is changed, except that what is not built yet is built.
void restore(const Model& model, const Snapshot& saved, const std::string& name, FitRun& run) {
  Model::State& state = ModelAccess::state(model);
  const Config& config = saved.config;
  if (config.get("kind", "") != "training" || config["version"].as<Index>() != 1) {
    throw FileError(name + ": expected the state of training, of version 1, got another file");
  }
  if (!model.built()) {
    std::vector<Spec> specs;
    for (const Config& spec : config["inputs"].elements()) {
      specs.push_back({spec[0].as<Shape>(), spec[1].as<DType>()});
    }
    const internal::BuildBudget budget(total_elements(group_of(saved, "weights")));
    state.build(specs);
  }
  const std::vector<Optimizer> optimizers = optimizers_of(model);
  std::vector<Config> slots{config["slots"]};
  if (const auto own = config.find("own_slots")) {
    for (const Config& places : own->elements()) slots.push_back(places);
  }
  if (slots.size() != optimizers.size()) {
    throw FileError(fmt::format("{}: expected the state of this model, with {} optimizers, got {}", name,
                                optimizers.size(), slots.size()));
  }
  for (std::size_t i = 0; i < slots.size(); ++i) {
    const std::vector<Variable> built_for = internal::weights_at(slots[i], model.weights());
    if (!built_for.empty()) optimizers[i]->build(built_for);
  }

  const std::vector<TrainedVariables> groups = trained_variables(model);
  std::vector<std::vector<Tensor>> values;
  for (const TrainedVariables& group : groups) {
    values.push_back(group_of(saved, group.group));
    check_group(group, values.back(), name);
  }
  const std::vector<SeedGenerator*> generators = model->seed_generators();
  const std::vector<Config> seeds = config["seeds"].elements();
  const std::vector<Config> callbacks = config["callbacks"].elements();
  if (seeds.size() != generators.size()) {
    throw FileError(
        fmt::format("{}: expected the state of this model, with {} random number generators, got {}", name,
                    generators.size(), seeds.size()));
  }
  const std::vector<std::shared_ptr<Callback>>& all = run.callbacks.all();
  for (std::size_t i = all.size(); i < callbacks.size(); ++i) {
    if (callbacks[i].is_null()) continue;
    throw FileError(
        fmt::format("{}: expected the state of {} callbacks, got {}: give fit() the same callbacks", name,
                    all.size(), callbacks.size()));
  }

  std::vector<RandomKey> keys;
  for (const Config& seed : seeds) keys.push_back(key_of_config(seed));
  const RandomKey random = key_of_config(config["random"]);
  const Config shuffle = config["shuffle"];
  const std::optional<RandomKey> order =
      shuffle.is_null() ? std::nullopt : std::optional(key_of_config(shuffle));
  FitRun::Resume resume{.epoch = config["epoch"].as<Index>(), .batch = config["batch"].as<Index>()};
  if (resume.epoch < 0 || resume.batch < 0) {
    throw FileError(fmt::format("{}: expected an epoch and a batch >= 0, got {} and {}", name, resume.epoch,
                                resume.batch));
  }
  resume.metrics = group_of(saved, "metrics");
  for (std::size_t i = 0; i < std::min(all.size(), callbacks.size()); ++i) {
    Snapshot remembered{callbacks[i], {}};
    const std::string prefix = numbered("callbacks", i) + "/";
    for (const NamedTensor& tensor : saved.tensors) {
      if (tensor.name.starts_with(prefix)) {
        remembered.tensors.push_back({tensor.name.substr(prefix.size()), tensor.tensor});
      }
    }
    resume.callbacks.push_back(std::move(remembered));
  }

  for (std::size_t g = 0; g < groups.size(); ++g) {
    for (std::size_t i = 0; i < values[g].size(); ++i) groups[g].variables[i].assign(values[g][i]);
  }
  for (std::size_t i = 0; i < generators.size(); ++i) {
    *generators[i] = SeedGenerator(keys[i].seed);
    generators[i]->set_counter(keys[i].stream);
  }
  internal::set_process_random_state(random);
  if (order) state.shuffle = order;
  run.resume = std::move(resume);
}

}  // namespace

Snapshot training_state(const Model& model) {
  const NoGradient guard;
  const FitRun& run =
      run_in(FitRun::Phase::between, model, "training_state", "on_epoch_begin() or on_train_batch_begin()");
  const Model::State& state = ModelAccess::state(model);
  Snapshot snapshot;
  for (const TrainedVariables& group : trained_variables(model)) {
    for (std::size_t i = 0; i < group.variables.size(); ++i) {
      snapshot.tensors.push_back({numbered(group.group, i), group.variables[i].value()});
    }
  }
  std::vector<Config> inputs;
  for (const Spec& spec : state.inputs()) {
    inputs.push_back(Config::list({to_config(spec.shape), to_config(spec.dtype)}));
  }
  std::vector<Config> seeds;
  for (const SeedGenerator* generator : model->seed_generators()) {
    seeds.push_back(config_of_key({generator->seed(), generator->counter()}));
  }
  std::vector<Config> callbacks;
  const std::vector<std::shared_ptr<Callback>>& all = run.callbacks.all();
  for (std::size_t i = 0; i < all.size(); ++i) {
    const Snapshot remembered = all[i]->get_state();
    callbacks.push_back(remembered.config);
    for (const NamedTensor& tensor : remembered.tensors) {
      snapshot.tensors.push_back({numbered("callbacks", i) + "/" + tensor.name, tensor.tensor});
    }
  }
  // At the start of an epoch they are empty.
  std::vector<Tensor> metrics;
  if (run.batch > 0) metrics = run.resume ? run.resume->metrics : state.metrics_state();
  for (std::size_t i = 0; i < metrics.size(); ++i) {
    snapshot.tensors.push_back({numbered("metrics", i), metrics[i]});
  }
  std::vector<Config> slots;  // Of the weights that each optimizer has state for.
  for (const Optimizer& optimizer : optimizers_of(model)) {
    slots.push_back(internal::weight_indices(optimizer->built_for(), model.weights()));
  }
  snapshot.config = Config::map({{"kind", "training"},
                                 {"version", Index{1}},
                                 {"epoch", run.epoch},
                                 {"batch", run.batch},
                                 {"inputs", Config::list(std::move(inputs))},
                                 {"slots", slots.front()},
                                 {"own_slots", Config::list({slots.begin() + 1, slots.end()})},
                                 {"seeds", Config::list(std::move(seeds))},
                                 {"random", config_of_key(internal::process_random_state())},
                                 {"shuffle", state.shuffle ? config_of_key(*state.shuffle) : Config()},
                                 {"callbacks", Config::list(std::move(callbacks))}});
  return snapshot;
}

void restore_training_state(const Model& model, const Snapshot& saved, const std::string& name) {
  FitRun& run = run_in(FitRun::Phase::starting, model, "restore_training_state", "on_train_begin()");
  internal::reading_file(name, [&] { restore(model, saved, name, run); });
}

}  // namespace unspool
