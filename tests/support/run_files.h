#pragma once

#include <algorithm>
#include <exception>
#include <filesystem>
#include <initializer_list>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

namespace unspool::testing {

/// The main function of a program NAME FOLDER: makes the folder FOLDER/again, calls run(path) for each file
/// of FOLDER with one of these endings, in order of their names, and prints what fails. Returns 0 if there
/// are files and none fails.
template <class Run>
int run_files(std::string_view name, int argc, char** argv, std::initializer_list<std::string_view> endings,
              Run run) {
  namespace fs = std::filesystem;
  if (argc != 2) {
    std::cerr << name << ": expected a folder of files: " << name << " FOLDER\n";
    return 2;
  }
  fs::create_directories(fs::path(argv[1]) / "again");
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(argv[1])) {
    const std::string ending = entry.path().extension().string();
    if (std::find(endings.begin(), endings.end(), ending) != endings.end()) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  int failed = 0;
  for (const fs::path& file : files) {
    try {
      run(file);
    } catch (const std::exception& error) {
      std::cout << file.filename().string() << ": " << error.what() << std::endl;
      ++failed;
    }
  }
  std::cout << files.size() << " files, " << failed << " failed" << std::endl;
  return failed == 0 && !files.empty() ? 0 : 1;
}

}  // namespace unspool::testing
