#include <doctest/doctest.h>

#include <unspool/core/error.h>
#include <unspool/data/dataset.h>
#include <unspool/layers/call.h>

using namespace unspool;

namespace {

/// Samples of lengths 1, 2, ..., n: i ones, and as a label the first length - 1 of them or their number.
Dataset sequences(Index n, bool per_step = false) {
  return Dataset::from_function(n, [=](Index i) {
    return Batch{Tensor::ones({i + 1, 2}), per_step ? Tensor::full({i + 1}, i, int32) : Tensor::scalar(i)};
  });
}

}  // namespace

TEST_CASE("padded_batch pads to the longest sample of the batch") {
  DatasetIterator pass = sequences(5).padded_batch(2).iterate();
  const Batch first = *pass.next();
  CHECK(first.x[0].to_vector<float>() == std::vector<float>{1, 1, 0, 0, 1, 1, 1, 1});
  CHECK(describe(first.y[0]) == "int64[2]");
  CHECK(describe(pass.next()->x[0]) == "float32[2, 4, 2]");
  CHECK(describe(pass.next()->x[0]) == "float32[1, 5, 2]");
  CHECK_FALSE(pass.next());
  CHECK(sequences(5).padded_batch(2).size() == 3);
  CHECK(sequences(5).padded_batch(2, {.drop_remainder = true}).size() == 2);
  const Batch long_one = *sequences(2).padded_batch(2, {.padding_value = -1, .length = 3}).iterate().next();
  CHECK(long_one.x[0].to_vector<float>() == std::vector<float>{1, 1, -1, -1, -1, -1, 1, 1, 1, 1, -1, -1});
  CHECK_THROWS_WITH_AS(sequences(3).padded_batch(3, {.length = 2}).iterate().next(),
                       doctest::Contains("x: expected samples of at most 2 time steps, got one of 3"),
                       ValueError);
}

TEST_CASE("padded_batch says what is padding") {
  const Batch batch = *sequences(2, true).padded_batch(2, {.mask = true, .weights = true}).iterate().next();
  CHECK(mask_of(batch.x[0]).to_vector<int>() == std::vector<int>{1, 0, 1, 1});
  CHECK(batch.sample_weight[0].to_vector<float>() == std::vector<float>{1, 0, 1, 1});
  CHECK(batch.y[0].to_vector<int>() == std::vector<int>{0, 0, 1, 1});
  CHECK_THROWS_WITH_AS(sequences(2).padded_batch(2, {.weights = true}).iterate().next(),
                       doctest::Contains("y: expected labels with a time axis"), ValueError);
  const auto unlike = Dataset::from_function(2, [](Index i) { return Batch{Tensor::zeros({2, i + 1})}; });
  CHECK_THROWS_WITH_AS(unlike.padded_batch(2).iterate().next(),
                       doctest::Contains("only the first axis may differ"), ValueError);
}

TEST_CASE("bucket_by_length makes batches of similar lengths") {
  // Lengths 1 to 9; buckets below 4, from 4 to 6, from 7 on.
  const Dataset buckets = sequences(9).bucket_by_length({.boundaries = {4, 7}, .batch_sizes = {2, 3, 2}});
  std::vector<std::string> shapes;
  for (const Batch& batch : buckets) shapes.push_back(batch.x[0].describe());
  CHECK(shapes == std::vector<std::string>{"float32[2, 2, 2]", "float32[3, 6, 2]", "float32[2, 8, 2]",
                                           "float32[1, 3, 2]", "float32[1, 9, 2]"});
  CHECK_FALSE(buckets.size().has_value());
  const auto by_label =
      sequences(4).bucket_by_length({.boundaries = {2},
                                     .batch_sizes = {2},
                                     .length = [](const Batch& sample) { return sample.y[0].item<Index>(); },
                                     .padding = {.drop_remainder = true}});
  int batches = 0;
  for (const Batch& batch : by_label) batches += batch.x[0].shape()[0] == 2 ? 1 : 100;
  CHECK(batches == 2);
  CHECK_THROWS_WITH_AS(sequences(2).bucket_by_length({.boundaries = {2}, .batch_sizes = {1, 2, 3}}),
                       doctest::Contains("expected one batch size, or 2 for 1 boundaries, got 3"),
                       ValueError);
  CHECK_THROWS_WITH_AS(sequences(2).bucket_by_length({.boundaries = {3, 2}, .batch_sizes = {1}}),
                       doctest::Contains("increasing order"), ValueError);
}
