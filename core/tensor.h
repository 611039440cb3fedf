#pragma once

#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <memory>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#if __has_include(<sys/single_threaded.h>)
#include <sys/single_threaded.h>
#endif

#include <unspool/core/dtype.h>
#include <unspool/core/scalar.h>
#include <unspool/core/shape.h>

namespace unspool {

class Recorder;
class Tensor;

namespace internal {

/// Elements in memory, 64-byte aligned, shared by every tensor that shows them. This header comes after them
/// in one block of pooled memory: a scalar's lie in one line of the cache.
struct Storage {
  /// Of elements in a block of their own.
  std::uint32_t references;
  /// In the block of a head, which counts those who share them.
  bool inside;
  std::size_t bytes;
  /// From the block's start to the header.
  static std::size_t offset(std::size_t bytes) { return (bytes + 7) / 8 * 8; }
  void* data() { return reinterpret_cast<std::byte*>(this) - offset(bytes); }
};

/// What few values have: who records what is done with an abstract one, and a mask.
struct Attachments;

/// What is known of a value without its elements, and its identity. Before it in its block there is always a
/// Storage of its own: few elements lie there, so that most values of a small net are one block of two lines.
struct TensorHead {
  TensorHead(DType type, std::uint64_t identity, const Shape& size)
      : dtype(type), id(identity), shape(size) {}
  Storage* own() { return reinterpret_cast<Storage*>(this) - 1; }

  std::uint32_t references = 1;
  DType dtype;
  std::uint64_t id;
  /// The tape whose recording made this value (0: none), and its number there. Written once, at birth, so
  /// that values may be shared between threads.
  std::uint32_t tape = 0;
  std::int32_t number = 0;
  /// Owned; null for most.
  Attachments* attachments = nullptr;
  /// Last, since a scalar's has no sizes to read.
  Shape shape;
};

/// Of elements that are not in the block of the head at hand.
void share_elements(Storage* storage) noexcept;
void release_elements(Storage* storage) noexcept;
void free_head(TensorHead* head) noexcept;

/// Whether this process has one thread, so that counts need no atomic writes (as std::shared_ptr does it).
inline bool single_threaded() {
#if __has_include(<sys/single_threaded.h>) && !defined(__SANITIZE_THREAD__)
  return __libc_single_threaded != 0;
#else
  return false;
#endif
}

// Counts are written by the compiler's built-in functions, since <atomic> would cost everyone who includes
// this.
inline void count_up(std::uint32_t& references) {
  if (single_threaded()) {
    ++references;
  } else {
    __atomic_fetch_add(&references, 1, __ATOMIC_RELAXED);
  }
}
/// Whether that was the last. A lone holder gives up its count without an atomic write.
inline bool count_down(std::uint32_t& references) {
  const std::uint32_t count = __atomic_load_n(&references, __ATOMIC_ACQUIRE);
  if (count == 1) return true;
  if (single_threaded()) {
    references = count - 1;
    return false;
  }
  return __atomic_fetch_sub(&references, 1, __ATOMIC_ACQ_REL) == 1;
}

/// A counted reference to a head, and to elements. Those in the block of the head need no count of their own.
class Handle {
 public:
  Handle() = default;
  /// Adopts a count of each, or of the head alone if the elements are in its block.
  Handle(TensorHead* head, Storage* elements) : head_(head), elements_(elements) {}
  Handle(const Handle& other) : head_(other.head_), elements_(other.elements_) {
    if (head_ == nullptr) return;
    count_up(head_->references);
    if (is_apart()) share_elements(elements_);
  }
  Handle(Handle&& other) noexcept
      : head_(std::exchange(other.head_, nullptr)), elements_(std::exchange(other.elements_, nullptr)) {}
  Handle& operator=(const Handle& other) noexcept { return *this = Handle(other); }
  Handle& operator=(Handle&& other) noexcept {
    Handle old;
    old.head_ = std::exchange(head_, std::exchange(other.head_, nullptr));
    old.elements_ = std::exchange(elements_, std::exchange(other.elements_, nullptr));
    return *this;
  }
  ~Handle() {
    if (head_ == nullptr) return;
    if (is_apart()) release_elements(elements_);
    if (count_down(head_->references)) free_head(head_);
  }

  TensorHead* head() const { return head_; }
  Storage* elements() const { return elements_; }
  /// Adopts a count of elements; this one has none yet.
  Handle with_elements(Storage* elements) && { return {std::exchange(head_, nullptr), elements}; }
  Handle without_elements() const {
    if (head_ != nullptr) count_up(head_->references);
    return {head_, nullptr};
  }

 private:
  bool is_apart() const { return elements_ != nullptr && elements_ != head_->own(); }

  TensorHead* head_ = nullptr;
  Storage* elements_ = nullptr;
};

struct TensorAccess;

/// Nested braces of numbers with the shape that they spell.
template <class T>
struct Nested {
  template <class U>
  requires std::is_arithmetic_v<U> Nested(U value) : values{static_cast<T>(value)} {}
  Nested(std::initializer_list<Nested> rows);
  std::vector<T> values;
  Shape shape;
};

[[noreturn]] void fail_ragged(const Shape& first, const Shape& other);

template <class T>
Nested<T>::Nested(std::initializer_list<Nested> rows) {
  shape.push_back(static_cast<Index>(rows.size()));
  if (rows.size() == 0) return;
  for (const Nested& row : rows) {
    if (!(row.shape == rows.begin()->shape)) fail_ragged(rows.begin()->shape, row.shape);
    values.insert(values.end(), row.values.begin(), row.values.end());
  }
  shape = shape + rows.begin()->shape;
}

}  // namespace internal

/// An immutable array: a handle on shared, row-major, 64-byte aligned elements. Copying a Tensor copies the
/// handle. A default-made Tensor is empty (`!tensor`): no value at all.
///
/// An abstract tensor has shape and dtype but no elements: it stands for a value in a trace or in a graph of
/// layers, and operations on it are recorded there. Asking for its elements is a RuntimeError.
class Tensor {
 public:
  Tensor() = default;

  static Tensor zeros(const Shape& shape, DType dtype = float32);
  static Tensor ones(const Shape& shape, DType dtype = float32);
  static Tensor full(const Shape& shape, Scalar value, DType dtype = float32);
  /// Ones on the diagonal.
  static Tensor eye(Index rows, Index columns, DType dtype = float32);
  /// start, start + step, ... up to but without stop.
  static Tensor arange(double start, double stop, double step = 1, DType dtype = float32);
  /// A tensor of rank 0.
  static Tensor scalar(Scalar value, DType dtype);
  template <class T>
  requires is_element<T>
  static Tensor scalar(T value) { return scalar(value, dtype_for<T>()); }
  /// From nested lists: Tensor::of({{1, 2}, {3, 4}}), Tensor::of<std::int32_t>({1, 2}). ValueError if ragged.
  template <class T = float>
  requires is_element<T>
  static Tensor of(const internal::Nested<T>& values) {
    return generate<T>(values.shape, [&](std::span<T> out) {
      for (std::size_t i = 0; i < out.size(); ++i) out[i] = values.values[i];
    });
  }
  /// A copy of `values`. ValueError if their number does not fit the shape.
  template <class T>
  requires is_element<T>
  static Tensor from(std::span<const T> values, const Shape& shape) {
    return from_bytes(values.data(), values.size(), shape, dtype_for<T>());
  }
  template <class T>
  requires(is_element<T> && !std::is_same_v<T, bool>) static Tensor
      from(const std::vector<T>& values, const Shape& shape) {
    return from(std::span<const T>(values), shape);
  }
  template <class T>
  requires(is_element<T> && !std::is_same_v<T, bool>) static Tensor from(const std::vector<T>& values) {
    return from(std::span<const T>(values), {static_cast<Index>(values.size())});
  }
  /// A new tensor whose elements `fill` writes: it gets a std::span<T> of zeros.
  template <class T, class F>
  requires is_element<T>
  static Tensor generate(const Shape& shape, F&& fill) {
    Tensor made = zeros(shape, dtype_for<T>());
    fill(std::span<T>(static_cast<T*>(made.handle_.elements()->data()),
                      static_cast<std::size_t>(made.size())));
    return made;
  }

  explicit operator bool() const { return handle_.head() != nullptr; }
  const Shape& shape() const { return head().shape; }
  DType dtype() const { return head().dtype; }
  int rank() const { return head().shape.rank(); }
  /// The number of elements. ValueError if a dimension is unknown.
  Index size() const { return head().shape.elements(); }
  /// Identity given at birth: two tensors of equal elements differ in it; copies of a handle do not.
  std::uint64_t id() const { return head().id; }
  /// True if the tensor has no elements to read (see above).
  bool is_abstract() const { return *this && handle_.elements() == nullptr; }
  /// Who records operations on this abstract tensor; null for a concrete one.
  const std::shared_ptr<Recorder>& recorder() const;

  /// The elements in row-major order. TypeError if T is not the dtype's type.
  template <class T>
  requires is_element<T> std::span<const T> data()
  const {
    if (dtype() != dtype_for<T>()) fail_type(dtype_for<T>());
    return {static_cast<const T*>(raw()), static_cast<std::size_t>(size())};
  }
  const void* raw() const {
    if (handle_.elements() == nullptr) fail_abstract();
    return handle_.elements()->data();
  }
  std::size_t bytes() const { return static_cast<std::size_t>(size()) * size_of(dtype()); }

  /// The only element, converted to T. ValueError if there is not exactly one.
  template <class T>
  T item() const {
    return is_floating(dtype()) ? static_cast<T>(item_as_double()) : static_cast<T>(item_as_integer());
  }
  /// The element at `position`, one index per axis, negative ones from the end. IndexError if out of range.
  template <class T>
  T item(std::initializer_list<Index> position) const {
    return element(offset_of(position)).item<T>();
  }
  /// The elements, each converted to T.
  template <class T>
  std::vector<T> to_vector() const {
    std::vector<T> values;
    values.reserve(static_cast<std::size_t>(size()));
    visit_dtype(dtype(), [&](auto zero) {
      for (auto value : data<decltype(zero)>()) values.push_back(static_cast<T>(value));
    });
    return values;
  }

  /// The i-th part along the first axis, without that axis; negative i counts from the end. Recorded like
  /// every operation (defined with them). IndexError if out of range.
  Tensor operator[](Index i) const;

 private:
  friend struct internal::TensorAccess;

  explicit Tensor(internal::Handle handle) : handle_(std::move(handle)) {}

  const internal::TensorHead& head() const {
    if (handle_.head() == nullptr) fail_empty();
    return *handle_.head();
  }
  [[noreturn]] static void fail_empty();
  [[noreturn]] void fail_abstract() const;
  [[noreturn]] void fail_type(DType wanted) const;
  static Tensor from_bytes(const void* data, std::size_t count, const Shape& shape, DType dtype);
  double item_as_double() const;
  std::int64_t item_as_integer() const;
  Index offset_of(std::span<const Index> position) const;
  Tensor element(Index offset) const;

  internal::Handle handle_;
};

/// As NumPy prints an array: nested brackets, columns aligned, the middle of long axes left out.
std::string to_string(const Tensor& tensor);
std::ostream& operator<<(std::ostream& stream, const Tensor& tensor);

/// "float32[2, 3]".
std::string describe(const Tensor& tensor);

namespace internal {

/// What only the library's own machinery may do with a tensor.
struct TensorAccess {
  /// New elements, not initialised.
  static Tensor allocate(const Shape& shape, DType dtype) { return allocate(shape, dtype, shape.elements()); }
  static Tensor allocate(const Shape& shape, DType dtype, Index count);
  /// No elements; `recorder` (null: nobody) records what is done with it.
  static Tensor abstract(const Shape& shape, DType dtype, std::shared_ptr<Recorder> recorder = nullptr);
  /// The same elements under a new identity, and perhaps another shape of equal size.
  static Tensor alias(const Tensor& tensor, const Shape& shape);
  /// The same value and identity, with a mask.
  static Tensor with_mask(const Tensor& tensor, std::shared_ptr<const Tensor> mask);
  /// The same identity without the elements.
  static Tensor without_elements(const Tensor& tensor) { return Tensor(tensor.handle_.without_elements()); }
  static void* data(Tensor& tensor) { return tensor.handle_.elements()->data(); }
  static bool has_elements(const Tensor& tensor) { return tensor.handle_.elements() != nullptr; }
  /// Null if there is none.
  static const Tensor* mask(const Tensor& tensor);
  static const TensorHead* head(const Tensor& tensor) { return tensor.handle_.head(); }
  /// For a value that nobody else has seen yet.
  static TensorHead* newborn(const Tensor& tensor) { return tensor.handle_.head(); }

 private:
  static Tensor allocate_apart(const Shape& shape, DType dtype, std::size_t bytes);
};

}  // namespace internal

}  // namespace unspool
