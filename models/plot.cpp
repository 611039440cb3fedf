#include <cstddef>
#include <string_view>
#include <vector>

#include <unspool/core/error.h>
#include <unspool/models/internal/svg.h>
#include <unspool/models/plot.h>
#include <unspool/serialization/file.h>

namespace unspool {

std::string plot_to_svg(const std::vector<PlotLine>& lines, const PlotOptions& options) {
  internal::SvgPanel panel{
      .title = options.y_label, .x_label = options.x_label, .logarithmic = options.logarithmic};
  for (const PlotLine& line : lines) {
    if (line.x.size() != line.y.size()) {
      throw ValueError("plot_to_svg(): expected as many values of y as of x in line \"" + line.label +
                       "\", got " + std::to_string(line.y.size()) + " and " + std::to_string(line.x.size()));
    }
    internal::SvgLine drawn{.label = line.label, .color = internal::svg_color(panel.lines.size())};
    drawn.dashed = line.dashed;
    const std::vector<double> x = line.x.to_vector<double>();
    const std::vector<double> y = line.y.to_vector<double>();
    for (std::size_t i = 0; i < x.size(); ++i) drawn.points.emplace_back(x[i], y[i]);
    panel.lines.push_back(std::move(drawn));
  }
  return internal::svg_image(options.title, {panel}, options.width, options.height);
}

void save_plot(const std::string& path, const std::vector<PlotLine>& lines, const PlotOptions& options) {
  write_file_atomically(path, plot_to_svg(lines, options));
}

}  // namespace unspool
