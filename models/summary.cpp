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
#include <unspool/models/model.h>
#include <unspool/models/sequential.h>

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

/// Lines of at most `width` characters, broken between words if possible.
std::vector<std::string> wrapped(std::string text, std::size_t width) {
  std::vector<std::string> lines;
  while (text.size() > width) {
    std::size_t cut = text.rfind(' ', width);
    const bool between = cut != std::string::npos && cut > 0;
    if (!between) cut = width;
    lines.push_back(text.substr(0, cut));
    text.erase(0, cut + (between ? 1 : 0));
  }
  lines.push_back(text);
  return lines;
}

/// A column of a table.
struct Column {
  std::string title;
  /// As in Keras, the part of a line at which it ends.
  double end;
  /// Its share of borders and padding.
  int border;
  bool right_aligned;
};

const std::vector<Column> chain_columns = {
    {"Layer (type)", 0.45, 3, false}, {"Output Shape", 0.80, 4, false}, {"Param #", 1.0, 3, true}};
const std::vector<Column> graph_columns = {{"Layer (type)", 0.30, 3, false},
                                           {"Output Shape", 0.56, 3, false},
                                           {"Param #", 0.74, 4, true},
                                           {"Connected to", 1.0, 3, false}};

class Table {
 public:
  Table(const std::vector<Column>& columns, int line_length) : columns_(columns) {
    int begin = 0;
    std::vector<std::string> titles;
    for (const Column& column : columns) {
      const int end = static_cast<int>(static_cast<double>(line_length) * column.end);
      widths_.push_back(static_cast<std::size_t>(std::max(4, end - begin - column.border)));
      begin = end;
      titles.push_back(column.title);
    }
    line("┏", "━", "┳", "┓");
    row(titles, "┃");
    line("┡", "━", "╇", "┩");
  }

  void line(std::string_view left, std::string_view fill, std::string_view middle, std::string_view right) {
    for (std::size_t i = 0; i < widths_.size(); ++i) {
      text_ += i == 0 ? left : middle;
      for (std::size_t k = 0; k < widths_[i] + 2; ++k) text_ += fill;
    }
    text_ += right;
    text_ += '\n';
  }

  void row(const std::vector<std::string>& cells, std::string_view border) {
    std::vector<std::vector<std::string>> lines;
    std::size_t height = 0;
    for (std::size_t i = 0; i < widths_.size(); ++i) {
      lines.push_back(wrapped(cells[i], widths_[i]));
      height = std::max(height, lines[i].size());
    }
    for (std::size_t k = 0; k < height; ++k) {
      for (std::size_t i = 0; i < widths_.size(); ++i) {
        const std::string part = k < lines[i].size() ? lines[i][k] : std::string();
        const std::string space(widths_[i] - part.size(), ' ');
        text_ += border;
        text_ += ' ' + (columns_[i].right_aligned ? space + part : part + space) + ' ';
      }
      text_ += border;
      text_ += '\n';
    }
  }

  std::string take() { return std::move(text_); }

 private:
  const std::vector<Column>& columns_;
  std::vector<std::size_t> widths_;
  std::string text_;
};

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

/// A row of the table of a model.
struct SummaryRow {
  std::string title;
  std::string shape;
  std::string params;
  std::string connected;
};

std::string params_of(const LayerBase& layer) {
  return layer.built() ? with_commas(layer.count_params()) : "0 (unbuilt)";
}

std::string shapes_of_node(const GraphNode& node) {
  std::vector<Shape> shapes;
  for (const Spec& spec : node.outputs()) shapes.push_back(spec.shape);
  return shapes_text(shapes);
}

/// The rows of layers that are called one after another, whose output shapes are known if those of the inputs
/// are.
std::vector<SummaryRow> rows_of_sequence(const Layer& network, const std::vector<Spec>& inputs) {
  std::vector<SummaryRow> rows;
  const bool known = dynamic_cast<const layers::Sequential*>(&network) != nullptr && !inputs.empty();
  std::vector<Shape> shapes;
  for (const Spec& spec : inputs) shapes.push_back(spec.shape);
  for (const Ref<LayerBase>& layer : network.sublayers()) {
    if (known) shapes = dynamic_cast<Layer&>(*layer).compute_output_shapes(shapes);
    rows.push_back({layer->name() + " (" + layer->class_name() + ")", known ? shapes_text(shapes) : "?",
                    params_of(*layer), ""});
  }
  return rows;
}

/// "GlobalMax" of "global_max", as the classes of Keras' operations are called.
std::string class_of_operation(std::string_view name) {
  std::string text;
  bool capital = true;
  for (const char c : name) {
    if (c != '_') text += capital ? static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c) : c;
    capital = c == '_';
  }
  return text;
}

/// The rows of a graph: inputs, layers and operations. A layer has the shapes of its last call, and the
/// connections of its calls in this graph.
std::vector<SummaryRow> rows_of_graph(const layers::Functional& graph) {
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
  std::vector<SummaryRow> rows;
  for (std::size_t i = 0; i < items.size(); ++i) {
    const Ref<LayerBase>& layer = items[i].layer;
    const GraphNode& first = *items[i].nodes.front();
    SummaryRow row;
    row.title = names[i] + " (" +
                (layer              ? layer->class_name()
                 : first.is_input() ? "InputLayer"
                                    : class_of_operation(first.name())) +
                ")";
    row.shape = shapes_of_node(layer ? *layer->inbound_nodes().back() : first);
    row.params = layer ? params_of(*layer) : "0";
    for (const auto& node : items[i].nodes) {
      for (const Tensor& tensor : node->input_tensors()) {
        const auto maker = GraphNode::of(tensor);
        const std::vector<Tensor> made = maker->output_tensors();
        const auto found = std::find_if(made.begin(), made.end(),
                                        [&](const Tensor& output) { return output.id() == tensor.id(); });
        if (found == made.end()) continue;  // The mask of an output.
        row.connected += fmt::format("{}{}[{}]", row.connected.empty() ? "" : ", ", sources[maker.get()],
                                     found - made.begin());
      }
    }
    if (row.connected.empty()) row.connected = "-";
    rows.push_back(std::move(row));
  }
  return rows;
}

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
  const int length =
      options.line_length > 0 ? options.line_length : std::min(chain ? 88 : 108, terminal_width() - 4);
  const std::vector<SummaryRow> rows =
      graph != nullptr ? rows_of_graph(*graph) : rows_of_sequence(*state.network, state.inputs());

  Table table(chain ? chain_columns : graph_columns, length);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (i > 0) table.line("├", "─", "┼", "┤");
    table.row({rows[i].title, rows[i].shape, rows[i].params, rows[i].connected}, "│");
  }
  table.line("└", "─", "┴", "┘");

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
