#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace unspool::internal {

/// A line in a panel of an SVG image. Points that are not finite are left out.
struct SvgLine {
  std::string label = {};  ///< Shown if the panel has several lines.
  std::vector<std::pair<double, double>> points = {};
  std::string_view color = {};
  bool dashed = false;
};

/// Axes with lines.
struct SvgPanel {
  std::string title = {};
  std::string x_label = {};
  std::vector<SvgLine> lines = {};
  /// Values on a logarithmic scale; those that are not above 0 are left out.
  bool logarithmic = false;
};

/// Panels of this size side by side, with a title above them. Sizes that leave no room are enlarged.
std::string svg_image(const std::string& title, const std::vector<SvgPanel>& panels, int width, int height);

/// A table of numbers as colors on a logarithmic scale, with a scale beside it.
struct SvgHeatMap {
  std::string title = {};
  std::string x_label = {};
  /// What the numbers are.
  std::string value_label = {};
  std::vector<std::string> row_labels = {};
  /// By row; rows may differ in length. Numbers that are not above 0 have no color.
  std::vector<std::vector<double>> rows = {};
};
std::string svg_image(const SvgHeatMap& map, int width);

/// The color of line i of a panel.
std::string_view svg_color(std::size_t i);

}  // namespace unspool::internal
