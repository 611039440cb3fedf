#include <algorithm>
#include <cstdlib>
#include <sys/ioctl.h>
#include <unistd.h>
#include <unordered_map>
#include <unordered_set>

#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/layers/functional.h>
#include <unspool/layers/graph.h>
#include <unspool/layers/internal/functional_config.h>
#include <unspool/layers/sequential.h>
#include <unspool/models/internal/model.h>
#include <unspool/models/internal/model_graph.h>
#include <unspool/models/internal/table.h>
#include <unspool/models/model.h>

namespace unspool {

namespace {

int terminal_width() {
  if (const char* columns = std::getenv("COLUMNS")) {
    if (const int width = std::atoi(columns); width > 0) return width;
  }
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  return 80;
}

/// "1,234,567".
std::string with_commas(Index number) {
  std::string text = std::to_string(number);
  for (Index i = static_cast<Index>(text.size()) - 3; i > 0; i -= 3)
    text.insert(static_cast<std::size_t>(i), 1, ',');
  return text;
}

std::string memory(Index bytes) {
  double value = static_cast<double>(bytes);
  for (const char* unit : {"B", "KB", "MB", "GB"}) {
    if (value < 1024) return fmt::format("{:.2f} {}", value, unit);
    value /= 1024;
  }
  return fmt::format("{:.2f} TB", value);
}

/// A shape as Keras prints it, "(None, 8, 8)", or a list of several.
std::string shape_text(const Shape& shape) {
  std::string text = "(";
  for (int i = 0; i < shape.rank(); ++i) {
    text += (i > 0 ? ", " : "") + (shape[i] == unknown ? "None" : std::to_string(shape[i]));
  }
  return text + (shape.rank() == 1 ? ",)" : ")");
}
std::string shapes_text(const std::vector<Shape>& shapes) {
  if (shapes.size() == 1) return shape_text(shapes.front());
  std::string text = "[";
  for (const Shape& shape : shapes) text += (text.size() > 1 ? ", " : "") + shape_text(shape);
  return text + "]";
}

struct Size {
  Index elements = 0;
  Index bytes = 0;
  void add(const std::vector<Variable>& variables) {
    for (const Variable& variable : variables) {
      elements += variable.size();
      bytes += variable.size() * static_cast<Index>(size_of(variable.dtype()));
    }
  }
  std::string text() const { return with_commas(elements) + " (" + memory(bytes) + ")"; }
};

/// The cells of a row, one for each column that may be shown.
struct SummaryRow {
  std::string title;
  std::string shape;
  std::string params;
  std::string connected;
  std::string trainable;
};

std::vector<Shape> shapes_of_node(const GraphNode& node) {
  std::vector<Shape> shapes;
  for (const Spec& spec : node.outputs()) shapes.push_back(spec.shape);
  return shapes;
}

/// The rows of the table of a model.
class SummaryRows {
 public:
  explicit SummaryRows(bool expand_nested) : expand_nested_(expand_nested) {}

  /// Adds the layers of a network that is not a graph, for inputs of these shapes; none if they are unknown.
  void add_sequence(const LayerBase& network, std::vector<Shape> shapes, int level = 0) {
    const bool known = dynamic_cast<const layers::Sequential*>(&network) != nullptr && !shapes.empty();
    for (const Ref<LayerBase>& layer : network.sublayers()) {
      const std::vector<Shape> inputs = known ? shapes : std::vector<Shape>();
      if (known) shapes = dynamic_cast<Layer&>(*layer).compute_output_shapes(shapes);
      add_layer(*layer, known ? shapes_text(shapes) : "?", inputs, level);
    }
  }

  /// Adds inputs, layers and operations. A layer has the shapes of its last call, and the connections of its
  /// calls in this graph.
  void add_graph(const layers::Functional& graph) {
    const std::vector<internal::GraphItem>& items = graph.items();
    const std::vector<std::string> names = internal::item_names(items);
    std::unordered_map<const GraphNode*, std::string> sources;  // "dense[0]" for the first call of dense.
    for (std::size_t i = 0; i < items.size(); ++i) {
      std::vector<std::shared_ptr<const GraphNode>> nodes = items[i].nodes;
      if (items[i].layer) nodes = items[i].layer->inbound_nodes();
      for (std::size_t k = 0; k < nodes.size(); ++k) {
        sources[nodes[k].get()] = fmt::format("{}[{}]", names[i], k);
      }
    }
    for (std::size_t i = 0; i < items.size(); ++i) {
      const std::size_t place = rows_.size();
      if (items[i].layer) {
        add_called_layer(*items[i].layer, 0);
      } else {
        const GraphNode& node = *items[i].nodes.front();
        const std::string kind = node.is_input() ? "InputLayer" : internal::class_of_operation(node.name());
        add(names[i], kind, shapes_text(shapes_of_node(node)), "0", "-", 0);
      }
      const std::string connected = connections(items[i], sources);
      if (!connected.empty()) rows_[place].connected = connected;
    }
  }

  const std::vector<SummaryRow>& rows() const { return rows_; }

 private:
  void add(const std::string& name, const std::string& kind, std::string shape, std::string params,
           std::string trainable, int level) {
    std::string prefix;
    if (level > 0) prefix = std::string(static_cast<std::size_t>(3 * level), ' ') + "└ ";
    rows_.push_back(
        {prefix + name + " (" + kind + ")", std::move(shape), std::move(params), "-", std::move(trainable)});
  }

  /// Adds a layer for inputs of these shapes and, if they are asked for, the layers in it.
  void add_layer(const LayerBase& layer, std::string shape, const std::vector<Shape>& inputs, int level) {
    const bool has_weights = layer.built() && !layer.weights().empty();
    add(layer.name(), layer.class_name(), std::move(shape),
        layer.built() ? with_commas(layer.count_params()) : "0 (unbuilt)",
        !has_weights        ? "-"
        : layer.trainable() ? "Y"
                            : "N",
        level);
    if (!expand_nested_) return;
    if (const auto* graph = dynamic_cast<const layers::Functional*>(&layer)) {
      for (const Ref<LayerBase>& nested : graph->layers()) add_called_layer(*nested, level + 1);
    } else if (dynamic_cast<const layers::Sequential*>(&layer) != nullptr) {
      add_sequence(layer, inputs, level + 1);
    }
  }

  /// Adds a layer of a graph with the shapes of its last call.
  void add_called_layer(const LayerBase& layer, int level) {
    const GraphNode& node = *layer.inbound_nodes().back();
    std::vector<Shape> inputs;
    for (const Tensor& tensor : node.inputs()) inputs.push_back(tensor.shape());
    add_layer(layer, shapes_text(shapes_of_node(node)), inputs, level);
  }

  static std::string connections(const internal::GraphItem& item,
                                 const std::unordered_map<const GraphNode*, std::string>& sources) {
    std::string connected;
    for (const auto& node : item.nodes) {
      for (const Tensor& tensor : node->input_tensors()) {
        const auto maker = GraphNode::of(tensor);
        const std::vector<Tensor> made = maker->output_tensors();
        const auto found = std::find_if(made.begin(), made.end(),
                                        [&](const Tensor& output) { return output.id() == tensor.id(); });
        if (found == made.end()) continue;  // The mask of an output.
        connected += fmt::format("{}{}[{}]", connected.empty() ? "" : ", ", sources.at(maker.get()),
                                 found - made.begin());
      }
    }
    return connected;
  }

  bool expand_nested_;
  std::vector<SummaryRow> rows_;
};

/// Whether each node of a graph takes one tensor, of the node before it.
bool is_chain(const layers::Functional& graph) {
  std::size_t inputs = 0;
  std::unordered_set<const GraphNode*> makers;
  for (const internal::GraphItem& item : graph.items()) {
    if (item.nodes.size() > 1) return false;
    const GraphNode& node = *item.nodes.front();
    if (node.is_input()) {
      if (++inputs > 1) return false;
      continue;
    }
    const std::vector<Tensor> taken = node.input_tensors();
    if (taken.size() != 1 || !makers.insert(GraphNode::of(taken.front()).get()).second) return false;
  }
  return true;
}

}  // namespace

std::string Model::summary_text(SummaryOptions options) const {
  const State& state = this->state();
  const auto* const graph = dynamic_cast<const layers::Functional*>(state.network.pointer().get());
  const bool chain = graph == nullptr || is_chain(*graph);
  SummaryRows content(options.expand_nested);
  if (graph != nullptr) {
    content.add_graph(*graph);
  } else {
    std::vector<Shape> shapes;
    for (const Spec& spec : state.inputs()) shapes.push_back(spec.shape);
    content.add_sequence(*state.network, std::move(shapes));
  }

  using Align = internal::Table::Align;
  std::vector<internal::Table::Column> columns = {{"Layer (type)", chain ? 0.45 : 0.30, Align::left},
                                                  {"Output Shape", chain ? 0.80 : 0.56, Align::left},
                                                  {"Param #", chain ? 1.0 : 0.74, Align::right}};
  if (!chain) columns.push_back({"Connected to", 1.0, Align::left});
  if (options.show_trainable) {
    for (internal::Table::Column& column : columns) column.end *= 0.9;
    columns.push_back({"Trainable", 1.0, Align::center});
  }
  const int widest = (chain ? 88 : 108) + (options.show_trainable ? 12 : 0);
  internal::Table table(
      columns, options.line_length > 0 ? options.line_length : std::min(widest, terminal_width() - 4));
  for (const SummaryRow& row : content.rows()) {
    std::vector<std::string> cells = {row.title, row.shape, row.params};
    if (!chain) cells.push_back(row.connected);
    if (options.show_trainable) cells.push_back(row.trainable);
    table.row(cells);
  }

  Size trainable;
  Size fixed;
  Size optimizer;
  trainable.add(state.network->trainable_weights());
  fixed.add(state.network->non_trainable_weights());
  const bool trained = state.compiled && state.compiled->options.optimizer->built();
  if (trained) optimizer.add(state.compiled->options.optimizer.variables());
  Size total{trainable.elements + fixed.elements + optimizer.elements,
             trainable.bytes + fixed.bytes + optimizer.bytes};
  std::string text = "Model: " + in_quotes(name()) + "\n" + table.take();
  text += " Total params: " + total.text() + "\n";
  text += " Trainable params: " + trainable.text() + "\n";
  text += " Non-trainable params: " + fixed.text() + "\n";
  if (trained) text += " Optimizer params: " + optimizer.text() + "\n";
  return text;
}

}  // namespace unspool
