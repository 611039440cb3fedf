#pragma once

#include <string>

#include <unspool/models/history.h>

namespace unspool {

struct CurveOptions {
  std::string title = {};
  /// Of each panel, in pixels.
  int width = 420;
  int height = 280;
};

/// The course of training as a picture (SVG): a panel for the loss and one for each metric, against the
/// epoch; what was validated stands beside it as a dashed line.
std::string history_to_svg(const History& history, CurveOptions options = {});
/// The same to a file. FileError if it cannot be written.
void save_curve(const std::string& path, const History& history, CurveOptions options = {});

}  // namespace unspool
