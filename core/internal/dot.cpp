#include <unspool/core/internal/dot.h>
#include <unspool/core/internal/format.h>

namespace unspool::internal {

std::string escape_html(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      default:
        escaped += c;
    }
  }
  return escaped;
}

std::string quote_dot(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + '"';
}

DotWriter::DotWriter(std::string_view name, std::string_view settings)
    : text_(fmt::format("digraph {} {{\n{}", quote_dot(name), settings)) {}

void DotWriter::begin_cluster(std::string_view id, std::string_view label, std::string_view style) {
  // A name that begins with "cluster" makes Graphviz draw a frame.
  text_ += fmt::format("{0}subgraph {1} {{\n{0}  label={2};\n{0}  labeljust=l;\n{0}  style={3};\n", indent_,
                       quote_dot("cluster_" + std::string(id)), quote_dot(label), style);
  indent_ += "  ";
}

void DotWriter::end_cluster() {
  indent_.resize(indent_.size() - 2);
  text_ += indent_ + "}\n";
}

void DotWriter::node(std::string_view id, std::string_view attributes) {
  text_ += fmt::format("{}{} [{}];\n", indent_, quote_dot(id), attributes);
}

void DotWriter::edge(std::string_view from, std::string_view to, std::string_view attributes) {
  text_ += fmt::format("{}{} -> {} [{}];\n", indent_, quote_dot(from), quote_dot(to), attributes);
}

}  // namespace unspool::internal
