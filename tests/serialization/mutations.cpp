#include <cstdlib>
#include <doctest/doctest.h>
#include <random>

#include <unspool/serialization/archive.h>
#include <unspool/serialization/file.h>
#include <unspool/serialization/internal/bytes.h>
#include <unspool/serialization/internal/crc64.h>
#include <unspool/serialization/internal/hdf5.h>
#include <unspool/serialization/internal/inflate.h>
#include <unspool/serialization/internal/zip.h>
#include <unspool/serialization/npy.h>
#include <unspool/serialization/safetensors.h>

#include "samples.h"

using namespace unspool;

namespace {

// UNSPOOL_MUTATIONS in the environment asks for more, under a sanitizer say.
int mutations() {
  const char* const wanted = std::getenv("UNSPOOL_MUTATIONS");
  return wanted == nullptr ? 20000 : std::atoi(wanted);
}

class Mutator {
 public:
  std::string operator()(std::string bytes) {
    for (std::size_t edits = 1 + below(4); edits > 0 && !bytes.empty(); --edits) {
      const std::size_t place = below(bytes.size());
      switch (below(6)) {
        case 0:
          bytes[place] = static_cast<char>(below(256));
          break;
        case 1:
          bytes[place] = static_cast<char>(bytes[place] ^ (1 << below(8)));
          break;
        case 2:
          bytes.erase(place, 1 + below(8));
          break;
        case 3:
          bytes.insert(place, 1 + below(4), static_cast<char>(below(256)));
          break;
        case 4:
          bytes.insert(place, std::string(bytes.substr(below(bytes.size()), 1 + below(16))));
          break;
        default: {
          constexpr std::string_view likely = "0123456789[]{},:\"eE.-+ \\u";
          bytes[place] = likely[below(likely.size())];
        }
      }
    }
    return bytes;
  }

 private:
  std::size_t below(std::size_t end) { return static_cast<std::size_t>(random_() % end); }
  std::mt19937_64 random_{1};
};

// With the size and the checksum that its header should have, or no change would get further than these.
std::string repaired(std::string bytes) {
  if (bytes.size() < 28) return bytes;
  bytes.resize(bytes.size() - 8);
  std::string size;
  internal::append_little(size, static_cast<std::uint64_t>(bytes.size() - 20));
  bytes.replace(12, 8, size);
  internal::append_little(bytes, internal::crc64(bytes));
  return bytes;
}

template <class F>
void mutate(const std::string& bytes, F&& read, int least_refusals = mutations() / 2) {
  Mutator mutated;
  int refusals = 0;
  const int count = mutations();
  for (int i = 0; i < count; ++i) {
    if (refused([&] { read(mutated(bytes)); })) ++refusals;
  }
  CHECK(refusals > least_refusals);
}

Snapshot mutated_sample() {
  return {
      from_json(R"({"a": [1, 2.5, "x\u00e9", null, true], "b": {"c": -1e-7}})"),
      {{"w", Tensor::of({1, 2})}, {"b", Tensor::of<bool>({true})}, {"i", Tensor::scalar(std::int64_t{3})}}};
}

}  // namespace

TEST_CASE("no mutation of an archive ends in anything but a FileError") {
  mutate(archive_to_bytes(mutated_sample()),
         [](const std::string& bytes) { archive_from_bytes(repaired(bytes)); });
}

TEST_CASE("no mutation of an npy file ends in anything but a FileError") {
  mutate(npy_to_bytes(Tensor::of({{1, 2}, {3, 4}})), [](const std::string& bytes) { npy_from_bytes(bytes); });
}

TEST_CASE("no mutation of a safetensors file ends in anything but a FileError") {
  mutate(safetensors_to_bytes({mutated_sample().tensors, Config::map({{"a", "b"}})}),
         [](const std::string& bytes) { safetensors_from_bytes(bytes); });
}

TEST_CASE("no mutation of an HDF5 file ends in anything but a FileError") {
  internal::Hdf5Tree tree;
  tree.attributes = {{"name", "model"}};
  tree.groups["layers"].groups["dense"].datasets = {{"0", Tensor::of({{1, 2}, {3, 4}})},
                                                    {"1", Tensor::of({5})}};
  const auto read = [](std::string bytes) {
    // With the size that it should have, or no insertion would get further.
    if (bytes.size() >= 48) {
      std::string size;
      internal::append_little(size, static_cast<std::uint64_t>(bytes.size()));
      bytes.replace(40, 8, size);
    }
    internal::hdf5_from_bytes(bytes, "test.h5");
  };
  mutate(internal::hdf5_to_bytes(tree), read, 0);
  mutate(read_file("tests/serialization/h5/strings.h5"), read, 0);
}

TEST_CASE("no mutation of a zip archive ends in anything but a FileError") {
  mutate(internal::zip_to_bytes({{"config.json", "{}"}, {"model.weights.h5", "123456789"}}),
         [](const std::string& bytes) { internal::ZipFile(bytes, "test.zip", 1000); });
}

TEST_CASE("no mutation of compressed data ends in anything but a ValueError") {
  const std::string compressed(
      "\x4b\x4c\x4a\x4e\x84\x21\x1d\x85\xc4\xbc\x14\x85\xe2\x7c\x85\xfc\x3c\x20\x13\x2c\x04\0", 22);
  mutate(compressed, [](const std::string& bytes) {
    try {
      internal::inflate(bytes, 31);
    } catch (const ValueError& error) {
      throw FileError(error.what());
    }
  });
}

TEST_CASE("JSON that is read at all is written and read again as the same") {
  mutate(to_json(mutated_sample().config), [](const std::string& bytes) {
    try {
      const Config config = from_json(bytes);
      CHECK(from_json(to_json(config)) == config);
    } catch (const ValueError& error) {
      throw FileError(error.what());
    }
  });
}
