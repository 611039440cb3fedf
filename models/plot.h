#pragma once

#include <string>
#include <vector>

#include <unspool/core/tensor.h>

namespace unspool {

/// A line of a plot.
struct PlotLine {
  std::string label = {};  ///< Its name in the legend.
  Tensor x = {};           ///< Where the values are on the x axis.
  Tensor y = {};           ///< As many values as x has; those that are not finite are left out.
  bool dashed = false;     ///< Whether the line is dashed.
};

/// How a plot is drawn.
struct PlotOptions {
  std::string title = {};    ///< The title above the plot.
  std::string x_label = {};  ///< What is on the x axis.
  std::string y_label = {};  ///< What the lines show.
  bool logarithmic =
      false;         ///< Whether y has a logarithmic scale, which leaves out values that are not above 0.
  int width = 840;   ///< The width in pixels.
  int height = 280;  ///< The height in pixels.
};

/// Draws lines as an SVG image: plot_to_svg({{"measured", years, a}, {"predicted", years, b}}). Throws
/// ValueError if the x and y of a line differ in their numbers of elements.
std::string plot_to_svg(const std::vector<PlotLine>& lines, const PlotOptions& options = {});
/// Writes plot_to_svg() to a file. Throws FileError if it cannot be written.
void save_plot(const std::string& path, const std::vector<PlotLine>& lines, const PlotOptions& options = {});

}  // namespace unspool
