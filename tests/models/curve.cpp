#include <doctest/doctest.h>
#include <limits>

#include <unspool/models/curve.h>

using namespace unspool;

namespace {
std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}
}  // namespace

TEST_CASE("a panel for each metric, with what was validated beside it") {
  History history;
  history.epoch = {0, 1, 2};
  history.history.set("loss", {3, 2, 1});
  history.history.set("a<b", {.1, .2, .3});
  history.history.set("val_loss", {4, 3, 2});
  const std::string svg = history_to_svg(history, {.title = "x & y", .width = 300, .height = 200});
  CHECK(count(svg, "<g ") == 2);
  CHECK(count(svg, "<polyline") == 3);
  CHECK(count(svg, "stroke-dasharray") == 1);
  CHECK(svg.find("a&lt;b") != std::string::npos);
  CHECK(svg.find("x &amp; y") != std::string::npos);
  CHECK(svg.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"600\" height=\"200\""));
}

TEST_CASE("courses that are hard to draw") {
  History history;
  CHECK(history_to_svg(history).ends_with("</svg>\n"));
  history.epoch = {0};
  history.history.set("loss", {0});
  CHECK(count(history_to_svg(history), "nan") == 0);
  history.epoch = {0, 1, 2, 3};
  history.history.set(
      "loss", {std::numeric_limits<double>::infinity(), std::numeric_limits<double>::quiet_NaN(), 1, 1});
  history.history.set("val_loss", {5, 5});  // every second epoch
  const std::string svg = history_to_svg(history);
  CHECK(count(svg, "nan") == 0);
  CHECK(count(svg, "inf") == 0);
}
