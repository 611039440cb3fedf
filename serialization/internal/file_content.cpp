#include <algorithm>
#include <utility>

#include <unspool/serialization/internal/bytes.h>
#include <unspool/serialization/internal/file_content.h>

namespace unspool::internal {

void FileContent::append(std::string_view bytes) {
  if (bytes.empty()) return;
  if (pieces_.empty() || pieces_.back().tensor) pieces_.emplace_back();
  pieces_.back().bytes += bytes;
  size_ += bytes.size();
}

void FileContent::append(const Tensor& tensor) {
  if (tensor.bytes() == 0) return;
  size_ += tensor.bytes();
  pieces_.push_back({{}, tensor});
}

void FileContent::append(FileContent content) {
  for (Piece& piece : content.pieces_) {
    if (piece.tensor) {
      append(piece.tensor);
    } else {
      append(piece.bytes);
    }
  }
}

void FileContent::pad(std::size_t alignment) {
  append(std::string((alignment - size_ % alignment) % alignment, '\0'));
}

void FileContent::overwrite_front(std::size_t offset, std::string_view bytes) {
  pieces_.front().bytes.replace(offset, bytes.size(), bytes);
}

std::string FileContent::bytes() const {
  std::string all;
  all.reserve(size_);
  each([&](std::string_view part) { all += part; });
  return all;
}

bool FileContent::take_swapped(const Tensor& tensor, std::size_t offset, std::string& chunk) {
  constexpr std::size_t most = 65536;
  chunk = elements_of(tensor).substr(offset, most);
  swap_if_big_endian(chunk.data(), chunk.size(), tensor.dtype());
  return !chunk.empty();
}

}  // namespace unspool::internal
