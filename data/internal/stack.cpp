#include <algorithm>
#include <cstring>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <unspool/core/callable.h>
#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/data/internal/stack.h>

namespace unspool::internal {

namespace {

std::byte* data_of(Tensor& tensor) { return static_cast<std::byte*>(TensorAccess::data(tensor)); }

void check_full(const Tensor& tensor, std::string_view what, std::size_t sample) {
  if (!tensor || tensor.is_abstract()) {
    throw ValueError(fmt::format("{}: expected a tensor with elements in sample {} of the batch, got {}",
                                 what, sample, describe(tensor)));
  }
}

[[noreturn]] void fail_unlike(std::string_view what, std::size_t sample, const Tensor& first,
                              const Tensor& other, std::string_view advice) {
  throw ValueError(
      fmt::format("{}: expected samples of one dtype and shape in a batch, got {} and, in sample {}, {}{}",
                  what, describe(first), sample, describe(other), advice));
}

using Samples = std::vector<const Tensor*>;

Tensor stacked(const Samples& samples, const std::string& what) {
  const Tensor& first = *samples.front();
  Tensor made =
      TensorAccess::allocate(Shape{static_cast<Index>(samples.size())} + first.shape(), first.dtype());
  std::byte* to = data_of(made);
  for (std::size_t i = 0; i < samples.size(); ++i) {
    const Tensor& sample = *samples[i];
    if (sample.dtype() != first.dtype() || !(sample.shape() == first.shape())) {
      fail_unlike(what, i, first, sample,
                  sample.rank() > 0 ? ": use padded_batch() for lengths that differ" : "");
    }
    if (sample.bytes() > 0) std::memcpy(to, sample.raw(), sample.bytes());
    to += sample.bytes();
  }
  return made;
}

void fill(Tensor& tensor, double value) {
  visit_dtype(tensor.dtype(), [&](auto zero) {
    using T = decltype(zero);
    std::fill_n(static_cast<T*>(TensorAccess::data(tensor)), tensor.size(), static_cast<T>(value));
  });
}

/// The size of the first axis of all samples after padding.
Index padded_length(const Samples& samples, const Padding& padding, const std::string& what) {
  Index longest = 0;
  for (const Tensor* sample : samples) longest = std::max(longest, sample->shape().front());
  if (!padding.length) return longest;
  if (longest > *padding.length) {
    throw ValueError(
        fmt::format("{}: expected samples of at most {} time steps, got one of {}: shorten it, or pad to a "
                    "larger length",
                    what, *padding.length, longest));
  }
  return *padding.length;
}

Tensor padded(const Samples& samples, const Padding& padding, const std::string& what) {
  const Tensor& first = *samples.front();
  if (first.rank() == 0) return stacked(samples, what);
  const Shape rest = first.shape().sub(1, first.rank());
  for (std::size_t i = 0; i < samples.size(); ++i) {
    const Tensor& sample = *samples[i];
    if (sample.dtype() != first.dtype() || sample.rank() == 0 ||
        !(sample.shape().sub(1, sample.rank()) == rest))
      fail_unlike(what, i, first, sample, ": only the first axis may differ");
  }
  const Index length = padded_length(samples, padding, what);
  Tensor made =
      TensorAccess::allocate(Shape{static_cast<Index>(samples.size()), length} + rest, first.dtype());
  fill(made, padding.value);
  std::byte* to = data_of(made);
  const std::size_t width = made.bytes() / samples.size();
  for (const Tensor* sample : samples) {
    if (sample->bytes() > 0) std::memcpy(to, sample->raw(), sample->bytes());
    to += width;
  }
  return made;
}

/// Of shape (batch, time): `real` where a sample has a time step, 0 for padding.
template <class T>
Tensor steps_of(const Samples& samples, Index length) {
  return Tensor::generate<T>({static_cast<Index>(samples.size()), length}, [&](std::span<T> out) {
    auto row = out.begin();
    for (const Tensor* sample : samples) {
      std::fill_n(row, sample->shape().front(), T{1});
      row += length;
    }
  });
}

using Combine = Callable<Tensor(const Samples&, const std::string& what)>;

NamedList<Tensor> combined(std::span<const Batch> samples, NamedList<Tensor> Batch::*member,
                           std::string_view what, const Combine& combine) {
  const NamedList<Tensor>& first = samples.front().*member;
  Samples tensors(samples.size());
  std::vector<NamedList<Tensor>::Entry> entries;
  for (std::size_t k = 0; k < first.size(); ++k) {
    const std::string& name = first.entries()[k].name;
    std::string place(what);
    if (!first.alone()) place += name.empty() ? fmt::format("[{}]", k) : fmt::format("[\"{}\"]", name);
    for (std::size_t i = 0; i < samples.size(); ++i) {
      const NamedList<Tensor>& list = samples[i].*member;
      if (list.size() != first.size() || list.entries()[k].name != name) {
        throw ValueError(fmt::format(
            "{}: expected the same tensors in all samples of a batch, got {} and, in sample {}, {}, "
            "or other names",
            what, first.size(), i, list.size()));
      }
      tensors[i] = &list[k];
      check_full(*tensors[i], place, i);
    }
    entries.push_back({name, combine(tensors, place)});
  }
  for (std::size_t i = 0; first.empty() && i < samples.size(); ++i) {
    if (!(samples[i].*member).empty())
      throw ValueError(fmt::format(
          "{}: expected it in all samples of a batch or in none, got it in sample {} only", what, i));
  }
  if (first.alone()) return std::move(entries.front().value);
  return entries;
}

}  // namespace

Batch first_of(const Batch& batch) {
  return transformed(batch, [](const Tensor& tensor) {
    return TensorAccess::alias(tensor, tensor.shape().sub(1, tensor.rank()));
  });
}

Batch stack(std::span<const Batch> samples) {
  return {combined(samples, &Batch::x, "x", stacked), combined(samples, &Batch::y, "y", stacked),
          combined(samples, &Batch::sample_weight, "sample_weight", stacked)};
}

Batch stack_padded(std::span<const Batch> samples, const Padding& padding) {
  const Combine plain = [&](const Samples& tensors, const std::string& what) {
    return padded(tensors, padding, what);
  };
  const Combine masked = [&](const Samples& tensors, const std::string& what) {
    Tensor made = padded(tensors, padding, what);
    if (tensors.front()->rank() == 0) return made;
    return TensorAccess::with_mask(made,
                                   std::make_shared<const Tensor>(steps_of<bool>(tensors, made.shape()[1])));
  };
  Padding zero = padding;
  zero.value = 0;
  const Combine weights = [&](const Samples& tensors, const std::string& what) {
    return padded(tensors, zero, what);
  };
  Batch batch{combined(samples, &Batch::x, "x", padding.mask ? masked : plain),
              combined(samples, &Batch::y, "y", plain),
              combined(samples, &Batch::sample_weight, "sample_weight", weights)};
  if (padding.weights && batch.sample_weight.empty()) {
    batch.sample_weight =
        combined(samples, &Batch::y, "y", [&](const Samples& tensors, const std::string& what) {
          if (tensors.front()->rank() == 0) {
            throw ValueError(what +
                             ": expected labels with a time axis for weights of time steps, got scalars");
          }
          return steps_of<float>(tensors, padded_length(tensors, padding, what));
        });
  }
  return batch;
}

}  // namespace unspool::internal
