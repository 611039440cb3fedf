#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <unspool/core/config.h>
#include <unspool/core/tensor.h>
#include <unspool/serialization/internal/file_bytes.h>
#include <unspool/serialization/internal/file_content.h>

namespace unspool::internal {

/// The type of the elements of a dataset, or of an attribute.
struct Hdf5Type {
  enum class Kind : std::uint8_t { floating, integer, boolean, string, string_reference };
  Kind kind = Kind::floating;
  std::uint32_t size = 0;   ///< Bytes of an element.
  bool big_endian = false;  ///< Of a number.
  bool has_sign = false;    ///< Of an integer.
};

/// The type in words: "float32", "uint8", "strings".
std::string name_of(const Hdf5Type& type);

/// An array in an HDF5 file. Its elements lie in the bytes of the file.
struct Hdf5Dataset {
  std::string path;  ///< "layers/dense/vars/0".
  Hdf5Type type = {};
  Shape shape = {};
  FileBytes bytes = {};
  std::string file = {};    ///< For errors.
  std::uint64_t place = 0;  ///< Where `bytes` begin in the file.

  /// The elements, converted to a dtype. Throws FileError if that would change a value in kind: a floating
  /// number to an integer, or the other way round.
  Tensor read(DType dtype) const;
  /// The dtype that holds the elements: float16 is read as float32, short integers as int32 or int64.
  DType dtype() const;
};

/// A text attribute: one string, or a list of strings.
struct Hdf5Attribute {
  std::string name;
  std::vector<std::string> texts;
  bool is_list = false;
};

/// A group in an HDF5 file.
struct Hdf5Group {
  std::string path = {};  ///< Empty for the root.
  std::map<std::string, Hdf5Group, std::less<>> groups = {};
  std::map<std::string, Hdf5Dataset, std::less<>> datasets = {};
  std::vector<Hdf5Attribute> attributes = {};  ///< Those that hold text.

  /// The group at a path of names joined by '/', or null.
  const Hdf5Group* group(std::string_view inner_path) const;
  /// The dataset at a path, or null.
  const Hdf5Dataset* dataset(std::string_view inner_path) const;
  /// The attribute of this name, or null.
  const Hdf5Attribute* attribute(std::string_view name) const;
};

/// Reads the part of HDF5 that h5py writes for Keras: superblock 0, groups with symbol tables, contiguous or
/// compact datasets of numbers, and text attributes. Anything else is a FileError, links and filters among
/// them (docs/design/keras_files.md). `bytes` must outlive the result.
Hdf5Group hdf5_from_bytes(const FileBytes& bytes, const std::string& file);

/// What hdf5_content() writes: a group with its groups and datasets, in any order.
struct Hdf5Tree {
  std::map<std::string, Hdf5Tree, std::less<>> groups = {};
  std::map<std::string, Tensor, std::less<>> datasets = {};
  std::map<std::string, std::string> attributes = {};  ///< Of at most 60,000 bytes.
};
/// An HDF5 file of that same part, which every version of HDF5 reads.
FileContent hdf5_content(const Hdf5Tree& root);
/// Its bytes.
std::string hdf5_to_bytes(const Hdf5Tree& root);

}  // namespace unspool::internal
