#include <algorithm>
#include <set>
#include <unordered_set>

#include <unspool/autograd/tape.h>
#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/layers/internal/layer_access.h>
#include <unspool/models/internal/keras_weights.h>

namespace unspool::internal {
namespace {

constexpr std::string_view optimizer_path = "optimizer";
constexpr std::string_view layers_path = "layers";

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

/// The arrays "0", "1", ... of a group, in order. Empty if there is no group.
std::vector<const Hdf5Dataset*> numbered(const Hdf5Group* group) {
  std::vector<const Hdf5Dataset*> arrays;
  if (group == nullptr) return arrays;
  for (std::size_t i = 0; i < group->datasets.size(); ++i) {
    const auto found = group->datasets.find(std::to_string(i));
    if (found == group->datasets.end()) break;
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

/// What is wrong with a file, in one error.
class Faults {
 public:
  void add(std::string fault) {
    ++count_;
    constexpr int most_shown = 5;
    if (count_ <= most_shown) text_ += "\n  " + std::move(fault);
  }
  void throw_if_any(const std::string& file) const {
    if (count_ == 0) return;
    throw FileError(fmt::format("{}: expected the weights of this model, got others in {} place{}:{}", file,
                                count_, count_ == 1 ? "" : "s", text_));
  }

 private:
  int count_ = 0;
  std::string text_;
};

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
    if (name != optimizer_path) count += elements_below(below);
  }
  return count;
}

std::vector<Tensor> read_keras_weights(const Hdf5Group& root, const LayerBase& network,
                                       const std::string& file) {
  Faults faults;
  std::set<std::string> used;
  std::vector<Tensor> values;
  for (const KerasPlace& place : keras_places(network)) {
    const std::string path = inner(place.path, "vars");
    used.insert(path);
    const Hdf5Group* const group = root.group(path);
    const std::vector<const Hdf5Dataset*> arrays = numbered(group);
    const std::size_t all = group == nullptr ? 0 : group->datasets.size();
    if (arrays.size() != place.weights.size() || all != arrays.size()) {
      faults.add(fmt::format("the layer {}: expected {} arrays in the group {}, got {}", place.name,
                             place.weights.size(), in_quotes(path), all));
      continue;
    }
    for (std::size_t i = 0; i < arrays.size(); ++i) {
      const Variable& weight = place.weights[i];
      if (!(arrays[i]->shape == weight.shape())) {
        faults.add(fmt::format("the layer {}: expected the shape {} of {} in {}, got {}", place.name,
                               to_string(weight.shape()), weight.name(), in_quotes(arrays[i]->path),
                               to_string(arrays[i]->shape)));
        continue;
      }
      values.push_back(arrays[i]->read(weight.dtype()));
    }
  }
  std::vector<std::string> holders;
  if (const Hdf5Group* const layers = root.group(layers_path)) collect_holders(*layers, holders);
  for (const std::string& path : holders) {
    // Old versions of Keras wrote the states of random number generators, which later ones do not read.
    const bool of_generator = path.find("/seed_generator/") != std::string::npos;
    if (!used.contains(path) && !of_generator) {
      faults.add(fmt::format("the group {} belongs to no layer of the model", in_quotes(path)));
    }
  }
  faults.throw_if_any(file);
  return values;
}

void assign_keras_weights(const LayerBase& network, const std::vector<Tensor>& values) {
  std::size_t next = 0;
  for (const KerasPlace& place : keras_places(network)) {
    for (const Variable& weight : place.weights) weight.assign(values[next++]);
  }
}

std::vector<Tensor> read_keras_optimizer(const Hdf5Group& root, const Optimizer& optimizer,
                                         const std::string& file) {
  const Hdf5Group* const group = root.group("optimizer/vars");
  if (group == nullptr || group->datasets.empty()) return {};
  const std::vector<Variable> variables = optimizer.variables();
  const std::vector<const Hdf5Dataset*> arrays = numbered(group);
  const auto fail = [&](const std::string& what) {
    throw FileError(fmt::format("{}: the state of the optimizer {}: {}", file, optimizer.class_name(), what));
  };
  if (arrays.size() != variables.size() || group->datasets.size() != arrays.size()) {
    fail(fmt::format("expected {} arrays in the group \"optimizer/vars\", got {}", variables.size(),
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

Hdf5Tree keras_tree(const Model& model) {
  const NoGradient guard;
  Hdf5Tree root;
  for (const KerasPlace& place : keras_places(*model.network())) {
    add_arrays(root, place.path, place.name, place.weights);
  }
  if (model.compiled() && model.optimizer()->built()) {
    add_arrays(root, std::string(optimizer_path), model.optimizer()->name(), model.optimizer().variables());
  }
  return root;
}

}  // namespace unspool::internal
