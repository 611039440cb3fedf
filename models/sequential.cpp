#include <algorithm>

#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/layers/graph.h>
#include <unspool/layers/registry.h>
#include <unspool/models/internal/networks.h>
#include <unspool/models/internal/state.h>
#include <unspool/models/sequential.h>

namespace unspool {

namespace layers {

Sequential::Sequential(SequentialOptions options, std::optional<Input> input, std::vector<Ref<Layer>> layers)
    : Layer({.name = std::move(options.name), .trainable = options.trainable}),
      input_(std::move(input)),
      layers_(std::move(layers)) {
  for (const Ref<Layer>& layer : layers_) {
    for (const Ref<LayerBase>& other : sublayers()) {
      if (other->name() == layer->name()) {
        throw ValueError("the layers of a model have names of their own, came two called " +
                         in_quotes(layer->name()));
      }
    }
    add_layer(layer);
  }
  if (input_) set_input_spec({InputSpec{.shape = input_->shape}});
}

std::vector<Shape> Sequential::compute_output_shapes(const std::vector<Shape>& inputs) {
  std::vector<Shape> shapes = inputs;
  for (const Ref<Layer>& layer : layers_) shapes = layer->compute_output_shapes(shapes);
  return shapes;
}

std::vector<Tensor> Sequential::call_all(const std::vector<Tensor>& inputs, const CallArgs& args) {
  if (layers_.empty()) throw ValueError("the model " + name() + " has no layers: add() some");
  std::vector<Tensor> tensors = inputs;
  for (const Ref<Layer>& layer : layers_) {
    const bool first = layer == layers_.front();
    if (!first && tensors.size() != 1) {
      throw ValueError(fmt::format("in a Sequential a layer takes one tensor, but {} tensors come to {}",
                                   tensors.size(), layer->name()));
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
    graph_.push_back({GraphNode::input({input_->shape, input_->dtype}, input_->name)});
  }
  while (graph_.size() <= layers_.size()) graph_.push_back(layers_[graph_.size() - 1](graph_.back()).all());
}

std::vector<Tensor> Sequential::inputs() const {
  return graph_.empty() ? std::vector<Tensor>() : graph_.front();
}

std::vector<Tensor> Sequential::outputs() const {
  return graph_.empty() ? std::vector<Tensor>() : graph_.back();
}

Config Sequential::get_config() const {
  std::vector<Config> all;
  if (input_) {
    all.push_back(Config::map({{"module", "keras.layers"},
                               {"class_name", "InputLayer"},
                               {"config", Config::map({{"batch_shape", to_config(input_->shape)},
                                                       {"dtype", to_config(input_->dtype)},
                                                       {"name", input_->name}})},
                               {"registered_name", Config()}}));
  }
  for (const Ref<Layer>& layer : layers_) all.push_back(serialize_layer(*layer));
  Config config = LayerBase::get_config();
  return config.set("layers", Config::list(std::move(all)));
}

Ref<Sequential> Sequential::from_config(const Config& config) {
  std::optional<Input> input;
  std::vector<Ref<Layer>> layers;
  for (const Config& item : config["layers"].elements()) {
    if (item["class_name"].as<std::string>() != "InputLayer") {
      layers.push_back(layer_from_config<Layer>(item));
      continue;
    }
    if (input || !layers.empty()) throw ValueError(item.path() + ": an Input comes first, and once");
    const Config arguments = item["config"];
    input = Input{.shape = arguments["batch_shape"].as<Shape>(),
                  .dtype = arguments["dtype"].as<DType>(),
                  .name = arguments["name"].as<std::string>()};
  }
  return make<Sequential>(
      SequentialOptions{.name = config.get("name", ""), .trainable = config.get("trainable", true)},
      std::move(input), std::move(layers));
}

}  // namespace layers

namespace {

Ref<Layer> network_of(const SequentialOptions& options) {
  internal::register_networks();
  return make<layers::Sequential>(options, std::nullopt, std::vector<Ref<Layer>>());
}

}  // namespace

SequentialItem::SequentialItem(const Tensor& input) : input_(input) {}
SequentialItem::SequentialItem(const Ref<Layer>& layer) : layer_(layer) {}
SequentialItem::SequentialItem(const Model& model) : layer_(model.network()) {}
SequentialItem::~SequentialItem() = default;
SequentialItem::SequentialItem(const SequentialItem& other) = default;
SequentialItem& SequentialItem::operator=(const SequentialItem& other) = default;

Sequential::Sequential(std::initializer_list<SequentialItem> items, SequentialOptions options)
    : Sequential(std::vector<SequentialItem>(items), std::move(options)) {}

Sequential::Sequential(SequentialOptions options) : Model(network_of(options)) {}

Sequential::Sequential(const std::vector<SequentialItem>& items, SequentialOptions options)
    : Sequential(std::move(options)) {
  std::optional<layers::Sequential::Input> input;
  std::vector<Ref<Layer>> layers;
  for (const SequentialItem& item : items) {
    if (item.layer()) {
      layers.push_back(item.layer());
      continue;
    }
    const std::shared_ptr<const GraphNode> node = GraphNode::of(item.input());
    if (node == nullptr || !node->is_input()) {
      throw ValueError("a Sequential is made of an Input and layers" +
                       (item.input() ? ", came " + describe(item.input()) : ", came something empty"));
    }
    if (input || !layers.empty()) throw ValueError("a Sequential has one Input, and it comes first");
    input = layers::Sequential::Input{item.input().shape(), item.input().dtype(), node->name()};
  }
  replace(std::move(input), std::move(layers));
}

void Sequential::add(const SequentialItem& item) {
  const layers::Sequential& now = sequence();
  if (item.layer()) {
    std::vector<Ref<Layer>> layers = now.layers();
    layers.push_back(item.layer());
    replace(now.first_input(), std::move(layers));
    return;
  }
  if (now.first_input() || !now.layers().empty())
    throw ValueError("a Sequential has one Input, and it comes first");
  // Reads the Input, and takes its network.
  const Sequential with_input({item}, {.name = name(), .trainable = now.trainable()});
  replace(with_input.sequence().first_input(), {});
}

void Sequential::pop() {
  std::vector<Ref<Layer>> layers = sequence().layers();
  if (layers.empty()) throw ValueError("the model " + name() + " has no layers to take away");
  layers.pop_back();
  replace(sequence().first_input(), std::move(layers));
}

const layers::Sequential& Sequential::sequence() const {
  return dynamic_cast<const layers::Sequential&>(*network());
}

void Sequential::replace(std::optional<layers::Sequential::Input> input, std::vector<Ref<Layer>> layers) {
  const bool has_layers = !layers.empty();
  std::optional<Spec> spec;
  if (input) spec = Spec{input->shape, input->dtype};
  const Ref<Layer> before = network();
  const auto made = make<layers::Sequential>(SequentialOptions{name(), sequence().trainable()},
                                             std::move(input), std::move(layers));
  state().network = made;
  if (!spec || !has_layers) return;
  state().build({*spec});
  made->connect_layers(&static_cast<const layers::Sequential&>(*before));
}

}  // namespace unspool
