#include <algorithm>
#include <fcntl.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>

#include <unspool/core/config.h>
#include <unspool/core/error.h>
#include <unspool/serialization/internal/posix_file.h>

namespace unspool::internal {

Descriptor::~Descriptor() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

bool Descriptor::close() {
  // Linux closes the descriptor even if a signal interrupts the call.
  return ::close(std::exchange(descriptor_, -1)) == 0 || errno == EINTR;
}

void fail_file(const char* what, const std::filesystem::path& path, const std::string& reason) {
  throw FileError(std::string("cannot ") + what + " " + in_quotes(path.native()) + ": " + reason);
}

void fail_file(const char* what, const std::filesystem::path& path, int error) {
  fail_file(what, path, std::generic_category().message(error));
}

int open_file(const std::filesystem::path& path, int flags, mode_t mode) {
  return uninterrupted([&] { return ::open(path.c_str(), flags | O_CLOEXEC, mode); });
}

int open_to_read(const std::string& path, std::uint64_t& size) {
  // O_NONBLOCK: opening a pipe must not wait for a writer. It does not affect regular files.
  const int descriptor = open_file(path, O_RDONLY | O_NONBLOCK);
  if (descriptor < 0) fail_file("read", path);
  struct stat status {};
  int error = 0;
  if (::fstat(descriptor, &status) != 0) {
    error = errno;
  } else if (S_ISDIR(status.st_mode)) {
    error = EISDIR;
  } else if (S_ISREG(status.st_mode)) {
    size = static_cast<std::uint64_t>(status.st_size);
    return descriptor;
  }
  ::close(descriptor);
  if (error != 0) fail_file("read", path, error);
  fail_file("read", path, "it is not a regular file");
}

std::uint64_t read_at(int descriptor, const std::string& path, std::uint64_t position, std::uint64_t count,
                      char* to) {
  std::uint64_t filled = 0;
  while (filled < count) {
    const ssize_t got = uninterrupted([&] {
      return ::pread(descriptor, to + filled, count - filled, static_cast<off_t>(position + filled));
    });
    if (got < 0) fail_file("read", path);
    if (got == 0) break;
    filled += static_cast<std::uint64_t>(got);
  }
  return filled;
}

}  // namespace unspool::internal
