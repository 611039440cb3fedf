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

/// Whole powers of ten as marks of a logarithmic axis, about six of them, from an exponent to another.
std::vector<int> decades(double low, double high) {
  const int first = static_cast<int>(std::floor(low + 1e-9));
  const int last = static_cast<int>(std::ceil(high - 1e-9));
  const int step = std::max(1, (last - first + 5) / 6);
  std::vector<int> marks;
  for (int mark = first; mark <= last + step - 1; mark += step) marks.push_back(mark);
  if (marks.size() == 1) marks.push_back(first + 1);
  return marks;
}

/// 10 to a power, with the exponent as raised digits; 0.01 to 1000 in full.
std::string power_of_ten(int exponent) {
  constexpr std::string_view raised[] = {"⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹"};
  if (exponent >= -2 && exponent <= 3) return fmt::format("{:g}", std::pow(10.0, exponent));
  std::string text = exponent < 0 ? "10⁻" : "10";
  for (const char digit : std::to_string(std::abs(exponent))) text += raised[digit - '0'];
  return text;
}

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
  const auto on_scale = [&](double value) { return panel.logarithmic ? std::log10(value) : value; };
  Range xs;
  Range ys;
  bool whole = true;
  for (const SvgLine& line : panel.lines) {
    for (const auto& [at, value] : line.points) {
      if (!std::isfinite(at)) continue;
      xs.add(at);
      whole = whole && at == std::floor(at);
      if (const double height_of = on_scale(value); std::isfinite(height_of)) ys.add(height_of);
    }
  }
  xs = xs.or_else(1);
  ys = ys.or_else(0);
  const Scale x(xs.low, xs.high, left_margin, width - right_margin, whole);
  const std::vector<int> powers = panel.logarithmic ? decades(ys.low, ys.high) : std::vector<int>();
  if (panel.logarithmic) ys = {static_cast<double>(powers.front()), static_cast<double>(powers.back())};
  const Scale y(ys.low, ys.high, height - bottom_margin, top_margin, panel.logarithmic);

  std::string svg;
  for (const int power : powers) {
    svg += fmt::format(
        "<line x1=\"{}\" x2=\"{}\" y1=\"{:.1f}\" y2=\"{:.1f}\" stroke=\"#ddd\"/>"
        "<text x=\"{}\" y=\"{:.1f}\" text-anchor=\"end\">{}</text>\n",
        left_margin, width - right_margin, y(power), y(power), left_margin - 6, y(power) + 4,
        power_of_ten(power));
  }
  for (const double mark : panel.logarithmic ? std::vector<double>() : y.marks()) {
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
      const double height_of = on_scale(value);
      if (std::isfinite(at) && std::isfinite(height_of))
        points += fmt::format("{:.1f},{:.1f} ", x(at), y(height_of));
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

std::string svg_image(const SvgHeatMap& map, int width) {
  constexpr int row_height = 22;
  constexpr int scale_width = 90;
  std::size_t longest = 0;
  for (const std::string& label : map.row_labels) longest = std::max(longest, label.size());
  const int left = 16 + 7 * static_cast<int>(longest);
  const int right = scale_width + right_margin;
  width = std::max(width, left + right + 64);
  // The scale beside the table needs room for its marks.
  const int rows_height = std::max(row_height * static_cast<int>(map.rows.size()), 4 * row_height);
  const int height = top_margin + rows_height + bottom_margin;
  Range values;
  std::size_t columns = 1;
  for (const std::vector<double>& row : map.rows) {
    columns = std::max(columns, row.size());
    for (const double value : row) {
      if (value > 0 && std::isfinite(value)) values.add(std::log10(value));
    }
  }
  values = values.or_else(0);
  const std::vector<int> marks = decades(values.low, values.high);
  const double low = marks.front();
  const double high = marks.back();
  // From dark blue by green to yellow, light where the gradient is large: it reads in print as well.
  const auto color = [&](double value) {
    constexpr double stops[][3] = {{68, 1, 84}, {59, 82, 139}, {33, 145, 140}, {94, 201, 98}, {253, 231, 37}};
    const double at = std::clamp((value - low) / (high - low), 0.0, 1.0) * 4;
    const std::size_t stop = std::min<std::size_t>(3, static_cast<std::size_t>(at));
    const double part = at - static_cast<double>(stop);
    std::string text = "#";
    for (std::size_t i = 0; i < 3; ++i) {
      const double mixed = stops[stop][i] + part * (stops[stop + 1][i] - stops[stop][i]);
      text += fmt::format("{:02x}", static_cast<int>(std::lround(mixed)));
    }
    return text;
  };
  const double cell = static_cast<double>(width - left - right) / static_cast<double>(columns);
  std::string svg = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" viewBox=\"0 0 {0} {1}\" "
      "font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
      "<text x=\"{2}\" y=\"20\" text-anchor=\"middle\" font-size=\"14\">{3}</text>\n",
      width, height, width / 2, escaped(map.title));
  for (std::size_t r = 0; r < map.rows.size(); ++r) {
    const int top = top_margin + row_height * static_cast<int>(r);
    svg += fmt::format("<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>\n", left - 8, top + 15,
                       escaped(map.row_labels[r]));
    for (std::size_t c = 0; c < map.rows[r].size(); ++c) {
      const double value = map.rows[r][c];
      const bool known = value > 0 && std::isfinite(value);
      // A little wider than its place, so that no gap shows between neighbors.
      svg += fmt::format("<rect x=\"{:.2f}\" y=\"{}\" width=\"{:.2f}\" height=\"{}\" fill=\"{}\"/>\n",
                         left + cell * static_cast<double>(c), top, cell + 0.3, row_height - 2,
                         known ? color(std::log10(value)) : "#eeeeee");
    }
  }
  const Scale x(0, static_cast<double>(columns - 1), left + cell / 2, width - right - cell / 2, true);
  for (const double mark : x.marks()) {
    svg += fmt::format("<text x=\"{:.1f}\" y=\"{}\" text-anchor=\"middle\">{:.6g}</text>\n", x(mark),
                       top_margin + rows_height + 16, mark);
  }
  svg += fmt::format("<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text>\n",
                     left + (width - left - right) / 2, height - 6, escaped(map.x_label));
  const int scale_left = width - scale_width;
  constexpr int pieces = 40;
  for (int i = 0; i < pieces; ++i) {
    const double top = top_margin + (rows_height - 2) * (1 - (i + 1.0) / pieces);
    svg += fmt::format("<rect x=\"{}\" y=\"{:.2f}\" width=\"14\" height=\"{:.2f}\" fill=\"{}\"/>\n",
                       scale_left, top, static_cast<double>(rows_height) / pieces + 0.3,
                       color(low + (high - low) * (i + 0.5) / pieces));
  }
  const Scale y(low, high, top_margin + rows_height - 2, top_margin, true);
  for (const int mark : marks) {
    svg += fmt::format("<text x=\"{}\" y=\"{:.1f}\">{}</text>\n", scale_left + 20, y(mark) + 4,
                       power_of_ten(mark));
  }
  svg += fmt::format("<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>\n", width - right_margin,
                     top_margin - 12, escaped(map.value_label));
  return svg + "</svg>\n";
}

std::string_view svg_color(std::size_t i) {
  constexpr std::string_view colors[] = {"#1f5fa8", "#c8501e", "#2e8b57", "#7b4ea3", "#b08900", "#555555"};
  return colors[i % std::size(colors)];
}

}  // namespace unspool::internal
