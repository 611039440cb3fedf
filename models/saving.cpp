#include <algorithm>
#include <bit>
#include <set>

#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/core/internal/placeholders.h>
#include <unspool/layers/internal/build_budget.h>
#include <unspool/layers/internal/layer_access.h>
#include <unspool/layers/registry.h>
#include <unspool/models/internal/compile_config.h>
#include <unspool/models/internal/file_format.h>
#include <unspool/models/internal/keras_file.h>
#include <unspool/models/internal/legacy_h5.h>
#include <unspool/models/internal/model.h>
#include <unspool/models/internal/model_states.h>
#include <unspool/models/internal/native_format.h>
#include <unspool/models/internal/reading.h>
#include <unspool/models/internal/weight_indices.h>
#include <unspool/models/saving.h>
#include <unspool/models/sequential.h>
#include <unspool/serialization/archive.h>

namespace unspool {

namespace {

constexpr std::string_view optimizer_group = "optimizer/";

/// The group of an optimizer that the network holds itself.
std::string own_optimizer_group(std::size_t i) { return fmt::format("optimizer_{}/", i + 1); }
constexpr std::string_view states_group = "states/";

using internal::FileFormat;
using internal::weights_group;

/// The tensors of a group, matched to these variables by their order, since names of layers differ between
/// processes. Throws FileError if their number, a shape or a dtype differs.
std::vector<Tensor> values_for(const std::vector<NamedTensor>& tensors, std::string_view group,
                               const std::vector<Variable>& variables, const std::string& file) {
  const std::vector<const NamedTensor*> found = internal::tensors_in(tensors, group);
  internal::check_count(found, group, variables, file);
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

void assign(const std::vector<Variable>& variables, const std::vector<Tensor>& values) {
  for (std::size_t i = 0; i < variables.size(); ++i) variables[i].assign(values[i]);
}

Index bits_of(std::uint64_t number) { return std::bit_cast<Index>(number); }
std::uint64_t number_of(const Config& config) { return std::bit_cast<std::uint64_t>(config.as<Index>()); }

Config spec_config(const Spec& spec) {
  return Config::map({{"shape", to_config(spec.shape)}, {"dtype", to_config(spec.dtype)}});
}

/// The arguments of compile(), and whether there were steps of one's own.
Config native_compile_config(const CompileOptions& options) {
  return internal::compile_config(options)
      .set("own_train_step", bool(options.train_step))
      .set("own_test_step", bool(options.test_step));
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

CompileOptions native_compile_options(const Config& config) {
  CompileOptions options = internal::compile_options(config);
  options.train_step = missing_step(config, "train_step");
  options.test_step = missing_step(config, "test_step");
  return options;
}

/// The places of the weights that an optimizer has slots for, which may differ from those that train now.
/// Null before the first step.
Config slots_of(const Optimizer& optimizer, const std::vector<Variable>& weights) {
  const std::vector<Variable>& built_for = optimizer->built_for();
  return built_for.empty() ? Config() : internal::weight_indices(built_for, weights);
}

/// Gives an optimizer of some of these weights the state that a group of tensors holds.
void load_optimizer_state(const Optimizer& optimizer, const Config& places,
                          const std::vector<Variable>& weights, const std::vector<NamedTensor>& tensors,
                          const std::string& group, const std::string& name) {
  if (!places.is_null()) optimizer->build(internal::weights_at(places, weights));
  assign(optimizer.variables(), values_for(tensors, group, optimizer.variables(), name));
}

}  // namespace

Snapshot to_snapshot(const Model& model) {
  internal::check_built(model);
  const Model::State& state = ModelAccess::state(model);
  const std::vector<Spec> specs = state.inputs();
  if (specs.empty()) {
    throw ValueError("the model " + model.name() +
                     ": expected a model with known inputs: call it once, or give it an Input");
  }
  Snapshot snapshot;
  internal::append_values(snapshot.tensors, weights_group, model.weights());
  internal::append_values(snapshot.tensors, states_group, internal::states_of(model));
  std::vector<Config> inputs;
  for (const Spec& spec : specs) inputs.push_back(spec_config(spec));
  Config compile;
  if (state.compiled) {
    compile = native_compile_config(state.compiled->options);
    const Optimizer& optimizer = state.compiled->options.optimizer;
    compile.set("built_for", slots_of(optimizer, model.weights()));
    internal::append_values(snapshot.tensors, optimizer_group, optimizer.variables());
  }
  std::vector<Config> own_optimizers;
  for (const Optimizer& optimizer : state.own_optimizers()) {
    internal::append_values(snapshot.tensors, own_optimizer_group(own_optimizers.size()),
                            optimizer.variables());
    own_optimizers.push_back(slots_of(optimizer, model.weights()));
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
                                 {"version", internal::native_model_version},
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

Model from_snapshot(const Snapshot& snapshot, const std::string& name, const LoadModelOptions& options) {
  return internal::reading_file(name, [&] {
    internal::check_native_kind(snapshot, "model", name);
    const Config& config = snapshot.config;
    std::vector<Spec> specs;
    for (const Config& spec : config["inputs"].elements()) {
      specs.push_back({spec["shape"].as<Shape>(), spec["dtype"].as<DType>()});
    }
    const internal::BuildBudget budget(elements_of_weights(snapshot.tensors));
    const internal::Placeholders replaced_below;
    Model model(layer_from_config<Layer>(config["network"]));
    ModelAccess::state(model).build(specs);
    Model::State& state = ModelAccess::state(model);
    if (auto* sequence = dynamic_cast<layers::Sequential*>(model.network().pointer().get())) {
      sequence->connect_layers();
    }
    assign(model.weights(), values_for(snapshot.tensors, weights_group, model.weights(), name));
    if (const std::optional<Config> frozen = config.find("frozen")) {
      const std::vector<Variable> weights = model.weights();
      for (const Variable& weight : weights) weight.set_trainable(true);
      for (const Variable& weight : internal::weights_at(*frozen, weights)) weight.set_trainable(false);
    }
    if (has_group(snapshot.tensors, states_group)) {
      const std::vector<Variable> states = internal::states_of(model);
      assign(states, values_for(snapshot.tensors, states_group, states, name));
    } else {
      // A file of an older version. A first state may depend on the weights.
      model.reset_states();
    }
    if (const Config compile = config["compile"]; options.compile && !compile.is_null()) {
      model.compile(native_compile_options(compile));
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
  switch (internal::file_format(path)) {
    case FileFormat::native:
      return save_archive(path, to_snapshot(*this));
    case FileFormat::keras:
      return internal::save_keras_model(path, *this);
    default:
      internal::fail_file_name(path);
  }
}

Model load_model(const std::string& path, const LoadModelOptions& options) {
  switch (internal::file_format(path)) {
    case FileFormat::native:
      return from_snapshot(load_archive(path), path, options);
    case FileFormat::keras:
      return internal::load_keras_model(path, options);
    case FileFormat::legacy_h5:
      return internal::load_legacy_model(path, options);
    default:
      internal::fail_file_name(path);
  }
}

}  // namespace unspool
