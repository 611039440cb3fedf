#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <vector>

#include <unspool/core/internal/format.h>
#include <unspool/models/curve.h>
#include <unspool/serialization/file.h>

namespace unspool {

namespace {

constexpr int left_margin = 56;
constexpr int right_margin = 16;
constexpr int top_margin = 48;
constexpr int bottom_margin = 40;
constexpr std::string_view training_color = "#1f5fa8";
constexpr std::string_view validation_color = "#c8501e";

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

struct Line {
  std::string_view label;
  const std::vector<double>* values;
  std::string_view color;
  std::string_view dashes;
};

/// The epoch of a value. If there are fewer values than epochs, since only some were validated, they are
/// spread evenly.
double epoch_of(const History& history, const std::vector<double>& values, std::size_t i) {
  const std::size_t epochs = history.epoch.size();
  if (epochs == 0) return static_cast<double>(i + 1);
  const std::size_t stride = values.empty() ? 1 : std::max<std::size_t>(1, epochs / values.size());
  return static_cast<double>(history.epoch[std::min(epochs - 1, (i + 1) * stride - 1)] + 1);
}

std::string panel(const History& history, const std::string& name, const std::vector<Line>& lines,
                  const CurveOptions& options) {
  double low = std::numeric_limits<double>::infinity();
  double high = -std::numeric_limits<double>::infinity();
  double first = std::numeric_limits<double>::infinity();
  double last = -std::numeric_limits<double>::infinity();
  for (const Line& line : lines) {
    for (std::size_t i = 0; i < line.values->size(); ++i) {
      const double value = (*line.values)[i];
      first = std::min(first, epoch_of(history, *line.values, i));
      last = std::max(last, epoch_of(history, *line.values, i));
      if (!std::isfinite(value)) continue;
      low = std::min(low, value);
      high = std::max(high, value);
    }
  }
  if (!(low <= high)) low = high = 0;
  if (!(first <= last)) first = last = 1;
  const Scale x(first, last, left_margin, options.width - right_margin, true);
  const Scale y(low, high, options.height - bottom_margin, top_margin, false);

  std::string svg;
  for (const double mark : y.marks()) {
    svg += fmt::format(
        "<line x1=\"{}\" x2=\"{}\" y1=\"{:.1f}\" y2=\"{:.1f}\" stroke=\"#ddd\"/>"
        "<text x=\"{}\" y=\"{:.1f}\" text-anchor=\"end\">{:.6g}</text>\n",
        left_margin, options.width - right_margin, y(mark), y(mark), left_margin - 6, y(mark) + 4,
        std::abs(mark) < 1e-12 ? 0 : mark);
  }
  for (const double mark : x.marks()) {
    svg += fmt::format("<text x=\"{:.1f}\" y=\"{}\" text-anchor=\"middle\">{:.6g}</text>\n", x(mark),
                       options.height - bottom_margin + 18, mark);
  }
  svg += fmt::format("<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">epoch</text>\n",
                     (left_margin + options.width - right_margin) / 2, options.height - 6);
  svg += fmt::format("<text x=\"{}\" y=\"{}\" font-weight=\"bold\">{}</text>\n", left_margin, top_margin - 10,
                     escaped(name));
  int legend = options.width - right_margin;
  for (const Line& line : lines) {
    std::string points;
    for (std::size_t i = 0; i < line.values->size(); ++i) {
      const double value = (*line.values)[i];
      if (!std::isfinite(value)) continue;
      points += fmt::format("{:.1f},{:.1f} ", x(epoch_of(history, *line.values, i)), y(value));
    }
    svg += fmt::format("<polyline points=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"1.5\"{}/>\n",
                       points, line.color, line.dashes);
    if (lines.size() > 1) {
      svg += fmt::format("<text x=\"{}\" y=\"{}\" text-anchor=\"end\" fill=\"{}\">{}</text>\n", legend,
                         top_margin - 10, line.color, line.label);
      legend -= 72;
    }
  }
  return svg;
}

}  // namespace

std::string history_to_svg(const History& history, CurveOptions options) {
  options.width = std::max(options.width, left_margin + right_margin + 64);
  options.height = std::max(options.height, top_margin + bottom_margin + 64);
  std::string panels;
  int count = 0;
  for (const auto& [name, values] : history.history) {
    if (name.starts_with("val_") && history.history.contains(name.substr(4))) continue;
    std::vector<Line> lines;
    if (history.history.contains("val_" + name)) {
      lines.push_back({"validation", &history["val_" + name], validation_color, " stroke-dasharray=\"5 3\""});
    }
    lines.push_back({"training", &values, training_color, ""});
    panels += fmt::format("<g transform=\"translate({} 0)\">\n{}</g>\n", count * options.width,
                          panel(history, name, lines, options));
    ++count;
  }
  const int width = std::max(count, 1) * options.width;
  std::string svg = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" viewBox=\"0 0 {0} {1}\" "
      "font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n",
      width, options.height);
  if (!options.title.empty()) {
    svg += fmt::format("<text x=\"{}\" y=\"18\" text-anchor=\"middle\" font-size=\"14\">{}</text>\n",
                       width / 2, escaped(options.title));
  }
  return svg + panels + "</svg>\n";
}

void save_curve(const std::string& path, const History& history, CurveOptions options) {
  write_file_atomically(path, history_to_svg(history, std::move(options)));
}

}  // namespace unspool
