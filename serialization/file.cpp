#include <algorithm>
#include <atomic>
#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>

#include <unspool/core/config.h>
#include <unspool/core/error.h>
#include <unspool/serialization/file.h>

namespace unspool {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(const char* what, const fs::path& path, const std::string& reason) {
  throw FileError(std::string("cannot ") + what + " " + in_quotes(path.native()) + ": " + reason);
}

[[noreturn]] void fail(const char* what, const fs::path& path, int error = errno) {
  fail(what, path, std::generic_category().message(error));
}

template <class Call>
auto uninterrupted(Call&& call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

class Descriptor {
 public:
  explicit Descriptor(int descriptor) : descriptor_(descriptor) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  int get() const { return descriptor_; }
  // Returns false if the system reports a failed write only now.
  bool close() { return ::close(std::exchange(descriptor_, -1)) == 0; }

 private:
  int descriptor_;
};

int open_file(const fs::path& path, int flags, mode_t mode = 0) {
  return uninterrupted([&] { return ::open(path.c_str(), flags | O_CLOEXEC, mode); });
}

// A file with an unused name, which is removed unless it is renamed.
class Temporary {
 public:
  explicit Temporary(const fs::path& beside) {
    static std::atomic<unsigned> count = 0;
    // The name of a file has at most 255 bytes.
    const std::string stem =
        "." + beside.filename().native().substr(0, 200) + "." + std::to_string(::getpid()) + ".";
    do {
      path_ = beside.parent_path() / (stem + std::to_string(count++));
      // The umask removes permissions from 0666.
      descriptor_ = open_file(path_, O_WRONLY | O_CREAT | O_EXCL, 0666);
    } while (descriptor_ < 0 && errno == EEXIST);
    if (descriptor_ < 0) fail("write", beside);
  }
  Temporary(const Temporary&) = delete;
  Temporary& operator=(const Temporary&) = delete;
  ~Temporary() {
    if (!renamed_) ::unlink(path_.c_str());
  }
  int descriptor() const { return descriptor_; }
  bool rename_to(const fs::path& target) {
    renamed_ = ::rename(path_.c_str(), target.c_str()) == 0;
    return renamed_;
  }

 private:
  fs::path path_;
  int descriptor_ = -1;
  bool renamed_ = false;
};

bool write_all(int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = uninterrupted([&] { return ::write(descriptor, bytes.data(), bytes.size()); });
    if (written < 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

}  // namespace

std::string read_file(const std::string& path) {
  // O_NONBLOCK: opening a pipe must not wait for a writer. It does not affect regular files.
  Descriptor file(open_file(path, O_RDONLY | O_NONBLOCK));
  if (file.get() < 0) fail("read", path);
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) fail("read", path);
  if (S_ISDIR(status.st_mode)) fail("read", path, EISDIR);
  if (!S_ISREG(status.st_mode)) fail("read", path, "it is not a regular file");
  std::string bytes(static_cast<std::size_t>(status.st_size), '\0');
  std::size_t filled = 0;
  while (filled < bytes.size()) {
    const ssize_t count =
        uninterrupted([&] { return ::read(file.get(), bytes.data() + filled, bytes.size() - filled); });
    if (count < 0) fail("read", path);
    if (count == 0) break;
    filled += static_cast<std::size_t>(count);
  }
  bytes.resize(filled);
  return bytes;
}

void write_file_atomically(const std::string& name, std::string_view bytes) {
  const fs::path path = name;
  std::error_code no_such_file;
  fs::path target = fs::canonical(path, no_such_file);
  if (no_such_file) target = path;
  const fs::path folder = target.has_parent_path() ? target.parent_path() : fs::path(".");

  struct stat old {};
  const bool exists = ::stat(target.c_str(), &old) == 0;
  if (exists && S_ISDIR(old.st_mode)) fail("write", path, EISDIR);
  if (exists && !S_ISREG(old.st_mode)) fail("write", path, "it is not a regular file");
  if (target.filename().empty()) fail("write", path, "the path has no file name");

  Temporary temporary(target);
  Descriptor file(temporary.descriptor());
  if (exists && ::fchmod(file.get(), old.st_mode & 07777) != 0) fail("write", path);
  if (!write_all(file.get(), bytes)) fail("write", path);
  if (uninterrupted([&] { return ::fsync(file.get()); }) != 0) fail("write", path);
  if (!file.close()) fail("write", path);
  if (!temporary.rename_to(target)) fail("write", path);

  // Until the folder is synced, a machine that stops may restart with the old file.
  Descriptor parent(open_file(folder, O_RDONLY | O_DIRECTORY));
  // Some file systems cannot sync a folder.
  if (parent.get() < 0 || (uninterrupted([&] { return ::fsync(parent.get()); }) != 0 && errno != EINVAL)) {
    fail("sync the folder of", path);
  }
}

}  // namespace unspool
