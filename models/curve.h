#pragma once

#include <string>

#include <unspool/models/history.h>

namespace unspool {

/// How a learning curve is drawn.
struct CurveOptions {
  std::string title = {};  ///< The title above the panels.
  int width = 420;         ///< The width of a panel in pixels.
  int height = 280;        ///< The height of a panel in pixels.
};

/// Draws learning curves as an SVG image: one panel for the loss and one for each metric, against the epoch,
/// with a dashed line for validation.
std::string history_to_svg(const History& history, CurveOptions options = {});
/// Writes history_to_svg() to a file. Throws FileError if it cannot be written.
void save_curve(const std::string& path, const History& history, CurveOptions options = {});

}  // namespace unspool
