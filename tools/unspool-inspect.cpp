// Prints what is in a file of a model, of weights or of arrays: unspool-inspect [--check] FILE.
// Exits with 1 if the file is broken, after saying where, and with 2 if the command is wrong.
#include <exception>
#include <iostream>
#include <string_view>

#include <unspool/core/version.h>
#include <unspool/models/internal/file_summary.h>

namespace {

constexpr const char* usage =
    "unspool-inspect [--check] FILE\n"
    "Prints the layers, tensors, sizes, versions and checksums in FILE: a native archive, .keras, "
    ".weights.h5,\n"
    ".h5, .safetensors, .npy, .npz, or the JSON of a model. It does not read the elements of tensors.\n"
    "  --check    reads everything, and compares checksums\n"
    "  --version  prints the version of unspool\n"
    "Exit status: 0, or 1 for a broken file, or 2 for a wrong command.\n";

}  // namespace

int main(int argc, char** argv) {
  bool check = false;
  const char* path = nullptr;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--help" || argument == "-h") {
      std::cout << usage;
      return 0;
    }
    if (argument == "--version") {
      std::cout << "unspool " << unspool::version() << '\n';
      return 0;
    }
    if (argument == "--check") {
      check = true;
    } else if (path == nullptr && !argument.starts_with("--")) {
      path = argv[i];
    } else {
      path = nullptr;
      break;
    }
  }
  if (path == nullptr) {
    std::cerr << usage;
    return 2;
  }
  try {
    unspool::internal::print_file_summary(std::cout, path, check);
  } catch (const std::exception& error) {
    std::cout << std::flush;
    std::cerr << "unspool-inspect: " << error.what() << '\n';
    return 1;
  }
  return 0;
}
