#include <doctest/doctest.h>

#include <unspool/serialization/file.h>
#include <unspool/serialization/internal/hdf5.h>

#include "samples.h"

using namespace unspool;
using namespace unspool::internal;
using unspool::testing::contains;
using unspool::testing::message_of;

namespace {

const std::string h5_folder = "tests/serialization/h5/";

Tensor read_at(const Hdf5Group& group, const std::string& path, DType dtype) {
  const Hdf5Dataset* const found = group.dataset(path);
  REQUIRE_MESSAGE(found != nullptr, path);
  return found->read(dtype);
}

/// Groups and datasets of every dtype, with more members than one leaf and one node hold.
Hdf5Tree sample_tree() {
  Hdf5Tree tree;
  tree.attributes = {{"name", "model"}, {"empty", ""}};
  for (const NamedTensor& entry : sample_tensors()) {
    if (entry.name.find('/') == std::string::npos)
      tree.groups["layers"].groups["x"].datasets[entry.name] = entry.tensor;
  }
  for (int i = 0; i < 1000; ++i)
    tree.groups["optimizer"].datasets[std::to_string(i)] = Tensor::scalar(std::int64_t{i});
  tree.groups["vars"] = {};
  return tree;
}

Hdf5Tree small_tree() {
  Hdf5Tree tree;
  tree.groups["layers"].groups["dense"].datasets = {{"0", Tensor::of({{1, 2}, {3, 4}})},
                                                    {"1", Tensor::of({5, 6})}};
  tree.groups["optimizer"].datasets["0"] = Tensor::scalar(std::int64_t{3});
  return tree;
}

/// The values of small_tree() in a file, which may be changed.
std::vector<Tensor> small_values(const std::string& bytes) {
  const Hdf5Group root = hdf5_from_bytes(bytes, "test.h5");
  std::vector<Tensor> values;
  for (const auto& [path, dtype] :
       {std::pair{"layers/dense/0", float32}, {"layers/dense/1", float32}, {"optimizer/0", int64}}) {
    const Hdf5Dataset* const found = root.dataset(path);
    if (found == nullptr) throw FileError("no dataset");
    values.push_back(found->read(dtype));
  }
  if (!(values[0].shape() == Shape{2, 2} && values[1].shape() == Shape{2} && values[2].shape() == Shape{})) {
    throw FileError("another shape");
  }
  return values;
}

}  // namespace

TEST_CASE("HDF5 files that h5py wrote are read") {
  const std::string bytes = read_file(h5_folder + "plain.h5");
  const Hdf5Group root = hdf5_from_bytes(bytes, "plain.h5");
  for (const std::string name : {"float16", "float32", "float64"}) {
    check_same(read_at(root, "numbers/deep/" + name, float32), Tensor::of({{-3, 1, 2}, {3, 4, 100}}));
    check_same(read_at(root, "numbers/deep/" + name, float64), Tensor::of<double>({{-3, 1, 2}, {3, 4, 100}}));
  }
  for (const std::string name : {"int8", "uint8", "int16", "uint16", "int32", "uint32", "int64"}) {
    const std::int64_t low = name[0] == 'u' ? 0 : -3;
    check_same(read_at(root, "numbers/deep/" + name, int64),
               Tensor::of<std::int64_t>({{low, 1, 2}, {3, 4, 100}}));
  }
  check_same(read_at(root, "numbers/deep/int16", int32), Tensor::of<std::int32_t>({{-3, 1, 2}, {3, 4, 100}}));
  const float infinity = std::numeric_limits<float>::infinity();
  check_same(read_at(root, "numbers/deep/halves", float32),
             Tensor::of({1.5f, -0.25f, std::ldexp(1.0f, -24), 65504.0f, infinity, -infinity}));
  check_same(read_at(root, "numbers/deep/bool", boolean), Tensor::of<bool>({true, false, true}));
  check_same(read_at(root, "numbers/deep/scalar", float32), Tensor::scalar(2.5f));
  check_same(read_at(root, "numbers/deep/empty", float32), Tensor::zeros({3, 0, 2}));
  check_same(read_at(root, "numbers/deep/compact", float32), Tensor::of({0, 1, 2, 3}));
  REQUIRE(root.groups.at("many").datasets.size() == 160);
  for (int i = 0; i < 160; ++i)
    check_same(read_at(root, "many/" + std::to_string(i), int32), Tensor::scalar(i));
  CHECK(root.group("nothing")->datasets.empty());
  CHECK(root.group("numbers")->group("deep")->path == "numbers/deep");
  CHECK(root.group("numbers/shallow") == nullptr);
  CHECK(root.dataset("numbers/deep") == nullptr);

  CHECK(root.attribute("text")->texts == std::vector<std::string>{"of variable length, \u00e9"});
  CHECK(root.attribute("fixed")->texts == std::vector<std::string>{"of fixed length"});
  CHECK(!root.attribute("fixed")->is_list);
  CHECK(root.attribute("list")->texts == std::vector<std::string>{"one", "", "three"});
  CHECK(root.attribute("fixed list")->texts == std::vector<std::string>{"one", "fourteen"});
  CHECK(root.attribute("number") == nullptr);
  CHECK(root.attribute("none") == nullptr);
}

TEST_CASE("arrays may be big-endian, if all of them are") {
  const std::string bytes = read_file(h5_folder + "big_endian.h5");
  const Hdf5Group root = hdf5_from_bytes(bytes, "big_endian.h5");
  check_same(read_at(root, "float32", float32), Tensor::of({0.5f, -2.0f, 1e30f}));
  check_same(read_at(root, "int64", int64), Tensor::of<std::int64_t>({-(std::int64_t{1} << 60), 7}));
  const std::string both = read_file(h5_folder + "both_endian.h5");
  CHECK(contains(message_of<FileError>([&] { hdf5_from_bytes(both, "both.h5"); }),
                 "the byte order of the other"));
}

TEST_CASE("what is not the plain part of HDF5 is refused, with the reason and what to do") {
  for (const auto& [file, reason] : {std::pair<std::string, std::string>{"chunked", "got chunks"},
                                     {"compressed", "a filter"},
                                     {"growing", "may grow"},
                                     {"latest", "superblock version 0"},
                                     {"soft_link", "a soft link"},
                                     {"hard_link", "a hard link"},
                                     {"loop", "a hard link"},
                                     {"external_link", "newer format, which may have links"},
                                     {"external_data", "data in another file"},
                                     {"never_written", "never written"},
                                     {"complex", "the datatype class"}}) {
    const std::string name = file + ".h5";  // clang 14 does not capture a structured binding.
    const std::string bytes = read_file(h5_folder + name);
    const std::string message = message_of<FileError>([&] { hdf5_from_bytes(bytes, name); });
    CHECK_MESSAGE(contains(message, reason), message);
    CHECK_MESSAGE(contains(message, "write it again with h5py's default settings"), message);
  }
  const std::string bytes = read_file(h5_folder + "strings.h5");
  const Hdf5Group root = hdf5_from_bytes(bytes, "strings.h5");
  CHECK(contains(message_of<FileError>([&] { root.dataset("x")->read(float32); }),
                 "expected numbers, got strings"));
}

TEST_CASE("values are not converted to another kind") {
  const std::string bytes = read_file(h5_folder + "plain.h5");
  const Hdf5Group deep = *hdf5_from_bytes(bytes, "plain.h5").group("numbers/deep");
  CHECK(contains(message_of<FileError>([&] { deep.dataset("float64")->read(int64); }),
                 "expected int64, got float64"));
  CHECK_THROWS_AS(deep.dataset("int32")->read(float32), FileError);
  CHECK_THROWS_AS(deep.dataset("int64")->read(int32), FileError);
  CHECK_THROWS_AS(deep.dataset("uint32")->read(int32), FileError);
  CHECK_THROWS_AS(deep.dataset("bool")->read(int32), FileError);
}

TEST_CASE("HDF5 files give back what went in") {
  const Hdf5Tree tree = sample_tree();
  const std::string bytes = hdf5_to_bytes(tree);
  CHECK(bytes == hdf5_to_bytes(tree));
  const Hdf5Group root = hdf5_from_bytes(bytes, "test.h5");
  for (const auto& [name, tensor] : tree.groups.at("layers").groups.at("x").datasets) {
    check_same(read_at(root, "layers/x/" + name, tensor.dtype()), tensor);
  }
  REQUIRE(root.groups.at("optimizer").datasets.size() == 1000);
  for (int i = 0; i < 1000; ++i) {
    check_same(read_at(root, "optimizer/" + std::to_string(i), int64), Tensor::scalar(std::int64_t{i}));
  }
  CHECK(root.group("vars") != nullptr);
  CHECK(root.attribute("name")->texts == std::vector<std::string>{"model"});
  CHECK(root.attribute("empty")->texts == std::vector<std::string>{""});
  CHECK_NOTHROW(hdf5_from_bytes(hdf5_to_bytes({}), "test.h5"));
}

TEST_CASE("a changed byte of an HDF5 file is an error, or changes the value that holds it") {
  const std::string bytes = hdf5_to_bytes(small_tree());
  const std::vector<Tensor> values = small_values(bytes);
  std::size_t in_values = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    bool changes_a_value = false;
    for (const int change : byte_changes()) {
      std::string changed = bytes;
      changed[i] = static_cast<char>(changed[i] ^ change);
      try {
        const std::vector<Tensor> got = small_values(changed);
        int different = 0;
        for (std::size_t k = 0; k < values.size(); ++k) {
          const auto* const before = static_cast<const char*>(values[k].raw());
          const auto* const after = static_cast<const char*>(got[k].raw());
          for (std::size_t byte = 0; byte < values[k].bytes(); ++byte)
            different += before[byte] == after[byte] ? 0 : 1;
        }
        if (different > 1) FAIL_CHECK("byte " << i << " ^ " << change << " changes " << different);
        changes_a_value = changes_a_value || different == 1;
      } catch (const FileError&) {
      }
    }
    in_values += changes_a_value ? 1 : 0;
  }
  CHECK(in_values == 4 * 4 + 2 * 4 + 8);
}

TEST_CASE("each prefix of an HDF5 file is refused") {
  for (const std::string& bytes : {hdf5_to_bytes(small_tree()), read_file(h5_folder + "plain.h5")}) {
    for (std::size_t end = 0; end < bytes.size(); ++end) {
      const std::string prefix = bytes.substr(0, end);
      CHECK_THROWS_AS(hdf5_from_bytes(prefix, "test.h5"), FileError);
    }
  }
}
