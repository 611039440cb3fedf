#include <algorithm>

#include <unspool/core/error.h>
#include <unspool/serialization/archive.h>
#include <unspool/serialization/internal/bytes.h>
#include <unspool/serialization/internal/crc64.h>

#include "format.h"
#include "models.h"

namespace unspool::fuzz {
namespace {

constexpr std::size_t header_bytes = 20;
constexpr std::size_t checksum_bytes = 8;

/// With the size of the body and the checksum that its bytes ask for.
std::string sealed(std::string bytes) {
  if (bytes.size() < header_bytes + checksum_bytes) return bytes;
  bytes.resize(bytes.size() - checksum_bytes);
  std::string size;
  internal::append_little(size, static_cast<std::uint64_t>(bytes.size() - header_bytes));
  bytes.replace(header_bytes - size.size(), size.size(), size);
  internal::append_little(bytes, internal::crc64(bytes));
  return bytes;
}

Tensor other_tensor(Mutator& mutator, const Tensor& tensor) {
  switch (mutator.below(4)) {
    case 0:
      return Tensor::zeros(tensor.shape() + Shape({1}), tensor.dtype());
    case 1:
      return Tensor::zeros(tensor.shape(), mutator.one_in(2) ? float64 : int32);
    case 2:
      return Tensor::zeros({static_cast<Index>(mutator.below(5)), static_cast<Index>(mutator.below(5))});
    default:
      return Tensor::full({}, 1e30f);
  }
}

void change_tensors(Mutator& mutator, std::vector<NamedTensor>& tensors) {
  if (tensors.empty()) return;
  NamedTensor& one = tensors[mutator.below(tensors.size())];
  NamedTensor& another = tensors[mutator.below(tensors.size())];
  switch (mutator.below(4)) {
    case 0:
      tensors.erase(tensors.begin() + static_cast<std::ptrdiff_t>(mutator.below(tensors.size())));
      break;
    case 1:
      std::swap(one, another);
      break;
    case 2:
      if (tensors.size() < 64) tensors.push_back({one.name + "_", one.tensor});
      break;
    default:
      one.tensor = other_tensor(mutator, one.tensor);
  }
}

}  // namespace

bool read_native(std::string_view bytes) {
  Snapshot snapshot;
  try {
    snapshot = archive_from_bytes(bytes);
  } catch (const FileError&) {
    return false;
  }
  const std::string written = archive_to_bytes(snapshot);
  promise(archive_to_bytes(archive_from_bytes(written)) == written,
          "an archive that was read, written and read again is the same");
  if (snapshot.config.is_map() && snapshot.config.find("kind") == Config("training")) {
    return read_training_state(snapshot);
  }
  const bool is_model = read_model(".unspool", bytes);
  const bool is_weights = read_weights(".unspool", bytes, ".unspool");
  return is_model || is_weights;
}

std::string change_native(Mutator& mutator, const std::string& bytes, std::size_t most) {
  if (!mutator.one_in(4)) {
    try {
      Snapshot snapshot = archive_from_bytes(bytes);
      if (mutator.one_in(4)) {
        change_tensors(mutator, snapshot.tensors);
      } else {
        snapshot.config = mutator.config(snapshot.config);
      }
      std::string changed = archive_to_bytes(snapshot);
      if (changed.size() <= most) return changed;
    } catch (const Error&) {  // It is no archive, or it has names that cannot be written.
    }
  }
  return sealed(mutator.bytes(bytes, most));
}

}  // namespace unspool::fuzz
