#include <atomic>
#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

#include <unspool/serialization/file.h>
#include <unspool/serialization/internal/file_content.h>
#include <unspool/serialization/internal/posix_file.h>

namespace unspool {
namespace {

namespace fs = std::filesystem;

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
      descriptor_ = internal::open_file(path_, O_WRONLY | O_CREAT | O_EXCL, 0666);
    } while (descriptor_ < 0 && errno == EEXIST);
    if (descriptor_ < 0) internal::fail_file("write", beside);
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

// Writes to a file, small pieces together.
class Writer {
 public:
  Writer(int descriptor, const fs::path& path) : descriptor_(descriptor), path_(path) {}

  void write(std::string_view bytes) {
    if (pending_.size() + bytes.size() <= most_pending) {
      pending_ += bytes;
      return;
    }
    flush();
    if (bytes.size() <= most_pending) {
      pending_ = bytes;
    } else {
      write_now(bytes);
    }
  }
  void flush() {
    write_now(pending_);
    pending_.clear();
  }

 private:
  static constexpr std::size_t most_pending = 65536;

  void write_now(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t written =
          internal::uninterrupted([&] { return ::write(descriptor_, bytes.data(), bytes.size()); });
      if (written < 0) internal::fail_file("write", path_);
      bytes.remove_prefix(static_cast<std::size_t>(written));
    }
  }

  int descriptor_;
  const fs::path& path_;
  std::string pending_;
};

// `write` is called with a Writer.
template <class Write>
void replace_file(const std::string& name, Write&& write) {
  const fs::path path = name;
  std::error_code error;
  fs::path target = fs::canonical(path, error);
  if (error && error.value() != ENOENT) internal::fail_file("write", path, error.value());
  if (error) target = path;
  const fs::path folder = target.has_parent_path() ? target.parent_path() : fs::path(".");

  struct stat old {};
  const bool exists = ::stat(target.c_str(), &old) == 0;
  if (!exists && errno != ENOENT) internal::fail_file("write", path);
  if (exists && S_ISDIR(old.st_mode)) internal::fail_file("write", path, EISDIR);
  if (exists && !S_ISREG(old.st_mode)) internal::fail_file("write", path, "it is not a regular file");
  if (target.filename().empty()) internal::fail_file("write", path, "the path has no file name");

  Temporary temporary(target);
  internal::Descriptor file(temporary.descriptor());
  if (exists && ::fchmod(file.get(), old.st_mode & 07777) != 0) internal::fail_file("write", path);
  Writer writer(file.get(), path);
  write(writer);
  writer.flush();
  if (internal::uninterrupted([&] { return ::fsync(file.get()); }) != 0) internal::fail_file("write", path);
  if (!file.close()) internal::fail_file("write", path);
  if (!temporary.rename_to(target)) internal::fail_file("write", path);

  // Until the folder is synced, a machine that stops may restart with the old file.
  internal::Descriptor parent(internal::open_file(folder, O_RDONLY | O_DIRECTORY));
  // Some file systems cannot sync a folder.
  if (parent.get() < 0 ||
      (internal::uninterrupted([&] { return ::fsync(parent.get()); }) != 0 && errno != EINVAL)) {
    internal::fail_file("sync the folder of", path);
  }
}

}  // namespace

std::string read_file(const std::string& path) {
  std::uint64_t size = 0;
  const internal::Descriptor file(internal::open_to_read(path, size));
  std::string bytes(size, '\0');
  bytes.resize(internal::read_at(file.get(), path, 0, size, bytes.data()));
  return bytes;
}

void write_file_atomically(const std::string& path, std::string_view bytes) {
  replace_file(path, [&](Writer& writer) { writer.write(bytes); });
}

void internal::write_file_atomically(const std::string& path, const FileContent& content) {
  replace_file(path,
               [&](Writer& writer) { content.each([&](std::string_view part) { writer.write(part); }); });
}

}  // namespace unspool
