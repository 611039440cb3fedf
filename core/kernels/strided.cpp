#include <algorithm>
#include <cstring>

#include <unspool/core/kernels/deal.h>
#include <unspool/core/kernels/machine.h>
#include <unspool/core/kernels/strided.h>

namespace unspool::kernels {
namespace {

constexpr Index tile = machine::transpose_tile;

/// One axis; distances in bytes.
struct Axis {
  Index size = 1;
  Index from = 0;
  Index to = 0;
};

struct Box {
  int rank = 0;
  std::array<Axis, Shape::max_rank> axes{};
  Axis& operator[](int i) { return axes[static_cast<std::size_t>(i)]; }
  const Axis& operator[](int i) const { return axes[static_cast<std::size_t>(i)]; }
};

/// The box without axes of size 1. Neighbouring axes that are one axis in both memories are joined.
Box joined(const Shape& sizes, Index element, const Strides& from, const Strides& to) {
  Box box;
  for (int i = 0; i < sizes.rank(); ++i) {
    const auto at = static_cast<std::size_t>(i);
    const Axis axis{sizes[i], from[at] * element, to[at] * element};
    if (axis.size == 1) continue;
    Axis* last = box.rank > 0 ? &box[box.rank - 1] : nullptr;
    if (last != nullptr && last->from == axis.from * axis.size && last->to == axis.to * axis.size) {
      *last = {last->size * axis.size, axis.from, axis.to};
    } else {
      box[box.rank++] = axis;
    }
  }
  return box;
}

/// The offsets in both memories of a flat index along the outer axes [0, rank) of a box.
struct Place {
  Place(const Box& box, int rank, Index flat) {
    for (int i = rank; i-- > 0;) {
      const Index at = flat % box[i].size;
      flat /= box[i].size;
      from += at * box[i].from;
      to += at * box[i].to;
    }
  }
  Index from = 0;
  Index to = 0;
};

/// memcpy inline, for blocks so short that a call would take longer.
inline void copy_few(const std::byte* from, std::byte* to, std::size_t bytes) {
  constexpr std::size_t word = 16;
  if (bytes < word || bytes > machine::inline_copy_bytes) {
    std::memcpy(to, from, bytes);
    return;
  }
  std::size_t i = 0;
  for (; i + 4 * word <= bytes; i += 4 * word) std::memcpy(to + i, from + i, 4 * word);
  // The last word overlaps the one before if `bytes` is no multiple of it.
  for (; i + word < bytes; i += word) std::memcpy(to + i, from + i, word);
  std::memcpy(to + bytes - word, from + bytes - word, word);
}

template <std::size_t size>
void copy_line(const std::byte* from, std::byte* to, const Axis& axis) {
  if (axis.from == static_cast<Index>(size) && axis.to == static_cast<Index>(size)) {
    copy_few(from, to, static_cast<std::size_t>(axis.size) * size);
    return;
  }
  for (Index i = 0; i < axis.size; ++i) std::memcpy(to + i * axis.to, from + i * axis.from, size);
}

/// Copies dense lines of so many bytes.
template <std::size_t bytes>
void copy_short_lines(const std::byte* from, std::byte* to, const Axis& lines) {
  for (Index i = 0; i < lines.size; ++i) std::memcpy(to + i * lines.to, from + i * lines.from, bytes);
}

/// Copies lines, which are short and dense, by words of one instruction. Returns false if they are not.
template <std::size_t size>
bool copied_as_words(const std::byte* from, std::byte* to, const Axis& lines, const Axis& line) {
  if (line.from != static_cast<Index>(size) || line.to != static_cast<Index>(size)) return false;
  switch (line.size * static_cast<Index>(size)) {
    case 8:
      copy_short_lines<8>(from, to, lines);
      return true;
    case 16:
      copy_short_lines<16>(from, to, lines);
      return true;
    case 32:
      copy_short_lines<32>(from, to, lines);
      return true;
    case 64:
      copy_short_lines<64>(from, to, lines);
      return true;
    default:
      return false;
  }
}

template <std::size_t size>
void copy_tile(const std::byte* from, std::byte* to, const Axis& a, const Axis& b) {
  for (Index i = 0; i < a.size; ++i) {
    for (Index j = 0; j < b.size; ++j) {
      std::memcpy(to + i * a.to + j * b.to, from + i * a.from + j * b.from, size);
    }
  }
}

/// Copies lines of the last axis.
template <std::size_t size>
void copy_lines(const Box& box, const std::byte* from, std::byte* to) {
  const Axis line = box[box.rank - 1];
  Index count = 1;
  for (int i = 0; i + 1 < box.rank; ++i) count *= box[i].size;
  const Axis rows = box.rank > 1 ? box[box.rank - 2] : Axis{};
  deal(count, line.size, machine::copy_task_elements, [&](Index begin, Index end) {
    // No hardware prefetcher follows lines that lie far apart.
    constexpr Index ahead = machine::copy_prefetch_lines;
    const Index bytes = std::min<Index>(line.size * line.from, machine::copy_prefetch_bytes);
    for (Index i = begin; i < end;) {
      const Index last = std::min(end, i + rows.size - i % rows.size);
      const Place first(box, box.rank - 1, i);
      const std::byte* here = from + first.from;
      std::byte* there = to + first.to;
      if (copied_as_words<size>(here, there, {last - i, rows.from, rows.to}, line)) {
        i = last;
        continue;
      }
      for (; i < last; ++i, here += rows.from, there += rows.to) {
        for (Index byte = 0; byte < bytes; byte += 64) __builtin_prefetch(here + ahead * rows.from + byte);
        copy_line<size>(here, there, line);
      }
    }
  });
}

/// Copies squares of two axes: the last one, along which `to` is dense, and `other`, along which `from` is.
template <std::size_t size>
void copy_squares(const Box& box, int other, const std::byte* from, std::byte* to) {
  const Axis a = box[other];
  const Axis b = box[box.rank - 1];
  Box outer;
  Index count = 1;
  for (int i = 0; i + 1 < box.rank; ++i) {
    if (i == other) continue;
    outer[outer.rank++] = box[i];
    count *= box[i].size;
  }
  const Index bands = (a.size + tile - 1) / tile;
  deal(count * bands, tile * b.size, machine::copy_task_elements, [&](Index begin, Index end) {
    for (Index i = begin; i < end; ++i) {
      const Place square(outer, outer.rank, i / bands);
      const Index row = i % bands * tile;
      const Axis rows{std::min(tile, a.size - row), a.from, a.to};
      for (Index column = 0; column < b.size; column += tile) {
        const Axis columns{std::min(tile, b.size - column), b.from, b.to};
        copy_tile<size>(from + square.from + row * a.from + column * b.from,
                        to + square.to + row * a.to + column * b.to, rows, columns);
      }
    }
  });
}

template <std::size_t size>
void copy_box(const Box& box, const std::byte* from, std::byte* to) {
  if (box.rank == 0) {
    std::memcpy(to, from, size);
    return;
  }
  if (box[box.rank - 1].from != static_cast<Index>(size)) {
    for (int other = 0; other + 1 < box.rank; ++other) {
      if (box[other].from == static_cast<Index>(size)) return copy_squares<size>(box, other, from, to);
    }
  }
  copy_lines<size>(box, from, to);
}

}  // namespace

Strides row_major(const Shape& shape) {
  Strides strides{};
  // Beside a size of 0 others may be so large that their product wraps around.
  std::uint64_t next = 1;
  for (int i = shape.rank(); i-- > 0;) {
    strides[static_cast<std::size_t>(i)] = static_cast<Index>(next);
    next *= static_cast<std::uint64_t>(shape[i]);
  }
  return strides;
}

void copy(const Shape& sizes, std::size_t element_size, const void* from, const Strides& from_strides,
          void* to, const Strides& to_strides) {
  if (sizes.elements() == 0) return;
  const Box box = joined(sizes, static_cast<Index>(element_size), from_strides, to_strides);
  const auto* source = static_cast<const std::byte*>(from);
  auto* target = static_cast<std::byte*>(to);
  switch (element_size) {
    case 1:
      return copy_box<1>(box, source, target);
    case 4:
      return copy_box<4>(box, source, target);
    default:
      return copy_box<8>(box, source, target);
  }
}

}  // namespace unspool::kernels
