#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <optional>
#include <utility>

#include <unspool/core/config.h>
#include <unspool/core/error.h>
#include <unspool/serialization/internal/bytes.h>
#include <unspool/serialization/internal/file_bytes.h>
#include <unspool/serialization/internal/file_content.h>
#include <unspool/serialization/internal/npy.h>
#include <unspool/serialization/npy.h>

namespace unspool {
namespace {

constexpr std::string_view npy_magic = "\x93NUMPY";
// More than numpy.save ever writes for an array of at most 8 dimensions.
constexpr std::size_t max_npy_header = 65536;

struct NumpyType {
  std::string_view code;
  DType dtype;
};
constexpr std::array<NumpyType, 5> numpy_types{
    {{"f4", float32}, {"f8", float64}, {"i4", int32}, {"i8", int64}, {"b1", boolean}}};

struct Header {
  std::optional<std::string> type;
  std::optional<bool> fortran_order;
  std::optional<Shape> shape;
};

// Reads the header, a Python dict: {'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }
class HeaderReader {
 public:
  HeaderReader(std::string_view text, std::size_t offset, const std::string& file)
      : text_(text), offset_(offset), file_(file) {}

  Header read() {
    Header header;
    expect("{");
    while (!take("}")) {
      const std::string key = string();
      expect(":");
      if (key == "descr" && !header.type) {
        if (peek() == '[')
          fail("expected a plain dtype, got a record of several fields, which is not supported");
        header.type = string();
      } else if (key == "fortran_order" && !header.fortran_order) {
        header.fortran_order = boolean_value();
      } else if (key == "shape" && !header.shape) {
        header.shape = shape();
      } else {
        fail("expected the keys 'descr', 'fortran_order' and 'shape', each once, got " + in_quotes(key));
      }
      if (!take(",")) {
        expect("}");
        break;
      }
    }
    skip_space();
    if (at_ != text_.size()) fail("expected the end of the header, got more text");
    if (!header.type || !header.fortran_order || !header.shape) {
      fail("expected the keys 'descr', 'fortran_order' and 'shape' in the header, got fewer");
    }
    return header;
  }

  [[noreturn]] void fail(const std::string& what) const {
    throw FileError(file_ + ", byte " + std::to_string(offset_ + at_) + ": " + what);
  }

 private:
  void skip_space() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n')) ++at_;
  }
  char peek() {
    skip_space();
    return at_ < text_.size() ? text_[at_] : '\0';
  }
  bool take(std::string_view token) {
    skip_space();
    if (text_.substr(at_, token.size()) != token) return false;
    at_ += token.size();
    return true;
  }
  void expect(std::string_view token) {
    if (!take(token)) fail("expected '" + std::string(token) + "' in the header");
  }
  std::string string() {
    const char quote = peek();
    if (quote != '\'' && quote != '"') fail("expected a string in the header");
    const std::size_t start = ++at_;
    const std::size_t end = text_.find(quote, start);
    if (end == std::string_view::npos) fail("expected the end of a string in the header, got none");
    at_ = end + 1;
    return std::string(text_.substr(start, end - start));
  }
  bool boolean_value() {
    if (take("True")) return true;
    if (!take("False")) fail("expected True or False in the header");
    return false;
  }
  Shape shape() {
    Shape shape;
    expect("(");
    while (!take(")")) {
      skip_space();
      Index size = 0;
      const char* const start = text_.data() + at_;
      const auto [end, error] = std::from_chars(start, text_.data() + text_.size(), size);
      if (error != std::errc() || size < 0) fail("expected a size >= 0 in the shape");
      if (shape.rank() == Shape::max_rank) {
        fail("expected at most " + std::to_string(Shape::max_rank) + " dimensions, got more");
      }
      at_ += static_cast<std::size_t>(end - start);
      shape.push_back(size);
      take("L");  // Python 2 wrote long integers as 3L.
      if (!take(",")) {
        expect(")");
        break;
      }
    }
    return shape;
  }

  std::string_view text_;
  std::size_t offset_;
  const std::string& file_;
  std::size_t at_ = 0;
};

// Converts from Fortran order, in which the first axis varies fastest.
void put_in_row_major(const char* from, char* to, const Shape& shape, std::size_t element) {
  const Index count = shape.elements();
  std::array<Index, Shape::max_rank> position{};
  std::array<Index, Shape::max_rank> stride{};
  Index step = 1;
  for (int axis = 0; axis < shape.rank(); ++axis) {
    stride[static_cast<std::size_t>(axis)] = step;
    step *= shape[axis];
  }
  Index source = 0;
  for (Index i = 0; i < count; ++i) {
    std::memcpy(to + static_cast<std::size_t>(i) * element, from + static_cast<std::size_t>(source) * element,
                element);
    for (int axis = shape.rank() - 1; axis >= 0; --axis) {
      const auto a = static_cast<std::size_t>(axis);
      source += stride[a];
      if (++position[a] < shape[axis]) break;
      source -= stride[a] * shape[axis];
      position[a] = 0;
    }
  }
}

[[noreturn]] void fail_npy(const std::string& name, std::size_t place, const std::string& what) {
  throw FileError(name + ", byte " + std::to_string(place) + ": " + what);
}

}  // namespace

internal::NpyHeader internal::read_npy_header(std::string_view bytes, std::uint64_t file_bytes,
                                              const std::string& name) {
  const auto fail = [&](std::size_t place, const std::string& what) { fail_npy(name, place, what); };
  if (!bytes.starts_with(npy_magic)) fail(0, "expected an npy file, got another kind of file");
  if (bytes.size() < 12) fail(bytes.size(), "expected a header, got the end of the file: it is truncated");
  const int version = static_cast<unsigned char>(bytes[6]);
  if (version < 1 || version > 3 || bytes[7] != 0) {
    fail(6, "expected version 1.0, 2.0 or 3.0 of the format, got " + std::to_string(version) + "." +
                std::to_string(static_cast<unsigned char>(bytes[7])));
  }
  const std::size_t start = version == 1 ? 10 : 12;
  const std::size_t size = version == 1 ? read_little<std::uint16_t>(bytes.substr(8))
                                        : read_little<std::uint32_t>(bytes.substr(8));
  if (size > max_npy_header) fail(8, "expected a header of at most 65536 bytes, got " + std::to_string(size));
  if (size > bytes.size() - start) {
    fail(8, "expected a header of " + std::to_string(size) + " bytes, got " +
                std::to_string(bytes.size() - start) + " before the end of the file: it is truncated");
  }
  HeaderReader reader(bytes.substr(start, size), start, name);
  const Header header = reader.read();

  const std::string& type = *header.type;
  if (type.find('O') != std::string::npos) {
    reader.fail(
        "expected an array of numbers, got Python objects: these are pickles, which are code, and are not "
        "read");
  }
  const auto known = std::find_if(numpy_types.begin(), numpy_types.end(), [&](const NumpyType& t) {
    return type.size() == 3 && type.substr(1) == t.code;
  });
  // | is the byte order of types of one byte.
  if (known == numpy_types.end() ||
      std::string_view(known->dtype == boolean ? "|<>=" : "<>=").find(type[0]) == std::string_view::npos) {
    reader.fail("expected the dtype f4, f8, i4, i8 or b1, got " + in_quotes(type));
  }

  const std::uint64_t found = file_bytes - (start + size);
  std::uint64_t expected = 0;
  bool counted = true;
  try {
    counted = !__builtin_mul_overflow(static_cast<std::uint64_t>(header.shape->elements()),
                                      size_of(known->dtype), &expected);
  } catch (const ValueError&) {
    counted = false;
  }
  if (!counted || expected != found) {
    fail(start + size, "expected " + (counted ? std::to_string(expected) : "more than 2^64") +
                           " bytes for the shape " + to_string(*header.shape) + ", got " +
                           std::to_string(found));
  }
  const char foreign = std::endian::native == std::endian::big ? '<' : '>';
  return {known->dtype, *header.shape, *header.fortran_order && header.shape->rank() > 1, type[0] == foreign,
          start + size};
}

void internal::finish_npy_elements(void* elements, std::size_t bytes, const NpyHeader& header,
                                   std::size_t place, const std::string& name) {
  const std::size_t element = size_of(header.dtype);
  if (header.foreign_order) swap_bytes(elements, bytes / element, element);
  if (header.dtype == boolean && first_not_bool(elements, bytes) != bytes)
    fail_npy(name, place, "expected bools of 0 or 1, got another byte");
}

Tensor internal::read_npy(const FileBytes& bytes, const std::string& name) {
  const std::string_view start =
      bytes.view(0, std::min<std::uint64_t>(bytes.size(), internal::NpyHeader::max_bytes));
  const internal::NpyHeader header = internal::read_npy_header(start, bytes.size(), name);
  const internal::FileBytes data = bytes.part(header.offset, bytes.size() - header.offset);
  Tensor tensor = internal::TensorAccess::allocate(header.shape, header.dtype);
  char* const elements = static_cast<char*>(internal::TensorAccess::data(tensor));
  if (header.fortran_order) {
    put_in_row_major(data.view().data(), elements, header.shape, size_of(header.dtype));
  } else {
    data.copy(0, data.size(), elements);
  }
  internal::finish_npy_elements(elements, data.size(), header, header.offset, name);
  return tensor;
}

internal::FileContent internal::npy_content(const Tensor& tensor) {
  const auto known = std::find_if(numpy_types.begin(), numpy_types.end(),
                                  [&](const NumpyType& t) { return t.dtype == tensor.dtype(); });
  std::string header = "{'descr': '";
  header += tensor.dtype() == boolean ? '|' : '<';
  header += known->code;
  header += "', 'fortran_order': False, 'shape': (";
  for (int axis = 0; axis < tensor.rank(); ++axis) {
    if (axis > 0) header += ' ';
    header += std::to_string(tensor.shape()[axis]);
    if (tensor.rank() == 1 || axis + 1 < tensor.rank()) header += ',';
  }
  header += "), }";
  // As NumPy does: leave room for the first size to grow, and start the data at a multiple of 64.
  if (tensor.rank() > 0) header.append(21 - std::to_string(tensor.shape()[0]).size(), ' ');
  header.append(63 - (10 + header.size()) % 64, ' ');
  header += '\n';

  std::string bytes(npy_magic);
  bytes += std::string_view("\1\0", 2);
  internal::append_little(bytes, static_cast<std::uint16_t>(header.size()));
  bytes += header;
  internal::FileContent content(std::move(bytes));
  content.append(tensor);
  return content;
}

Tensor npy_from_bytes(std::string_view bytes, const std::string& name) {
  return internal::read_npy(bytes, name);
}

std::string npy_to_bytes(const Tensor& tensor) { return internal::npy_content(tensor).bytes(); }

Tensor load_npy(const std::string& path) {
  return internal::read_npy(internal::FileBytes::open(path), in_quotes(path));
}

void save_npy(const std::string& path, const Tensor& tensor) {
  internal::write_file_atomically(path, internal::npy_content(tensor));
}

}  // namespace unspool
