#include <algorithm>
#include <cstddef>
#include <vector>

#include <unspool/models/curve.h>
#include <unspool/models/internal/svg.h>
#include <unspool/serialization/file.h>

namespace unspool {

namespace {

/// The values of a history against their epochs. If there are fewer values than epochs, since only some were
/// validated, they are spread evenly.
std::vector<std::pair<double, double>> curve_points(const History& history, const std::string& name) {
  const std::vector<double>& values = history[name];
  const std::size_t epochs = history.epoch.size();
  const std::size_t stride = values.empty() ? 1 : std::max<std::size_t>(1, epochs / values.size());
  std::vector<std::pair<double, double>> points;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double epoch =
        epochs == 0 ? static_cast<double>(i + 1)
                    : static_cast<double>(history.epoch[std::min(epochs - 1, (i + 1) * stride - 1)] + 1);
    points.emplace_back(epoch, values[i]);
  }
  return points;
}

}  // namespace

std::string history_to_svg(const History& history, CurveOptions options) {
  std::vector<internal::SvgPanel> panels;
  for (const auto& [name, values] : history.history) {
    if (name.starts_with("val_") && history.history.contains(name.substr(4))) continue;
    internal::SvgPanel panel{.title = name, .x_label = "epoch"};
    if (const std::string validation = "val_" + name; history.history.contains(validation)) {
      panel.lines.push_back({"validation", curve_points(history, validation), "#c8501e", true});
    }
    panel.lines.push_back({"training", curve_points(history, name), "#1f5fa8", false});
    panels.push_back(std::move(panel));
  }
  return internal::svg_image(options.title, panels, options.width, options.height);
}

void save_curve(const std::string& path, const History& history, CurveOptions options) {
  write_file_atomically(path, history_to_svg(history, std::move(options)));
}

}  // namespace unspool
