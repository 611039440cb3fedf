#include <algorithm>
#include <cereal/archives/portable_binary.hpp>
#include <cstdint>
#include <istream>
#include <limits>
#include <ostream>
#include <streambuf>
#include <unordered_set>
#include <utility>

#include <unspool/core/error.h>
#include <unspool/serialization/archive.h>
#include <unspool/serialization/internal/archive.h>
#include <unspool/serialization/internal/bytes.h>
#include <unspool/serialization/internal/crc64.h>
#include <unspool/serialization/internal/file_bytes.h>
#include <unspool/serialization/internal/file_content.h>

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
  explicit AppendingBuffer(internal::FileContent& content) : content_(content) {}

 protected:
  std::streamsize xsputn(const char* data, std::streamsize count) override {
    content_.append({data, static_cast<std::size_t>(count)});
    return count;
  }
  int_type overflow(int_type c) override {
    const char byte = traits_type::to_char_type(c);
    content_.append({&byte, 1});
    return c;
  }

 private:
  internal::FileContent& content_;
};

class ReadingBuffer : public std::streambuf {
 public:
  explicit ReadingBuffer(internal::FileBytes bytes) : bytes_(std::move(bytes)) {}
  void skip(std::uint64_t count) { at_ += count; }

 protected:
  // cereal reads through this function only.
  std::streamsize xsgetn(char* data, std::streamsize count) override {
    const std::uint64_t taken = std::min(static_cast<std::uint64_t>(count), bytes_.size() - at_);
    bytes_.copy(at_, taken, data);
    at_ += taken;
    return static_cast<std::streamsize>(taken);
  }

 private:
  internal::FileBytes bytes_;
  std::uint64_t at_ = 0;
};

void put_text(cereal::PortableBinaryOutputArchive& archive, std::string_view text) {
  archive(static_cast<std::uint64_t>(text.size()));
  archive.saveBinary<1>(text.data(), static_cast<std::streamsize>(text.size()));
}

// Reads the body with cereal, and checks every length against the remaining bytes before using it. Cereal
// itself would allocate a vector of any size that a file claims.
class Body {
 public:
  Body(const internal::FileBytes& bytes, const std::string& file)
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
  // Passes over the elements of a tensor. The caller has checked that there are enough bytes.
  void skip(std::uint64_t bytes) {
    buffer_.skip(bytes);
    left_ -= bytes;
  }
  void need(std::uint64_t bytes, const std::string& what) const {
    if (bytes > left_) {
      fail("expected " + what + " of " + std::to_string(bytes) + " bytes, got " + std::to_string(left_) +
           " before the end");
    }
  }
  std::uint64_t left() const { return left_; }
  // The offset of the next byte in the file.
  std::uint64_t place() const { return header_size + size_ - left_; }
  [[noreturn]] void fail(const std::string& what) const {
    throw FileError(file_ + ", byte " + std::to_string(place()) + ": " + what);
  }

 private:
  const std::string& file_;
  std::uint64_t size_;
  std::uint64_t left_;
  ReadingBuffer buffer_;
  std::istream stream_;
  cereal::PortableBinaryInputArchive archive_;  // Reads the first byte, which is the byte order.
};

std::string tensor_in_words(std::uint64_t index, const std::string& name) {
  return "tensor " + std::to_string(index) + " " + in_quotes(name);
}

// Reads what stands before the elements of a tensor.
internal::StoredTensor read_tensor_header(Body& body, std::uint64_t index) {
  const std::string name = body.text("the name of tensor " + std::to_string(index));
  const std::string what = tensor_in_words(index, name);

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
  return {name, dtype_name, shape, body.place(), bytes};
}

Tensor read_tensor(Body& body, std::uint64_t index, const internal::StoredTensor& header) {
  Tensor tensor = internal::TensorAccess::allocate(header.shape, dtype_of(header.dtype));
  body.elements(tensor);
  if (tensor.dtype() == boolean) {
    const std::size_t place = internal::first_not_bool(tensor.raw(), tensor.bytes());
    if (place != tensor.bytes()) {
      body.fail(tensor_in_words(index, header.name) + ": element " + std::to_string(place) +
                " is not a bool: expected 0 or 1");
    }
  }
  return tensor;
}

// Reads the body. each(index, header) reads the elements of a tensor, or passes over them. Returns the
// config.
template <class F>
Config read_body(Body& body, F&& each) {
  Config config;
  const std::string json = body.text("the config");
  try {
    config = from_json(json);
  } catch (const ValueError& error) {
    body.fail(std::string("the config that ends here: ") + error.what());
  }
  const std::uint64_t count = body.number("the number of tensors");
  std::unordered_set<std::string> seen;
  for (std::uint64_t i = 0; i < count; ++i) {
    const internal::StoredTensor header = read_tensor_header(body, i);
    each(i, header);
    if (!seen.insert(header.name).second) {
      body.fail("expected unique names of tensors, got " + in_quotes(header.name) + " twice");
    }
  }
  if (body.left() != 0) {
    body.fail("expected the end after " + std::to_string(count) + " tensors, got " +
              std::to_string(body.left()) + " more bytes");
  }
  return config;
}

template <class Bytes>
std::uint64_t crc64_of(const Bytes& bytes) {
  std::uint64_t crc = 0;
  bytes.each([&](std::string_view part) { crc = internal::crc64(part, crc); });
  return crc;
}

internal::FileContent archive_content(const Snapshot& snapshot) {
  check_tensors(snapshot.tensors);
  const std::string config = to_json(snapshot.config);
  std::string header(magic);
  internal::append_little(header, version);
  internal::append_little(header, std::uint64_t{0});  // The size of the body, written below.
  internal::FileContent content(std::move(header));
  {
    AppendingBuffer buffer(content);
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
      content.append(tensor);  // As cereal would write them, without a copy.
    }
  }
  std::string body_size;
  internal::append_little(body_size, content.size() - header_size);
  content.overwrite_front(header_size - 8, body_size);
  std::string checksum;
  internal::append_little(checksum, crc64_of(content));
  content.append(checksum);
  return content;
}

enum class Checksum { compare, ignore };

// The bytes of the body. Throws FileError unless everything around it is right.
internal::FileBytes body_of(const internal::FileBytes& bytes, const std::string& name, Checksum checksum) {
  // Compare as much of the magic as the file has, so that a truncated archive is recognized as one.
  const std::uint64_t of_magic = std::min<std::uint64_t>(bytes.size(), magic.size());
  if (of_magic == 0 || bytes.view(0, of_magic) != magic.substr(0, of_magic)) {
    throw FileError(name + ", byte 0: expected an archive of unspool, got another kind of file");
  }
  if (bytes.size() < header_size + 1 + checksum_size) {
    throw FileError(name + ", byte " + std::to_string(bytes.size()) +
                    ": expected a header, got the end of the file: the archive is truncated");
  }
  const auto got = internal::read_little<std::uint32_t>(bytes.view(magic.size(), 4));
  const internal::FileBytes checked = bytes.part(0, bytes.size() - checksum_size);
  if (checksum == Checksum::compare &&
      crc64_of(checked) != internal::read_little<std::uint64_t>(bytes.view(checked.size(), 8))) {
    throw FileError(name + ", byte " + std::to_string(checked.size()) +
                    ": the checksum does not match: the archive is corrupted or truncated" +
                    (got > version ? ", or of version " + std::to_string(got) + ", which is newer" : ""));
  }
  if (got != version) {
    throw FileError(name + ", byte 8: expected the archive version " + std::to_string(version) + ", got " +
                    std::to_string(got) +
                    (got > version ? ": use a newer version of unspool" : ", which does not exist"));
  }
  const auto body_size = internal::read_little<std::uint64_t>(bytes.view(12, 8));
  if (body_size != checked.size() - header_size) {
    throw FileError(name + ", byte 12: expected a body of " + std::to_string(checked.size() - header_size) +
                    " bytes, got " + std::to_string(body_size));
  }
  const internal::FileBytes body_bytes = checked.part(header_size, body_size);
  if (const char order = body_bytes.view(0, 1)[0]; order != 0 && order != 1) {
    throw FileError(name + ", byte " + std::to_string(header_size) + ": expected the byte order, 0 or 1");
  }
  return body_bytes;
}

Snapshot read_archive(const internal::FileBytes& bytes, const std::string& name) {
  Body body(body_of(bytes, name, Checksum::compare), name);
  Snapshot snapshot;
  snapshot.config = read_body(body, [&](std::uint64_t index, const internal::StoredTensor& header) {
    snapshot.tensors.push_back({header.name, read_tensor(body, index, header)});
  });
  return snapshot;
}

}  // namespace

internal::ArchiveLayout internal::read_archive_layout(const FileBytes& bytes, const std::string& name,
                                                      bool check) {
  Body body(body_of(bytes, name, check ? Checksum::compare : Checksum::ignore), name);
  ArchiveLayout layout;
  layout.version = read_little<std::uint32_t>(bytes.view(magic.size(), 4));
  layout.checksum = read_little<std::uint64_t>(bytes.view(bytes.size() - checksum_size, checksum_size));
  layout.config = read_body(body, [&](std::uint64_t, const StoredTensor& header) {
    layout.tensors.push_back(header);
    body.skip(header.bytes);
  });
  return layout;
}

std::string archive_to_bytes(const Snapshot& snapshot) { return archive_content(snapshot).bytes(); }

Snapshot archive_from_bytes(std::string_view bytes, const std::string& name) {
  return read_archive(bytes, name);
}

void save_archive(const std::string& path, const Snapshot& snapshot) {
  internal::write_file_atomically(path, archive_content(snapshot));
}

Snapshot load_archive(const std::string& path) {
  return read_archive(internal::FileBytes::open(path), in_quotes(path));
}

}  // namespace unspool
