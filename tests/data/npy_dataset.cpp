#include <doctest/doctest.h>
#include <numeric>
#include <string>

#include <unspool/autograd/creation.h>
#include <unspool/autograd/shaping.h>
#include <unspool/core/error.h>
#include <unspool/data/npy_dataset.h>
#include <unspool/serialization/file.h>
#include <unspool/serialization/npy.h>

#include "../serialization/folder.h"
#include "../support/process_memory.h"

using namespace unspool;
using namespace unspool::testing;

TEST_CASE("rows of files equal rows of tensors") {
  const Folder folder;
  const Tensor x = reshape(arange(60, float32), {20, 3});
  const Tensor y = arange(20);
  save_npy(folder / "x.npy", x);
  save_npy(folder / "y.npy", y);
  const Dataset file = npy_dataset(folder / "x.npy", folder / "y.npy");
  CHECK(file.size() == 20);
  CHECK(describe(file.iterate().next()->x[0]) == "float32[3]");
  for (const bool shuffled : {false, true}) {
    const auto made = [&](const Dataset& from) {
      return (shuffled ? from.shuffle(8, 1) : from).batch(6).prefetch().iterate(0);
    };
    DatasetIterator read = made(file);
    DatasetIterator expected = made(Dataset(x, y));
    while (const std::optional<Batch> batch = expected.next()) {
      const Batch got = *read.next();
      CHECK(got.x[0].to_vector<float>() == batch->x[0].to_vector<float>());
      CHECK(got.y[0].to_vector<int>() == batch->y[0].to_vector<int>());
    }
    CHECK_FALSE(read.next());
  }
}

TEST_CASE("a file takes no memory") {
  const Folder folder;
  constexpr Index rows = 64 * 1024;
  save_npy(folder / "x.npy", zeros({rows, 256}));  // 64 MB
  const Dataset file = npy_dataset(folder / "x.npy").shuffle(rows, 1).batch(64).prefetch();
  const std::size_t before = resident_memory();
  Index read = 0;
  for (const Batch& batch : file) read += batch.x[0].shape()[0];
  CHECK(read == rows);
  // The order of the rows takes 1.5 MB.
  CHECK(resident_memory() < before + quarantined_memory + (8U << 20U));
}

TEST_CASE("files that do not fit") {
  const Folder folder;
  save_npy(folder / "x.npy", zeros({4, 2}));
  save_npy(folder / "y.npy", zeros(3));
  save_npy(folder / "scalar.npy", Tensor::scalar(1.0F));
  CHECK_THROWS_WITH_AS(npy_dataset(folder / "x.npy", folder / "y.npy"),
                       doctest::Contains("expected the same number of samples"), ValueError);
  CHECK_THROWS_WITH_AS(npy_dataset(folder / "no.npy"), doctest::Contains("No such file"), FileError);
  CHECK_THROWS_WITH_AS(npy_dataset(folder / "scalar.npy"), doctest::Contains("got a scalar"), FileError);
  std::string bytes = npy_to_bytes(zeros({4, 2}));
  write_file_atomically(folder / "short.npy", bytes.substr(0, bytes.size() - 1));
  CHECK_THROWS_WITH_AS(npy_dataset(folder / "short.npy"),
                       doctest::Contains("expected 32 bytes for the shape [4, 2], got 31"), FileError);
  bytes.replace(bytes.find("False"), 5, " True");
  write_file_atomically(folder / "fortran.npy", bytes);
  CHECK_THROWS_WITH_AS(npy_dataset(folder / "fortran.npy"), doctest::Contains("got Fortran order"),
                       FileError);
  // A file that became shorter.
  const Dataset file = npy_dataset(folder / "x.npy").batch(4);
  CHECK(truncate((folder / "x.npy").c_str(), 140) == 0);
  CHECK_THROWS_WITH_AS(file.iterate().next(), doctest::Contains("got the end of the file"), FileError);
}
