#include <algorithm>
#include <array>
#include <iostream>
#include <optional>

#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/core/internal/placeholders.h>
#include <unspool/core/version.h>
#include <unspool/layers/internal/build_budget.h>
#include <unspool/models/internal/compile_config.h>
#include <unspool/models/internal/file_format.h>
#include <unspool/models/internal/keras_config.h>
#include <unspool/models/internal/keras_file.h>
#include <unspool/models/internal/keras_weights.h>
#include <unspool/models/internal/model_states.h>
#include <unspool/models/internal/native_format.h>
#include <unspool/models/internal/reading.h>
#include <unspool/serialization/internal/file_content.h>
#include <unspool/serialization/internal/zip.h>

namespace unspool::internal {
namespace {

constexpr std::string_view metadata_member = "metadata.json";
constexpr std::string_view config_member = "config.json";
constexpr std::string_view weights_member = "model.weights.h5";
// Compressed weights are rarely smaller by more than this; a bomb is a thousand times smaller.
constexpr std::uint64_t most_inflated = 64;

ZipFile open_keras_zip(const FileBytes& bytes, const std::string& file) {
  ZipFile zip(bytes, file, most_inflated * bytes.size());
  for (const ZipMember& member : zip.members()) {
    const std::string_view name = member.name;
    if (name == metadata_member || name == config_member || name == weights_member) continue;
    throw FileError(fmt::format(
        "{}: expected the members metadata.json, config.json and model.weights.h5, got {}{}", file,
        in_quotes(name),
        name.starts_with("assets/") ? ", a file of a layer that this library does not have" : ""));
  }
  return zip;
}

void load_optimizer(const Hdf5Group& root, const Model& model, const std::string& file) {
  const Optimizer optimizer = model.optimizer();
  if (!has_optimizer_state(root)) return;
  optimizer->build(model.trainable_weights());
  const std::vector<Tensor> values = read_keras_optimizer(root, optimizer, file);
  const std::vector<Variable> variables = optimizer.variables();
  for (std::size_t i = 0; i < values.size(); ++i) variables[i].assign(values[i]);
}

void load_states(const Hdf5Group& root, const Model& model, const std::string& file) {
  const std::vector<Tensor> values = read_states(root, model, file);
  if (values.empty()) return model.reset_states();  // A first state may depend on the weights.
  const std::vector<Variable> states = states_of(model);
  for (std::size_t i = 0; i < values.size(); ++i) states[i].assign(values[i]);
}

/// Loads the state of an optimizer into that of a model, which may be of another kind: then a warning is
/// printed, since the weights may be for training of another kind.
void load_optimizer_if_it_fits(const Hdf5Group& root, const Model& model, const std::string& file) {
  const Optimizer optimizer = model.optimizer();
  try {
    check_optimizer_kind(root, optimizer, file);
    if (!optimizer->built()) optimizer->build(model.trainable_weights());
    const std::vector<Tensor> values = read_keras_optimizer(root, optimizer, file);
    const std::vector<Variable> variables = optimizer.variables();
    for (std::size_t i = 0; i < values.size(); ++i) variables[i].assign(values[i]);
  } catch (const FileError& error) {
    std::cerr << fmt::format(
        "load_weights: {}: the weights are loaded, and the optimizer of the model keeps its own state\n",
        error.what());
  }
}

}  // namespace

Model keras_model_from_bytes(const FileBytes& bytes, const std::string& file,
                             const LoadModelOptions& options) {
  return reading_file(file, [&] {
    const ZipFile zip = open_keras_zip(bytes, file);
    const Config config = from_json(zip.member(config_member).view()).named("config.json");
    const Hdf5Group root =
        hdf5_from_bytes(zip.member(weights_member), fmt::format("{}, {}", file, weights_member));
    const BuildBudget budget(keras_weight_elements(root));
    const Placeholders replaced_below;
    Model model = model_from_keras_config(config);
    check_keras_inputs(model, config);
    WeightLoader loader(file, {});
    match_keras_weights(root, *model.network(), loader);
    loader.finish();
    load_states(root, model, file);
    const std::optional<Config> compile = config.find("compile_config");
    if (options.compile && compile && compile->is_map() && !compile->empty()) {
      model.compile(compile_options(*compile));
      load_optimizer(root, model, file);
    }
    return model;
  });
}

Model load_keras_model(const std::string& path, const LoadModelOptions& options) {
  return keras_model_from_bytes(FileBytes::open(path), in_quotes(path), options);
}

void save_keras_model(const std::string& path, const Model& model) {
  check_built(model);
  const std::string config = to_json(keras_model_config(model));
  // Without a date, so that equal models give equal files.
  const std::string metadata = to_json(
      Config::map({{"keras_version", "3.6.0"}, {"written_by", fmt::format("unspool {}", version())}}));
  write_file_atomically(path,
                        zip_content({{std::string(metadata_member), FileContent(metadata)},
                                     {std::string(config_member), FileContent(config)},
                                     {std::string(weights_member), hdf5_content(keras_model_tree(model))}}));
}

void save_keras_weights(const std::string& path, const Model& model, OptimizerState state) {
  check_built(model);
  write_file_atomically(path, hdf5_content(keras_tree(model, state)));
}

std::vector<std::string> load_keras_weights(const std::string& path, const Model& model,
                                            const LoadWeightsOptions& options) {
  const FileBytes bytes = FileBytes::open(path);
  const std::string file = in_quotes(path);
  return reading_file(file, [&] {
    std::optional<ZipFile> zip;
    if (file_format(path) == FileFormat::keras) zip = open_keras_zip(bytes, file);
    const Hdf5Group root = hdf5_from_bytes(zip ? zip->member(weights_member) : bytes, file);
    WeightLoader loader(file, options);
    match_keras_weights(root, *model.network(), loader);
    std::vector<std::string> skipped = loader.finish();
    if (model.compiled() && has_optimizer_state(root)) load_optimizer_if_it_fits(root, model, file);
    return skipped;
  });
}

}  // namespace unspool::internal
