#include <algorithm>
#include <doctest/doctest.h>
#include <numeric>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include <unspool/autograd/arithmetic.h>
#include <unspool/core/error.h>
#include <unspool/core/random.h>
#include <unspool/data/dataset.h>

using namespace unspool;

namespace {

using Numbers = std::vector<int>;

/// A dataset of the samples 0, ..., n - 1.
Dataset numbers(Index n) {
  std::vector<std::int32_t> values(static_cast<std::size_t>(n));
  std::iota(values.begin(), values.end(), 0);
  return Dataset(Tensor::from(values));
}

Numbers read(DatasetIterator pass) {
  Numbers all;
  while (const std::optional<Batch> element = pass.next()) {
    for (const int value : element->x[0].to_vector<int>()) all.push_back(value);
  }
  return all;
}
Numbers read(const Dataset& dataset, std::uint64_t epoch = 0) { return read(dataset.iterate(epoch)); }

Numbers up_to(int n) {
  Numbers all(static_cast<std::size_t>(n));
  std::iota(all.begin(), all.end(), 0);
  return all;
}

/// The same elements as values of a generator.
Dataset streamed(Index n) {
  return Dataset::from_generator([n] {
    return [i = Index{0}, n]() mutable -> std::optional<Batch> {
      if (i == n) return std::nullopt;
      return Batch{Tensor::scalar(static_cast<std::int32_t>(i++))};
    };
  });
}

}  // namespace

TEST_CASE("the samples of tensors, in batches") {
  const Tensor x = Tensor::of({{0, 1}, {2, 3}, {4, 5}, {6, 7}, {8, 9}});
  const Tensor y = Tensor::of<std::int32_t>({0, 1, 2, 3, 4});
  const Dataset samples(x, y);
  CHECK(samples.size() == 5);
  CHECK(samples.batched().has_value());
  CHECK(samples.batched() == false);
  const Batch first = *samples.iterate().next();
  CHECK(describe(first.x[0]) == "float32[2]");
  CHECK(describe(first.y[0]) == "int32[]");

  const Dataset batches = samples.batch(2);
  CHECK(batches.size() == 3);
  CHECK(batches.batched() == true);
  std::vector<std::string> shapes;
  for (const Batch& batch : batches) shapes.push_back(describe(batch.x[0]) + " " + describe(batch.y[0]));
  CHECK(shapes == std::vector<std::string>{"float32[2, 2] int32[2]", "float32[2, 2] int32[2]",
                                           "float32[1, 2] int32[1]"});
  CHECK(samples.batch(2, {.drop_remainder = true}).size() == 2);
  CHECK(read(Dataset(y).batch(2, {.drop_remainder = true})) == up_to(4));
  CHECK(read(Dataset(y).batch(100)) == up_to(5));
}

TEST_CASE("several inputs, by name") {
  const Tensor image = Tensor::zeros({4, 2, 2});
  const Tensor text = Tensor::zeros({4, 3}, int32);
  const Dataset named = Dataset({{"image", image}, {"text", text}}, {}, Tensor::ones({4})).batch(4);
  const Batch batch = *named.iterate().next();
  CHECK(describe(batch.x["text"]) == "int32[4, 3]");
  CHECK(describe(batch.sample_weight[0]) == "float32[4]");
  CHECK(batch.y.empty());
  CHECK_THROWS_WITH_AS(batch.x["txt"], doctest::Contains("did you mean \"text\"?"), KeyError);
  CHECK_THROWS_WITH_AS(batch.x[2], "expected a position among 2 values, got 2", IndexError);
}

TEST_CASE("a pass depends on the seed and the epoch only") {
  for (const Dataset& source : {numbers(50), streamed(50)}) {
    const Dataset shuffled = source.shuffle(50, 7);
    const Numbers first = read(shuffled, 0);
    CHECK(first != up_to(50));
    CHECK(std::set<int>(first.begin(), first.end()).size() == 50);
    CHECK(read(shuffled, 1) != first);
    CHECK(read(shuffled, 0) == first);
    CHECK(read(source.shuffle(50, 7), 0) == first);
    CHECK(read(source.shuffle(50, 8), 0) != first);
    CHECK(read(source.shuffle(50, {.seed = 7, .reshuffle_each_iteration = false}), 3) == first);
    // Rows and values have equal orders.
    CHECK(read(numbers(50).shuffle(50, 7)) == first);
    CHECK(read(shuffled.batch(8).prefetch(3), 0) == first);
  }
  set_seed(3);
  const Numbers before = read(numbers(20).shuffle(20));
  set_seed(3);
  CHECK(read(numbers(20).shuffle(20)) == before);
  CHECK(read(numbers(20).shuffle(20)) != before);
}

TEST_CASE("a small buffer moves samples a short way") {
  const Numbers order = read(numbers(100).shuffle(10, 1));
  for (std::size_t i = 0; i < order.size(); ++i) CHECK(order[i] < static_cast<int>(i) + 10);
  // With a large one every place is equally likely: a chi-squared test of 5 places, 4 degrees of freedom.
  std::vector<int> counts(5);
  for (std::uint64_t epoch = 0; epoch < 2000; ++epoch)
    ++counts[static_cast<std::size_t>(read(numbers(5).shuffle(5, 9), epoch)[2])];
  double chi = 0;
  for (const int count : counts) chi += (count - 400.0) * (count - 400.0) / 400.0;
  CHECK(chi < 18.5);  // One in a thousand.
}

TEST_CASE("a loop over a dataset is the next pass") {
  const Dataset shuffled = numbers(30).shuffle(30, 5);
  std::vector<Numbers> passes(2);
  for (Numbers& pass : passes) {
    for (const Batch& sample : shuffled) pass.push_back(sample.x[0].item<int>());
  }
  CHECK(passes[0] == read(shuffled, 0));
  CHECK(passes[1] == read(shuffled, 1));
}

TEST_CASE("take, skip, shard, repeat, concatenate and filter") {
  for (const Dataset& source : {numbers(7), streamed(7)}) {
    CHECK(read(source.take(3)) == Numbers{0, 1, 2});
    CHECK(read(source.take(0)).empty());
    CHECK(read(source.take(99)) == up_to(7));
    CHECK(read(source.skip(5)) == Numbers{5, 6});
    CHECK(read(source.skip(9)).empty());
    CHECK(read(source.shard(3, 1)) == Numbers{1, 4});
    CHECK(read(source.repeat(2).skip(6).take(3)) == Numbers{6, 0, 1});
    CHECK(read(source.repeat(0)).empty());
    CHECK(read(source.repeat().take(16)).size() == 16);
    CHECK(read(source.take(2).concatenate(source.skip(6))) == Numbers{0, 1, 6});
    CHECK(read(source.filter([](const Batch& b) { return b.x[0].item<int>() % 2 == 1; })) ==
          Numbers{1, 3, 5});
  }
  CHECK(numbers(7).take(3).size() == 3);
  CHECK(numbers(7).skip(5).size() == 2);
  CHECK(numbers(7).shard(3, 0).size() == 3);
  CHECK(numbers(7).shard(3, 1).size() == 2);
  CHECK(numbers(7).repeat(3).size() == 21);
  CHECK(numbers(7).repeat().is_infinite());
  CHECK(numbers(7).repeat().batch(2).is_infinite());
  CHECK_FALSE(numbers(7).repeat().size().has_value());
  CHECK(numbers(7).repeat().take(9).size() == 9);
  CHECK_FALSE(streamed(7).size().has_value());
  CHECK_FALSE(streamed(7).is_infinite());
  // An endless repetition of nothing ends.
  CHECK(read(numbers(0).repeat()).empty());
  CHECK(read(streamed(0).repeat()).empty());
  // Each repetition has an order of its own, which no other epoch has.
  const Numbers twice = read(numbers(20).shuffle(20, 1).repeat(2));
  CHECK(Numbers(twice.begin(), twice.begin() + 20) == read(numbers(20).shuffle(20, 1), 0));
  CHECK(Numbers(twice.begin() + 20, twice.end()) == read(numbers(20).shuffle(20, 1), 1));
}

TEST_CASE("an iterator skips and moves") {
  DatasetIterator pass = numbers(10).batch(3).iterate(0);
  CHECK(pass.skip(2) == 2);
  DatasetIterator moved = std::move(pass);
  CHECK(read(std::move(moved)) == Numbers{6, 7, 8, 9});
  DatasetIterator end = numbers(3).iterate(0);
  CHECK(end.skip(5) == 3);
  CHECK_FALSE(end.next());
  CHECK_FALSE(end.next());
}

TEST_CASE("map") {
  const Tensor x = Tensor::of({1, 2, 3});
  const Tensor y = Tensor::of({4, 5, 6});
  const auto first = [](const Dataset& dataset) { return *dataset.iterate().next(); };
  const Dataset source(x, y);
  CHECK(first(source.map([](const Tensor& a) { return a * 10; })).x[0].item<float>() == 10);
  CHECK(first(source.map([](const Tensor& a) { return a * 10; })).y[0].item<float>() == 4);
  const Batch swapped = first(source.map([](const Tensor& a, const Tensor& b) { return Batch{b, a}; }));
  CHECK(swapped.x[0].item<float>() == 4);
  const Batch own = first(source.batch(3).map([](Batch batch) {
    batch.y = {};
    return batch;
  }));
  CHECK(own.y.empty());
  CHECK(source.map([](const Batch& batch) { return batch; }).size() == 3);
  CHECK_THROWS_WITH_AS(first(Dataset(x).map([](const Tensor& a, const Tensor&) { return Batch{a}; })),
                       "Dataset::map: expected one tensor y, got 0: take a Batch", ValueError);
}

TEST_CASE("zip") {
  const Dataset both = Dataset::zip(numbers(3), streamed(5), numbers(4)).batch(10);
  const Batch batch = *both.iterate().next();
  CHECK(batch.x[0].to_vector<int>() == up_to(3));
  CHECK(batch.y[0].to_vector<int>() == up_to(3));
  CHECK(batch.sample_weight[0].to_vector<int>() == up_to(3));
  CHECK_FALSE(both.size().has_value());
  CHECK(Dataset::zip(numbers(3), numbers(5).repeat()).size() == 3);
  const Tensor y = Tensor::zeros({3});
  CHECK_THROWS_WITH_AS(Dataset::zip(Dataset(y, y), numbers(3)).iterate().next(),
                       "Dataset::zip: expected elements with x only, got labels or weights in dataset 0",
                       ValueError);
}

TEST_CASE("cache reads once") {
  int reads = 0;
  const Dataset source = Dataset::from_function(4, [&](Index i) {
    ++reads;
    return Batch{Tensor::scalar(static_cast<std::int32_t>(i))};
  });
  const Dataset cached = source.shuffle(4, 3).cache();
  CHECK(read(cached.take(2), 1).size() == 2);
  const Numbers first = read(cached, 2);
  CHECK(reads == 6);
  CHECK(read(cached, 3) == first);
  CHECK(reads == 6);
  CHECK(first == read(source.shuffle(4, 3), 0));
}

TEST_CASE("a function of the index is called for what is used") {
  int calls = 0;
  const Dataset source = Dataset::from_function(1000, [&](Index i) {
    ++calls;
    return Batch{Tensor::full({2}, i), Tensor::scalar(i % 2 == 0)};
  });
  CHECK(source.size() == 1000);
  const Batch batch = *source.shuffle(1000, 1).batch(4).iterate().next();
  CHECK(calls == 4);
  CHECK(describe(batch.x[0]) == "float32[4, 2]");
  CHECK(describe(batch.y[0]) == "bool[4]");
}

TEST_CASE("a function that returns batches without end") {
  int calls = 0;
  const Dataset endless = Dataset::from_generator([&] { return Batch{Tensor::scalar(float(++calls))}; });
  std::vector<float> seen;
  for (const Batch& batch : endless.take(3)) seen.push_back(batch.x[0].item<float>());
  CHECK(seen == std::vector<float>{1, 2, 3});
}

TEST_CASE("a dataset of one's own") {
  // Sums of two digits, without end, others in each epoch.
  const Dataset sums = Dataset::from_generator([](std::uint64_t epoch) {
    return [random = SeedGenerator(epoch)]() mutable -> std::optional<Batch> {
      const std::uint64_t bits = random_bits(random.next(), 0);
      const auto a = static_cast<float>(bits % 10);
      const auto b = static_cast<float>(bits / 10 % 10);
      return Batch{Tensor::of({a, b}), Tensor::scalar(a + b)};
    };
  });
  const Batch batch = *sums.batch(16).prefetch().iterate(0).next();
  CHECK(describe(batch.x[0]) == "float32[16, 2]");
  for (Index i = 0; i < 16; ++i) {
    CHECK(batch.x[0].item<float>({i, 0}) + batch.x[0].item<float>({i, 1}) == batch.y[0].item<float>({i}));
  }
}

TEST_CASE("errors name what was expected") {
  const Tensor three = Tensor::zeros({3});
  CHECK_THROWS_WITH_AS(Dataset(three, Tensor::zeros({4})),
                       "expected the same number of samples in x, y and weights: x has 3, y has 4",
                       ValueError);
  CHECK_THROWS_WITH_AS(Dataset(Tensor{}),
                       doctest::Contains("x: expected a tensor with elements, got an empty tensor"),
                       ValueError);
  CHECK_THROWS_WITH_AS(Dataset(Tensor::scalar(1.0F)), doctest::Contains("x: expected at least one axis"),
                       ValueError);
  CHECK_THROWS_WITH_AS(Dataset(NamedList<Tensor>()), doctest::Contains("expected x to have a value"),
                       ValueError);
  CHECK_THROWS_WITH_AS(numbers(3).batch(0), "Dataset::batch: expected batch_size >= 1, got 0", ValueError);
  CHECK_THROWS_WITH_AS(numbers(3).shuffle(0), "Dataset::shuffle: expected buffer_size >= 1, got 0",
                       ValueError);
  CHECK_THROWS_WITH_AS(numbers(3).shard(2, 2), "Dataset::shard: expected index < shards = 2, got 2",
                       ValueError);
  CHECK_THROWS_WITH_AS(Dataset().batch(1), "expected a Dataset with a source, got an empty one", ValueError);
  const auto lengths = Dataset::from_function(2, [](Index i) { return Batch{Tensor::zeros({i + 1})}; });
  CHECK_THROWS_WITH_AS(
      lengths.batch(2).iterate().next(),
      "x: expected samples of one dtype and shape in a batch, got float32[1] and, in sample 1, float32[2]: "
      "use padded_batch() for lengths that differ",
      ValueError);
  const auto kinds =
      Dataset::from_function(2, [](Index i) { return i == 0 ? Batch{Tensor::zeros({1})} : Batch{}; });
  CHECK_THROWS_WITH_AS(kinds.batch(2).iterate().next(),
                       doctest::Contains("x: expected the same tensors in all samples of a batch"),
                       ValueError);
  const auto labels = Dataset::from_function(2, [](Index i) {
    return i == 0 ? Batch{Tensor::zeros({1})} : Batch{Tensor::zeros({1}), Tensor::zeros({1})};
  });
  CHECK_THROWS_WITH_AS(labels.batch(2).iterate().next(),
                       "y: expected it in all samples of a batch or in none, got it in sample 1 only",
                       ValueError);
  CHECK_THROWS_WITH_AS(
      Dataset::from_function(1, [](Index) { return Batch{Tensor()}; }).batch(1).iterate().next(),
      doctest::Contains("x: expected a tensor with elements in sample 0 of the batch"), ValueError);
}
