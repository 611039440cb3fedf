#include <unspool/core/error.h>
#include <unspool/serialization/internal/bytes.h>

#include "format.h"
#include "models.h"

namespace unspool::fuzz {
namespace {

/// A changed config of a whole model, which is one of the texts of a file. No longer than it was.
bool change_text(Mutator& mutator, std::string& bytes) {
  const std::size_t start = bytes.find(mutator.one_in(3) ? "{\"loss\"" : "{\"class_name\"");
  if (start == std::string::npos) return false;
  const std::size_t end = bytes.find('\0', start);
  if (end == std::string::npos) return false;
  std::string text = mutator.json(bytes.substr(start, end - start), end - start);
  text.resize(end - start, ' ');
  bytes.replace(start, text.size(), text);
  return true;
}

}  // namespace

bool read_weights_h5(std::string_view bytes) { return read_weights(".weights.h5", bytes, ".weights.h5"); }

bool read_legacy_h5(std::string_view bytes) {
  const bool is_model = read_model(".h5", bytes);
  const bool is_weights = read_weights(".h5", bytes, ".weights.h5");
  return is_model || is_weights;
}

std::string change_hdf5(Mutator& mutator, const std::string& bytes, std::size_t most) {
  std::string changed = bytes;
  if (!mutator.one_in(3) && change_text(mutator, changed)) return changed;
  changed = mutator.bytes(bytes, most);
  constexpr std::size_t end_of_file = 40;
  if (changed.size() >= end_of_file + 8 && !mutator.one_in(8)) {
    std::string size;
    internal::append_little(size, static_cast<std::uint64_t>(changed.size()));
    changed.replace(end_of_file, 8, size);
  }
  return changed;
}

}  // namespace unspool::fuzz
