#include <limits>

#include "support.h"

using namespace unspool;
using namespace unspool::testing;

TEST_CASE("Masking leaves out steps all of whose features have the value") {
  // The numbers of Keras.
  const Tensor y = Masking({.mask_value = 2})(Tensor::of({{{2, 2}, {2, 1}, {0, 0}}}));
  CHECK(near(y, {0, 0, 2, 1, 0, 0}));
  CHECK(mask_of(y).to_vector<int>() == std::vector<int>{0, 1, 1});
  CHECK(mask_of(y).shape() == Shape{1, 3});
  // The value is the tensor's, which 0.1 as a double is not.
  CHECK(mask_of(Masking({.mask_value = 0.1})(Tensor::of({{{0.1}, {0.2}}}))).to_vector<int>() ==
        std::vector<int>{0, 1});
  const float nan = std::numeric_limits<float>::quiet_NaN();
  CHECK(mask_of(Masking()(Tensor::of({{{nan}, {0}}}))).to_vector<int>() == std::vector<int>{1, 0});
}

TEST_CASE("a recurrent layer behind Masking skips the steps") {
  const Sequential model({Masking(), SimpleRNN({.units = 1,
                                                .activation = "linear",
                                                .kernel_initializer = "ones",
                                                .recurrent_initializer = "ones",
                                                .return_sequences = true})});
  // A masked step repeats the output before it; before the first it is 0.
  CHECK(near(model(Tensor::of({{{0}, {2}, {3}, {0}}})), {0, 2, 5, 5}));
}

TEST_CASE("no gradient comes to what Masking leaves out") {
  const Tensor x = Tensor::of<double>({{{0, 0}, {0, 1}}});
  const Ref<layers::Masking> masking = Masking({.dtype = float64});
  CHECK(near(gradient([&](const Tensor& v) { return sum(masking(v)); }, x), {0, 0, 1, 1}));
}
