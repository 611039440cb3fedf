#include <algorithm>
#include <bit>
#include <filesystem>
#include <set>

#include <unspool/autograd/tape.h>
#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/layers/internal/layer_access.h>
#include <unspool/layers/internal/weight_budget.h>
#include <unspool/layers/registry.h>
#include <unspool/models/internal/keras_file.h>
#include <unspool/models/internal/legacy_h5.h>
#include <unspool/models/internal/model.h>
#include <unspool/models/saving.h>
#include <unspool/models/sequential.h>
#include <unspool/serialization/archive.h>

namespace unspool {

namespace {

constexpr std::string_view weights_group = "weights/";
constexpr std::string_view optimizer_group = "optimizer/";

/// The group of an optimizer that the network holds itself.
std::string own_optimizer_group(std::size_t i) { return fmt::format("optimizer_{}/", i + 1); }
constexpr std::string_view states_group = "states/";
constexpr Index model_format = 1;

/// Appends the values of variables, named by group and path. Repeated paths get a number.
void append(std::vector<NamedTensor>& tensors, std::string_view group,
            const std::vector<Variable>& variables) {
  const NoGradient guard;
  std::set<std::string> taken;
  for (const Variable& variable : variables) {
    const std::string base = std::string(group) + variable.path();
    std::string name = base;
    for (int i = 1; !taken.insert(name).second; ++i) name = fmt::format("{}_{}", base, i);
    tensors.push_back({std::move(name), variable.value()});
  }
}

/// The tensors of a group, matched to these variables by their order, since names of layers differ between
/// processes. Throws FileError if their number, a shape or a dtype differs.
std::vector<Tensor> values_for(const std::vector<NamedTensor>& tensors, std::string_view group,
                               const std::vector<Variable>& variables, const std::string& file) {
  std::vector<const NamedTensor*> found;
  for (const NamedTensor& tensor : tensors) {
    if (tensor.name.starts_with(group)) found.push_back(&tensor);
  }
  const std::string what(group.substr(0, group.size() - 1));
  if (found.size() != variables.size()) {
    throw FileError(fmt::format("{}: expected {} tensors in the group {}, got {}", file, variables.size(),
                                in_quotes(what), found.size()));
  }
  std::vector<Tensor> values;
  for (std::size_t i = 0; i < variables.size(); ++i) {
    const Tensor& value = found[i]->tensor;
    const Variable& variable = variables[i];
    if (!(value.shape() == variable.shape()) || value.dtype() != variable.dtype()) {
      throw FileError(fmt::format("{}: {}: expected {}{} for {}, got {}", file, in_quotes(found[i]->name),
                                  name_of(variable.dtype()), to_string(variable.shape()), variable.path(),
                                  describe(value)));
    }
    values.push_back(value);
  }
  return values;
}

bool has_group(const std::vector<NamedTensor>& tensors, std::string_view group) {
  return std::any_of(tensors.begin(), tensors.end(),
                     [&](const NamedTensor& tensor) { return tensor.name.starts_with(group); });
}

Index elements_of_weights(const std::vector<NamedTensor>& tensors) {
  Index count = 0;
  for (const NamedTensor& tensor : tensors) {
    if (tensor.name.starts_with(weights_group)) count += tensor.tensor.size();
  }
  return count;
}

/// What stateful layers keep between calls, each layer once.
void add_states(const LayerBase& layer, std::set<const LayerBase*>& seen, std::vector<Variable>& states) {
  if (!seen.insert(&layer).second) return;
  for (const Variable& state : internal::LayerAccess::persistent_state(layer)) states.push_back(state);
  for (const Ref<LayerBase>& below : layer.sublayers()) add_states(*below, seen, states);
}
std::vector<Variable> states_of(const Model& model) {
  std::set<const LayerBase*> seen;
  std::vector<Variable> states;
  add_states(*model.network(), seen, states);
  return states;
}

void assign(const std::vector<Variable>& variables, const std::vector<Tensor>& values) {
  for (std::size_t i = 0; i < variables.size(); ++i) variables[i].assign(values[i]);
}

void check_kind(const Snapshot& snapshot, std::string_view kind, const std::string& file) {
  const std::string got = snapshot.config.get("kind", "");
  if (got != kind) {
    throw FileError(
        fmt::format("{}: expected a file of kind {}, got {}", file, in_quotes(kind), in_quotes(got)));
  }
  const Index number = snapshot.config["version"].as<Index>();
  if (number != model_format) {
    throw FileError(
        fmt::format("{}: expected version {} of the model format, got {}", file, model_format, number));
  }
}

void refuse_other_formats(const std::string& path) {
  const std::string ending = std::filesystem::path(path).extension().string();
  if (ending == ".keras" || ending == ".h5") {
    throw ValueError(
        fmt::format("{}: expected a name such as \"model.unspool\" or, for a format of Keras, "
                    "\"model.keras\" for a whole model and \"model.weights.h5\" for weights, got {}",
                    path, in_quotes(ending)));
  }
}

Index bits_of(std::uint64_t number) { return std::bit_cast<Index>(number); }
std::uint64_t number_of(const Config& config) { return std::bit_cast<std::uint64_t>(config.as<Index>()); }

Config spec_config(const Spec& spec) {
  return Config::map({{"shape", to_config(spec.shape)}, {"dtype", to_config(spec.dtype)}});
}

Config value_config(const Metrics& metrics) { return to_config(metrics.list()); }
Config value_config(const Loss& loss) { return loss.config(); }
Config value_config(double number) { return number; }

void read_value(const Config& config, Metrics& metrics) { metrics = config.as<std::vector<Metric>>(); }
void read_value(const Config& config, Loss& loss) { loss = Loss::from_config(config); }
void read_value(const Config& config, double& number) { number = config.as<double>(); }

/// One value as it is, several as a list or, by name, as a map; `none` for no values.
template <class T>
Config list_config(const NamedList<T>& values, const Config& none) {
  const auto& entries = values.entries();
  if (entries.empty()) return none;
  if (values.alone()) return value_config(entries.front().value);
  if (entries.front().name.empty()) {
    std::vector<Config> list;
    for (const auto& entry : entries) list.push_back(value_config(entry.value));
    return Config::list(std::move(list));
  }
  Config map = Config::map();
  for (const auto& entry : entries) map.set(entry.name, value_config(entry.value));
  return map;
}

template <class T>
T value_of(const Config& config) {
  T value{};
  read_value(config, value);
  return value;
}

/// The inverse. `is_one` says whether a config is that of one value.
template <class T, class F>
NamedList<T> list_of(const Config& config, F&& is_one) {
  if (config.is_null() || (config.is_list() && config.empty())) return {};
  if (is_one(config)) return value_of<T>(config);
  std::vector<typename NamedList<T>::Entry> entries;
  if (config.is_list()) {
    for (const Config& element : config.elements()) entries.push_back(value_of<T>(element));
  } else {
    for (const auto& [name, element] : config.items()) entries.push_back({name, value_of<T>(element)});
  }
  return entries;
}

bool is_loss(const Config& config) {
  return config.is_string() || (config.is_map() && config.contains("class_name"));
}
bool is_number(const Config& config) { return !config.is_list() && !config.is_map(); }
/// Metrics are a list themselves, of names and maps.
bool are_metrics(const Config& config) { return config.is_list() && !config[0].is_list(); }

Config compile_config(const CompileOptions& options) {
  return Config::map({{"optimizer", options.optimizer.config()},
                      {"loss", list_config(options.loss, {})},
                      {"loss_weights", list_config(options.loss_weights, {})},
                      {"metrics", list_config(options.metrics, Config::list({}))},
                      {"weighted_metrics", list_config(options.weighted_metrics, Config::list({}))},
                      {"own_train_step", bool(options.train_step)},
                      {"own_test_step", bool(options.test_step)}});
}

/// Stands for a step that a file does not hold, so that Keras' step does not silently take its place.
StepFunction missing_step(const Config& config, const std::string& name) {
  if (!config.get("own_" + name, false)) return {};
  return [name](Model& model, const Batch&) -> Logs {
    throw ValueError(
        "the model " + model.name() + ": expected the " + name +
        " that it was saved with, got none, since files do not hold functions: call compile() with "
        "it again, and with .optimizer = model.optimizer() to keep the state of the optimizer");
  };
}

CompileOptions compile_options(const Config& config) {
  return {.optimizer = Optimizer::from_config(config["optimizer"]),
          .loss = list_of<Loss>(config["loss"], is_loss),
          .loss_weights = list_of<double>(config.find("loss_weights").value_or(Config()), is_number),
          .metrics = list_of<Metrics>(config["metrics"], are_metrics),
          .weighted_metrics = list_of<Metrics>(config["weighted_metrics"], are_metrics),
          .train_step = missing_step(config, "train_step"),
          .test_step = missing_step(config, "test_step")};
}

/// The indices of the weights that the optimizer has slots for, which may differ from those that train now.
/// Null before the first step.
Config indices_of(const std::vector<Variable>& variables, const std::vector<Variable>& weights) {
  if (variables.empty()) return {};
  std::vector<Config> places;
  for (const Variable& variable : variables) {
    const auto found = std::find(weights.begin(), weights.end(), variable);
    if (found == weights.end()) {
      throw ValueError("expected an optimizer of this model's weights, got one that was used for " +
                       variable.path());
    }
    places.push_back(found - weights.begin());
  }
  return Config::list(std::move(places));
}

/// Gives an optimizer of some of these weights the state that a group of tensors holds.
void load_optimizer_state(const Optimizer& optimizer, const Config& places,
                          const std::vector<Variable>& weights, const std::vector<NamedTensor>& tensors,
                          const std::string& group, const std::string& name) {
  if (!places.is_null()) {
    std::vector<Variable> built_for;
    for (const Config& place : places.elements()) {
      const auto index = place.as<std::size_t>();
      if (index >= weights.size())
        throw IndexError(
            fmt::format("{}: expected an index below {}, got {}", place.path(), weights.size(), index));
      built_for.push_back(weights[index]);
    }
    optimizer->build(built_for);
  }
  assign(optimizer.variables(), values_for(tensors, group, optimizer.variables(), name));
}

void check_built(const Model& model) {
  if (!model->built()) {
    throw ValueError("the model " + model.name() +
                     ": expected a built model, got one without weights: call it once, or give it an Input");
  }
}

/// Returns f(). Errors of other kinds become FileError with the name of the file.
template <class F>
auto reading(const std::string& file, F&& f) {
  try {
    return f();
  } catch (const FileError&) {
    throw;
  } catch (const ValueError& error) {
    throw FileError(file + ": " + error.what());
  } catch (const TypeError& error) {
    throw FileError(file + ": " + error.what());
  } catch (const IndexError& error) {
    throw FileError(file + ": " + error.what());
  } catch (const KeyError& error) {
    throw FileError(file + ": " + error.what());
  }
}

}  // namespace

Snapshot to_snapshot(const Model& model) {
  check_built(model);
  const Model::State& state = ModelAccess::state(model);
  const std::vector<Spec> specs = state.inputs();
  if (specs.empty()) {
    throw ValueError("the model " + model.name() +
                     ": expected a model with known inputs: call it once, or give it an Input");
  }
  Snapshot snapshot;
  append(snapshot.tensors, weights_group, model.weights());
  append(snapshot.tensors, states_group, states_of(model));
  std::vector<Config> inputs;
  for (const Spec& spec : specs) inputs.push_back(spec_config(spec));
  Config compile;
  if (state.compiled) {
    compile = compile_config(state.compiled->options);
    const Optimizer& optimizer = state.compiled->options.optimizer;
    compile.set("built_for", indices_of(optimizer->built_for(), model.weights()));
    append(snapshot.tensors, optimizer_group, optimizer.variables());
  }
  std::vector<Config> own_optimizers;
  for (const Optimizer& optimizer : state.own_optimizers()) {
    append(snapshot.tensors, own_optimizer_group(own_optimizers.size()), optimizer.variables());
    own_optimizers.push_back(indices_of(optimizer->built_for(), model.weights()));
  }
  std::vector<Config> seeds;
  for (const SeedGenerator* generator : model->seed_generators()) {
    seeds.push_back(Config::list({bits_of(generator->seed()), bits_of(generator->counter())}));
  }
  std::vector<Config> frozen;
  const std::vector<Variable> weights = model.weights();
  for (std::size_t i = 0; i < weights.size(); ++i) {
    if (!weights[i].trainable()) frozen.push_back(static_cast<Index>(i));
  }
  Config shuffle;
  if (state.shuffle) shuffle = Config::list({bits_of(state.shuffle->seed), bits_of(state.shuffle->stream)});
  snapshot.config = Config::map({{"kind", "model"},
                                 {"version", model_format},
                                 {"network", serialize_layer(*model.network())},
                                 {"inputs", Config::list(std::move(inputs))},
                                 {"compile", compile},
                                 {"shuffle", shuffle},
                                 {"frozen", Config::list(std::move(frozen))},
                                 {"seeds", Config::list(std::move(seeds))}});
  if (!own_optimizers.empty()) {
    snapshot.config.set("own_optimizers", Config::list(std::move(own_optimizers)));
  }
  return snapshot;
}

Model from_snapshot(const Snapshot& snapshot, const std::string& name) {
  return reading(name, [&] {
    check_kind(snapshot, "model", name);
    const Config& config = snapshot.config;
    std::vector<Spec> specs;
    for (const Config& spec : config["inputs"].elements()) {
      specs.push_back({spec["shape"].as<Shape>(), spec["dtype"].as<DType>()});
    }
    Model model = [&] {
      const internal::WeightBudget budget(elements_of_weights(snapshot.tensors));
      Model made(layer_from_config<Layer>(config["network"]));
      ModelAccess::state(made).build(specs);
      return made;
    }();
    Model::State& state = ModelAccess::state(model);
    if (auto* sequence = dynamic_cast<layers::Sequential*>(model.network().pointer().get())) {
      sequence->connect_layers();
    }
    assign(model.weights(), values_for(snapshot.tensors, weights_group, model.weights(), name));
    if (const std::optional<Config> frozen = config.find("frozen")) {
      const auto indices = frozen->as<std::vector<std::size_t>>();
      const std::vector<Variable> weights = model.weights();
      for (std::size_t i = 0; i < weights.size(); ++i) {
        weights[i].set_trainable(std::find(indices.begin(), indices.end(), i) == indices.end());
      }
    }
    if (has_group(snapshot.tensors, states_group)) {  // Files of older versions have none.
      const std::vector<Variable> states = states_of(model);
      assign(states, values_for(snapshot.tensors, states_group, states, name));
    }
    if (const Config compile = config["compile"]; !compile.is_null()) {
      model.compile(compile_options(compile));
      load_optimizer_state(model.optimizer(), compile["built_for"], model.weights(), snapshot.tensors,
                           std::string(optimizer_group), name);
    }
    if (const std::optional<Config> own = config.find("own_optimizers")) {
      const std::vector<Optimizer> optimizers = state.own_optimizers();
      if (optimizers.size() != own->size()) {
        throw FileError(fmt::format("{}: expected a network with {} optimizers() of its own, got one with {}",
                                    name, own->size(), optimizers.size()));
      }
      for (std::size_t i = 0; i < optimizers.size(); ++i) {
        load_optimizer_state(optimizers[i], (*own)[i], model.weights(), snapshot.tensors,
                             own_optimizer_group(i), name);
      }
    }
    if (const Config shuffle = config["shuffle"]; !shuffle.is_null()) {
      state.shuffle = RandomKey{number_of(shuffle[0]), number_of(shuffle[1])};
    }
    const std::vector<SeedGenerator*> generators = model->seed_generators();
    const std::vector<Config> seeds = config["seeds"].elements();
    if (seeds.size() != generators.size()) {
      throw FileError(fmt::format("{}: expected {} random number generators, got {}", name, generators.size(),
                                  seeds.size()));
    }
    for (std::size_t i = 0; i < seeds.size(); ++i) {
      *generators[i] = SeedGenerator(number_of(seeds[i][0]));
      generators[i]->set_counter(number_of(seeds[i][1]));
    }
    return model;
  });
}

void Model::save(const std::string& path) const {
  if (internal::is_keras_model(path)) return internal::save_keras_model(path, *this);
  refuse_other_formats(path);
  save_archive(path, to_snapshot(*this));
}

Model load_model(const std::string& path) {
  if (internal::is_keras_model(path)) return internal::load_keras_model(path);
  if (internal::is_legacy_h5(path)) return internal::load_legacy_model(path);
  refuse_other_formats(path);
  return from_snapshot(load_archive(path), path);
}

void Model::save_weights(const std::string& path) const {
  if (internal::is_keras_weights(path)) return internal::save_keras_weights(path, *this);
  refuse_other_formats(path);
  check_built(*this);
  Snapshot snapshot;
  snapshot.config = Config::map({{"kind", "weights"}, {"version", model_format}});
  append(snapshot.tensors, weights_group, weights());
  save_archive(path, snapshot);
}

void Model::load_weights(const std::string& path) {
  if (internal::is_keras_weights(path)) return internal::load_keras_weights(path, *this);
  if (internal::is_legacy_h5(path)) return internal::load_legacy_weights(path, *this);
  refuse_other_formats(path);
  if (!network()->built()) {
    throw ValueError("the model " + name() +
                     ": expected a built model, got one without weights: call it once, or give it an Input");
  }
  const std::string file = path;
  const Snapshot snapshot = load_archive(path);
  reading(file, [&] {
    check_kind(snapshot, snapshot.config.get("kind", "") == "model" ? "model" : "weights", file);
    assign(weights(), values_for(snapshot.tensors, weights_group, weights(), file));
  });
}

}  // namespace unspool
