#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <iostream>
#include <limits>
#include <string>
#include <unistd.h>

#include <unspool/unspool.h>

// Times datasets, one thread.
//   data_pipeline                      a batch of the digits' size: rows gathered by hand, and by a Dataset
//   data_pipeline FILE [MB [BATCHES]]  trains on a file of so many megabytes (default 4096) and on the same
//                                      numbers in memory; the file is written if it does not exist

using namespace unspool;

namespace {

double seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// The memory of this process, in megabytes.
double memory() {
  std::ifstream statm("/proc/self/statm");
  double all = 0;
  double resident = 0;
  statm >> all >> resident;
  return resident * static_cast<double>(sysconf(_SC_PAGESIZE)) / 1e6;
}

/// The smallest of nine passes, in microseconds a batch.
double least(const std::function<Index()>& pass) {
  double best = std::numeric_limits<double>::max();
  for (int i = 0; i < 9; ++i) {
    const double start = seconds();
    const Index batches = pass();
    best = std::min(best, (seconds() - start) / static_cast<double>(batches) * 1e6);
  }
  return best;
}

Index read(const Dataset& dataset) {
  Index batches = 0;
  for (DatasetIterator pass = dataset.iterate(); pass.next();) ++batches;
  return batches;
}

void time_batches() {
  constexpr Index samples = 1797;
  const Tensor x = random_normal({samples, 8, 8});
  const Tensor y = random_integers({samples}, 0, 10);
  const Dataset source(x, y);
  const auto by_hand = [&] {
    const std::vector<Index> order = permutation(samples, next_random_key());
    Index batches = 0;
    for (std::size_t first = 0; first + 32 <= order.size(); first += 32, ++batches) {
      const Tensor rows =
          Tensor::from(std::vector<std::int64_t>(order.begin() + static_cast<std::ptrdiff_t>(first),
                                                 order.begin() + static_cast<std::ptrdiff_t>(first + 32)));
      gather(x, rows);
      gather(y, rows);
    }
    return batches;
  };
  std::printf("gather() of a permutation       %7.2f us a batch\n", least(by_hand));
  std::printf("Dataset, in order               %7.2f\n", least([&] { return read(source.batch(32)); }));
  std::printf("Dataset, shuffled               %7.2f\n",
              least([&] { return read(source.shuffle(samples).batch(32)); }));
  std::printf("Dataset, shuffled, prefetch     %7.2f\n",
              least([&] { return read(source.shuffle(samples).batch(32).prefetch()); }));
  const auto scaled = [](const Tensor& image, const Tensor& label) { return Batch{image / 16, label}; };
  std::printf("Dataset, shuffled, map of batch %7.2f\n",
              least([&] { return read(source.shuffle(samples).batch(32).map(scaled)); }));
  std::printf("Dataset, map of each sample     %7.2f\n",
              least([&] { return read(source.map(scaled).batch(32)); }));
}

constexpr Index steps = 50;
constexpr Index features = 20;

void write_file(const std::string& path, Index rows) {
  std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (" + std::to_string(rows) + ", " +
                       std::to_string(steps) + ", " + std::to_string(features) + "), }";
  header.append(63 - (10 + header.size()) % 64, ' ');
  header += '\n';
  std::ofstream file(path, std::ios::binary);
  file << std::string("\x93NUMPY\1\0", 8) << static_cast<char>(header.size()) << '\0' << header;
  const Tensor part = random_normal({1000, steps, features});
  for (Index row = 0; row < rows; row += 1000)
    file.write(static_cast<const char*>(part.raw()), static_cast<std::streamsize>(part.bytes()));
  if (!file.flush()) throw FileError("cannot write " + path);
}

/// Microseconds a batch of training.
double train(const Dataset& dataset, Index batches) {
  Sequential model({Input({.shape = {steps, features}}), LSTM({.units = 64}), Dense({.units = 1})});
  const auto optimizer = Adam();
  const std::vector<Variable> weights = model.trainable_weights();
  DatasetIterator pass = dataset.repeat().iterate();
  double start = seconds();
  for (Index i = -20; i < batches; ++i) {
    if (i == 0) start = seconds();
    const Batch batch = *pass.next();
    GradientTape tape;
    const Tensor loss = mean(square(model(batch.x[0], {.training = true})));
    optimizer.apply(tape.gradient(loss, weights), weights);
  }
  return (seconds() - start) / static_cast<double>(batches) * 1e6;
}

void time_file(const std::string& path, Index megabytes, Index batches) {
  const Index rows = megabytes * 1'000'000 / (4 * steps * features) / 1000 * 1000;
  if (!std::ifstream(path)) write_file(path, rows);
  const auto prepared = [](const Dataset& source) {
    return source.shuffle(*source.size(), 1).batch(64).prefetch();
  };
  const Dataset file = prepared(npy_dataset(path));
  const double before = memory();
  train(file, batches);
  std::printf("growth of memory %.0f MB for %ld MB in the file\n", memory() - before,
              static_cast<long>(megabytes));
  const Dataset tensors = prepared(Dataset(load_npy(path)));
  for (int round = 0; round < 3; ++round) {
    const double of_file = train(file, batches);
    const double of_memory = train(tensors, batches);
    std::printf("%.0f us a batch from the file, %.0f from memory: %.3f of the speed\n", of_file, of_memory,
                of_memory / of_file);
  }
}

}  // namespace

int main(int count, char** arguments) {
  try {
    set_num_threads(1);
    set_random_seed(1);
    if (count == 1) {
      time_batches();
    } else {
      time_file(arguments[1], count > 2 ? std::atol(arguments[2]) : 4096,
                count > 3 ? std::atol(arguments[3]) : 1000);
    }
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
}
