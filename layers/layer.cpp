#include <algorithm>
#include <unordered_set>

#include <unspool/autograd/arithmetic.h>
#include <unspool/autograd/conversion.h>
#include <unspool/autograd/recorder.h>
#include <unspool/autograd/tape.h>
#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/layers/graph.h>
#include <unspool/layers/internal/call_scope.h>
#include <unspool/layers/layer.h>

namespace unspool {

const Fields& LayerOptions::fields() {
  using O = LayerOptions;
  static const Fields all =
      fields_of<O>(field("name", &O::name, "of the layer"),
                   field("trainable", &O::trainable, "whether training changes its weights"),
                   field("dtype", &O::dtype, "of weights and computation"),
                   field("activity_regularizer", &O::activity_regularizer, "a penalty on the outputs"));
  return all;
}

using internal::CallScope;
using internal::TensorAccess;

namespace {

thread_local CallScope* innermost = nullptr;
thread_local bool keep_losses = true;

std::vector<Shape> shapes_of(const std::vector<Tensor>& tensors) {
  std::vector<Shape> shapes;
  for (const Tensor& tensor : tensors) shapes.push_back(tensor.shape());
  return shapes;
}

void cast_to(std::vector<Tensor>& tensors, DType dtype) {
  for (Tensor& tensor : tensors) {
    if (!tensor || !is_floating(tensor.dtype()) || tensor.dtype() == dtype) continue;
    const Tensor mask = mask_of(tensor);
    tensor = cast(tensor, dtype);
    if (mask) tensor = with_mask(tensor, mask);
  }
}

std::vector<Variable> unique(std::vector<Variable> variables) {
  std::unordered_set<const void*> seen;
  std::erase_if(variables, [&](const Variable& variable) { return !seen.insert(variable.key()).second; });
  return variables;
}

/// Empty, or why a tensor of this shape does not fit.
std::string misfit(const InputSpec& spec, const Shape& shape) {
  const int rank = shape.rank();
  if (spec.ndim && rank != *spec.ndim)
    return fmt::format("expected ndim={}, found ndim={}", *spec.ndim, rank);
  if (spec.max_ndim && rank > *spec.max_ndim) {
    return fmt::format("expected max_ndim={}, found ndim={}", *spec.max_ndim, rank);
  }
  if (spec.min_ndim && rank < *spec.min_ndim) {
    return fmt::format("expected min_ndim={}, found ndim={}", *spec.min_ndim, rank);
  }
  for (const auto& [axis, size] : spec.axes) {
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

// -- the calls under way ---------------------------------------------------------------------------------

CallScope::CallScope(const LayerBase& layer, std::optional<bool> training)
    : layer_(layer),
      errors_(layer.name()),
      outer_(innermost),
      training_(training.value_or(innermost != nullptr && innermost->training())) {
  innermost = this;
}

CallScope::~CallScope() { innermost = outer_; }

std::string CallScope::path() const {
  return outer_ == nullptr ? layer_.name() : outer_->path() + "/" + layer_.name();
}

WithoutLosses::WithoutLosses() : outer_(keep_losses) { keep_losses = false; }
WithoutLosses::~WithoutLosses() { keep_losses = outer_; }

// -- tensors of a call -----------------------------------------------------------------------------------

Inputs::Inputs(const Tensor& tensor) : tensors_{tensor} {}
Inputs::Inputs(const Variable& variable) : tensors_{variable.value()} {}
Inputs::Inputs(std::initializer_list<Tensor> tensors) : tensors_(tensors) {}
Inputs::Inputs(std::vector<Tensor> tensors) : tensors_(std::move(tensors)) {}

Outputs::Outputs(Tensor only) : Outputs(std::vector<Tensor>{std::move(only)}) {}
Outputs::Outputs(std::vector<Tensor> all)
    : Tensor(all.empty() ? Tensor() : all.front()), all_(std::move(all)) {}

void fail_unpack(std::size_t wanted, std::size_t came) {
  throw ValueError(
      fmt::format("unpack<{}>: the call returned {} tensor{}", wanted, came, came == 1 ? "" : "s"));
}

Tensor with_mask(const Tensor& tensor, const Tensor& mask) {
  return TensorAccess::with_mask(tensor, mask ? std::make_shared<const Tensor>(mask) : nullptr);
}

Tensor mask_of(const Tensor& tensor) {
  const internal::TensorHead* head = TensorAccess::head(tensor);
  return head != nullptr && head->mask != nullptr ? *head->mask : Tensor();
}

// -- LayerBase -------------------------------------------------------------------------------------------

LayerBase::LayerBase(LayerOptions options)
    : name_(std::move(options.name)),
      trainable_(options.trainable),
      dtype_(options.dtype),
      activity_regularizer_(std::move(options.activity_regularizer)) {
  if (name_.find('/') != std::string::npos) {
    throw ValueError("the name of a layer has no '/' in it, came " + in_quotes(name_));
  }
  if (!is_floating(dtype_)) {
    throw TypeError(fmt::format("the dtype of a layer is float32 or float64, came {}", name_of(dtype_)));
  }
}

void LayerBase::build_once(const Shape& input_shape) { build_once(std::vector<Shape>{input_shape}); }
void LayerBase::set_input_spec(std::vector<InputSpec> spec) { input_spec_ = std::move(spec); }
Shape Layer::compute_output_shape(const Shape& input) { return compute_output_shapes({input}).at(0); }

LayerBase::~LayerBase() = default;

const std::string& LayerBase::name() const {
  if (name_.empty()) name_ = unique_name(to_snake_case(class_name()));
  return name_;
}

std::string LayerBase::class_name() const { return class_name_of(typeid(*this)); }

std::vector<Variable> LayerBase::weights() const {
  std::vector<Variable> all = trainable_weights_;
  all.insert(all.end(), other_weights_.begin(), other_weights_.end());
  for (const Ref<LayerBase>& layer : sublayers_) {
    for (const Variable& weight : layer->weights()) all.push_back(weight);
  }
  return unique(std::move(all));
}

std::vector<Variable> LayerBase::trainable_weights() const {
  if (!trainable_) return {};
  std::vector<Variable> all = weights();
  std::erase_if(all, [](const Variable& weight) { return !weight.trainable(); });
  return all;
}

std::vector<Variable> LayerBase::non_trainable_weights() const {
  std::vector<Variable> all = weights();
  if (trainable_) std::erase_if(all, [](const Variable& weight) { return weight.trainable(); });
  return all;
}

void LayerBase::set_trainable(bool trainable) {
  trainable_ = trainable;
  for (const Variable& weight : trainable_weights_) weight.set_trainable(trainable);
  for (const Ref<LayerBase>& layer : sublayers_) layer->set_trainable(trainable);
}

std::vector<Tensor> LayerBase::get_weights() const {
  const NoGradient guard;
  std::vector<Tensor> values;
  for (const Variable& weight : weights()) values.push_back(weight.value());
  return values;
}

void LayerBase::set_weights(const std::vector<Tensor>& values) {
  const NoGradient guard;
  const std::vector<Variable> all = weights();
  if (values.size() != all.size()) {
    throw ValueError(fmt::format("set_weights on the layer {}: it has {} weights, came {}", name(),
                                 all.size(), values.size()));
  }
  std::vector<Tensor> converted;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (!(values[i].shape() == all[i].shape())) {
      throw ValueError(fmt::format("set_weights on the layer {}: the weight {} has shape {}, came {}", name(),
                                   all[i].path(), to_string(all[i].shape()), describe(values[i])));
    }
    converted.push_back(values[i].dtype() == all[i].dtype() ? values[i] : cast(values[i], all[i].dtype()));
    converted.back().raw();  // Refuses an abstract tensor before anything is assigned.
  }
  for (std::size_t i = 0; i < all.size(); ++i) all[i].assign(converted[i]);
}

Index LayerBase::count_params() const {
  if (!built_) {
    throw ValueError(fmt::format(
        "count_params: the layer {} is not built: call it, or build it with the shape of its input, first",
        name()));
  }
  Index count = 0;
  for (const Variable& weight : weights()) count += weight.size();
  return count;
}

/// This layer and all below, each once, in order.
template <class F>
void LayerBase::for_each_layer(F&& f) const {
  std::unordered_set<const LayerBase*> seen;
  const auto visit = [&](const auto& self, const LayerBase& layer) -> void {
    if (!seen.insert(&layer).second) return;
    f(layer);
    for (const Ref<LayerBase>& below : layer.sublayers_) self(self, *below);
  };
  visit(visit, *this);
}

std::vector<Tensor> LayerBase::losses() const {
  std::vector<Tensor> all;
  for_each_layer(
      [&](const LayerBase& layer) { all.insert(all.end(), layer.losses_.begin(), layer.losses_.end()); });
  for (const Variable& weight : trainable_weights()) {
    if (weight.regularizer()) all.push_back(weight.regularizer()(weight.value()));
  }
  return all;
}

std::vector<SeedGenerator*> LayerBase::seed_generators() {
  std::vector<SeedGenerator*> all;
  for_each_layer([&](const LayerBase& layer) {
    if (SeedGenerator* own = const_cast<LayerBase&>(layer).seed_generator()) all.push_back(own);
  });
  return all;
}

void LayerBase::clear_losses() {
  if (!keep_losses) return;
  // Nothing is written where there is nothing to clear: calls that keep no losses may run beside each other.
  if (!losses_.empty()) losses_.clear();
  for (const Ref<LayerBase>& layer : sublayers_) layer->clear_losses();
}

void LayerBase::add_loss(const Tensor& loss) {
  if (!keep_losses) return;
  if (!loss.shape().known() || loss.size() != 1) {
    throw ValueError("add_loss: expected one number, came " + describe(loss) + ": take its sum or mean");
  }
  if (loss.is_abstract()) {
    if (GraphNode::of(loss) != nullptr) return;
    throw RuntimeError(
        "add_loss: a loss cannot leave a step while that is being traced: return it as an output, or run the "
        "layer "
        "with unroll = true");
  }
  losses_.push_back(loss);
}

Config LayerBase::get_config() const {
  std::vector<Config::Entry> entries = {
      {"name", name()}, {"trainable", trainable_}, {"dtype", to_config(dtype_)}};
  if (activity_regularizer_) entries.emplace_back("activity_regularizer", activity_regularizer_.config());
  return Config::map(std::move(entries));
}

Config LayerBase::merged_config(const Config& arguments) const {
  std::vector<Config::Entry> entries = LayerBase::get_config().items();
  for (Config::Entry& entry : arguments.items()) {
    const bool there = std::any_of(entries.begin(), entries.end(),
                                   [&](const Config::Entry& known) { return known.first == entry.first; });
    if (!there) entries.push_back(std::move(entry));
  }
  return Config::map(std::move(entries));
}

Variable LayerBase::add_weight(WeightOptions options) {
  if (built_ && !building_) {
    throw RuntimeError(
        fmt::format("add_weight: the layer {} is built and gets no further weights, came {}: add it in "
                    "build() or in the constructor",
                    name(), in_quotes(options.name)));
  }
  const DType dtype = options.dtype.value_or(dtype_);
  if (!options.shape.known()) {
    throw ValueError(
        fmt::format("add_weight: the weight {} of the layer {} needs sizes that are known, came {}",
                    in_quotes(options.name), name(), to_string(options.shape)));
  }
  Initializer initializer = options.initializer;
  if (!initializer) initializer = is_floating(dtype) ? GlorotUniform() : Zeros();
  const NoGradient guard;
  const Tensor value = initializer(options.shape, dtype);
  if (!(value.shape() == options.shape) || value.dtype() != dtype) {
    throw ValueError(fmt::format("add_weight: the initializer of {} was asked for {}{}, gave {}",
                                 in_quotes(options.name), name_of(dtype), to_string(options.shape),
                                 describe(value)));
  }
  VariableOptions made{.name = options.name, .trainable = options.trainable && trainable_};
  if (options.regularizer) made.regularizer = options.regularizer;
  if (options.constraint) made.constraint = options.constraint;
  const Variable weight(value, std::move(made));
  (options.trainable ? trainable_weights_ : other_weights_).push_back(weight);
  return weight;
}

void LayerBase::own(Ref<LayerBase> layer) {
  if (!layer) throw ValueError(fmt::format("add_layer: the layer {} was given an empty Ref", name()));
  if (layer.pointer().get() == this) throw ValueError(fmt::format("the layer {} cannot own itself", name()));
  if (built_ && !building_) {
    throw RuntimeError(fmt::format("add_layer: the layer {} is built and gets no further layers, came {}",
                                   name(), layer->name()));
  }
  if (std::find(sublayers_.begin(), sublayers_.end(), layer) != sublayers_.end()) return;
  if (!trainable_) layer->set_trainable(false);
  sublayers_.push_back(std::move(layer));
}

void LayerBase::build(const Shape&) {}

void LayerBase::build_all(const std::vector<Shape>& input_shapes) { build(input_shapes.front()); }

void LayerBase::build_once(const std::vector<Shape>& input_shapes) {
  if (built_) return;
  const CallScope scope(*this, std::nullopt);
  build_here(input_shapes);
}

void LayerBase::set_paths() {
  path_ = innermost->path();
  for (const std::vector<Variable>& own : {trainable_weights_, other_weights_}) {
    for (const Variable& weight : own) weight.set_path(path_ + "/" + weight.name());
  }
}

/// Within a scope of this layer.
void LayerBase::build_here(const std::vector<Shape>& input_shapes) {
  if (input_shapes.empty()) throw ValueError("a layer is built with the shape of at least one input");
  const std::size_t trainable_before = trainable_weights_.size();
  const std::size_t others_before = other_weights_.size();
  const std::size_t layers_before = sublayers_.size();
  building_ = true;
  try {
    build_all(input_shapes);
  } catch (...) {
    // As it was: the next call may come with a shape that fits.
    trainable_weights_.resize(trainable_before);
    other_weights_.resize(others_before);
    sublayers_.resize(layers_before);
    building_ = false;
    throw;
  }
  building_ = false;
  built_ = true;
  set_paths();
}

void LayerBase::check_input_shapes(const std::vector<Shape>& shapes) const {
  if (shapes.size() < input_spec_.size()) {
    throw ValueError(fmt::format("the layer {} expects {} input{}, came {}", name(), input_spec_.size(),
                                 input_spec_.size() == 1 ? "" : "s", shapes.size()));
  }
  for (std::size_t i = 0; i < input_spec_.size(); ++i) {
    const std::string why = misfit(input_spec_[i], shapes[i]);
    if (why.empty()) continue;
    throw ValueError(fmt::format("input {} is incompatible with the layer {}: {}. Full shape received: {}", i,
                                 name(), why, to_string(shapes[i])));
  }
}

void LayerBase::check_inputs(const std::vector<Tensor>& inputs) const {
  if (input_spec_.empty()) return;
  check_input_shapes(shapes_of(inputs));
  for (std::size_t i = 0; i < input_spec_.size(); ++i) {
    const std::optional<DType>& dtype = input_spec_[i].dtype;
    if (!dtype || inputs[i].dtype() == *dtype) continue;
    throw ValueError(fmt::format("input {} is incompatible with the layer {}: expected dtype={}, came {}", i,
                                 name(), name_of(*dtype), describe(inputs[i])));
  }
}

// -- Layer -----------------------------------------------------------------------------------------------

Outputs Layer::operator()(const Inputs& inputs, const CallArgs& args) {
  const CallScope scope(*this, args.training);
  if (scope.outermost()) clear_losses();

  std::vector<Tensor> tensors = inputs.tensors();
  if (tensors.empty()) throw ValueError("the call has no input");
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    if (!tensors[i]) throw ValueError(fmt::format("input {} is an empty tensor", i));
  }
  check_inputs(tensors);
  if (!built()) {
    build_here(build_shapes(tensors, args));
    check_inputs(tensors);
  }

  CallArgs resolved = args;
  resolved.training = scope.training();
  if (!resolved.mask) resolved.mask = mask_of(tensors.front());
  if (resolved.mask && resolved.mask.dtype() != boolean) resolved.mask = cast(resolved.mask, boolean);
  cast_to(tensors, dtype());
  cast_to(resolved.initial_state, dtype());
  cast_to(resolved.constants, dtype());

  std::vector<Tensor> outputs = call_all(tensors, resolved);
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (!outputs[i]) throw ValueError(fmt::format("call() returned an empty tensor as output {}", i));
  }
  if (activity_regularizer()) add_activity_losses(outputs);
  const std::vector<Tensor> masks = compute_masks(tensors, resolved.mask);
  for (std::size_t i = 0; i < std::min(outputs.size(), masks.size()); ++i) {
    if (masks[i] && !mask_of(outputs[i])) outputs[i] = with_mask(outputs[i], masks[i]);
  }
  return Outputs(std::move(outputs));
}

void Layer::add_activity_losses(const std::vector<Tensor>& outputs) {
  for (const Tensor& output : outputs) {
    if (output.is_abstract() || !is_floating(output.dtype())) continue;
    const Index batch = output.rank() == 0 ? 1 : output.shape().front();
    add_loss(batch == 0 ? Tensor::scalar(0, output.dtype()) : activity_regularizer()(output) / batch);
  }
}

std::vector<Shape> Layer::compute_output_shapes(const std::vector<Shape>& inputs) {
  const WithoutLosses no_losses;
  const NoGradient no_gradient;
  std::vector<Spec> specs;
  for (const Shape& shape : inputs) specs.push_back({shape, dtype()});
  std::vector<Shape> shapes;
  for (const Spec& spec : infer([&](const std::vector<Tensor>& x) { return (*this)(x).all(); }, specs)) {
    shapes.push_back(spec.shape);
  }
  return shapes;
}

Tensor Layer::compute_mask(const std::vector<Tensor>&, const Tensor& mask) {
  return supports_masking() ? mask : Tensor();
}

std::vector<Tensor> Layer::compute_masks(const std::vector<Tensor>& inputs, const Tensor& mask) {
  return {compute_mask(inputs, mask)};
}

Tensor Layer::call(const Tensor&, const CallArgs&) {
  throw NotImplementedError(fmt::format("the class {} does not override call()", class_name()));
}

std::vector<Shape> Layer::build_shapes(const std::vector<Tensor>& inputs, const CallArgs&) const {
  return shapes_of(inputs);
}

std::vector<Tensor> Layer::call_all(const std::vector<Tensor>& inputs, const CallArgs& args) {
  if (inputs.size() != 1) {
    throw ValueError(fmt::format("the layer {} takes one input, came {}", name(), inputs.size()));
  }
  return {call(inputs.front(), args)};
}

}  // namespace unspool
