#include <algorithm>
#include <cmath>
#include <limits>

#include <unspool/core/internal/format.h>
#include <unspool/models/internal/svg.h>

namespace unspool::internal {

namespace {

constexpr int left_margin = 56;
constexpr int right_margin = 16;
constexpr int top_margin = 48;
constexpr int bottom_margin = 40;

std::string escaped(std::string_view text) {
  std::string safe;
  for (const char c : text) {
    switch (c) {
      case '&':
        safe += "&amp;";
        break;
      case '<':
        safe += "&lt;";
        break;
      case '>':
        safe += "&gt;";
        break;
      default:
        safe += c;
    }
  }
  return safe;
}

/// The range of an axis, with round numbers as marks.
class Scale {
 public:
  Scale(double low, double high, double from, double to, bool whole) : from_(from), to_(to) {
    if (!(high > low)) {
      const double margin = low == 0 ? 1 : std::abs(low) * 0.1;
      low -= margin;
      high += margin;
    }
    // The largest step of 1, 2, 5, 10, ... with at least four steps in the range.
    const double wanted = (high - low) / 4;
    step_ = std::pow(10.0, std::floor(std::log10(wanted)));
    for (const double times : {5.0, 2.0}) {
      if (step_ * times <= wanted) {
        step_ *= times;
        break;
      }
    }
    if (whole) step_ = std::max(1.0, std::round(step_));
    low_ = whole ? low : std::floor(low / step_ + 1e-9) * step_;
    high_ = whole ? high : std::ceil(high / step_ - 1e-9) * step_;
  }
  double operator()(double value) const { return from_ + (value - low_) / (high_ - low_) * (to_ - from_); }
  std::vector<double> marks() const {
    std::vector<double> all;
    const double first = std::ceil(low_ / step_ - 1e-9);
    for (int i = 0; (first + i) * step_ <= high_ + step_ * 1e-6 && i < 20; ++i)
      all.push_back((first + i) * step_);
    return all;
  }

 private:
  double from_;
  double to_;
  double low_ = 0;
  double high_ = 1;
  double step_ = 1;
};

/// The smallest and the largest finite value.
struct Range {
  double low = std::numeric_limits<double>::infinity();
  double high = -std::numeric_limits<double>::infinity();
  void add(double value) {
    low = std::min(low, value);
    high = std::max(high, value);
  }
  Range or_else(double value) const { return low <= high ? *this : Range{value, value}; }
};

std::string draw(const SvgPanel& panel, int width, int height) {
  Range xs;
  Range ys;
  bool whole = true;
  for (const SvgLine& line : panel.lines) {
    for (const auto& [at, value] : line.points) {
      if (!std::isfinite(at)) continue;
      xs.add(at);
      whole = whole && at == std::floor(at);
      if (std::isfinite(value)) ys.add(value);
    }
  }
  xs = xs.or_else(1);
  ys = ys.or_else(0);
  const Scale x(xs.low, xs.high, left_margin, width - right_margin, whole);
  const Scale y(ys.low, ys.high, height - bottom_margin, top_margin, false);

  std::string svg;
  for (const double mark : y.marks()) {
    svg += fmt::format(
        "<line x1=\"{}\" x2=\"{}\" y1=\"{:.1f}\" y2=\"{:.1f}\" stroke=\"#ddd\"/>"
        "<text x=\"{}\" y=\"{:.1f}\" text-anchor=\"end\">{:.6g}</text>\n",
        left_margin, width - right_margin, y(mark), y(mark), left_margin - 6, y(mark) + 4,
        std::abs(mark) < 1e-12 ? 0 : mark);
  }
  for (const double mark : x.marks()) {
    svg += fmt::format("<text x=\"{:.1f}\" y=\"{}\" text-anchor=\"middle\">{:.6g}</text>\n", x(mark),
                       height - bottom_margin + 18, mark);
  }
  svg += fmt::format("<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text>\n",
                     (left_margin + width - right_margin) / 2, height - 6, escaped(panel.x_label));
  svg += fmt::format("<text x=\"{}\" y=\"{}\" font-weight=\"bold\">{}</text>\n", left_margin, top_margin - 10,
                     escaped(panel.title));
  int legend = width - right_margin;
  for (const SvgLine& line : panel.lines) {
    std::string points;
    for (const auto& [at, value] : line.points) {
      if (std::isfinite(at) && std::isfinite(value)) points += fmt::format("{:.1f},{:.1f} ", x(at), y(value));
    }
    svg += fmt::format("<polyline points=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"1.5\"{}/>\n",
                       points, line.color, line.dashed ? " stroke-dasharray=\"5 3\"" : "");
    if (panel.lines.size() > 1) {
      svg += fmt::format("<text x=\"{}\" y=\"{}\" text-anchor=\"end\" fill=\"{}\">{}</text>\n", legend,
                         top_margin - 10, line.color, escaped(line.label));
      legend -= 16 + 7 * static_cast<int>(line.label.size());
    }
  }
  return svg;
}

}  // namespace

std::string svg_image(const std::string& title, const std::vector<SvgPanel>& panels, int width, int height) {
  width = std::max(width, left_margin + right_margin + 64);
  height = std::max(height, top_margin + bottom_margin + 64);
  const int count = static_cast<int>(panels.size());
  const int total = std::max(count, 1) * width;
  std::string svg = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" viewBox=\"0 0 {0} {1}\" "
      "font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n",
      total, height);
  if (!title.empty()) {
    svg += fmt::format("<text x=\"{}\" y=\"18\" text-anchor=\"middle\" font-size=\"14\">{}</text>\n",
                       total / 2, escaped(title));
  }
  for (int i = 0; i < count; ++i) {
    svg += fmt::format("<g transform=\"translate({} 0)\">\n{}</g>\n", i * width,
                       draw(panels[static_cast<std::size_t>(i)], width, height));
  }
  return svg + "</svg>\n";
}

}  // namespace unspool::internal
