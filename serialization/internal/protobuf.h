#pragma once

#include <bit>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <unspool/serialization/internal/bytes.h>

namespace unspool::internal {

/// Encodes a message in the wire format of Protocol Buffers, field by field. The numbers of the fields are
/// those of the message's .proto file.
class ProtoMessage {
 public:
  /// An int64, enum or bool.
  ProtoMessage& integer(int field, std::int64_t value) {
    key(field, 0);
    varint(std::bit_cast<std::uint64_t>(value));
    return *this;
  }
  /// A double.
  ProtoMessage& real(int field, double value) {
    key(field, 1);
    append_little(bytes_, std::bit_cast<std::uint64_t>(value));
    return *this;
  }
  /// A float.
  ProtoMessage& single(int field, float value) {
    key(field, 5);
    append_little(bytes_, std::bit_cast<std::uint32_t>(value));
    return *this;
  }
  /// A string, bytes, or an encoded message.
  ProtoMessage& text(int field, std::string_view value) {
    key(field, 2);
    varint(value.size());
    bytes_ += value;
    return *this;
  }
  /// A message.
  ProtoMessage& message(int field, const ProtoMessage& value) { return text(field, value.bytes()); }
  /// A repeated double with [packed = true].
  ProtoMessage& reals(int field, const std::vector<double>& values) {
    key(field, 2);
    varint(8 * values.size());
    for (const double value : values) append_little(bytes_, std::bit_cast<std::uint64_t>(value));
    return *this;
  }

  const std::string& bytes() const { return bytes_; }

 private:
  void key(int field, unsigned wire_type) { varint(static_cast<std::uint64_t>(field) << 3 | wire_type); }
  void varint(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) bytes_ += static_cast<char>((value & 0x7F) | 0x80);
    bytes_ += static_cast<char>(value);
  }

  std::string bytes_;
};

}  // namespace unspool::internal
