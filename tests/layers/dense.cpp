#include "support.h"

using namespace unspool;
using namespace unspool::testing;

TEST_CASE("Dense is activation(x kernel + bias) on the last axis") {
  const Ref<layers::Dense> dense = Dense({.units = 2, .activation = "relu"});
  dense->build_once(Shape{unknown, 3});
  dense->set_weights({Tensor::of<float>({{1, 2}, {3, 4}, {5, -6}}), Tensor::of<float>({0.5, -0.5})});
  CHECK(near(dense(Tensor::of<float>({{1, 1, 1}, {0, 1, 0}})), {9.5, 0, 3.5, 3.5}));
  // Of any rank.
  const Tensor y = dense(Tensor::ones({2, 4, 3}));
  CHECK(y.shape() == Shape{2, 4, 2});
  CHECK(y.item<float>({1, 3, 0}) == 9.5F);
  CHECK(dense(Tensor::ones({0, 3})).shape() == Shape{0, 2});
  CHECK(dense->compute_output_shape({unknown, 7, 3}) == Shape{unknown, 7, 2});
}

TEST_CASE("Dense without a bias, and with an activation that changes the shape") {
  const Ref<layers::Dense> plain = Dense({.units = 4, .use_bias = false, .kernel_initializer = "ones"});
  CHECK(near(plain(Tensor::ones({1, 3})), {3, 3, 3, 3}));
  CHECK(plain->weights().size() == 1);
  const Ref<layers::Dense> gated = Dense({.units = 4, .activation = "glu"});
  CHECK(gated->compute_output_shape({unknown, 3}) == Shape{unknown, 2});
  CHECK_FALSE(gated->built());
  CHECK(gated(Tensor::ones({5, 3})).shape() == Shape{5, 2});
}

TEST_CASE("gradients of Dense") {
  const Ref<layers::Dense> dense = Dense({.units = 2, .activation = "tanh", .dtype = float64});
  const Tensor x = some({3, 2, 4});
  dense(x);
  const GradcheckResult result =
      gradcheck([&](const Tensor& input) { return dense(input); }, x, dense->trainable_weights());
  CHECK_MESSAGE(result, result.message);
}

TEST_CASE("errors of Dense") {
  CHECK(contains(message_of<ValueError>([] { Dense({.units = 0}); }), "got 0"));
  CHECK(contains(message_of<ValueError>([] { Dense({.units = -3}); }), "got -3"));
  const std::string rank =
      message_of<ValueError>([] { Dense({.units = 1, .name = "d"})(Tensor::ones({3})); });
  CHECK(contains(rank, "the layer d: expected min_ndim=2, found ndim=1"));
  const Ref<layers::Dense> dense = Dense({.units = 1});
  dense(Tensor::ones({2, 3}));
  CHECK(contains(message_of<ValueError>([&] { dense(Tensor::ones({2, 4})); }), "to have value 3, found 4"));
  CHECK(contains(message_of<ValueError>([&] {
                   dense->compute_output_shape({2, 4});
                 }),
                 "to have value 3, found 4"));
  CHECK(contains(message_of<ValueError>([] {
                   Dense({.units = 1})(Input({.batch_shape = {2, unknown}}));
                 }),
                 "last dimension"));
}

TEST_CASE("what Dense is made with is in its config") {
  const DenseOptions options = {.units = 3,
                                .activation = "relu",
                                .use_bias = false,
                                .kernel_initializer = HeNormal({.seed = 4}),
                                .bias_initializer = "ones",
                                .kernel_regularizer = L2({.l2 = 0.5}),
                                .bias_regularizer = "l1",
                                .activity_regularizer = L1L2({.l1 = 1}),
                                .kernel_constraint = MaxNorm({.axis = 1}),
                                .bias_constraint = "non_neg",
                                .name = "given",
                                .trainable = false,
                                .dtype = float64};
  const Ref<layers::Dense> dense = Dense(options);
  const Ref<layers::Dense> again = clone(dense);
  CHECK(equal(again->options(), options));
  CHECK(again->get_config() == dense->get_config());
  CHECK(dense->get_config().keys().front() == "name");
}

TEST_CASE("units of a config are an integer") {
  const auto made = [](const std::string& units) {
    return deserialize_layer(from_json(R"({"class_name": "Dense", "config": {"units": )" + units + "}}"));
  };
  const auto refused = [&](const std::string& units) { return message_of<TypeError>([&] { made(units); }); };
  const std::string message = refused("2.0");
  CHECK(contains(message, "config.config.units"));
  CHECK(contains(message, "units: expected a positive integer"));
  CHECK(contains(message, "2.0"));
  CHECK(contains(refused("0"), "units: expected a positive number, got 0"));
  CHECK(made("2")->class_name() == "Dense");
}
