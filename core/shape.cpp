#include <algorithm>
#include <ostream>

#include <unspool/core/error.h>
#include <unspool/core/shape.h>

namespace unspool {
namespace {

void check_rank(std::size_t rank) {
  if (rank <= Shape::max_rank) return;
  throw ValueError("expected a shape of at most " + std::to_string(Shape::max_rank) + " dimensions, got " +
                   std::to_string(rank));
}

}  // namespace

Shape::Shape(std::initializer_list<detail::Dimension> sizes) {
  check_rank(sizes.size());
  for (const detail::Dimension dimension : sizes) push_back(dimension.size);
}

Shape::Shape(std::span<const Index> sizes) {
  check_rank(sizes.size());
  for (Index size : sizes) push_back(size);
}

bool Shape::known() const { return std::find(begin(), end(), unknown) == end(); }

Index Shape::elements_or_fail() const {
  if (!known()) {
    throw ValueError("expected a shape of known dimensions, got " + to_string(*this) +
                     ": in a graph create tensors in the call of a layer, or by zeros_like(x) and its like");
  }
  // The product is 0 if any size is.
  if (std::find(begin(), end(), Index{0}) != end()) return 0;
  throw ValueError("expected a shape whose number of elements fits 64 bits, got " + to_string(*this));
}

void Shape::push_back(Index size) {
  if (size < unknown) {
    throw ValueError("expected a dimension >= 0, or -1 if it is unknown, got " + std::to_string(size));
  }
  if (rank_ == max_rank)
    throw ValueError("expected a shape of at most " + std::to_string(max_rank) + " dimensions, got one more");
  if (rank_ == 0) sizes_.fill(0);
  sizes_[static_cast<std::size_t>(rank_++)] = size;
}

void Shape::insert(int axis, Index size) {
  push_back(size);
  std::rotate(sizes_.begin() + axis, sizes_.begin() + rank_ - 1, sizes_.begin() + rank_);
}

void Shape::erase(int axis) {
  axis = normalize(axis);
  std::copy(sizes_.begin() + axis + 1, sizes_.begin() + rank_, sizes_.begin() + axis);
  sizes_[static_cast<std::size_t>(--rank_)] = 0;
}

void Shape::set(int axis, Index size) { sizes_[static_cast<std::size_t>(normalize(axis))] = size; }

Shape Shape::sub(int first, int last) const {
  return Shape(std::span<const Index>(begin() + first, begin() + last));
}

void Shape::fail_axis(int axis) const {
  throw IndexError("axis " + std::to_string(axis) + " is out of range for shape " + to_string(*this) +
                   ": expected -" + std::to_string(rank_) + " <= axis < " + std::to_string(rank_));
}

Shape operator+(const Shape& a, const Shape& b) {
  Shape joined = a;
  for (Index size : b) joined.push_back(size);
  return joined;
}

std::string to_string(const Shape& shape) {
  std::string text = "[";
  for (Index size : shape) {
    if (text.size() > 1) text += ", ";
    text += size == unknown ? "?" : std::to_string(size);
  }
  return text + "]";
}

std::ostream& operator<<(std::ostream& stream, const Shape& shape) { return stream << to_string(shape); }

bool compatible(const Shape& a, const Shape& b) {
  if (a.rank() != b.rank()) return false;
  for (int i = 0; i < a.rank(); ++i) {
    if (a[i] != b[i] && a[i] != unknown && b[i] != unknown) return false;
  }
  return true;
}

bool broadcast(const Shape& a, const Shape& b, Shape& result) {
  const int rank = std::max(a.rank(), b.rank());
  Shape joint;
  for (int i = 0; i < rank; ++i) {
    const Index x = i < rank - a.rank() ? 1 : a[i - (rank - a.rank())];
    const Index y = i < rank - b.rank() ? 1 : b[i - (rank - b.rank())];
    if (x == y || y == 1) {
      joint.push_back(x);
    } else if (x == 1 || x == unknown) {
      joint.push_back(y);
    } else if (y == unknown) {
      joint.push_back(x);
    } else {
      return false;
    }
  }
  result = joint;
  return true;
}

}  // namespace unspool
