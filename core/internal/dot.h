#pragma once

#include <string>
#include <string_view>

namespace unspool::internal {

/// Text of HTML, and of labels of Graphviz that are HTML.
std::string escape_html(std::string_view text);
/// A string of DOT, the language of Graphviz.
std::string quote_dot(std::string_view text);

/// Writes a graph in DOT. Attributes are DOT as well: "shape=box, label=\"a\"".
class DotWriter {
 public:
  /// `settings` are statements: "rankdir=TB;".
  DotWriter(std::string_view name, std::string_view settings);

  /// A frame around what follows, up to end_cluster().
  void begin_cluster(std::string_view id, std::string_view label, std::string_view style = "dashed");
  void end_cluster();
  void node(std::string_view id, std::string_view attributes);
  void edge(std::string_view from, std::string_view to, std::string_view attributes);
  /// The whole graph.
  std::string text() const { return text_ + "}\n"; }

 private:
  std::string text_;
  std::string indent_ = "  ";
};

}  // namespace unspool::internal
