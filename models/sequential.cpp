#include <optional>

#include <unspool/core/error.h>
#include <unspool/layers/activation_layers.h>
#include <unspool/layers/graph.h>
#include <unspool/models/internal/model.h>
#include <unspool/models/sequential.h>

namespace unspool {
namespace {

layers::Sequential::Input first_input_of(const Tensor& input) {
  return {input.shape(), input.dtype(), GraphNode::of(input)->name()};
}

Ref<Layer> network_of(const SequentialOptions& options) {
  layers::Sequential::Input input;
  if (options.batch_input_shape) input = first_input_of(Input({.batch_shape = *options.batch_input_shape}));
  return make<layers::Sequential>(options, std::move(input), std::vector<Ref<Layer>>());
}

}  // namespace

SequentialItem::SequentialItem(const Tensor& input) : input_(input) {}
SequentialItem::SequentialItem(const Ref<Layer>& layer) : layer_(layer) {}
SequentialItem::SequentialItem(const Activation& activation)
    : layer_(ActivationLayer({.activation = activation})) {}
SequentialItem::SequentialItem(const Model& model) : layer_(model.network()) {}
SequentialItem::~SequentialItem() = default;
SequentialItem::SequentialItem(const SequentialItem& other) = default;
SequentialItem& SequentialItem::operator=(const SequentialItem& other) = default;

Sequential::Sequential(std::initializer_list<SequentialItem> items, SequentialOptions options)
    : Sequential(std::vector<SequentialItem>(items), std::move(options)) {}

Sequential::Sequential(SequentialOptions options) : SealedModel(Key()), Model(network_of(options)) {}
Sequential::Sequential(const Sequential& other) = default;
Sequential::Sequential(Sequential&& other) noexcept = default;
Sequential& Sequential::operator=(const Sequential& other) = default;
Sequential& Sequential::operator=(Sequential&& other) noexcept = default;
Sequential::~Sequential() = default;

Sequential::Sequential(const std::vector<SequentialItem>& items, SequentialOptions options)
    : Sequential(std::move(options)) {
  layers::Sequential::Input input = sequence().first_input();
  std::vector<Ref<Layer>> layers;
  for (const SequentialItem& item : items) {
    if (item.layer()) {
      layers.push_back(item.layer());
      continue;
    }
    const std::shared_ptr<const GraphNode> node = GraphNode::of(item.input());
    if (node == nullptr || !node->is_input()) {
      throw ValueError("Sequential: expected an Input or a layer, got " +
                       (item.input() ? describe(item.input()) : "an empty item"));
    }
    if (sequence().first_input()) {
      throw ValueError("Sequential: expected batch_input_shape or an Input as the first item, got both");
    }
    if (input || !layers.empty()) throw ValueError("Sequential: expected an Input only as the first item");
    input = first_input_of(item.input());
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
    throw ValueError("Sequential: expected an Input only as the first item");
  // A model of this Input only, which reads its shape, dtype and name.
  const Sequential with_input({item}, {.name = name(), .trainable = now.trainable()});
  replace(with_input.sequence().first_input(), {});
}

void Sequential::pop() {
  std::vector<Ref<Layer>> layers = sequence().layers();
  if (layers.empty()) throw ValueError("the model " + name() + ": expected a layer to remove, got none");
  layers.pop_back();
  replace(sequence().first_input(), std::move(layers));
}

const layers::Sequential& Sequential::sequence() const {
  return dynamic_cast<const layers::Sequential&>(*network());
}

void Sequential::replace(layers::Sequential::Input input, std::vector<Ref<Layer>> layers) {
  const bool has_layers = !layers.empty();
  std::optional<Spec> spec;
  if (input) spec = Spec{input.shape, input.dtype};
  const Ref<Layer> before = network();
  const auto made = make<layers::Sequential>(SequentialOptions{name(), sequence().trainable()},
                                             std::move(input), std::move(layers));
  state().network = made;
  if (!spec || !has_layers) return;
  state().build({*spec});
  made->connect_layers(&static_cast<const layers::Sequential&>(*before));
}

}  // namespace unspool
