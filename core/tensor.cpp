#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <limits>
#include <utility>

#include <unspool/core/error.h>
#include <unspool/core/internal/shape_inference.h>
#include <unspool/core/memory.h>
#include <unspool/core/tensor.h>

namespace unspool {
namespace internal {
namespace {

/// Up to this many bytes of elements are inside of the block of their head, and live as long as the head: a
/// tape that keeps only the head holds at most twice the memory. None under the address sanitizer, which
/// could not detect overruns there.
constexpr std::size_t few_bytes = pools_memory ? 128 : 0;

static_assert(alignof(Storage) <= 8 && alignof(TensorHead) <= 8);
// A scalar takes two cache lines, and everything except the sizes of its shape is in the first.
static_assert(sizeof(Storage) + 8 + offsetof(TensorHead, shape) < 64);
static_assert(sizeof(Storage) + 8 + sizeof(TensorHead) <= 128);

/// A new identity. Threads take identities in blocks, so that a new tensor writes no shared memory. Each
/// block begins at a multiple of its size.
std::uint64_t new_id() {
  constexpr std::uint64_t block = 1U << 16U;
  static std::atomic<std::uint64_t> next_block{block};
  thread_local std::uint64_t next = 0;
  if (next % block == 0) [[unlikely]]
    next = next_block.fetch_add(block, std::memory_order_relaxed);
  return next++;
}

[[noreturn, gnu::cold, gnu::noinline]] void fail_bytes(const Shape& shape) {
  throw ValueError("expected a tensor that fits in memory, got the shape " + to_string(shape));
}

Storage* new_storage(std::size_t bytes) {
  const std::size_t offset = Storage::offset(bytes);
  auto* block = static_cast<std::byte*>(allocate(offset + sizeof(Storage)));
  return new (block + offset) Storage{1, false, false, bytes};
}

/// A head with room for `bytes` of elements. Inlined, since every operation makes one.
[[gnu::always_inline]] inline TensorHead* new_head(const Shape& shape, DType dtype, std::size_t bytes = 0) {
  const std::size_t offset = Storage::offset(bytes);
  auto* block = static_cast<std::byte*>(allocate(offset + sizeof(Storage) + sizeof(TensorHead)));
  auto* storage = new (block + offset) Storage{0, true, false, bytes};
  return new (storage + 1) TensorHead(dtype, new_id(), shape);
}

TensorHead* head_around(Storage* storage) { return reinterpret_cast<TensorHead*>(storage + 1); }

}  // namespace

struct Attachments {
  std::shared_ptr<OperationRecorder> recorder;
  std::shared_ptr<const Tensor> mask;
  const char* name = nullptr;
};

void share_elements(Storage* storage) noexcept {
  count_up(storage->inside ? head_around(storage)->references : storage->references);
}

[[gnu::noinline, gnu::cold]] void unmap_elements(Storage* storage) noexcept {
  detail::unmap_zeros(storage->data(), Storage::offset(storage->bytes) + sizeof(Storage));
}

void release_elements(Storage* storage) noexcept {
  if (storage->inside) {
    TensorHead* const head = head_around(storage);
    if (count_down(head->references)) free_head(head);
  } else if (count_down(storage->references)) {
    if (storage->mapped) [[unlikely]]
      return unmap_elements(storage);
    deallocate(storage->data(), Storage::offset(storage->bytes) + sizeof(Storage));
  }
}

[[gnu::noinline, gnu::cold]] void free_attachments(TensorHead* head) noexcept { delete head->attachments; }

void free_head(TensorHead* head) noexcept {
  if (head->attachments != nullptr) [[unlikely]]
    free_attachments(head);
  Storage* const own = head->own();
  // Tells the compiler that this is a small block.
  if (own->bytes > few_bytes) __builtin_unreachable();
  deallocate(own->data(), Storage::offset(own->bytes) + sizeof(Storage) + sizeof(TensorHead));
}

void fail_ragged(const Shape& first, const Shape& other) {
  throw ValueError("Tensor::of: expected entries of equal shapes, got " + to_string(first) + " and " +
                   to_string(other));
}

[[gnu::noinline]] Tensor TensorAccess::allocate_apart(const Shape& shape, DType dtype, std::size_t bytes) {
  if (bytes > static_cast<std::size_t>(PTRDIFF_MAX) - 2 * sizeof(Storage)) fail_bytes(shape);
  Handle made(new_head(shape, dtype), nullptr);
  return Tensor(std::move(made).with_elements(new_storage(bytes)));
}

Tensor TensorAccess::allocate(const Shape& shape, DType dtype, Index count) {
  std::size_t bytes = 0;
  if (__builtin_mul_overflow(static_cast<std::size_t>(count), size_of(dtype), &bytes)) fail_bytes(shape);
  if (bytes > few_bytes) return allocate_apart(shape, dtype, bytes);
  TensorHead* const head = new_head(shape, dtype, bytes);
  return Tensor(Handle(head, head->own()));
}

Tensor TensorAccess::placeholder(const Shape& shape, DType dtype) {
  const auto count = static_cast<std::size_t>(shape.elements());
  std::size_t bytes = 0;
  if (!__builtin_mul_overflow(count, size_of(dtype), &bytes) && bytes > detail::max_small_block &&
      bytes <= static_cast<std::size_t>(PTRDIFF_MAX) - 2 * sizeof(Storage)) {
    const std::size_t offset = Storage::offset(bytes);
    if (auto* block = static_cast<std::byte*>(detail::map_zeros(offset + sizeof(Storage)))) {
      Handle made(new_head(shape, dtype), nullptr);
      return Tensor(std::move(made).with_elements(new (block + offset) Storage{1, false, true, bytes}));
    }
  }
  return Tensor::zeros(shape, dtype);
}

Tensor TensorAccess::abstract(const Shape& shape, DType dtype, std::shared_ptr<OperationRecorder> recorder) {
  Tensor made(Handle(new_head(shape, dtype), nullptr));
  if (recorder != nullptr)
    newborn(made)->attachments = new Attachments{std::move(recorder), nullptr, nullptr};
  return made;
}

Tensor TensorAccess::alias(const Tensor& tensor, const Shape& shape) {
  Storage* const elements = tensor.handle_.elements();
  Handle made(new_head(shape, tensor.dtype()), nullptr);
  if (elements == nullptr) return Tensor(std::move(made));
  share_elements(elements);
  return Tensor(std::move(made).with_elements(elements));
}

Tensor TensorAccess::with_own_head(const Tensor& tensor) {
  Tensor made = alias(tensor, tensor.shape());
  const TensorHead& from = tensor.head();
  TensorHead* const head = newborn(made);
  head->id = from.id;
  head->tape = from.tape;
  head->number = from.number;
  if (from.attachments != nullptr) head->attachments = new Attachments(*from.attachments);
  return made;
}

Tensor TensorAccess::with_mask(const Tensor& tensor, std::shared_ptr<const Tensor> mask) {
  Tensor made = with_own_head(tensor);
  TensorHead* const head = newborn(made);
  if (head->attachments != nullptr) {
    head->attachments->mask = std::move(mask);
  } else if (mask != nullptr) {
    head->attachments = new Attachments{nullptr, std::move(mask), nullptr};
  }
  return made;
}

Tensor TensorAccess::with_name(const Tensor& tensor, const char* name) {
  Tensor made = with_own_head(tensor);
  name_newborn(made, name);
  return made;
}

void TensorAccess::name_newborn(const Tensor& tensor, const char* name) {
  TensorHead* const head = newborn(tensor);
  if (head->attachments == nullptr) head->attachments = new Attachments{};
  head->attachments->name = name;
}

const char* TensorAccess::name(const Tensor& tensor) {
  const TensorHead* const head = tensor.handle_.head();
  return head == nullptr || head->attachments == nullptr ? nullptr : head->attachments->name;
}

const Tensor* TensorAccess::mask(const Tensor& tensor) {
  const TensorHead* const head = tensor.handle_.head();
  return head == nullptr || head->attachments == nullptr ? nullptr : head->attachments->mask.get();
}

}  // namespace internal

using internal::TensorAccess;

namespace {

/// Whether `value`, truncated, is a T. False for NaN.
template <class T>
bool fits(double value) {
  // Both bounds are powers of two, so exact.
  const double limit = std::ldexp(1.0, std::numeric_limits<T>::digits);
  const double whole = std::trunc(value);
  return whole >= -limit && whole < limit;
}

/// The number as an element. Throws ValueError if T is a type of integers that does not hold it.
template <class T>
T element_of(Scalar value) {
  if constexpr (std::is_same_v<T, std::int32_t> || std::is_same_v<T, std::int64_t>) {
    const bool holds = value.kind() == Scalar::Kind::floating ? fits<T>(value.as<double>())
                                                              : std::in_range<T>(value.as<std::int64_t>());
    if (!holds) {
      throw ValueError("expected a number that fits " + std::string(name_of(dtype_for<T>())) + ", got " +
                       (value.kind() == Scalar::Kind::floating ? std::to_string(value.as<double>())
                                                               : std::to_string(value.as<std::int64_t>())));
    }
  }
  return value.as<T>();
}

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
  if (const auto& inferred = internal::ShapeInference::recorder_for(shape)) {
    return TensorAccess::abstract(shape, dtype, inferred);
  }
  Tensor made = TensorAccess::allocate(shape, dtype);
  std::memset(TensorAccess::data(made), 0, made.bytes());
  return made;
}

Tensor Tensor::ones(const Shape& shape, DType dtype) { return full(shape, 1, dtype); }

Tensor Tensor::full(const Shape& shape, Scalar value, DType dtype) {
  if (const auto& inferred = internal::ShapeInference::recorder_for(shape)) {
    return TensorAccess::abstract(shape, dtype, inferred);
  }
  return build(shape, dtype,
               [&]<class T>(std::span<T> out) { std::fill(out.begin(), out.end(), element_of<T>(value)); });
}

Tensor Tensor::eye(Index rows, Index columns, DType dtype) {
  if (const auto& inferred = internal::ShapeInference::recorder_for({rows, columns})) {
    return TensorAccess::abstract({rows, columns}, dtype, inferred);
  }
  return build({rows, columns}, dtype, [&]<class T>(std::span<T> out) {
    std::fill(out.begin(), out.end(), T{});
    for (Index i = 0; i < std::min(rows, columns); ++i) out[static_cast<std::size_t>(i * columns + i)] = T{1};
  });
}

Tensor Tensor::arange(double start, double stop, double step, DType dtype) {
  if (step == 0 || !std::isfinite(start) || !std::isfinite(stop) || !std::isfinite(step)) {
    throw ValueError("arange: expected finite bounds and a step other than 0, got " + std::to_string(start) +
                     ", " + std::to_string(stop) + ", " + std::to_string(step));
  }
  // `stop` may be a size that is not known.
  if (start >= 0 && step > 0 && stop == unknown) {
    if (const auto& inferred = internal::ShapeInference::recorder_for({unknown})) {
      return TensorAccess::abstract({unknown}, dtype, inferred);
    }
  }
  const double count = std::max(0.0, std::ceil((stop - start) / step));
  if (count > 1e18) throw ValueError("arange: expected at most 1e18 elements, got more");
  return build({static_cast<Index>(count)}, dtype, [&]<class T>(std::span<T> out) {
    if (!out.empty()) {
      static_cast<void>(element_of<T>(start));
      static_cast<void>(element_of<T>(start + (count - 1) * step));
    }
    for (std::size_t i = 0; i < out.size(); ++i)
      out[i] = static_cast<T>(start + static_cast<double>(i) * step);
  });
}

Tensor Tensor::scalar(Scalar value, DType dtype) {
  Tensor made = TensorAccess::allocate({}, dtype);
  visit_dtype(dtype, [&]<class T>(T) { *static_cast<T*>(TensorAccess::data(made)) = element_of<T>(value); });
  return made;
}

Tensor Tensor::from_bytes(const void* data, std::size_t count, const Shape& shape, DType dtype) {
  if (shape.elements() != static_cast<Index>(count)) {
    throw ValueError("expected " + std::to_string(shape.elements()) + " elements for the shape " +
                     to_string(shape) + ", got " + std::to_string(count));
  }
  Tensor made = TensorAccess::allocate(shape, dtype);
  if (count != 0) std::memcpy(TensorAccess::data(made), data, made.bytes());
  return made;
}

void Tensor::check_single() const {
  if (size() == 1) return;
  throw ValueError("item: expected a tensor of one element, got " + describe() +
                   ": give a position, as in item<float>({0, 1})");
}

double Tensor::item_as_double() const {
  check_single();
  return dtype() == float32 ? static_cast<double>(data<float>()[0]) : data<double>()[0];
}

std::int64_t Tensor::item_as_integer() const {
  check_single();
  if (dtype() == int32) return data<std::int32_t>()[0];
  return dtype() == int64 ? data<std::int64_t>()[0] : static_cast<std::int64_t>(data<bool>()[0]);
}

const std::shared_ptr<OperationRecorder>& Tensor::recorder() const& {
  static const std::shared_ptr<OperationRecorder> none;
  const internal::Attachments* const attachments = head().attachments;
  return attachments == nullptr ? none : attachments->recorder;
}

Index Tensor::offset_of(std::span<const Index> position) const {
  if (static_cast<int>(position.size()) != rank()) {
    throw IndexError("item: expected " + std::to_string(rank()) + " indices for " + describe() + ", got " +
                     std::to_string(position.size()));
  }
  Index offset = 0;
  for (int axis = 0; axis < rank(); ++axis) {
    const Index size = shape()[axis];
    const Index given = position[static_cast<std::size_t>(axis)];
    const Index index = given < 0 ? given + size : given;
    if (index < 0 || index >= size) {
      throw IndexError("item: index " + std::to_string(given) + " is out of range for axis " +
                       std::to_string(axis) + " of " + describe());
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
  throw ValueError(
      "expected a tensor with a value, got an empty one: it was default-constructed, is the gradient of a "
      "source that the target does not depend on, or stands for the several outputs of a call, which are "
      "indexed by output: outputs[1]");
}

void Tensor::fail_abstract() const {
  if (recorder() == nullptr) {
    throw RuntimeError("expected a tensor with a value, got " + describe() +
                       " of which only shape and dtype are known here");
  }
  throw RuntimeError("expected a tensor with a value, got " + describe() +
                     ", which is being traced and has no value yet: select with where(), keep it as a state, "
                     "or run the layer with "
                     "unroll = true");
}

void Tensor::fail_type(DType wanted) const {
  throw TypeError("data: expected a tensor of " + std::string(name_of(wanted)) + ", got " + describe() +
                  ": cast() it first");
}

std::string describe(const Tensor& tensor) {
  if (!tensor) return "an empty tensor";
  return std::string(name_of(tensor.dtype())) + to_string(tensor.shape());
}

std::string Tensor::describe() const { return unspool::describe(*this); }

}  // namespace unspool
