#include <algorithm>
#include <doctest/doctest.h>

#include <unspool/autograd/creation.h>
#include <unspool/autograd/shaping.h>
#include <unspool/autograd/views.h>
#include <unspool/core/error.h>
#include <unspool/data/timeseries.h>

using namespace unspool;

namespace {

std::vector<int> elements(const Tensor& tensor) { return tensor.to_vector<int>(); }

}  // namespace

TEST_CASE("the windows of Keras' first example") {
  const Dataset windows = timeseries_dataset_from_array(
      arange(99), {}, {.sequence_length = 10, .sequence_stride = 3, .sampling_rate = 2, .batch_size = None});
  // 0 2 ... 18, 3 5 ... 21, and so on to 78 80 ... 96.
  CHECK(windows.size() == 27);
  Index start = 0;
  for (const Batch& window : windows) {
    CHECK(elements(window.x[0]) == elements(arange(start, start + 20, 2)));
    CHECK(window.y.empty());
    start += 3;
  }
  CHECK(start == 81);
}

TEST_CASE("the windows of Keras' second example: the next step") {
  const Tensor data = arange(100);
  const Dataset batches = timeseries_dataset(slice(data, 0, 0, 90), slice(data, 0, 10, 100),
                                             {.sequence_length = 10, .batch_size = 32});
  CHECK(batches.size() == 3);
  Index at = 0;
  for (const Batch& batch : batches) {
    for (Index i = 0; i < batch.x[0].shape()[0]; ++i, ++at) {
      CHECK(elements(batch.x[0][i]) == elements(arange(at, at + 10)));
      CHECK(batch.y[0].item<Index>({i}) == at + 10);
    }
  }
  CHECK(at == 81);
}

TEST_CASE("several features, a part of the series, shuffled") {
  const Tensor data = reshape(arange(40), {20, 2});
  const TimeseriesOptions options{.sequence_length = 3,
                                  .sampling_rate = 2,
                                  .shuffle = true,
                                  .seed = 1,
                                  .start_index = 4,
                                  .end_index = 12};
  const Dataset batches = timeseries_dataset(data, arange(20), options);
  // Starts 4 to 7: the last window ends with step 11.
  const Batch batch = *batches.iterate(0).next();
  CHECK(describe(batch.x[0]) == "int32[4, 3, 2]");
  std::vector<int> starts = elements(batch.y[0]);
  for (Index i = 0; i < 4; ++i) {
    const int start = starts[static_cast<std::size_t>(i)];
    CHECK(elements(batch.x[0][i]) == std::vector<int>{2 * start, 2 * start + 1, 2 * start + 4, 2 * start + 5,
                                                      2 * start + 8, 2 * start + 9});
  }
  CHECK(elements(batches.iterate(0).next()->y[0]) == starts);
  std::sort(starts.begin(), starts.end());
  CHECK(starts == std::vector<int>{4, 5, 6, 7});
  // Fewer targets than windows end the windows.
  CHECK(timeseries_dataset(arange(20), arange(5), {.sequence_length = 2, .batch_size = None}).size() == 5);
}

TEST_CASE("series without windows") {
  CHECK_THROWS_WITH_AS(
      timeseries_dataset(arange(5), {}, {.sequence_length = 6}),
      "timeseries_dataset: expected sequence_length from 1 to 5 for a series of 5 time steps, got 6",
      ValueError);
  CHECK_THROWS_WITH_AS(
      timeseries_dataset(arange(5), {}, {.sequence_length = 3, .sampling_rate = 3}),
      doctest::Contains("expected at least one window of 3 steps, 3 apart, got 5 time steps from 0 to 5"),
      ValueError);
  CHECK_THROWS_WITH_AS(
      timeseries_dataset(arange(5), {}, {.sequence_length = 1, .start_index = 3, .end_index = 3}),
      doctest::Contains("expected end_index from 4 to 5"), ValueError);
  CHECK_THROWS_WITH_AS(timeseries_dataset({}, {}, {.sequence_length = 1}),
                       doctest::Contains("data: expected a tensor"), ValueError);
  CHECK_THROWS_WITH_AS(timeseries_dataset(zeros(0), {}, {.sequence_length = 1}),
                       doctest::Contains("expected time steps"), ValueError);
}
