#include <algorithm>
#include <cstring>
#include <string_view>

#include <unspool/autograd/conversion.h>
#include <unspool/autograd/indexing.h>
#include <unspool/autograd/shaping.h>
#include <unspool/core/config.h>
#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/data/sequences.h>

namespace unspool {

namespace {

bool is_pre(std::string_view name, const std::string& value) {
  if (value != "pre" && value != "post")
    throw ValueError(
        fmt::format("pad_sequences: expected {} \"pre\" or \"post\", got {}", name, in_quotes(value)));
  return value == "pre";
}

/// Integers become int32, as in Keras.
DType dtype_of(const std::vector<Tensor>& sequences) {
  if (sequences.empty()) return int32;
  const DType dtype = sequences.front().dtype();
  return is_floating(dtype) ? dtype : int32;
}

}  // namespace

Tensor pad_sequences(const std::vector<Tensor>& sequences, const PadSequencesOptions& options) {
  const bool pad_before = is_pre("padding", options.padding);
  const bool cut_before = is_pre("truncating", options.truncating);
  Index longest = 0;
  // As in Keras, an empty sequence may have any elements.
  const Tensor* model = nullptr;
  for (std::size_t i = 0; i < sequences.size(); ++i) {
    const Tensor& sequence = sequences[i];
    if (!sequence || sequence.is_abstract() || sequence.rank() == 0) {
      throw ValueError(
          fmt::format("pad_sequences: expected sequences, got {} as number {}", describe(sequence), i));
    }
    longest = std::max(longest, sequence.shape().front());
    if (sequence.shape().front() == 0) continue;
    if (model == nullptr) model = &sequence;
    if (!(sequence.shape().sub(1, sequence.rank()) == model->shape().sub(1, model->rank()))) {
      throw ValueError(
          fmt::format("pad_sequences: expected elements of one shape, got sequences {} and, number {}, {}",
                      describe(*model), i, describe(sequence)));
    }
  }
  const Index maxlen = options.maxlen.value_or(longest);
  if (maxlen < 0) throw ValueError(fmt::format("pad_sequences: expected maxlen >= 0, got {}", maxlen));
  const DType dtype = options.dtype.value_or(dtype_of(sequences));
  const Shape element = model != nullptr ? model->shape().sub(1, model->rank()) : Shape{};
  // Converts the value, or throws if the dtype does not have it.
  const Tensor value = cast(Tensor::scalar(options.value, float64), dtype);
  Tensor made =
      internal::TensorAccess::allocate(Shape{static_cast<Index>(sequences.size()), maxlen} + element, dtype);
  auto* const begin = static_cast<std::byte*>(internal::TensorAccess::data(made));
  const std::size_t size = size_of(dtype);
  for (std::size_t at = 0; at < made.bytes(); at += size) std::memcpy(begin + at, value.raw(), size);
  const std::size_t step = static_cast<std::size_t>(element.elements()) * size;
  for (std::size_t i = 0; i < sequences.size(); ++i) {
    const Index length = sequences[i].shape().front();
    const Index kept = std::min(length, maxlen);
    if (kept == 0) continue;
    const Tensor sequence = cast(sequences[i], dtype);
    const Index from = cut_before ? length - kept : 0;
    const Index to = static_cast<Index>(i) * maxlen + (pad_before ? maxlen - kept : 0);
    std::memcpy(begin + static_cast<std::size_t>(to) * step,
                static_cast<const std::byte*>(sequence.raw()) + static_cast<std::size_t>(from) * step,
                static_cast<std::size_t>(kept) * step);
  }
  return made;
}

Tensor to_categorical(const Tensor& classes, std::optional<Index> num_classes, DType dtype) {
  Tensor indices = cast(classes, int64);
  if (indices.rank() > 1 && indices.shape().back() == 1) indices = squeeze(indices, {-1});
  Index largest = -1;
  for (const std::int64_t one : indices.data<std::int64_t>()) {
    if (one < 0 || (num_classes && one >= *num_classes)) {
      throw ValueError(fmt::format("to_categorical: expected classes from 0 to {}, got {}",
                                   num_classes ? std::to_string(*num_classes - 1) : "num_classes - 1", one));
    }
    largest = std::max<Index>(largest, one);
  }
  return one_hot(indices, num_classes.value_or(largest + 1), dtype);
}

}  // namespace unspool
