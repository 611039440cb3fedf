#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <iosfwd>
#include <iterator>
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
#include <unspool/core/mistake.h>
#include <unspool/core/scalar.h>
#include <unspool/core/shape.h>

namespace unspool {

class OperationRecorder;
class Tensor;
template <class T>
class HeldElements;

namespace internal {

/// The header of a block of elements, which are 64-byte aligned and shared by all tensors that view them. The
/// header follows the elements in one block of pooled memory, so that a scalar and its header share a cache
/// line.
struct Storage {
  /// The number of tensors that share the elements. Unused if they are inside of a head's block.
  std::uint32_t references;
  /// Whether the elements are inside of a head's block. The head then counts the references.
  bool inside;
  /// Whether the block is from detail::map_zeros(), not from allocate().
  bool mapped;
  std::size_t bytes;
  /// Bytes from the start of the block to the header.
  static std::size_t offset(std::size_t bytes) { return (bytes + 7) / 8 * 8; }
  void* data() { return reinterpret_cast<std::byte*>(this) - offset(bytes); }
};

/// What few tensors have: the recorder of an abstract tensor, a mask, and a name.
struct Attachments;

/// Shape, dtype and identity of a tensor. A Storage always precedes it in its block, and holds the elements
/// if they are few: most tensors of a small network take one block of two cache lines.
struct TensorHead {
  TensorHead(DType type, std::uint64_t identity, const Shape& size)
      : dtype(type), id(identity), shape(size) {}
  Storage* own() { return reinterpret_cast<Storage*>(this) - 1; }

  std::uint32_t references = 1;
  DType dtype;
  /// Made from a C++ number that is an operand, as the 1 of `1 - z`.
  bool literal = false;
  std::uint64_t id;
  /// The number of the tape that recorded this tensor (0: none), and the number of the record there. Written
  /// before another thread can see the tensor.
  std::uint32_t tape = 0;
  std::int32_t number = 0;
  /// Owned by the head; null for most tensors.
  Attachments* attachments = nullptr;
  /// The last member: the sizes of a scalar are never read.
  Shape shape;
};

// For elements that are not inside of the block of the tensor's own head.
void share_elements(Storage* storage) noexcept;
void release_elements(Storage* storage) noexcept;
void free_head(TensorHead* head) noexcept;

/// Whether the process has one thread, so that reference counts need no atomic writes. std::shared_ptr asks
/// the same.
inline bool single_threaded() {
#if __has_include(<sys/single_threaded.h>) && !defined(__SANITIZE_THREAD__)
  return __libc_single_threaded != 0;
#else
  return false;
#endif
}

// These use compiler built-ins: every program that includes this header would have to compile <atomic>.
inline void count_up(std::uint32_t& references) {
  if (single_threaded()) {
    ++references;
  } else {
    __atomic_fetch_add(&references, 1, __ATOMIC_RELAXED);
  }
}
/// Returns whether that was the last reference. The only holder needs no atomic write.
inline bool count_down(std::uint32_t& references) {
  const std::uint32_t count = __atomic_load_n(&references, __ATOMIC_ACQUIRE);
  if (count == 1) return true;
  if (single_threaded()) {
    references = count - 1;
    return false;
  }
  return __atomic_fetch_sub(&references, 1, __ATOMIC_ACQ_REL) == 1;
}

/// A counted reference to a head and to elements. Elements inside of the head's block have no count of their
/// own.
class Handle {
 public:
  Handle() = default;
  /// Takes over one reference to each, or to the head only if the elements are inside of its block.
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
  /// Takes over one reference to elements. This handle must have none yet.
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

/// Nested braces of numbers, and the shape that follows from them.
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
/// handle. A default-constructed Tensor is empty (`!tensor`) and has no value.
///
/// An abstract tensor has a shape and a dtype but no elements. It stands for a value in a trace or in a graph
/// of layers, and operations on it are recorded there. Reading its elements throws RuntimeError.
class Tensor {
 public:
  /// Empty.
  Tensor() = default;
  Tensor(const Tensor&) = default;
  Tensor(Tensor&&) noexcept = default;
  Tensor& operator=(const Tensor&) & = default;
  Tensor& operator=(Tensor&&) & noexcept = default;
  ~Tensor() = default;
  /// A copy of the elements of a vector: the same as from().
  template <class T>
  requires(is_element<T> && !std::is_same_v<T, bool>) Tensor(const std::vector<T>& values, const Shape& shape)
      : Tensor(from(values, shape)) {}
  /// One number: the same as scalar().
  template <class T>
  requires is_element<T>
  explicit Tensor(T value) : Tensor(scalar(value)) {}
  /// A mistake: assignment to a temporary, as in `x[0] = y`.
  template <class T>
  UNSPOOL_MISTAKE("tensors do not change: write x = x.with(i, value)", operator=(T&&) &&);

  ///@{
  /// A tensor whose elements are all equal.
  static Tensor zeros(const Shape& shape, DType dtype = float32);
  static Tensor ones(const Shape& shape, DType dtype = float32);
  static Tensor full(const Shape& shape, Scalar value, DType dtype = float32);
  ///@}
  /// A matrix with ones on its diagonal and zeros elsewhere.
  static Tensor eye(Index rows, Index columns, DType dtype = float32);
  /// start, start + step, ... up to, not including, stop.
  static Tensor arange(double start, double stop, double step = 1, DType dtype = float32);
  ///@{
  /// A tensor of rank 0. Without a dtype it has that of T.
  static Tensor scalar(Scalar value, DType dtype);
  template <class T>
  requires is_element<T>
  static Tensor scalar(T value) { return scalar(value, dtype_for<T>()); }
  ///@}
  /// From nested lists: Tensor::of({{1, 2}, {3, 4}}), Tensor::of<std::int32_t>({1, 2}). Throws ValueError if
  /// rows differ in shape.
  template <class T = float>
  requires is_element<T>
  static Tensor of(const internal::Nested<T>& values) {
    return generate<T>(values.shape, [&](std::span<T> out) {
      for (std::size_t i = 0; i < out.size(); ++i) out[i] = values.values[i];
    });
  }
  ///@{
  /// A copy of `values`, of rank 1 if no shape is given. Throws ValueError if their number does not fit the
  /// shape.
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
  ///@}
  /// A new tensor whose elements `fill` writes: it is called with a std::span<T> of zeros.
  template <class T, class F>
  requires is_element<T>
  static Tensor generate(const Shape& shape, F&& fill) {
    Tensor made = zeros(shape, dtype_for<T>());
    fill(std::span<T>(static_cast<T*>(made.handle_.elements()->data()),
                      static_cast<std::size_t>(made.size())));
    return made;
  }

  /// Whether this is not empty.
  explicit operator bool() const { return handle_.head() != nullptr; }
  ///@{
  /// What is known without the elements. Throws ValueError if empty.
  const Shape& shape() const& { return head().shape; }
  Shape shape() const&& { return head().shape; }
  DType dtype() const { return head().dtype; }
  int rank() const { return head().shape.rank(); }
  ///@}
  /// The number of elements. Throws ValueError if a dimension is unknown.
  Index size() const { return head().shape.elements(); }
  /// The identity of the value: copies of a handle share it, tensors with equal elements do not.
  std::uint64_t id() const { return head().id; }
  /// Whether this is an abstract tensor (see above).
  bool is_abstract() const { return *this && handle_.elements() == nullptr; }
  ///@{
  /// The recorder of operations on this abstract tensor; null for a concrete one.
  const std::shared_ptr<OperationRecorder>& recorder() const&;
  std::shared_ptr<OperationRecorder> recorder() const&& { return recorder(); }
  ///@}

  ///@{
  /// The elements in row-major order. Throws TypeError if T is not the C++ type of the dtype. A temporary
  /// returns them together with a share in the tensor, so that they stay valid.
  template <class T>
  requires is_element<T> std::span<const T> data()
  const& {
    if (dtype() != dtype_for<T>()) fail_type(dtype_for<T>());
    return {static_cast<const T*>(raw()), static_cast<std::size_t>(size())};
  }
  template <class T>
  requires is_element<T> HeldElements<T> data()
  const&& { return HeldElements<T>(*this); }
  ///@}
  ///@{
  /// The first element; the dtype says of which type it is.
  const void* raw() const& {
    if (handle_.elements() == nullptr) fail_abstract();
    return handle_.elements()->data();
  }
  UNSPOOL_MISTAKE("the tensor is a temporary and frees its elements: name it first", raw() const&&);
  ///@}
  /// The size of all elements in bytes.
  std::size_t bytes() const { return static_cast<std::size_t>(size()) * size_of(dtype()); }

  /// The only element, converted to T. Throws ValueError if there is not exactly one.
  template <class T>
  T item() const {
    return is_floating(dtype()) ? static_cast<T>(item_as_double()) : static_cast<T>(item_as_integer());
  }
  /// The element at `position`, one index per axis, converted to T. Negative indices count from the end.
  /// Throws IndexError if out of range.
  template <class T>
  T item(std::initializer_list<Index> position) const {
    return element(offset_of(position)).item<T>();
  }
  /// item<T>(), written as a conversion: `float(loss)`.
  template <class T>
  requires(std::is_arithmetic_v<T> && !std::is_same_v<T, bool>) explicit operator T() const {
    return item<T>();
  }
  /// All elements in row-major order, each converted to T.
  template <class T>
  std::vector<T> to_vector() const {
    std::vector<T> values;
    values.reserve(static_cast<std::size_t>(size()));
    visit_dtype(dtype(), [&](auto zero) {
      for (auto value : data<decltype(zero)>()) values.push_back(static_cast<T>(value));
    });
    return values;
  }

  /// The part number `i` along the first axis, without that axis. Negative indices count from the end.
  /// Recorded like every operation. Throws IndexError if out of range.
  Tensor operator[](Index i) const;
  /// The parts at these integer indices along the first axis: gather(x, indices).
  Tensor operator[](const Tensor& indices) const;
  ///@{
  /// The tensor with `value` in place of one element, or of one part where fewer indices are given than there
  /// are axes: `x = x.with({i, j}, 1);`. The value is broadcast to the part. Negative indices count from the
  /// end. Recorded like every operation. Throws IndexError if an index is out of range.
  [[nodiscard("a tensor does not change: write x = x.with(i, value)")]] Tensor with(
      std::initializer_list<Index> position, const Tensor& value) const;
  [[nodiscard("a tensor does not change: write x = x.with(i, value)")]] Tensor with(
      std::initializer_list<Index> position, Scalar value) const;
  [[nodiscard("a tensor does not change: write x = x.with(i, value)")]] Tensor with(
      Index i, const Tensor& value) const;
  [[nodiscard("a tensor does not change: write x = x.with(i, value)")]] Tensor with(Index i,
                                                                                    Scalar value) const;
  ///@}

  /// Dtype and shape: "float32[2, 3]".
  std::string describe() const;

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
  void check_single() const;
  double item_as_double() const;
  std::int64_t item_as_integer() const;
  Index offset_of(std::span<const Index> position) const;
  Tensor element(Index offset) const;

  internal::Handle handle_;
};

/// The elements of a tensor, and a share in the tensor. `data()` of a temporary returns it, so that the loop
/// `for (float v : model.predict(x).data<float>())` reads live memory.
template <class T>
class HeldElements {
 public:
  /// Goes through the elements. It is not a pointer, so that no std::span is made of a temporary.
  class Iterator {
   public:
    using value_type = T;
    using difference_type = std::ptrdiff_t;
    using pointer = const T*;
    using reference = const T&;
    using iterator_category = std::forward_iterator_tag;
    Iterator() = default;
    explicit Iterator(const T* at) : at_(at) {}
    const T& operator*() const { return *at_; }
    Iterator& operator++() {
      ++at_;
      return *this;
    }
    Iterator operator++(int) { return Iterator(at_++); }
    friend bool operator==(Iterator, Iterator) = default;

   private:
    const T* at_ = nullptr;
  };

  /// The elements of `tensor`. Throws as its data() does.
  explicit HeldElements(Tensor tensor) : tensor_(std::move(tensor)), elements_(tensor_.template data<T>()) {}
  ///@{
  /// As those of a std::span.
  Iterator begin() const { return Iterator(elements_.data()); }
  Iterator end() const { return Iterator(elements_.data() + elements_.size()); }
  std::size_t size() const { return elements_.size(); }
  bool empty() const { return elements_.empty(); }
  const T& operator[](std::size_t i) const& { return elements_[i]; }
  T operator[](std::size_t i) const&& { return elements_[i]; }
  ///@}
  ///@{
  /// The elements without a share in the tensor; not of a temporary.
  operator std::span<const T>() const& { return elements_; }
  operator std::span<const T>() const&& = delete;
  ///@}

 private:
  Tensor tensor_;
  std::span<const T> elements_;
};

///@{
/// Prints like NumPy: nested brackets, aligned columns, an ellipsis for the middle of a long axis.
std::string to_string(const Tensor& tensor);
std::ostream& operator<<(std::ostream& stream, const Tensor& tensor);
///@}

/// Dtype and shape: "float32[2, 3]"; "an empty tensor".
std::string describe(const Tensor& tensor);

///@{
/// Mistakes. Two tensors may be the same value, equal everywhere, or equal at some elements: `==` does not
/// say which is asked.
UNSPOOL_MISTAKE("write equal(a, b), or all(equal(a, b)) for one answer", operator==(const Tensor& a,
                                                                                    const Tensor& b));
UNSPOOL_MISTAKE("write not_equal(a, b), or any(not_equal(a, b)) for one answer", operator!=(const Tensor& a,
                                                                                            const Tensor& b));
UNSPOOL_MISTAKE("write equal(x, number)", operator==(const Tensor& x, Scalar number));
UNSPOOL_MISTAKE("write not_equal(x, number)", operator!=(const Tensor& x, Scalar number));
///@}

namespace internal {

/// Access to tensors for the library itself.
struct TensorAccess {
  /// A tensor whose elements are not initialized.
  static Tensor allocate(const Shape& shape, DType dtype) { return allocate(shape, dtype, shape.elements()); }
  static Tensor allocate(const Shape& shape, DType dtype, Index count);
  /// Zeros which, if they are many, take no memory until they are written: for a value that is replaced.
  static Tensor placeholder(const Shape& shape, DType dtype);
  /// An abstract tensor; `recorder`, which may be null, records operations on it.
  static Tensor abstract(const Shape& shape, DType dtype,
                         std::shared_ptr<OperationRecorder> recorder = nullptr);
  /// A tensor with a new identity that shares the elements, with a shape of equal size.
  static Tensor alias(const Tensor& tensor, const Shape& shape);
  /// The tensor, with its identity, and a mask.
  static Tensor with_mask(const Tensor& tensor, std::shared_ptr<const Tensor> mask);
  /// The tensor, with its identity, and a name, which has to live as long as the program.
  static Tensor with_name(const Tensor& tensor, const char* name);
  /// Names a tensor that nothing else refers to yet.
  static void name_newborn(const Tensor& tensor, const char* name);
  /// The name; null if there is none.
  static const char* name(const Tensor& tensor);
  /// The tensor, with its identity, without its elements.
  static Tensor without_elements(const Tensor& tensor) { return Tensor(tensor.handle_.without_elements()); }
  static void* data(Tensor& tensor) { return tensor.handle_.elements()->data(); }
  static bool has_elements(const Tensor& tensor) { return tensor.handle_.elements() != nullptr; }
  /// The mask; null if there is none.
  static const Tensor* mask(const Tensor& tensor);
  static const TensorHead* head(const Tensor& tensor) { return tensor.handle_.head(); }
  /// The head of a tensor that nothing else refers to yet, for writing.
  static TensorHead* newborn(const Tensor& tensor) { return tensor.handle_.head(); }

 private:
  static Tensor allocate_apart(const Shape& shape, DType dtype, std::size_t bytes);
  /// The tensor, with its identity, and a head of its own.
  static Tensor with_own_head(const Tensor& tensor);
};

}  // namespace internal

}  // namespace unspool
