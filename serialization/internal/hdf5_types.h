#pragma once

#include <optional>

#include <unspool/serialization/internal/byte_reader.h>
#include <unspool/serialization/internal/hdf5.h>

namespace unspool::internal {

/// The types of messages in object headers.
namespace hdf5_message {
inline constexpr std::uint16_t nil = 0x0;
inline constexpr std::uint16_t dataspace = 0x1;
inline constexpr std::uint16_t link_info = 0x2;
inline constexpr std::uint16_t datatype = 0x3;
inline constexpr std::uint16_t old_fill_value = 0x4;
inline constexpr std::uint16_t fill_value = 0x5;
inline constexpr std::uint16_t link = 0x6;
inline constexpr std::uint16_t external_files = 0x7;
inline constexpr std::uint16_t layout = 0x8;
inline constexpr std::uint16_t group_info = 0xA;
inline constexpr std::uint16_t filters = 0xB;
inline constexpr std::uint16_t attribute = 0xC;
inline constexpr std::uint16_t comment = 0xD;
inline constexpr std::uint16_t old_modification_time = 0xE;
inline constexpr std::uint16_t continuation = 0x10;
inline constexpr std::uint16_t symbol_table = 0x11;
inline constexpr std::uint16_t modification_time = 0x12;
inline constexpr std::uint16_t attribute_info = 0x15;
}  // namespace hdf5_message

/// Advice at the end of errors about what this library does not read.
extern const char* const save_hdf5_anew;

/// A dataspace message: the shape. No value for the null dataspace of an empty attribute.
std::optional<Shape> read_hdf5_shape(ByteReader message);

/// A datatype message: numbers, bool as h5py writes it, and strings.
Hdf5Type read_hdf5_type(ByteReader message);

/// The number of bytes of an array. Throws FileError if it overflows.
std::uint64_t hdf5_bytes(const ByteReader& place, const Shape& shape, const Hdf5Type& type);

}  // namespace unspool::internal
