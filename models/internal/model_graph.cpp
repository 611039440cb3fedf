#include <algorithm>
#include <unordered_map>

#include <unspool/layers/functional.h>
#include <unspool/layers/graph.h>
#include <unspool/layers/internal/functional_config.h>
#include <unspool/layers/sequential.h>
#include <unspool/models/internal/model.h>
#include <unspool/models/internal/model_graph.h>

namespace unspool::internal {

std::string class_of_operation(std::string_view name) {
  std::string text;
  bool capital = true;
  for (const char c : name) {
    if (c != '_') text += capital ? static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c) : c;
    capital = c == '_';
  }
  return text;
}

namespace {

constexpr std::size_t no_node = ModelNode::none;

std::vector<Spec> specs_of_inputs(const GraphNode& node) {
  std::vector<Spec> specs;
  for (const Tensor& tensor : node.inputs()) {
    if (tensor.is_abstract()) specs.push_back({tensor.shape(), tensor.dtype()});  // Not constants.
  }
  return specs;
}

class NodeList {
 public:
  explicit NodeList(bool expand_nested) : expand_nested_(expand_nested) {}

  /// The nodes where edges from outside begin and end: one for each input and output of a nested model, or
  /// one for all of them.
  struct Ends {
    std::vector<std::size_t> inputs;
    std::vector<std::size_t> outputs;

    static std::size_t at(const std::vector<std::size_t>& ends, std::size_t i) {
      if (ends.empty()) return no_node;
      return ends[i < ends.size() ? i : 0];
    }
  };

  Ends add_graph(const layers::Functional& graph, std::size_t parent) {
    const std::vector<GraphItem>& items = graph.items();
    const std::vector<std::string> names = item_names(items);
    std::unordered_map<const GraphNode*, Ends> ends_of;
    std::vector<Ends> ends;
    for (std::size_t i = 0; i < items.size(); ++i) {
      const GraphNode& last = *items[i].nodes.back();
      if (items[i].layer) {
        const std::vector<std::shared_ptr<const GraphNode>> calls = items[i].layer->inbound_nodes();
        ends.push_back(
            add_layer(items[i].layer, specs_of_inputs(*calls.back()), calls.back()->outputs(), parent));
      } else {
        const std::size_t node =
            add({.name = names[i],
                 .kind = last.is_input() ? "InputLayer" : class_of_operation(last.name()),
                 .inputs = specs_of_inputs(last),
                 .outputs = last.outputs()},
                parent);
        ends.push_back({{node}, {node}});
      }
      for (const auto& node : items[i].nodes) ends_of[node.get()] = ends.back();
    }
    const auto source_of = [&](const Tensor& tensor) {
      const auto maker = GraphNode::of(tensor);
      const std::vector<Tensor> made = maker->output_tensors();
      const auto found = std::find_if(made.begin(), made.end(),
                                      [&](const Tensor& output) { return output.id() == tensor.id(); });
      // The mask of an output comes from where the output does.
      const std::size_t index = found == made.end() ? 0 : static_cast<std::size_t>(found - made.begin());
      return Ends::at(ends_of.at(maker.get()).outputs, index);
    };
    for (std::size_t i = 0; i < items.size(); ++i) {
      for (const auto& node : items[i].nodes) {
        const std::vector<Tensor> taken = node->input_tensors();
        for (std::size_t k = 0; k < taken.size(); ++k) {
          connect(source_of(taken[k]), Ends::at(ends[i].inputs, k));
        }
      }
    }
    Ends of_graph;
    for (const Tensor& input : graph.inputs()) of_graph.inputs.push_back(source_of(input));
    for (const Tensor& output : graph.outputs()) of_graph.outputs.push_back(source_of(output));
    return of_graph;
  }

  Ends add_sequence(const layers::Sequential& sequence, std::vector<Spec> specs, std::size_t parent) {
    Ends of_sequence;
    for (const Ref<Layer>& layer : sequence.layers()) {
      const std::vector<Spec> inputs = specs;
      if (!specs.empty()) specs = output_specs(*layer, specs);
      const Ends ends = add_layer(layer, inputs, specs, parent);
      if (of_sequence.inputs.empty()) {
        of_sequence.inputs = ends.inputs;
      } else {
        connect(Ends::at(of_sequence.outputs, 0), Ends::at(ends.inputs, 0));
      }
      of_sequence.outputs = ends.outputs;
    }
    return of_sequence;
  }

  Ends add_layer(const Ref<LayerBase>& layer, std::vector<Spec> inputs, std::vector<Spec> outputs,
                 std::size_t parent) {
    const auto* const graph = dynamic_cast<const layers::Functional*>(layer.pointer().get());
    const auto* const sequence = dynamic_cast<const layers::Sequential*>(layer.pointer().get());
    const bool expand = expand_nested_ && (graph != nullptr || sequence != nullptr);
    const std::size_t node = add({.name = layer->name(),
                                  .kind = layer->class_name(),
                                  .layer = layer,
                                  .inputs = inputs,
                                  .outputs = std::move(outputs),
                                  .nested = expand},
                                 parent);
    if (!expand) return {{node}, {node}};
    return graph != nullptr ? add_graph(*graph, node) : add_sequence(*sequence, std::move(inputs), node);
  }

  std::vector<ModelNode> take() { return std::move(nodes_); }

 private:
  static std::vector<Spec> output_specs(Layer& layer, const std::vector<Spec>& inputs) {
    std::vector<Shape> shapes;
    for (const Spec& spec : inputs) shapes.push_back(spec.shape);
    std::vector<Spec> specs;
    for (const Shape& shape : layer.compute_output_shapes(shapes)) specs.push_back({shape, layer.dtype()});
    return specs;
  }

  std::size_t add(ModelNode node, std::size_t parent) {
    node.parent = parent;
    node.path = parent == no_node ? node.name : nodes_[parent].path + "/" + node.name;
    nodes_.push_back(std::move(node));
    return nodes_.size() - 1;
  }

  void connect(std::size_t source, std::size_t target) {
    if (source == no_node || target == no_node) return;
    std::vector<std::size_t>& sources = nodes_[target].sources;
    if (std::find(sources.begin(), sources.end(), source) == sources.end()) sources.push_back(source);
  }

  bool expand_nested_;
  std::vector<ModelNode> nodes_;
};

}  // namespace

std::vector<ModelNode> model_nodes(const Model& model, bool expand_nested) {
  NodeList nodes(expand_nested);
  const std::shared_ptr<Layer>& network = model.network().pointer();
  const std::vector<Spec> inputs = ModelAccess::state(model).inputs();
  if (const auto* graph = dynamic_cast<const layers::Functional*>(network.get())) {
    nodes.add_graph(*graph, no_node);
  } else if (const auto* sequence = dynamic_cast<const layers::Sequential*>(network.get())) {
    nodes.add_sequence(*sequence, inputs, no_node);
  } else {
    nodes.add_layer(model.network(), inputs, {}, no_node);
  }
  return nodes.take();
}

}  // namespace unspool::internal
