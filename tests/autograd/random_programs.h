#pragma once

#include <algorithm>
#include <cmath>
#include <optional>
#include <random>
#include <set>
#include <sstream>

#include <unspool/unspool.h>

/// Steps put together at random, to be run in several ways that have to agree.
namespace scan_programs {

using namespace unspool;

class Dice {
 public:
  explicit Dice(std::uint64_t seed) : engine_(seed) {}
  std::size_t below(std::size_t n) { return static_cast<std::size_t>(engine_()) % n; }
  Index from_to(Index low, Index high) {
    return low + static_cast<Index>(below(static_cast<std::size_t>(high - low + 1)));
  }
  bool chance(std::size_t one_in) { return below(one_in) == 0; }
  template <class List>
  auto& of(List& list) {
    return list[below(std::size(list))];
  }
  /// Uniform on [-1, 1).
  double number() { return static_cast<double>(engine_() >> 11U) * 0x1p-52 - 1; }
  Tensor numbers(const Shape& shape, double scale) {
    return Tensor::generate<double>(shape, [&](std::span<double> out) {
      for (double& x : out) x = scale * number();
    });
  }
  /// 0 and 1.
  Tensor bits(const Shape& shape) {
    return Tensor::generate<Index>(shape, [&](std::span<Index> out) {
      for (Index& x : out) x = from_to(0, 1);
    });
  }

 private:
  std::mt19937_64 engine_;
};

inline std::optional<Shape> broadcast(const Shape& a, const Shape& b) {
  const Shape& longer = a.rank() < b.rank() ? b : a;
  const int rank = longer.rank();
  Shape out = longer;
  for (int i = 0; i < std::min(a.rank(), b.rank()); ++i) {
    const Index m = a[a.rank() - 1 - i];
    const Index n = b[b.rank() - 1 - i];
    if (m != n && m != 1 && n != 1) return std::nullopt;
    out.set(rank - 1 - i, m == 1 ? n : m);
  }
  return out;
}

struct Sizes {
  Index batch;
  Index units;
  Index steps;
};

/// What a program works on. The step and the data follow from the seed alone.
struct Program {
  std::uint64_t seed;
  Sizes sizes;
  int operations;
  /// Operations that hand on their first operand instead: how a program that fails is made smaller.
  std::set<int> left_out = {};
  bool reverse = false;
  /// How its scan is cut into chunks, groups, and shares of threads, however small.
  ScanTuning tuning = {.task_multiply_adds = 0};
  std::vector<Tensor> carries = {};
  std::vector<Tensor> sequences = {};
  std::vector<Tensor> constants = {};
  std::vector<Tensor> weights = {};
};

/// A tensor of a program and its name.
struct Item {
  Tensor tensor;
  std::string name;
};

/// The operations of one step, as text too.
class Builder {
 public:
  Builder(const Program& program, const std::vector<Tensor>& constants, const std::vector<Tensor>& carry,
          const std::vector<Tensor>& inputs, std::ostream* text)
      : program_(program), text_(text) {
    const auto take = [&](const std::vector<Tensor>& tensors, const char* name) {
      for (std::size_t i = 0; i < tensors.size(); ++i) add(tensors[i], name + std::to_string(i), true);
    };
    take(carry, "c");
    take(inputs, "x");
    take(constants, "k");
    carry_ = carry;
  }

  ScanStep build() {
    for (int i = 0; i < program_.operations; ++i) {
      Dice draws(program_.seed * 1000 + static_cast<std::uint64_t>(i) + 1);
      operation(i, draws);
    }
    Dice draws(program_.seed * 1000 + 999);
    ScanStep made;
    for (std::size_t k = 0; k < carry_.size(); ++k) {
      const Item next = next_carry(k, draws);
      if (text_ != nullptr) *text_ << "  next " << k << " = " << next.name << '\n';
      made.carry.push_back(next.tensor);
    }
    const auto give = [&](std::size_t count, std::vector<Tensor>& list, const char* what) {
      for (std::size_t i = 0; i < count; ++i) {
        const bool late = draws.chance(2);
        const Item& item =
            late ? items_[items_.size() - 1 - draws.below(std::min<std::size_t>(4, items_.size()))]
                 : draws.of(items_);
        if (text_ != nullptr) *text_ << "  " << what << ' ' << item.name << '\n';
        list.push_back(item.tensor);
        if (draws.chance(6)) list.push_back(item.tensor);
      }
    };
    give(draws.below(4), made.outputs, "output");
    give(draws.below(3), made.last, "last");
    if (draws.chance(4)) made.outputs.push_back(made.carry[draws.below(made.carry.size())]);
    return made;
  }

 private:
  void add(const Tensor& tensor, const std::string& name, bool given = false) {
    items_.push_back({tensor, given ? name : "v" + std::to_string(made_++)});
    if (text_ == nullptr) return;
    *text_ << "  " << items_.back().name;
    if (!given) *text_ << " = " << name;
    *text_ << "  " << describe(tensor) << '\n';
  }

  /// Of what the step was given or made; with `outside`, of what it captured.
  template <class F>
  std::vector<const Item*> those(F&& good, bool outside = false) const {
    std::vector<const Item*> found;
    for (const Item& item : items_) {
      if ((!outside || item.name[0] == 'k') && good(item.tensor)) found.push_back(&item);
    }
    return found;
  }
  /// A floating one; the later the likelier, so that operations build on each other.
  const Item& any(Dice& draws) const {
    const auto floats = those([](const Tensor& x) { return is_floating(x.dtype()); });
    const std::size_t n = floats.size();
    return *floats[draws.chance(2) ? n - 1 - draws.below(std::min<std::size_t>(n, 4)) : draws.below(n)];
  }
  const Item* fitting(const Item& a, Dice& draws) const {
    auto found = those([&](const Tensor& x) {
      const auto shape = broadcast(a.tensor.shape(), x.shape());
      return is_floating(x.dtype()) && shape && shape->elements() <= std::max<Index>(800, a.tensor.size());
    });
    return found.empty() ? nullptr : draws.of(found);
  }

  void operation(int number, Dice& draws) {
    const Item a = any(draws);
    if (program_.left_out.contains(number)) return add(a.tensor, a.name);
    switch (draws.below(20)) {
      case 0:
      case 1:
      case 2:
        return unary(a, draws);
      case 3:
      case 4:
      case 5:
      case 6:
        return binary(a, draws);
      case 7:
      case 8:
      case 9:
        return product(a, draws);
      case 10:
        return reduction(a, draws);
      case 11:
        return along_axis(a, draws);
      case 12:
      case 13:
        return joined(a, draws);
      case 14:
      case 15:
        return part(a, draws);
      case 16:
        return shaped(a, draws);
      case 17:
      case 18:
        return chosen(a, draws);
      default:
        return indexed(a, draws);
    }
  }

  void unary(const Item& a, Dice& draws) {
    using Function = Tensor (*)(const Tensor&);
    static const std::pair<const char*, Function> functions[] = {
        {"tanh", [](const Tensor& x) { return tanh(x); }},
        {"sigmoid", [](const Tensor& x) { return sigmoid(x); }},
        {"softplus", [](const Tensor& x) { return softplus(x); }},
        {"sin", [](const Tensor& x) { return sin(x); }},
        {"cos", [](const Tensor& x) { return cos(x); }},
        {"relu", [](const Tensor& x) { return relu(x); }},
        {"elu", [](const Tensor& x) { return elu(x); }},
        {"silu", [](const Tensor& x) { return silu(x); }},
        {"gelu", [](const Tensor& x) { return gelu(x); }},
        {"hard_sigmoid", [](const Tensor& x) { return hard_sigmoid(x); }},
        {"square(tanh)", [](const Tensor& x) { return square(tanh(x)); }},
        {"-", [](const Tensor& x) { return -x; }},
        {"0.7 *", [](const Tensor& x) { return x * 0.7; }},
        {"1 -", [](const Tensor& x) { return 1 - x; }},
        {"abs", [](const Tensor& x) { return abs(x); }},
        {"stop_gradient", [](const Tensor& x) { return stop_gradient(x); }},
        {"exp(-square)", [](const Tensor& x) { return exp(-square(x)); }},
    };
    const auto& [name, function] = draws.of(functions);
    add(function(a.tensor), std::string(name) + " " + a.name);
  }

  void binary(const Item& a, Dice& draws) {
    const Item b = *fitting(a, draws);
    const bool turned = draws.chance(2);
    const Tensor& x = turned ? b.tensor : a.tensor;
    const Tensor& y = turned ? a.tensor : b.tensor;
    const std::string names = (turned ? b : a).name + ", " + (turned ? a : b).name;
    switch (draws.below(7)) {
      case 0:
      case 1:
        return add(x + y, "add " + names);
      case 2:
        return add(x - y, "sub " + names);
      case 3:
        return add(x * tanh(y), "mul tanh " + names);
      case 4:
        return add(x / (1 + square(y)), "div " + names);
      case 5:
        return add(maximum(x, y), "maximum " + names);
      default:
        return add(sigmoid(x) * y, "gate " + names);
    }
  }

  void product(const Item& a, Dice& draws) {
    if (a.tensor.rank() < 2) return unary(a, draws);
    const Index depth = a.tensor.shape().back();
    const bool outside = !draws.chance(4);
    auto found = those(
        [&](const Tensor& x) {
          const Shape& shape = x.shape();
          if (!is_floating(x.dtype()) || shape.rank() < 2) return false;
          if (shape.rank() > 2 &&
              !(shape.rank() == a.tensor.rank() &&
                shape.sub(0, shape.rank() - 2) == a.tensor.shape().sub(0, shape.rank() - 2)))
            return false;
          return shape.back() == depth || shape[-2] == depth;
        },
        outside);
    if (found.empty()) return binary(a, draws);
    const Item b = *draws.of(found);
    const bool can = b.tensor.shape()[-2] == depth;
    const bool must = b.tensor.shape().back() == depth;
    const bool transpose_b = !can || (must && draws.chance(2));
    if (!transpose_b && draws.chance(8) && a.tensor.rank() == 2 &&
        a.tensor.shape()[0] == b.tensor.shape()[0] && b.tensor.rank() == 2) {
      return add(matmul(a.tensor, b.tensor, true, false) * 0.3, "0.3 matmul^T " + a.name + ", " + b.name);
    }
    add(matmul(a.tensor, b.tensor, false, transpose_b) * (outside ? 1.0 : 0.3),
        (outside ? "matmul " : "0.3 matmul ") + a.name + ", " + b.name + (transpose_b ? "^T" : ""));
  }

  void reduction(const Item& a, Dice& draws) {
    std::vector<Index> axes;
    std::string text;
    for (int i = 0; i < a.tensor.rank(); ++i) {
      if (!draws.chance(2)) continue;
      axes.push_back(i);
      text += ' ' + std::to_string(i);
    }
    if (axes.empty() && a.tensor.rank() > 0) axes.push_back(a.tensor.rank() - 1);
    const bool keep = draws.chance(2);
    const std::string of = a.name + " over" + text + (keep ? " kept" : "");
    switch (draws.below(5)) {
      case 0:
        return add(sum(a.tensor, axes, keep) * 0.3, "0.3 sum " + of);
      case 1:
        return add(mean(a.tensor, axes, keep), "mean " + of);
      case 2:
        return add(max(a.tensor, axes, keep), "max " + of);
      case 3:
        return add(logsumexp(a.tensor, axes, keep), "logsumexp " + of);
      default:
        // Batch statistics.
        if (a.tensor.rank() == 0) return unary(a, draws);
        return add((a.tensor - mean(a.tensor, {0}, true)) / sqrt(variance(a.tensor, {0}, true) + 0.5),
                   "normalize " + a.name);
    }
  }

  void along_axis(const Item& a, Dice& draws) {
    if (a.tensor.rank() == 0) return unary(a, draws);
    const int axis = static_cast<int>(draws.below(static_cast<std::size_t>(a.tensor.rank())));
    const std::string of = a.name + " along " + std::to_string(axis);
    switch (draws.below(4)) {
      case 0:
        return add(softmax(a.tensor, axis), "softmax " + of);
      case 1:
        return add(log_softmax(a.tensor, axis), "log_softmax " + of);
      case 2:
        return add(cumsum(a.tensor, axis, draws.chance(2)) * 0.4, "0.4 cumsum " + of);
      default:
        return add(flip(a.tensor, {axis}), "flip " + of);
    }
  }

  void joined(const Item& a, Dice& draws) {
    if (a.tensor.rank() == 0) return binary(a, draws);
    const int axis = static_cast<int>(
        draws.chance(4) ? 0 : a.tensor.rank() - 1 - static_cast<int>(draws.chance(4) && a.tensor.rank() > 1));
    const Shape& shape = a.tensor.shape();
    auto found = those([&](const Tensor& x) {
      if (!is_floating(x.dtype()) || x.rank() != shape.rank()) return false;
      for (int i = 0; i < shape.rank(); ++i) {
        if (i != axis && x.shape()[i] != shape[i]) return false;
      }
      return x.shape()[axis] + shape[axis] <= 16;
    });
    if (found.empty()) return unary(a, draws);
    const Item b = *draws.of(found);
    if (shape == b.tensor.shape() && draws.chance(5))
      return add(stack({a.tensor, b.tensor}, axis), "stack " + a.name + ", " + b.name);
    if (draws.chance(4)) {
      const Item c = *draws.of(found);
      if (shape[axis] + b.tensor.shape()[axis] + c.tensor.shape()[axis] <= 24) {
        return add(concat({b.tensor, a.tensor, c.tensor}, axis),
                   "concat " + b.name + ", " + a.name + ", " + c.name + " along " + std::to_string(axis));
      }
    }
    add(concat({a.tensor, b.tensor}, axis),
        "concat " + a.name + ", " + b.name + " along " + std::to_string(axis));
  }

  void part(const Item& a, Dice& draws) {
    auto found = those([](const Tensor& x) {
      if (!is_floating(x.dtype()) || x.rank() == 0) return false;
      for (Index size : x.shape()) {
        if (size > 1) return true;
      }
      return false;
    });
    if (found.empty()) return unary(a, draws);
    const bool wide = a.tensor.rank() > 0 && a.tensor.shape().back() > 1;
    const Item x = wide ? a : *draws.of(found);
    int axis = x.tensor.rank() - 1;
    if (draws.chance(3) || x.tensor.shape()[axis] < 2) {
      axis = static_cast<int>(draws.below(static_cast<std::size_t>(x.tensor.rank())));
    }
    const Index size = x.tensor.shape()[axis];
    if (size < 2) return unary(x, draws);
    const std::string of = x.name + " along " + std::to_string(axis);
    if (draws.chance(2)) {
      const Index first = draws.from_to(1, size - 1);
      const std::vector<Tensor> parts = split(x.tensor, {first, size - first}, axis);
      add(parts[0], "first of split " + of);
      return add(parts[1], "second of split " + of);
    }
    if (draws.chance(3)) {
      std::vector<Slice> ranges(static_cast<std::size_t>(axis + 1));
      ranges.back() = {-draws.from_to(1, size), std::nullopt, draws.from_to(1, 2)};
      return add(slice(x.tensor, ranges), "slice from the end, with a step, " + of);
    }
    const Index begin = draws.from_to(0, size - 1);
    const Index end = draws.from_to(begin + 1, size);
    add(slice(x.tensor, axis, begin, end),
        "slice " + std::to_string(begin) + " to " + std::to_string(end) + " of " + of);
  }

  void shaped(const Item& a, Dice& draws) {
    const Shape& shape = a.tensor.shape();
    switch (draws.below(6)) {
      case 0:
        if (shape.rank() < 2) return add(expand_dims(a.tensor, -1), "expand_dims " + a.name);
        return add(reshape(a.tensor, {shape[0], -1}), "flattened rows " + a.name);
      case 1:
        return add(reshape(a.tensor, {-1}), "flattened " + a.name);
      case 2:
        if (shape.rank() == 2 && shape[1] % 2 == 0)
          return add(reshape(a.tensor, {shape[0], shape[1] / 2, 2}), "pairs " + a.name);
        return add(expand_dims(a.tensor, 0), "expand_dims 0 " + a.name);
      case 3:
      case 4: {
        if (shape.rank() < 2) return unary(a, draws);
        std::vector<Index> axes(static_cast<std::size_t>(shape.rank()));
        for (std::size_t i = 0; i < axes.size(); ++i) axes[i] = static_cast<Index>(axes.size() - 1 - i);
        if (shape.rank() == 3 && draws.chance(2)) axes = {0, 2, 1};
        return add(transpose(a.tensor, axes), "transpose " + a.name);
      }
      default:
        if (shape.rank() == 0) return unary(a, draws);
        std::vector<std::array<Index, 2>> widths(static_cast<std::size_t>(shape.rank()), {0, 0});
        widths.back() = {1, 1};
        return add(pad(a.tensor, widths, 0.25), "pad " + a.name);
    }
  }

  void chosen(const Item& a, Dice& draws) {
    if (draws.chance(3)) {
      const Item b = *fitting(a, draws);
      add(a.tensor < b.tensor, "less " + a.name + ", " + b.name);
      return add(cast(items_.back().tensor, a.tensor.dtype()), "cast " + items_.back().name);
    }
    auto masks = those([&](const Tensor& x) {
      return x.dtype() == boolean && broadcast(x.shape(), a.tensor.shape()).has_value();
    });
    if (masks.empty()) {
      add(a.tensor > 0.1, a.name + " > 0.1");
      masks = those([&](const Tensor& x) {
        return x.dtype() == boolean && broadcast(x.shape(), a.tensor.shape()).has_value();
      });
    }
    const Item mask = *draws.of(masks);
    const Shape together = *broadcast(mask.tensor.shape(), a.tensor.shape());
    auto others = those([&](const Tensor& x) {
      return is_floating(x.dtype()) && broadcast(x.shape(), together).has_value();
    });
    const Item b = *draws.of(others);
    add(where(mask.tensor, a.tensor, b.tensor), "where " + mask.name + ", " + a.name + ", " + b.name);
  }

  void indexed(const Item& a, Dice& draws) {
    const auto ids = those([](const Tensor& x) { return x.dtype() == int64; });
    if (ids.empty()) return binary(a, draws);
    const Item id = *draws.of(ids);
    // The numbers are 0 and 1.
    auto tables =
        those([](const Tensor& x) { return is_floating(x.dtype()) && x.rank() > 0 && x.shape()[0] > 1; });
    if (tables.empty() || draws.chance(2))
      return add(one_hot(id.tensor, 3, a.tensor.dtype()), "one_hot " + id.name);
    const Item table = *draws.of(tables);
    add(gather(table.tensor, id.tensor, 0), "gather " + table.name + ", " + id.name);
  }

  Item next_carry(std::size_t k, Dice& draws) const {
    const Tensor& own = carry_[k];
    const std::string name = "c" + std::to_string(k);
    const auto same =
        those([&](const Tensor& x) { return x.dtype() == own.dtype() && x.shape() == own.shape(); });
    if (!is_floating(own.dtype()) || draws.chance(10)) return *same[draws.below(same.size())];
    if (draws.chance(12)) return {own, name};
    std::vector<const Item*> close = those([&](const Tensor& x) {
      const auto shape = broadcast(x.shape(), own.shape());
      return is_floating(x.dtype()) && shape && *shape == own.shape();
    });
    const std::size_t late = std::min<std::size_t>(close.size(), 3);
    const Item v = draws.chance(4) ? *draws.of(close) : *close[close.size() - 1 - draws.below(late)];
    if (v.tensor.shape() == own.shape() && draws.chance(2)) return {tanh(v.tensor), "tanh " + v.name};
    return {own * 0.5 + tanh(v.tensor) * 0.4, "0.5 " + name + " + 0.4 tanh " + v.name};
  }

  const Program& program_;
  std::ostream* text_;
  std::vector<Item> items_;
  std::vector<Tensor> carry_;
  int made_ = 0;
};

inline Program make_program(std::uint64_t seed, std::optional<Index> batch = std::nullopt) {
  Dice draws(seed);
  const Index least = batch ? 2 : 1;
  Program program{seed,
                  {batch ? *batch : draws.from_to(1, 4), draws.from_to(least, 6), draws.from_to(1, 7)},
                  static_cast<int>(draws.from_to(2, 14))};
  const auto [b, u, t] = program.sizes;
  program.reverse = draws.chance(2);
  // Most programs keep their rows apart, as cells do; the others have a carry without rows.
  const std::vector<Shape> states = {{b, u}, {b, u}, {b, u}, {b, 1}, {b, 2 * u}, {b, 2, u}, {b, u, u}};
  const std::vector<Shape> rare = {{}, {u}, {b}, {u, b}};
  const auto carries = static_cast<Index>(1 + draws.below(3));
  const bool odd = draws.chance(6);
  for (Index i = 0; i < carries; ++i) {
    const Shape shape = odd && draws.chance(2) ? draws.of(rare) : i == 0 ? states[0] : draws.of(states);
    program.carries.push_back(draws.numbers(shape, 0.8));
  }
  if (draws.chance(12)) program.carries.push_back(draws.bits({b}));
  const std::vector<Shape> inputs = {{t, b, u}, {t, b, u}, {t, b, 3}, {t, b, 1}, {t, b, 2, u}, {t}, {t, b}};
  const std::size_t sequences = draws.below(3);
  for (std::size_t i = 0; i < sequences; ++i) program.sequences.push_back(draws.numbers(draws.of(inputs), 1));
  if (draws.chance(3)) {
    const Tensor mask = draws.numbers(draws.chance(2) ? Shape{t, b, 1} : Shape{t, b}, 1) > -0.4;
    program.sequences.push_back(mask);
  }
  if (draws.chance(4)) program.sequences.push_back(draws.bits({t, b}));
  const std::vector<Shape> shapes = {{u}, {1, u},    {b, 1}, {},     {b, u},
                                     {1}, {b, 1, u}, {u, u}, {3, u}, {2 * u, u}};
  const std::size_t constants = 1 + draws.below(4);
  for (std::size_t i = 0; i < constants; ++i)
    program.constants.push_back(draws.numbers(draws.of(shapes), 0.8));
  const std::vector<Shape> matrices = {{u, u}, {u, u}, {3, u}, {u, 2 * u}, {1, u}};
  const std::size_t weights = 1 + draws.below(3);
  for (std::size_t i = 0; i < weights; ++i) {
    program.weights.push_back(draws.numbers(draws.of(matrices), 1 / std::sqrt(static_cast<double>(u))));
  }
  if (draws.chance(3)) {
    const Tensor mask = draws.numbers({b, u}, 1) > 0;
    program.constants.push_back(mask);
  }
  return program;
}

inline std::string text_of(const Program& program) {
  std::ostringstream text;
  text << "program " << program.seed << ", batch " << program.sizes.batch << ", units " << program.sizes.units
       << ", steps " << program.sizes.steps << (program.reverse ? ", reverse" : "") << '\n';
  std::vector<Tensor> outside = program.constants;
  outside.insert(outside.end(), program.weights.begin(), program.weights.end());
  std::vector<Tensor> inputs;
  for (const Tensor& sequence : program.sequences) inputs.push_back(sequence[0]);
  Builder(program, outside, program.carries, inputs, &text).build();
  return text.str();
}

}  // namespace scan_programs
