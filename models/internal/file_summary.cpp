#include <algorithm>
#include <cstdint>
#include <ostream>
#include <vector>

#include <unspool/core/config.h>
#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/models/internal/file_summary.h>
#include <unspool/models/internal/reading.h>
#include <unspool/serialization/archive.h>
#include <unspool/serialization/internal/archive.h>
#include <unspool/serialization/internal/file_bytes.h>
#include <unspool/serialization/internal/hdf5.h>
#include <unspool/serialization/internal/inflate.h>
#include <unspool/serialization/internal/npy.h>
#include <unspool/serialization/internal/safetensors.h>
#include <unspool/serialization/internal/zip.h>
#include <unspool/serialization/safetensors.h>

namespace unspool::internal {
namespace {

std::string grouped(std::uint64_t number) {
  std::string text = std::to_string(number);
  for (std::size_t place = text.size(); place > 3; place -= 3) text.insert(place - 3, ",");
  return text;
}

std::string size_text(std::uint64_t bytes) { return grouped(bytes) + (bytes == 1 ? " byte" : " bytes"); }

std::string text_or(const Config& config, std::string_view key, const std::string& otherwise) {
  if (!config.is_map()) return otherwise;
  const auto value = config.find(key);
  return value && value->is_string() ? value->as<std::string>() : otherwise;
}

/// The name in a serialized object: "adam", or the class if it has none.
std::string object_text(const Config& object) {
  if (object.is_string()) return object.as<std::string>();
  if (object.is_list() || object.is_map()) {
    if (object.is_map() && object.contains("class_name")) return text_or(object, "class_name", "?");
    std::string all;
    const auto add = [&](const std::string& text) { all += (all.empty() ? "" : ", ") + text; };
    if (object.is_list()) {
      for (const Config& element : object.elements()) add(object_text(element));
    } else {
      for (const auto& [name, element] : object.items()) add(name + ": " + object_text(element));
    }
    return all;
  }
  return object.is_null() ? "none" : to_json(object);
}

/// The name of a serialized layer; empty for other objects.
std::string layer_name(const Config& config) {
  if (!config.is_map() || !config.contains("class_name")) return {};
  if (text_or(config, "class_name", "") == "DTypePolicy") return {};
  const auto arguments = config.find("config");
  return arguments ? text_or(*arguments, "name", "") : std::string();
}

struct Summary {
  std::ostream& out;
  std::string file;  ///< Its name in errors.
  bool check;        ///< Whether to read everything.

  template <class... T>
  void line(fmt::format_string<T...> format, T&&... arguments) const {
    out << fmt::format(format, std::forward<T>(arguments)...) << '\n';
  }

  /// Prints a layer and those in its config, indented.
  void layers(const Config& config, int depth) const {
    if (config.is_list()) {
      for (const Config& element : config.elements()) layers(element, depth);
    }
    if (!config.is_map()) return;
    const std::string name = layer_name(config);
    if (!name.empty()) {
      const auto arguments = config.find("config");
      const auto units = arguments->find("units");
      line("{:{}}{} ({}{})", "", 2 * depth, name, text_or(config, "class_name", "?"),
           units ? ", " + object_text(*units) + " units" : "");
    }
    for (const auto& [key, value] : config.items()) {
      if (key != "build_config" && key != "compile_config") layers(value, name.empty() ? depth : depth + 1);
    }
  }

  void network(const Config& config) const {
    line("layers:");
    layers(config, 1);
  }

  void compile(const Config& config) const {
    if (!config.is_map() || config.empty()) return line("compile: not compiled");
    std::string text;
    for (const char* const key : {"optimizer", "loss", "metrics", "weighted_metrics"}) {
      const auto value = config.find(key);
      if (!value || value->is_null() || (value->is_list() && value->empty())) continue;
      text += fmt::format("{}{} {}", text.empty() ? "" : "; ", key, object_text(*value));
    }
    line("compile: {}", text);
  }

  void tensors(const std::vector<StoredTensor>& all) const {
    std::uint64_t bytes = 0;
    std::uint64_t elements = 0;
    std::size_t name_width = 4;
    std::size_t type_width = 5;
    for (const StoredTensor& tensor : all) {
      bytes += tensor.bytes;
      elements += static_cast<std::uint64_t>(tensor.shape.elements());
      name_width = std::max(name_width, tensor.name.size());
      type_width = std::max(type_width, (tensor.dtype + to_string(tensor.shape)).size());
    }
    line("tensors: {}, {} elements, {}", grouped(all.size()), grouped(elements), size_text(bytes));
    for (const StoredTensor& tensor : all) {
      line("  {:{}}  {:{}}  {} at {}", tensor.name, name_width, tensor.dtype + to_string(tensor.shape),
           type_width, size_text(tensor.bytes), tensor.place);
    }
  }

  void archive(const FileBytes& bytes) const {
    line("format: native archive of unspool");
    const ArchiveLayout layout = read_archive_layout(bytes, file, false);
    line("version: {} of the archive, {} of the content", layout.version,
         object_text(layout.config.is_map() ? layout.config.find("version").value_or(Config()) : Config()));
    line("checksum: CRC-64 {:016x}{}", layout.checksum, check ? "" : ", not compared");
    line("content: {}", text_or(layout.config, "kind", "tensors and a config"));
    if (layout.config.is_map()) {
      if (const auto config = layout.config.find("network")) network(*config);
      if (const auto config = layout.config.find("compile")) compile(*config);
    }
    tensors(layout.tensors);
    if (!check) return;
    read_archive_layout(bytes, file, true);
    line("checked: the checksum matches");
  }

  void safetensors(const FileBytes& bytes) const {
    line("format: safetensors");
    const SafetensorsLayout layout = read_safetensors_layout(bytes, file);
    if (!layout.metadata.empty()) line("metadata: {}", to_json(layout.metadata));
    tensors(layout.tensors);
    if (!check) return;
    safetensors_from_bytes(bytes.view(), file);
    line("checked: every tensor was read; the format has no checksum");
  }

  StoredTensor npy_tensor(const FileBytes& bytes, const std::string& name, const std::string& where) const {
    const NpyHeader header = read_npy_header(
        bytes.view(0, std::min<std::uint64_t>(bytes.size(), NpyHeader::max_bytes)), bytes.size(), where);
    std::string dtype(name_of(header.dtype));
    if (header.foreign_order) dtype = "big-endian " + dtype;
    if (header.fortran_order) dtype += ", Fortran order ";
    return {name, dtype, header.shape, header.offset, bytes.size() - header.offset};
  }

  void npy(const FileBytes& bytes) const {
    line("format: npy, version {}", static_cast<int>(bytes.size() > 6 ? bytes.view(6, 1)[0] : '\0'));
    tensors({npy_tensor(bytes, "array", file)});
    if (!check) return;
    read_npy(bytes, file);
    line("checked: the array was read; the format has no checksum");
  }

  void hdf5_group(const Hdf5Group& group, std::vector<StoredTensor>& arrays,
                  std::vector<const Hdf5Dataset*>& datasets) const {
    for (const auto& [name, dataset] : group.datasets) {
      arrays.push_back(
          {dataset.path, name_of(dataset.type), dataset.shape, dataset.place, dataset.bytes.size()});
      datasets.push_back(&dataset);
    }
    for (const auto& [name, below] : group.groups) hdf5_group(below, arrays, datasets);
  }

  void hdf5(const FileBytes& bytes, const std::string& where) const {
    line("format: HDF5, as h5py writes it for Keras");
    const Hdf5Group root = hdf5_from_bytes(bytes, where);
    for (const Hdf5Attribute& attribute : root.attributes) {
      if (attribute.texts.size() != 1) continue;
      const std::string& text = attribute.texts.front();
      if (attribute.name == "model_config") {
        network(from_json(text).named(where + ", model_config"));
      } else if (attribute.name == "training_config") {
        line("training_config: {}", size_text(text.size()));
      } else {
        line("{}: {}", attribute.name, in_quotes(text));
      }
    }
    std::vector<StoredTensor> arrays;
    std::vector<const Hdf5Dataset*> datasets;
    hdf5_group(root, arrays, datasets);
    tensors(arrays);
    if (!check) return;
    for (const Hdf5Dataset* const dataset : datasets) dataset->read(dataset->dtype());
    line("checked: every array was read; the format has no checksum");
  }

  /// The bytes of a member: those in the archive or, if it is compressed, `inflated`.
  FileBytes member(const ZipEntry& entry, std::string& inflated) const {
    if (!entry.deflated) return entry.data;
    try {
      inflated = inflate(entry.data.view(), entry.size);
    } catch (const ValueError& error) {
      throw FileError(fmt::format("{}, byte {}: the member {}: {}", file, entry.place, in_quotes(entry.name),
                                  error.what()));
    }
    return inflated;
  }

  void zip(const FileBytes& bytes) const {
    const std::vector<ZipEntry> entries = read_zip_directory(bytes, file, max_npz_size(bytes.size()));
    const bool keras = std::any_of(entries.begin(), entries.end(),
                                   [](const ZipEntry& entry) { return entry.name == "config.json"; });
    line("format: {}", keras ? "model of Keras, a zip archive" : "npz, a zip archive of npy files");
    line("members: {}", entries.size());
    for (const ZipEntry& entry : entries) {
      line("  {}  {}{} at {}, CRC-32 {:08x}{}", entry.name, size_text(entry.size),
           entry.deflated ? ", compressed to " + size_text(entry.data.size()) : "", entry.place, entry.crc,
           check ? "" : ", not compared");
    }
    if (check) {
      const ZipFile whole(bytes, file, max_npz_size(bytes.size()));
      line("checked: the checksums of the members match");
    }
    std::vector<StoredTensor> arrays;
    for (const ZipEntry& entry : entries) {
      std::string inflated;
      const FileBytes data = member(entry, inflated);
      const std::string where = fmt::format("{}, the member {}", file, in_quotes(entry.name));
      if (entry.name.ends_with(".npy")) {
        arrays.push_back(npy_tensor(data, entry.name, where));
        arrays.back().place += entry.deflated ? 0 : entry.place;
        if (check) read_npy(data, where);
      } else if (entry.name.ends_with(".h5")) {
        line("{}:", entry.name);
        hdf5(data, where);
      } else if (entry.name.ends_with(".json")) {
        json(data, entry.name, where);
      } else {
        throw FileError(where +
                        ": expected config.json, metadata.json, model.weights.h5 or an array "
                        "\"NAME.npy\", got another file");
      }
    }
    if (!keras) tensors(arrays);
  }

  void json(const FileBytes& bytes, const std::string& name, const std::string& where) const {
    const Config config = from_json(bytes.view()).named(where);
    if (config.is_map() && config.contains("class_name")) {
      network(config);
      if (const auto compiled = config.find("compile_config")) compile(*compiled);
    } else if (config.is_map() && config.contains("layers")) {
      network(config["layers"]);
    } else if (name == "metadata.json") {
      line("metadata: {}", to_json(config));
    } else {
      throw FileError(where + ": expected the config of a layer or a model, with \"class_name\", got " +
                      config.describe());
    }
  }

  void print(const FileBytes& bytes) const {
    line("size: {}", size_text(bytes.size()));
    const std::string_view start = bytes.view(0, std::min<std::uint64_t>(bytes.size(), 16));
    if (start.starts_with("\x89UNSPOOL")) return archive(bytes);
    if (start.starts_with("\x89HDF\r\n\x1a\n")) return hdf5(bytes, file);
    if (start.starts_with("\x93NUMPY")) return npy(bytes);
    if (start.starts_with("PK")) return zip(bytes);
    if (start.size() > 8 && start[8] == '{') return safetensors(bytes);
    const std::size_t first = start.find_first_not_of(" \t\r\n");
    if (first != std::string_view::npos && start[first] == '{') {
      line("format: JSON");
      return json(bytes, "", file);
    }
    throw FileError(file +
                    ", byte 0: expected a native archive, a .keras, .weights.h5, .h5, .safetensors, .npy or "
                    ".npz file, or the JSON of a model, got another kind of file");
  }
};

}  // namespace

void print_file_summary(std::ostream& out, const std::string& path, bool check) {
  const FileBytes bytes = FileBytes::open(path);
  const std::string file = in_quotes(path);
  out << path << '\n';
  reading_file(file, [&] { Summary{out, file, check}.print(bytes); });
}

}  // namespace unspool::internal
