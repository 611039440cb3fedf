#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include <unspool/core/internal/format.h>
#include <unspool/models/internal/dashboard_view.h>
#include <unspool/models/internal/progress.h>
#include <unspool/models/internal/text_canvas.h>

namespace unspool::internal {

namespace {

constexpr TextStyle strong{.bold = true};
constexpr TextStyle faint{.color = 245};
constexpr TextStyle training_style{.color = 39};
constexpr TextStyle validation_style{.color = 214};
constexpr TextStyle done_style{.color = 35};
constexpr TextStyle warning_style{.color = 203, .bold = true};

std::string number(double value) {
  if (!std::isfinite(value)) return fmt::format("{}", value);
  const double size = std::abs(value);
  if (size != 0 && (size < 1e-3 || size >= 1e5)) return fmt::format("{:.2e}", value);
  return fmt::format("{:.4g}", value);
}

std::string rate_of(double flops) {
  if (flops >= 1e12) return fmt::format("{:.2f} TFLOP/s", flops * 1e-12);
  if (flops >= 1e9) return fmt::format("{:.1f} GFLOP/s", flops * 1e-9);
  return fmt::format("{:.1f} MFLOP/s", flops * 1e-6);
}

// -- The header -------------------------------------------------------------------------------------------

/// Name and keys; a bar; pace, throughput and rate. Returns the number of rows.
int draw_header(TextCanvas& canvas, const DashboardView& view) {
  const std::string_view keys = "q stop   s save   + - learning rate";
  canvas.write(1, 0, view.model, strong);
  if (view.has_keys && text_width(view.model) + text_width(keys) + 5 < canvas.columns()) {
    canvas.write(canvas.columns() - 1 - text_width(keys), 0, keys, faint);
  }

  const std::string epoch = fmt::format("epoch {}/{}", view.epoch + 1, view.epochs);
  std::string end =
      view.steps ? fmt::format("{}/{}", view.batch, *view.steps) : fmt::format("batch {}", view.batch);
  if (view.validating) end = "validation";
  end += fmt::format("   {}", describe_eta(view.seconds));
  if (view.seconds_left) end += fmt::format(" + {} left", describe_eta(*view.seconds_left));
  int column = canvas.write(1, 1, epoch, strong) + 2;
  const int bar = canvas.columns() - 1 - text_width(end) - 2 - column;
  if (view.steps && bar >= 4) {
    const double share =
        *view.steps == 0 ? 1
                         : std::min(1.0, static_cast<double>(view.batch) / static_cast<double>(*view.steps));
    const int halves = static_cast<int>(std::floor(share * 2 * bar));
    for (int i = 0; i < bar; ++i) {
      const bool half = 2 * i + 1 == halves;
      canvas.put(column + i, 1, half ? U'╸' : U'━', 2 * i < halves ? done_style : TextStyle{.color = 238});
    }
    column += bar + 2;
  }
  canvas.write(column, 1, end);

  std::vector<std::string> facts{"learning rate " + number(view.learning_rate)};
  if (view.seconds_a_step > 0) facts.push_back(describe_pace(view.seconds_a_step));
  if (view.flops > 0) {
    std::string fact = rate_of(view.flops);
    if (view.peak > 0) {
      fact += fmt::format(", {:.0f} % of the peak of {} thread{}", 100 * view.flops / view.peak, view.threads,
                          view.threads == 1 ? "" : "s");
    }
    facts.push_back(std::move(fact));
  }
  canvas.write(1, 2, internal::joined(facts, "   "));
  return 3;
}

// -- Curves -----------------------------------------------------------------------------------------------

struct ValueRange {
  double low = std::numeric_limits<double>::infinity();
  double high = -std::numeric_limits<double>::infinity();
  void take(const DashboardCurve::Points& points) {
    for (const auto& [x, y] : points) {
      if (!std::isfinite(y)) continue;
      low = std::min(low, y);
      high = std::max(high, y);
    }
  }
};

/// A rectangle of a canvas.
struct Area {
  int column;
  int row;
  int columns;
  int rows;
};

/// Joins points by lines of dots.
void draw_line(TextCanvas& canvas, const Area& area, const DashboardCurve::Points& points, double epochs,
               const ValueRange& range, TextStyle style) {
  const double width = 2 * area.columns - 1;
  const double height = 4 * area.rows - 1;
  const auto place = [&](const std::pair<double, double>& point) {
    const double x = std::clamp(point.first / epochs, 0.0, 1.0) * width;
    const double y = (range.high - point.second) / (range.high - range.low) * height;
    return std::pair(2 * area.column + static_cast<int>(std::lround(x)),
                     4 * area.row + static_cast<int>(std::lround(y)));
  };
  bool joined = false;
  std::pair<int, int> before;
  for (const auto& point : points) {
    if (!std::isfinite(point.second)) {
      joined = false;
      continue;
    }
    const auto [x, y] = place(point);
    const auto [x0, y0] = joined ? before : std::pair(x, y);
    const int steps = std::max({1, std::abs(x - x0), std::abs(y - y0)});
    for (int i = 0; i <= steps; ++i) {
      canvas.dot(x0 + (x - x0) * i / steps, y0 + (y - y0) * i / steps, style);
    }
    before = {x, y};
    joined = true;
  }
}

void draw_curve(TextCanvas& canvas, const Area& area, const DashboardCurve& curve, Index epochs) {
  int column = canvas.write(area.column, area.row, curve.name, strong, area.columns);
  const auto last = [&](std::string_view what, const DashboardCurve::Points& points, TextStyle style) {
    if (points.empty()) return;
    const std::string value = number(points.back().second);
    const int needed = 4 + text_width(what) + text_width(value);
    if (column + needed > area.column + area.columns) return;
    column = canvas.write(column + 2, area.row, "━", style);
    column = canvas.write(column, area.row, fmt::format(" {}{}", what, value));
  };
  last("", curve.training, training_style);
  last("val ", curve.validation, validation_style);

  ValueRange range;
  range.take(curve.training);
  range.take(curve.validation);
  if (!(range.low <= range.high)) return;
  if (range.low == range.high) {
    const double around = range.low == 0 ? 1 : std::abs(range.low) * 0.1;
    range = {range.low - around, range.high + around};
  }
  const std::string high = number(range.high);
  const std::string low = number(range.low);
  const int labels = std::max(text_width(high), text_width(low));
  const Area plot{area.column + labels + 1, area.row + 1, area.columns - labels - 1, area.rows - 3};
  if (plot.columns < 4 || plot.rows < 2) return;
  canvas.write(plot.column - 1 - text_width(high), plot.row, high, faint);
  canvas.write(plot.column - 1 - text_width(low), plot.row + plot.rows - 1, low, faint);
  for (int row = 0; row < plot.rows; ++row) {
    canvas.put(plot.column - 1, plot.row + row, row == 0 || row == plot.rows - 1 ? U'┤' : U'│', faint);
  }
  const int axis = plot.row + plot.rows;
  canvas.put(plot.column - 1, axis, U'└', faint);
  for (int i = 0; i < plot.columns; ++i) canvas.put(plot.column + i, axis, U'─', faint);
  const std::string end = fmt::format("{} epoch{}", epochs, epochs == 1 ? "" : "s");
  canvas.write(plot.column - 1, axis + 1, "0", faint);
  canvas.write(plot.column + plot.columns - text_width(end), axis + 1, end, faint);
  const double all = static_cast<double>(std::max<Index>(1, epochs));
  draw_line(canvas, plot, curve.training, all, range, training_style);
  draw_line(canvas, plot, curve.validation, all, range, validation_style);
}

/// Where the axis of epochs ends: at the last one or, before a half of them is done, at the power of two that
/// comes next.
Index shown_epochs(const DashboardView& view) {
  Index shown = 1;
  while (shown <= view.epoch) shown *= 2;
  return std::min(shown, std::max<Index>(1, view.epochs));
}

void draw_curves(TextCanvas& canvas, const DashboardView& view, int row, int rows) {
  if (view.curves.empty() || rows < 5) return;
  constexpr int least = 36;
  const int room = canvas.columns() - 2;
  const int count = std::clamp(room / least, 1, std::min(4, static_cast<int>(view.curves.size())));
  const int width = (room - 3 * (count - 1)) / count;
  for (int i = 0; i < count; ++i) {
    draw_curve(canvas, {1 + i * (width + 3), row, width, rows}, view.curves[static_cast<std::size_t>(i)],
               shown_epochs(view));
  }
}

// -- The heat map -----------------------------------------------------------------------------------------

/// From little to much, so that the map is read without colors, too.
constexpr std::array<char32_t, 6> shades{U' ', U'·', U'░', U'▒', U'▓', U'█'};
/// From violet to yellow, as bright as much.
constexpr std::array<Color, 10> heat{54, 55, 61, 67, 73, 79, 78, 114, 185, 227};
constexpr std::array<Color, 6> alarm{240, 240, 180, 215, 209, 203};

/// The shade of a norm that is 10^decades times the greatest one: the last one begins where the rounding of
/// float32 does.
std::size_t shade_of(double decades) {
  constexpr std::array<double, 5> limits{-7.2, -5, -3, -1.5, -0.5};
  return static_cast<std::size_t>(
      std::count_if(limits.begin(), limits.end(), [&](double limit) { return decades >= limit; }));
}

/// The columns of a row of time steps: each step has as many, or several steps share one.
class TimeAxis {
 public:
  TimeAxis(std::size_t steps, int columns)
      : steps_(steps), wide_(std::max<int>(1, columns / static_cast<int>(std::max<std::size_t>(1, steps)))) {
    columns_ = static_cast<int>(steps) <= columns ? wide_ * static_cast<int>(steps) : columns;
  }
  int columns() const { return columns_; }
  /// The steps [first, last) of a column.
  std::pair<std::size_t, std::size_t> steps_at(int column) const {
    if (static_cast<int>(steps_) <= columns_) {
      const auto step = static_cast<std::size_t>(column / wide_);
      return {step, step + 1};
    }
    const auto at = [&](int c) {
      return static_cast<std::size_t>(c) * steps_ / static_cast<std::size_t>(columns_);
    };
    return {at(column), std::max(at(column) + 1, at(column + 1))};
  }

 private:
  std::size_t steps_;
  int wide_;
  int columns_;
};

struct HeatLayout {
  int names;   ///< The columns of names, at the left.
  int values;  ///< The columns of values, at the right.
};

void draw_gradient_row(TextCanvas& canvas, int row, const HeatLayout& layout, const ProbedSequence& sequence,
                       double most) {
  canvas.write(1, row, sequence.layer, strong, layout.names - 2);
  const TimeAxis axis(sequence.gradient.size(), canvas.columns() - 1 - layout.names - layout.values);
  double first = 0;
  for (int column = 0; column < axis.columns(); ++column) {
    const auto [begin, end] = axis.steps_at(column);
    double norm = 0;
    bool finite = true;
    for (std::size_t t = begin; t < end; ++t) {
      finite = finite && std::isfinite(sequence.gradient[t]);
      norm = std::max(norm, sequence.gradient[t]);
    }
    if (!finite) {
      canvas.put(layout.names + column, row, U'!', warning_style);
      continue;
    }
    const double decades = norm > 0 && most > 0 ? std::log10(norm / most) : -99;
    const double warmth = std::clamp(1 + decades / 7.2, 0.0, 1.0);
    const auto color = heat[static_cast<std::size_t>(std::lround(warmth * (heat.size() - 1)))];
    canvas.put(layout.names + column, row, shades[shade_of(decades)], {.color = color});
    first = std::max(first, norm);
  }
  canvas.write(canvas.columns() - layout.values, row, number(first));
}

void draw_gate_row(TextCanvas& canvas, int row, const HeatLayout& layout, const ProbedGate& gate) {
  canvas.write(3, row, gate.name, {}, layout.names - 4);
  const TimeAxis axis(gate.saturated.size(), canvas.columns() - 1 - layout.names - layout.values);
  for (int column = 0; column < axis.columns(); ++column) {
    const auto [begin, end] = axis.steps_at(column);
    double sum = 0;
    double count = 0;
    for (std::size_t t = begin; t < end; ++t) {
      if (std::isnan(gate.saturated[t])) continue;
      sum += gate.saturated[t];
      ++count;
    }
    const double share = count == 0 ? 0 : sum / count;
    const auto shade = static_cast<std::size_t>(share < 0.02 ? 0 : std::min(5.0, 1 + share * 5));
    canvas.put(layout.names + column, row, shades[shade], {.color = alarm[shade]});
  }
  const TextStyle style = gate.share > 0.5 ? warning_style : TextStyle();
  canvas.write(canvas.columns() - layout.values, row,
               std::isnan(gate.share) ? "-" : fmt::format("{:.0f} %", 100 * gate.share), style);
}

void draw_time_axis(TextCanvas& canvas, int row, const HeatLayout& layout, std::size_t steps) {
  const TimeAxis axis(steps, canvas.columns() - 1 - layout.names - layout.values);
  const std::string first = "time step 0";
  const std::string last = fmt::format("{}", steps - 1);
  canvas.write(layout.names, row, first, faint);
  if (axis.columns() > text_width(first) + text_width(last) + 1) {
    canvas.write(layout.names + axis.columns() - text_width(last), row, last, faint);
  }
}

/// The norm of the gradient of each layer's weights, relative to the weights, as a bar over decades.
int draw_layers(TextCanvas& canvas, const DashboardView& view, int row, int end, const HeatLayout& layout) {
  if (view.layers.empty() || row + 2 > end) return row;
  canvas.write(1, row++, "gradient of the weights, relative to the weights", faint);
  for (const auto& [layer, relative] : view.layers) {
    if (row >= end) break;
    canvas.write(1, row, layer, strong, layout.names - 2);
    const int room = canvas.columns() - 1 - layout.names - layout.values;
    // From 1e-8 to 1.
    const double decades = relative > 0 ? std::log10(relative) : -99;
    const double length = std::clamp(1 + decades / 8, 0.0, 1.0);
    const int bar = static_cast<int>(std::lround(length * room));
    const auto color = heat[static_cast<std::size_t>(std::lround(length * (heat.size() - 1)))];
    for (int i = 0; i < bar; ++i) canvas.put(layout.names + i, row, U'▬', {.color = color});
    canvas.write(canvas.columns() - layout.values, row, number(relative),
                 std::isfinite(relative) ? TextStyle() : warning_style);
    ++row;
  }
  return row;
}

int draw_legend(TextCanvas& canvas, int row, double most) {
  int column = canvas.write(1, row, "gradient of the states", faint) + 2;
  constexpr std::array<double, 5> factors{1, 0.1, 1e-2, 1e-4, 1e-6};
  for (std::size_t i = 0; i < factors.size(); ++i) {
    const double warmth = std::clamp(1 + std::log10(factors[i]) / 7.2, 0.0, 1.0);
    const auto color = heat[static_cast<std::size_t>(std::lround(warmth * (heat.size() - 1)))];
    if (column + 9 > canvas.columns()) return row + 1;
    canvas.put(column, row, shades[shades.size() - 1 - i], {.color = color});
    column = canvas.write(column + 2, row, fmt::format("{:.0e}", most * factors[i]), faint) + 2;
  }
  const std::string_view gates = "gates: share of values that are saturated";
  if (column + text_width(gates) + 2 < canvas.columns()) {
    canvas.write(canvas.columns() - 1 - text_width(gates), row, gates, faint);
  }
  return row + 1;
}

/// The rows that the heat map and the bars of the layers would take.
int wanted_heat_rows(const DashboardView& view) {
  std::size_t rows = 0;
  for (const ProbedSequence& sequence : view.sequences) rows += 1 + sequence.gates.size();
  if (rows > 0) rows += 2;
  if (!view.layers.empty()) rows += 1 + view.layers.size();
  return static_cast<int>(rows);
}

void draw_heat(TextCanvas& canvas, const DashboardView& view, int row, int end) {
  HeatLayout layout{.names = 12, .values = 9};
  const auto widen = [&](std::size_t width) {
    layout.names = std::max(layout.names, std::min(canvas.columns() / 4, static_cast<int>(width)));
  };
  double most = 0;
  std::size_t steps = 0;
  for (const ProbedSequence& sequence : view.sequences) {
    widen(sequence.layer.size() + 3);
    for (const ProbedGate& gate : sequence.gates) widen(gate.name.size() + 5);
    steps = std::max(steps, sequence.gradient.size());
    for (const double norm : sequence.gradient) most = std::isfinite(norm) ? std::max(most, norm) : most;
  }
  for (const auto& [layer, relative] : view.layers) widen(layer.size() + 3);
  if (steps > 0 && end - row >= 3) {
    row = draw_legend(canvas, row, most);
    const int last = end - 1;  // The axis.
    // Where rows are few, each layer comes before any gate.
    int gates = last - row - static_cast<int>(view.sequences.size());
    for (const ProbedSequence& sequence : view.sequences) {
      if (row >= last) break;
      draw_gradient_row(canvas, row++, layout, sequence, most);
      for (const ProbedGate& gate : sequence.gates) {
        if (gates <= 0 || row >= last) break;
        draw_gate_row(canvas, row++, layout, gate);
        --gates;
      }
    }
    draw_time_axis(canvas, row++, layout, steps);
  }
  draw_layers(canvas, view, row, end, layout);
}

}  // namespace

std::string draw(const DashboardView& view, int columns, int rows, bool colored) {
  // The last column stays empty: some terminals wrap after it.
  TextCanvas canvas(std::max(20, columns - 1), std::max(4, rows));
  int row = draw_header(canvas, view) + 1;
  const int end = canvas.rows() - 1;
  const int left = end - row;
  const int wanted = wanted_heat_rows(view);
  // Curves take what the heat map leaves, at least a third and at most 14 rows.
  const int curves =
      std::min(wanted == 0 ? left : std::min(std::max({left - wanted - 1, 7, left / 3}), 14), left);
  draw_curves(canvas, view, row, curves);
  draw_heat(canvas, view, row + curves + (left - curves > wanted ? 1 : 0), end);
  canvas.write(1, canvas.rows() - 1, view.message, faint);
  return canvas.text(colored);
}

}  // namespace unspool::internal
