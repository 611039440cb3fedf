#pragma once

#include <map>
#include <optional>

#include <unspool/serialization/internal/byte_reader.h>
#include <unspool/serialization/internal/hdf5.h>

namespace unspool::internal {

/// Reads the attributes of an HDF5 file that hold text: strings of fixed size, and references to strings in
/// the global heap. All of them together may be no longer than the file.
class Hdf5Texts {
 public:
  explicit Hdf5Texts(const ByteReader& whole) : whole_(whole) {}

  /// The attribute of an attribute message; none if it holds something else than text.
  std::optional<Hdf5Attribute> read(ByteReader message);
  /// Where the parts of the global heap that were read begin and end.
  const std::map<std::uint64_t, std::uint64_t>& heaps() const { return heaps_; }

 private:
  std::string text(ByteReader& data, const Hdf5Type& type);
  std::string_view heap_object(std::uint64_t address, std::uint32_t index);
  void add_heap(const ByteReader& heap);

  ByteReader whole_;
  std::map<std::uint64_t, std::map<std::uint32_t, std::string_view>> collections_;  // By their addresses.
  std::map<std::uint64_t, std::uint64_t> heaps_;
  std::uint64_t bytes_ = 0;
};

}  // namespace unspool::internal
