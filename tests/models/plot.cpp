#include <doctest/doctest.h>
#include <limits>

#include <unspool/core/error.h>
#include <unspool/models/plot.h>

using namespace unspool;

TEST_CASE("the points of a plot are where its axes say") {
  // The plot area is 840 - 56 - 16 wide and 280 - 48 - 40 high.
  const std::string svg =
      plot_to_svg({{"a", Tensor::of({1700, 1800, 1900}), Tensor::of({0, 50, 100})},
                   {"b", Tensor::of<std::int32_t>({1700, 1900}), Tensor::of<std::int32_t>({100, 0}), true}},
                  {.title = "Sunspots", .x_label = "year", .y_label = "a < b"});
  CHECK(svg.find("points=\"56.0,240.0 440.0,144.0 824.0,48.0 \"") != std::string::npos);
  CHECK(svg.find("points=\"56.0,48.0 824.0,240.0 \" fill=\"none\" stroke=\"#c8501e\" stroke-width=\"1.5\" "
                 "stroke-dasharray") != std::string::npos);
  CHECK(svg.find(">Sunspots<") != std::string::npos);
  CHECK(svg.find(">year<") != std::string::npos);
  CHECK(svg.find(">a &lt; b<") != std::string::npos);
}

TEST_CASE("what is not finite is left out of a plot") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const std::string svg =
      plot_to_svg({{"a", Tensor::of<double>({0, 0.5, 1}), Tensor::of<double>({1, nan, 2})}}, {});
  CHECK(svg.find("points=\"56.0,240.0 824.0,48.0 \"") != std::string::npos);
  CHECK(plot_to_svg({}).ends_with("</svg>\n"));
}

TEST_CASE("a line of a plot has as many values as places") {
  CHECK_THROWS_WITH_AS(plot_to_svg({{"a", Tensor::of({1, 2}), Tensor::of({1})}}),
                       "plot_to_svg(): expected as many values of y as of x in line \"a\", got 1 and 2",
                       ValueError);
}
