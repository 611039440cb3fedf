#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include <unspool/autograd/conversion.h>
#include <unspool/autograd/scan/trace.h>
#include <unspool/autograd/tape.h>
#include <unspool/core/class_name.h>
#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/core/internal/placeholders.h>
#include <unspool/layers/internal/build_budget.h>
#include <unspool/layers/internal/call_context.h>
#include <unspool/layers/layer_base.h>
#include <unspool/layers/layer_tree.h>
#include <unspool/layers/naming.h>

namespace unspool {

using internal::CallContext;
using internal::CallScope;
using internal::UnbuiltChildren;

namespace {

/// Each step of training asks for the weights and the layers. A search among so many is faster than a set.
constexpr std::size_t searched_size = 16;

std::vector<Variable> unique(std::vector<Variable> variables) {
  if (variables.size() <= searched_size) {
    auto end = variables.begin();
    for (auto next = variables.begin(); next != variables.end(); ++next) {
      if (std::find(variables.begin(), end, *next) != end) continue;
      if (end != next) *end = std::move(*next);
      ++end;
    }
    variables.erase(end, variables.end());
    return variables;
  }
  std::unordered_set<const void*> seen;
  std::erase_if(variables, [&](const Variable& variable) { return !seen.insert(variable.key()).second; });
  return variables;
}

/// Sizes that are not known, from other shapes that fit.
std::vector<Shape> with_known_sizes(std::vector<Shape> shapes, const std::vector<Shape>& others) {
  for (std::size_t i = 0; i < std::min(shapes.size(), others.size()); ++i) {
    if (!compatible(shapes[i], others[i])) continue;
    for (int axis = 0; axis < shapes[i].rank(); ++axis) {
      if (shapes[i][axis] == unknown) shapes[i].set(axis, others[i][axis]);
    }
  }
  return shapes;
}

/// Of {"input_shape": a shape or a list of them}, or {"shapes_dict": {"sequences_shape": ...}}; none of null.
std::vector<Shape> shapes_of_build_config(const Config& config) {
  Config shapes;
  if (const auto named = config.find("shapes_dict"); named && !named->empty()) {
    shapes = named->items().front().second;
  } else {
    shapes = config["input_shape"];
  }
  if (shapes.is_null()) return {};
  if (shapes.size() > 0 && shapes[0].is_list()) return shapes.as<std::vector<Shape>>();
  return {shapes.as<Shape>()};
}

/// Empty, or why a tensor of this shape does not fit.
std::string misfit(const InputSpec& spec, const Shape& shape) {
  const int rank = shape.rank();
  if (spec.ndim >= 0 && rank != spec.ndim)
    return fmt::format("expected ndim={}, found ndim={}", spec.ndim, rank);
  if (spec.max_ndim >= 0 && rank > spec.max_ndim) {
    return fmt::format("expected max_ndim={}, found ndim={}", spec.max_ndim, rank);
  }
  if (rank < spec.min_ndim) {
    return fmt::format("expected min_ndim={}, found ndim={}", spec.min_ndim, rank);
  }
  for (const auto& [axis, size] : spec.axes) {
    if (axis < -rank || axis >= rank) {
      return fmt::format("expected axis {} of input shape to have value {}, found ndim={}", axis, size, rank);
    }
    const Index found = shape[axis];
    if (found != size && found != unknown && size != unknown) {
      return fmt::format("expected axis {} of input shape to have value {}, found {}", axis, size, found);
    }
  }
  if (spec.shape && !compatible(*spec.shape, shape)) {
    return fmt::format("expected shape={}", to_string(*spec.shape));
  }
  return {};
}

}  // namespace

const Fields& LayerOptions::fields() {
  using O = LayerOptions;
  static const Fields all =
      fields_of<O>(field("name", &O::name, "of the layer"),
                   field("trainable", &O::trainable, "whether training changes its weights"),
                   field("dtype", &O::dtype, "of weights and computation"),
                   field("activity_regularizer", &O::activity_regularizer, "a penalty on the outputs"));
  return all;
}

LayerTree::LayerTree(LayerOptions options)
    : name_(std::move(options.name)),
      trainable_(options.trainable),
      dtype_(options.dtype),
      activity_regularizer_(std::move(options.activity_regularizer)) {
  if (name_.find('/') != std::string::npos) {
    throw ValueError("expected the name of a layer without '/', got " + in_quotes(name_));
  }
  if (!is_floating(dtype_)) {
    throw TypeError(
        fmt::format("expected float32 or float64 as the dtype of a layer, got {}", name_of(dtype_)));
  }
}

void LayerTree::build_once(const Shape& input_shape) { build_once(std::vector<Shape>{input_shape}); }
void LayerTree::build_once(const std::vector<Shape>& input_shapes) { build_once(input_shapes, dtype_); }
void LayerTree::set_input_spec(std::vector<InputSpec> spec) { input_spec_ = std::move(spec); }
LayerTree::~LayerTree() = default;

/// Every LayerTree is a LayerBase.
const LayerBase& LayerTree::self() const { return static_cast<const LayerBase&>(*this); }

const std::string& LayerTree::name() const {
  if (name_.empty()) name_ = unique_name(to_snake_case(class_name()));
  return name_;
}

const std::string& LayerTree::path_or_name() const { return path_.empty() ? name() : path_; }

std::string LayerTree::class_name() const { return class_name_of(typeid(*this)); }

std::vector<Variable> LayerTree::weights() const {
  std::vector<Variable> all;
  const auto add = [&all](const auto& below, const LayerTree& tree) -> void {
    all.insert(all.end(), tree.trainable_weights_.begin(), tree.trainable_weights_.end());
    all.insert(all.end(), tree.other_weights_.begin(), tree.other_weights_.end());
    for (const Child& child : tree.children_) below(below, *child.layer);
  };
  add(add, *this);
  return unique(std::move(all));
}

std::vector<Variable> LayerTree::trainable_weights() const {
  if (!trainable_) return {};
  std::vector<Variable> all = weights();
  std::erase_if(all, [](const Variable& weight) { return !weight.trainable(); });
  return all;
}

std::vector<Variable> LayerTree::non_trainable_weights() const {
  std::vector<Variable> all = weights();
  if (trainable_) std::erase_if(all, [](const Variable& weight) { return weight.trainable(); });
  return all;
}

void LayerTree::set_trainable(bool trainable) {
  trainable_ = trainable;
  for (const Variable& weight : trainable_weights_) weight.set_trainable(trainable);
  for (const Child& child : children_) child.layer->set_trainable(trainable);
}

std::vector<Tensor> LayerTree::get_weights() const {
  const NoGradient guard;
  std::vector<Tensor> values;
  for (const Variable& weight : weights()) values.push_back(weight.value());
  return values;
}

void LayerTree::set_weights(const std::vector<Tensor>& values) {
  const NoGradient guard;
  const std::vector<Variable> all = weights();
  if (values.size() != all.size()) {
    throw ValueError(fmt::format(
        "set_weights on the layer {}: expected {} weight{}, got {}{}", path_or_name(), all.size(),
        all.size() == 1 ? "" : "s", values.size(),
        built() ? "" : "; it is not built: call it, or build it with the shape of its input, first"));
  }
  std::vector<Tensor> converted;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (!values[i] || !(values[i].shape() == all[i].shape())) {
      throw ValueError(
          fmt::format("set_weights on the layer {0}: expected the shape {2} for the weight {1}, got {3}",
                      path_or_name(), all[i].path(), to_string(all[i].shape()), describe(values[i])));
    }
    if (values[i].is_abstract()) {
      throw RuntimeError(fmt::format(
          "set_weights on the layer {}: expected a value for the weight {}, got {}, which has none",
          path_or_name(), all[i].path(), describe(values[i])));
    }
    converted.push_back(values[i].dtype() == all[i].dtype() ? values[i] : cast(values[i], all[i].dtype()));
  }
  for (std::size_t i = 0; i < all.size(); ++i) all[i].assign(converted[i]);
}

Index LayerTree::count_params() const {
  if (!built()) {
    throw ValueError(
        fmt::format("count_params: expected a layer that is built, got {}: call it, or build it with the "
                    "shape of its input, first",
                    name()));
  }
  Index count = 0;
  for (const Variable& weight : weights()) count += weight.size();
  return count;
}

std::vector<const LayerBase*> LayerTree::all_layers() const {
  std::vector<const LayerBase*> all;
  std::unordered_set<const LayerBase*> seen;
  const auto is_new = [&](const LayerBase* layer) {
    if (all.size() <= searched_size) return std::find(all.begin(), all.end(), layer) == all.end();
    if (seen.empty()) seen.insert(all.begin(), all.end());
    return seen.insert(layer).second;
  };
  const auto visit = [&](const auto& below, const LayerBase& layer) -> void {
    if (!is_new(&layer)) return;
    all.push_back(&layer);
    for (const Child& child : layer.children_) below(below, *child.layer);
  };
  visit(visit, self());
  return all;
}

std::vector<LayerTree::Child> LayerTree::children() const { return children_; }
std::vector<InputSpec> LayerTree::input_spec() const { return input_spec_; }

std::vector<Ref<LayerBase>> LayerTree::sublayers() const {
  std::vector<Ref<LayerBase>> all;
  for (const Child& child : children_) all.push_back(child.layer);
  return all;
}

std::vector<SeedGenerator*> LayerTree::seed_generators() {
  std::vector<SeedGenerator*> all;
  for (const LayerBase* layer : all_layers()) {
    if (SeedGenerator* own = const_cast<LayerBase*>(layer)->seed_generator()) all.push_back(own);
  }
  return all;
}

std::vector<Variable> LayerTree::variables() const {
  std::vector<Variable> all = weights();
  for (const LayerBase* layer : all_layers()) {
    const SeedGenerator* generator = const_cast<LayerBase*>(layer)->seed_generator();
    if (generator == nullptr) continue;
    const Tensor now = Tensor::of<std::int64_t>(
        {static_cast<std::int64_t>(generator->seed()), static_cast<std::int64_t>(generator->counter())});
    if (layer->seed_state_) {
      layer->seed_state_.assign(now);
    } else {
      layer->seed_state_ = Variable(now, {.name = "seed_generator_state", .trainable = false});
    }
    layer->seed_state_.set_path(layer->path_or_name() + "/seed_generator/seed_generator_state");
    all.push_back(layer->seed_state_);
  }
  return all;
}

std::vector<Variable> LayerTree::non_trainable_variables() const {
  std::vector<Variable> all = variables();
  if (trainable_) std::erase_if(all, [](const Variable& variable) { return variable.trainable(); });
  return all;
}

std::vector<Variable> LayerTree::persistent_state() const { return {}; }

void LayerTree::copy_state(const LayerTree& from) {
  const auto check = [&](std::string_view what, std::size_t here, std::size_t there) {
    if (here == there) return;
    throw ValueError(fmt::format("copy_state: expected {1} {2} for the layer {0}, got {4} of {3}",
                                 path_or_name(), here, what, from.path_or_name(), there));
  };
  const std::vector<Variable> own = weights();
  const std::vector<Variable> others = from.weights();
  const std::vector<const LayerBase*> layers = all_layers();
  const std::vector<const LayerBase*> other_layers = from.all_layers();
  check("weights", own.size(), others.size());
  check("layers with those below", layers.size(), other_layers.size());
  set_weights(from.get_weights());
  for (std::size_t i = 0; i < own.size(); ++i) own[i].set_trainable(others[i].trainable());
  for (std::size_t i = 0; i < layers.size(); ++i) {
    auto& layer = const_cast<LayerBase&>(*layers[i]);
    auto& other = const_cast<LayerBase&>(*other_layers[i]);
    layer.trainable_ = other.trainable_;
    if (layer.seed_generator() != nullptr && other.seed_generator() != nullptr) {
      *layer.seed_generator() = *other.seed_generator();
    }
    const std::vector<Variable> kept = layer.persistent_state();
    const std::vector<Variable> other_kept = other.persistent_state();
    check("states", kept.size(), other_kept.size());
    for (std::size_t k = 0; k < kept.size(); ++k) kept[k].assign(other_kept[k].value());
  }
}

Config LayerTree::get_config() const {
  // As Keras writes its dtype policies.
  const Config policy = Config::map({{"module", "keras"},
                                     {"class_name", "DTypePolicy"},
                                     {"config", Config::map({{"name", to_config(dtype_)}})},
                                     {"registered_name", Config()}});
  std::vector<Config::Entry> entries = {{"name", name()}, {"trainable", trainable_}, {"dtype", policy}};
  if (activity_regularizer_) entries.emplace_back("activity_regularizer", activity_regularizer_.config());
  return Config::map(std::move(entries));
}

Config LayerTree::get_build_config() const {
  if (!built_) return {};
  const Config shapes =
      build_shapes_.size() == 1 ? to_config(build_shapes_.front()) : to_config(build_shapes_);
  return Config::map({{"input_shape", shapes}});
}

void LayerTree::build_from_config(const Config& config) {
  const std::vector<Shape> shapes = shapes_of_build_config(config);
  if (shapes.empty()) return;
  const CallScope scope([](CallContext& context) { context.unbuilt_children = UnbuiltChildren::recorded; });
  build_once(shapes);
}

void LayerTree::build_later(const Config& config) {
  if (!built_) build_shapes_ = shapes_of_build_config(config);
}

void LayerTree::build_like(const LayerTree& other) {
  if (other.built_) {
    const CallScope scope([](CallContext& context) { context.unbuilt_children = UnbuiltChildren::called; });
    build_once(other.build_shapes_);
    set_paths(other.path_);
  }
  for (std::size_t i = 0; i < std::min(children_.size(), other.children_.size()); ++i) {
    children_[i].layer->build_like(*other.children_[i].layer);
  }
  waits_ = other.waits_;
}

Config LayerTree::config_of(const Fields& fields, const Config& arguments) const {
  std::vector<Config::Entry> entries;
  for (Config::Entry& entry : LayerTree::get_config().items()) {
    if (fields.writes(entry.first)) entries.push_back(std::move(entry));
  }
  for (Config::Entry& entry : arguments.items()) {
    const bool there = std::any_of(entries.begin(), entries.end(),
                                   [&](const Config::Entry& known) { return known.first == entry.first; });
    if (!there) entries.push_back(std::move(entry));
  }
  return Config::map(std::move(entries));
}

const std::string& LayerTree::scope_name() const {
  if (path_.empty()) {
    throw ValueError(
        fmt::format("scope_name: expected a layer that is built, got {}: call it, or build it with the shape "
                    "of its input, first",
                    name()));
  }
  return path_;
}

Variable LayerTree::add_variable(WeightOptions options) {
  for (const std::vector<Variable>& own : {trainable_weights_, other_weights_}) {
    for (const Variable& weight : own) {
      if (weight.name() != options.name) continue;
      if (weight.shape() == options.shape) return weight;
      throw ValueError(fmt::format(
          "add_variable: expected the shape {2} of the variable {1} that the layer {0} has, got {3}",
          path_or_name(), in_quotes(options.name), to_string(weight.shape()), to_string(options.shape)));
    }
  }
  return add_weight(std::move(options));
}

Variable LayerTree::add_weight(WeightOptions options) {
  if (built_ && !building_) {
    throw RuntimeError(
        fmt::format("add_weight: expected no further weight, since the layer {} is built, got {}: add it in "
                    "build() or in the constructor",
                    path_or_name(), in_quotes(options.name)));
  }
  // Before make() returns nobody shares the layer.
  if (!building_ && self().weak_from_this().lock() != nullptr) {
    throw RuntimeError(fmt::format(
        "add_weight: expected a call in the constructor of the layer {} or in build() as the library "
        "runs it, got the weight {} outside of both: build the layer by calling it, by "
        "layer.build(shape) on its Ref, or by layer->build_once(shape)",
        name(), in_quotes(options.name)));
  }
  const DType dtype = options.dtype.value_or(dtype_);
  if (!options.shape.known()) {
    throw ValueError(fmt::format("add_weight: expected known sizes for the weight {} of the layer {}, got {}",
                                 in_quotes(options.name), name(), to_string(options.shape)));
  }
  Initializer initializer = options.initializer;
  if (!initializer) initializer = is_floating(dtype) ? Initializer(GlorotUniform()) : Zeros();
  const NoGradient guard;
  internal::BuildBudget::take(options.shape);
  const Tensor value = internal::Placeholders::active()
                           ? internal::TensorAccess::placeholder(options.shape, dtype)
                           : initializer(options.shape, dtype);
  if (!(value.shape() == options.shape) || value.dtype() != dtype) {
    throw ValueError(fmt::format("add_weight: expected {1}{2} from the initializer of {0}, got {3}",
                                 in_quotes(options.name), name_of(dtype), to_string(options.shape),
                                 describe(value)));
  }
  VariableOptions made{.name = options.name, .trainable = options.trainable && trainable_};
  if (options.regularizer) made.regularizer = options.regularizer;
  if (options.constraint) made.constraint = options.constraint;
  Variable weight(value, std::move(made));
  (options.trainable ? trainable_weights_ : other_weights_).push_back(weight);
  return weight;
}

void LayerTree::check_child(const Ref<LayerBase>& layer) const {
  if (!layer) {
    throw ValueError(fmt::format("add_layer: the layer {} expected a layer, got an empty Ref", name()));
  }
  if (layer.pointer().get() == this)
    throw ValueError(fmt::format("add_layer: expected another layer, got {} itself", name()));
  const std::vector<const LayerBase*> below = layer->all_layers();
  if (std::find(below.begin(), below.end(), this) != below.end()) {
    throw ValueError(fmt::format("add_layer: expected a layer that does not own {}, got {}, which does",
                                 name(), layer->name()));
  }
  if (built_ && !building_) {
    throw RuntimeError(
        fmt::format("add_layer: expected no further layer, since the layer {} is built, got {}: add it in "
                    "build() or in the constructor",
                    path_or_name(), layer->name()));
  }
}

bool LayerTree::has_child(std::string_view name) const {
  return std::any_of(children_.begin(), children_.end(),
                     [&](const Child& child) { return child.name == name; });
}

bool LayerTree::owns(const LayerTree& layer) const {
  return std::any_of(children_.begin(), children_.end(),
                     [&](const Child& child) { return child.layer.pointer().get() == &layer; });
}

void LayerTree::push_child(std::string name, const Ref<LayerBase>& layer) {
  static_cast<void>(layer->name());  // Children without a name are numbered in the order of their addition.
  if (!trainable_) layer->set_trainable(false);
  children_.push_back({std::move(name), layer});
}

void LayerTree::add_child(std::string name, const Ref<LayerBase>& layer) {
  check_child(layer);
  if (owns(*layer)) return;
  if (name.empty() || name.find('/') != std::string::npos) {
    throw ValueError(fmt::format("add_layer: the layer {} expected a name without '/' for {}, got {}",
                                 path_or_name(), layer->name(), in_quotes(name)));
  }
  if (has_child(name)) {
    throw ValueError(
        fmt::format("add_layer: the layer {} expected children with different names, got two called {}: give "
                    "{} another name",
                    path_or_name(), in_quotes(name), layer->name()));
  }
  push_child(std::move(name), layer);
}

void LayerTree::add_to_list(const Ref<LayerBase>& layer) { add_list("", {layer}); }

void LayerTree::add_list(const std::string& name, const std::vector<Ref<LayerBase>>& layers) {
  std::unordered_map<std::string, int> of_class;
  for (const Ref<LayerBase>& layer : layers) {
    check_child(layer);
    const std::string base = (name.empty() ? "" : name + "/") + to_snake_case(layer->class_name());
    // A layer that stands here twice counts twice, as in Keras' files.
    int& number = of_class[base];
    std::string unique;
    do {
      unique = number == 0 ? base : fmt::format("{}_{}", base, number);
      ++number;
    } while (!owns(*layer) && has_child(unique));
    if (owns(*layer)) continue;
    push_child(std::move(unique), layer);
  }
}

void LayerTree::build(const Shape&) {}

void LayerTree::build_all(const std::vector<Shape>& input_shapes) { build(input_shapes.front()); }

void LayerTree::build_once(const std::vector<Shape>& input_shapes, DType first_dtype) {
  if (built_) return;
  const CallScope scope(*this);
  build_here(input_shapes, first_dtype);
  build_children();
}

/// The layers of a tree that are not built, as they were: the next call may come with a shape that fits.
class LayerTree::BeforeBuild {
 public:
  explicit BeforeBuild(const LayerTree& root) {
    for (const LayerBase* found : root.all_layers()) {
      if (found->built_) continue;
      Ref<LayerBase> held;
      if (found != &root)
        held = Ref<LayerBase>(std::const_pointer_cast<LayerBase>(found->shared_from_this()));
      layers_.push_back({std::move(held), const_cast<LayerBase*>(found), found->trainable_weights_.size(),
                         found->other_weights_.size(), found->children_.size(), found->input_spec_,
                         found->build_shapes_, found->path_});
    }
  }

  void restore() {
    for (Before& before : layers_) {
      LayerBase& layer = *before.layer;
      layer.trainable_weights_.resize(before.trainable_weights);
      layer.other_weights_.resize(before.other_weights);
      layer.children_.resize(before.children);
      layer.input_spec_ = std::move(before.input_spec);
      layer.build_shapes_ = std::move(before.build_shapes);
      layer.path_ = std::move(before.path);
      layer.built_ = false;
      layer.building_ = false;
      layer.waits_ = false;
    }
  }

 private:
  struct Before {
    Ref<LayerBase> held;  // Restoring the layer around may let go of it.
    LayerBase* layer;
    std::size_t trainable_weights;
    std::size_t other_weights;
    std::size_t children;
    std::vector<InputSpec> input_spec;
    std::vector<Shape> build_shapes;
    std::string path;
  };
  std::vector<Before> layers_;
};

bool LayerTree::has_unbuilt_child() const {
  return std::any_of(children_.begin(), children_.end(),
                     [](const Child& child) { return !child.layer->built(); });
}

void LayerTree::build_children() {
  waits_ = has_unbuilt_child();
  if (!waits_) return;
  switch (CallContext::current().unbuilt_children) {
    case UnbuiltChildren::called:
      break;
    case UnbuiltChildren::recorded:
      for (const Child& child : children_) {
        LayerTree& layer = *child.layer;
        // A copy: building writes them.
        if (const std::vector<Shape> shapes = layer.build_shapes_; !shapes.empty()) layer.build_once(shapes);
      }
      if (!has_unbuilt_child()) break;
      [[fallthrough]];
    case UnbuiltChildren::inferred:
      std::vector<Spec> inputs;
      for (const Shape& shape : build_shapes_)
        inputs.push_back({shape, inputs.empty() ? built_for_ : dtype_});
      const CallScope inference([](CallContext& context) {
        context.keeps_losses = false;
        context.notes = nullptr;
        context.caches = nullptr;
      });
      const NoGradient no_gradient;
      BeforeBuild before(*this);
      try {
        infer_call(inputs);
      } catch (const std::exception&) {
        // For example since call() reads values: its first call builds them.
        before.restore();
      }
  }
  waits_ = has_unbuilt_child();
}

void LayerTree::set_paths(std::string path) {
  path_ = std::move(path);
  for (const std::vector<Variable>& own : {trainable_weights_, other_weights_}) {
    for (const Variable& weight : own) weight.set_path(path_ + "/" + weight.name());
  }
}

/// Within a scope of this layer.
void LayerTree::build_here(const std::vector<Shape>& input_shapes, DType first_dtype) {
  if (input_shapes.empty())
    throw ValueError("expected the shape of at least one input to build a layer, got none");
  // What is built in a step of a scan has values: the weights are drawn once.
  const scan_compiler::TraceScope untraced(nullptr);
  BeforeBuild before(*this);
  std::vector<Shape> shapes = with_known_sizes(input_shapes, build_shapes_);
  check_input_shapes(shapes);
  building_ = true;
  built_for_ = first_dtype;
  try {
    build_all(shapes);
  } catch (...) {
    before.restore();
    throw;
  }
  building_ = false;
  built_ = true;
  build_shapes_ = std::move(shapes);
  set_paths(CallContext::of(*this)->path());
  waits_ = has_unbuilt_child();
}

void LayerTree::fail_no_input() const {
  throw ValueError(fmt::format("the layer {} expected an input, got none", name()));
}

void LayerTree::check_input_shapes(const std::vector<Shape>& shapes) const {
  if (shapes.size() < input_spec_.size()) {
    throw ValueError(fmt::format("the layer {} expected {} input{}, got {}", name(), input_spec_.size(),
                                 input_spec_.size() == 1 ? "" : "s", shapes.size()));
  }
  for (std::size_t i = 0; i < input_spec_.size(); ++i) {
    const std::string why = misfit(input_spec_[i], shapes[i]);
    if (why.empty()) continue;
    throw ValueError(fmt::format("input {} is incompatible with the layer {}: {}. Full shape received: {}", i,
                                 name(), why, to_string(shapes[i])));
  }
}

}  // namespace unspool
