#include <cerrno>
#include <cstdio>
#include <dlfcn.h>
#include <doctest/doctest.h>
#include <filesystem>
#include <string>
#include <sys/stat.h>
#include <unistd.h>

#include <unspool/core/error.h>
#include <unspool/serialization/file.h>

#include "../support/errors.h"
#include "folder.h"

using namespace unspool;
using namespace unspool::testing;
namespace fs = std::filesystem;

namespace {

// Calls to the system until the one that fails; 0 for none. Short writes happen on demand.
thread_local int calls_until_failure = 0;
thread_local int failure = 0;
thread_local bool short_writes = false;
thread_local int syncs = 0;

bool fails_now() {
  if (calls_until_failure == 0 || --calls_until_failure > 0) return false;
  errno = failure;
  return true;
}

template <class F>
F* next(const char* name) {
  return reinterpret_cast<F*>(dlsym(RTLD_NEXT, name));
}

}  // namespace

// A program's own function comes before the C library's of the same name.
extern "C" {
ssize_t write(int descriptor, const void* bytes, size_t count) {
  static auto* const real = next<ssize_t(int, const void*, size_t)>("write");
  if (fails_now()) return -1;
  return real(descriptor, bytes, short_writes && count > 1 ? count / 2 : count);
}
int fsync(int descriptor) {
  static auto* const real = next<int(int)>("fsync");
  ++syncs;
  return fails_now() ? -1 : real(descriptor);
}
int fchmod(int descriptor, mode_t mode) noexcept {
  static auto* const real = next<int(int, mode_t)>("fchmod");
  return fails_now() ? -1 : real(descriptor, mode);
}
int rename(const char* from, const char* to) noexcept {
  static auto* const real = next<int(const char*, const char*)>("rename");
  return fails_now() ? -1 : real(from, to);
}
}

namespace {

unsigned mode_of(const fs::path& path) {
  struct stat status {};
  CHECK(::stat(path.c_str(), &status) == 0);
  return status.st_mode & 07777u;
}

}  // namespace

TEST_CASE("what is written is read") {
  const Folder folder;
  for (const std::string& bytes : {std::string(), std::string("a\0b\n", 4), std::string(1'000'000, 'x')}) {
    write_file_atomically(folder / "file", bytes);
    CHECK(read_file(folder / "file") == bytes);
  }
  CHECK(folder.entries() == 1);
  const fs::path before = fs::current_path();
  fs::current_path(folder / "");
  write_file_atomically("beside", "here");
  CHECK(read_file("beside") == "here");
  fs::current_path(before);
  const std::string longest(255, 'n');
  write_file_atomically(folder / longest.c_str(), "long");
  CHECK(read_file(folder / longest.c_str()) == "long");
}

TEST_CASE("a file keeps its mode, and a link stays a link") {
  const Folder folder;
  const mode_t mask = ::umask(027);
  write_file_atomically(folder / "new", "1");
  ::umask(mask);
  CHECK(mode_of(folder / "new") == 0640);
  fs::permissions(folder / "new", fs::perms(0600));
  write_file_atomically(folder / "new", "2");
  CHECK(mode_of(folder / "new") == 0600);

  fs::create_symlink("new", folder / "link");
  write_file_atomically(folder / "link", "3");
  CHECK(fs::is_symlink(folder / "link"));
  CHECK(read_file(folder / "new") == "3");
}

TEST_CASE("what cannot be read or written is refused by its name") {
  const Folder folder;
  CHECK(message_of<FileError>([&] { read_file(folder / "none"); }) ==
        "cannot read \"" + (folder / "none").native() + "\": No such file or directory");
  CHECK(message_of<FileError>([&] { read_file(folder / ""); }).find("Is a directory") != std::string::npos);
  CHECK(message_of<FileError>([] { read_file("/dev/zero"); }).find("not a regular file") !=
        std::string::npos);
  CHECK(message_of<FileError>([&] {
          write_file_atomically(folder / "none" / "file", "x");
        }).find("No such file") != std::string::npos);
  fs::create_directory(folder / "sub");
  CHECK(message_of<FileError>([&] { write_file_atomically(folder / "sub", "x"); }).find("Is a directory") !=
        std::string::npos);
  CHECK(message_of<FileError>([&] { write_file_atomically(folder / "sub" / "", "x"); }).find("directory") !=
        std::string::npos);
  CHECK(fs::is_directory(folder / "sub"));
  CHECK_THROWS_AS(write_file_atomically("", "x"), FileError);
  // Renaming over a device would put a file in its place.
  CHECK(message_of<FileError>([] { write_file_atomically("/dev/full", "x"); }).find("not a regular file") !=
        std::string::npos);
  CHECK_FALSE(fs::is_regular_file("/dev/full"));
  CHECK_THROWS_AS(read_file(folder / std::string(5000, 'a').c_str()), FileError);
}

TEST_CASE("whichever call fails, the old file stays whole and nothing is left beside it") {
  const Folder folder;
  const fs::path path = folder / "file";
  const std::string old_bytes(1000, 'o');
  const std::string new_bytes(3000, 'n');
  short_writes = true;
  bool done = false;
  int call = 0;
  while (!done) {
    write_file_atomically(path, old_bytes);
    calls_until_failure = ++call;
    failure = ENOSPC;
    syncs = 0;
    try {
      write_file_atomically(path, new_bytes);
      done = true;
    } catch (const FileError& error) {
      CHECK(std::string(error.what()).find("No space left on device") != std::string::npos);
    }
    calls_until_failure = 0;
    // The second sync is that of the folder, after the rename.
    CHECK(read_file(path) == (syncs == 2 ? new_bytes : old_bytes));
    CHECK(folder.entries() == 1);
  }
  CHECK(call > 10);
  CHECK(syncs == 2);

  calls_until_failure = 2;  // The first write, after fchmod; it is tried again.
  failure = EINTR;
  write_file_atomically(path, "again");
  CHECK(read_file(path) == "again");
  short_writes = false;
  calls_until_failure = 0;
}
