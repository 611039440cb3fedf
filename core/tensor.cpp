#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>

#include <unspool/core/error.h>
#include <unspool/core/memory.h>
#include <unspool/core/tensor.h>

namespace unspool {
namespace internal {
namespace {

static_assert(alignof(Storage) <= 16);

/// Identities are handed to threads in blocks, so that a birth touches no shared memory.
std::uint64_t new_id() {
  constexpr std::uint64_t block = 1U << 16U;
  static std::atomic<std::uint64_t> next_block{1};
  thread_local std::uint64_t next = 0;
  thread_local std::uint64_t end = 0;
  if (next == end) {
    next = next_block.fetch_add(block, std::memory_order_relaxed);
    end = next + block;
  }
  return next++;
}

// Of a block that holds few elements and the head of their tensor: where the head begins, and its end.
constexpr std::size_t head_offset = 64;
constexpr std::size_t joint_bytes = head_offset + sizeof(TensorHead);
constexpr std::size_t few_bytes = pools_memory ? head_offset - sizeof(Storage) : 0;

// Every operation makes one: worth a copy in place.
[[gnu::always_inline]] inline TensorHead* new_head(const Shape& shape, DType dtype) {
  void* block = allocate(sizeof(TensorHead));
  return new (block) TensorHead(dtype, new_id(), shape);
}

[[gnu::cold, gnu::noinline]] void fail_bytes(const Shape& shape) {
  throw ValueError("a tensor of shape " + to_string(shape) + " is larger than any memory");
}

}  // namespace

void free_storage(Storage* storage) noexcept {
  if (storage->with_head) {
    deallocate(storage->data(), joint_bytes);
  } else {
    deallocate(storage->data(), Storage::offset(storage->bytes) + sizeof(Storage));
  }
}

void free_head(TensorHead* head) noexcept {
  const std::size_t behind = head->behind_elements;
  std::destroy_at(head);
  if (behind != 0) {
    // Gives up its share, and with the last one the block of both.
    auto* const storage = reinterpret_cast<std::byte*>(head) - behind;
    const Counted<Storage, free_storage> share(reinterpret_cast<Storage*>(storage));
  } else {
    deallocate(head, sizeof(TensorHead));
  }
}

void fail_ragged(const Shape& first, const Shape& other) {
  throw ValueError("nested lists must be of one length along each axis: an entry of shape " +
                   to_string(other) + " stands beside one of shape " + to_string(first));
}

Tensor TensorAccess::allocate(const Shape& shape, DType dtype, Index count) {
  std::size_t bytes = 0;
  if (__builtin_mul_overflow(static_cast<std::size_t>(count), size_of(dtype), &bytes) ||
      bytes > static_cast<std::size_t>(PTRDIFF_MAX) - 2 * sizeof(Storage)) {
    fail_bytes(shape);
  }
  const std::size_t offset = Storage::offset(bytes);
  if (bytes <= few_bytes) {
    auto* block = static_cast<std::byte*>(unspool::allocate(joint_bytes));
    auto* head = new (block + head_offset) TensorHead(dtype, new_id(), shape);
    head->behind_elements = static_cast<std::uint8_t>(head_offset - offset);
    return {Tensor::Head(head), Tensor::Elements(new (block + offset) Storage{2, true, bytes})};
  }
  auto* block = static_cast<std::byte*>(unspool::allocate(offset + sizeof(Storage)));
  Tensor::Elements storage(new (block + offset) Storage{1, false, bytes});
  return {Tensor::Head(new_head(shape, dtype)), std::move(storage)};
}

Tensor TensorAccess::abstract(const Shape& shape, DType dtype, std::shared_ptr<Recorder> recorder) {
  Tensor::Head head(new_head(shape, dtype));
  head->recorder = std::move(recorder);
  return {std::move(head), {}};
}

Tensor TensorAccess::alias(const Tensor& tensor, const Shape& shape) {
  return {Tensor::Head(new_head(shape, tensor.dtype())), tensor.storage_};
}

Tensor TensorAccess::with_mask(const Tensor& tensor, std::shared_ptr<const Tensor> mask) {
  Tensor::Head head(new_head(tensor.shape(), tensor.dtype()));
  head->id = tensor.id();
  head->recorder = tensor.recorder();
  head->mask = std::move(mask);
  head->tape = tensor.head_->tape;
  head->number = tensor.head_->number;
  return {std::move(head), tensor.storage_};
}

}  // namespace internal

using internal::TensorAccess;

namespace {

template <class F>
Tensor build(const Shape& shape, DType dtype, F&& fill) {
  Tensor made = TensorAccess::allocate(shape, dtype);
  visit_dtype(dtype, [&](auto zero) {
    using T = decltype(zero);
    fill(std::span<T>(static_cast<T*>(TensorAccess::data(made)), static_cast<std::size_t>(made.size())));
  });
  return made;
}

}  // namespace

Tensor Tensor::zeros(const Shape& shape, DType dtype) {
  Tensor made = TensorAccess::allocate(shape, dtype);
  std::memset(TensorAccess::data(made), 0, made.bytes());
  return made;
}

Tensor Tensor::ones(const Shape& shape, DType dtype) { return full(shape, 1, dtype); }

Tensor Tensor::full(const Shape& shape, Scalar value, DType dtype) {
  return build(shape, dtype,
               [&]<class T>(std::span<T> out) { std::fill(out.begin(), out.end(), value.as<T>()); });
}

Tensor Tensor::eye(Index rows, Index columns, DType dtype) {
  return build({rows, columns}, dtype, [&]<class T>(std::span<T> out) {
    std::fill(out.begin(), out.end(), T{});
    for (Index i = 0; i < std::min(rows, columns); ++i) out[static_cast<std::size_t>(i * columns + i)] = T{1};
  });
}

Tensor Tensor::arange(double start, double stop, double step, DType dtype) {
  if (step == 0 || !std::isfinite(start) || !std::isfinite(stop) || !std::isfinite(step)) {
    throw ValueError("arange: expected finite bounds and a step other than 0, came " + std::to_string(start) +
                     ", " + std::to_string(stop) + ", " + std::to_string(step));
  }
  const double count = std::max(0.0, std::ceil((stop - start) / step));
  if (count > 1e18) throw ValueError("arange: too many elements");
  return build({static_cast<Index>(count)}, dtype, [&]<class T>(std::span<T> out) {
    for (std::size_t i = 0; i < out.size(); ++i)
      out[i] = static_cast<T>(start + static_cast<double>(i) * step);
  });
}

Tensor Tensor::scalar(Scalar value, DType dtype) {
  Tensor made = TensorAccess::allocate({}, dtype);
  visit_dtype(dtype, [&]<class T>(T) { *static_cast<T*>(TensorAccess::data(made)) = value.as<T>(); });
  return made;
}

Tensor Tensor::from_bytes(const void* data, std::size_t count, const Shape& shape, DType dtype) {
  if (shape.elements() != static_cast<Index>(count)) {
    throw ValueError("a tensor of shape " + to_string(shape) + " has " + std::to_string(shape.elements()) +
                     " elements, came " + std::to_string(count));
  }
  Tensor made = TensorAccess::allocate(shape, dtype);
  if (count != 0) std::memcpy(TensorAccess::data(made), data, made.bytes());
  return made;
}

double Tensor::item_as_double() const {
  if (size() != 1) {
    throw ValueError("item() takes a tensor of one element, came " + describe(*this) +
                     ": say which, as in item<float>({0, 1})");
  }
  return dtype() == float32 ? static_cast<double>(data<float>()[0]) : data<double>()[0];
}

std::int64_t Tensor::item_as_integer() const {
  if (size() != 1) {
    throw ValueError("item() takes a tensor of one element, came " + describe(*this) +
                     ": say which, as in item<float>({0, 1})");
  }
  if (dtype() == int32) return data<std::int32_t>()[0];
  return dtype() == int64 ? data<std::int64_t>()[0] : static_cast<std::int64_t>(data<bool>()[0]);
}

Index Tensor::offset_of(std::span<const Index> position) const {
  if (static_cast<int>(position.size()) != rank()) {
    throw IndexError("an element of " + describe(*this) + " is named by " + std::to_string(rank()) +
                     " indices, came " + std::to_string(position.size()));
  }
  Index offset = 0;
  for (int axis = 0; axis < rank(); ++axis) {
    const Index size = shape()[axis];
    const Index given = position[static_cast<std::size_t>(axis)];
    const Index index = given < 0 ? given + size : given;
    if (index < 0 || index >= size) {
      throw IndexError("index " + std::to_string(given) + " is out of range for axis " +
                       std::to_string(axis) + " of " + describe(*this));
    }
    offset = offset * size + index;
  }
  return offset;
}

Tensor Tensor::element(Index offset) const {
  const auto* source =
      static_cast<const std::byte*>(raw()) + static_cast<std::size_t>(offset) * size_of(dtype());
  return from_bytes(source, 1, {}, dtype());
}

void Tensor::fail_empty() {
  throw ValueError("this Tensor is empty: it was made without a value, or is a gradient that does not exist");
}

void Tensor::fail_abstract() const {
  if (recorder() == nullptr) {
    throw RuntimeError("the value of " + describe(*this) +
                       " was not kept: only its shape and dtype are known here");
  }
  throw RuntimeError(
      "the value of " + describe(*this) +
      " is not known while it is being traced: choose with where(), carry it as a state, or run the "
      "layer with unroll = true");
}

void Tensor::fail_type(DType wanted) const {
  throw TypeError("expected elements of " + std::string(name_of(wanted)) + ", came " + describe(*this) +
                  ": cast() it first");
}

std::string describe(const Tensor& tensor) {
  if (!tensor) return "an empty tensor";
  return std::string(name_of(tensor.dtype())) + to_string(tensor.shape());
}

}  // namespace unspool
