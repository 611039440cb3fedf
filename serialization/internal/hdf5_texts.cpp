#include <algorithm>
#include <iterator>

#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/serialization/internal/hdf5_texts.h>
#include <unspool/serialization/internal/hdf5_types.h>

namespace unspool::internal {

std::optional<Hdf5Attribute> Hdf5Texts::read(ByteReader message) {
  const auto version = message.number<std::uint8_t>("the version of an attribute");
  if (version < 1 || version > 3) {
    message.fail(fmt::format("expected an attribute of version 1 to 3, got {}{}", version, save_hdf5_anew));
  }
  if (message.number<std::uint8_t>("the flags of an attribute") != 0) {
    message.fail(
        fmt::format("expected an attribute with a type of its own, got a shared one{}", save_hdf5_anew));
  }
  const auto name_size = message.number<std::uint16_t>("the size of a name");
  const auto type_size = message.number<std::uint16_t>("the size of a datatype");
  const auto space_size = message.number<std::uint16_t>("the size of a dataspace");
  if (version == 3) message.take(1, "the encoding of a name");
  // Version 1 pads each part to a multiple of 8 bytes.
  const auto part = [&, multiple = version == 1 ? 8U : 1U](std::uint32_t size, std::string_view what) {
    return message.part((size + multiple - 1) / multiple * multiple, what);
  };
  ByteReader name_part = part(name_size, "the name of an attribute");
  ByteReader type_part = part(type_size, "the type of an attribute");
  const ByteReader space_part = part(space_size, "the shape of an attribute");
  const std::string_view padded = name_part.take(name_size, "the name of an attribute");
  Hdf5Attribute attribute;
  attribute.name = padded.substr(0, padded.find('\0'));

  ByteReader peek = type_part;
  const unsigned type_class = peek.number<std::uint8_t>("a datatype") & 0x0FU;
  const bool is_text = type_class == 3 || type_class == 9;
  if (!is_text) return std::nullopt;
  const Hdf5Type type = read_hdf5_type(type_part);
  const std::optional<Shape> shape = read_hdf5_shape(space_part);
  if (!shape) return std::nullopt;
  attribute.is_list = shape->rank() > 0;
  ByteReader data = message.part(hdf5_bytes(message, *shape, type), "the value of an attribute");
  if (type.size == 0) message.fail("expected strings with a size, got 0 bytes");
  while (data.left() > 0) attribute.texts.push_back(text(data, type));
  return attribute;
}

std::string Hdf5Texts::text(ByteReader& data, const Hdf5Type& type) {
  std::string_view text;
  if (type.kind == Hdf5Type::Kind::string) {
    text = data.take(type.size, "a string");
    text = text.substr(0, text.find('\0'));
  } else {
    const auto size = data.number<std::uint32_t>("the size of a string");
    const auto address = data.number<std::uint64_t>("the address of a string");
    const auto index = data.number<std::uint32_t>("the index of a string");
    if (size > 0) {
      const std::string_view object = heap_object(address, index);
      if (object.size() < size) {
        data.fail(
            fmt::format("expected a string of {} bytes, got {}: the file is corrupted", size, object.size()));
      }
      text = object.substr(0, size);
    }
  }
  bytes_ += text.size();
  if (bytes_ > whole_.file_size())
    data.fail("expected attributes of fewer bytes than the file has, got more");
  return std::string(text);
}

std::string_view Hdf5Texts::heap_object(std::uint64_t address, std::uint32_t index) {
  const auto [known, is_new] = collections_.try_emplace(address);
  if (is_new) {
    ByteReader start = whole_.from(address, "a global heap");
    ByteReader peek = start;
    peek.expect_bytes("GCOL", "a global heap");
    peek.expect<std::uint8_t>(1, "the version of a global heap");
    peek.take(3, "a global heap");
    ByteReader heap = start.part(peek.number<std::uint64_t>("the size of a global heap"), "a global heap");
    add_heap(heap);
    heap.take(16, "a global heap");
    while (heap.left() >= 16) {
      const auto number = heap.number<std::uint16_t>("the index of an object");
      heap.take(6, "an object of a global heap");
      const auto size = heap.number<std::uint64_t>("the size of an object");
      if (number == 0) break;  // The free space, which is last.
      known->second.emplace(number, heap.take(size, "an object of a global heap"));
      heap.take(std::min<std::uint64_t>(heap.left(), (8 - size % 8) % 8), "the padding of an object");
    }
  }
  const auto found = known->second.find(index);
  if (found == known->second.end()) {
    whole_.fail_at(address, fmt::format("expected the string {} in a global heap, got none", index));
  }
  return found->second;
}

/// Throws FileError if a heap overlaps another one: the objects of many such heaps would take memory for the
/// square of the file's size.
void Hdf5Texts::add_heap(const ByteReader& heap) {
  const std::uint64_t begin = heap.position();
  const std::uint64_t end = begin + heap.left();
  const auto next = heaps_.lower_bound(begin);
  const bool overlaps_next = next != heaps_.end() && next->first < end;
  const bool overlaps_previous = next != heaps_.begin() && std::prev(next)->second > begin;
  if (overlaps_next || overlaps_previous)
    heap.fail("expected global heaps that do not overlap: the file is corrupted");
  heaps_.emplace(begin, end);
}

}  // namespace unspool::internal
