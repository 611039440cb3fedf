#include <doctest/doctest.h>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <sys/resource.h>

#include <unspool/core/error.h>
#include <unspool/layers/bidirectional.h>
#include <unspool/layers/dense.h>
#include <unspool/layers/input.h>
#include <unspool/layers/lstm.h>
#include <unspool/models/internal/file_summary.h>
#include <unspool/models/sequential.h>
#include <unspool/serialization/file.h>
#include <unspool/serialization/internal/bytes.h>
#include <unspool/serialization/npy.h>

#include "../serialization/folder.h"
#include "../support/errors.h"

using namespace unspool;
using namespace unspool::testing;

namespace {

std::string summary_of(const std::string& path, bool check = false) {
  std::ostringstream out;
  internal::print_file_summary(out, path, check);
  return out.str();
}

/// The error for a file, of which `before` must have been printed.
std::string break_of(const std::string& path, const std::string& before, bool check = false) {
  std::ostringstream out;
  const std::string error = message_of<FileError>([&] { internal::print_file_summary(out, path, check); });
  CHECK_MESSAGE(contains(out.str(), before), out.str());
  return error;
}

void check_all(const std::string& text, const std::vector<std::string>& parts) {
  for (const std::string& part : parts) CHECK_MESSAGE(contains(text, part), part << " in:\n" << text);
}

Sequential model() {
  Sequential made(
      {Input({.shape = {4, 3}}), Bidirectional(LSTM({.units = 2, .name = "lstm"}), {.name = "both"}),
       Dense({.units = 1, .name = "head"})},
      {.name = "net"});
  made.compile({.optimizer = "adam", .loss = "mse", .metrics = {"mae"}});
  return made;
}

const std::vector<std::string> layer_lines = {"\n  net (Sequential)\n", "\n    both (Bidirectional)\n",
                                              "forward_lstm (LSTM, 2 units)\n",
                                              "\n    head (Dense, 1 units)\n"};

void change_byte(const std::string& path, std::size_t at) {
  std::string bytes = read_file(path);
  REQUIRE(at < bytes.size());
  bytes[at] = static_cast<char>(bytes[at] ^ 1);
  std::ofstream(path, std::ios::binary) << bytes;
}

}  // namespace

TEST_CASE("the summary of a file says what is in it, in each format") {
  const Folder folder;
  const Sequential net = model();
  const auto path = [&](const char* name) { return std::string(folder / name); };

  net.save(path("m"));
  check_all(summary_of(path("m")), layer_lines);
  check_all(
      summary_of(path("m"), true),
      {"format: native archive of unspool\n", "version: 1 of the archive, 1 of the content\n",
       "content: model\n", "compile: optimizer Adam; loss ", "tensors: 10, 103 elements, 416 bytes\n",
       "weights/net/head/kernel", "float32[4, 1]", "  16 bytes at ", "checked: the checksum matches\n"});
  net.save_weights(path("w"));
  check_all(summary_of(path("w")), {"content: weights\n", "not compared"});

  net.save(path("m.keras"));
  check_all(summary_of(path("m.keras")), layer_lines);
  check_all(summary_of(path("m.keras"), true),
            {"format: model of Keras, a zip archive\n", "\"keras_version\": \"3.6.0\"", "CRC-32 ",
             "checked: the checksums of the members match\n", "compile: optimizer Adam; loss ",
             "layers/bidirectional/forward_layer/cell/vars/0", "float32[3, 8]", "  96 bytes at ",
             "checked: every array was read"});
  net.save_weights(path("m.weights.h5"));
  check_all(summary_of(path("m.weights.h5")), {"format: HDF5", "layers/dense/vars/1", "float32[1]"});

  net.export_weights(path("m.safetensors"));
  check_all(summary_of(path("m.safetensors"), true),
            {"format: safetensors\n", "tensors: 8, 101 elements, 404 bytes\n", "head/bias", "F32[1]",
             "checked: every tensor was read"});
  net.export_weights(path("m.npz"));
  check_all(summary_of(path("m.npz"), true),
            {"format: npz", "members: 8\n", "head/bias.npy  132 bytes at ", "float32[4, 1]"});
  check_all(summary_of("tests/serialization/numpy/compressed.npz"),
            {", compressed to ", "int32, Fortran order [3, 2]", "big-endian float64[2]"});
  save_npy(path("a.npy"), Tensor::zeros({2, 3}, int64));
  check_all(summary_of(path("a.npy"), true), {"format: npy, version 1\n", "int64[2, 3]", "48 bytes at 128"});
  std::ofstream(path("m.json")) << net.to_json();
  check_all(summary_of(path("m.json")), layer_lines);
}

TEST_CASE("the summary of a broken file says where it breaks, after what comes before") {
  const Folder folder;
  const Sequential net = model();
  const auto path = [&](const char* name) { return std::string(folder / name); };
  const auto cut = [&](const char* name, std::size_t bytes) {
    std::filesystem::resize_file(path(name), std::filesystem::file_size(path(name)) - bytes);
  };

  net.save(path("m"));
  change_byte(path("m"), read_file(path("m")).size() - 9);  // The last byte of the last tensor.
  CHECK_NOTHROW(summary_of(path("m")));
  CHECK(contains(break_of(path("m"), "tensors: 10", true), "the checksum does not match"));
  cut("m", 30);
  CHECK(contains(break_of(path("m"), "format: native"), ", byte 12: expected a body of "));

  net.save(path("m.keras"));
  const std::string keras = read_file(path("m.keras"));
  change_byte(path("m.keras"), keras.find("\"LSTM\""));
  const std::string crc = break_of(path("m.keras"), "members: 3", true);
  CHECK_MESSAGE(contains(crc, "the member \"config.json\": the checksum does not match"), crc);
  cut("m.keras", 1);
  CHECK(contains(break_of(path("m.keras"), "size: "), "the file is truncated or corrupted"));

  net.export_weights(path("m.safetensors"));
  cut("m.safetensors", 4);
  CHECK(contains(break_of(path("m.safetensors"), "format: safetensors"), "expected 404 bytes of data"));

  net.export_weights(path("m.npz"));
  change_byte(path("m.npz"), read_file(path("m.npz")).find("descr"));
  CHECK(contains(break_of(path("m.npz"), "members: 8"), "the member \"both/forward_lstm/"));

  net.save_weights(path("m.weights.h5"));
  const std::size_t heap = read_file(path("m.weights.h5")).find("HEAP");
  change_byte(path("m.weights.h5"), heap);
  CHECK(contains(break_of(path("m.weights.h5"), "format: HDF5"), ", byte " + std::to_string(heap)));

  std::ofstream(path("other")) << "hello";
  CHECK(contains(break_of(path("other"), "size: 5 bytes"), ", byte 0: expected a native archive"));
  std::ofstream(path("empty")).flush();
  CHECK(contains(break_of(path("empty"), "size: 0 bytes"), "got another kind of file"));
  CHECK(contains(message_of<FileError>([&] { summary_of(path("none")); }), "No such file"));
  std::ofstream(path("bad.json")) << "{\"class_name\": ";
  CHECK(contains(break_of(path("bad.json"), "format: JSON"), "line 1"));
}

TEST_CASE("the summary reads no elements of tensors") {
  // 400 MB, none of which are on the disk or in memory.
  const Folder folder;
  const std::string path = folder / "large.safetensors";
  std::string header = R"({"a":{"dtype":"F32","shape":[100000000],"data_offsets":[0,400000000]}})";
  std::string bytes;
  internal::append_little(bytes, static_cast<std::uint64_t>(header.size()));
  std::ofstream(path, std::ios::binary) << bytes + header;
  std::filesystem::resize_file(path, 8 + header.size() + 400000000);
  rusage before{};
  getrusage(RUSAGE_SELF, &before);
  check_all(summary_of(path), {"100,000,000 elements, 400,000,000 bytes"});
  rusage after{};
  getrusage(RUSAGE_SELF, &after);
  CHECK(after.ru_maxrss - before.ru_maxrss < 50 * 1024);
}
