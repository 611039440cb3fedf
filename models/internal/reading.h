#pragma once

#include <string>

#include <unspool/core/error.h>

namespace unspool::internal {

/// Returns f(). Errors of other kinds become FileError with the name of the file.
template <class F>
auto reading_file(const std::string& file, F&& f) {
  try {
    return f();
  } catch (const FileError&) {
    throw;
  } catch (const Error& error) {
    throw FileError(file + ": " + error.what());
  }
}

}  // namespace unspool::internal
