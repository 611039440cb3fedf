#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <unspool/core/tensor.h>

namespace unspool {

struct EventNode;

/// The number of values in each of several intervals, as TensorBoard shows it.
struct Histogram {
  double min = 0;                    ///< The smallest value.
  double max = 0;                    ///< The largest value.
  double count = 0;                  ///< The number of values.
  double sum = 0;                    ///< Their sum.
  double sum_squares = 0;            ///< The sum of their squares.
  std::vector<double> limits = {};   ///< The upper end of each interval; the first one begins at `min`.
  std::vector<double> buckets = {};  ///< The number of values in each interval.
};

/// Counts the elements of a tensor in `buckets` intervals of equal width from the smallest to the largest
/// one. Elements that are not finite are left out. If all elements are equal, or if there are none, there is
/// one interval. Throws ValueError if buckets < 1.
Histogram histogram_of(const Tensor& values, Index buckets = 30);

/// Writes an event file, the format that TensorBoard reads. Each value has a tag, under which it is shown,
/// and the number of a step. Values are visible to a reader after flush(). The members throw FileError if
/// the file cannot be written.
class EventFile {
 public:
  /// Creates a file with an unused name in a folder, which is created if there is none.
  explicit EventFile(const std::string& folder);
  EventFile(EventFile&& other) noexcept;
  EventFile& operator=(EventFile&& other) noexcept;
  /// Writes what is not written yet, as far as possible.
  ~EventFile();

  /// The path of the file.
  const std::string& path() const { return path_; }
  /// Adds a number. TensorBoard stores it as a float32.
  void scalar(std::string_view tag, std::int64_t step, double value);
  /// Adds a histogram.
  void histogram(std::string_view tag, std::int64_t step, const Histogram& value);
  /// Adds a graph. Its nodes are in serialization/event_node.h.
  void graph(const std::vector<EventNode>& nodes);
  /// Writes all that was added.
  void flush();

 private:
  void add(std::string_view event);

  std::string path_;
  std::string pending_;
  int descriptor_ = -1;
};

}  // namespace unspool
