#include <algorithm>
#include <cereal/archives/portable_binary.hpp>
#include <cstdint>
#include <istream>
#include <limits>
#include <ostream>
#include <streambuf>
#include <unordered_set>

#include <unspool/core/error.h>
#include <unspool/serialization/archive.h>
#include <unspool/serialization/file.h>
#include <unspool/serialization/internal/bytes.h>
#include <unspool/serialization/internal/crc64.h>

namespace unspool {
namespace {

// 0x89 is not ASCII, so that no program takes the file for text.
constexpr std::string_view magic = "\x89UNSPOOL";
constexpr std::uint32_t version = 1;
constexpr std::size_t header_size = 8 + 4 + 8;  // magic, version, bytes of the body
constexpr std::size_t checksum_size = 8;
constexpr std::uint64_t max_dtype_name = 16;

class AppendingBuffer : public std::streambuf {
 public:
  explicit AppendingBuffer(std::string& bytes) : bytes_(bytes) {}

 protected:
  std::streamsize xsputn(const char* data, std::streamsize count) override {
    bytes_.append(data, static_cast<std::size_t>(count));
    return count;
  }
  int_type overflow(int_type c) override {
    bytes_ += traits_type::to_char_type(c);
    return c;
  }

 private:
  std::string& bytes_;
};

class ReadingBuffer : public std::streambuf {
 public:
  explicit ReadingBuffer(std::string_view bytes) {
    char* const start = const_cast<char*>(bytes.data());  // setg requires it; nothing is written.
    setg(start, start, start + bytes.size());
  }
};

void put_text(cereal::PortableBinaryOutputArchive& archive, std::string_view text) {
  archive(static_cast<std::uint64_t>(text.size()));
  archive.saveBinary<1>(text.data(), static_cast<std::streamsize>(text.size()));
}

// Reads the body with cereal, and checks every length against the remaining bytes before using it. Cereal
// itself would allocate a vector of any size that a file claims.
class Body {
 public:
  Body(std::string_view bytes, const std::string& file)
      : file_(file),
        size_(bytes.size()),
        left_(bytes.size() - 1),
        buffer_(bytes),
        stream_(&buffer_),
        archive_(stream_) {}

  std::uint64_t number(const std::string& what) {
    need(sizeof(std::uint64_t), what);
    std::uint64_t value = 0;
    archive_(value);
    left_ -= sizeof value;
    return value;
  }
  std::string text(const std::string& what, std::uint64_t longest = ~std::uint64_t{0}) {
    const std::uint64_t size = number("the length of " + what);
    need(size, what);
    if (size > longest) {
      fail("expected " + what + " of at most " + std::to_string(longest) + " bytes, got " +
           std::to_string(size));
    }
    std::string text(static_cast<std::size_t>(size), '\0');
    archive_.loadBinary<1>(text.data(), static_cast<std::streamsize>(size));
    left_ -= size;
    return text;
  }
  // Reads the elements of a tensor. The caller has checked that there are enough bytes.
  void elements(Tensor& tensor) {
    visit_dtype(tensor.dtype(), [&](auto zero) {
      // Not cereal::binary_data, which swaps bytes by the size of a pointer instead of that of an element.
      archive_.loadBinary<sizeof zero>(internal::TensorAccess::data(tensor),
                                       static_cast<std::streamsize>(tensor.bytes()));
    });
    left_ -= tensor.bytes();
  }
  void need(std::uint64_t bytes, const std::string& what) const {
    if (bytes > left_) {
      fail("expected " + what + " of " + std::to_string(bytes) + " bytes, got " + std::to_string(left_) +
           " before the end");
    }
  }
  std::uint64_t left() const { return left_; }
  [[noreturn]] void fail(const std::string& what) const {
    throw FileError(file_ + ", byte " + std::to_string(header_size + size_ - left_) + ": " + what);
  }

 private:
  const std::string& file_;
  std::uint64_t size_;
  std::uint64_t left_;
  ReadingBuffer buffer_;
  std::istream stream_;
  cereal::PortableBinaryInputArchive archive_;  // Reads the first byte, which is the byte order.
};

NamedTensor read_tensor(Body& body, std::uint64_t index) {
  const std::string which = "tensor " + std::to_string(index);
  NamedTensor entry;
  entry.name = body.text("the name of " + which);
  const std::string what = which + " " + in_quotes(entry.name);

  const std::string dtype_name = body.text("the dtype of " + what, max_dtype_name);
  DType dtype = float32;
  try {
    dtype = dtype_of(dtype_name);
  } catch (const TypeError&) {
    body.fail(what + ": expected the dtype float32, float64, int32, int64 or bool, got " +
              in_quotes(dtype_name));
  }

  const std::uint64_t rank = body.number("the rank of " + what);
  if (rank > static_cast<std::uint64_t>(Shape::max_rank)) {
    body.fail(what + ": expected at most " + std::to_string(Shape::max_rank) + " dimensions, got " +
              std::to_string(rank));
  }
  Shape shape;
  for (std::uint64_t axis = 0; axis < rank; ++axis) {
    const std::uint64_t size = body.number("the shape of " + what);
    if (size > static_cast<std::uint64_t>(std::numeric_limits<Index>::max())) {
      body.fail(what + ": expected a shape of sizes >= 0, got a negative one");
    }
    shape.push_back(static_cast<Index>(size));
  }
  Index elements = 0;
  try {
    elements = shape.elements();
  } catch (const ValueError&) {
    body.fail(what + ": expected a shape whose number of elements fits 64 bits, got " + to_string(shape));
  }
  const std::uint64_t bytes = body.number("the size of " + what);
  std::uint64_t expected = 0;
  if (__builtin_mul_overflow(static_cast<std::uint64_t>(elements), size_of(dtype), &expected) ||
      bytes != expected) {
    body.fail(what + ": expected the size in bytes of " + std::string(name_of(dtype)) + to_string(shape) +
              ", got " + std::to_string(bytes));
  }
  body.need(bytes, "the elements of " + what);
  entry.tensor = internal::TensorAccess::allocate(shape, dtype);
  body.elements(entry.tensor);
  if (dtype == boolean) {
    const std::size_t place = internal::first_not_bool(entry.tensor.raw(), entry.tensor.bytes());
    if (place != entry.tensor.bytes()) {
      body.fail(what + ": element " + std::to_string(place) + " is not a bool: expected 0 or 1");
    }
  }
  return entry;
}

Snapshot read_body(Body& body) {
  Snapshot snapshot;
  const std::string json = body.text("the config");
  try {
    snapshot.config = from_json(json);
  } catch (const ValueError& error) {
    body.fail(std::string("the config that ends here: ") + error.what());
  }
  const std::uint64_t count = body.number("the number of tensors");
  std::unordered_set<std::string> seen;
  for (std::uint64_t i = 0; i < count; ++i) {
    snapshot.tensors.push_back(read_tensor(body, i));
    if (!seen.insert(snapshot.tensors.back().name).second) {
      body.fail("expected unique names of tensors, got " + in_quotes(snapshot.tensors.back().name) +
                " twice");
    }
  }
  if (body.left() != 0) {
    body.fail("expected the end after " + std::to_string(count) + " tensors, got " +
              std::to_string(body.left()) + " more bytes");
  }
  return snapshot;
}

}  // namespace

std::string archive_to_bytes(const Snapshot& snapshot) {
  check_tensors(snapshot.tensors);
  const std::string config = to_json(snapshot.config);
  std::size_t size = header_size + checksum_size + config.size() + 64;
  for (const auto& [name, tensor] : snapshot.tensors) size += name.size() + 128 + tensor.bytes();

  std::string bytes;
  bytes.reserve(size);
  bytes += magic;
  internal::append_little(bytes, version);
  internal::append_little(bytes, std::uint64_t{0});  // The size of the body, written below.
  {
    AppendingBuffer buffer(bytes);
    std::ostream stream(&buffer);
    cereal::PortableBinaryOutputArchive archive(stream,
                                                cereal::PortableBinaryOutputArchive::Options::LittleEndian());
    put_text(archive, config);
    archive(static_cast<std::uint64_t>(snapshot.tensors.size()));
    for (const auto& [name, tensor] : snapshot.tensors) {
      put_text(archive, name);
      put_text(archive, name_of(tensor.dtype()));
      archive(static_cast<std::uint64_t>(tensor.rank()));
      for (const Index size_of_axis : tensor.shape()) archive(static_cast<std::uint64_t>(size_of_axis));
      archive(static_cast<std::uint64_t>(tensor.bytes()));
      visit_dtype(tensor.dtype(), [&, &tensor = tensor](auto zero) {
        archive.saveBinary<sizeof zero>(tensor.raw(), static_cast<std::streamsize>(tensor.bytes()));
      });
    }
  }
  std::string body_size;
  internal::append_little(body_size, static_cast<std::uint64_t>(bytes.size() - header_size));
  std::copy(body_size.begin(), body_size.end(), bytes.begin() + header_size - 8);
  internal::append_little(bytes, internal::crc64(bytes));
  return bytes;
}

Snapshot archive_from_bytes(std::string_view bytes, const std::string& name) {
  // Compare as much of the magic as the file has, so that a truncated archive is recognized as one.
  if (bytes.substr(0, magic.size()) != magic.substr(0, std::min(bytes.size(), magic.size())) ||
      bytes.empty()) {
    throw FileError(name + ", byte 0: expected an archive of unspool, got another kind of file");
  }
  if (bytes.size() < header_size + 1 + checksum_size) {
    throw FileError(name + ", byte " + std::to_string(bytes.size()) +
                    ": expected a header, got the end of the file: the archive is truncated");
  }
  const auto got = internal::read_little<std::uint32_t>(bytes.substr(magic.size()));
  const std::string_view checked = bytes.substr(0, bytes.size() - checksum_size);
  if (internal::crc64(checked) != internal::read_little<std::uint64_t>(bytes.substr(checked.size()))) {
    throw FileError(name + ", byte " + std::to_string(checked.size()) +
                    ": the checksum does not match: the archive is corrupted or truncated" +
                    (got > version ? ", or of version " + std::to_string(got) + ", which is newer" : ""));
  }
  if (got != version) {
    throw FileError(name + ", byte 8: expected the archive version " + std::to_string(version) + ", got " +
                    std::to_string(got) +
                    (got > version ? ": use a newer version of unspool" : ", which does not exist"));
  }
  const auto body_size = internal::read_little<std::uint64_t>(bytes.substr(12));
  if (body_size != checked.size() - header_size) {
    throw FileError(name + ", byte 12: expected a body of " + std::to_string(checked.size() - header_size) +
                    " bytes, got " + std::to_string(body_size));
  }
  const std::string_view body_bytes = checked.substr(header_size);
  if (body_bytes[0] != 0 && body_bytes[0] != 1) {
    throw FileError(name + ", byte " + std::to_string(header_size) + ": expected the byte order, 0 or 1");
  }
  Body body(body_bytes, name);
  return read_body(body);
}

void save_archive(const std::string& path, const Snapshot& snapshot) {
  write_file_atomically(path, archive_to_bytes(snapshot));
}

Snapshot load_archive(const std::string& path) {
  return archive_from_bytes(read_file(path), in_quotes(path));
}

}  // namespace unspool
