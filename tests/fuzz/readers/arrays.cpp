#include <cstring>

#include <unspool/core/error.h>
#include <unspool/serialization/internal/bytes.h>
#include <unspool/serialization/npy.h>
#include <unspool/serialization/safetensors.h>

#include "format.h"

namespace unspool::fuzz {

bool read_npy(std::string_view bytes) {
  Tensor tensor;
  try {
    tensor = npy_from_bytes(bytes);
  } catch (const FileError&) {
    return false;
  }
  const std::string written = npy_to_bytes(tensor);
  const Tensor again = npy_from_bytes(written);
  promise(again.shape() == tensor.shape() && again.dtype() == tensor.dtype() &&
              (tensor.bytes() == 0 || std::memcmp(again.raw(), tensor.raw(), tensor.bytes()) == 0),
          "an array that was read, written and read again is the same");
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
    const Tensor& other = find_tensor(again.tensors, one.name);
    promise(other.shape() == one.tensor.shape() && other.dtype() == one.tensor.dtype() &&
                (other.bytes() == 0 || std::memcmp(other.raw(), one.tensor.raw(), other.bytes()) == 0),
            "a tensor that was read, written and read again is the same");
  }
  return true;
}

std::string change_bytes(Mutator& mutator, const std::string& bytes, std::size_t most) {
  return mutator.bytes(bytes, most);
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
