#pragma once

#include <string>

namespace unspool::internal {

/// Draws a graph in DOT to a file, by Graphviz' program dot. Throws RuntimeError, in the name of `who`, if
/// the program is not installed or fails.
void run_graphviz(const std::string& text, const std::string& format, const std::string& to_file,
                  const std::string& who);

/// The graph as SVG. Throws as run_graphviz().
std::string graphviz_svg(const std::string& text);

}  // namespace unspool::internal
