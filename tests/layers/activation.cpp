#include <algorithm>

#include "support.h"

using namespace unspool;
using namespace unspool::testing;

TEST_CASE("activations by name give Keras' values") {
  const Tensor x = Tensor::of<double>({-4, -1, .5, 2, 8});
  const std::vector<std::pair<std::string, std::vector<double>>> known = {
      {"hard_sigmoid", {0, .3333333, .5833333, .8333333, 1}},
      {"hard_silu", {0, -.3333333, .2916667, 1.6666666, 8}},
      {"hard_swish", {0, -.3333333, .2916667, 1.6666666, 8}},
      {"leaky_relu", {-.8, -.2, .5, 2, 8}},
      {"gelu", {-.000126685, -.1586553, .3457312, 1.9544997, 8}},
      {"selu", {-1.7258986, -1.1113307, .5253506, 2.1014020, 8.4056082}},
      {"mish", {-.0725917, -.3034015, .3752452, 1.9439590, 7.9999982}},
      {"softsign", {-.8, -.5, .3333333, .6666667, .8888889}},
      {"softplus", {.0181499, .3132617, .9740770, 2.1269281, 8.0003357}},
      {"relu", {0, 0, .5, 2, 8}},
      {"relu6", {0, 0, .5, 2, 6}},
      {"hard_tanh", {-1, -1, .5, 1, 1}},
      {"squareplus", {.236068, .618034, 1.2807764, 2.4142137, 8.123106}},
      {"soft_shrink", {-3.5, -.5, 0, 1.5, 7.5}},
      {"hard_shrink", {-4, -1, 0, 2, 8}},
      {"sparse_plus", {0, 0, .5625, 2, 8}},
      {"sparse_sigmoid", {0, 0, .75, 1, 1}},
      {"linear", {-4, -1, .5, 2, 8}},
      {"exponential", {std::exp(-4), std::exp(-1), std::exp(.5), std::exp(2), std::exp(8)}},
      {"elu", {-.9816844, -.6321206, .5, 2, 8}},
      {"celu", {-.9816844, -.6321206, .5, 2, 8}},
  };
  for (const auto& row : known) {
    CAPTURE(row.first);
    CHECK(near(Activation(row.first)(x), row.second, 1e-6));
  }
  CHECK(near(sum(Activation("softmax")(x)), {1}));
}

TEST_CASE("every name can be called, written and read") {
  const Tensor x = some({2, 4});
  for (const std::string& name : activation_names()) {
    CAPTURE(name);
    const Activation activation = name;
    CHECK(activation(x).shape().front() == 2);
    CHECK(Activation::from_config(activation.config()) == activation);
  }
  CHECK(Activation("swish").name() == "silu");
}

TEST_CASE("no activation is linear") {
  const Tensor x = some({2});
  for (const Activation& none :
       {Activation(), Activation(""), Activation("linear"), Activation::from_config({})}) {
    CHECK(none.name() == "linear");
    CHECK(none(x).id() == x.id());
  }
}

TEST_CASE("errors of activations") {
  CHECK(contains(message_of<ValueError>([] { Activation("tahn"); }), "did you mean \"tanh\""));
  CHECK(contains(message_of<TypeError>([] { Activation::from_config(3); }), "activation"));
}

TEST_CASE("an activation of one's own") {
  const auto snake = [](const Tensor& x) { return x + square(sin(x)); };
  const Activation own = snake;
  CHECK(near(own(Tensor::of<double>({1})), {1.7080734}));
  CHECK(own.name().empty());
  CHECK(own == own);
  CHECK(contains(message_of<ValueError>([&] { own.config(); }), "register_activation"));
  register_activation("my>snake", snake);
  CHECK(near(Activation::from_config(Activation("my>snake").config())(Tensor::of<double>({1})), {1.7080734}));
  CHECK(Activation::from_config(from_json(R"({"class_name": "function", "config": "my>snake"})")).name() ==
        "my>snake");
}

TEST_CASE("a name of a built-in activation cannot be taken, one's own can be given anew") {
  const auto twice = [](const Tensor& x) { return x * 2; };
  for (const char* name : {"tanh", "swish", "linear", ""}) {
    CHECK_THROWS_AS(register_activation(name, twice), ValueError);
  }
  CHECK_THROWS_AS(register_activation("my>empty", ActivationBase::Function()), ValueError);
  register_activation("my>times", twice);
  register_activation("my>times", [](const Tensor& x) { return x * 3; });
  CHECK(near(Activation("my>times")(Tensor::of<float>({1})), {3}));
  CHECK(Activation("tanh") == Activation("tanh"));
  CHECK_FALSE(Activation("tanh") == Activation());
  CHECK(to_string(Activation("tanh")) == "tanh");
}
