#include <atomic>
#include <chrono>
#include <doctest/doctest.h>
#include <functional>
#include <memory>
#include <stdexcept>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include <unspool/autograd/arithmetic.h>
#include <unspool/autograd/product.h>
#include <unspool/autograd/random.h>
#include <unspool/core/error.h>
#include <unspool/core/random.h>
#include <unspool/core/threads.h>
#include <unspool/data/dataset.h>

using namespace unspool;

namespace {

std::vector<float> values(const Dataset& dataset, std::uint64_t epoch) {
  std::vector<float> all;
  for (DatasetIterator pass = dataset.iterate(epoch); const std::optional<Batch> batch = pass.next();) {
    for (const float value : batch->x[0].to_vector<float>()) all.push_back(value);
    // What the program itself draws meanwhile.
    random_normal({3});
  }
  return all;
}

Dataset failing(Index good, std::function<void()> fail) {
  return Dataset::from_generator([=] {
    return [=, i = Index{0}]() mutable -> std::optional<Batch> {
      if (i++ == good) fail();
      return Batch{Tensor::zeros({2})};
    };
  });
}

}  // namespace

TEST_CASE("prefetch changes no bit, of random numbers neither") {
  const auto noisy = [](const Tensor& x) { return x + random_normal({4}); };
  const auto make = [&] {
    return Dataset(Tensor::zeros({100, 4})).map(noisy).filter([](const Batch& batch) {
      random_uniform({1});
      return batch.x[0].item<float>({0}) > -1;
    });
  };
  set_seed(1);
  const Dataset plain = make().shuffle(20).batch(7);
  set_seed(1);
  const Dataset ahead = make().shuffle(20).batch(7).prefetch(4);
  for (const std::uint64_t epoch : {0U, 1U, 5U}) CHECK(values(plain, epoch) == values(ahead, epoch));
  CHECK(values(plain, 0) != values(plain, 1));

  set_seed(1);
  const auto drawn = [](Index) { return Batch{random_normal({2})}; };
  const Dataset rows = Dataset::from_function(20, drawn);
  set_seed(1);
  const Dataset rows_ahead = Dataset::from_function(20, drawn).prefetch();
  CHECK(values(rows, 2) == values(rows_ahead, 2));
}

TEST_CASE("an exception in the thread arrives in next(), after the elements before it") {
  const Dataset dataset = failing(3, [] { throw std::runtime_error("the disk is gone"); }).prefetch(2);
  DatasetIterator pass = dataset.iterate();
  for (int i = 0; i < 3; ++i) CHECK(pass.next());
  CHECK_THROWS_WITH_AS(pass.next(), "the disk is gone", std::runtime_error);
  CHECK_FALSE(pass.next());
  // The dataset itself is as it was.
  CHECK(dataset.iterate().next());
  // Without a thread it is the same.
  DatasetIterator plain = failing(1, [] { throw ValueError("no"); }).iterate();
  CHECK(plain.next());
  CHECK_THROWS_AS(plain.next(), ValueError);
  CHECK_FALSE(plain.next());
  // A source that cannot begin.
  const Dataset never =
      Dataset::from_generator([]() -> Dataset::Generator { throw FileError("no such file"); });
  CHECK_THROWS_AS(never.iterate(), FileError);
  CHECK_THROWS_AS(never.prefetch().iterate().next(), FileError);
}

TEST_CASE("a pass that is left early ends its thread") {
  const auto alive = std::make_shared<int>();
  const Dataset endless = Dataset::from_generator(
      [alive] { return [alive]() -> std::optional<Batch> { return Batch{Tensor::zeros({2})}; }; });
  for (int i = 0; i < 50; ++i) {
    DatasetIterator pass = endless.prefetch(1 + i % 3).iterate();
    if (i % 2 == 0) pass.next();
  }
  CHECK(alive.use_count() == 2);
  {
    // A pass keeps its pipeline.
    DatasetIterator pass = Dataset(Tensor::zeros({4})).batch(2).prefetch().iterate();
    CHECK(pass.next());
  }
}

TEST_CASE("no more than the buffer is computed ahead") {
  std::atomic<int> made{0};
  const Dataset counted = Dataset::from_generator([&] {
    return [&]() -> std::optional<Batch> {
      ++made;
      return Batch{Tensor::zeros({1})};
    };
  });
  DatasetIterator pass = counted.prefetch(3).iterate();
  CHECK(pass.next());
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  // One was taken, three wait, one is held by the thread.
  CHECK(made <= 5);
}

TEST_CASE("a pass does not survive fork(), the dataset does") {
  const Dataset dataset = Dataset(Tensor::zeros({100})).batch(2).prefetch();
  DatasetIterator pass = dataset.iterate();
  CHECK(pass.next());
  const pid_t child = fork();
  if (child == 0) {
    int result = 1;
    try {
      pass.next();
    } catch (const RuntimeError&) {
#ifdef __SANITIZE_THREAD__
      result = 0;  // Its runtime lets no child of a process with threads start one.
#else
      result = dataset.iterate().next() ? 0 : 2;
#endif
    }
    _exit(result);
  }
  int status = 0;
  waitpid(child, &status, 0);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
  CHECK(pass.next());
}

TEST_CASE("products in the thread leave the workers to the program") {
  set_num_threads(2);
  const Tensor a = random_normal({64, 64});
  const Tensor expected = matmul(a, a);
  const Dataset dataset = Dataset::from_function(50, [=](Index) { return Batch{matmul(a, a)}; }).prefetch();
  for (const Batch& batch : dataset) {
    CHECK(batch.x[0].to_vector<float>() == expected.to_vector<float>());
    CHECK(matmul(a, a).to_vector<float>() == expected.to_vector<float>());
  }
  set_num_threads(1);
}
