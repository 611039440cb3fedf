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

/// Elements in memory, 64-byte aligned, shared by every tensor that shows them. They and this header, which
/// comes after them, are one block of pooled memory: a scalar's lie in one line of the cache. Where the
/// elements are few, the head of the tensor that they were made for follows in the same block, and has a
/// share in the elements while it lives.
struct Storage {
  std::uint32_t references;
  /// A head follows, or did.
  bool with_head;
  std::size_t bytes;
  /// From the block's start to the header.
  static std::size_t offset(std::size_t bytes) { return (bytes + 15) / 16 * 16; }
  void* data() { return reinterpret_cast<std::byte*>(this) - offset(bytes); }
};

/// What is known of a value without its elements, and its identity.
struct TensorHead {
  // Without it, what is set here would first be filled with zeros.
  TensorHead(DType type, std::uint64_t identity, const Shape& size)
      : dtype(type), id(identity), shape(size) {}

  std::uint32_t references = 1;
  DType dtype;
  /// Bytes from the header of elements in whose block it lies; 0: it has a block of its own.
  std::uint8_t behind_elements = 0;
  std::uint64_t id;
  Shape shape;
  std::shared_ptr<Recorder> recorder;
  /// Which steps of a sequence count; see layers.
  std::shared_ptr<const Tensor> mask;
  /// The tape whose recording made this value (0: none), and its number there. Written once, at birth, so
  /// that values may be shared between threads.
  std::uint32_t tape = 0;
  std::int32_t number = 0;
};

void free_storage(Storage* storage) noexcept;
void free_head(TensorHead* head) noexcept;

/// Whether this process has one thread, so that counts need no atomic writes (as std::shared_ptr does it).
inline bool single_threaded() {
#if __has_include(<sys/single_threaded.h>) && !defined(__SANITIZE_THREAD__)
  return __libc_single_threaded != 0;
#else
  return false;
#endif
}

/// A counted reference. A lone holder gives up its count without an atomic write. The counts are written by
/// the compiler's built-in functions, since <atomic> would cost everyone who includes this.
template <class T, void (*free)(T*) noexcept>
class Counted {
 public:
  Counted() = default;
  explicit Counted(T* adopted) : object_(adopted) {}
  Counted(const Counted& other) : object_(other.object_) {
    if (object_ == nullptr) return;
    if (single_threaded()) {
      ++object_->references;
    } else {
      __atomic_fetch_add(&object_->references, 1, __ATOMIC_RELAXED);
    }
  }
  Counted(Counted&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  Counted& operator=(const Counted& other) noexcept { return *this = Counted(other); }
  Counted& operator=(Counted&& other) noexcept {
    T* const old = std::exchange(object_, std::exchange(other.object_, nullptr));
    if (old != nullptr) release(old);
    return *this;
  }
  ~Counted() {
    if (object_ != nullptr) release(object_);
  }
  T* operator->() const { return object_; }
  T* get() const { return object_; }
  explicit operator bool() const { return object_ != nullptr; }

 private:
  static void release(T* object) noexcept {
    const std::uint32_t count = __atomic_load_n(&object->references, __ATOMIC_ACQUIRE);
    if (count != 1 && single_threaded()) {
      object->references = count - 1;
    } else if (count == 1 || __atomic_fetch_sub(&object->references, 1, __ATOMIC_ACQ_REL) == 1) {
      free(object);
    }
  }

  T* object_ = nullptr;
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
    fill(std::span<T>(static_cast<T*>(made.storage_->data()), static_cast<std::size_t>(made.size())));
    return made;
  }

  explicit operator bool() const { return static_cast<bool>(head_); }
  const Shape& shape() const { return head().shape; }
  DType dtype() const { return head().dtype; }
  int rank() const { return head().shape.rank(); }
  /// The number of elements. ValueError if a dimension is unknown.
  Index size() const { return head().shape.elements(); }
  /// Identity given at birth: two tensors of equal elements differ in it; copies of a handle do not.
  std::uint64_t id() const { return head().id; }
  /// True if the tensor has no elements to read (see above).
  bool is_abstract() const { return head_ && !storage_; }
  /// Who records operations on this abstract tensor; null for a concrete one.
  const std::shared_ptr<Recorder>& recorder() const { return head().recorder; }

  /// The elements in row-major order. TypeError if T is not the dtype's type.
  template <class T>
  requires is_element<T> std::span<const T> data()
  const {
    if (dtype() != dtype_for<T>()) fail_type(dtype_for<T>());
    return {static_cast<const T*>(raw()), static_cast<std::size_t>(size())};
  }
  const void* raw() const {
    if (!storage_) fail_abstract();
    return storage_->data();
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
  using Head = internal::Counted<internal::TensorHead, internal::free_head>;
  using Elements = internal::Counted<internal::Storage, internal::free_storage>;

  Tensor(Head head, Elements storage) : head_(std::move(head)), storage_(std::move(storage)) {}

  const internal::TensorHead& head() const {
    if (!head_) fail_empty();
    return *head_.get();
  }
  [[noreturn]] static void fail_empty();
  [[noreturn]] void fail_abstract() const;
  [[noreturn]] void fail_type(DType wanted) const;
  static Tensor from_bytes(const void* data, std::size_t count, const Shape& shape, DType dtype);
  double item_as_double() const;
  std::int64_t item_as_integer() const;
  Index offset_of(std::span<const Index> position) const;
  Tensor element(Index offset) const;

  Head head_;
  Elements storage_;
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
  static Tensor without_elements(const Tensor& tensor) { return Tensor(tensor.head_, {}); }
  /// A copy in raw memory, with the elements or without.
  static void copy_to(Tensor* memory, const Tensor& tensor, bool with_elements) {
    new (memory) Tensor(tensor.head_, with_elements ? tensor.storage_ : Tensor::Elements());
  }
  static void* data(Tensor& tensor) { return tensor.storage_->data(); }
  static bool same_elements(const Tensor& a, const Tensor& b) { return a.storage_.get() == b.storage_.get(); }
  static bool has_elements(const Tensor& tensor) { return static_cast<bool>(tensor.storage_); }
  static const TensorHead* head(const Tensor& tensor) { return tensor.head_.get(); }
  /// For a value that nobody else has seen yet.
  static TensorHead* newborn(const Tensor& tensor) { return tensor.head_.get(); }
};

}  // namespace internal

}  // namespace unspool
