#include <doctest/doctest.h>

#include <unspool/core/error.h>
#include <unspool/data/sequences.h>

using namespace unspool;

namespace {

const std::vector<std::vector<int>> ragged{{1}, {2, 3}, {4, 5, 6}};

std::vector<int> padded(const PadSequencesOptions& options = {}) {
  return pad_sequences(ragged, options).to_vector<int>();
}

}  // namespace

TEST_CASE("pad_sequences, with the examples of Keras") {
  CHECK(padded() == std::vector<int>{0, 0, 1, 0, 2, 3, 4, 5, 6});
  CHECK(padded({.value = -1}) == std::vector<int>{-1, -1, 1, -1, 2, 3, 4, 5, 6});
  CHECK(padded({.padding = "post"}) == std::vector<int>{1, 0, 0, 2, 3, 0, 4, 5, 6});
  CHECK(padded({.maxlen = 2}) == std::vector<int>{0, 1, 2, 3, 5, 6});
  CHECK(padded({.maxlen = 2, .truncating = "post"}) == std::vector<int>{0, 1, 2, 3, 4, 5});
  CHECK(padded({.maxlen = 4, .padding = "post"}) == std::vector<int>{1, 0, 0, 0, 2, 3, 0, 0, 4, 5, 6, 0});
  CHECK(describe(pad_sequences({{1, 2, 3}, {4}, {}})) == "int32[3, 3]");
  CHECK(describe(pad_sequences(ragged, {.dtype = float32})) == "float32[3, 3]");
  CHECK(describe(pad_sequences(std::vector<std::vector<std::int64_t>>{{1}})) == "int32[1, 1]");
  CHECK(describe(pad_sequences(std::vector<std::vector<int>>{})) == "int32[0, 0]");
}

TEST_CASE("pad_sequences of real numbers and of vectors") {
  const std::vector<std::vector<float>> reals{{0.5F}, {1.5F, 2.5F}};
  CHECK(pad_sequences(reals).to_vector<float>() == std::vector<float>{0, 0.5F, 1.5F, 2.5F});
  const std::vector<Tensor> vectors{Tensor::ones({1, 2}), Tensor::full({2, 2}, 2), Tensor::zeros({0})};
  const Tensor all = pad_sequences(vectors, {.padding = "post"});
  CHECK(describe(all) == "float32[3, 2, 2]");
  CHECK(all.to_vector<float>() == std::vector<float>{1, 1, 0, 0, 2, 2, 2, 2, 0, 0, 0, 0});
}

TEST_CASE("pad_sequences refuses what does not fit") {
  CHECK_THROWS_WITH_AS(padded({.padding = "both"}),
                       "pad_sequences: expected padding \"pre\" or \"post\", got \"both\"", ValueError);
  CHECK_THROWS_AS(pad_sequences(std::vector<std::vector<std::int64_t>>{{std::int64_t{1} << 40}}), ValueError);
  CHECK_THROWS_WITH_AS(pad_sequences({Tensor::zeros({1, 2}), Tensor::zeros({1, 3})}),
                       doctest::Contains("expected elements of one shape"), ValueError);
  CHECK_THROWS_WITH_AS(pad_sequences({Tensor::scalar(1)}), doctest::Contains("expected sequences"),
                       ValueError);
}

TEST_CASE("to_categorical") {
  CHECK(to_categorical(Tensor::of<std::int32_t>({0, 2, 1})).to_vector<int>() ==
        std::vector<int>{1, 0, 0, 0, 0, 1, 0, 1, 0});
  CHECK(describe(to_categorical(Tensor::of<std::int32_t>({{0}, {1}}), 4)) == "float32[2, 4]");
  CHECK_THROWS_WITH_AS(to_categorical(Tensor::of<std::int32_t>({0, 4}), 4),
                       "to_categorical: expected classes from 0 to 3, got 4", ValueError);
  CHECK_THROWS_AS(to_categorical(Tensor::of<std::int32_t>({-1})), ValueError);
}
