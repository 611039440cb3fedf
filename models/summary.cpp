#include <algorithm>
#include <array>
#include <cstdlib>
#include <sys/ioctl.h>
#include <unistd.h>

#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/layers/functional.h>
#include <unspool/layers/graph.h>
#include <unspool/models/internal/model.h>
#include <unspool/models/model.h>
#include <unspool/models/sequential.h>

namespace unspool {

namespace {

using Row = std::array<std::string, 3>;

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

class Table {
 public:
  explicit Table(int line_length) {
    // As in Keras, these are the columns' parts of a line, less an equal share of borders and padding.
    const std::array<double, 3> ends{0.45, 0.80, 1.0};
    const std::array<int, 3> taken{3, 4, 3};
    int begin = 0;
    for (std::size_t i = 0; i < 3; ++i) {
      const int end = static_cast<int>(static_cast<double>(line_length) * ends[i]);
      widths_[i] = static_cast<std::size_t>(std::max(4, end - begin - taken[i]));
      begin = end;
    }
  }

  void line(std::string_view left, std::string_view fill, std::string_view middle, std::string_view right) {
    for (std::size_t i = 0; i < 3; ++i) {
      text_ += i == 0 ? left : middle;
      for (std::size_t k = 0; k < widths_[i] + 2; ++k) text_ += fill;
    }
    text_ += right;
    text_ += '\n';
  }

  void row(const Row& cells, std::string_view border) {
    std::array<std::vector<std::string>, 3> lines;
    std::size_t height = 0;
    for (std::size_t i = 0; i < 3; ++i) {
      lines[i] = wrapped(cells[i], widths_[i]);
      height = std::max(height, lines[i].size());
    }
    for (std::size_t k = 0; k < height; ++k) {
      for (std::size_t i = 0; i < 3; ++i) {
        const std::string part = k < lines[i].size() ? lines[i][k] : std::string();
        const std::string space(widths_[i] - part.size(), ' ');
        text_ += border;
        text_ += ' ' + (i == 2 ? space + part : part + space) + ' ';
      }
      text_ += border;
      text_ += '\n';
    }
  }

  std::string take() { return std::move(text_); }

 private:
  std::array<std::size_t, 3> widths_{};
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

/// The output shape of each layer, if known: in a graph, and in a Sequential with an Input.
std::vector<std::string> output_shapes(const Layer& network, const std::vector<Spec>& inputs) {
  std::vector<std::string> texts;
  if (const auto* graph = dynamic_cast<const layers::Functional*>(&network)) {
    for (const Ref<LayerBase>& layer : graph->sublayers()) {
      // The layer's first call in this graph.
      const auto node = std::find_if(graph->nodes().begin(), graph->nodes().end(),
                                     [&](const auto& other) { return other->layer() == layer.pointer(); });
      std::vector<Shape> shapes;
      for (const Spec& spec : (*node)->outputs()) shapes.push_back(spec.shape);
      texts.push_back(shapes_text(shapes));
    }
    return texts;
  }
  const auto* sequence = dynamic_cast<const layers::Sequential*>(&network);
  if (sequence == nullptr || inputs.empty()) return texts;
  std::vector<Shape> shapes;
  for (const Spec& spec : inputs) shapes.push_back(spec.shape);
  for (const Ref<Layer>& layer : sequence->layers()) {
    shapes = layer->compute_output_shapes(shapes);
    texts.push_back(shapes_text(shapes));
  }
  return texts;
}

}  // namespace

std::string Model::summary_text(SummaryOptions options) const {
  const State& state = this->state();
  const int length = options.line_length > 0 ? options.line_length : std::min(88, terminal_width() - 4);
  const std::vector<std::string> shapes = output_shapes(*state.network, state.inputs());

  Table table(length);
  table.line("┏", "━", "┳", "┓");
  table.row({"Layer (type)", "Output Shape", "Param #"}, "┃");
  table.line("┡", "━", "╇", "┩");
  const std::vector<Ref<LayerBase>>& all = layers();
  for (std::size_t i = 0; i < all.size(); ++i) {
    const LayerBase& layer = *all[i];
    if (i > 0) table.line("├", "─", "┼", "┤");
    table.row({layer.name() + " (" + layer.class_name() + ")", i < shapes.size() ? shapes[i] : "?",
               layer.built() ? with_commas(layer.count_params()) : "0 (unbuilt)"},
              "│");
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
