#include <algorithm>
#include <cstring>
#include <functional>
#include <string>

#include <unspool/core/error.h>
#include <unspool/data/internal/rows.h>

namespace unspool::internal {

namespace {

Tensor with_rows(const Tensor& like, Index rows) {
  Shape shape = like.shape();
  shape.set(0, rows);
  return TensorAccess::allocate(shape, like.dtype());
}

std::size_t row_bytes(const Tensor& tensor) {
  const Shape& shape = tensor.shape();
  return static_cast<std::size_t>(shape.sub(1, shape.rank()).elements()) * size_of(tensor.dtype());
}

std::byte* bytes_of(Tensor& tensor) { return static_cast<std::byte*>(TensorAccess::data(tensor)); }
const std::byte* bytes_of(const Tensor& tensor) { return static_cast<const std::byte*>(tensor.raw()); }

}  // namespace

Tensor take_rows(const Tensor& tensor, Index first, Index last) {
  if (!tensor || (first == 0 && last == tensor.shape().front())) return tensor;
  Tensor made = with_rows(tensor, last - first);
  if (made.bytes() > 0) {
    std::memcpy(bytes_of(made), bytes_of(tensor) + static_cast<std::size_t>(first) * row_bytes(tensor),
                made.bytes());
  }
  return made;
}

Tensor take_rows(const Tensor& tensor, std::span<const Index> rows) {
  if (!tensor) return tensor;
  Tensor made = with_rows(tensor, static_cast<Index>(rows.size()));
  const std::size_t width = row_bytes(tensor);
  if (width == 0) return made;
  std::byte* to = bytes_of(made);
  const auto follows = [](Index row, Index next) { return next == row + 1; };
  const bool consecutive = std::adjacent_find(rows.begin(), rows.end(), std::not_fn(follows)) == rows.end();
  if (consecutive && !rows.empty()) {
    std::memcpy(to, bytes_of(tensor) + static_cast<std::size_t>(rows.front()) * width, made.bytes());
    return made;
  }
  for (const Index row : rows) {
    std::memcpy(to, bytes_of(tensor) + static_cast<std::size_t>(row) * width, width);
    to += width;
  }
  return made;
}

std::vector<Tensor> take_rows(const std::vector<Tensor>& tensors, Index first, Index last) {
  std::vector<Tensor> all;
  for (const Tensor& tensor : tensors) all.push_back(take_rows(tensor, first, last));
  return all;
}

std::vector<Tensor> take_rows(const std::vector<Tensor>& tensors, std::span<const Index> rows) {
  std::vector<Tensor> all;
  for (const Tensor& tensor : tensors) all.push_back(take_rows(tensor, rows));
  return all;
}

Tensor join_rows(const std::vector<Tensor>& parts) {
  if (parts.size() == 1) return parts.front();
  Index rows = 0;
  for (const Tensor& part : parts) {
    if (part.rank() == 0)
      throw ValueError("expected outputs whose first axis is the batch, got " + describe(part));
    const Shape rest = part.shape().sub(1, part.rank());
    if (!(rest == parts.front().shape().sub(1, parts.front().rank()))) {
      throw ValueError("expected outputs of equal shapes for all batches, got " + describe(parts.front()) +
                       " and " + describe(part));
    }
    rows += part.shape().front();
  }
  Tensor made = with_rows(parts.front(), rows);
  std::byte* to = bytes_of(made);
  for (const Tensor& part : parts) {
    if (part.bytes() > 0) std::memcpy(to, bytes_of(part), part.bytes());
    to += part.bytes();
  }
  return made;
}

Index common_rows(const std::vector<Tensor>& tensors, const std::vector<std::string>& names) {
  Index rows = -1;
  bool differ = false;
  std::string all;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    if (!tensors[i]) continue;
    if (tensors[i].rank() == 0) {
      throw ValueError(names[i] + ": expected at least one axis, that of samples, got " +
                       describe(tensors[i]));
    }
    const Index here = tensors[i].shape().front();
    differ = differ || (rows >= 0 && here != rows);
    rows = here;
    all += (all.empty() ? "" : ", ") + names[i] + " has " + std::to_string(here);
  }
  if (differ) throw ValueError("expected the same number of samples in x, y and weights: " + all);
  return rows;
}

}  // namespace unspool::internal
