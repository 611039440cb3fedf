#include "support.h"

using namespace unspool;
using namespace unspool::testing;

TEST_CASE("ActivityRegularization adds a loss over the batch size and changes nothing") {
  const Ref<layers::ActivityRegularization> layer = ActivityRegularization({.l1 = 0.5, .l2 = 0.25});
  const Tensor mask = mask_of_bits({{1, 1}, {1, 0}});
  const Tensor y = layer(with_mask(Tensor::of({{1, -2}, {3, 0}}), mask));
  CHECK(near(y, {1, -2, 3, 0}, 0));
  CHECK(mask_of(y).id() == mask.id());
  REQUIRE(layer->losses().size() == 1);
  CHECK(near(layer->losses()[0], {(0.5 * 6 + 0.25 * 14) / 2}));
  CHECK_FALSE(layer->get_config().contains("activity_regularizer"));
  CHECK(clone(layer)->options().l2 == 0.25);
  CHECK(contains(message_of<ValueError>([] { ActivityRegularization({.l1 = -1}); }), "-1"));
}

TEST_CASE("any layer takes an activity regularizer, and writes it where there is one") {
  const Ref<layers::Flatten> flatten = Flatten({.activity_regularizer = L1({.l1 = 1})});
  flatten(Tensor::of({{{1, -3}}, {{0, 2}}}));
  CHECK(near(flatten->losses().at(0), {3}));
  CHECK(clone(flatten)->activity_regularizer() == L1({.l1 = 1}));
  CHECK_FALSE(Flatten()->get_config().contains("activity_regularizer"));
}
