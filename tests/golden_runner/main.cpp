// Runs golden cases computed with Keras: golden [--checksums] FOLDER_OR_FILE... Prints one line for each
// case, with how its recurrent layers ran, and the counts. Fails if a case fails, is malformed, or is of an
// unknown kind. With
// --checksums it prints the checksum of every value that is compared instead, and cases that fail as errors.
#include <algorithm>
#include <filesystem>
#include <iomanip>
#include <iostream>

#include <unspool/core/error.h>
#include <unspool/core/random.h>

#include "custom_cells.h"
#include "groups.h"

namespace {

using namespace golden;

/// All cases in a folder, sorted; a file is one case.
std::vector<std::filesystem::path> cases_in(const std::filesystem::path& path) {
  if (!std::filesystem::exists(path)) throw FileError(path.string() + ": no such file or folder");
  if (!std::filesystem::is_directory(path)) return {path};
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(path)) {
    if (entry.path().extension() == ".safetensors") files.push_back(entry.path());
  }
  if (files.empty()) throw FileError(path.string() + ": expected .safetensors files, got none");
  std::sort(files.begin(), files.end());
  return files;
}

void print(std::ostream& out, const std::string& name, const std::string& verdict) {
  out << std::left << std::setw(48) << name << ' ' << verdict << std::endl;
}

/// " by scan and unroll", or "" if no layer is recurrent.
std::string ways(const Report& report) {
  std::string text;
  for (const std::string& path : report.paths()) text += (text.empty() ? " by " : " and ") + path;
  return text;
}

bool run_file(const std::filesystem::path& path, bool checksums) {
  std::string name = path.string();
  std::ostream& out = checksums ? std::cerr : std::cout;
  try {
    const Case file(path);
    name = file.name();
    set_seed(0);
    testing::ChecksumLines lines(name, std::cout);
    Report report(file.tolerance(), checksums ? &lines : nullptr);
    try {
      run(file, report);
    } catch (const std::exception& error) {
      report.fail(error.what());
    }
    const std::string worst = digits(report.worst(), 3);
    if (report.holds()) {
      if (checksums) return true;
      print(out, name,
            worst + " holds" + ways(report) +
                (report.worst() > 0 ? ", greatest at " + report.worst_place() : ""));
      return true;
    }
    std::string why;
    for (const std::string& failure : report.failures()) why += "\n    " + failure;
    print(out, name, worst + " FAILS" + ways(report) + why);
  } catch (const std::exception& error) {
    print(out, name, std::string("FAILS\n    ") + error.what());
  }
  return false;
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string> paths(argv + 1, argv + argc);
  const bool checksums = !paths.empty() && paths.front() == "--checksums";
  if (checksums) paths.erase(paths.begin());
  if (paths.empty()) {
    std::cerr << "golden: expected folders or files of golden cases: golden tests/golden\n";
    return 2;
  }
  register_custom_cells();
  int passed = 0;
  int failed = 0;
  std::ostream& out = checksums ? std::cerr : std::cout;
  for (const std::string& path : paths) {
    try {
      for (const std::filesystem::path& file : cases_in(path))
        ++(run_file(file, checksums) ? passed : failed);
    } catch (const std::exception& error) {
      print(out, path, std::string("FAILS\n    ") + error.what());
      ++failed;
    }
  }
  out << passed << " passed, " << failed << " failed\n";
  return failed == 0 ? 0 : 1;
}
