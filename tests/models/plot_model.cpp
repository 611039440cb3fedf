#include <cstdlib>
#include <doctest/doctest.h>
#include <filesystem>
#include <string>

#include <unspool/autograd/arithmetic.h>
#include <unspool/core/error.h>
#include <unspool/layers/dense.h>
#include <unspool/layers/input.h>
#include <unspool/layers/lstm.h>
#include <unspool/layers/merge.h>
#include <unspool/models/plot_model.h>
#include <unspool/models/sequential.h>
#include <unspool/serialization/file.h>

#include "../serialization/folder.h"
#include "../support/errors.h"
#include "../support/setting.h"

using namespace unspool;
using namespace unspool::testing;

namespace {

Model plotted() {
  const Sequential encoder(
      {Input({.shape = {5, 3}}), LSTM({.units = 4, .name = "lstm"}), Dense({.units = 2, .name = "code"})},
      {.name = "encoder"});
  const Tensor first = Input({.shape = {5, 3}, .name = "i1"});
  const Tensor second = Input({.shape = {5, 3}, .name = "i2"});
  const Tensor both = Concatenate({.name = "cat"})({encoder(first), encoder(second)});
  return Model({first, second}, Dense({.units = 1, .activation = "relu", .name = "out"})(both),
               {.name = "graph"});
}

}  // namespace

TEST_CASE("the DOT text of a graph has its nodes and edges") {
  const std::string dot = model_to_dot(plotted(), {.show_layer_names = true});
  CHECK(dot.starts_with("digraph \"graph\" {\n  rankdir=TB;\n"));
  CHECK(contains(dot, "<b>encoder</b> (Sequential)"));
  for (const char* edge :
       {"\"i1\" -> \"encoder\"", "\"i2\" -> \"encoder\"", "\"encoder\" -> \"cat\"", "\"cat\" -> \"out\""}) {
    CAPTURE(edge);
    CHECK(contains(dot, edge));
  }
  CHECK_FALSE(contains(dot, "lstm"));
}

TEST_CASE("the DOT text of nested models") {
  const std::string dot = model_to_dot(
      plotted(),
      {.show_shapes = true, .expand_nested = true, .show_layer_activations = true, .show_trainable = true});
  CHECK(contains(dot, "subgraph \"cluster_encoder\" {\n    label=\"encoder\";"));
  for (const char* edge : {"\"i1\" -> \"encoder/lstm\"", "\"encoder/lstm\" -> \"encoder/code\"",
                           "\"encoder/code\" -> \"cat\""}) {
    CAPTURE(edge);
    CHECK(contains(dot, edge));
  }
  CHECK_FALSE(contains(dot, "\"encoder\" ->"));
  CHECK(contains(dot, "Input shape: <b>(None, 5, 3)</b>"));
  CHECK(contains(dot, "Input shape: <b>[(None, 2), (None, 2)]</b>"));
  CHECK(contains(dot, "Activation: <b>relu</b>"));
  CHECK(contains(dot, "<b>Trainable</b>"));
}

TEST_CASE("the DOT text of a Sequential, of an operation and of names with special characters") {
  const Sequential model({Dense({.units = 2, .name = "a<\"b\">&"}), Dense({.units = 1, .name = "c"})});
  CHECK(contains(message_of<ValueError>([&] { model_to_dot(model); }), "expected a built model"));
  model.build({-1, 3});
  const std::string dot = model_to_dot(model, {.show_layer_names = true});
  CHECK(contains(dot, "<b>a&lt;&quot;b&quot;&gt;&amp;</b>"));
  CHECK(contains(dot, R"("a<\"b\">&" -> "c")"));
  CHECK(contains(message_of<ValueError>([&] { model_to_dot(model, {.rankdir = "up"}); }), "got \"up\""));

  const Tensor x = Input({.shape = {2}, .name = "x"});
  const std::string product = model_to_dot(Model(x, x * 2.0F), {.show_shapes = true});
  CHECK(contains(product, "<b>Multiply</b>"));
  CHECK(contains(product, "Input shape: <b>(None, 2)</b>"));
}

TEST_CASE("plot_model writes DOT, and lets Graphviz draw other formats") {
  const Folder folder;
  const std::string dot = (folder / "model.dot").native();
  plot_model(plotted(), dot);
  CHECK(read_file(dot) == model_to_dot(plotted()));

  // A program that stands in for Graphviz: it checks its arguments and copies its input.
  const std::filesystem::path bin = folder / "bin";
  std::filesystem::create_directory(bin);
  write_file_atomically((bin / "dot").native(),
                        "#!/bin/sh\n[ \"$1 $2\" = '-Tsvg -o' ] || exit 1\ncat \"$4\" > \"$3\"\n");
  std::filesystem::permissions(bin / "dot", std::filesystem::perms::owner_all);
  const std::string path = std::getenv("PATH");
  const std::string svg = (folder / "a model's.svg").native();
  const std::string png = (folder / "model.png").native();
  ::setenv("PATH", (bin.native() + ":" + path).c_str(), 1);
  plot_model(plotted(), svg);
  const std::string failed = message_of<RuntimeError>([&] { plot_model(plotted(), png); });
  ::setenv("PATH", (folder / "nothing").c_str(), 1);
  const std::string missing = message_of<RuntimeError>([&] { plot_model(plotted(), png); });
  ::setenv("PATH", path.c_str(), 1);
  CHECK(read_file(svg) == model_to_dot(plotted()));
  CHECK(contains(failed, "it must know the format \"png\""));
  CHECK(contains(missing, "install Graphviz, or write a file with the extension .dot"));
  CHECK(contains(message_of<ValueError>([] { plot_model(plotted(), "model"); }), "with an extension"));
}
