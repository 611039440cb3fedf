#include <algorithm>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include <unspool/autograd/conversion.h>
#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/layers/functional.h>
#include <unspool/layers/graph.h>
#include <unspool/layers/input_layer.h>
#include <unspool/layers/internal/functional_config.h>
#include <unspool/layers/internal/layer_call.h>

namespace unspool::layers {
namespace {

using internal::GraphItem;
using Node = std::shared_ptr<const GraphNode>;

/// The nodes that the outputs depend on, each after those it needs; `met` is the order in which a search
/// from the outputs meets them.
struct Order {
  std::vector<Node> nodes;
  std::unordered_map<const GraphNode*, std::size_t> met;
};

/// What `node` takes: the makers of its tensors.
std::vector<Node> makers_of(const GraphNode& node) {
  std::vector<Node> makers;
  for (const Tensor& tensor : node.asked_for()) {
    if (Node maker = GraphNode::of(tensor)) makers.push_back(std::move(maker));
  }
  return makers;
}

Order ordered(const std::vector<Tensor>& outputs) {
  Order order;
  struct Visit {
    Node node;
    std::vector<Node> makers;
    std::size_t next = 0;
  };
  std::vector<Visit> under_way;
  const auto enter = [&](const Node& node) {
    if (node == nullptr || !order.met.emplace(node.get(), order.met.size()).second) return;
    under_way.push_back({node, makers_of(*node)});
  };
  const auto visit_all = [&](const Node& first) {
    enter(first);
    while (!under_way.empty()) {
      Visit& visit = under_way.back();
      if (visit.next < visit.makers.size()) {
        enter(visit.makers[visit.next++]);
      } else {
        order.nodes.push_back(visit.node);
        under_way.pop_back();
      }
    }
  };
  for (const Tensor& output : outputs) {
    visit_all(GraphNode::of(output));
    visit_all(GraphNode::of(mask_of(output)));
  }
  return order;
}

/// In Keras' order: by distance from the outputs, a shared layer by its largest, then as they were met.
/// Inputs that nothing depends on come before the items at distance 0.
std::vector<GraphItem> items_of(const Order& order, const std::vector<Tensor>& inputs) {
  struct Place {
    std::size_t depth = 0;
    std::size_t met = 0;
    GraphItem item = {};
  };
  std::unordered_map<const GraphNode*, std::size_t> depths;
  std::unordered_map<const void*, std::size_t> place_of;
  std::vector<Place> places;
  for (auto it = order.nodes.rbegin(); it != order.nodes.rend(); ++it) {
    const GraphNode& node = **it;
    std::size_t& depth = depths[&node];
    const std::size_t met = order.met.at(&node);
    const void* const key = node.layer() ? static_cast<const void*>(node.layer().get()) : &node;
    const auto [found, is_new] = place_of.try_emplace(key, places.size());
    if (is_new) places.push_back({depth, met, {Ref<LayerBase>(node.layer()), {}}});
    Place& place = places[found->second];
    depth = std::max(depth, place.depth);
    place.depth = depth;
    place.met = std::min(met, place.met);
    place.item.nodes.push_back(*it);
    const std::size_t before = depth + 1;
    for (const Node& maker : makers_of(node)) {
      std::size_t& other = depths[maker.get()];
      other = std::max(other, before);
    }
  }
  std::stable_sort(places.begin(), places.end(), [](const Place& p, const Place& q) {
    return p.depth != q.depth ? p.depth > q.depth : p.met < q.met;
  });
  std::vector<GraphItem> items;
  const auto add_unused_inputs = [&] {
    for (const Tensor& input : inputs) {
      Node node = GraphNode::of(input);
      if (!order.met.contains(node.get())) items.push_back({{}, {std::move(node)}});
    }
  };
  bool unused_added = false;
  for (Place& place : places) {
    if (place.depth == 0 && !std::exchange(unused_added, true)) add_unused_inputs();
    std::reverse(place.item.nodes.begin(), place.item.nodes.end());
    items.push_back(std::move(place.item));
  }
  return items;
}

/// "the layer dense", "the operation add", "the Input input_layer".
std::string title(const GraphNode& node) {
  if (node.layer() != nullptr) return "the layer " + node.name();
  return (node.is_input() ? "the Input " : "the operation ") + node.name();
}

/// The symbolic tensors that internal::replaced() asks for.
std::vector<Tensor> symbolic_parts(const Tensor& tensor) {
  std::vector<Tensor> parts;
  static_cast<void>(internal::replaced(tensor, [&](const Tensor& part) {
    parts.push_back(part);
    return part;
  }));
  return parts;
}

void check_inputs_of_graph(const std::string& model, const std::vector<Tensor>& inputs) {
  if (inputs.empty())
    throw ValueError(fmt::format("the model {} expected at least one input, got none", model));
  std::unordered_set<std::uint64_t> seen;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const Node node = GraphNode::of(inputs[i]);
    if (node == nullptr || !node->is_input()) {
      throw ValueError(fmt::format("input {} of the model {}: expected the result of Input(), got {}{}", i,
                                   model, inputs[i] ? describe(inputs[i]) : std::string("an empty tensor"),
                                   node == nullptr ? "" : ", which comes from " + title(*node)));
    }
    if (!seen.insert(inputs[i].id()).second) {
      throw ValueError(fmt::format("the model {1} expected each Input once among its inputs, got {0} twice",
                                   node->name(), model));
    }
  }
}

void check_outputs_of_graph(const std::string& model, const std::vector<Tensor>& outputs) {
  if (outputs.empty())
    throw ValueError(fmt::format("the model {} expected at least one output, got none", model));
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (GraphNode::of(outputs[i]) != nullptr) continue;
    throw ValueError(
        fmt::format("graph disconnected: output {} of the model {}: expected a symbolic tensor, got {}: call "
                    "layers on the result of Input()",
                    i, model, outputs[i] ? describe(outputs[i]) : std::string("an empty tensor")));
  }
}

void check_names(const std::string& model, const std::vector<Tensor>& inputs,
                 const std::vector<Ref<LayerBase>>& layers) {
  std::vector<std::string> names;
  for (const Tensor& input : inputs) names.push_back(GraphNode::of(input)->name());
  for (const Ref<LayerBase>& layer : layers) names.push_back(layer->name());
  std::unordered_set<std::string> seen;
  for (const std::string& name : names) {
    if (seen.insert(name).second) continue;
    throw ValueError(
        fmt::format("the model {} expected layers and inputs with different names, got two called {}: give "
                    "one of them another name",
                    model, in_quotes(name)));
  }
}

}  // namespace

/// How the graph is run: each of its tensors has a slot.
struct Functional::Plan {
  /// Where the value of a tensor is while the graph runs.
  struct Slot {
    std::size_t index = 0;
    /// The tensor is taken without the mask that its node attaches.
    bool without_mask = false;
  };

  struct Step {
    Node node;
    std::vector<Slot> takes;  // In the order in which the node asks for them.
    std::size_t gives = 0;    // The slot of the first output; the others follow, then the masks of all.
    std::vector<std::size_t> last_uses;  // Slots that nothing needs after this step.
  };

  Plan(const std::vector<Tensor>& inputs, const std::vector<Tensor>& outputs, const std::string& model);

  std::vector<Node> nodes;
  std::vector<GraphItem> items;
  std::vector<Ref<LayerBase>> layers;
  std::vector<Step> steps;
  std::vector<Slot> results;  // In the order in which replaced() asks for them, output by output.
  std::size_t slots = 0;

 private:
  void add_uses(std::vector<Slot>& uses, const std::vector<Tensor>& tensors, const std::string& taker) const;
  void add_step(const Node& node);
  void find_last_uses();

  std::string model_;
  std::unordered_map<std::uint64_t, std::size_t> slot_of_;
  std::unordered_set<std::uint64_t> masked_;
};

Functional::Plan::Plan(const std::vector<Tensor>& inputs, const std::vector<Tensor>& outputs,
                       const std::string& model)
    : model_(model) {
  const Order order = ordered(outputs);
  for (const Tensor& input : inputs) slot_of_.emplace(input.id(), slots++);
  for (const Node& node : order.nodes) {
    if (!node->is_input()) add_step(node);
  }
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    add_uses(results, symbolic_parts(outputs[i]), fmt::format("output {}", i));
  }
  find_last_uses();
  items = items_of(order, inputs);
  for (const GraphItem& item : items) {
    if (item.layer) layers.push_back(item.layer);
  }
}

void Functional::Plan::add_uses(std::vector<Slot>& uses, const std::vector<Tensor>& tensors,
                                const std::string& taker) const {
  for (const Tensor& tensor : tensors) {
    if (const auto found = slot_of_.find(tensor.id()); found != slot_of_.end()) {
      uses.push_back({found->second, masked_.contains(tensor.id()) && !mask_of(tensor)});
      continue;
    }
    const Node maker = GraphNode::of(tensor);
    throw ValueError(fmt::format(
        "graph disconnected: {} of the model {} expected a tensor that depends on the inputs, got {}, {}",
        taker, model_, describe(tensor),
        maker == nullptr ? "of a graph that is gone: hold the tensors that its layers were called on"
                         : "which comes from " + title(*maker) +
                               ", and that is not among the inputs: add it to them, or take another output"));
  }
}

void Functional::Plan::add_step(const Node& node) {
  Step step{node, {}, 0, {}};
  add_uses(step.takes, node->asked_for(), title(*node));
  const std::vector<Tensor> made = node->output_tensors();
  step.gives = slots;
  for (const Tensor& tensor : made) slot_of_.emplace(tensor.id(), slots++);
  for (const Tensor& tensor : made) {
    if (const Tensor mask = mask_of(tensor)) {
      slot_of_.emplace(mask.id(), slots);
      masked_.insert(tensor.id());
    }
    ++slots;
  }
  nodes.push_back(node);
  steps.push_back(std::move(step));
}

void Functional::Plan::find_last_uses() {
  std::vector<bool> used(slots, false);
  for (const Slot& slot : results) used[slot.index] = true;
  for (auto step = steps.rbegin(); step != steps.rend(); ++step) {
    const auto add = [&](std::size_t slot) {
      if (!used[slot]) step->last_uses.push_back(slot);
      used[slot] = true;
    };
    for (std::size_t i = 0; i < 2 * step->node->output_count(); ++i) add(step->gives + i);
    for (const Slot& slot : step->takes) add(slot.index);
  }
}

Functional::Functional(std::vector<Tensor> inputs, std::vector<Tensor> outputs, FunctionalOptions options)
    : Layer({.name = std::move(options.name), .trainable = options.trainable}),
      inputs_(std::move(inputs)),
      outputs_(std::move(outputs)) {
  check_inputs_of_graph(name(), inputs_);
  check_outputs_of_graph(name(), outputs_);
  plan_ = std::make_unique<const Plan>(inputs_, outputs_, name());
  check_names(name(), inputs_, plan_->layers);
  add_layers("layers", plan_->layers);
  std::vector<InputSpec> specs;
  std::vector<Shape> shapes;
  for (const Tensor& input : inputs_) {
    shapes.push_back(input.shape());
    InputSpec& spec = specs.emplace_back();
    spec.shape = input.shape();
    if (spec.shape->rank() > 0) spec.shape->set(0, unknown);
  }
  set_input_spec(std::move(specs));
  build_once(shapes);
  for (const GraphItem& item : plan_->items) {
    if (item.layer) layers_.push_back(item.layer);
    const Node& node = item.nodes.front();
    if (node->is_input()) layers_.push_back(make<InputLayer>(node->output_tensors().front()));
  }
}

Functional::~Functional() = default;

const std::vector<GraphItem>& Functional::items() const { return plan_->items; }

const std::vector<std::shared_ptr<const GraphNode>>& Functional::nodes() const { return plan_->nodes; }

std::vector<Tensor> Functional::call_all(const std::vector<Tensor>& inputs, const CallArgs& args) {
  if (inputs.size() != inputs_.size()) {
    throw ValueError(fmt::format("the model {} expected {} input{}, got {}", name(), inputs_.size(),
                                 inputs_.size() == 1 ? "" : "s", inputs.size()));
  }
  if (!args.initial_state.empty() || !args.constants.empty()) {
    throw ValueError(
        fmt::format("the model {} expected neither initial_state nor constants, got some: make Inputs of "
                    "them, and call the layer that needs them with these",
                    name()));
  }
  std::vector<Tensor> values(plan_->slots);
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const DType wanted = inputs_[i].dtype();
    const Tensor mask = i == 0 ? args.mask : mask_of(inputs[i]);
    values[i] = inputs[i].dtype() == wanted ? inputs[i] : cast(inputs[i], wanted);
    if (mask) values[i] = with_mask(values[i], mask);
  }
  const auto value_at = [&](const Plan::Slot& slot) {
    return slot.without_mask ? with_mask(values[slot.index], {}) : values[slot.index];
  };
  for (const Plan::Step& step : plan_->steps) {
    auto taken = step.takes.begin();
    const std::vector<Tensor> made = step.node->run([&](const Tensor&) { return value_at(*taken++); });
    const std::size_t expected = step.node->output_count();
    if (made.size() != expected) {
      throw ValueError(fmt::format("{} gave {} tensors when the graph was made, and gives {} now",
                                   title(*step.node), expected, made.size()));
    }
    for (std::size_t i = 0; i < expected; ++i) {
      values[step.gives + i] = made[i];
      values[step.gives + expected + i] = mask_of(made[i]);
    }
    for (const std::size_t slot : step.last_uses) values[slot] = {};
  }
  std::vector<Tensor> results;
  auto taken = plan_->results.begin();
  for (const Tensor& output : outputs_) {
    results.push_back(internal::replaced(output, [&](const Tensor&) { return value_at(*taken++); }));
  }
  return results;
}

Config Functional::get_config() const {
  std::vector<Config::Entry> entries = {{"name", name()}, {"trainable", trainable()}};
  for (Config::Entry& entry : internal::graph_config(plan_->items, inputs_, outputs_).items()) {
    entries.push_back(std::move(entry));
  }
  return Config::map(std::move(entries));
}

Config Functional::get_build_config() const { return Config::map({{"input_shape", Config()}}); }

Ref<Functional> Functional::from_config(const Config& config) {
  internal::GraphEnds ends = internal::graph_from_config(config);
  return make<Functional>(
      std::move(ends.inputs), std::move(ends.outputs),
      FunctionalOptions{.name = config.get("name", ""), .trainable = config.get("trainable", true)});
}

std::vector<Tensor> Functional::compute_output_spec(const std::vector<Tensor>& inputs, const CallArgs& args) {
  return call_all(inputs, args);
}

}  // namespace unspool::layers
