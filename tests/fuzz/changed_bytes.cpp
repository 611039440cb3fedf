// Each byte of a small file of each format is changed, and each prefix of it is read. tests/models/saving.cpp
// and keras_file.cpp do this with whole models in the native format and in that of Keras.
#include <cstring>
#include <doctest/doctest.h>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <unspool/core/error.h>
#include <unspool/layers/dense.h>
#include <unspool/layers/input.h>
#include <unspool/models/internal/keras_file.h>
#include <unspool/models/saving.h>
#include <unspool/models/sequential.h>
#include <unspool/serialization/archive.h>
#include <unspool/serialization/file.h>
#include <unspool/serialization/internal/hdf5.h>
#include <unspool/serialization/npy.h>
#include <unspool/serialization/safetensors.h>

#include "../support/same_bits.h"
#include "readers/models.h"
#include "readers/scratch_file.h"

using namespace unspool;
using namespace unspool::testing;

namespace {

/// Calls f(changed bytes, place) for changes of each byte, and g(prefix) for each prefix.
template <class F, class G>
void for_each_change(const std::string& bytes, F&& f, G&& g) {
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    for (const unsigned change : {1U << (i % 8), 255U}) {
      std::string changed = bytes;
      changed[i] = static_cast<char>(static_cast<unsigned char>(changed[i]) ^ change);
      CAPTURE(i);
      CAPTURE(change);
      f(changed, i);
    }
    CAPTURE(i);
    g(bytes.substr(0, i));
  }
}

/// The number of elements whose bits differ; -1 if shapes or dtypes do.
Index elements_changed(const Tensor& a, const Tensor& b) {
  if (!(a.shape() == b.shape()) || a.dtype() != b.dtype()) return -1;
  const std::size_t size = size_of(a.dtype());
  Index count = 0;
  for (std::size_t at = 0; at < a.bytes(); at += size) {
    const auto* const left = static_cast<const char*>(a.raw()) + at;
    if (std::memcmp(left, static_cast<const char*>(b.raw()) + at, size) != 0) ++count;
  }
  return count;
}

Index elements_changed(const std::vector<Tensor>& a, const std::vector<Tensor>& b) {
  if (a.size() != b.size()) return -1;
  Index count = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const Index changed = elements_changed(a[i], b[i]);
    if (changed < 0) return -1;
    count += changed;
  }
  return count;
}

/// What f() returns, or nothing if it throws FileError.
template <class F>
auto unless_refused(F&& f) -> std::optional<decltype(f())> {
  try {
    return f();
  } catch (const FileError&) {
    return std::nullopt;
  }
}

/// Where the values of an HDF5 file are.
std::vector<std::pair<std::size_t, std::size_t>> data_of(const internal::Hdf5Group& group) {
  std::vector<std::pair<std::size_t, std::size_t>> places;
  for (const auto& [name, dataset] : group.datasets) {
    places.emplace_back(dataset.place, dataset.place + dataset.bytes.size());
  }
  for (const auto& [name, below] : group.groups) {
    for (const auto& place : data_of(below)) places.push_back(place);
  }
  return places;
}

bool is_in(const std::vector<std::pair<std::size_t, std::size_t>>& places, std::size_t at) {
  for (const auto& [begin, end] : places) {
    if (at >= begin && at < end) return true;
  }
  return false;
}

Sequential small_model() {
  return Sequential({Input({.shape = {2}}), Dense({.units = 1, .name = "d"})}, {.name = "small"});
}

std::vector<Tensor> tensors_of(const Model& model) {
  std::vector<Tensor> tensors;
  for (const NamedTensor& tensor : to_snapshot(model).tensors) tensors.push_back(tensor.tensor);
  return tensors;
}

}  // namespace

TEST_CASE("a changed byte of an archive is an error, and so is each prefix") {
  const std::string bytes = read_file("tests/fuzz/corpus/native/weights");
  const auto refused = [](const std::string& changed) {
    return !unless_refused([&] { return archive_from_bytes(changed); });
  };
  REQUIRE(!refused(bytes));
  for_each_change(
      bytes, [&](const std::string& changed, std::size_t) { REQUIRE(refused(changed)); },
      [&](const std::string& prefix) { REQUIRE(refused(prefix)); });
}

TEST_CASE("a changed byte of a .keras file that Keras wrote is an error, and so is each prefix") {
  const std::string bytes = read_file("tests/fuzz/corpus/keras/real_small.keras");
  const auto refused = [](const std::string& changed) {
    return !unless_refused([&] { return internal::keras_model_from_bytes(changed, "test"); });
  };
  REQUIRE(!refused(bytes));
  for_each_change(
      bytes, [&](const std::string& changed, std::size_t) { REQUIRE(refused(changed)); },
      [&](const std::string& prefix) { REQUIRE(refused(prefix)); });
}

TEST_CASE("a changed byte of compressed members of a .keras file is an error, or changes nothing") {
  // Another way to write the same bytes.
  const std::string bytes = read_file("tests/fuzz/corpus/keras/deflated.keras");
  const auto read = [](const std::string& changed) {
    return unless_refused(
        [&] { return fuzz::keras_state_of(internal::keras_model_from_bytes(changed, "test")); });
  };
  const auto whole = read(bytes);
  REQUIRE(whole);
  for_each_change(
      bytes,
      [&](const std::string& changed, std::size_t) {
        const auto got = read(changed);
        REQUIRE((!got || *got == *whole));
      },
      [&](const std::string& prefix) { REQUIRE(!read(prefix)); });
}

TEST_CASE("a changed byte of weights in HDF5 is an error, or changes the value that holds it") {
  Sequential model = small_model();
  const std::string path = fuzz::scratch_file(".weights.h5", "");
  model.save_weights(path);
  const std::string bytes = read_file(path);
  const auto places = data_of(internal::hdf5_from_bytes(bytes, "test"));
  const std::vector<Tensor> whole = model.get_weights();
  Sequential target = small_model();
  const std::vector<Tensor> before = target.get_weights();
  const auto read = [&](const std::string& changed) {
    target.set_weights(before);
    return unless_refused([&] {
      target.load_weights(fuzz::scratch_file(".weights.h5", changed));
      return target.get_weights();
    });
  };
  for_each_change(
      bytes,
      [&](const std::string& changed, std::size_t at) {
        const auto got = read(changed);
        if (got) {
          REQUIRE(elements_changed(*got, whole) == (is_in(places, at) ? 1 : 0));
        } else {
          REQUIRE(!is_in(places, at));
          REQUIRE(same_bits(target.get_weights(), before));
        }
      },
      [&](const std::string& prefix) {
        REQUIRE(!read(prefix));
        REQUIRE(same_bits(target.get_weights(), before));
      });
}

TEST_CASE("a changed byte of a whole model in HDF5 is an error, or changes the value that holds it") {
  const std::string bytes = read_file("tests/fuzz/corpus/legacy_h5/real_small.h5");
  const auto places = data_of(internal::hdf5_from_bytes(bytes, "test"));
  const auto read = [](const std::string& changed) {
    return unless_refused([&] { return load_model(fuzz::scratch_file(".h5", changed)); });
  };
  const auto whole = read(bytes);
  REQUIRE(whole);
  const Snapshot expected = to_snapshot(*whole);
  for_each_change(
      bytes,
      [&](const std::string& changed, std::size_t at) {
        const auto got = read(changed);
        if (is_in(places, at)) {
          REQUIRE(got);
          REQUIRE(to_snapshot(*got).config == expected.config);
          REQUIRE(elements_changed(tensors_of(*got), tensors_of(*whole)) == 1);
        } else if (got) {
          // A text, such as a name or the learning rate.
          REQUIRE(elements_changed(got->get_weights(), whole->get_weights()) == 0);
        }
      },
      [&](const std::string& prefix) { REQUIRE(!read(prefix)); });
}

TEST_CASE("a changed byte of safetensors is an error, or changes the value that holds it") {
  const std::string bytes = read_file("tests/fuzz/corpus/safetensors/all");
  const Safetensors whole = safetensors_from_bytes(bytes);
  std::size_t data = bytes.size();
  for (const NamedTensor& one : whole.tensors) data -= one.tensor.bytes();
  const auto read = [](const std::string& changed) {
    return unless_refused([&] { return safetensors_from_bytes(changed); });
  };
  for_each_change(
      bytes,
      [&](const std::string& changed, std::size_t at) {
        const auto got = read(changed);
        if (!got) return;
        REQUIRE(got->tensors.size() == whole.tensors.size());
        int names = 0;
        Index elements = 0;
        int tensors = 0;
        for (std::size_t i = 0; i < whole.tensors.size(); ++i) {
          if (got->tensors[i].name != whole.tensors[i].name) ++names;
          const Index count = elements_changed(got->tensors[i].tensor, whole.tensors[i].tensor);
          if (count < 0) ++tensors;
          if (count > 0) elements += count;
        }
        const int metadata = got->metadata == whole.metadata ? 0 : 1;
        if (at >= data) {
          REQUIRE((names == 0 && metadata == 0 && tensors == 0 && elements == 1));
        } else {
          REQUIRE((elements == 0 && names + metadata + tensors <= 1));
        }
      },
      [&](const std::string& prefix) { REQUIRE(!read(prefix)); });
}

TEST_CASE("a changed byte of an npy file is an error, or changes the value that holds it") {
  for (const char* name : {"w.npy", "b.npy", "i.npy", "real_f4_F1.npy", "real_f8_C1.npy", "real_f4_C2.npy"}) {
    CAPTURE(name);
    const std::string bytes = read_file(std::string("tests/fuzz/corpus/npy/") + name);
    const Tensor whole = npy_from_bytes(bytes);
    const std::size_t data = bytes.size() - whole.bytes();
    const auto read = [](const std::string& changed) {
      return unless_refused([&] { return npy_from_bytes(changed); });
    };
    for_each_change(
        bytes,
        [&](const std::string& changed, std::size_t at) {
          const auto got = read(changed);
          if (at >= data) {
            REQUIRE((whole.dtype() == boolean || got));
            if (got) REQUIRE(elements_changed(*got, whole) == 1);
          } else if (got) {
            // The dtype or the byte order.
            REQUIRE(got->shape() == whole.shape());
          }
        },
        [&](const std::string& prefix) { REQUIRE(!read(prefix)); });
  }
}
