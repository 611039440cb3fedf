#include "support.h"

using namespace unspool;
using namespace unspool::testing;

TEST_CASE("global pooling over the steps") {
  const Tensor x = Tensor::of({{{1, 2}, {3, 8}, {5, 2}}});
  CHECK(near(GlobalAveragePooling1D()(x), {3, 4}));
  CHECK(near(GlobalMaxPooling1D()(x), {5, 8}));
  CHECK(GlobalAveragePooling1D({.keepdims = true})(x).shape() == Shape{1, 1, 2});
  CHECK(near(GlobalMaxPooling1D({.data_format = "channels_first"})(x), {2, 8, 5}));
  CHECK(GlobalMaxPooling1D({.keepdims = true})->compute_output_shape({unknown, unknown, 3}) ==
        Shape{unknown, 1, 3});
  CHECK(GlobalAveragePooling1D()->compute_output_shape({unknown, unknown, 3}) == Shape{unknown, 3});
}

TEST_CASE("the average is over the steps that the mask leaves; the maximum sees no mask") {
  const Tensor mask = mask_of_bits({{1, 0, 1}, {0, 0, 0}});
  const Tensor x = with_mask(Tensor::of({{{1}, {100}, {5}}, {{1}, {2}, {3}}}), mask);
  const Tensor average = GlobalAveragePooling1D()(x);
  CHECK(near(average, {3, 0}));
  CHECK_FALSE(mask_of(average));
  CHECK(near(GlobalMaxPooling1D()(x), {100, 3}));
  const std::string message = message_of<ValueError>([&] {
    GlobalAveragePooling1D({.name = "g"})(x, {.mask = mask_of_bits({{1, 0}})});
  });
  CHECK(contains(message, "the layer g expected a mask of shape [2, 3], got bool[1, 2]"));
  CHECK(contains(message_of<ValueError>([] {
                   GlobalMaxPooling1D()(Tensor::ones({2, 3}));
                 }),
                 "expected ndim=3"));
}
