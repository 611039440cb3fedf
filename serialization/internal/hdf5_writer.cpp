#include <algorithm>
#include <bit>

#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/serialization/internal/bytes.h>
#include <unspool/serialization/internal/hdf5_types.h>

namespace unspool::internal {
namespace {

constexpr std::string_view hdf5_signature = "\x89HDF\r\n\x1a\n";
constexpr std::uint64_t no_address = ~std::uint64_t{0};
constexpr std::size_t superblock_size = 96;
// Half of the entries in a leaf of the tree of a group, and the least half of those in a node. Both are the
// default of HDF5.
constexpr std::size_t leaf_width = 4;
constexpr std::size_t least_node_width = 16;
constexpr std::size_t most_node_width = 32767;
constexpr std::size_t most_attribute_bytes = 60000;

void pad(std::string& bytes) { bytes.append((8 - bytes.size() % 8) % 8, '\0'); }

/// A message of an object header.
std::string message(std::uint16_t type, std::string content) {
  pad(content);
  std::string bytes;
  append_little(bytes, type);
  append_little(bytes, static_cast<std::uint16_t>(content.size()));
  append_little(bytes, std::uint32_t{0});  // Flags, and three reserved bytes.
  return bytes + content;
}

std::string object_header(std::uint16_t count, const std::string& messages) {
  std::string bytes("\1\0", 2);
  append_little(bytes, count);
  append_little(bytes, std::uint32_t{1});  // The reference count.
  append_little(bytes, static_cast<std::uint32_t>(messages.size()));
  append_little(bytes, std::uint32_t{0});
  return bytes + messages;
}

std::string dataspace_of(const Shape& shape) {
  std::string bytes("\1", 1);
  bytes += static_cast<char>(shape.rank());
  bytes.append(6, '\0');
  for (const Index size : shape) append_little(bytes, static_cast<std::uint64_t>(size));
  return bytes;
}

std::string integer_type(std::uint32_t size) {
  std::string bytes("\x10\x08\0\0", 4);  // Signed, little-endian.
  append_little(bytes, size);
  append_little(bytes, std::uint16_t{0});
  append_little(bytes, static_cast<std::uint16_t>(8 * size));
  return bytes;
}

std::string datatype_of(DType dtype) {
  switch (dtype) {
    case DType::float32: {
      std::string bytes("\x11\x20\x1f\0\4\0\0\0\0\0\x20\0\x17\x08\0\x17", 16);
      append_little(bytes, std::uint32_t{127});
      return bytes;
    }
    case DType::float64: {
      std::string bytes("\x11\x20\x3f\0\x08\0\0\0\0\0\x40\0\x34\x0b\0\x34", 16);
      append_little(bytes, std::uint32_t{1023});
      return bytes;
    }
    case DType::int32:
    case DType::int64:
      return integer_type(static_cast<std::uint32_t>(size_of(dtype)));
    case DType::boolean:
      break;
  }
  // As h5py does, an enumeration of two values.
  std::string bytes("\x18\2\0\0\1\0\0\0", 8);
  return bytes + integer_type(1) + std::string("FALSE\0\0\0TRUE\0\0\0\0\0\1", 18);
}

/// A text attribute of fixed size, which needs no heap.
std::string text_message(const std::string& name, const std::string& text) {
  if (text.size() > most_attribute_bytes) {
    throw ValueError(fmt::format("expected an attribute {} of at most {} bytes, got {}", in_quotes(name),
                                 most_attribute_bytes, text.size()));
  }
  std::string type("\x13\x11\0\0", 4);  // Padded with zeros, UTF-8.
  append_little(type, static_cast<std::uint32_t>(std::max<std::size_t>(text.size(), 1)));
  const std::string space = dataspace_of({});
  std::string bytes("\1\0", 2);
  append_little(bytes, static_cast<std::uint16_t>(name.size() + 1));
  append_little(bytes, static_cast<std::uint16_t>(type.size()));
  append_little(bytes, static_cast<std::uint16_t>(space.size()));
  bytes += name;
  bytes += '\0';
  pad(bytes);
  bytes += type;
  bytes += space;
  bytes += text.empty() ? std::string(1, '\0') : text;
  return message(hdf5_message::attribute, std::move(bytes));
}

class Hdf5Writer {
 public:
  explicit Hdf5Writer(const Hdf5Tree& root) : node_width_(std::max(least_node_width, widest(root))) {
    if (node_width_ > most_node_width) {
      throw ValueError("expected fewer than 500,000 tensors in a group of an HDF5 file, got more");
    }
    content_.append(std::string(superblock_size, '\0'));
    const Group group = write_group(root);
    std::string start(hdf5_signature);
    start.append("\0\0\0\0\0\x08\x08\0", 8);
    append_little(start, static_cast<std::uint16_t>(leaf_width));
    append_little(start, static_cast<std::uint16_t>(node_width_));
    append_little(start, std::uint32_t{0});
    append_little(start, std::uint64_t{0});
    append_little(start, no_address);
    append_little(start, content_.size());
    append_little(start, no_address);
    append_little(start, std::uint64_t{0});
    start += entry_of(group);
    content_.overwrite_front(0, start);
  }

  FileContent result() && { return std::move(content_); }

 private:
  /// Where the parts of a group are. A dataset has a header only.
  struct Group {
    std::uint64_t header = 0;
    std::uint64_t tree = 0;
    std::uint64_t heap = 0;
  };

  /// Half of the nodes that the largest group needs.
  static std::size_t widest(const Hdf5Tree& tree) {
    const std::size_t entries = tree.groups.size() + tree.datasets.size();
    std::size_t width = (entries + 4 * leaf_width - 1) / (4 * leaf_width);
    for (const auto& [name, inner] : tree.groups) width = std::max(width, widest(inner));
    return width;
  }

  /// Appends bytes or a tensor. Returns their place in the file.
  template <class T>
  std::uint64_t append(const T& part) {
    const std::uint64_t place = content_.size();
    content_.append(part);
    content_.pad(8);
    return place;
  }

  static std::string entry_of(const Group& group) {
    std::string entry;
    append_little(entry, group.header);
    append_little(entry, std::uint32_t{group.tree == 0 ? 0U : 1U});
    append_little(entry, std::uint32_t{0});
    append_little(entry, group.tree);
    append_little(entry, group.heap);
    return entry;
  }

  Group write_group(const Hdf5Tree& tree) {
    // HDF5 searches the entries of a group, so that they are in the order of their bytes.
    std::map<std::string_view, Group> entries;
    for (const auto& [name, inner] : tree.groups) entries.emplace(name, write_group(inner));
    for (const auto& [name, tensor] : tree.datasets) {
      if (!entries.emplace(name, Group{.header = write_dataset(tensor)}).second) {
        throw ValueError(
            fmt::format("expected different names in a group of an HDF5 file, got {} twice", name));
      }
    }
    std::string names(8, '\0');
    std::vector<std::uint64_t> places;
    for (const auto& [name, group] : entries) {
      places.push_back(names.size());
      names += name;
      names += '\0';
      pad(names);
    }

    std::string node("TREE\0\0", 6);
    const std::size_t leaves = (entries.size() + 2 * leaf_width - 1) / (2 * leaf_width);
    append_little(node, static_cast<std::uint16_t>(leaves));
    append_little(node, no_address);
    append_little(node, no_address);
    append_little(node, std::uint64_t{0});
    auto entry = entries.begin();
    for (std::size_t first = 0; first < entries.size(); first += 2 * leaf_width) {
      const std::size_t count = std::min(2 * leaf_width, entries.size() - first);
      std::string leaf("SNOD\1\0", 6);
      append_little(leaf, static_cast<std::uint16_t>(count));
      for (std::size_t i = first; i < first + count; ++i, ++entry) {
        append_little(leaf, places[i]);
        leaf += entry_of(entry->second);
      }
      leaf.resize(8 + 2 * leaf_width * 40);
      append_little(node, append(leaf));
      append_little(node, places[first + count - 1]);
    }
    node.resize(24 + (4 * node_width_ + 1) * 8);

    Group group;
    group.tree = append(node);
    std::string heap("HEAP\0\0\0\0", 8);
    append_little(heap, static_cast<std::uint64_t>(names.size()));
    append_little(heap, std::uint64_t{1});  // No free space.
    append_little(heap, content_.size() + 32);
    group.heap = append(heap + names);
    std::string table;
    append_little(table, group.tree);
    append_little(table, group.heap);
    std::string messages = message(hdf5_message::symbol_table, std::move(table));
    for (const auto& [name, text] : tree.attributes) messages += text_message(name, text);
    group.header = append(object_header(static_cast<std::uint16_t>(1 + tree.attributes.size()), messages));
    return group;
  }

  std::uint64_t write_dataset(const Tensor& tensor) {
    std::string layout("\3\1", 2);
    append_little(layout, tensor.bytes() == 0 ? no_address : append(tensor));
    append_little(layout, static_cast<std::uint64_t>(tensor.bytes()));
    // Space is allocated late, and the fill value is the default, zero: it is never used.
    const std::string fill("\2\2\2\1\0\0\0\0", 8);
    return append(object_header(4, message(hdf5_message::dataspace, dataspace_of(tensor.shape())) +
                                       message(hdf5_message::datatype, datatype_of(tensor.dtype())) +
                                       message(hdf5_message::fill_value, fill) +
                                       message(hdf5_message::layout, std::move(layout))));
  }

  FileContent content_;
  std::size_t node_width_;
};

}  // namespace

FileContent hdf5_content(const Hdf5Tree& root) { return Hdf5Writer(root).result(); }

std::string hdf5_to_bytes(const Hdf5Tree& root) { return hdf5_content(root).bytes(); }

}  // namespace unspool::internal
