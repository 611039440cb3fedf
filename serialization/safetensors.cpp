#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

#include <unspool/core/error.h>
#include <unspool/serialization/internal/bytes.h>
#include <unspool/serialization/internal/file_bytes.h>
#include <unspool/serialization/internal/file_content.h>
#include <unspool/serialization/internal/half.h>
#include <unspool/serialization/internal/safetensors.h>
#include <unspool/serialization/safetensors.h>

namespace unspool {
namespace {

constexpr std::size_t max_header = 100'000'000;
constexpr const char* metadata_key = "__metadata__";

struct Type {
  std::string_view code;
  DType dtype;                              // Of the tensor that is read.
  std::size_t size;                         // Bytes of an element in the file.
  float (*widen)(std::uint16_t) = nullptr;  // Of half precision.
};
// First the types that are written, in the order in which the reference implementation writes tensors.
constexpr std::array<Type, 7> types{{{"I64", int64, 8},
                                     {"F64", float64, 8},
                                     {"F32", float32, 4},
                                     {"I32", int32, 4},
                                     {"BOOL", boolean, 1},
                                     {"F16", float32, 2, internal::float_of_half},
                                     {"BF16", float32, 2, internal::float_of_bfloat}}};

const Type& type_of(DType dtype) {
  return *std::find_if(types.begin(), types.end(), [&](const Type& type) { return type.dtype == dtype; });
}

// Throws ValueError for a type that is not read.
const Type& type_of(const std::string& code, const Config& entry) {
  const auto type = std::find_if(types.begin(), types.end(), [&](const Type& t) { return t.code == code; });
  if (type != types.end()) return *type;
  throw ValueError(entry.path() + ": expected the dtype F32, F64, F16, BF16, I32, I64 or BOOL, got " +
                   in_quotes(code));
}

// Reads an entry of the header. Throws TypeError, ValueError or KeyError with the path in the header.
internal::StoredTensor read_entry(const std::string& name, const Config& entry) {
  for (const std::string& key : entry.keys()) {
    if (key != "dtype" && key != "shape" && key != "data_offsets") {
      throw ValueError(entry.path() + ": unknown key " + in_quotes(key) +
                       "; known: dtype, shape, data_offsets");
    }
  }
  const auto code = entry["dtype"].as<std::string>();
  const Type& type = type_of(code, entry);
  for (const Config& size : entry["shape"].elements())
    size.as<Index>();  // Throws for null, which is an unknown size.
  const auto shape = entry["shape"].as<Shape>();
  const Config offsets = entry["data_offsets"];
  if (offsets.size() != 2) offsets.fail("a list of two offsets");
  const auto begin = offsets[0].as<std::uint64_t>();
  const auto end = offsets[1].as<std::uint64_t>();
  std::uint64_t bytes = 0;
  if (begin > end ||
      __builtin_mul_overflow(static_cast<std::uint64_t>(shape.elements()), type.size, &bytes) ||
      bytes != end - begin) {
    throw ValueError(offsets.path() + ": expected the size in bytes of " + code + to_string(shape) +
                     ", got the range from " + std::to_string(begin) + " to " + std::to_string(end));
  }
  return {name, code, shape, begin, bytes};
}

}  // namespace

internal::SafetensorsLayout internal::read_safetensors_layout(const FileBytes& bytes,
                                                              const std::string& name) {
  const auto fail = [&](std::uint64_t place, const std::string& what) {
    throw FileError(name + ", byte " + std::to_string(place) + ": " + what);
  };
  if (bytes.size() < 8)
    fail(bytes.size(), "expected the length of the header in 8 bytes, got the end of the file");
  const auto header_size = read_little<std::uint64_t>(bytes.view(0, 8));
  if (header_size > max_header) {
    fail(0, "expected a header of at most 100000000 bytes, got " + std::to_string(header_size));
  }
  if (header_size > bytes.size() - 8) {
    fail(0, "expected a header of " + std::to_string(header_size) + " bytes, got " +
                std::to_string(bytes.size() - 8) + " before the end of the file: it is truncated");
  }
  const std::string_view header = bytes.view(8, header_size);
  const std::uint64_t data_place = 8 + header_size;
  if (!header.starts_with('{')) fail(8, "expected the header to begin with {");

  SafetensorsLayout layout;
  std::vector<Config::Entry> metadata;
  try {
    for (const auto& [key, value] : from_json(header).named("header").items()) {
      if (key == metadata_key) {
        for (const auto& [name_of_text, text] : value.items()) {
          metadata.emplace_back(name_of_text, text.as<std::string>());
        }
      } else {
        layout.tensors.push_back(read_entry(key, value));
      }
    }
  } catch (const Error& error) {
    fail(8, error.what());
  }
  if (!metadata.empty()) layout.metadata = Config::map(std::move(metadata));

  std::sort(layout.tensors.begin(), layout.tensors.end(), [](const StoredTensor& a, const StoredTensor& b) {
    return a.place != b.place ? a.place < b.place : a.bytes < b.bytes;
  });
  std::uint64_t filled = 0;
  for (StoredTensor& tensor : layout.tensors) {
    if (tensor.place != filled) {
      fail(data_place + std::min(filled, tensor.place),
           "the tensor " + in_quotes(tensor.name) + ": expected its data at offset " +
               std::to_string(filled) + ", without a gap or an overlap, got " + std::to_string(tensor.place));
    }
    filled += tensor.bytes;
    tensor.place += data_place;
  }
  if (filled != bytes.size() - data_place) {
    fail(data_place, "expected " + std::to_string(filled) + " bytes of data, as the header says, got " +
                         std::to_string(bytes.size() - data_place));
  }
  return layout;
}

namespace {

Tensor read_elements(const internal::FileBytes& bytes, const internal::StoredTensor& stored,
                     const std::string& name) {
  const Type& type = type_of(stored.dtype, {});
  Tensor tensor = internal::TensorAccess::allocate(stored.shape, type.dtype);
  void* const elements = internal::TensorAccess::data(tensor);
  const internal::FileBytes data = bytes.part(stored.place, stored.bytes);
  if (type.widen != nullptr) {
    auto* to = static_cast<float*>(elements);
    data.each([&](std::string_view part) {
      for (std::size_t at = 0; at < part.size(); at += 2) {
        *to++ = type.widen(internal::read_little<std::uint16_t>(part.substr(at)));
      }
    });
    return tensor;
  }
  data.copy(0, data.size(), elements);
  internal::swap_if_big_endian(elements, data.size(), type.dtype);
  if (type.dtype == boolean) {
    const std::size_t odd = internal::first_not_bool(elements, data.size());
    if (odd != data.size()) {
      throw FileError(name + ", byte " + std::to_string(stored.place + odd) + ": the tensor " +
                      in_quotes(stored.name) + ": an element is not a bool: expected 0 or 1");
    }
  }
  return tensor;
}

Safetensors read_safetensors(const internal::FileBytes& bytes, const std::string& name) {
  const internal::SafetensorsLayout layout = internal::read_safetensors_layout(bytes, name);
  Safetensors content;
  content.metadata = layout.metadata;
  for (const internal::StoredTensor& stored : layout.tensors) {
    content.tensors.push_back({stored.name, read_elements(bytes, stored, name)});
  }
  return content;
}

internal::FileContent safetensors_content(const Safetensors& content) {
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

  std::string size;
  internal::append_little(size, static_cast<std::uint64_t>(header.size()));
  internal::FileContent file(std::move(size));
  file.append(header);
  for (const NamedTensor* entry : order) file.append(entry->tensor);
  return file;
}

}  // namespace

Safetensors safetensors_from_bytes(std::string_view bytes, const std::string& name) {
  return read_safetensors(bytes, name);
}

std::string safetensors_to_bytes(const Safetensors& content) { return safetensors_content(content).bytes(); }

Safetensors load_safetensors(const std::string& path) {
  return read_safetensors(internal::FileBytes::open(path), in_quotes(path));
}

void save_safetensors(const std::string& path, const Safetensors& content) {
  internal::write_file_atomically(path, safetensors_content(content));
}

}  // namespace unspool
