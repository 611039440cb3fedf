#pragma once

#include <cerrno>
#include <filesystem>
#include <string>
#include <sys/types.h>

namespace unspool::internal {

/// Calls a system function again as long as a signal interrupts it.
template <class Call>
auto uninterrupted(Call&& call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

/// A file descriptor, closed at the end.
class Descriptor {
 public:
  explicit Descriptor(int descriptor) : descriptor_(descriptor) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor();
  int get() const { return descriptor_; }
  /// Returns false if the system reports a failed write only now.
  bool close();

 private:
  int descriptor_;
};

///@{
/// Throws FileError: cannot WHAT "PATH": REASON.
[[noreturn]] void fail_file(const char* what, const std::filesystem::path& path, const std::string& reason);
[[noreturn]] void fail_file(const char* what, const std::filesystem::path& path, int error = errno);
///@}

/// open(), with O_CLOEXEC. Returns a negative number if it fails.
int open_file(const std::filesystem::path& path, int flags, mode_t mode = 0);

/// Opens a regular file for reading and gets its size. Throws FileError.
int open_to_read(const std::string& path, std::uint64_t& size);

/// Reads up to `count` bytes at a position. Returns fewer only at the end of the file. Throws FileError.
std::uint64_t read_at(int descriptor, const std::string& path, std::uint64_t position, std::uint64_t count,
                      char* to);

}  // namespace unspool::internal
