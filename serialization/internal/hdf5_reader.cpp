#include <algorithm>
#include <unordered_set>

#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/serialization/internal/hdf5_texts.h>
#include <unspool/serialization/internal/hdf5_types.h>

namespace unspool::internal {
namespace {

constexpr std::string_view hdf5_magic = "\x89HDF\r\n\x1a\n";
constexpr std::uint64_t undefined = ~std::uint64_t{0};
constexpr std::uint64_t superblock_bytes = 96;
constexpr std::uint64_t symbol_bytes = 40;
// What a file of Keras may have at most. Each object is read once, so that cycles end.
constexpr int max_group_depth = 64;
// Many names may lie in the same bytes of a heap.
constexpr std::size_t max_path = 1024;
constexpr std::size_t max_continuations = 64;

/// A message of an object header.
struct Message {
  std::uint16_t type;
  ByteReader content;
};

class Hdf5Reader {
 public:
  Hdf5Reader(const FileBytes& bytes, const std::string& file) : whole_(bytes, file), texts_(whole_) {}

  Hdf5Group read() {
    ByteReader reader = whole_;
    if (reader.left() < hdf5_magic.size() || reader.take(hdf5_magic.size(), "an HDF5 file") != hdf5_magic) {
      whole_.fail("expected an HDF5 file, got other bytes");
    }
    if (const auto version = reader.number<std::uint8_t>("the version of the superblock"); version != 0) {
      whole_.fail_at(
          8, fmt::format("expected the HDF5 superblock version 0, got {}{}", version, save_hdf5_anew));
    }
    reader.expect<std::uint8_t>(0, "the version of the free space");
    reader.expect<std::uint8_t>(0, "the version of the root group");
    reader.expect<std::uint8_t>(0, "a reserved byte");
    reader.expect<std::uint8_t>(0, "the version of the shared headers");
    reader.expect<std::uint8_t>(8, "the bytes of an offset");
    reader.expect<std::uint8_t>(8, "the bytes of a length");
    reader.expect<std::uint8_t>(0, "a reserved byte");
    const auto leaf_width = reader.number<std::uint16_t>("the width of a leaf");
    const auto node_width = reader.number<std::uint16_t>("the width of a node");
    leaf_bytes_ = 8 + 2 * symbol_bytes * leaf_width;
    node_bytes_ = 24 + 8 * (4 * std::uint64_t{node_width} + 1);
    reader.take(4, "the flags of the file");
    reader.expect<std::uint64_t>(0, "the base address");
    reader.take(8, "the address of the free space");
    const std::uint64_t end_place = reader.position();
    if (const auto end = reader.number<std::uint64_t>("the size of the file"); end != whole_.file_size()) {
      whole_.fail_at(end_place,
                     fmt::format("expected a file of {} bytes, as it says, got {}: it is truncated or "
                                 "corrupted",
                                 end, whole_.file_size()));
    }
    reader.expect<std::uint64_t>(undefined, "the address of a driver");
    reader.take(8, "the name of the root group");
    const auto root = reader.number<std::uint64_t>("the address of the root group");
    Hdf5Group group;
    const Object object = read_object(root, "");
    if (!object.table) whole_.fail_at(root, "expected the root to be a group with a symbol table");
    claim(0, superblock_bytes);
    read_group(object, group, 0);
    for (const auto& [begin, end] : texts_.heaps()) claim(begin, end - begin);
    check_claims();
    return group;
  }

 private:
  /// A dataset, or a group whose members are not read yet.
  struct Object {
    std::optional<Hdf5Dataset> dataset;
    std::optional<ByteReader> table;
    std::vector<Hdf5Attribute> attributes;
  };

  Object read_object(std::uint64_t address, const std::string& path) {
    if (!seen_.insert(address).second) {
      whole_.fail_at(address,
                     fmt::format("the object {}: expected one name for each object, got a second one "
                                 "(a hard link){}",
                                 in_quotes(path), save_hdf5_anew));
    }
    const std::vector<Message> messages = read_header(address, path);
    const auto found = [&](std::uint16_t type) -> const Message* {
      for (const Message& message : messages) {
        if (message.type == type) return &message;
      }
      return nullptr;
    };
    Object object;
    if (const Message* const table = found(hdf5_message::symbol_table)) {
      object.table = table->content;
      for (const Message& message : messages) {
        if (message.type != hdf5_message::attribute) continue;
        if (auto attribute = texts_.read(message.content)) object.attributes.push_back(std::move(*attribute));
      }
      return object;
    }
    const Message* const space = found(hdf5_message::dataspace);
    const Message* const type = found(hdf5_message::datatype);
    const Message* const place = found(hdf5_message::layout);
    if (space == nullptr || type == nullptr || place == nullptr) {
      whole_.fail_at(address, fmt::format("the object {}: expected a group or a dataset, got another kind of "
                                          "object{}",
                                          in_quotes(path), save_hdf5_anew));
    }
    object.dataset = read_dataset(space->content, type->content, place->content, path);
    return object;
  }

  std::vector<Message> read_header(std::uint64_t address, const std::string& path) {
    ByteReader header = whole_.from(address, "an object header");
    if (const auto version = header.number<std::uint8_t>("the version of an object header"); version != 1) {
      whole_.fail_at(address,
                     fmt::format("the object {}: expected an object header of version 1, got another "
                                 "version{}",
                                 in_quotes(path), save_hdf5_anew));
    }
    header.take(1, "an object header");
    const auto count = header.number<std::uint16_t>("the number of messages");
    header.take(4, "the reference count");
    const auto size = header.number<std::uint32_t>("the size of an object header");
    header.take(4, "an object header");
    std::vector<ByteReader> blocks = {header.part(size, "an object header")};
    claim(address, header.position() - address);
    std::vector<Message> messages;
    std::uint16_t met = 0;
    for (std::size_t i = 0; i < blocks.size(); ++i) {
      if (i > max_continuations) header.fail("expected fewer continuations of an object header");
      ByteReader block = blocks[i];
      while (met < count && block.left() > 0) {
        ++met;
        const std::uint64_t place = block.position();
        const auto type = block.number<std::uint16_t>("the type of a message");
        const auto bytes = block.number<std::uint16_t>("the size of a message");
        const auto flags = block.number<std::uint8_t>("the flags of a message");
        block.take(3, "a message");
        ByteReader content = block.part(bytes, "a message");
        check_message(place, type, flags, path);
        if (type == hdf5_message::continuation) {
          const auto offset = content.number<std::uint64_t>("the address of a continuation");
          const auto length = content.number<std::uint64_t>("the size of a continuation");
          if (!seen_.insert(offset).second) content.fail("expected an object header without cycles");
          blocks.push_back(whole_.at(offset, length, "the continuation of an object header"));
          claim(offset, length);
        } else {
          const bool repeated = type != hdf5_message::nil && type != hdf5_message::attribute &&
                                std::any_of(messages.begin(), messages.end(),
                                            [&](const Message& message) { return message.type == type; });
          if (repeated)
            whole_.fail_at(place, fmt::format("expected one message of type {:#x}, got two", type));
          messages.push_back({type, content});
        }
      }
    }
    if (met != count) {
      whole_.fail_at(address, fmt::format("expected {} messages in an object header, got {}", count, met));
    }
    return messages;
  }

  void check_message(std::uint64_t place, std::uint16_t type, std::uint8_t flags,
                     const std::string& path) const {
    const auto refuse = [&](std::string_view what) {
      whole_.fail_at(place, fmt::format("the object {}: expected plain groups and datasets, got {}{}",
                                        in_quotes(path), what, save_hdf5_anew));
    };
    if ((flags & 2U) != 0) refuse("a message that is shared between objects");
    switch (type) {
      case hdf5_message::nil:
      case hdf5_message::dataspace:
      case hdf5_message::datatype:
      case hdf5_message::old_fill_value:
      case hdf5_message::fill_value:
      case hdf5_message::layout:
      case hdf5_message::attribute:
      case hdf5_message::comment:
      case hdf5_message::old_modification_time:
      case hdf5_message::continuation:
      case hdf5_message::symbol_table:
      case hdf5_message::modification_time:
        return;
      case hdf5_message::link:
      case hdf5_message::link_info:
      case hdf5_message::group_info:
        return refuse("a group of a newer format, which may have links");
      case hdf5_message::external_files:
        return refuse("data in another file");
      case hdf5_message::filters:
        return refuse("a filter, such as compression");
      case hdf5_message::attribute_info:
        return refuse("attributes of a newer format");
      default:
        return refuse(fmt::format("a message of type {:#x}", type));
    }
  }

  void read_group(const Object& object, Hdf5Group& group, int depth) {
    if (depth > max_group_depth) {
      object.table->fail(fmt::format("expected groups of at most {} levels, got more", max_group_depth));
    }
    group.attributes = object.attributes;
    ByteReader table = *object.table;
    const auto tree = table.number<std::uint64_t>("the address of a tree");
    const auto heap = table.number<std::uint64_t>("the address of a heap");
    read_tree(tree, read_heap(heap), group, depth, 0);
  }

  /// The names of a group.
  ByteReader read_heap(std::uint64_t address) {
    ByteReader heap = whole_.from(address, "a heap");
    heap.expect_bytes("HEAP", "a heap");
    heap.expect<std::uint8_t>(0, "the version of a heap");
    heap.take(3, "a heap");
    const auto size = heap.number<std::uint64_t>("the size of a heap");
    heap.take(8, "a heap");
    const auto data = heap.number<std::uint64_t>("the address of the data of a heap");
    claim(address, heap.position() - address);
    claim(data, size);
    return whole_.at(data, size, "the data of a heap");
  }

  void read_tree(std::uint64_t address, const ByteReader& heap, Hdf5Group& group, int depth, int tree_depth) {
    if (tree_depth > max_group_depth || !seen_.insert(address).second) {
      whole_.fail_at(address, "expected a tree of a group without cycles");
    }
    ByteReader node = whole_.at(address, node_bytes_, "the tree of a group");
    claim(address, node_bytes_);
    node.expect_bytes("TREE", "the tree of a group");
    node.expect<std::uint8_t>(0, "the type of a tree");
    const auto level = node.number<std::uint8_t>("the level of a tree");
    const auto count = node.number<std::uint16_t>("the number of entries of a tree");
    node.take(16, "the siblings of a tree");
    for (std::uint16_t i = 0; i < count; ++i) {
      node.take(8, "a key of a tree");
      const auto child = node.number<std::uint64_t>("the address of an entry of a tree");
      if (level > 0) {
        read_tree(child, heap, group, depth, tree_depth + 1);
      } else {
        read_symbols(child, heap, group, depth);
      }
    }
  }

  void read_symbols(std::uint64_t address, const ByteReader& heap, Hdf5Group& group, int depth) {
    if (!seen_.insert(address).second) whole_.fail_at(address, "expected each entry of a group once");
    ByteReader node = whole_.at(address, leaf_bytes_, "the entries of a group");
    claim(address, leaf_bytes_);
    node.expect_bytes("SNOD", "the entries of a group");
    node.expect<std::uint8_t>(1, "the version of the entries of a group");
    node.take(1, "the entries of a group");
    const auto count = node.number<std::uint16_t>("the number of entries of a group");
    ByteReader symbols = node.part(count * symbol_bytes, "the entries of a group");
    for (std::uint16_t i = 0; i < count; ++i) {
      const std::uint64_t place = symbols.position();
      const std::string name = name_at(heap, symbols.number<std::uint64_t>("the place of a name"));
      const auto object = symbols.number<std::uint64_t>("the address of an object");
      const auto kind = symbols.number<std::uint32_t>("the kind of an entry");
      symbols.take(20, "an entry of a group");
      if (kind > 1) {
        whole_.fail_at(place, fmt::format("the object {}: expected no links, got a soft link{}",
                                          in_quotes(name), save_hdf5_anew));
      }
      if (group.groups.contains(name) || group.datasets.contains(name)) {
        whole_.fail_at(place,
                       fmt::format("expected different names in a group, got {} twice", in_quotes(name)));
      }
      const std::string path = group.path.empty() ? name : group.path + "/" + name;
      if (path.size() > max_path) {
        whole_.fail_at(
            place,
            fmt::format("expected names that are at most {} bytes long with those of the groups around, "
                        "got {} bytes",
                        max_path, path.size()));
      }
      Object read = read_object(object, path);
      if (read.dataset) {
        group.datasets.emplace(name, std::move(*read.dataset));
      } else {
        Hdf5Group& inner = group.groups[name];
        inner.path = path;
        read_group(read, inner, depth + 1);
      }
    }
  }

  std::string name_at(ByteReader heap, std::uint64_t offset) const {
    heap.skip(offset, "the place of a name");
    const std::string_view rest = heap.take(std::min<std::uint64_t>(heap.left(), max_path + 1), "a name");
    const std::size_t end = rest.find('\0');
    if (end == std::string_view::npos || end == 0 ||
        rest.substr(0, end).find('/') != std::string_view::npos) {
      heap.fail(fmt::format("expected a name of 1 to {} bytes, without '/' and with an end", max_path));
    }
    return std::string(rest.substr(0, end));
  }

  Hdf5Dataset read_dataset(const ByteReader& space, const ByteReader& type_message, const ByteReader& place,
                           const std::string& path) {
    ByteReader where = place;
    const auto fail = [&](const std::string& what) {
      place.fail(fmt::format("the dataset {}: {}{}", in_quotes(path), what, save_hdf5_anew));
    };
    const std::optional<Shape> shape = read_hdf5_shape(space);
    if (!shape) fail("expected an array, got none");
    const Hdf5Type type = read_hdf5_type(type_message);
    const std::uint64_t bytes = hdf5_bytes(where, *shape, type);
    if (where.number<std::uint8_t>("the version of a layout") != 3) fail("expected a layout of version 3");
    const auto kind = where.number<std::uint8_t>("the kind of a layout");
    ByteReader data = where;
    std::uint64_t stored = 0;
    if (kind == 0) {
      stored = where.number<std::uint16_t>("the size of the data");
      data = where.part(stored, "the data");
    } else if (kind == 1) {
      const auto address = where.number<std::uint64_t>("the address of the data");
      stored = where.number<std::uint64_t>("the size of the data");
      if (address == undefined && bytes != 0) fail("expected data, got a dataset that was never written");
      data = address == undefined ? whole_.at(0, 0, "no data") : whole_.at(address, stored, "the data");
    } else {
      fail("expected contiguous data, got chunks");
    }
    if (stored != bytes && !(bytes == 0 && kind == 1)) {
      fail(fmt::format("expected {} bytes of data for the shape {}, got {}", bytes, to_string(*shape),
                       stored));
    }
    if (type.size > 1) {
      // One program writes all arrays, and nothing else would detect a change of this bit.
      if (big_endian_.value_or(type.big_endian) != type.big_endian) {
        fail("expected the byte order of the other arrays in the file, got the other one");
      }
      big_endian_ = type.big_endian;
    }
    const std::uint64_t data_place = data.position();
    if (kind == 1) claim(data_place, bytes);
    return {path, type, *shape, data.take_part(bytes, "the data"), whole_.file(), data_place};
  }

  /// Notes that something is at a place in the file.
  void claim(std::uint64_t place, std::uint64_t bytes) {
    if (bytes > 0) claims_.emplace_back(place, bytes);
  }
  /// Nothing in a file overlaps, and bytes that belong to nothing are zero. So a changed address is detected,
  /// since its array leaves a gap where it was, and all arrays together are no larger than the file.
  void check_claims() {
    std::sort(claims_.begin(), claims_.end());
    std::uint64_t end = 0;
    for (const auto& [place, bytes] : claims_) {
      if (place < end) whole_.fail_at(place, "expected parts that do not overlap: the file is corrupted");
      check_gap(end, place);
      end = place + bytes;
    }
    check_gap(end, whole_.file_size());
  }
  void check_gap(std::uint64_t begin, std::uint64_t end) const {
    const std::string_view gap =
        ByteReader(whole_.at(begin, end - begin, "a gap")).take(end - begin, "a gap");
    const std::size_t odd = gap.find_first_not_of('\0');
    if (odd == std::string_view::npos) return;
    whole_.fail_at(begin + odd,
                   fmt::format("expected zeros where nothing is, got other bytes: the file is corrupted, or "
                               "something in it was deleted{}",
                               save_hdf5_anew));
  }

  ByteReader whole_;
  Hdf5Texts texts_;
  std::uint64_t leaf_bytes_ = 0;
  std::uint64_t node_bytes_ = 0;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> claims_;
  std::optional<bool> big_endian_;
  std::unordered_set<std::uint64_t> seen_;  // Addresses of objects and of nodes of trees.
};

/// The next name of a path, which loses it.
std::string_view next_name(std::string_view& path) {
  const std::size_t end = std::min(path.find('/'), path.size());
  const std::string_view name = path.substr(0, end);
  path.remove_prefix(std::min(end + 1, path.size()));
  return name;
}

}  // namespace

const Hdf5Group* Hdf5Group::group(std::string_view inner_path) const {
  const Hdf5Group* here = this;
  while (!inner_path.empty()) {
    const auto found = here->groups.find(next_name(inner_path));
    if (found == here->groups.end()) return nullptr;
    here = &found->second;
  }
  return here;
}

const Hdf5Dataset* Hdf5Group::dataset(std::string_view inner_path) const {
  const std::size_t slash = inner_path.rfind('/');
  const bool nested = slash != std::string_view::npos;
  const Hdf5Group* const holder = nested ? group(inner_path.substr(0, slash)) : this;
  if (holder == nullptr) return nullptr;
  const auto found = holder->datasets.find(nested ? inner_path.substr(slash + 1) : inner_path);
  return found == holder->datasets.end() ? nullptr : &found->second;
}

const Hdf5Attribute* Hdf5Group::attribute(std::string_view name) const {
  const auto found = std::find_if(attributes.begin(), attributes.end(),
                                  [&](const Hdf5Attribute& attribute) { return attribute.name == name; });
  return found == attributes.end() ? nullptr : &*found;
}

Hdf5Group hdf5_from_bytes(const FileBytes& bytes, const std::string& file) {
  return Hdf5Reader(bytes, file).read();
}

}  // namespace unspool::internal
