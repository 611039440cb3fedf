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
};

/// Panels of this size side by side, with a title above them. Sizes that leave no room are enlarged.
std::string svg_image(const std::string& title, const std::vector<SvgPanel>& panels, int width, int height);

}  // namespace unspool::internal
