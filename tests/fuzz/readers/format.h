#pragma once

#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "mutator.h"

namespace unspool::fuzz {

/// A format of files, with what its reader promises.
struct Format {
  /// The name of its fuzzer, and of its folders below corpus/ and found/.
  const char* name;
  /// Reads a file, and checks what the library promises of that: it is read or refused by an unspool::Error;
  /// if it is refused, a model into which it was read is as it was; if it is read, it can be written and read
  /// again, equal. Returns whether it was read. Throws std::exception, or crashes, if a promise is broken.
  bool (*read)(std::string_view bytes);
  /// Another file, which gets past checksums and sizes. At most `most` bytes long if `bytes` is.
  std::string (*change)(Mutator& mutator, const std::string& bytes, std::size_t most);
};

/// All formats.
const std::vector<Format>& formats();
/// The format of this name.
const Format& format(std::string_view name);

///@{
/// The functions of the formats.
bool read_native(std::string_view bytes);
bool read_keras(std::string_view bytes);
bool read_weights_h5(std::string_view bytes);
bool read_legacy_h5(std::string_view bytes);
bool read_safetensors(std::string_view bytes);
bool read_npy(std::string_view bytes);
bool read_npz(std::string_view bytes);
bool read_config(std::string_view bytes);
std::string change_native(Mutator& mutator, const std::string& bytes, std::size_t most);
std::string change_keras(Mutator& mutator, const std::string& bytes, std::size_t most);
std::string change_hdf5(Mutator& mutator, const std::string& bytes, std::size_t most);
std::string change_safetensors(Mutator& mutator, const std::string& bytes, std::size_t most);
std::string change_npz(Mutator& mutator, const std::string& bytes, std::size_t most);
std::string change_bytes(Mutator& mutator, const std::string& bytes, std::size_t most);
std::string change_config(Mutator& mutator, const std::string& bytes, std::size_t most);
///@}

/// A promise that was broken.
struct Broken : std::logic_error {
  using std::logic_error::logic_error;
};
inline void promise(bool kept, const char* what) {
  if (!kept) throw Broken(what);
}

}  // namespace unspool::fuzz
