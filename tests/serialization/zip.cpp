#include <doctest/doctest.h>

#include <unspool/serialization/file.h>
#include <unspool/serialization/internal/crc32.h>
#include <unspool/serialization/internal/inflate.h>
#include <unspool/serialization/internal/zip.h>

#include "samples.h"

using namespace unspool;
using namespace unspool::internal;
using unspool::testing::contains;
using unspool::testing::message_of;

namespace {

std::string from_hex(std::string_view digits) {
  const auto value = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  std::string bytes;
  for (std::size_t i = 0; i < digits.size(); i += 2) {
    bytes += static_cast<char>(16 * value(digits[i]) + value(digits[i + 1]));
  }
  return bytes;
}

// Compressed by zlib: a block with codes of its own, a block with the fixed codes, a stored block.
constexpr std::string_view dynamic_block =
    "ab564ace492c2e8ecf4bcc4d55b25250f2090ef155d251504acecf4bcb4c078a542b95e6659614035926b5b53a40eea8fa51f5a3"
    "ea"
    "078b7a06462666165636760e4e2e6e1e5e3e7e0141216111513171094929691959397905452565155535750d4d2d6d1d5d3d7d03"
    "43"
    "2363135333730b4b2b6b1b5b3b7b07472767175737770f4f2f6f1f5f3fff80c0a0e090d0b0f088c8a8e898d8b8f884c4a4e494d4"
    "b4"
    "f48cccacec9cdcbcfc82c2a2e292d2b2f28acaaaea9adabafa86c6a6e696d6b6f68eceaeee9edebefe0913274d9e3275daf41933"
    "6"
    "7cd9e3377defc050b172d5eb274d9f2152b57ad5eb376ddfa0d1b376ddeb275dbf61d3b77eddeb377dffe03070f1d3e72f4d8f11"
    "3"
    "274f9d3e73f6dcf90b172f5dbe72f5daf51b376fddbe73f7defd070f1f3d7ef2f4d9f3172f5fbd7ef3f6ddfb0f1f3f7dfef2f5db"
    "f"
    "71f3f7ffdfef3f7dfff8a51300a680000";
constexpr std::string_view fixed_block = "4b4c4a4e84211d85c4bc1485e27c85fc3c20132c0400";
constexpr std::string_view stored_block = "010f00f0ff73746f726564206173206974206973";

std::string dynamic_text() {
  std::string text;
  for (int i = 0; i < 20; ++i) text += R"({"class_name": "LSTM", "config": {"units": 4}}, )";
  for (int byte = 0; byte < 256; ++byte) text += static_cast<char>(byte);
  return text + std::string(600, 'x');
}

std::string small_zip() {
  return zip_to_bytes(
      {{"metadata.json", "{}"}, {"config.json", "{\"a\": 1}"}, {"model.weights.h5", "123456789"}});
}

}  // namespace

TEST_CASE("the CRC-32 is that of zip") {
  CHECK(crc32("123456789") == 0xCBF43926);
  CHECK(crc32("") == 0);
  CHECK(crc32(dynamic_text()) == 0x25EFDBD9);
}

TEST_CASE("inflate reads what zlib wrote") {
  CHECK(inflate(from_hex(dynamic_block), 1816) == dynamic_text());
  CHECK(inflate(from_hex(fixed_block), 31) == "abcabcabcabc, and so on, abcabc");
  CHECK(inflate(from_hex(stored_block), 15) == "stored as it is");
  CHECK(inflate(from_hex("0300"), 0).empty());
}

TEST_CASE("inflate refuses what is not a whole stream of the stated size") {
  const std::string fixed = from_hex(fixed_block);
  for (const std::uint64_t size : {0U, 1U, 30U, 32U, 1'000'000U})
    CHECK_THROWS_AS(inflate(fixed, size), ValueError);
  CHECK_THROWS_AS(inflate(fixed + std::string(1, '\0'), 31), ValueError);
  CHECK_THROWS_AS(inflate("", 0), ValueError);
  CHECK_THROWS_AS(inflate(fixed, ~std::uint64_t{0}), ValueError);
  // Bits that fill a byte, at the end and before stored bytes.
  for (const std::string_view unused : {"0304", "0380"}) {
    CHECK_THROWS_AS(inflate(from_hex(unused), 0), ValueError);
  }
  std::string stored = from_hex(stored_block);
  for (const int bit : {8, 16, 32, 64, 128}) {
    stored[0] = static_cast<char>(stored[0] ^ bit);
    CHECK_THROWS_AS(inflate(stored, 15), ValueError);
    stored[0] = static_cast<char>(stored[0] ^ bit);
  }
  for (const std::string_view block : {dynamic_block, fixed_block, stored_block}) {
    const std::string whole = from_hex(block);
    const std::size_t size = block == dynamic_block ? 1816 : block == fixed_block ? 31 : 15;
    for (std::size_t end = 0; end < whole.size(); ++end) {
      CHECK_THROWS_AS(inflate(whole.substr(0, end), size), ValueError);
    }
    for (std::size_t i = 0; i < whole.size(); ++i) {
      for (const int change : byte_changes()) {
        std::string changed = whole;
        changed[i] = static_cast<char>(changed[i] ^ change);
        std::size_t got = size;
        try {
          got = inflate(changed, size).size();
        } catch (const ValueError&) {
        }
        CHECK(got == size);
      }
    }
  }
}

TEST_CASE("a zip archive gives back its members") {
  const std::string bytes = small_zip();
  const ZipFile zip(bytes, "test.zip", 100);
  REQUIRE(zip.members().size() == 3);
  CHECK(zip.members()[0].name == "metadata.json");
  CHECK(zip.member("model.weights.h5").view() == "123456789");
  CHECK(contains(message_of<FileError>([&] { zip.member("configs.json"); }), "did you mean \"config.json\""));
}

TEST_CASE("archives that Keras wrote are read, and written again to the same bytes but for the times") {
  const std::string bytes = read_file("tests/golden/keras_files/lstm_adam.keras");
  const ZipFile zip(bytes, "lstm_adam.keras", bytes.size());
  REQUIRE(zip.members().size() == 3);
  const std::string again = zip_to_bytes(zip.members());
  REQUIRE(again.size() == bytes.size());
  std::size_t different = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) different += bytes[i] == again[i] ? 0 : 1;
  CHECK(different <= 3 * 2 * 4);
}

TEST_CASE("each changed byte of a zip archive is detected") {
  const std::string bytes = small_zip();
  const int refused_changes =
      count_refused_changes(bytes, [](const std::string& changed) { ZipFile(changed, "test.zip", 1000); });
  CHECK(refused_changes == static_cast<int>(byte_changes().size() * bytes.size()));
  for (std::size_t end = 0; end < bytes.size(); ++end) {
    CHECK_THROWS_AS(ZipFile(std::string_view(bytes).substr(0, end), "test.zip", 1000), FileError);
  }
  CHECK_THROWS_AS(ZipFile(bytes + "x", "test.zip", 1000), FileError);
}

TEST_CASE("a zip archive is refused for its members") {
  const std::string twice = zip_to_bytes({{"a", "1"}, {"a", "2"}});
  CHECK(
      contains(message_of<FileError>([&] { ZipFile(twice, "test.zip", 100); }), "expected one member \"a\""));
  const std::string bytes = small_zip();
  CHECK(contains(message_of<FileError>([&] { ZipFile(bytes, "test.zip", 18); }), "at most 18 bytes"));
}
