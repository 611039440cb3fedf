#include <cstdlib>
#include <doctest/doctest.h>
#include <string>

#include <unspool/unspool.h>

#include "../support/errors.h"

using namespace unspool;
using namespace unspool::testing;

// Pictures of tapes, compiled scans and models.

namespace {

std::size_t count_of(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (std::size_t at = 0; (at = text.find(part, at)) != std::string::npos; ++at) ++count;
  return count;
}

bool has_graphviz() { return std::system("command -v dot >/dev/null 2>&1") == 0; }

Ref<layers::RNN> called_lstm() {
  const Ref<layers::RNN> layer = LSTM({.units = 2, .return_sequences = true});
  layer(Tensor::ones({2, 3, 2}));
  return layer;
}

}  // namespace

TEST_CASE("to_dot: a tape in frames by layer and time step, its weights once") {
  const Ref<layers::RNN> layer = LSTM({.units = 2, .name = "memory"});
  const Tensor x = labeled(Tensor::ones({1, 3, 2}), "x");
  GradientTape tape({.keep_all = true});
  tape.watch(x);
  labeled(sum(layer(x)), "loss");
  const std::string dot = to_dot(tape);
  CAPTURE(dot);
  for (const char* step : {"time step 0", "time step 1", "time step 2"}) {
    CHECK(count_of(dot, std::string("label=\"") + step + "\"") == 1);
  }
  for (const char* weight : {"kernel", "recurrent_kernel", "bias"}) {
    CHECK(count_of(dot, std::string("label=\"") + weight + "\n") == 1);
  }
  CHECK(contains(dot, "label=\"f_1\nsigmoid [1, 2]\""));
  CHECK(contains(dot, "label=\"loss\nsum []\""));
  CHECK(contains(dot, "subgraph \"cluster_memory"));
}

TEST_CASE("to_dot: a traced step, and a plan by what runs before, in and after the loop") {
  const auto compiled = called_lstm()->compiled();
  REQUIRE(compiled != nullptr);
  const std::string step = compiled->to_dot(ScanPicture::step);
  CAPTURE(step);
  for (const char* part :
       {"label=\"h\nstate [2, 2]\"", "label=\"x_t\nsequence [2, 2]\"", "label=\"kernel\ncaptured [2, 8]\"",
        "label=\"f\nsigmoid [2, 2]\"", "next step", "label=\"h_t\nof all steps\""}) {
    CAPTURE(part);
    CHECK(contains(step, part));
  }
  const std::string plan = compiled->to_dot();
  for (const char* part : {"label=\"forward\"", "label=\"backward\"", "label=\"before the loop\"",
                           "label=\"in the loop\"", "label=\"after the loop\"", "dkernel"}) {
    CAPTURE(part);
    CHECK(contains(plan, part));
  }
  CHECK(LSTM({.units = 2})->compiled() == nullptr);
}

TEST_CASE("to_svg: draws tapes, scans and models with Graphviz" * doctest::skip(!has_graphviz())) {
  const Tensor x = labeled(Tensor::ones({2}), "x");
  GradientTape tape;
  tape.watch(x);
  labeled(x * x, "y");
  const std::string of_tape = to_svg(tape);
  CHECK(contains(of_tape, "<svg"));
  CHECK(contains(of_tape, "multiply"));
  const auto compiled = called_lstm()->compiled();
  CHECK(contains(to_svg(*compiled), "recurrent_kernel"));
  CHECK(contains(to_svg(*compiled, ScanPicture::step), "x_t"));
  const Sequential model({Input({.shape = {3}}), Dense({.units = 2, .name = "code"})});
  CHECK(contains(to_svg(model, {.show_layer_names = true}), "code"));
  CHECK_THROWS_AS(to_svg(std::string("no graph")), RuntimeError);
}
