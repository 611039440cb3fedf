#include <doctest/doctest.h>

#include <unspool/serialization/file.h>
#include <unspool/serialization/internal/bytes.h>
#include <unspool/serialization/safetensors.h>

#include "folder.h"
#include "samples.h"

using namespace unspool;
using namespace unspool::testing;

namespace {

std::string file(const std::string& header, const std::string& data) {
  std::string bytes;
  internal::append_little(bytes, static_cast<std::uint64_t>(header.size()));
  return bytes + header + data;
}

std::string entry(const std::string& name, const std::string& dtype, const std::string& shape,
                  const std::string& offsets) {
  return "\"" + name + "\":{\"dtype\":\"" + dtype + "\",\"shape\":" + shape + ",\"data_offsets\":" + offsets +
         "}";
}

}  // namespace

TEST_CASE("safetensors files are those that the format's own library writes") {
  const Safetensors content = {{{"b", Tensor::of({1, 2})},
                                {"a", Tensor::of({{3}})},
                                {"i", Tensor::scalar(std::int32_t{7})},
                                {"l", Tensor::of<std::int64_t>({-1})},
                                {"d", Tensor::of<double>({0.5})},
                                {"m", Tensor::of<bool>({true, false, true})},
                                {"e", Tensor::zeros({0, 2})},
                                {"q\"\xc3\xa9", Tensor::scalar(std::int32_t{0})}},
                               Config::map({{"k", "v \"x\""}})};
  // Written by safetensors 0.8 for Python.
  const std::string header =
      R"({"__metadata__":{"k":"v \"x\""},"l":{"dtype":"I64","shape":[1],"data_offsets":[0,8]},)"
      R"("d":{"dtype":"F64","shape":[1],"data_offsets":[8,16]},"a":{"dtype":"F32","shape":[1,1],)"
      R"("data_offsets":[16,20]},"b":{"dtype":"F32","shape":[2],"data_offsets":[20,28]},)"
      R"("e":{"dtype":"F32","shape":[0,2],"data_offsets":[28,28]},)"
      R"("i":{"dtype":"I32","shape":[],"data_offsets":[28,32]},)"
      "\"q\\\"\xc3\xa9\":{\"dtype\":\"I32\",\"shape\":[],\"data_offsets\":[32,36]},"
      R"("m":{"dtype":"BOOL","shape":[3],"data_offsets":[36,39]}}    )";
  const std::string data(
      "\377\377\377\377\377\377\377\377\000\000\000\000\000\000\340?\000\000@@\000\000\200?\000\000\000@"
      "\007\000\000\000"
      "\000\000\000\000\001\000\001",
      39);
  CHECK(safetensors_to_bytes(content) == file(header, data));
  const Safetensors back = safetensors_from_bytes(file(header, data));
  CHECK(back.metadata == content.metadata);
  CHECK(back.tensors.size() == 8);
  for (const auto& [name, tensor] : content.tensors) check_same(find_tensor(back.tensors, name), tensor);
}

TEST_CASE("safetensors give back what went in") {
  const Folder folder;
  save_safetensors(folder / "file.safetensors", {sample_tensors()});
  const Safetensors back = load_safetensors(folder / "file.safetensors");
  CHECK(back.tensors.size() == sample_tensors().size());
  for (const auto& [name, tensor] : sample_tensors()) check_same(find_tensor(back.tensors, name), tensor);
  CHECK(safetensors_to_bytes(back) == read_file(folder / "file.safetensors"));
  CHECK(safetensors_to_bytes({}) == file("{}      ", ""));
  CHECK(safetensors_from_bytes(file("{}", "")).tensors.empty());
}

TEST_CASE("a golden case is a safetensors file") {
  const Safetensors golden =
      load_safetensors("tests/golden/cells/gru_tanh_sigmoid_nobias_reset_after.safetensors");
  const Config about = from_json(golden.metadata["case"].as<std::string>());
  CHECK(about["config"]["class_name"].as<std::string>() == "GRUCell");
  CHECK(find_tensor(golden.tensors, "weight.0").shape() == about["weights"][0]["shape"].as<Shape>());
  CHECK(find_tensor(golden.tensors, "weight.0").dtype() == float32);
}

TEST_CASE("safetensors that do not fit are refused by their place") {
  const auto refusal = [](const std::string& bytes) {
    return message_of<FileError>([&] { safetensors_from_bytes(bytes, "f"); });
  };
  const auto of = [&](const std::string& entries, std::size_t data) {
    return refusal(file("{" + entries + "}", std::string(data, '\0')));
  };
  CHECK(refusal("1234567") ==
        "f, byte 7: expected the length of the header in 8 bytes, got the end of the file");
  CHECK(contains(refusal(std::string(8, '\xff')), "a header of at most 100000000 bytes"));
  CHECK(contains(refusal(file("{}", "").substr(0, 9)), "expected a header of 2 bytes, got 1 before the end"));
  CHECK(contains(refusal(file(" {}", "")), "begin with {"));
  CHECK(contains(refusal(file("", "")), "begin with {"));
  CHECK(contains(refusal(file("{\"a\":1,\"a\":1}", "")), "expected unique keys, got \"a\" twice"));
  CHECK(contains(refusal(file("{\"a\":", "")), "JSON, line 1"));
  CHECK(contains(of("\"a\":1", 0), "header.a: expected a map, got the integer 1"));
  CHECK(contains(of("\"a\":{}", 0), "header.a has no key \"dtype\""));
  CHECK(contains(of("\"__metadata__\":{\"a\":1}", 0), "header.__metadata__.a: expected a string"));
  CHECK(contains(of("\"__metadata__\":[]", 0), "expected a map"));
  CHECK(contains(of(entry("a", "F8_E4M3", "[1]", "[0,1]"), 1),
                 "header.a: expected the dtype F32, F64, F16, BF16, I32, I64 or BOOL, got \"F8_E4M3\""));
  CHECK(contains(of(entry("a", "F32", "[1]", "[0,4],\"x\":1"), 4), "unknown key \"x\""));
  CHECK(contains(of(entry("a", "F32", "[-1]", "[0,4]"), 4), "header.a.shape[0]: expected a size >= 0"));
  CHECK(contains(of(entry("a", "F32", "[null]", "[0,4]"), 4),
                 "header.a.shape[0]: expected an integer, got null"));
  CHECK(contains(of(entry("a", "F32", "[1.0]", "[0,4]"), 4), "expected an integer, got the real 1.0"));
  CHECK(contains(of(entry("a", "F32", "[1,1,1,1,1,1,1,1,1]", "[0,4]"), 4), "at most 8 dimensions"));
  CHECK(contains(of(entry("a", "F32", "[1]", "[0,4,8]"), 4), "a list of two offsets"));
  CHECK(contains(of(entry("a", "F32", "[1]", "[-4,0]"), 4), "expected an integer from 0"));
  CHECK(contains(of(entry("a", "F32", "[1]", "[4,0]"), 4), "got the range from 4 to 0"));
  CHECK(contains(of(entry("a", "F32", "[2]", "[0,4]"), 4),
                 "expected the size in bytes of F32[2], got the range from 0 to 4"));
  CHECK(contains(of(entry("a", "F32", "[4611686018427387904,4]", "[0,0]"), 0),
                 "number of elements fits 64 bits"));
  CHECK(contains(of(entry("a", "F32", "[4611686018427387904]", "[0,0]"), 0), "expected the size in bytes"));
  CHECK(contains(of(entry("a", "F32", "[4000000000]", "[0,16000000000]"), 4), "expected 16000000000 bytes"));
  CHECK(contains(of(entry("a", "F32", "[1]", "[0,4]"), 5),
                 "expected 4 bytes of data, as the header says, got 5"));
  CHECK(contains(of(entry("a", "F32", "[1]", "[4,8]"), 8),
                 "\"a\": expected its data at offset 0, without a gap or an overlap, got 4"));
  CHECK(contains(of(entry("a", "F32", "[1]", "[0,4]") + "," + entry("b", "F32", "[1]", "[0,4]"), 4),
                 "expected its data at offset 4, without a gap or an overlap, got 0"));
  CHECK(contains(of(entry("a", "F32", "[2]", "[0,8]") + "," + entry("b", "F32", "[1]", "[4,8]"), 8),
                 "expected its data at offset 8, without a gap or an overlap, got 4"));
  CHECK(contains(refusal(file("{" + entry("a", "BOOL", "[2]", "[0,2]") + "}", "\1\2")),
                 "\"a\": an element is not a bool"));
  CHECK(contains(message_of<FileError>([] { load_safetensors("no.safetensors"); }), "No such file"));
}

TEST_CASE("a safetensors file that was cut or changed is read or refused, nothing else") {
  const std::string bytes =
      safetensors_to_bytes({{{"w", Tensor::of({1, 2})}, {"m", Tensor::of<bool>({true})}}});
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    CHECK(refused([&] { safetensors_from_bytes(bytes.substr(0, size)); }));
  }
  CHECK(count_refused_changes(bytes, [](const std::string& b) { safetensors_from_bytes(b); }) >
        static_cast<int>(byte_changes().size()) * 90);
}

TEST_CASE("what safetensors cannot say is not written") {
  CHECK_THROWS_AS(safetensors_to_bytes({{{"__metadata__", Tensor::of({1})}}}), ValueError);
  CHECK_THROWS_AS(safetensors_to_bytes({{{"\xff", Tensor::of({1})}}}), ValueError);
  CHECK_THROWS_AS(safetensors_to_bytes({{{"a", Tensor::of({1})}, {"a", Tensor::of({1})}}}), ValueError);
  CHECK_THROWS_AS(safetensors_to_bytes({{{"a", Tensor()}}}), ValueError);
}

TEST_CASE("safetensors of half precision are read as float32, to the bit") {
  const auto bits = [](std::initializer_list<int> values) {
    std::string bytes;
    for (const int value : values) internal::append_little(bytes, static_cast<std::uint16_t>(value));
    return bytes;
  };
  const float infinity = std::numeric_limits<float>::infinity();
  // 1, -2, the smallest and the largest subnormal number, the largest number, infinity, -0.
  const Safetensors half =
      safetensors_from_bytes(file("{" + entry("a", "F16", "[7]", "[0,14]") + "}",
                                  bits({0x3C00, 0xC000, 0x0001, 0x83FF, 0x7BFF, 0xFC00, 0x8000})));
  check_same(half.tensors[0].tensor,
             Tensor::from(std::vector<float>{1, -2, 0x1p-24F, -0x1.ff8p-15F, 65504, -infinity, -0.0F}));
  const Safetensors brain = safetensors_from_bytes(
      file("{" + entry("a", "BF16", "[2,2]", "[0,8]") + "}", bits({0x3F80, 0xC040, 0x7F80, 0x0001})));
  check_same(brain.tensors[0].tensor, Tensor::of({{1, -3}, {infinity, 0x1p-133F}}));
  const Safetensors nan =
      safetensors_from_bytes(file("{" + entry("a", "F16", "[]", "[0,2]") + "}", bits({0x7E00})));
  CHECK(std::isnan(nan.tensors[0].tensor.item<float>()));
}
