#include <cmath>
#include <doctest/doctest.h>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include <unspool/core/error.h>
#include <unspool/serialization/event_file.h>
#include <unspool/serialization/event_node.h>
#include <unspool/serialization/file.h>
#include <unspool/serialization/internal/bytes.h>
#include <unspool/serialization/internal/crc32c.h>

#include "../support/errors.h"
#include "folder.h"

using namespace unspool;
using namespace unspool::testing;

namespace {

// The data of the records of a file. The checksums are those that the format prescribes.
std::vector<std::string> event_records(const std::string& path) {
  const std::string bytes = read_file(path);
  std::string_view left = bytes;
  std::vector<std::string> records;
  while (!left.empty()) {
    REQUIRE(left.size() >= 16);
    const auto length = static_cast<std::size_t>(internal::read_little<std::uint64_t>(left));
    REQUIRE(left.size() >= 16 + length);
    CHECK(internal::read_little<std::uint32_t>(left.substr(8)) == internal::masked_crc32c(left.substr(0, 8)));
    const std::string_view data = left.substr(12, length);
    CHECK(internal::read_little<std::uint32_t>(left.substr(12 + length)) == internal::masked_crc32c(data));
    records.emplace_back(data);
    left.remove_prefix(16 + length);
  }
  return records;
}

// An event after its time, which is the first field.
std::string event_hex(const std::string& event) {
  REQUIRE(event.size() > 9);
  CHECK(event[0] == 0x09);
  std::string text;
  for (const char c : event.substr(9)) {
    constexpr std::string_view digits = "0123456789abcdef";
    text += digits[static_cast<unsigned char>(c) >> 4];
    text += digits[static_cast<unsigned char>(c) & 15];
  }
  return text;
}

}  // namespace

TEST_CASE("CRC-32C gives the values of RFC 3720") {
  CHECK(internal::crc32c("123456789") == 0xE3069283u);
  CHECK(internal::crc32c(std::string(32, '\0')) == 0x8A9136AAu);
  CHECK(internal::crc32c(std::string(32, '\xFF')) == 0x62A8AB43u);
  std::string ascending(32, '\0');
  std::iota(ascending.begin(), ascending.end(), '\0');
  CHECK(internal::crc32c(ascending) == 0x46DD794Eu);
}

TEST_CASE("an event file has the bytes that TensorBoard's own messages have") {
  const Folder folder;
  EventFile file((folder / "logs" / "run").native());
  file.scalar("loss", 3, 0.25);
  file.histogram(
      "w", 300,
      {.min = -1, .max = 3, .count = 4, .sum = 4, .sum_squares = 14, .limits = {1, 3}, .buckets = {2, 2}});
  file.graph({{.name = "x", .operation = "InputLayer", .output_shapes = {{-1, 3}}},
              {.name = "dense", .operation = "Dense", .inputs = {"x"}, .attributes = {{"units", "2"}}}});
  file.flush();
  const std::vector<std::string> records = event_records(file.path());
  REQUIRE(records.size() == 4);
  // From event_pb2.Event(...).SerializeToString() of the Python package tensorboard 2.21.
  CHECK(event_hex(records[0]) == "1a0d627261696e2e4576656e743a32");
  CHECK(event_hex(records[1]) == "10032a0d0a0b0a046c6f7373150000803e");
  CHECK(
      event_hex(records[2]) ==
      "10ac022a580a560a01772a5109000000000000f0bf110000000000000840190000000000001040210000000000001040290000"
      "000000002c403210000000000000f03f00000000000008403a1000000000000000400000000000000040");
  CHECK(
      event_hex(records[3]) ==
      "225f0a380a0178120a496e7075744c617965722a270a0e5f6f75747075745f73686170657312150a133a11120b08ffffffffff"
      "ffffffff01120208030a1f0a0564656e7365120544656e73651a01782a0c0a05756e697473120312013222020816");
}

TEST_CASE("an event file keeps what was written when it is moved, and two files have different names") {
  const Folder folder;
  EventFile first((folder / "a").native());
  const EventFile second((folder / "a").native());
  CHECK(first.path() != second.path());
  first.scalar("x", 0, 1);
  EventFile moved = std::move(first);
  moved.scalar("x", 1, 2);
  moved.flush();
  CHECK(event_records(moved.path()).size() == 3);
}

TEST_CASE("an event file that cannot be written is a FileError") {
  const Folder folder;
  write_file_atomically((folder / "file").native(), "");
  CHECK(contains(message_of<FileError>([&] { EventFile((folder / "file").native() + "/logs"); }),
                 "cannot create the folder"));
  CHECK(contains(
      message_of<ValueError>([&] { EventFile((folder / "a").native()).histogram("w", 0, {.limits = {1}}); }),
      "a limit for each bucket, got 1 and 0"));
}

TEST_CASE("a histogram counts the finite elements of a tensor") {
  const double infinite = std::numeric_limits<double>::infinity();
  const Histogram histogram = histogram_of(Tensor::of<double>({0, 1, 1.5, 4, infinite, std::nan("")}), 4);
  CHECK(histogram.min == 0);
  CHECK(histogram.max == 4);
  CHECK(histogram.count == 4);
  CHECK(histogram.sum == 6.5);
  CHECK(histogram.sum_squares == 19.25);
  CHECK(histogram.limits == std::vector<double>{1, 2, 3, 4});
  CHECK(histogram.buckets == std::vector<double>{1, 2, 0, 1});

  const Histogram equal = histogram_of(Tensor::of({2, 2}));
  CHECK(equal.limits == std::vector<double>{2});
  CHECK(equal.buckets == std::vector<double>{2});
  CHECK(histogram_of(Tensor::zeros({0})).count == 0);
  CHECK(histogram_of(Tensor::of({1, 2, 3})).limits.size() == 30);
  CHECK(contains(message_of<ValueError>([] { histogram_of(Tensor::of({1}), 0); }),
                 "expected buckets >= 1, got 0"));

  // The range overflows.
  constexpr double largest = std::numeric_limits<double>::max();
  const Histogram wide = histogram_of(Tensor::of<double>({-largest, 0, largest}), 2);
  CHECK(wide.limits.back() == largest);
  CHECK(wide.buckets == std::vector<double>{1, 2});
}
