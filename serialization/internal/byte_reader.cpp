#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/serialization/internal/byte_reader.h>

namespace unspool::internal {

void ByteReader::expect_bytes(std::string_view expected, std::string_view what) {
  const std::uint64_t place = at_;
  if (take(expected.size(), what) != expected) fail_at(place, fmt::format("expected {}", what));
}

ByteReader ByteReader::part(std::uint64_t count, std::string_view what) {
  ByteReader inner = *this;
  skip(count, what);
  inner.end_ = at_;
  return inner;
}

ByteReader ByteReader::at(std::uint64_t offset, std::uint64_t count, std::string_view what) const {
  ByteReader elsewhere = from(offset, what);
  return elsewhere.part(count, what);
}

ByteReader ByteReader::from(std::uint64_t offset, std::string_view what) const {
  if (offset > bytes_.size()) {
    fail(fmt::format("expected the position of {} in the {} bytes of the file, got {}", what, bytes_.size(),
                     offset));
  }
  ByteReader elsewhere(bytes_, *file_);
  elsewhere.at_ = offset;
  return elsewhere;
}

void ByteReader::fail_at(std::uint64_t place, const std::string& what) const {
  throw FileError(fmt::format("{}, byte {}: {}", *file_, place, what));
}

void ByteReader::fail_short(std::uint64_t count, std::string_view what) const {
  fail(fmt::format("expected {} of {} bytes, got {}{}", what, count, left(),
                   end_ == bytes_.size() ? " before the end of the file: it is truncated or corrupted"
                                         : ": the file is corrupted"));
}

void ByteReader::fail_number(std::uint64_t place, std::string_view what, std::uint64_t expected,
                             std::uint64_t got) const {
  fail_at(place, fmt::format("expected {} to be {}, got {}", what, expected, got));
}

}  // namespace unspool::internal
