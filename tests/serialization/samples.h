#pragma once

#include <bit>
#include <cmath>
#include <cstring>
#include <doctest/doctest.h>
#include <limits>
#include <string>
#include <vector>

#include <unspool/core/error.h>
#include <unspool/serialization/snapshot.h>

#include "../support/errors.h"
#include "../support/process_memory.h"

/// Tensors of every dtype, of rank 0 and of no elements among them, and every float that is special.
inline std::vector<unspool::NamedTensor> sample_tensors() {
  using namespace unspool;
  const float infinity = std::numeric_limits<float>::infinity();
  return {{"kernel", Tensor::of({{1, 2, 3}, {-4, 5.5, -0.0}})},
          {"special", Tensor::from(std::vector<float>{infinity, -infinity, std::nanf(""), 1e-45f})},
          {"double", Tensor::from(std::vector<double>{0.1, 5e-324})},
          {"int32", Tensor::of<std::int32_t>({{1}, {-2147483647 - 1}})},
          {"int64", Tensor::from(std::vector<std::int64_t>{std::numeric_limits<std::int64_t>::min()})},
          {"mask", Tensor::of<bool>({true, false, true})},
          {"scalar", Tensor::scalar(2.5f)},
          {"nothing", Tensor::zeros({3, 0, 2})},
          {"no bools", Tensor::zeros({0}, boolean)},
          {"a \"na\\me\"/\xc3\xa9", Tensor::scalar(std::int64_t{7})}};
}

inline void check_same(const unspool::Tensor& a, const unspool::Tensor& b) {
  CHECK(a.dtype() == b.dtype());
  CHECK(a.shape() == b.shape());
  // Bits, since NaN does not equal itself.
  CHECK((a.bytes() == b.bytes() && (a.bytes() == 0 || std::memcmp(a.raw(), b.raw(), a.bytes()) == 0)));
}

/// Neither passes nor ends in anything but a FileError.
template <class F>
bool refused(F&& read) {
  try {
    read();
  } catch (const unspool::FileError&) {
    return true;
  }
  return false;
}

/// What is xored with a byte to change it: every other value, or, with the address sanitizer, which takes ten
/// times as long, each bit and all of them.
inline const std::vector<int>& byte_changes() {
  static const std::vector<int> changes = [] {
    std::vector<int> values;
    for (int value = 1; value < 256; ++value) {
      const bool few = std::has_single_bit(static_cast<unsigned>(value)) || value == 255;
      if (few || unspool::testing::quarantined_memory == 0) values.push_back(value);
    }
    return values;
  }();
  return changes;
}

/// Reads the variants of `bytes` with one byte changed by byte_changes(); none may end in anything but a
/// FileError, where it is refused at all.
template <class F>
int count_refused_changes(const std::string& bytes, F&& read) {
  int count = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    std::string changed = bytes;
    for (const int change : byte_changes()) {
      changed[i] = static_cast<char>(bytes[i] ^ change);
      if (refused([&] { read(changed); })) ++count;
    }
  }
  return count;
}
