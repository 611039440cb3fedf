#include <doctest/doctest.h>

#include <unspool/serialization/archive.h>
#include <unspool/serialization/file.h>
#include <unspool/serialization/internal/bytes.h>
#include <unspool/serialization/internal/crc64.h>

#include "../support/process_memory.h"
#include "folder.h"
#include "samples.h"

using namespace unspool;
using namespace unspool::testing;

namespace {

constexpr std::size_t header_size = 20;

Snapshot sample() {
  return {Config::map({{"class_name", "LSTM"}, {"units", 4}, {"rate", 0.1f}}), sample_tensors()};
}

Snapshot small_sample() {
  return {Config::map({{"a", 1}}), {{"w", Tensor::of({1, 2})}, {"m", Tensor::of<bool>({true})}}};
}

std::string number(std::uint64_t value) {
  std::string bytes;
  internal::append_little(bytes, value);
  return bytes;
}

std::string text(const std::string& text) { return number(text.size()) + text; }

// A file with a right header and checksum around any body.
std::string around(const std::string& body, std::uint32_t version = 1) {
  std::string bytes = "\x89UNSPOOL";
  internal::append_little(bytes, version);
  bytes += number(body.size()) + body;
  return bytes + number(internal::crc64(bytes));
}

std::string body_with(const std::string& tensors, std::uint64_t count = 1) {
  return "\1" + text("{}") + number(count) + tensors;
}

}  // namespace

TEST_CASE("the checksum is CRC-64/XZ") {
  CHECK(internal::crc64("123456789") == 0x995DC9BBDF1939FAu);
  CHECK(internal::crc64("") == 0);
  CHECK(internal::crc64("a") != internal::crc64(std::string("a\0", 2)));
}

TEST_CASE("an archive gives back what went in") {
  const Folder folder;
  const Snapshot snapshot = sample();
  save_archive(folder / "model.unspool", snapshot);
  const Snapshot back = load_archive(folder / "model.unspool");
  CHECK(back.config == snapshot.config);
  REQUIRE(back.tensors.size() == snapshot.tensors.size());
  for (std::size_t i = 0; i < back.tensors.size(); ++i) {
    CHECK(back.tensors[i].name == snapshot.tensors[i].name);
    check_same(back.tensors[i].tensor, snapshot.tensors[i].tensor);
  }
  CHECK(archive_to_bytes(back) == archive_to_bytes(snapshot));
  CHECK(archive_to_bytes(archive_from_bytes(archive_to_bytes({}))) == archive_to_bytes({}));
  check_same(find_tensor(back.tensors, "double"), snapshot.tensors[2].tensor);
  CHECK(contains(message_of<KeyError>([&] { find_tensor(back.tensors, "kernle"); }),
                 "did you mean \"kernel\"?"));
}

TEST_CASE("the layout is the one that is documented") {
  const std::string body = "\1" + text("{\"a\": 1}") + number(2) +                            //
                           text("w") + text("float32") + number(1) + number(2) + number(8) +  //
                           std::string("\0\0\x80\x3f\0\0\0\x40", 8) +                         //
                           text("m") + text("bool") + number(1) + number(1) + number(1) + "\1";
  CHECK(archive_to_bytes(small_sample()) == around(body));
}

TEST_CASE("an archive from a machine of the other order of bytes is read") {
  const auto big = [](std::uint64_t value) {
    const std::string little = number(value);
    return std::string(little.rbegin(), little.rend());
  };
  const std::string body = std::string(1, '\0') + big(2) + "{}" + big(1) + big(1) + "w" + big(7) + "float32" +
                           big(1) + big(2) + big(8) + std::string("\x3f\x80\0\0\x40\0\0\0", 8);
  check_same(archive_from_bytes(around(body)).tensors[0].tensor, Tensor::of({1, 2}));
}

TEST_CASE("every cut, every change of a byte and everything added is noticed") {
  const std::string bytes = archive_to_bytes(small_sample());
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    CAPTURE(size);
    CHECK(refused([&] { archive_from_bytes(bytes.substr(0, size)); }));
  }
  CHECK(count_refused_changes(bytes, [](const std::string& b) { archive_from_bytes(b); }) ==
        static_cast<int>(byte_changes().size() * bytes.size()));
  for (int c = 0; c < 256; ++c) {
    CHECK(refused([&] { archive_from_bytes(bytes + static_cast<char>(c)); }));
  }
  CHECK(refused([&] { archive_from_bytes(bytes + bytes); }));
  // Every bit of a file of several words as well.
  const std::string large = archive_to_bytes(sample());
  for (std::size_t bit = 0; bit < large.size() * 8; ++bit) {
    std::string changed = large;
    changed[bit / 8] = static_cast<char>(changed[bit / 8] ^ (1 << (bit % 8)));
    CHECK(refused([&] { archive_from_bytes(changed); }));
  }
}

TEST_CASE("a body that was changed under a right checksum is read or refused, nothing else") {
  const std::string bytes = archive_to_bytes(small_sample());
  const std::string body = bytes.substr(header_size, bytes.size() - header_size - 8);
  const int refused_changes =
      count_refused_changes(body, [](const std::string& b) { archive_from_bytes(around(b)); });
  CHECK(255 * refused_changes > 100 * static_cast<int>(byte_changes().size() * body.size()));
  for (std::size_t size = 0; size < body.size(); ++size) {
    CHECK(refused([&] { archive_from_bytes(around(body.substr(0, size))); }));
  }
}

TEST_CASE("a file made to deceive is refused by its place and takes no memory") {
  const std::uint64_t huge = std::uint64_t{1} << 62;
  const auto refusal = [](const std::string& body) {
    return message_of<FileError>([&] { archive_from_bytes(around(body), "\"m\""); });
  };
  const auto tensor = [](const std::string& dtype, const std::vector<std::uint64_t>& shape,
                         std::uint64_t bytes) {
    std::string entry = text("w") + text(dtype) + number(shape.size());
    for (const std::uint64_t size : shape) entry += number(size);
    return entry + number(bytes);
  };
  const std::size_t before = peak_memory();

  CHECK(refusal("\1" + number(huge)) ==
        "\"m\", byte 29: expected the config of " + std::to_string(huge) + " bytes, got 0 before the end");
  CHECK(
      contains(refusal("\1" + number(~std::uint64_t{0}) + "{}"), "the config of 18446744073709551615 bytes"));
  CHECK(contains(refusal(body_with("", huge)), "the length of the name of tensor 0"));
  CHECK(contains(refusal(body_with(number(huge))), "the name of tensor 0"));
  CHECK(
      contains(refusal(body_with(tensor("float16", {}, 2))),
               "tensor 0 \"w\": expected the dtype float32, float64, int32, int64 or bool, got \"float16\""));
  CHECK(contains(refusal(body_with(text("w") + number(huge))), "the dtype of tensor 0 \"w\""));
  CHECK(contains(refusal(body_with(tensor("float32", {huge}, huge * 4))), "expected the size in bytes"));
  CHECK(contains(refusal(body_with(tensor("float32", {1u << 30}, std::uint64_t{1} << 32))),
                 "the elements of tensor 0"));
  CHECK(contains(refusal(body_with(tensor("bool", {huge}, huge))), "the elements of tensor 0"));
  CHECK(contains(refusal(body_with(tensor("float32", {huge, 4}, 0))), "number of elements fits 64 bits"));
  CHECK(contains(refusal(body_with(tensor("float32", {huge, huge}, 0))), "number of elements fits 64 bits"));
  CHECK(contains(refusal(body_with(tensor("float32", {~std::uint64_t{0}}, 0))),
                 "sizes >= 0, got a negative one"));
  CHECK(contains(refusal(body_with(tensor("float32", {2, 2}, 12))),
                 "expected the size in bytes of float32[2, 2], got 12"));
  CHECK(contains(refusal(body_with(tensor("float32", std::vector<std::uint64_t>(9, 1), 4))),
                 "at most 8 dimensions, got 9"));
  CHECK(contains(refusal(body_with(text("w") + text("bool") + number(huge))), "dimensions"));
  CHECK(contains(refusal(body_with(tensor("bool", {2}, 2) + "\1\2")),
                 "tensor 0 \"w\": element 1 is not a bool"));
  const std::string empty = tensor("bool", {0}, 0);
  CHECK(contains(refusal(body_with(empty + empty, 2)), "expected unique names of tensors, got \"w\" twice"));
  CHECK(contains(refusal(body_with(empty + "x")), "expected the end after 1 tensors, got 1 more bytes"));
  CHECK(
      contains(refusal("\1" + text("{\"a\": NaN}") + number(0)), "the config that ends here: JSON, line 1"));
  CHECK(contains(refusal("\1" + text(std::string(100000, '[')) + number(0)), "at most 256 nested lists"));
  CHECK(contains(refusal("\2" + text("{}") + number(0)), "expected the byte order"));
  CHECK(contains(refusal(""), "expected a header, got the end of the file"));
  // A dimension of none makes any other harmless.
  check_same(archive_from_bytes(around(body_with(tensor("float32", {huge, 0}, 0)))).tensors[0].tensor,
             Tensor::zeros({static_cast<Index>(huge), 0}));

  CHECK(peak_memory() < before + (64U << 20U));
}

TEST_CASE("what is not an archive, or is of another version, is called that") {
  const std::string body = body_with("", 0);
  CHECK(contains(message_of<FileError>([] { archive_from_bytes(""); }), "expected an archive of unspool"));
  CHECK(contains(message_of<FileError>([] { archive_from_bytes("PK\3\4 something else"); }),
                 "expected an archive of unspool"));
  CHECK(contains(message_of<FileError>([&] { archive_from_bytes(around(body, 2)); }),
                 "expected the archive version 1, got 2: use a newer version of unspool"));
  CHECK(contains(message_of<FileError>([&] { archive_from_bytes(around(body, 0)); }),
                 "got 0, which does not exist"));
  std::string cut = around(body, 2);
  cut.pop_back();
  CHECK(contains(message_of<FileError>([&] { archive_from_bytes(cut); }),
                 "corrupted or truncated, or of version 2"));
  CHECK(contains(message_of<FileError>([] { load_archive("no/such/file"); }), "No such file"));
  const Folder folder;
  write_file_atomically(folder / "text", "hello");
  CHECK(message_of<FileError>([&] { load_archive(folder / "text"); }) ==
        "\"" + (folder / "text").native() +
            "\", byte 0: expected an archive of unspool, got another kind of file");
}

TEST_CASE("a snapshot that cannot be written leaves the old file") {
  const Folder folder;
  save_archive(folder / "file", small_sample());
  const std::string before = read_file(folder / "file");
  Snapshot bad = small_sample();
  bad.config.set("rate", std::nan(""));
  CHECK_THROWS_AS(save_archive(folder / "file", bad), ValueError);
  bad = small_sample();
  bad.tensors.push_back(bad.tensors[0]);
  CHECK(contains(message_of<ValueError>([&] { save_archive(folder / "file", bad); }),
                 "expected unique names of tensors, got \"w\" twice"));
  bad = small_sample();
  bad.tensors.push_back({"none", Tensor()});
  CHECK(contains(message_of<ValueError>([&] { save_archive(folder / "file", bad); }),
                 "\"none\": expected a value, got an empty tensor"));
  bad.tensors.back().tensor = internal::TensorAccess::abstract({2}, float32);
  CHECK(contains(message_of<ValueError>([&] { save_archive(folder / "file", bad); }),
                 "\"none\": expected a value, got the abstract float32[2]"));
  CHECK(read_file(folder / "file") == before);
}
