#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

#include <unspool/core/error.h>
#include <unspool/serialization/file.h>
#include <unspool/serialization/internal/bytes.h>
#include <unspool/serialization/safetensors.h>

namespace unspool {
namespace {

constexpr std::size_t max_header = 100'000'000;
constexpr const char* metadata_key = "__metadata__";

struct Type {
  std::string_view code;
  DType dtype;
};
// In the order in which the reference implementation writes tensors.
constexpr std::array<Type, 5> types{
    {{"I64", int64}, {"F64", float64}, {"F32", float32}, {"I32", int32}, {"BOOL", boolean}}};

const Type& type_of(DType dtype) {
  return *std::find_if(types.begin(), types.end(), [&](const Type& type) { return type.dtype == dtype; });
}

struct Place {
  std::string name;
  DType dtype;
  Shape shape;
  std::uint64_t begin;
  std::uint64_t end;
};

// Reads an entry of the header. Throws TypeError, ValueError or KeyError with the path in the header.
Place read_entry(const std::string& name, const Config& entry) {
  for (const std::string& key : entry.keys()) {
    if (key != "dtype" && key != "shape" && key != "data_offsets") {
      throw ValueError(entry.path() + ": unknown key " + in_quotes(key) +
                       "; known: dtype, shape, data_offsets");
    }
  }
  const auto code = entry["dtype"].as<std::string>();
  const auto type = std::find_if(types.begin(), types.end(), [&](const Type& t) { return t.code == code; });
  if (type == types.end()) {
    throw ValueError(entry.path() + ": expected the dtype F32, F64, I32, I64 or BOOL, got " +
                     in_quotes(code));
  }
  for (const Config& size : entry["shape"].elements())
    size.as<Index>();  // Throws for null, which is an unknown size.
  Place place{name, type->dtype, entry["shape"].as<Shape>(), 0, 0};
  const Config offsets = entry["data_offsets"];
  if (offsets.size() != 2) offsets.fail("a list of two offsets");
  place.begin = offsets[0].as<std::uint64_t>();
  place.end = offsets[1].as<std::uint64_t>();
  std::uint64_t bytes = 0;
  if (place.begin > place.end ||
      __builtin_mul_overflow(static_cast<std::uint64_t>(place.shape.elements()), size_of(place.dtype),
                             &bytes) ||
      bytes != place.end - place.begin) {
    throw ValueError(offsets.path() + ": expected the size in bytes of " + code + to_string(place.shape) +
                     ", got the range from " + std::to_string(place.begin) + " to " +
                     std::to_string(place.end));
  }
  return place;
}

}  // namespace

Safetensors safetensors_from_bytes(std::string_view bytes, const std::string& name) {
  const auto fail = [&](std::uint64_t place, const std::string& what) {
    throw FileError(name + ", byte " + std::to_string(place) + ": " + what);
  };
  if (bytes.size() < 8)
    fail(bytes.size(), "expected the length of the header in 8 bytes, got the end of the file");
  const auto header_size = internal::read_little<std::uint64_t>(bytes);
  if (header_size > max_header) {
    fail(0, "expected a header of at most 100000000 bytes, got " + std::to_string(header_size));
  }
  if (header_size > bytes.size() - 8) {
    fail(0, "expected a header of " + std::to_string(header_size) + " bytes, got " +
                std::to_string(bytes.size() - 8) + " before the end of the file: it is truncated");
  }
  const std::string_view header = bytes.substr(8, header_size);
  const std::string_view data = bytes.substr(8 + header_size);
  if (!header.starts_with('{')) fail(8, "expected the header to begin with {");

  Safetensors content;
  std::vector<Place> places;
  try {
    for (const auto& [key, value] : from_json(header).named("header").items()) {
      if (key == metadata_key) {
        for (const auto& [name_of_text, text] : value.items()) {
          content.metadata.set(name_of_text, text.as<std::string>());
        }
      } else {
        places.push_back(read_entry(key, value));
      }
    }
  } catch (const Error& error) {
    fail(8, error.what());
  }

  std::sort(places.begin(), places.end(), [](const Place& a, const Place& b) {
    return a.begin != b.begin ? a.begin < b.begin : a.end < b.end;
  });
  std::uint64_t filled = 0;
  for (const Place& place : places) {
    if (place.begin != filled) {
      fail(8 + header_size + std::min(filled, place.begin),
           "the tensor " + in_quotes(place.name) + ": expected its data at offset " + std::to_string(filled) +
               ", without a gap or an overlap, got " + std::to_string(place.begin));
    }
    filled = place.end;
  }
  if (filled != data.size()) {
    fail(8 + header_size, "expected " + std::to_string(filled) + " bytes of data, as the header says, got " +
                              std::to_string(data.size()));
  }

  for (Place& place : places) {
    Tensor tensor = internal::TensorAccess::allocate(place.shape, place.dtype);
    void* const elements = internal::TensorAccess::data(tensor);
    const std::string_view part = data.substr(place.begin, place.end - place.begin);
    if (!part.empty()) std::memcpy(elements, part.data(), part.size());
    internal::swap_if_big_endian(elements, part.size(), place.dtype);
    if (place.dtype == boolean) {
      const std::size_t odd = internal::first_not_bool(elements, part.size());
      if (odd != part.size()) {
        fail(8 + header_size + place.begin + odd,
             "the tensor " + in_quotes(place.name) + ": an element is not a bool: expected 0 or 1");
      }
    }
    content.tensors.push_back({std::move(place.name), std::move(tensor)});
  }
  return content;
}

std::string safetensors_to_bytes(const Safetensors& content) {
  check_tensors(content.tensors);
  std::vector<const NamedTensor*> order;
  for (const NamedTensor& entry : content.tensors) {
    if (entry.name == metadata_key) {
      throw ValueError(
          "safetensors: expected another name for a tensor than \"__metadata__\", which is reserved");
    }
    order.push_back(&entry);
  }
  std::sort(order.begin(), order.end(), [](const NamedTensor* a, const NamedTensor* b) {
    const Type* const left = &type_of(a->tensor.dtype());
    const Type* const right = &type_of(b->tensor.dtype());
    return left != right ? left < right : a->name < b->name;
  });

  std::string header = "{";
  if (!content.metadata.empty()) {
    header += std::string("\"") + metadata_key + "\":{";
    for (const auto& [key, text] : content.metadata.items()) {
      if (header.back() != '{') header += ',';
      header += to_json(key) + ":" + to_json(text);
    }
    header += '}';
  }
  std::uint64_t end = 0;
  for (const NamedTensor* entry : order) {
    const Tensor& tensor = entry->tensor;
    if (header.size() > 1) header += ',';
    header += to_json(entry->name) + ":{\"dtype\":\"" + std::string(type_of(tensor.dtype()).code) +
              "\",\"shape\":[";
    for (const Index size : tensor.shape()) {
      if (header.back() != '[') header += ',';
      header += std::to_string(size);
    }
    header += "],\"data_offsets\":[" + std::to_string(end) + ",";
    end += tensor.bytes();
    header += std::to_string(end) + "]}";
  }
  header += '}';
  header.append((8 - header.size() % 8) % 8, ' ');  // The data start at a multiple of 8.
  if (header.size() > max_header) {
    throw ValueError("safetensors: expected a header of at most 100000000 bytes, got " +
                     std::to_string(header.size()));
  }

  std::string bytes;
  bytes.reserve(8 + header.size() + end);
  internal::append_little(bytes, static_cast<std::uint64_t>(header.size()));
  bytes += header;
  for (const NamedTensor* entry : order) {
    const std::size_t start = bytes.size();
    bytes.append(static_cast<const char*>(entry->tensor.raw()), entry->tensor.bytes());
    internal::swap_if_big_endian(bytes.data() + start, entry->tensor.bytes(), entry->tensor.dtype());
  }
  return bytes;
}

Safetensors load_safetensors(const std::string& path) {
  return safetensors_from_bytes(read_file(path), in_quotes(path));
}

void save_safetensors(const std::string& path, const Safetensors& content) {
  write_file_atomically(path, safetensors_to_bytes(content));
}

}  // namespace unspool
