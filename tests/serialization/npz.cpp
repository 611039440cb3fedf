#include <algorithm>
#include <doctest/doctest.h>
#include <string>
#include <string_view>
#include <vector>

#include <unspool/serialization/file.h>
#include <unspool/serialization/internal/zip.h>
#include <unspool/serialization/npy.h>
#include <unspool/serialization/npz.h>

#include "folder.h"
#include "samples.h"

using namespace unspool;
using namespace unspool::testing;

namespace {

/// What tests/serialization/numpy_files.py writes.
std::vector<NamedTensor> numpy_arrays() {
  return {{"kernel", Tensor::of({{0, 0.25, 0.5}, {0.75, 1, 1.25}})},
          {"lstm/cell/bias", Tensor::of<std::int64_t>({-1, std::int64_t{1} << 40})},
          {"fortran", Tensor::of<std::int32_t>({{0, 1}, {2, 3}, {4, 5}})},
          {"big_endian", Tensor::of<double>({0.1, -2.5})},
          {"mask", Tensor::of<bool>({true, false, true})},
          {"scalar", Tensor::scalar(2.5f)},
          {"nothing", Tensor::zeros({0, 3})},
          {"\xc3\xa9", Tensor::zeros({300}, int32)}};
}

void check_same(const std::vector<NamedTensor>& a, const std::vector<NamedTensor>& b) {
  REQUIRE(a.size() == b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    CHECK(a[i].name == b[i].name);
    ::check_same(a[i].tensor, b[i].tensor);
  }
}

std::string refusal_of(const std::string& bytes) {
  return message_of<FileError>([&] { npz_from_bytes(bytes, "x.npz"); });
}

}  // namespace

TEST_CASE(
    "npz files of NumPy are read: stored, compressed, and with the headers of older versions of Python") {
  for (const char* const name : {"plain", "compressed", "older_python"}) {
    CAPTURE(name);
    check_same(load_npz(std::string("tests/serialization/numpy/") + name + ".npz"), numpy_arrays());
  }
}

TEST_CASE("npz files give back what went in") {
  const Folder folder;
  save_npz(folder / "all.npz", sample_tensors());
  check_same(load_npz(folder / "all.npz"), sample_tensors());
  save_npz(folder / "none.npz", {});
  CHECK(load_npz(folder / "none.npz").empty());
}

TEST_CASE(
    "each changed bit and each prefix of an npz file is an error, or another way to compress the same") {
  const std::vector<std::string> files = {
      npz_to_bytes({{"a", Tensor::scalar(2.5f)}, {"b", Tensor::of({1, 2})}}),
      read_file("tests/serialization/numpy/plain.npz"),
      read_file("tests/serialization/numpy/older_python.npz"),
      read_file("tests/serialization/numpy/compressed.npz")};
  for (const std::string& bytes : files) {
    for (std::size_t end = 0; end < bytes.size(); ++end) {
      CHECK(refused([&] { npz_from_bytes(std::string_view(bytes).substr(0, end)); }));
    }
    const std::vector<NamedTensor> whole = npz_from_bytes(bytes);
    const std::vector<internal::ZipEntry> entries = internal::read_zip_directory(bytes, "x.npz", 1 << 20);
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      const bool compressed =
          std::any_of(entries.begin(), entries.end(), [&](const internal::ZipEntry& entry) {
            return entry.deflated && i >= entry.place && i < entry.place + entry.data.size();
          });
      for (const int change : {1, 2, 4, 8, 16, 32, 64, 128}) {
        std::string changed = bytes;
        changed[i] = static_cast<char>(changed[i] ^ change);
        CAPTURE(i);
        CAPTURE(change);
        std::vector<NamedTensor> got;
        if (refused([&] { got = npz_from_bytes(changed); })) continue;
        // For example, equal bytes may be copied from another distance.
        CHECK(compressed);
        check_same(got, whole);
      }
    }
  }
}

TEST_CASE("npz files that do not fit are refused, with the member and the place in it") {
  CHECK(contains(refusal_of("hello"), "x.npz, byte 0: expected a zip file"));
  CHECK(contains(refusal_of(internal::zip_to_bytes({{"a.txt", "hello"}})),
                 "x.npz, the member \"a.txt\": expected a name that ends in \".npy\""));
  CHECK(contains(refusal_of(internal::zip_to_bytes({{"a.npy", "hello"}})),
                 "x.npz, the member \"a.npy\", byte 0: expected an npy file"));
  CHECK(contains(refusal_of(internal::zip_to_bytes({{"\xff.npy", npy_to_bytes(Tensor::scalar(1))}})),
                 "expected a name in UTF-8"));
  CHECK(contains(message_of<FileError>([] { load_npz("no.npz"); }), "No such file"));
}

TEST_CASE("what cannot be written as npz") {
  CHECK(contains(message_of<ValueError>([] {
                   npz_to_bytes({{"a", Tensor::scalar(1)}, {"a", Tensor::scalar(2)}});
                 }),
                 "\"a\" twice"));
  CHECK_THROWS_AS(npz_to_bytes({{"\xff", Tensor::scalar(1)}}), ValueError);
  CHECK_THROWS_AS(npz_to_bytes({{std::string(65536, 'a'), Tensor::scalar(1)}}), ValueError);
}
