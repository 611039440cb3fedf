#include <algorithm>
#include <doctest/doctest.h>
#include <exception>
#include <filesystem>
#include <string>
#include <vector>

#include <unspool/serialization/file.h>

#include "readers/format.h"

using namespace unspool;

namespace {

std::vector<std::string> files_in(const std::string& folder) {
  std::vector<std::string> files;
  if (!std::filesystem::is_directory(folder)) return files;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    files.push_back(entry.path().native());
  std::sort(files.begin(), files.end());
  return files;
}

/// Whether a file is read. The test fails if a promise is broken.
bool is_read(const fuzz::Format& format, const std::string& file) {
  try {
    return format.read(read_file(file));
  } catch (const std::exception& error) {
    FAIL_CHECK(file << ": " << error.what());
    return false;
  }
}

}  // namespace

TEST_CASE("the files that fuzzing starts from are read, and written and read again as the same") {
  for (const fuzz::Format& format : fuzz::formats()) {
    const std::vector<std::string> files = files_in(std::string("tests/fuzz/corpus/") + format.name);
    CHECK_MESSAGE(files.size() > 1, format.name);
    for (const std::string& file : files) CHECK_MESSAGE(is_read(format, file), file);
  }
}

TEST_CASE("the files that fuzzing found are read or refused, and what is refused changes nothing") {
  std::size_t count = 0;
  for (const fuzz::Format& format : fuzz::formats()) {
    for (const std::string& file : files_in(std::string("tests/fuzz/found/") + format.name)) {
      is_read(format, file);
      ++count;
    }
  }
  CHECK(count > 0);
}
