#include <doctest/doctest.h>

#include <unspool/serialization/file.h>
#include <unspool/serialization/internal/bytes.h>
#include <unspool/serialization/npy.h>

#include "folder.h"
#include "samples.h"

using namespace unspool;
using namespace unspool::testing;

namespace {

std::string bytes_of(std::initializer_list<int> values) {
  std::string bytes;
  for (const int value : values) bytes += static_cast<char>(value);
  return bytes;
}

// As numpy.save of NumPy 2.4 lays a small array out: 128 bytes, then the data.
std::string npy(const std::string& dict, const std::string& data, int version = 1) {
  std::string bytes = "\x93NUMPY" + bytes_of({version, 0});
  const std::size_t start = version == 1 ? 10 : 12;
  const std::string header = dict + std::string(127 - start - dict.size(), ' ') + "\n";
  if (version == 1) {
    internal::append_little(bytes, static_cast<std::uint16_t>(header.size()));
  } else {
    internal::append_little(bytes, static_cast<std::uint32_t>(header.size()));
  }
  return bytes + header + data;
}

std::string dict(const std::string& type, const std::string& shape, const std::string& fortran = "False") {
  return "{'descr': '" + type + "', 'fortran_order': " + fortran + ", 'shape': " + shape + ", }";
}

const std::string one_float = bytes_of({0, 0, 0x80, 0x3f});

}  // namespace

TEST_CASE("npy files are those that NumPy writes") {
  CHECK(npy_to_bytes(Tensor::of({{1}, {1}})) == npy(dict("<f4", "(2, 1)"), one_float + one_float));
  CHECK(npy_to_bytes(Tensor::of({1})) == npy(dict("<f4", "(1,)"), one_float));
  CHECK(npy_to_bytes(Tensor::scalar(7)) == npy(dict("<i4", "()"), bytes_of({7, 0, 0, 0})));
  CHECK(npy_to_bytes(Tensor::zeros({3, 0, 2}, int64)) == npy(dict("<i8", "(3, 0, 2)"), ""));
  CHECK(npy_to_bytes(Tensor::of<bool>({true, false})) == npy(dict("|b1", "(2,)"), bytes_of({1, 0})));
  CHECK(npy_to_bytes(Tensor::scalar(0.1)) ==
        npy(dict("<f8", "()"), bytes_of({0x9a, 0x99, 0x99, 0x99, 0x99, 0x99, 0xb9, 0x3f})));
  CHECK(npy_to_bytes(Tensor::zeros({1, 1, 1, 1, 1, 1, 1, 1})).size() % 64 == 4);
}

TEST_CASE("npy files are read") {
  const Folder folder;
  for (const NamedTensor& sample : sample_tensors()) {
    CAPTURE(sample.name);
    save_npy(folder / "file.npy", sample.tensor);
    check_same(load_npy(folder / "file.npy"), sample.tensor);
  }
  for (const int version : {1, 2, 3})
    check_same(npy_from_bytes(npy(dict("<f4", "(1,)"), one_float, version)), Tensor::of({1}));
  check_same(npy_from_bytes(npy(dict(">i4", "(2,)"), bytes_of({0, 0, 0, 1, 0, 0, 0, 2}))),
             Tensor::of<std::int32_t>({1, 2}));
  check_same(
      npy_from_bytes(npy(dict("<i4", "(2, 3)", "True"),
                         bytes_of({0, 0, 0, 0, 3, 0, 0, 0, 1, 0, 0, 0, 4, 0, 0, 0, 2, 0, 0, 0, 5, 0, 0, 0}))),
      Tensor::of<std::int32_t>({{0, 1, 2}, {3, 4, 5}}));
  std::string cube;
  for (int i = 0; i < 24; ++i) cube += static_cast<char>(i % 2);
  const Tensor transposed = npy_from_bytes(npy(dict("|b1", "(2, 3, 4)", "True"), cube));
  for (Index i = 0; i < 2; ++i) CHECK(transposed.item<int>({i, 2, 3}) == i);
  check_same(npy_from_bytes(npy(dict("<f4", "(0, 3)", "True"), "")), Tensor::zeros({0, 3}));
  check_same(npy_from_bytes(npy("{\"shape\": (1L,), 'descr':'<f4','fortran_order':False}", one_float)),
             Tensor::of({1}));
}

TEST_CASE("npy files that do not fit are refused by their place") {
  const auto refusal = [](const std::string& bytes) {
    return message_of<FileError>([&] { npy_from_bytes(bytes, "x.npy"); });
  };
  CHECK(refusal("hello") == "x.npy, byte 0: expected an npy file, got another kind of file");
  CHECK(contains(refusal(npy(dict("|O", "(1,)"), "")), "pickles, which are code"));
  CHECK(contains(refusal(npy(dict("<f2", "(1,)"), "")),
                 "expected the dtype f4, f8, i4, i8 or b1, got \"<f2\""));
  CHECK(contains(refusal(npy(dict("|f4", "(1,)"), one_float)), "expected the dtype f4, f8, i4, i8 or b1"));
  CHECK(contains(refusal(npy(dict("f4", "(1,)"), one_float)), "expected the dtype f4, f8, i4, i8 or b1"));
  CHECK(contains(refusal(npy(dict("", "(1,)"), one_float)), "expected the dtype f4, f8, i4, i8 or b1"));
  CHECK(
      contains(refusal(npy("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }", one_float)),
               "a record of several fields"));
  CHECK(contains(refusal(npy(dict("<f4", "(2,)"), one_float)),
                 "byte 128: expected 8 bytes for the shape [2], got 4"));
  CHECK(contains(refusal(npy(dict("<f4", "(1,)"), one_float + "x")),
                 "expected 4 bytes for the shape [1], got 5"));
  CHECK(contains(refusal(npy(dict("<f4", "(4611686018427387904,)"), one_float)),
                 "expected more than 2^64 bytes"));
  CHECK(contains(refusal(npy(dict("<f4", "(4611686018427387904, 4)"), one_float)),
                 "expected more than 2^64 bytes"));
  CHECK(contains(refusal(npy(dict("<f4", "(99999999999999999999,)"), one_float)), "expected a size >= 0"));
  CHECK(contains(refusal(npy(dict("<f4", "(-1,)"), one_float)), "expected a size >= 0"));
  CHECK(contains(refusal(npy(dict("<f4", "(1,1,1,1,1,1,1,1,1)"), one_float)), "at most 8 dimensions"));
  CHECK(contains(refusal(npy(dict("<f4", "(1 1)"), one_float)), "expected ')'"));
  CHECK(contains(refusal(npy(dict("<f4", "(1,)", "1"), one_float)), "True or False"));
  CHECK(contains(refusal(npy("{'descr': '<f4', 'fortran_order': False}", one_float)),
                 "in the header, got fewer"));
  CHECK(contains(refusal(npy("{'descr': '<f4', 'descr': '<f4'}", one_float)), "each once, got \"descr\""));
  CHECK(contains(refusal(npy("{'descr': '<f4", one_float)), "expected the end of a string"));
  CHECK(contains(refusal(npy("{} x", one_float)), "expected the end of the header"));
  CHECK(contains(refusal(npy("", "")), "expected '{'"));
  CHECK(contains(refusal(npy(dict("|b1", "(1,)"), "\2")), "expected bools of 0 or 1"));
  CHECK(contains(refusal(npy(dict("<f4", "(1,)"), one_float, 4)), "got 4.0"));
  CHECK(contains(refusal("\x93NUMPY" + bytes_of({2, 0, 255, 255, 255, 255})), "at most 65536 bytes"));
  CHECK(
      contains(refusal("\x93NUMPY" + bytes_of({1, 0, 255, 255, 0, 0})), "got 2 before the end of the file"));
  CHECK(contains(message_of<FileError>([] { load_npy("no.npy"); }), "No such file"));
}

TEST_CASE("an npy file that was cut or changed is read or refused, nothing else") {
  for (const std::string& bytes : {npy_to_bytes(Tensor::of<bool>({{true}, {false}})),
                                   npy(dict("<f4", "(1, 1)", "True"), one_float, 2)}) {
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      CHECK(refused([&] { npy_from_bytes(bytes.substr(0, size)); }));
    }
    CHECK(count_refused_changes(bytes, [](const std::string& b) { npy_from_bytes(b); }) >
          static_cast<int>(byte_changes().size()) * 60);
  }
}
