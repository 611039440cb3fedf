#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <unspool/core/dtype.h>
#include <unspool/core/shape.h>
#include <unspool/core/tensor.h>
#include <unspool/serialization/internal/file_bytes.h>
#include <unspool/serialization/internal/file_content.h>

namespace unspool::internal {

/// What the header of an npy file says.
struct NpyHeader {
  /// No header is longer.
  static constexpr std::size_t max_bytes = 12 + 65536;

  DType dtype = float32;
  Shape shape;
  bool fortran_order = false;  ///< Whether the first axis varies fastest.
  bool foreign_order = false;  ///< Whether elements have the other byte order.
  std::size_t offset = 0;      ///< Of the elements in the file.
};

/// Reads the header of a file of `file_bytes` bytes, which begins with `bytes`: all of it, or at least as
/// many as a header may have. Throws FileError as load_npy() does, also if the number of elements does not
/// fit.
NpyHeader read_npy_header(std::string_view bytes, std::uint64_t file_bytes, const std::string& name);

/// Converts elements to the byte order of this machine and checks bools. `place` is their offset in the file.
void finish_npy_elements(void* elements, std::size_t bytes, const NpyHeader& header, std::size_t place,
                         const std::string& name);

/// Reads an array. Throws FileError as load_npy() does.
Tensor read_npy(const FileBytes& bytes, const std::string& name);
/// The bytes of a file as save_npy() writes it.
FileContent npy_content(const Tensor& tensor);

/// How large the members of an npz file of this size may be together.
std::uint64_t max_npz_size(std::uint64_t file_bytes);

}  // namespace unspool::internal
