#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include <unspool/serialization/internal/bytes.h>
#include <unspool/serialization/internal/file_bytes.h>

namespace unspool::internal {

/// Reads a range of a file's bytes from the front. It checks every length against the bytes that are left, so
/// it cannot read outside of its range. Errors are FileErrors with the name of the file and the position in
/// it.
class ByteReader {
 public:
  /// Reads the whole file. `file` is its name in errors and must outlive the reader.
  ByteReader(FileBytes bytes, const std::string& file)
      : bytes_(std::move(bytes)), file_(&file), end_(bytes_.size()) {}

  /// The offset of the next byte, from the start of the file.
  std::uint64_t position() const { return at_; }
  /// The number of bytes that are left.
  std::uint64_t left() const { return end_ - at_; }
  /// The size of the file.
  std::uint64_t file_size() const { return bytes_.size(); }
  /// The name of the file.
  const std::string& file() const { return *file_; }

  /// A little-endian number. `what` names it in errors.
  template <std::unsigned_integral T>
  T number(std::string_view what) {
    return read_little<T>(take(sizeof(T), what));
  }
  /// Throws FileError unless the next number is `expected`.
  template <std::unsigned_integral T>
  void expect(T expected, std::string_view what) {
    const std::uint64_t place = at_;
    if (const T got = number<T>(what); got != expected) fail_number(place, what, expected, got);
  }
  /// Throws FileError unless the next bytes are these.
  void expect_bytes(std::string_view expected, std::string_view what);
  /// The next `count` bytes.
  std::string_view take(std::uint64_t count, std::string_view what) {
    const std::uint64_t place = at_;
    skip(count, what);
    return bytes_.view(place, count);
  }
  /// Passes over the next `count` bytes without reading them.
  void skip(std::uint64_t count, std::string_view what) {
    if (count > left()) fail_short(count, what);
    at_ += count;
  }
  /// The next `count` bytes, to be read later.
  FileBytes take_part(std::uint64_t count, std::string_view what) {
    const std::uint64_t place = at_;
    skip(count, what);
    return bytes_.part(place, count);
  }
  /// A reader of the next `count` bytes, which this one passes over.
  ByteReader part(std::uint64_t count, std::string_view what);
  /// A reader of `count` bytes anywhere in the file.
  ByteReader at(std::uint64_t offset, std::uint64_t count, std::string_view what) const;
  /// A reader from anywhere in the file to its end.
  ByteReader from(std::uint64_t offset, std::string_view what) const;

  /// Throws FileError: "FILE, byte 17: WHAT".
  [[noreturn]] void fail(const std::string& what) const { fail_at(at_, what); }
  /// Throws FileError for another position.
  [[noreturn]] void fail_at(std::uint64_t place, const std::string& what) const;

 private:
  [[noreturn]] void fail_short(std::uint64_t count, std::string_view what) const;
  [[noreturn]] void fail_number(std::uint64_t place, std::string_view what, std::uint64_t expected,
                                std::uint64_t got) const;

  FileBytes bytes_;
  const std::string* file_;
  std::uint64_t at_ = 0;
  std::uint64_t end_;
};

}  // namespace unspool::internal
