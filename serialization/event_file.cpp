#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <fcntl.h>
#include <filesystem>
#include <limits>
#include <system_error>
#include <unistd.h>

#include <unspool/core/config.h>
#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/serialization/event_file.h>
#include <unspool/serialization/event_node.h>
#include <unspool/serialization/internal/bytes.h>
#include <unspool/serialization/internal/crc32c.h>
#include <unspool/serialization/internal/protobuf.h>

namespace unspool {
namespace {

using internal::ProtoMessage;

// Fields of the messages Event, Summary, Summary.Value, HistogramProto, GraphDef, NodeDef, AttrValue and
// TensorShapeProto in tensorboard/compat/proto.
ProtoMessage event_now() {
  const std::chrono::duration<double> now = std::chrono::system_clock::now().time_since_epoch();
  return ProtoMessage().real(1, now.count());
}

std::string summary_event(std::int64_t step, const ProtoMessage& value) {
  return event_now().integer(2, step).message(5, ProtoMessage().message(1, value)).bytes();
}

ProtoMessage histogram_message(const Histogram& histogram) {
  return ProtoMessage()
      .real(1, histogram.min)
      .real(2, histogram.max)
      .real(3, histogram.count)
      .real(4, histogram.sum)
      .real(5, histogram.sum_squares)
      .reals(6, histogram.limits)
      .reals(7, histogram.buckets);
}

ProtoMessage shape_message(const Shape& shape) {
  ProtoMessage message;
  for (const Index size : shape) message.message(2, ProtoMessage().integer(1, size));
  return message;
}

void add_attribute(ProtoMessage& node, std::string_view name, const ProtoMessage& value) {
  node.message(5, ProtoMessage().text(1, name).message(2, value));
}

ProtoMessage node_message(const EventNode& node) {
  ProtoMessage message;
  message.text(1, node.name).text(2, node.operation);
  for (const std::string& input : node.inputs) message.text(3, input);
  if (!node.output_shapes.empty()) {
    ProtoMessage shapes;
    for (const Shape& shape : node.output_shapes) shapes.message(7, shape_message(shape));
    add_attribute(message, "_output_shapes", ProtoMessage().message(1, shapes));
  }
  for (const auto& [name, text] : node.attributes) add_attribute(message, name, ProtoMessage().text(2, text));
  return message;
}

/// The bytes of a record in a file of TensorFlow: the length and the data, each with its checksum.
std::string record_of(std::string_view data) {
  std::string record;
  internal::append_little(record, static_cast<std::uint64_t>(data.size()));
  internal::append_little(record, internal::masked_crc32c(record));
  record += data;
  internal::append_little(record, internal::masked_crc32c(data));
  return record;
}

std::string host_name() {
  char name[256] = {};
  return ::gethostname(name, sizeof name - 1) == 0 && name[0] != '\0' ? name : "localhost";
}

[[noreturn]] void fail_to_write(const std::string& path, int error) {
  throw FileError("cannot write " + in_quotes(path) + ": " + std::generic_category().message(error));
}

}  // namespace

Histogram histogram_of(const Tensor& values, Index buckets) {
  if (buckets < 1) throw ValueError(fmt::format("histogram_of: expected buckets >= 1, got {}", buckets));
  std::vector<double> finite = values.to_vector<double>();
  std::erase_if(finite, [](double value) { return !std::isfinite(value); });
  if (finite.empty()) return {.limits = {0}, .buckets = {0}};
  Histogram histogram{.min = *std::min_element(finite.begin(), finite.end()),
                      .max = *std::max_element(finite.begin(), finite.end()),
                      .count = static_cast<double>(finite.size())};
  // Halves: the difference of two finite numbers may overflow.
  const double half_range = histogram.max / 2 - histogram.min / 2;
  const auto count = static_cast<std::size_t>(half_range > 0 ? buckets : 1);
  histogram.buckets.assign(count, 0);
  for (std::size_t i = 0; i < count; ++i) {
    const double part = static_cast<double>(i + 1) / static_cast<double>(count);
    histogram.limits.push_back(i + 1 == count ? histogram.max : histogram.min + part * half_range * 2);
  }
  for (const double value : finite) {
    histogram.sum += value;
    histogram.sum_squares += value * value;
    const double place = half_range > 0 ? (value / 2 - histogram.min / 2) / half_range : 0;
    const auto bucket = static_cast<std::size_t>(place * static_cast<double>(count));
    histogram.buckets[std::min(bucket, count - 1)] += 1;
  }
  return histogram;
}

EventFile::EventFile(const std::string& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) {
    throw FileError("cannot create the folder " + in_quotes(folder) + ": " + error.message());
  }
  static std::atomic<unsigned> count = 0;
  const auto seconds =
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch());
  do {
    // TensorBoard looks for "tfevents" in the name, and reads the files of a folder in the order of their
    // names, hence the time at the start.
    const std::string name =
        fmt::format("events.out.tfevents.{:010}.{}.{}.{}", seconds.count(), host_name(), ::getpid(), count++);
    path_ = (std::filesystem::path(folder) / name).native();
    descriptor_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0666);
  } while (descriptor_ < 0 && (errno == EEXIST || errno == EINTR));
  if (descriptor_ < 0) fail_to_write(path_, errno);
  add(event_now().text(3, "brain.Event:2").bytes());
}

EventFile::EventFile(EventFile&& other) noexcept
    : path_(std::move(other.path_)),
      pending_(std::move(other.pending_)),
      descriptor_(std::exchange(other.descriptor_, -1)) {}

EventFile& EventFile::operator=(EventFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(pending_, other.pending_);
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

EventFile::~EventFile() {
  if (descriptor_ < 0) return;
  try {
    flush();
  } catch (const FileError&) {
    // A destructor must not throw; a caller who needs to know calls flush().
  }
  ::close(descriptor_);
}

void EventFile::scalar(std::string_view tag, std::int64_t step, double value) {
  add(summary_event(step, ProtoMessage().text(1, tag).single(2, static_cast<float>(value))));
}

void EventFile::histogram(std::string_view tag, std::int64_t step, const Histogram& value) {
  if (value.limits.size() != value.buckets.size()) {
    throw ValueError(
        fmt::format("EventFile: expected a histogram with a limit for each bucket, got {} and {}",
                    value.limits.size(), value.buckets.size()));
  }
  add(summary_event(step, ProtoMessage().text(1, tag).message(5, histogram_message(value))));
}

void EventFile::graph(const std::vector<EventNode>& nodes) {
  ProtoMessage graph;
  for (const EventNode& node : nodes) graph.message(1, node_message(node));
  // The version of the format of graphs that has these attributes.
  graph.message(4, ProtoMessage().integer(1, 22));
  add(event_now().message(4, graph).bytes());
}

void EventFile::add(std::string_view event) { pending_ += record_of(event); }

void EventFile::flush() {
  while (!pending_.empty()) {
    const ssize_t written = ::write(descriptor_, pending_.data(), pending_.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail_to_write(path_, errno);
    pending_.erase(0, static_cast<std::size_t>(written));
  }
}

}  // namespace unspool
