#include <filesystem>

#include <unspool/core/config.h>
#include <unspool/core/error.h>
#include <unspool/core/internal/dot.h>
#include <unspool/core/internal/format.h>
#include <unspool/models/internal/graphviz.h>
#include <unspool/models/internal/model_graph.h>
#include <unspool/models/plot_model.h>
#include <unspool/serialization/file.h>

namespace unspool {
namespace {

using internal::DotWriter;
using internal::escape_html;
using internal::ModelNode;
using internal::quote_dot;

/// A shape as Keras prints it: "(None, 8)". A list of several, "?" if there are none.
std::string plot_shapes(const std::vector<Spec>& specs) {
  if (specs.empty()) return "?";
  std::string text;
  for (const Spec& spec : specs) {
    text += text.empty() ? "(" : ", (";
    for (int i = 0; i < spec.shape.rank(); ++i) {
      text += (i > 0 ? ", " : "") + (spec.shape[i] == unknown ? "None" : std::to_string(spec.shape[i]));
    }
    text += spec.shape.rank() == 1 ? ",)" : ")";
  }
  return specs.size() == 1 ? text : "[" + text + "]";
}

std::string activation_of(const ModelNode& node) {
  if (!node.layer) return {};
  const auto activation = node.layer->get_config().find("activation");
  if (!activation || activation->is_null()) return {};
  if (activation->is_string()) return activation->as<std::string>();
  return activation->get("class_name", "");
}

std::string label_of(const ModelNode& node, const PlotModelOptions& options) {
  std::vector<std::string> cells;
  const auto add = [&](std::string_view color, std::string_view text_color, const std::string& text) {
    cells.push_back(fmt::format(R"(<td bgcolor="{}"><font point-size="14" color="{}">{}</font></td>)", color,
                                text_color, text));
  };
  if (options.show_shapes) {
    if (node.kind != "InputLayer") {
      add("white", "black", "Input shape: <b>" + plot_shapes(node.inputs) + "</b>");
    }
    add("white", "black", "Output shape: <b>" + plot_shapes(node.outputs) + "</b>");
  }
  if (options.show_dtype) {
    const std::string_view dtype = node.outputs.empty() ? "?" : name_of(node.outputs.front().dtype);
    add("white", "black", fmt::format("Output dtype: <b>{}</b>", dtype));
  }
  if (options.show_trainable && node.layer && !node.layer->weights().empty()) {
    const bool trained = node.layer->trainable();
    add(trained ? "forestgreen" : "firebrick", "white",
        trained ? "<b>Trainable</b>" : "<b>Non-trainable</b>");
  }
  const std::size_t span = std::max<std::size_t>(1, cells.size());
  std::string title = "<b>" + escape_html(node.kind) + "</b>";
  if (options.show_layer_names) {
    title = "<b>" + escape_html(node.name) + "</b> (" + escape_html(node.kind) + ")";
  }
  std::string table = R"(<<table border="0" cellborder="1" bgcolor="black" cellpadding="10">)";
  table += fmt::format(
      R"(<tr><td colspan="{}" bgcolor="black"><font point-size="16" color="white">{}</font></td></tr>)", span,
      title);
  if (const std::string activation = activation_of(node);
      options.show_layer_activations && !activation.empty()) {
    table += fmt::format(
        R"(<tr><td bgcolor="white" colspan="{}"><font point-size="14">Activation: <b>{}</b></font></td></tr>)",
        span, escape_html(activation));
  }
  if (!cells.empty()) table += fmt::format("<tr>{}</tr>", internal::joined(cells, ""));
  return table + "</table>>";
}

/// Writes the nodes of a model, or of a nested one, from `at` on.
void write_nodes(DotWriter& dot, const std::vector<ModelNode>& nodes, std::size_t& at, std::size_t parent,
                 const PlotModelOptions& options) {
  while (at < nodes.size() && nodes[at].parent == parent) {
    const std::size_t index = at++;
    const ModelNode& node = nodes[index];
    if (node.nested) {
      dot.begin_cluster(node.path, node.name);
      write_nodes(dot, nodes, at, index, options);
      dot.end_cluster();
    } else {
      dot.node(node.path,
               fmt::format("fontname=Helvetica, border=0, margin=0, label={}", label_of(node, options)));
    }
  }
}

}  // namespace

std::string model_to_dot(const Model& model, PlotModelOptions options) {
  if (!model.built()) {
    throw ValueError("model_to_dot: expected a built model, got " + model.name() +
                     " without weights: call it once, or build() it");
  }
  if (options.rankdir != "TB" && options.rankdir != "LR" && options.rankdir != "BT" &&
      options.rankdir != "RL") {
    throw ValueError("model_to_dot: expected rankdir \"TB\", \"LR\", \"BT\" or \"RL\", got " +
                     in_quotes(options.rankdir));
  }
  const std::vector<ModelNode> nodes = internal::model_nodes(model, options.expand_nested);
  DotWriter dot(
      model.name(),
      fmt::format("  rankdir={};\n  concentrate=true;\n  dpi={};\n  splines={};\n  node [shape=plain];\n",
                  options.rankdir, options.dpi, quote_dot(options.splines)));
  std::size_t at = 0;
  write_nodes(dot, nodes, at, ModelNode::none, options);
  for (const ModelNode& node : nodes) {
    for (const std::size_t source : node.sources) {
      dot.edge(nodes[source].path, node.path, "penwidth=2");
    }
  }
  return dot.text();
}

void plot_model(const Model& model, const std::string& to_file, PlotModelOptions options) {
  const std::string text = model_to_dot(model, std::move(options));
  const std::string extension = std::filesystem::path(to_file).extension().native();
  if (extension.empty()) {
    throw ValueError("plot_model: expected a file name with an extension, such as \"model.svg\", got " +
                     in_quotes(to_file));
  }
  if (extension == ".dot" || extension == ".gv") {
    write_file_atomically(to_file, text);
  } else {
    internal::run_graphviz(text, extension.substr(1), to_file, "plot_model");
  }
}

}  // namespace unspool
