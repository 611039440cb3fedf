#pragma once

#include <cstdint>
#include <optional>

#include <unspool/core/fields.h>
#include <unspool/core/tensor.h>
#include <unspool/data/dataset.h>

namespace unspool {

/// The arguments of timeseries_dataset().
struct TimeseriesOptions {
  required<Index> sequence_length;        ///< Time steps in a window.
  Index sequence_stride = 1;              ///< Time steps between the starts of consecutive windows.
  Index sampling_rate = 1;                ///< Time steps between consecutive steps of a window.
  std::optional<Index> batch_size = 128;  ///< Windows in a batch; None: single windows.
  bool shuffle = false;                   ///< Whether each epoch has an order of windows of its own.
  std::optional<std::int64_t> seed = {};  ///< Of the order; see ShuffleOptions.
  std::optional<Index> start_index = {};  ///< The first time step that is used.
  std::optional<Index> end_index = {};    ///< The time step before which the used ones end.
};

///@{
/// Windows of a series, whose first axis is time. `targets[i]` is the label of the window that starts at time
/// step i; without targets there are only windows. The series is not copied: a window is cut out of it when
/// its batch is made. To predict the step after windows of `length` steps, pass slice(series, 0, 0, -length)
/// and slice(series, 0, length, size). Throws ValueError for numbers that leave no window.
Dataset timeseries_dataset(const Tensor& data, const Tensor& targets, const TimeseriesOptions& options);
inline Dataset timeseries_dataset_from_array(const Tensor& data, const Tensor& targets,
                                             const TimeseriesOptions& options) {
  return timeseries_dataset(data, targets, options);
}
///@}

}  // namespace unspool
