#include <algorithm>
#include <array>
#include <limits>
#include <type_traits>

#include <unspool/core/kernels/deal.h>
#include <unspool/core/kernels/machine.h>
#include <unspool/core/kernels/reduce.h>
#include <unspool/core/kernels/strided.h>
#include <unspool/core/memory.h>

namespace unspool::kernels {
namespace {

/// Element r of the reduced axes goes to accumulator r % lanes.
constexpr Index lanes = machine::reduce_lanes;
/// Partial results, one for so many elements, are joined in order.
constexpr Index chunk = machine::reduce_chunk;
constexpr Index block_columns = machine::reduce_columns;

/// Sums of integers wrap around.
template <class T>
using Wide = std::conditional_t<std::is_floating_point_v<T>, double, std::uint64_t>;

template <class T>
struct Sum {
  using Accumulator = Wide<T>;
  static constexpr Accumulator start = 0;
  static Accumulator join(Accumulator a, Accumulator b) { return static_cast<Accumulator>(a + b); }
};
template <class T>
struct Prod {
  using Accumulator = Wide<T>;
  static constexpr Accumulator start = 1;
  static Accumulator join(Accumulator a, Accumulator b) { return static_cast<Accumulator>(a * b); }
};
template <class T>
struct Max {
  using Accumulator = T;
  static constexpr T start =
      std::is_floating_point_v<T> ? -std::numeric_limits<T>::infinity() : std::numeric_limits<T>::lowest();
  static T join(T a, T b) { return a > b || a != a ? a : b; }
};
template <class T>
struct Min {
  using Accumulator = T;
  static constexpr T start =
      std::is_floating_point_v<T> ? std::numeric_limits<T>::infinity() : std::numeric_limits<T>::max();
  static T join(T a, T b) { return a < b || a != a ? a : b; }
};
struct All {
  using Accumulator = bool;
  static constexpr bool start = true;
  static bool join(bool a, bool b) { return a && b; }
};
struct Any {
  using Accumulator = bool;
  static constexpr bool start = false;
  static bool join(bool a, bool b) { return a || b; }
};

/// x as [outer][reduced][inner].
struct Form {
  Index outer = 1;
  Index reduced = 1;
  Index inner = 1;
};

template <class Op, class T>
struct Reducer {
  using Accumulator = typename Op::Accumulator;
  const T* x;
  Form form;

  static Accumulator tree(const Accumulator* lane, Index stride) {
    const auto at = [&](Index i) { return lane[i * stride]; };
    return Op::join(Op::join(Op::join(at(0), at(4)), Op::join(at(2), at(6))),
                    Op::join(Op::join(at(1), at(5)), Op::join(at(3), at(7))));
  }

  /// Reduces elements [first, last) of the reduced axis for neighbouring outputs.
  void part(Index outer, Index first, Index last, Index column, Index width, Accumulator* out) const {
    if (form.inner == 1) {
      out[0] = line(x + outer * form.reduced + first, last - first);
      return;
    }
    std::array<Accumulator, static_cast<std::size_t>(lanes * block_columns)> lane;
    lane.fill(Op::start);
    const T* row = x + (outer * form.reduced + first) * form.inner + column;
    for (Index r = 0; r < last - first; ++r, row += form.inner) {
      Accumulator* into = lane.data() + r % lanes * block_columns;
      for (Index c = 0; c < width; ++c) into[c] = Op::join(into[c], static_cast<Accumulator>(row[c]));
    }
    for (Index c = 0; c < width; ++c) out[c] = tree(lane.data() + c, block_columns);
  }

  static Accumulator line(const T* from, Index count) {
    std::array<Accumulator, static_cast<std::size_t>(lanes)> lane;
    lane.fill(Op::start);
    Index r = 0;
    for (; r + lanes <= count; r += lanes) {
      for (std::size_t i = 0; i < static_cast<std::size_t>(lanes); ++i) {
        lane[i] = Op::join(lane[i], static_cast<Accumulator>(from[r + static_cast<Index>(i)]));
      }
    }
    for (std::size_t i = 0; r < count; ++r, ++i) {
      lane[i] = Op::join(lane[i], static_cast<Accumulator>(from[r]));
    }
    return tree(lane.data(), 1);
  }
};

/// Memory for the time of a call.
class Scratch {
 public:
  explicit Scratch(Index bytes) : bytes_(static_cast<std::size_t>(bytes)), block_(allocate(bytes_)) {}
  ~Scratch() { deallocate(block_, bytes_); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  template <class T>
  T* as() const {
    return static_cast<T*>(block_);
  }

 private:
  std::size_t bytes_;
  void* block_;
};

template <class Op, class T, class Finish>
void run(const T* x, const Form& form, T* y, Finish finish) {
  using Accumulator = typename Op::Accumulator;
  const Reducer<Op, T> reducer{x, form};
  const Index blocks = (form.inner + block_columns - 1) / block_columns;
  const Index chunks = (form.reduced + chunk - 1) / chunk;
  const Index width = std::min(form.inner, block_columns);
  if (chunks <= 1) {
    deal(form.outer * blocks, form.reduced * width, machine::elementwise_task_elements,
         [&](Index begin, Index end) {
           std::array<Accumulator, static_cast<std::size_t>(block_columns)> result;
           for (Index i = begin; i < end; ++i) {
             const Index column = i % blocks * block_columns;
             const Index count = std::min(block_columns, form.inner - column);
             reducer.part(i / blocks, 0, form.reduced, column, count, result.data());
             T* out = y + i / blocks * form.inner + column;
             for (Index c = 0; c < count; ++c) out[c] = finish(result[static_cast<std::size_t>(c)]);
           }
         });
    return;
  }
  const Index outputs = form.outer * form.inner;
  const Scratch scratch(chunks * outputs * static_cast<Index>(sizeof(Accumulator)));
  auto* const partial = scratch.as<Accumulator>();
  deal(form.outer * blocks * chunks, chunk * width, machine::elementwise_task_elements,
       [&](Index begin, Index end) {
         for (Index i = begin; i < end; ++i) {
           const Index at = i % chunks;
           const Index outer = i / chunks / blocks;
           const Index column = i / chunks % blocks * block_columns;
           reducer.part(outer, at * chunk, std::min((at + 1) * chunk, form.reduced), column,
                        std::min(block_columns, form.inner - column),
                        partial + at * outputs + outer * form.inner + column);
         }
       });
  for (Index i = 0; i < outputs; ++i) {
    Accumulator total = partial[i];
    for (Index at = 1; at < chunks; ++at) total = Op::join(total, partial[at * outputs + i]);
    y[i] = finish(total);
  }
}

template <class T>
void run_kind(Reduce kind, const T* x, const Form& form, T* y) {
  const auto plain = [](auto total) { return static_cast<T>(total); };
  if constexpr (std::is_same_v<T, bool>) {
    kind == Reduce::all ? run<All>(x, form, y, plain) : run<Any>(x, form, y, plain);
  } else {
    switch (kind) {
      case Reduce::sum:
        return run<Sum<T>>(x, form, y, plain);
      case Reduce::mean: {
        const auto count = static_cast<double>(form.reduced);
        return run<Sum<T>>(x, form, y,
                           [&](auto total) { return static_cast<T>(static_cast<double>(total) / count); });
      }
      case Reduce::max:
        return run<Max<T>>(x, form, y, plain);
      case Reduce::min:
        return run<Min<T>>(x, form, y, plain);
      case Reduce::prod:
        return run<Prod<T>>(x, form, y, plain);
      case Reduce::all:
      case Reduce::any:
        return;
    }
  }
}

}  // namespace

void reduce(Reduce kind, const Array& x, std::uint32_t axes, const Array& y) {
  const Shape& shape = *x.shape;
  const auto reduces = [&](int axis) { return ((axes >> static_cast<unsigned>(axis)) & 1U) != 0; };
  const Index outputs = y.shape->elements();
  if (outputs == 0) return;
  Form form{outputs, 0, 1};
  // The kept axes before, the reduced ones, the kept ones behind; `mixed` if they alternate more often.
  bool mixed = false;
  if (shape.elements() != 0) {
    form = {};
    for (int axis = 0; axis < shape.rank(); ++axis) {
      const Index size = shape[axis];
      if (!reduces(axis)) {
        (form.reduced == 1 ? form.outer : form.inner) *= size;
      } else {
        mixed = mixed || (size != 1 && form.inner != 1);
        form.reduced *= size;
      }
    }
  }
  visit_dtype(x.dtype, [&]<class T>(T) {
    if (!mixed) return run_kind<T>(kind, x.as<T>(), form, y.as<T>());
    // Transposes x first, to the order kept axes, reduced axes.
    const Strides own = row_major(shape);
    Strides strides{};
    Shape order;
    for (const bool pass : {false, true}) {
      for (int axis = 0; axis < shape.rank(); ++axis) {
        if (reduces(axis) != pass) continue;
        strides[static_cast<std::size_t>(order.rank())] = own[static_cast<std::size_t>(axis)];
        order.push_back(shape[axis]);
      }
    }
    const Scratch scratch(order.elements() * static_cast<Index>(sizeof(T)));
    copy(order, sizeof(T), x.data, strides, scratch.as<void>(), row_major(order));
    run_kind<T>(kind, scratch.as<T>(), {outputs, form.reduced, 1}, y.as<T>());
  });
}

}  // namespace unspool::kernels
