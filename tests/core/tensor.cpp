#include <atomic>
#include <cstdint>
#include <doctest/doctest.h>
#include <memory>
#include <span>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include <unspool/core/error.h>
#include <unspool/core/tensor.h>

using namespace unspool;
using internal::TensorAccess;

namespace {

// On both sides of where elements get a block of their own, which 32 floats do not.
constexpr Index sizes[] = {0, 1, 2, 3, 31, 32, 33, 40, 1000};

Tensor counting(Index size) { return Tensor::arange(0, static_cast<double>(size)); }

bool counts(const Tensor& tensor, Index size) {
  if (tensor.size() != size) return false;
  for (Index i = 0; i < size; ++i) {
    if (tensor.data<float>()[static_cast<std::size_t>(i)] != static_cast<float>(i)) return false;
  }
  return true;
}

// Takes the blocks that were freed, so that what still shows one shows other elements.
void reuse_memory() {
  std::vector<Tensor> taken;
  for (int repeat = 0; repeat < 20; ++repeat) {
    for (const Index size : sizes) taken.push_back(Tensor::full({size}, -1));
  }
}

}  // namespace

TEST_CASE("tensor: elements are aligned to 64 bytes, whatever their number and type") {
  for (const DType dtype : {float32, float64, int32, int64, boolean}) {
    for (Index size = 0; size < 70; ++size) {
      const Tensor tensor = Tensor::zeros({size}, dtype);
      CHECK(reinterpret_cast<std::uintptr_t>(tensor.raw()) % 64 == 0);
      const Tensor copy(tensor);
      CHECK(reinterpret_cast<std::uintptr_t>(copy.raw()) % 64 == 0);
    }
  }
}

TEST_CASE("tensor: elements live as long as anything shows them, the head as long as any handle") {
  for (const Index size : sizes) {
    CAPTURE(size);
    Tensor original = counting(size);
    const std::uint64_t id = original.id();
    Tensor copy = original;
    Tensor alias = TensorAccess::alias(original, {1, size});
    Tensor second = TensorAccess::alias(alias, {size, 1});
    const Tensor head = TensorAccess::without_elements(original);
    const Tensor head_of_alias = TensorAccess::without_elements(alias);
    CHECK(alias.raw() == original.raw());
    CHECK(alias.id() != id);

    original = Tensor();
    reuse_memory();
    CHECK(counts(copy, size));
    copy = alias;
    reuse_memory();
    CHECK(counts(alias, size));
    CHECK(counts(copy, size));
    copy = {};
    alias = {};
    reuse_memory();
    CHECK(counts(second, size));
    Tensor moved = std::move(second);
    second = Tensor::ones({size});
    CHECK(counts(moved, size));
    moved = {};
    reuse_memory();

    CHECK(head.is_abstract());
    CHECK(head.id() == id);
    CHECK(head.shape() == Shape{size});
    CHECK(head_of_alias.shape() == Shape{1, size});
    CHECK_THROWS(head.raw());
  }
}

TEST_CASE("tensor: assigned to itself or to what it shows it stays") {
  for (const Index size : sizes) {
    Tensor tensor = counting(size);
    const Tensor& same = tensor;
    tensor = same;
    CHECK(counts(tensor, size));
    tensor = TensorAccess::alias(tensor, {size});
    tensor = TensorAccess::alias(tensor, {size});
    reuse_memory();
    CHECK(counts(tensor, size));
    tensor = TensorAccess::without_elements(tensor);
    CHECK(tensor.shape() == Shape{size});
  }
}

TEST_CASE("tensor: a mask lives as long as the value it is attached to, and shows its elements") {
  for (const Index size : sizes) {
    CAPTURE(size);
    auto mask = std::make_shared<const Tensor>(counting(size));
    const std::weak_ptr<const Tensor> watched = mask;
    Tensor value = counting(size);
    const std::uint64_t id = value.id();
    Tensor masked = TensorAccess::with_mask(value, std::move(mask));
    value = {};
    reuse_memory();
    CHECK(masked.id() == id);
    CHECK(counts(masked, size));
    CHECK(counts(*TensorAccess::mask(masked), size));
    Tensor plain = TensorAccess::with_mask(masked, nullptr);
    CHECK(TensorAccess::mask(plain) == nullptr);
    const Tensor head = TensorAccess::without_elements(masked);
    masked = {};
    CHECK_FALSE(watched.expired());
    CHECK(TensorAccess::mask(head) != nullptr);
    CHECK(counts(plain, size));
  }
  CHECK(TensorAccess::mask(Tensor()) == nullptr);
}

TEST_CASE("tensor: handles are copied and let go on many threads at once") {
  for (const Index size : sizes) {
    CAPTURE(size);
    Tensor original = counting(size);
    std::vector<Tensor> handles;
    for (int i = 0; i < 400; ++i) {
      handles.push_back(i % 3 == 0   ? original
                        : i % 3 == 1 ? TensorAccess::alias(original, {size})
                                     : TensorAccess::without_elements(original));
    }
    original = {};
    std::atomic<int> wrong{0};
    std::vector<std::thread> threads;
    for (std::size_t t = 0; t < 4; ++t) {
      threads.emplace_back([&, t] {
        for (std::size_t i = t; i < handles.size(); i += 4) {
          const Tensor taken = std::move(handles[i]);
          const Tensor copy = taken;
          if (taken.shape() != Shape{size}) ++wrong;
          if (!copy.is_abstract() && !counts(TensorAccess::alias(copy, {size}), size)) ++wrong;
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    CHECK(wrong == 0);
  }
}

TEST_CASE("shape: a copy of a scalar's takes sizes, and a scalar's is copied over others") {
  const Shape scalar;
  Shape shape = scalar;
  CHECK(shape.rank() == 0);
  CHECK(shape.elements() == 1);
  shape.push_back(3);
  CHECK(shape == Shape{3});
  shape.insert(0, 2);
  CHECK(shape == Shape{2, 3});
  const Shape copy = shape;
  shape = scalar;
  CHECK(shape == scalar);
  CHECK(copy == Shape{2, 3});
  shape = copy + shape;
  CHECK(shape == copy);
  shape.erase(0);
  shape.erase(0);
  CHECK(shape == scalar);
  shape = Shape(scalar) + Shape{4};
  CHECK(shape == Shape{4});
}

namespace {

// The only handle on a tensor of this many elements, as a model's predict() returns it.
Tensor fresh(Index size) { return Tensor(Tensor::arange(0, static_cast<double>(size))); }

}  // namespace

// Under the address sanitizer these find what reads memory that was given back.
TEST_CASE("tensor: what a temporary lends lives as long as it is used") {
  for (const Index size : sizes) {
    CAPTURE(size);
    Index count = 0;
    for (const float value : fresh(size).data<float>()) {
      CHECK(value == static_cast<float>(count));
      ++count;
    }
    CHECK(count == size);
    const auto elements = fresh(size).data<float>();
    CHECK(static_cast<Index>(elements.size()) == size);
    CHECK(elements.empty() == (size == 0));
    if (size > 0) CHECK(elements[elements.size() - 1] == static_cast<float>(size - 1));
    const std::vector<float> copy(elements.begin(), elements.end());
    CHECK(copy == fresh(size).to_vector<float>());
    const std::span<const float> lent = elements;
    CHECK(lent.size() == copy.size());
    if (size > 0) CHECK(fresh(size).data<float>()[0] == 0);
    for (const Index along : fresh(size).shape()) CHECK(along == size);
    const Shape& shape = fresh(size).shape();
    CHECK(shape == Shape{size});
  }
  CHECK_THROWS_AS(fresh(3).data<double>(), TypeError);
}

TEST_CASE("tensor: a number by conversion") {
  const Tensor x = Tensor::scalar(2.75F);
  CHECK(float(x) == 2.75F);
  CHECK(double(x) == 2.75);
  CHECK(int(x) == 2);
  CHECK(static_cast<std::size_t>(Tensor::of<std::int64_t>({{5}})) == 5);
  CHECK(static_cast<bool>(Tensor::scalar(0.0F)));
  CHECK_THROWS_AS(static_cast<void>(float(Tensor::zeros({2}))), ValueError);
  CHECK_THROWS_AS(static_cast<void>(float(Tensor())), ValueError);
}

TEST_CASE("tensor: says what it is") {
  CHECK(Tensor::zeros({2, 3}, int64).describe() == "int64[2, 3]");
  CHECK(Tensor().describe() == "an empty tensor");
}

TEST_CASE("tensor: assignment goes to names, not to temporaries") {
  static_assert(std::is_nothrow_move_assignable_v<Tensor> && std::is_copy_assignable_v<Tensor>);
  static_assert(std::is_nothrow_move_constructible_v<Tensor>);
  Tensor a = counting(2);
  Tensor b;
  b = a;
  CHECK(b.id() == a.id());
  std::swap(a, b);
  b = std::move(a);
  CHECK(counts(b, 2));
}

TEST_CASE("a vector with a shape is a tensor") {
  const std::vector<int> tokens{1, 2, 3, 4, 5, 6};
  const Tensor x(tokens, {3, 2});
  CHECK(x.dtype() == int32);
  CHECK(x.shape() == Shape{3, 2});
  CHECK(x.to_vector<int>() == tokens);
  const auto rank = [](const Tensor& y) { return y.rank(); };
  CHECK(rank({std::vector<float>{1, 2}, {1, 2, 1}}) == 3);
  CHECK_THROWS_AS(Tensor(tokens, {4, 2}), ValueError);
}
