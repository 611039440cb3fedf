#include <cerrno>
#include <cstring>
#include <new>
#include <vector>

#include <unspool/core/config.h>
#include <unspool/core/error.h>
#include <unspool/serialization/internal/file_bytes.h>
#include <unspool/serialization/internal/posix_file.h>

namespace unspool::internal {

/// A file, and the blocks of it that view() has read. They lie at their offset in one range of addresses as
/// large as the file, so that a view may span several of them; the system gives memory only to those that are
/// read. (A mapped file would end the program with a signal if the file became shorter.)
class FileBytes::OpenFile {
 public:
  OpenFile(const std::string& path, int descriptor, std::uint64_t size)
      : path_(path), descriptor_(descriptor), size_(size) {}

  void read(std::uint64_t position, std::uint64_t count, char* to) const {
    const std::uint64_t got = read_at(descriptor_.get(), path_, position, count, to);
    if (got == count) return;
    throw FileError(in_quotes(path_) + ", byte " + std::to_string(position + got) + ": expected " +
                    std::to_string(count - got) +
                    " more bytes, got the end of the file: it became shorter while it was read");
  }

  const char* view(std::uint64_t position, std::uint64_t count) {
    if (space_ == nullptr) {
      space_.reset(new (std::nothrow) char[size_]);
      if (space_ == nullptr) fail_file("read", path_, ENOMEM);
      present_.resize((size_ + block_bytes - 1) / block_bytes);
    }
    for (std::uint64_t block = position / block_bytes; block * block_bytes < position + count; ++block) {
      if (present_[block]) continue;
      const std::uint64_t at = block * block_bytes;
      read(at, std::min(block_bytes, size_ - at), space_.get() + at);
      present_[block] = true;
    }
    return space_.get() + position;
  }

 private:
  static constexpr std::uint64_t block_bytes = 4096;

  std::string path_;
  Descriptor descriptor_;
  std::uint64_t size_;
  std::unique_ptr<char[]> space_;
  std::vector<bool> present_;
};

FileBytes FileBytes::open(const std::string& path) {
  FileBytes bytes;
  const int descriptor = open_to_read(path, bytes.size_);
  bytes.file_ = std::make_shared<OpenFile>(path, descriptor, bytes.size_);
  return bytes;
}

FileBytes FileBytes::part(std::uint64_t begin, std::uint64_t count) const {
  FileBytes inner = *this;
  inner.begin_ += begin;
  inner.size_ = count;
  return inner;
}

std::string_view FileBytes::view(std::uint64_t begin, std::uint64_t count) const {
  if (count == 0) return {};
  return {file_ == nullptr ? memory_ + begin_ + begin : file_->view(begin_ + begin, count), count};
}

void FileBytes::copy(std::uint64_t begin, std::uint64_t count, void* to) const {
  if (count == 0) return;
  constexpr std::uint64_t few = 256;  // Numbers of a header come one by one.
  if (file_ == nullptr || count <= few) {
    std::memcpy(to, view(begin, count).data(), count);
  } else {
    file_->read(begin_ + begin, count, static_cast<char*>(to));
  }
}

}  // namespace unspool::internal
