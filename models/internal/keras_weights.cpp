#include <algorithm>
#include <cctype>
#include <map>
#include <optional>
#include <set>
#include <unordered_set>

#include <unspool/autograd/tape.h>
#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/layers/internal/layer_access.h>
#include <unspool/models/internal/keras_weights.h>
#include <unspool/models/internal/model_states.h>

namespace unspool::internal {
namespace {

constexpr std::string_view optimizer_path = "optimizer";
constexpr std::string_view optimizer_vars = "optimizer/vars";
constexpr std::string_view layers_path = "layers";
// Of this library: Keras does not read it.
constexpr std::string_view states_path = "unspool_states";

std::string inner(const std::string& path, std::string_view name) {
  return path.empty() ? std::string(name) : path + "/" + std::string(name);
}

std::string_view first_name(std::string_view path) { return path.substr(0, path.find('/')); }

void add_places(std::vector<KerasPlace>& places, std::unordered_set<const LayerBase*>& seen,
                const LayerBase& layer, const std::string& path) {
  if (!seen.insert(&layer).second) return;
  places.push_back({path, layer.name(), LayerAccess::own_weights(layer)});
  // Keras goes through the attributes of an object by name, and through a list in order.
  std::vector<LayerTree::Child> children = layer.children();
  std::stable_sort(children.begin(), children.end(),
                   [](const LayerTree::Child& a, const LayerTree::Child& b) {
                     return first_name(a.name) < first_name(b.name);
                   });
  for (const LayerTree::Child& child : children)
    add_places(places, seen, *child.layer, inner(path, child.name));
}

/// The groups below one that hold arrays.
void collect_holders(const Hdf5Group& group, std::vector<std::string>& paths) {
  if (!group.datasets.empty()) paths.push_back(group.path);
  for (const auto& [name, below] : group.groups) collect_holders(below, paths);
}

/// The arrays "0", "1", ... of a group, in order. None if there is no group, or if it has others, too.
std::vector<const Hdf5Dataset*> numbered(const Hdf5Group* group) {
  std::vector<const Hdf5Dataset*> arrays;
  if (group == nullptr) return arrays;
  for (std::size_t i = 0; i < group->datasets.size(); ++i) {
    const auto found = group->datasets.find(std::to_string(i));
    if (found == group->datasets.end()) return {};
    arrays.push_back(&found->second);
  }
  return arrays;
}

Index elements_below(const Hdf5Group& group) {
  Index count = 0;
  for (const auto& [name, dataset] : group.datasets) count += dataset.shape.elements();
  for (const auto& [name, below] : group.groups) count += elements_below(below);
  return count;
}

std::vector<StoredArray> stored_arrays(const std::vector<const Hdf5Dataset*>& datasets) {
  std::vector<StoredArray> arrays;
  for (const Hdf5Dataset* const dataset : datasets) arrays.push_back(stored_array(*dataset));
  return arrays;
}

/// The paths of the groups that the layers of the outermost level have in a file, by the names of the layers,
/// which h5py stores beside their weights.
std::map<std::string, std::string> outermost_paths(const Hdf5Group& root) {
  std::map<std::string, std::string> paths;
  const auto add = [&](const Hdf5Group& layer) {
    const Hdf5Group* const vars = layer.group("vars");
    if (vars == nullptr) return false;
    const Hdf5Attribute* const name = vars->attribute("name");
    if (name != nullptr && name->texts.size() == 1) paths.emplace(name->texts.front(), layer.path);
    return true;
  };
  for (const auto& [name, group] : root.groups) {
    if (name == optimizer_path || add(group)) continue;
    for (const auto& [inner_name, element] : group.groups) add(element);  // Of a list of layers.
  }
  return paths;
}

/// The path of a place in a file whose layers have other numbers, by the name of the layer of the outermost
/// level. None if the file does not have that layer.
std::optional<std::string> path_by_name(const std::string& path, const LayerBase& network,
                                        const std::map<std::string, std::string>& outermost) {
  for (const LayerTree::Child& child : network.children()) {
    if (path != child.name && !path.starts_with(child.name + "/")) continue;
    const auto found = outermost.find(child.layer->name());
    if (found == outermost.end()) return std::nullopt;
    return found->second + path.substr(child.name.size());
  }
  return path;
}

/// The name of the optimizer in a file, if it is that of another class: optimizers of two kinds may have
/// states of equal shapes. Empty if it is of this class, or was given another name.
std::string other_kind_of(const Hdf5Group& vars, const Optimizer& optimizer) {
  const Hdf5Attribute* const name = vars.attribute("name");
  if (name == nullptr || name->texts.size() != 1) return {};
  const auto lower = [](std::string text) {
    for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return text;
  };
  const std::string stored = lower(name->texts.front());
  if (stored == lower(optimizer.class_name()) || stored == lower(optimizer->name())) return {};
  const std::vector<std::string> kinds = optimizer_registry().names();
  const bool known =
      std::any_of(kinds.begin(), kinds.end(), [&](const std::string& kind) { return lower(kind) == stored; });
  return known ? name->texts.front() : std::string();
}

void add_arrays(Hdf5Tree& root, const std::string& path, const std::string& name,
                const std::vector<Variable>& variables) {
  Hdf5Tree* here = &root;
  for (std::string_view rest = path; !rest.empty();) {
    const std::string_view next = first_name(rest);
    here = &here->groups[std::string(next)];
    rest.remove_prefix(std::min(next.size() + 1, rest.size()));
  }
  here = &here->groups["vars"];
  here->attributes["name"] = name;
  for (std::size_t i = 0; i < variables.size(); ++i) here->datasets[std::to_string(i)] = variables[i].value();
}

}  // namespace

std::vector<KerasPlace> keras_places(const LayerBase& network) {
  std::vector<KerasPlace> places;
  std::unordered_set<const LayerBase*> seen;
  add_places(places, seen, network, "");
  return places;
}

Index keras_weight_elements(const Hdf5Group& root) {
  Index count = 0;
  for (const auto& [name, below] : root.groups) {
    if (name != optimizer_path && name != states_path) count += elements_below(below);
  }
  return count;
}

StoredArray stored_array(const Hdf5Dataset& dataset) {
  return {dataset.path, dataset.shape, [&dataset](DType wanted) { return dataset.read(wanted); }};
}

void match_keras_weights(const Hdf5Group& root, const LayerBase& network, WeightLoader& loader) {
  const std::map<std::string, std::string> outermost = outermost_paths(root);
  if (loader.options().by_name && outermost.empty()) {
    throw FileError(loader.file() +
                    ": expected the names of layers for .by_name, got a file without them: load it in the "
                    "order of the layers, or save it with a newer version of Keras");
  }
  std::set<std::string> used;
  for (const KerasPlace& place : keras_places(network)) {
    std::optional<std::string> layer_path = place.path;
    if (loader.options().by_name) layer_path = path_by_name(place.path, network, outermost);
    if (!layer_path) {
      if (!place.weights.empty()) loader.missing(place.name, place.weights, {});
      continue;
    }
    const std::string path = inner(*layer_path, "vars");
    used.insert(path);
    const Hdf5Group* const group = root.group(path);
    loader.layer(place.name, place.weights, stored_arrays(numbered(group)),
                 fmt::format("the group {}", in_quotes(path)));
  }
  std::vector<std::string> holders;
  if (const Hdf5Group* const layers = root.group(layers_path)) collect_holders(*layers, holders);
  for (const std::string& path : holders) {
    // Old versions of Keras wrote the states of random number generators, which later ones do not read.
    const bool of_generator = path.find("/seed_generator/") != std::string::npos;
    if (!used.contains(path) && !of_generator) {
      loader.unused(fmt::format("the group {} belongs to no layer of the model", in_quotes(path)));
    }
  }
}

namespace {

/// The arrays "0", "1", ... of the group PATH/vars for these variables. None if there is no such group, or an
/// empty one. `what` stands for them in errors.
std::vector<Tensor> read_variables(const Hdf5Group& root, std::string_view path,
                                   const std::vector<Variable>& variables, const std::string& what,
                                   const std::string& file) {
  const std::string vars = fmt::format("{}/vars", path);
  const Hdf5Group* const group = root.group(vars);
  if (group == nullptr || group->datasets.empty()) return {};
  const std::vector<const Hdf5Dataset*> arrays = numbered(group);
  const auto fail = [&](const std::string& fault) {
    throw FileError(fmt::format("{}: {}: {}", file, what, fault));
  };
  if (arrays.size() != variables.size()) {
    fail(fmt::format("expected {} arrays in the group {}, got {}", variables.size(), in_quotes(vars),
                     group->datasets.size()));
  }
  std::vector<Tensor> values;
  for (std::size_t i = 0; i < arrays.size(); ++i) {
    if (!(arrays[i]->shape == variables[i].shape())) {
      fail(fmt::format("expected the shape {} of {}, got {}", to_string(variables[i].shape()),
                       variables[i].path(), to_string(arrays[i]->shape)));
    }
    values.push_back(arrays[i]->read(variables[i].dtype()));
  }
  return values;
}

}  // namespace

bool has_optimizer_state(const Hdf5Group& root) {
  const Hdf5Group* const group = root.group(optimizer_vars);
  return group != nullptr && !group->datasets.empty();
}

void check_optimizer_kind(const Hdf5Group& root, const Optimizer& optimizer, const std::string& file) {
  const Hdf5Group* const group = root.group(optimizer_vars);
  const std::string other = group == nullptr ? std::string() : other_kind_of(*group, optimizer);
  if (other.empty()) return;
  throw FileError(fmt::format("{}: expected the state of the optimizer {}, got that of {}", file,
                              optimizer.class_name(), other));
}

std::vector<Tensor> read_keras_optimizer(const Hdf5Group& root, const Optimizer& optimizer,
                                         const std::string& file) {
  return read_variables(root, optimizer_path, optimizer.variables(),
                        "the state of the optimizer " + optimizer.class_name(), file);
}

std::vector<Tensor> read_states(const Hdf5Group& root, const Model& model, const std::string& file) {
  return read_variables(root, states_path, states_of(model), "the states of stateful layers", file);
}

Hdf5Tree keras_tree(const Model& model, OptimizerState state) {
  const NoGradient guard;
  Hdf5Tree root;
  for (const KerasPlace& place : keras_places(*model.network())) {
    add_arrays(root, place.path, place.name, place.weights);
  }
  if (state == OptimizerState::with && model.compiled() && model.optimizer()->built()) {
    add_arrays(root, std::string(optimizer_path), model.optimizer()->name(), model.optimizer().variables());
  }
  return root;
}

Hdf5Tree keras_model_tree(const Model& model) {
  const NoGradient guard;
  Hdf5Tree root = keras_tree(model, OptimizerState::with);
  if (const std::vector<Variable> states = states_of(model); !states.empty()) {
    add_arrays(root, std::string(states_path), model.name(), states);
  }
  return root;
}

}  // namespace unspool::internal
