#include "support.h"

using namespace unspool;
using namespace unspool::testing;

TEST_CASE("Flatten") {
  const Tensor x = counting({2, 2, 3});
  CHECK(Flatten()(x).shape() == Shape{2, 6});
  CHECK(Flatten()(Tensor::ones({4})).shape() == Shape{4, 1});
  CHECK(Flatten()(Tensor::ones({0, 3, 2})).shape() == Shape{0, 6});
  CHECK(near(slice(Flatten({.data_format = "channels_first"})(x), 0, 0, 1), {0, 3, 1, 4, 2, 5}));
  CHECK(Flatten()->compute_output_shape({unknown, 2, 3}) == Shape{unknown, 6});
  CHECK(Flatten()->compute_output_shape({unknown, unknown, 3}) == Shape{unknown, unknown});
  CHECK_FALSE(mask_of(Flatten()(with_mask(x, mask_of_bits({{1, 0}, {1, 1}})))));
  CHECK(contains(message_of<ValueError>([] { Flatten({.data_format = "first"}); }), "got \"first\""));
}

TEST_CASE("Reshape") {
  CHECK(Reshape({.target_shape = {3, 2}})(counting({2, 6})).shape() == Shape{2, 3, 2});
  CHECK(Reshape({.target_shape = {-1, 2}})(counting({2, 6})).shape() == Shape{2, 3, 2});
  CHECK(Reshape({.target_shape = {-1}})(counting({2, 3, 2})).shape() == Shape{2, 6});
  CHECK(Reshape({.target_shape = {3, -1}})->compute_output_shape({unknown, unknown, 6}) ==
        Shape{unknown, 3, unknown});
  // Keras writes -1 as it is.
  const Config config = Reshape({.target_shape = {3, -1}})->get_config();
  CHECK(to_json(config["target_shape"]) == "[3, -1]");
  const std::string message = message_of<ValueError>([] {
    Reshape({.target_shape = {4, 2}, .name = "r"})(counting({2, 6}));
  });
  CHECK(contains(
      message, "the layer r expected a target_shape of the 6 elements of each sample of [2, 6], got [4, 2]"));
  CHECK(contains(message_of<ValueError>([] {
                   Reshape({.target_shape = {4, -1}})(counting({2, 6}));
                 }),
                 "[4, -1]"));
  CHECK(contains(message_of<ValueError>([] { Reshape({.target_shape = {-1, -1}}); }), "one -1"));
  CHECK(contains(message_of<ValueError>([] { Reshape({.target_shape = {-2}}); }), "[-2]"));
}

TEST_CASE("Permute and RepeatVector") {
  CHECK(near(Permute({.dims = {2, 1}})(counting({1, 2, 3})), {0, 3, 1, 4, 2, 5}));
  CHECK(Permute({.dims = {3, 1, 2}})->compute_output_shape({unknown, 2, unknown, 4}) ==
        Shape{unknown, 4, 2, unknown});
  CHECK(near(RepeatVector({.n = 2})(Tensor::of({{1, 2}, {3, 4}})), {1, 2, 1, 2, 3, 4, 3, 4}));
  CHECK(RepeatVector({.n = 3})->compute_output_shape({unknown, 5}) == Shape{unknown, 3, 5});

  CHECK(contains(message_of<ValueError>([] { Permute({.dims = {0, 1}}); }), "got [0, 1]"));
  CHECK(contains(message_of<ValueError>([] { Permute({.dims = {1, 3}}); }), "got [1, 3]"));
  CHECK(contains(message_of<ValueError>([] {
                   Permute({.dims = {2, 1}})(Tensor::ones({2, 3}));
                 }),
                 "expected ndim=3"));
  CHECK(contains(message_of<ValueError>([] { RepeatVector({.n = 0}); }), "got 0"));
  CHECK(contains(message_of<ValueError>([] {
                   RepeatVector({.n = 2})(Tensor::ones({2, 3, 4}));
                 }),
                 "expected ndim=2"));
  CHECK(contains(message_of<TypeError>([] {
                   deserialize_layer(from_json(R"({"class_name": "RepeatVector", "config": {"n": 2.5}})"));
                 }),
                 "config.config.n: expected an integer, got the real 2.5"));
}
