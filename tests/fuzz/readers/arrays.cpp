#include <cstring>

#include <unspool/core/error.h>
#include <unspool/serialization/internal/bytes.h>
#include <unspool/serialization/npy.h>
#include <unspool/serialization/npz.h>
#include <unspool/serialization/safetensors.h>

#include "format.h"
#include "zip_changes.h"

namespace unspool::fuzz {

namespace {

bool same(const Tensor& a, const Tensor& b) {
  return a.shape() == b.shape() && a.dtype() == b.dtype() &&
         (a.bytes() == 0 || std::memcmp(a.raw(), b.raw(), a.bytes()) == 0);
}

}  // namespace

bool read_npy(std::string_view bytes) {
  Tensor tensor;
  try {
    tensor = npy_from_bytes(bytes);
  } catch (const FileError&) {
    return false;
  }
  const std::string written = npy_to_bytes(tensor);
  promise(same(npy_from_bytes(written), tensor),
          "an array that was read, written and read again is the same");
  return true;
}

bool read_npz(std::string_view bytes) {
  std::vector<NamedTensor> tensors;
  try {
    tensors = npz_from_bytes(bytes);
  } catch (const FileError&) {
    return false;
  }
  const std::string written = npz_to_bytes(tensors);
  const std::vector<NamedTensor> again = npz_from_bytes(written);
  promise(again.size() == tensors.size(),
          "an npz file that was read, written and read again has as many arrays");
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    promise(again[i].name == tensors[i].name && same(again[i].tensor, tensors[i].tensor),
            "an array of an npz file that was read, written and read again is the same");
  }
  return true;
}

bool read_safetensors(std::string_view bytes) {
  Safetensors content;
  try {
    content = safetensors_from_bytes(bytes);
  } catch (const FileError&) {
    return false;
  }
  const std::string written = safetensors_to_bytes(content);
  const Safetensors again = safetensors_from_bytes(written);
  promise(again.metadata == content.metadata && again.tensors.size() == content.tensors.size() &&
              safetensors_to_bytes(again) == written,
          "safetensors that were read, written and read again are the same");
  for (const NamedTensor& one : content.tensors) {
    promise(same(find_tensor(again.tensors, one.name), one.tensor),
            "a tensor that was read, written and read again is the same");
  }
  return true;
}

std::string change_bytes(Mutator& mutator, const std::string& bytes, std::size_t most) {
  return mutator.bytes(bytes, most);
}

std::string change_npz(Mutator& mutator, const std::string& bytes, std::size_t most) {
  return change_zip(mutator, bytes, most, [&](const std::string&, const std::string& member) {
    return mutator.one_in(2) ? mutator.bytes(member, most) : member;
  });
}

std::string change_safetensors(Mutator& mutator, const std::string& bytes, std::size_t most) {
  constexpr std::size_t length_bytes = 8;
  if (bytes.size() < length_bytes) return mutator.bytes(bytes, most);
  const auto length = internal::read_little<std::uint64_t>(bytes);
  if (length > bytes.size() - length_bytes || mutator.one_in(4)) return mutator.bytes(bytes, most);
  const std::size_t data = length_bytes + static_cast<std::size_t>(length);
  const std::size_t rest = bytes.size() - data + length_bytes;
  if (rest > most) return mutator.bytes(bytes, most);
  const std::string header = mutator.json(bytes.substr(length_bytes, length), most - rest);
  std::string changed;
  internal::append_little(changed, static_cast<std::uint64_t>(header.size()));
  return changed + header + bytes.substr(data);
}

}  // namespace unspool::fuzz
