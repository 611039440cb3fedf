#include <algorithm>
#include <cstring>
#include <string_view>
#include <utility>
#include <vector>

#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/data/internal/dataset.h>
#include <unspool/data/internal/rows.h>
#include <unspool/data/timeseries.h>

namespace unspool {

namespace {

/// Windows number i = 0, 1, ... of a series.
class WindowRows final : public internal::RowSource {
 public:
  WindowRows(Tensor data, Tensor targets, Index first, const TimeseriesOptions& options)
      : data_(std::move(data)),
        targets_(std::move(targets)),
        first_(first),
        length_(options.sequence_length),
        stride_(options.sequence_stride),
        rate_(options.sampling_rate) {}

  Batch gather(std::span<const internal::Item> items) const override {
    const Shape& series = data_.shape();
    const Shape step = series.sub(1, series.rank());
    const std::size_t width = data_.shape()[0] == 0 ? 0 : data_.bytes() / static_cast<std::size_t>(series[0]);
    Tensor windows = internal::TensorAccess::allocate(Shape{static_cast<Index>(items.size()), length_} + step,
                                                      data_.dtype());
    auto* to = static_cast<std::byte*>(internal::TensorAccess::data(windows));
    std::vector<Index> starts;
    starts.reserve(items.size());
    for (const internal::Item& item : items) {
      const Index start = first_ + item.row * stride_;
      starts.push_back(start);
      const auto* from = static_cast<const std::byte*>(data_.raw()) + static_cast<std::size_t>(start) * width;
      if (rate_ == 1) {
        const std::size_t bytes = width * static_cast<std::size_t>(length_);
        std::memcpy(to, from, bytes);
        to += bytes;
        continue;
      }
      for (Index t = 0; t < length_; ++t, to += width, from += width * static_cast<std::size_t>(rate_))
        std::memcpy(to, from, width);
    }
    Batch batch{windows};
    if (targets_) batch.y = internal::take_rows(targets_, starts);
    return batch;
  }

 private:
  Tensor data_;
  Tensor targets_;
  Index first_;
  Index length_;
  Index stride_;
  Index rate_;
};

void check_series(const Tensor& tensor, std::string_view name) {
  if (!tensor || tensor.is_abstract() || tensor.rank() == 0) {
    throw ValueError(fmt::format("timeseries_dataset: {}: expected a tensor whose first axis is time, got {}",
                                 name, describe(tensor)));
  }
}

}  // namespace

Dataset timeseries_dataset(const Tensor& data, const Tensor& targets, const TimeseriesOptions& options) {
  check_series(data, "data");
  if (targets) check_series(targets, "targets");
  const Index steps = data.shape()[0];
  const auto check = [&](std::string_view name, Index value, Index least, Index most) {
    if (value < least || value > most) {
      throw ValueError(
          fmt::format("timeseries_dataset: expected {} from {} to {} for a series of {} time steps, got {}",
                      name, least, most, steps, value));
    }
  };
  const Index length = options.sequence_length;
  const Index first = options.start_index.value_or(0);
  const Index last = options.end_index.value_or(steps);
  if (steps == 0) throw ValueError("timeseries_dataset: data: expected time steps, got " + describe(data));
  check("sequence_length", length, 1, steps);
  check("sequence_stride", options.sequence_stride, 1, steps);
  check("sampling_rate", options.sampling_rate, 1, steps);
  check("start_index", first, 0, steps - 1);
  check("end_index", last, first + 1, steps);
  // As in Keras, targets that end before the data end the windows, too.
  Index starts = last - first - (length - 1) * options.sampling_rate;
  if (targets) starts = std::min(starts, targets.shape()[0] - first);
  if (starts < 1) {
    throw ValueError(
        fmt::format("timeseries_dataset: expected at least one window of {} steps, {} apart, got {} time "
                    "steps from {} to {}{}: take "
                    "shorter windows",
                    length, options.sampling_rate, last - first, first, last,
                    targets ? fmt::format(" and {} targets", targets.shape()[0]) : ""));
  }
  const Index windows = (starts - 1) / options.sequence_stride + 1;
  Dataset dataset =
      internal::dataset_of_rows(windows, std::make_unique<WindowRows>(data, targets, first, options));
  if (options.shuffle) dataset = dataset.shuffle(windows, {.seed = options.seed});
  return options.batch_size ? dataset.batch(*options.batch_size) : dataset;
}

}  // namespace unspool
