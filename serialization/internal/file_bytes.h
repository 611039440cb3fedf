#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace unspool::internal {

/// The bytes of a file that is read, or of a part of it. They are read from the file when they are asked for,
/// so that reading a model takes no memory beside the model.
class FileBytes {
 public:
  FileBytes() = default;
  ///@{
  /// Bytes in memory, which must outlive the object.
  FileBytes(std::string_view bytes) : memory_(bytes.data()), size_(bytes.size()) {}
  FileBytes(const std::string& bytes) : FileBytes(std::string_view(bytes)) {}
  FileBytes(const char* text) : FileBytes(std::string_view(text)) {}
  ///@}
  /// Opens a regular file. Throws FileError with the system's reason.
  static FileBytes open(const std::string& path);

  std::uint64_t size() const { return size_; }
  /// A range of these bytes, which must lie inside.
  FileBytes part(std::uint64_t begin, std::uint64_t count) const;
  ///@{
  /// The bytes of a range, or all. They stay in memory as long as an object for the same file lives. Throws
  /// FileError if the file cannot be read or has become shorter.
  std::string_view view(std::uint64_t begin, std::uint64_t count) const;
  std::string_view view() const { return view(0, size_); }
  ///@}
  /// Copies the bytes of a range. Throws as view() does.
  void copy(std::uint64_t begin, std::uint64_t count, void* to) const;
  /// Calls f(std::string_view) with one range of bytes after the other, whose sizes are multiples of 8 but
  /// for the last. Throws as view() does.
  template <class F>
  void each(F&& f) const {
    if (file_ == nullptr) {
      if (size_ > 0) f(view());
      return;
    }
    const std::unique_ptr<char[]> chunk(new char[chunk_bytes]);
    for (std::uint64_t at = 0; at < size_; at += chunk_bytes) {
      const std::uint64_t count = std::min<std::uint64_t>(chunk_bytes, size_ - at);
      copy(at, count, chunk.get());
      f(std::string_view(chunk.get(), count));
    }
  }

 private:
  class OpenFile;
  /// Half of a small L2 cache: the bytes are still in it when f() reads them.
  static constexpr std::uint64_t chunk_bytes = 131072;

  std::shared_ptr<OpenFile> file_;  // Null for bytes in memory.
  const char* memory_ = nullptr;
  std::uint64_t begin_ = 0;  // In the file.
  std::uint64_t size_ = 0;
};

}  // namespace unspool::internal
