#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <unspool/core/tensor.h>

namespace unspool::internal {

/// The bytes of a file that is to be written: bytes of its own, and the elements of tensors, which it shares
/// instead of copying them, so that writing a model takes no memory beside the model.
class FileContent {
 public:
  FileContent() = default;
  explicit FileContent(std::string bytes) { append(bytes); }

  void append(std::string_view bytes);
  /// Appends the elements, row-major and little-endian; a bool is one byte.
  void append(const Tensor& tensor);
  void append(FileContent content);
  /// Appends zeros up to a multiple of `alignment`.
  void pad(std::size_t alignment);
  /// Replaces bytes at the front, which were appended as such.
  void overwrite_front(std::size_t offset, std::string_view bytes);

  std::uint64_t size() const { return size_; }
  /// All bytes in one string.
  std::string bytes() const;
  /// Calls f(std::string_view) with one range of bytes after the other.
  template <class F>
  void each(F&& f) const {
    for (const Piece& piece : pieces_) {
      if (!piece.tensor) {
        f(std::string_view(piece.bytes));
      } else if constexpr (std::endian::native == std::endian::little) {
        f(elements_of(piece.tensor));
      } else {
        std::string chunk;
        for (std::size_t at = 0; take_swapped(piece.tensor, at, chunk); at += chunk.size()) {
          f(std::string_view(chunk));
        }
      }
    }
  }

 private:
  /// Either bytes or a tensor.
  struct Piece {
    std::string bytes;
    Tensor tensor;
  };
  static std::string_view elements_of(const Tensor& tensor) {
    return {static_cast<const char*>(tensor.raw()), tensor.bytes()};
  }
  /// Little-endian elements from an offset on, some at a time. Returns false at the end.
  static bool take_swapped(const Tensor& tensor, std::size_t offset, std::string& chunk);

  std::vector<Piece> pieces_;
  std::uint64_t size_ = 0;
};

/// Writes a file as unspool::write_file_atomically() does.
void write_file_atomically(const std::string& path, const FileContent& content);

}  // namespace unspool::internal
