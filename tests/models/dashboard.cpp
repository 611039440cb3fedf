#include <cmath>
#include <doctest/doctest.h>
#include <limits>
#include <sstream>
#include <string>
#include <vector>

#include <unspool/core/error.h>
#include <unspool/models/dashboard.h>
#include <unspool/models/internal/dashboard_view.h>
#include <unspool/models/internal/text_canvas.h>

using namespace unspool;

namespace {

internal::DashboardView full_view() {
  internal::DashboardView view{.model = "signs", .epoch = 2, .epochs = 20, .batch = 30, .steps = 40};
  view.seconds = 65;
  view.seconds_left = 600;
  view.seconds_a_step = 0.002;
  view.learning_rate = 0.001;
  view.flops = 12.3e9;
  view.peak = 60e9;
  view.threads = 2;
  view.has_keys = true;
  view.message = "saved to signs.unspool";
  for (const char* const name : {"loss", "accuracy", "auc", "precision", "recall"}) {
    internal::DashboardCurve curve{.name = name};
    for (int i = 0; i < 60; ++i) curve.training.emplace_back(i * 0.045, std::exp(-0.1 * i));
    for (int i = 1; i < 3; ++i) curve.validation.emplace_back(i, 0.5 / i);
    view.curves.push_back(curve);
  }
  for (const char* const name : {"lstm", "bidirectional/backward_lstm"}) {
    internal::ProbedSequence sequence{.layer = name};
    for (int t = 0; t < 300; ++t) {
      sequence.gradient.push_back(std::pow(10.0, -0.04 * (299 - t)));
      sequence.used.push_back(true);
    }
    sequence.gates = {{.name = "f", .saturated = std::vector<double>(300, 0.1), .share = 0.1},
                      {.name = "i", .saturated = std::vector<double>(300, 0.9), .share = 0.9}};
    view.sequences.push_back(sequence);
  }
  view.layers = {{"lstm", 1e-3}, {"bidirectional/backward_lstm", 1e-5}, {"dense", 0.2}};
  return view;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

const std::string& line_with(const std::vector<std::string>& lines, const std::string& part) {
  static const std::string none;
  for (const std::string& line : lines) {
    if (has(line, part)) return line;
  }
  return none;
}

}  // namespace

TEST_CASE("A dashboard fits every size of a terminal") {
  internal::DashboardView odd = full_view();
  odd.steps.reset();
  odd.seconds_left.reset();
  odd.sequences[0].gradient.assign(3, 0);
  odd.sequences[0].gates.clear();
  odd.curves[0].training = {{0.1, std::nan("")}, {0.2, std::numeric_limits<double>::infinity()}};
  const std::vector<internal::DashboardView> views{full_view(), odd, {.model = "fresh"}};
  for (const internal::DashboardView& view : views) {
    for (const int columns : {20, 39, 80, 81, 120, 200, 321}) {
      for (const int rows : {4, 8, 15, 24, 25, 50, 100}) {
        CAPTURE(columns);
        CAPTURE(rows);
        const std::vector<std::string> lines = lines_of(internal::draw(view, columns, rows, false));
        CHECK(static_cast<int>(lines.size()) <= rows);
        for (const std::string& line : lines) CHECK(internal::text_width(line) <= columns);
        CHECK(has(lines.front(), view.model.substr(0, 5)));
      }
    }
  }
}

TEST_CASE("A dashboard shows progress, curves, gradients and gates") {
  for (const int columns : {80, 200}) {
    CAPTURE(columns);
    const std::string text = internal::draw(full_view(), columns, columns == 80 ? 24 : 50, false);
    CAPTURE(text);
    for (const char* const part :
         {"signs", "q stop   s save   + - learning rate", "epoch 3/20", "30/40   1:05 + 10:00 left",
          "2ms/step", "12.3 GFLOP/s, 20 % of the peak of 2 threads", "learning rate 0.001", "loss",
          "accuracy", "val 0.25", "4 epochs", "gradient of the states", "time step 0", "299",
          "saved to signs.unspool"}) {
      CHECK_MESSAGE(has(text, part), part);
    }
    CHECK(has(text, "auc") == (columns == 200));
    const std::vector<std::string> lines = lines_of(text);
    // From step 299 the gradient falls by ten every 25 steps: full at the end, lost in rounding at the start.
    const std::string& row = line_with(lines, " lstm ");
    CHECK(has(row, "·░"));
    CHECK(has(row, "▓█"));
    CHECK(has(row, " 1"));
    CHECK(has(line_with(lines, " i "), "90 %"));
    CHECK(has(line_with(lines, " f "), "10 %"));
  }
}

TEST_CASE("A canvas writes text, dots and styles") {
  internal::TextCanvas canvas(6, 2);
  CHECK(canvas.write(1, 0, "aé█\n", {.bold = true}) == 5);
  canvas.write(4, 1, "long text");
  canvas.write(0, 7, "outside");
  canvas.dot(0, 4, {});
  canvas.dot(1, 7, {});
  canvas.dot(-1, 0, {});
  // Dots 1 and 8 of Braille.
  CHECK(canvas.text(false) == " aé█?\n⢁   lo");
  CHECK(canvas.text(true) == " \033[0;1maé█?\033[0m\n⢁   lo");
  CHECK(internal::text_width("aé█") == 3);
}

TEST_CASE("Options of a dashboard are checked") {
  CHECK_THROWS_AS(Dashboard({.rate_factor = 1}), ValueError);
  CHECK_FALSE(Dashboard() == nullptr);
}
