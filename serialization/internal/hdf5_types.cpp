#include <array>
#include <cmath>
#include <cstring>
#include <limits>

#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/serialization/internal/half.h>
#include <unspool/serialization/internal/hdf5_types.h>

namespace unspool::internal {

const char* const save_hdf5_anew =
    ": load the file with Keras or h5py, and write it again with h5py's default settings, without links, "
    "chunks and compression";

namespace {

using Kind = Hdf5Type::Kind;

/// Where sign, exponent and mantissa of a floating number are, as datatype messages describe it.
struct FloatLayout {
  std::uint32_t size;
  std::uint8_t sign;
  std::uint8_t exponent_at;
  std::uint8_t exponent_bits;
  std::uint8_t mantissa_bits;
  std::uint32_t bias;
};
constexpr std::array<FloatLayout, 3> ieee{
    {{2, 15, 10, 5, 10, 15}, {4, 31, 23, 8, 23, 127}, {8, 63, 52, 11, 52, 1023}}};

Hdf5Type read_float(ByteReader& message, std::uint32_t bits, std::uint32_t size) {
  for (const FloatLayout& layout : ieee) {
    if (layout.size != size) continue;
    // Byte order, no padding, a mantissa with an implied first bit.
    const bool plain = (bits & ~1U) == (0x20U | std::uint32_t{layout.sign} << 8);
    const bool here = message.number<std::uint16_t>("a bit offset") == 0 &&
                      message.number<std::uint16_t>("a precision") == 8 * size &&
                      message.number<std::uint8_t>("an exponent") == layout.exponent_at &&
                      message.number<std::uint8_t>("an exponent") == layout.exponent_bits &&
                      message.number<std::uint8_t>("a mantissa") == 0 &&
                      message.number<std::uint8_t>("a mantissa") == layout.mantissa_bits &&
                      message.number<std::uint32_t>("a bias") == layout.bias;
    if (!plain || !here) break;
    return {.kind = Kind::floating, .size = size, .big_endian = (bits & 1U) != 0};
  }
  message.fail(fmt::format("expected float16, float32 or float64, got another floating type of {} bytes{}",
                           size, save_hdf5_anew));
}

Hdf5Type read_integer(ByteReader& message, std::uint32_t bits, std::uint32_t size) {
  const bool known_size = size == 1 || size == 2 || size == 4 || size == 8;
  if ((bits & ~9U) != 0 || !known_size || message.number<std::uint16_t>("a bit offset") != 0 ||
      message.number<std::uint16_t>("a precision") != 8 * size) {
    message.fail(
        fmt::format("expected an integer of 8, 16, 32 or 64 bits, got another one{}", save_hdf5_anew));
  }
  return {.kind = Kind::integer, .size = size, .big_endian = (bits & 1U) != 0, .has_sign = (bits & 8U) != 0};
}

/// The enumeration of FALSE = 0 and TRUE = 1, which h5py makes of bool.
Hdf5Type read_enumeration(ByteReader& message, std::uint32_t members, std::uint32_t size) {
  const auto fail = [&]() -> Hdf5Type {
    message.fail(fmt::format("expected numbers, got an enumeration{}", save_hdf5_anew));
  };
  if (members != 2 || size != 1) return fail();
  const auto kind = message.number<std::uint8_t>("a datatype");
  message.take(7, "a datatype");
  if ((kind & 0x0FU) != 0) return fail();
  message.take(4, "a datatype");
  using namespace std::string_view_literals;
  const bool names =
      message.take(8, "a name") == "FALSE\0\0\0"sv && message.take(8, "a name") == "TRUE\0\0\0\0"sv;
  if (!names || message.take(2, "the values") != "\0\1"sv) return fail();
  return {.kind = Kind::boolean, .size = 1};
}

/// One element, whose bytes are in little-endian order.
template <class T>
T element_of(const Hdf5Type& type, std::string_view bytes) {
  if (type.kind == Kind::floating) {
    if (type.size == 2) return static_cast<T>(float_of_half(read_little<std::uint16_t>(bytes)));
    if (type.size == 4) return static_cast<T>(std::bit_cast<float>(read_little<std::uint32_t>(bytes)));
    return static_cast<T>(std::bit_cast<double>(read_little<std::uint64_t>(bytes)));
  }
  std::uint64_t bits = 0;
  for (std::size_t i = 0; i < type.size; ++i) {
    bits |= std::uint64_t{static_cast<unsigned char>(bytes[i])} << (8 * i);
  }
  if (type.has_sign && type.size < 8 && (bits >> (8 * type.size - 1) & 1U) != 0) {
    bits |= ~std::uint64_t{0} << (8 * type.size);
  }
  return static_cast<T>(static_cast<std::int64_t>(bits));
}

}  // namespace

std::string name_of(const Hdf5Type& type) {
  switch (type.kind) {
    case Kind::floating:
      return fmt::format("float{}", 8 * type.size);
    case Kind::integer:
      return fmt::format("{}int{}", type.has_sign ? "" : "u", 8 * type.size);
    case Kind::boolean:
      return "bool";
    case Kind::string:
    case Kind::string_reference:
      break;
  }
  return "strings";
}

std::optional<Shape> read_hdf5_shape(ByteReader message) {
  const auto version = message.number<std::uint8_t>("the version of a dataspace");
  if (version != 1 && version != 2) {
    message.fail(fmt::format("expected a dataspace of version 1 or 2, got {}{}", version, save_hdf5_anew));
  }
  const auto rank = message.number<std::uint8_t>("a rank");
  const auto flags = message.number<std::uint8_t>("the flags of a dataspace");
  const auto type = message.number<std::uint8_t>("the type of a dataspace");
  if (version == 1) message.take(4, "a dataspace");
  if (version == 2 && type == 2) return std::nullopt;
  if (rank > Shape::max_rank) {
    message.fail(fmt::format("expected an array of at most {} axes, got {}", Shape::max_rank, rank));
  }
  if ((flags & ~1U) != 0) message.fail(fmt::format("expected a plain dataspace, got flags {:#x}", flags));
  Shape shape;
  for (int axis = 0; axis < rank; ++axis) {
    const auto size = message.number<std::uint64_t>("a size");
    if (size > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
      message.fail(fmt::format("expected a size below 2^63, got {}", size));
    }
    shape.push_back(static_cast<Index>(size));
  }
  // The largest sizes that the array may grow to; what has no chunks cannot grow.
  for (int axis = 0; axis < rank && flags == 1; ++axis) {
    if (message.number<std::uint64_t>("a largest size") != static_cast<std::uint64_t>(shape[axis])) {
      message.fail(fmt::format("expected an array of fixed size, got one that may grow{}", save_hdf5_anew));
    }
  }
  return shape;
}

Hdf5Type read_hdf5_type(ByteReader message) {
  const auto kind = message.number<std::uint8_t>("a datatype");
  const auto low = message.number<std::uint8_t>("a datatype");
  const auto high = message.number<std::uint16_t>("a datatype");
  const std::uint32_t bits = low | std::uint32_t{high} << 8;
  const auto size = message.number<std::uint32_t>("the size of a datatype");
  if (const unsigned version = kind >> 4; version < 1 || version > 3) {
    message.fail(fmt::format("expected a datatype of version 1 to 3, got {}{}", version, save_hdf5_anew));
  }
  switch (kind & 0x0FU) {
    case 0:
      return read_integer(message, bits, size);
    case 1:
      return read_float(message, bits, size);
    case 3:
      return {.kind = Kind::string, .size = size};
    case 8:
      return read_enumeration(message, bits & 0xFFFFU, size);
    case 9:
      if ((bits & 0x0FU) == 1 && size == 16) return {.kind = Kind::string_reference, .size = size};
      [[fallthrough]];
    default:
      message.fail(fmt::format("expected numbers or strings, got the datatype class {}{}", kind & 0x0FU,
                               save_hdf5_anew));
  }
}

std::uint64_t hdf5_bytes(const ByteReader& place, const Shape& shape, const Hdf5Type& type) {
  std::uint64_t bytes = type.size;
  for (const Index size : shape) {
    if (__builtin_mul_overflow(bytes, static_cast<std::uint64_t>(size), &bytes)) {
      place.fail(
          fmt::format("expected an array of fewer than 2^64 bytes, got the shape {}", to_string(shape)));
    }
  }
  return bytes;
}

DType Hdf5Dataset::dtype() const {
  switch (type.kind) {
    case Kind::floating:
      return type.size == 8 ? float64 : float32;
    case Kind::integer:
      return type.size < 4 || (type.size == 4 && type.has_sign) ? int32 : int64;
    case Kind::boolean:
      return boolean;
    case Kind::string:
    case Kind::string_reference:
      break;
  }
  throw FileError(fmt::format("{}: the dataset {}: expected numbers, got strings", file, in_quotes(path)));
}

Tensor Hdf5Dataset::read(DType wanted) const {
  const DType own = dtype();
  const auto kind_of = [](DType one) { return is_floating(one) ? 0 : is_integer(one) ? 1 : 2; };
  const bool too_large = own == int64 && wanted == int32;
  if (kind_of(own) != kind_of(wanted) || too_large) {
    throw FileError(fmt::format("{}, byte {}: the dataset {}: expected {}, got {}", file, place,
                                in_quotes(path), unspool::name_of(wanted), name_of(type)));
  }
  Tensor tensor = TensorAccess::allocate(shape, wanted);
  void* const elements = TensorAccess::data(tensor);
  if (wanted == boolean) {
    bytes.copy(0, bytes.size(), elements);
    if (const std::size_t odd = first_not_bool(elements, bytes.size()); odd != bytes.size()) {
      throw FileError(fmt::format("{}, byte {}: the dataset {}: expected a bool, 0 or 1", file, place + odd,
                                  in_quotes(path)));
    }
    return tensor;
  }
  if (own == wanted && type.size == size_of(wanted) && !type.big_endian) {
    bytes.copy(0, bytes.size(), elements);
    swap_if_big_endian(elements, bytes.size(), wanted);
    return tensor;
  }
  visit_dtype(wanted, [&](auto zero) {
    using T = decltype(zero);
    if constexpr (!std::is_same_v<T, bool>) {
      std::array<char, 8> element{};
      auto* to = static_cast<T*>(elements);
      bytes.each([&](std::string_view part) {
        for (std::size_t at = 0; at < part.size(); at += type.size) {
          std::memcpy(element.data(), part.data() + at, type.size);
          if (type.big_endian) std::reverse(element.begin(), element.begin() + type.size);
          *to++ = element_of<T>(type, {element.data(), type.size});
        }
      });
    }
  });
  return tensor;
}

}  // namespace unspool::internal
