#include <algorithm>
#include <string>
#include <unordered_set>

#include <unspool/autograd/conversion.h>
#include <unspool/autograd/tape.h>
#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/layers/graph.h>
#include <unspool/layers/internal/input_config.h>
#include <unspool/layers/registry.h>
#include <unspool/layers/sequential.h>

namespace unspool::layers {

Sequential::Sequential(SequentialOptions options, Input input, std::vector<Ref<Layer>> layers)
    : Layer({.name = std::move(options.name), .trainable = options.trainable}),
      input_(std::move(input)),
      layers_(std::move(layers)) {
  std::unordered_set<std::string> names;
  for (const Ref<Layer>& layer : layers_) {
    if (names.insert(layer->name()).second) continue;
    throw ValueError("Sequential: expected layers with different names, got two called " +
                     in_quotes(layer->name()) + ": give one of them another name");
  }
  add_layers("layers", layers_);
  if (input_) set_input_spec({InputSpec{.shape = input_.shape}});
}

std::vector<Shape> Sequential::compute_output_shapes(const std::vector<Shape>& inputs) {
  std::vector<Shape> shapes = inputs;
  for (const Ref<Layer>& layer : layers_) shapes = layer->compute_output_shapes(shapes);
  return shapes;
}

std::vector<Tensor> Sequential::call_all(const std::vector<Tensor>& inputs, const CallArgs& args) {
  if (layers_.empty()) throw ValueError("the model " + name() + ": expected layers, got none: add() some");
  std::vector<Tensor> tensors = inputs;
  // As Keras, which makes an Input of the dtype of the first layer if there is none.
  const DType wanted = input_ ? input_.dtype : layers_.front()->dtype();
  for (Tensor& tensor : tensors) {
    if (tensor.dtype() != wanted) tensor = with_mask(cast(tensor, wanted), mask_of(tensor));
  }
  for (const Ref<Layer>& layer : layers_) {
    const bool first = layer == layers_.front();
    if (!first && tensors.size() != 1) {
      throw ValueError(
          fmt::format("Sequential: expected one input for the layer {}, got {} outputs of the one "
                      "before: use a functional Model",
                      layer->name(), tensors.size()));
    }
    tensors = layer(tensors, {.mask = first ? args.mask : Tensor()}).all();
  }
  return tensors;
}

std::vector<Tensor> Sequential::compute_output_spec(const std::vector<Tensor>& inputs, const CallArgs& args) {
  return call_all(inputs, args);
}

void Sequential::connect_layers(const Sequential* before) {
  if (!input_ || !graph_.empty()) return;
  if (before != nullptr && !before->graph_.empty()) {
    graph_.push_back(before->graph_.front());
    for (std::size_t i = 0; i < std::min(layers_.size(), before->layers_.size()); ++i) {
      if (!(layers_[i] == before->layers_[i])) break;
      graph_.push_back(before->graph_[i + 1]);
    }
  } else {
    graph_.push_back({GraphNode::input({input_.shape, input_.dtype}, input_.name)});
  }
  while (graph_.size() <= layers_.size()) graph_.push_back(layers_[graph_.size() - 1](graph_.back()).all());
}

std::vector<Ref<Layer>> Sequential::layers() const { return layers_; }

std::vector<Tensor> Sequential::inputs() const {
  return graph_.empty() ? std::vector<Tensor>() : graph_.front();
}

std::vector<Tensor> Sequential::outputs() const {
  return graph_.empty() ? std::vector<Tensor>() : graph_.back();
}

Config Sequential::get_config() const {
  std::vector<Config> all;
  if (input_) all.push_back(internal::input_config({input_.shape, input_.dtype}, input_.name));
  for (const Ref<Layer>& layer : layers_) all.push_back(serialize_layer(*layer));
  Config config = LayerBase::get_config();
  config.set("layers", Config::list(std::move(all)));
  if (input_ && !layers_.empty()) config.set("build_input_shape", to_config(input_.shape));
  return config;
}

Ref<Sequential> Sequential::from_config(const Config& config) {
  Input input;
  std::vector<Ref<Layer>> layers;
  for (const Config& item : config["layers"].elements()) {
    if (!internal::is_input_config(item)) {
      layers.push_back(layer_from_config<Layer>(item));
      continue;
    }
    if (input || !layers.empty()) {
      throw ValueError(item.path() + ": expected an Input only as the first layer, got one as number " +
                       std::to_string(layers.size()));
    }
    InputOptions options = internal::input_from_config(item);
    input = Input{.shape = *options.batch_shape, .dtype = options.dtype, .name = std::move(options.name)};
  }
  const bool built = input && !layers.empty();
  const Shape shape = input.shape;
  const DType dtype = input.dtype;
  const auto made = make<Sequential>(
      SequentialOptions{.name = config.get("name", ""), .trainable = config.get("trainable", true)},
      std::move(input), std::move(layers));
  if (built) {
    // By a call, as the first one would.
    const NoGradient no_gradient;
    const WithoutLosses no_losses;
    infer([&](const std::vector<Tensor>& x) { return made(x, {.training = false}).all(); }, {{shape, dtype}});
  }
  return made;
}

}  // namespace unspool::layers
