#include <algorithm>
#include <array>

#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/core/version.h>
#include <unspool/layers/internal/weight_budget.h>
#include <unspool/layers/registry.h>
#include <unspool/layers/sequential.h>
#include <unspool/models/internal/keras_config.h>
#include <unspool/models/internal/keras_file.h>
#include <unspool/models/internal/keras_operations.h>
#include <unspool/models/internal/keras_weights.h>
#include <unspool/models/internal/model.h>
#include <unspool/models/internal/reading.h>
#include <unspool/serialization/file.h>
#include <unspool/serialization/internal/zip.h>

namespace unspool::internal {
namespace {

constexpr std::string_view metadata_member = "metadata.json";
constexpr std::string_view config_member = "config.json";
constexpr std::string_view weights_member = "model.weights.h5";
// Compressed weights are rarely smaller by more than this; a bomb is a thousand times smaller.
constexpr std::uint64_t most_inflated = 64;

void check_members(const ZipFile& zip, const std::string& file) {
  for (const ZipMember& member : zip.members()) {
    const std::string_view name = member.name;
    if (name == metadata_member || name == config_member || name == weights_member) continue;
    throw FileError(fmt::format(
        "{}: expected the members metadata.json, config.json and model.weights.h5, got {}{}", file,
        in_quotes(name),
        name.starts_with("assets/") ? ", a file of a layer that this library does not have" : ""));
  }
}

void load_optimizer(const Hdf5Group& root, const Model& model, const std::string& file) {
  const Optimizer optimizer = model.optimizer();
  const Hdf5Group* const group = root.group("optimizer/vars");
  if (group == nullptr || group->datasets.empty()) return;
  optimizer->build(model.trainable_weights());
  const std::vector<Tensor> values = read_keras_optimizer(root, optimizer, file);
  const std::vector<Variable> variables = optimizer.variables();
  for (std::size_t i = 0; i < values.size(); ++i) variables[i].assign(values[i]);
}

void check_has_weights(const Model& model) {
  if (model.built()) return;
  throw ValueError("the model " + model.name() +
                   ": expected a built model, got one without weights: call it once, or give it an Input");
}

}  // namespace

bool is_keras_model(const std::string& path) { return path.ends_with(".keras"); }
bool is_keras_weights(const std::string& path) { return path.ends_with(".weights.h5"); }

Model keras_model_from_bytes(std::string_view bytes, const std::string& file) {
  return reading_file(file, [&] {
    const ZipFile zip(bytes, file, most_inflated * bytes.size());
    check_members(zip, file);
    const Config config = from_json(zip.member(config_member)).named("config.json");
    refuse_keras_code(config);
    const Hdf5Group root =
        hdf5_from_bytes(zip.member(weights_member), fmt::format("{}, {}", file, weights_member));
    Model model = [&] {
      const WeightBudget budget(keras_weight_elements(root));
      Model made(layer_from_config<Layer>(with_own_operations(config).named(config.path())));
      ModelAccess::state(made).build(keras_inputs(*made.network(), config));
      return made;
    }();
    if (auto* const sequence = dynamic_cast<layers::Sequential*>(model.network().pointer().get())) {
      sequence->connect_layers();
    }
    assign_keras_weights(*model.network(), read_keras_weights(root, *model.network(), file));
    const std::optional<Config> compile = config.find("compile_config");
    if (compile && compile->is_map() && !compile->empty()) {
      model.compile(keras_compile_options(*compile));
      load_optimizer(root, model, file);
    }
    return model;
  });
}

Model load_keras_model(const std::string& path) {
  return keras_model_from_bytes(read_file(path), in_quotes(path));
}

void save_keras_model(const std::string& path, const Model& model) {
  check_has_weights(model);
  const std::string config = to_json(keras_model_config(model));
  const std::string weights = hdf5_to_bytes(keras_tree(model));
  // Without a date, so that equal models give equal files.
  const std::string metadata = to_json(
      Config::map({{"keras_version", "3.6.0"}, {"written_by", fmt::format("unspool {}", version())}}));
  write_file_atomically(path, zip_to_bytes({{std::string(metadata_member), metadata},
                                            {std::string(config_member), config},
                                            {std::string(weights_member), weights}}));
}

void save_keras_weights(const std::string& path, const Model& model) {
  check_has_weights(model);
  write_file_atomically(path, hdf5_to_bytes(keras_tree(model)));
}

void load_keras_weights(const std::string& path, const Model& model) {
  check_has_weights(model);
  const std::string bytes = read_file(path);
  const std::string file = in_quotes(path);
  reading_file(file, [&] {
    const Hdf5Group root = hdf5_from_bytes(bytes, file);
    const std::vector<Tensor> values = read_keras_weights(root, *model.network(), file);
    std::vector<Tensor> state;
    if (model.compiled() && model.optimizer()->built()) {
      try {
        state = read_keras_optimizer(root, model.optimizer(), file);
      } catch (const FileError&) {
        // Weights may be for a training of another kind, whose optimizer starts anew.
      }
    }
    assign_keras_weights(*model.network(), values);
    if (!state.empty()) {
      const std::vector<Variable> variables = model.optimizer().variables();
      for (std::size_t i = 0; i < state.size(); ++i) variables[i].assign(state[i]);
    }
  });
}

}  // namespace unspool::internal
