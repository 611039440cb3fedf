#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <map>
#include <memory>

#include <unspool/autograd/arithmetic.h>
#include <unspool/autograd/check_operation.h>
#include <unspool/autograd/conversion.h>
#include <unspool/autograd/gradcheck.h>
#include <unspool/autograd/internal/axes.h>
#include <unspool/autograd/internal/compare.h>
#include <unspool/autograd/joining.h>
#include <unspool/autograd/product.h>
#include <unspool/autograd/reduction.h>
#include <unspool/autograd/shaping.h>
#include <unspool/autograd/views.h>
#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/core/memory.h>
#include <unspool/core/random.h>

namespace unspool {
namespace {

using internal::difference;
using internal::disagreement;
using internal::same_bits;
using internal::TensorAccess;

constexpr std::uint64_t seed = 0x636865636bULL;
/// A random tensor in the range of an operand. Integers are drawn from [low, high).
Tensor draw(const Operand& operand, std::uint64_t stream) {
  const RandomKey key{seed, stream};
  const auto count = static_cast<std::size_t>(operand.shape.elements());
  std::vector<double> values(count);
  fill_uniform(key, std::span<double>(values));
  if (operand.distinct) {
    // One number in the middle half of each of `count` equal intervals, in random order.
    const std::vector<Index> cells = permutation(static_cast<Index>(count), {seed, ~stream});
    for (std::size_t i = 0; i < count; ++i) {
      values[i] = (static_cast<double>(cells[i]) + 0.25 + 0.5 * values[i]) / static_cast<double>(count);
    }
  }
  if (operand.dtype == boolean) {
    return Tensor::generate<bool>(operand.shape, [&](std::span<bool> out) {
      for (std::size_t i = 0; i < count; ++i) out[i] = values[i] < 0.5;
    });
  }
  for (double& value : values) {
    value = operand.range.low + value * (operand.range.high - operand.range.low);
    if (!is_floating(operand.dtype)) value = std::floor(value);
  }
  return cast(Tensor::from(values, operand.shape), operand.dtype);
}

double rounding(DType dtype) { return dtype == float32 ? 1e-4 : 1e-11; }

/// An output with guard elements around it, which detect a kernel that writes less or more than its shape
/// rule says.
class Guarded {
 public:
  Guarded(const Spec& spec, unsigned char fill)
      : spec_(spec),
        bytes_(static_cast<std::size_t>(spec.shape.elements()) * size_of(spec.dtype)),
        block_(static_cast<unsigned char*>(allocate(bytes_ + 2 * guard))) {
    std::memset(block_, fill, bytes_ + 2 * guard);
    fill_ = fill;
  }
  ~Guarded() { deallocate(block_, bytes_ + 2 * guard); }
  Guarded(const Guarded&) = delete;
  Guarded& operator=(const Guarded&) = delete;

  Array array() const { return {block_ + guard, &spec_.shape, spec_.dtype}; }
  bool guards_hold() const {
    const auto holds = [&](const unsigned char* from) {
      return std::all_of(from, from + guard, [&](unsigned char byte) { return byte == fill_; });
    };
    return holds(block_) && holds(block_ + guard + bytes_);
  }
  bool same_bits(const Guarded& other) const {
    return bytes_ == 0 || std::memcmp(block_ + guard, other.block_ + guard, bytes_) == 0;
  }

 private:
  static constexpr std::size_t guard = 4096;
  Spec spec_;
  std::size_t bytes_;
  unsigned char* block_;
  unsigned char fill_;
};

/// Calls the kernel without the shape rule, for outputs of the given shapes.
Tensors run_kernel(const Operation& operation, std::span<const Tensor> inputs, const Attributes& attributes,
                   const Specs& specs) {
  Tensors outputs(specs.size());
  if (operation.kernel.view) {
    outputs[0] = TensorAccess::alias(inputs[0], specs[0].shape);
    return outputs;
  }
  std::vector<Array> in;
  for (const Tensor& input : inputs) {
    in.push_back({const_cast<void*>(input.raw()), &input.shape(), input.dtype()});
  }
  std::vector<Array> out;
  for (std::size_t i = 0; i < specs.size(); ++i) {
    outputs[i] = TensorAccess::allocate(specs[i].shape, specs[i].dtype);
    out.push_back({TensorAccess::data(outputs[i]), &outputs[i].shape(), specs[i].dtype});
  }
  operation.kernel.run({in, out, attributes});
  return outputs;
}

class Checker {
 public:
  explicit Checker(OperationRef operation) : operation_(operation) {}

  CheckReport run() {
    names();
    const std::vector<Example> examples = operation_->examples.list();
    if (examples.empty()) fail("expected at least one example, got none");
    for (const Example& example : examples) {
      ++example_;
      call_.clear();
      try {
        check(example);
      } catch (const std::exception& error) {
        fail(std::string("throws: ") + error.what());
      }
    }
    call_.clear();
    needless();
    return std::move(report_);
  }

 private:
  void expect(bool holds, const std::string& what) {
    ++report_.checks;
    if (!holds) fail(what);
  }
  void fail(const std::string& what) {
    report_.failures.push_back(call_.empty() ? fmt::format("{}: {}", operation_->name, what)
                                             : fmt::format("{} (example {}): {}", call_, example_, what));
  }

  void names() {
    expect(!operation_->name.empty(), "name: expected a name, got none");
    expect(!operation_->summary.empty(), "name: expected a summary, got none");
    for (const OperationList& list : operation_tables()) {
      for (std::size_t i = 0; i < list.size(); ++i) {
        if (list[i] == operation_) continue;
        expect(list[i]->name != operation_->name, "name: another operation has this name");
      }
    }
  }

  void check(const Example& example) {
    inputs_.clear();
    for (std::size_t i = 0; i < example.operands.size(); ++i) {
      inputs_.push_back(draw(example.operands[i], stream(i, 0)));
    }
    attributes_ = example.attributes;
    const Call call{*operation_, inputs_, attributes_};
    call_ = call.describe();
    if (!memory(call)) return;
    outputs_ = apply_all(operation_, inputs_, attributes_);
    shapes(call);
    single_precision();
    rows(call);
    forms(call);
    bounds();
    if (gradient_rule(call)) gradients();
  }

  std::uint64_t stream(std::size_t operand, Index step) const {
    return example_ * 1000 + operand * 10 + static_cast<std::uint64_t>(step);
  }

  /// Checks that the kernel writes exactly what the shape rule says. Returns false if running it would be
  /// unsafe.
  bool memory(const Call& call) {
    specs_ = operation_->shape(call);
    for (const Spec& spec : specs_) {
      expect(spec.shape.known(),
             "shape: expected known sizes, since those of the operands are, got an unknown one");
      if (!spec.shape.known()) return false;
    }
    const Kernel& kernel = operation_->kernel;
    if (operation_->elementwise()) {
      Shape shape;
      for (const Tensor& input : inputs_) {
        if (!broadcast(shape, input.shape(), shape)) return false;
      }
      const bool fits = specs_.size() == 1 && specs_[0].shape == shape;
      expect(fits, "shape: expected the broadcast shape of the operands of an elementwise operation");
      if (!fits) return false;
    }
    if (kernel.view) {
      const bool fits = specs_.size() == 1 && specs_[0].shape.elements() == inputs_[0].size() &&
                        specs_[0].dtype == inputs_[0].dtype();
      expect(fits, "shape: expected a view to have the dtype and the number of elements of its operand");
      return fits;
    }
    std::vector<Array> in;
    for (const Tensor& input : inputs_) {
      in.push_back({const_cast<void*>(input.raw()), &input.shape(), input.dtype()});
    }
    std::array<std::vector<std::unique_ptr<Guarded>>, 2> runs;
    for (std::size_t run = 0; run < 2; ++run) {
      std::vector<Array> out;
      for (const Spec& spec : specs_) {
        runs[run].push_back(std::make_unique<Guarded>(spec, run == 0 ? 0x00 : 0xA5));
        out.push_back(runs[run].back()->array());
      }
      kernel.run({in, out, attributes_});
    }
    bool inside = true;
    for (std::size_t i = 0; i < specs_.size(); ++i) {
      const bool holds = runs[0][i]->guards_hold() && runs[1][i]->guards_hold();
      inside = inside && holds;
      expect(holds, fmt::format("shape: the kernel writes past the end of output {} of shape {}", i,
                                unspool::to_string(specs_[i].shape)));
      expect(runs[0][i]->same_bits(*runs[1][i]),
             fmt::format("shape: the kernel does not write all elements of output {} of shape {}", i,
                         unspool::to_string(specs_[i].shape)));
    }
    return inside;
  }

  /// Checks that the shape rule for unknown sizes agrees with that for known sizes.
  void shapes(const Call& call) {
    std::vector<std::pair<std::size_t, int>> places;
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
      for (int axis = 0; axis < call.rank(i); ++axis) places.emplace_back(i, axis);
    }
    const std::size_t all = std::size_t{1} << std::min<std::size_t>(places.size(), 20);
    for (std::size_t n = 1; n < std::min<std::size_t>(all, 257); ++n) {
      // All subsets if there are few, else all sizes at once and some subsets.
      const std::size_t mask = all <= 257 ? n : n == 1 ? all - 1 : random_bits({seed, n}, 0) % all;
      std::vector<Shape> shapes;
      for (const Tensor& input : inputs_) shapes.push_back(input.shape());
      for (std::size_t k = 0; k < places.size(); ++k) {
        if ((mask >> k & 1U) != 0) shapes[places[k].first].set(places[k].second, unknown);
      }
      Tensors abstract(inputs_.size());
      for (std::size_t i = 0; i < inputs_.size(); ++i) {
        abstract[i] = TensorAccess::abstract(shapes[i], inputs_[i].dtype());
      }
      const Call partly{*operation_, abstract, attributes_};
      std::string what;
      try {
        const Specs specs = operation_->shape(partly);
        if (specs.size() != specs_.size())
          what = fmt::format("expected {} outputs, got {}", specs_.size(), specs.size());
        for (std::size_t i = 0; what.empty() && i < specs.size(); ++i) {
          if (!compatible(specs[i].shape, specs_[i].shape) || specs[i].dtype != specs_[i].dtype) {
            what = fmt::format("output {} is {}{}, but {}{} if all sizes are known", i,
                               name_of(specs[i].dtype), unspool::to_string(specs[i].shape),
                               name_of(specs_[i].dtype), unspool::to_string(specs_[i].shape));
          }
        }
      } catch (const std::exception& error) {
        what = std::string("throws: ") + error.what();
      }
      expect(what.empty(), fmt::format("shape: for {}: {}", partly.describe(), what));
      if (!what.empty()) return;
    }
  }

  void single_precision() {
    Tensors single(inputs_);
    bool any = false;
    for (Tensor& input : single) {
      any = any || input.dtype() == float64;
      if (input.dtype() == float64) input = cast(input, float32);
    }
    // A traced body has fixed dtypes.
    const bool traced = std::ranges::any_of(attributes_, [](const Attributes::Entry& entry) {
      return std::holds_alternative<std::shared_ptr<const Payload>>(entry.second);
    });
    if (!any || traced) return;
    const Tensors outputs = apply_all(operation_, single, attributes_);
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      if (!is_floating(outputs[i].dtype())) continue;
      const std::string where = difference(outputs[i], outputs_[i], 1e-3);
      expect(where.empty(), "float32: differs from float64 " + where);
    }
  }

  /// The part [begin, end) of an operand along the first axis.
  static Tensor rows_of(const Tensor& x, Index begin, Index end) { return slice(x, 0, begin, end); }

  void rows(const Call& call) {
    std::vector<Rows> claims(inputs_.size());
    operation_->rows(call, claims);
    const auto claimed = [&](Rows kind) {
      return std::find(claims.begin(), claims.end(), kind) != claims.end();
    };
    const bool summed = claimed(Rows::summed);
    if (!summed && !claimed(Rows::same)) return;
    expect(!(summed && claimed(Rows::same)),
           "rows: expected all operands with rows to be `summed`, or all `same`, got both");
    if (summed && claimed(Rows::same)) return;
    std::optional<Index> count;
    for (std::size_t i = 0; i < claims.size(); ++i) {
      if (claims[i] == Rows::all) continue;
      const bool has = call.rank(i) > 0 && (!count || *count == call.shape(i)[0]);
      expect(has, fmt::format("rows: operand {} does not have the rows that `rows` says", i));
      if (!has) return;
      count = call.shape(i)[0];
    }
    Specs part_specs = specs_;
    for (std::size_t i = 0; !summed && i < specs_.size(); ++i) {
      const bool has = !specs_[i].shape.empty() && specs_[i].shape[0] == *count;
      expect(has, fmt::format("rows: output {} does not have the rows that `rows` says", i));
      if (!has) return;
    }
    const auto part = [&](Index begin, Index end) {
      Tensors operands(inputs_);
      for (std::size_t i = 0; i < claims.size(); ++i) {
        if (claims[i] != Rows::all) operands[i] = rows_of(inputs_[i], begin, end);
      }
      for (Spec& spec : part_specs) {
        if (!summed) spec.shape.set(0, end - begin);
      }
      return run_kernel(*operation_, operands, attributes_, part_specs);
    };
    if (!summed) {
      for (const Index width : {Index{1}, Index{2}}) {
        for (Index row = 0; row < *count; row += width) {
          const Index end = std::min(row + width, *count);
          const Tensors outputs = part(row, end);
          for (std::size_t i = 0; i < outputs.size(); ++i) {
            const std::string where = disagreement(outputs[i], rows_of(outputs_[i], row, end), 0);
            expect(where.empty(),
                   fmt::format("rows: output {}: row {} computed alone and with the others differ {}", i, row,
                               where));
            if (!where.empty()) return;
          }
        }
      }
      return;
    }
    if (*count == 0) return;
    Tensors total = part(0, 1);
    for (Index row = 1; row < *count; ++row) {
      const Tensors outputs = part(row, row + 1);
      for (std::size_t i = 0; i < total.size(); ++i) total[i] = total[i] + outputs[i];
    }
    for (std::size_t i = 0; i < total.size(); ++i) {
      const std::string where = disagreement(total[i], outputs_[i], rounding(outputs_[i].dtype()));
      expect(where.empty(),
             fmt::format("rows: output {}: the sum over rows and the whole differ {}", i, where));
    }
  }

  /// Checks that results are within the bounds that the record states.
  void bounds() {
    const auto [low, high] = operation_->bounds;
    if (operation_->bounds == Bounds()) return;
    for (std::size_t i = 0; i < outputs_.size(); ++i) {
      for (const double value : outputs_[i].to_vector<double>()) {
        if (value >= low && value <= high) continue;
        expect(false, fmt::format("bounds: output {} has {}, expected {} to {}", i, value, low, high));
        return;
      }
    }
    expect(true, "bounds");
  }

  /// Checks that the kernel computes what the form says.
  void forms(const Call& call) {
    if (operation_->form == nullptr) return;
    const Form form = operation_->form(call);
    if (std::holds_alternative<std::monostate>(form)) return;
    const auto is = [&](const char* name, std::size_t operands, std::size_t outputs, bool matrices) {
      bool fits = inputs_.size() == operands && outputs_.size() == outputs;
      for (std::size_t i = 0; matrices && i < inputs_.size(); ++i) fits = fits && call.rank(i) == 2;
      expect(fits, fmt::format(
                       "form: {} of {} operands{} has {} outputs, expected {} operands and {} outputs", name,
                       inputs_.size(), matrices ? ", matrices," : "", outputs_.size(), operands, outputs));
      return fits;
    };
    const auto same = [&](const char* name, std::size_t i, const Tensor& expected, double tolerance) {
      const std::string where = disagreement(outputs_[i], expected, tolerance);
      expect(where.empty(), fmt::format("form: output {} and the {} differ {}", i, name, where));
    };
    if (const auto* const product = std::get_if<form::Product>(&form)) {
      if (!is("a product", 2, 1, false)) return;
      same("product", 0, matmul(inputs_[0], inputs_[1], product->transpose_a, product->transpose_b),
           rounding(call.dtype()));
    } else if (const auto* const columns = std::get_if<form::Columns>(&form)) {
      if (!is("columns", 1, columns->first.size(), false)) return;
      for (std::size_t i = 0; i < outputs_.size(); ++i) {
        const Index first = columns->first[i];
        const Index end = first + (outputs_[i].rank() < 2 ? 0 : outputs_[i].shape()[1]);
        const bool inside =
            call.rank() >= 2 && outputs_[i].rank() == call.rank() && first >= 0 && end <= call.shape()[1];
        expect(inside, fmt::format("form: columns {} to {} are out of range for {}", first, end,
                                   unspool::describe(inputs_[0])));
        if (inside) same("columns", i, slice(inputs_[0], 1, first, end), 0);
      }
    } else if (const auto* const parts = std::get_if<form::Parts>(&form)) {
      if (!is("parts", 1, parts->begin.size(), false)) return;
      for (std::size_t i = 0; i < outputs_.size(); ++i) {
        const Shape& begin = parts->begin[i];
        const Shape& size = outputs_[i].shape();
        bool inside = begin.rank() == call.rank() && size.rank() == call.rank();
        for (int axis = 0; inside && axis < call.rank(); ++axis)
          inside = begin[axis] + size[axis] <= call.shape()[axis];
        expect(inside, fmt::format("form: a part {} that begins at {} is out of range for {}",
                                   to_string(size), to_string(begin), unspool::describe(inputs_[0])));
        if (!inside) continue;
        Tensor part = inputs_[0];
        for (int axis = 0; axis < call.rank(); ++axis)
          part = slice(part, axis, begin[axis], begin[axis] + size[axis]);
        same("parts", i, part, 0);
      }
    } else if (const auto* const placed = std::get_if<form::Placed>(&form)) {
      if (!is("a placed part", 1, 1, false)) return;
      Tensor whole = inputs_[0];
      bool inside = placed->begin.rank() == call.rank() && outputs_[0].rank() == call.rank();
      std::vector<std::array<Index, 2>> around;
      for (int axis = 0; inside && axis < call.rank(); ++axis) {
        const Index behind = outputs_[0].shape()[axis] - call.shape()[axis] - placed->begin[axis];
        around.push_back({placed->begin[axis], behind});
        inside = behind >= 0;
      }
      expect(inside,
             fmt::format("form: {}, placed at {}, is out of range for {}", unspool::describe(inputs_[0]),
                         to_string(placed->begin), unspool::describe(outputs_[0])));
      if (inside) same("placed part", 0, pad(inputs_[0], around), 0);
    } else if (const auto* const joined = std::get_if<form::Concatenation>(&form)) {
      if (is("a concatenation", inputs_.size(), 1, false))
        same("concatenation", 0, concat({inputs_.begin(), inputs_.end()}, joined->axis), 0);
    } else if (std::holds_alternative<form::RowSum>(form)) {
      if (!is("a sum over rows", 1, 1, true)) return;
      const bool fits = outputs_[0].size() == call.shape()[1];
      expect(fits, fmt::format("form: a sum over the rows of {} has {} elements, expected {}",
                               unspool::describe(inputs_[0]), outputs_[0].size(), call.shape()[1]));
      if (!fits) return;
      same("sum over rows", 0, reshape(sum(inputs_[0], {0}), outputs_[0].shape()), rounding(call.dtype()));
    } else if (std::holds_alternative<form::Sum>(form)) {
      if (!is("a sum", 1, 1, false)) return;
      const bool fits = outputs_[0].size() == 1;
      expect(fits, fmt::format("form: the sum of {} has {} elements, expected 1",
                               unspool::describe(inputs_[0]), outputs_[0].size()));
      if (fits) same("sum", 0, reshape(sum(inputs_[0]), outputs_[0].shape()), rounding(call.dtype()));
    } else if (std::holds_alternative<form::Addition>(form)) {
      if (is("an addition", 2, 1, false)) same("sum of both", 0, inputs_[0] + inputs_[1], 0);
    } else if (std::holds_alternative<form::Transposition>(form)) {
      if (is("a transposition", 1, 1, true)) same("transposed matrix", 0, transpose(inputs_[0]), 0);
    } else if (std::holds_alternative<form::Broadcast>(form)) {
      if (!is("a broadcast", 1, 1, false)) return;
      const Tensor from = reshape(inputs_[0], without_leading_ones(call.shape()));
      Shape both;
      const bool fits = broadcast(from.shape(), outputs_[0].shape(), both) && both == outputs_[0].shape();
      expect(fits, fmt::format("form: {} cannot be broadcast to {}", unspool::describe(inputs_[0]),
                               unspool::describe(outputs_[0])));
      if (fits) same("broadcast", 0, cast(broadcast_to(from, outputs_[0].shape()), outputs_[0].dtype()), 0);
    } else if (std::holds_alternative<form::Selection>(form)) {
      if (is("a selection", 3, 1, false)) same("selection", 0, where(inputs_[0], inputs_[1], inputs_[2]), 0);
    }
  }

  /// Whether each tensor is kept: the operands, then the outputs.
  SmallVector<bool, 16> what_is_kept() const {
    SmallVector<bool, 16> kept(inputs_.size() + outputs_.size());
    const std::span<bool> all(kept.data(), kept.size());
    keeps({*operation_, inputs_, attributes_}, outputs_, all.first(inputs_.size()),
          all.last(outputs_.size()));
    return kept;
  }

  /// Runs the gradient rule on what is kept without one tensor, which is counted over operands and then
  /// outputs.
  std::vector<Tensor> run_rule(std::span<const Tensor> cotangents, std::span<const bool> needed,
                               std::size_t without) {
    Tensors inputs(inputs_);
    Tensors outputs(outputs_);
    const SmallVector<bool, 16> kept = what_is_kept();
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      if (!kept[i] || i == without) {
        inputs[i] = TensorAccess::without_elements(inputs[i]);
      }
    }
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      if (!kept[inputs.size() + i] || inputs.size() + i == without) {
        outputs[i] = TensorAccess::without_elements(outputs[i]);
      }
    }
    const Call call{*operation_, inputs, attributes_};
    std::vector<Tensor> gradients(inputs.size());
    Tensors given(cotangents);  // A copy, since the rule may replace missing ones by zeros.
    Backward backward(call, outputs, given, needed, gradients);
    operation_->gradient(backward);
    return gradients;
  }

  /// Checks that the gradient rule fills what is needed, from what is kept. Returns false if there is nothing
  /// to differentiate, or if the rule fails.
  bool gradient_rule(const Call& call) {
    if (operation_->gradient == nullptr) return false;
    Tensors cotangents(outputs_.size());
    bool differentiable = false;
    for (std::size_t i = 0; i < outputs_.size(); ++i) {
      if (!is_floating(outputs_[i].dtype())) continue;
      differentiable = true;
      cotangents[i] =
          cast(draw({.shape = outputs_[i].shape()}, stream(99, static_cast<Index>(i))), outputs_[i].dtype());
    }
    const std::size_t operands = inputs_.size();
    SmallVector<bool, 8> needed(operands);
    std::size_t wanted = 0;
    for (std::size_t i = 0; i < operands; ++i) {
      needed[i] = is_floating(call.dtype(i));
      wanted += needed[i] ? 1U : 0U;
    }
    if (!differentiable || wanted == 0) return false;
    std::vector<Tensor> full;
    try {
      full = run_rule(cotangents, needed, nothing);
    } catch (const RuntimeError& error) {
      expect(false, std::string("keep: the gradient rule reads a tensor that is not kept: ") + error.what());
      return false;
    }
    for (std::size_t i = 0; i < operands; ++i) {
      expect(needed[i] || !full[i], fmt::format("gradient: dx({}) is set though it is not needed", i));
    }
    for (std::size_t i = 0; wanted > 1 && i < operands; ++i) {
      if (!needed[i]) continue;
      SmallVector<bool, 8> only(operands);
      std::fill(only.begin(), only.end(), false);
      only[i] = true;
      const std::vector<Tensor> alone = run_rule(cotangents, only, nothing);
      for (std::size_t k = 0; k < operands; ++k) {
        const bool right = k != i ? !alone[k]
                                  : static_cast<bool>(alone[k]) == static_cast<bool>(full[k]) &&
                                        (!alone[k] || same_bits(alone[k], full[k]));
        expect(right, k != i
                          ? fmt::format("gradient: dx({}) is set though only dx({}) is needed", k, i)
                          : fmt::format("gradient: dx({}) depends on which other gradients are needed", i));
      }
    }
    // Whether a kept tensor is ever read is known after the last example.
    const SmallVector<bool, 16> kept = what_is_kept();
    for (std::size_t i = 0; i < operands + outputs_.size(); ++i) {
      const bool input = i < operands;
      const std::size_t place = input ? i : i - operands;
      if (!kept[i]) continue;
      bool& read = reads_[{input ? "operand" : "output", place}];
      try {
        run_rule(cotangents, needed, i);
      } catch (const RuntimeError&) {
        read = true;
      }
    }
    return true;
  }

  void needless() {
    for (const auto& [kept, read] : reads_) {
      expect(read, fmt::format("keep: {} {} is kept, but the gradient rule never reads it", kept.first,
                               kept.second));
    }
  }

  /// Checks first and second derivatives with respect to operands and output gradients against central
  /// differences.
  void gradients() {
    std::vector<Tensor> moved;
    std::vector<std::size_t> places;
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
      if (inputs_[i].dtype() != float64) continue;
      places.push_back(i);
      moved.push_back(inputs_[i]);
    }
    if (moved.empty()) return;
    std::vector<std::size_t> floating;
    bool single = false;
    for (std::size_t i = 0; i < outputs_.size(); ++i) {
      if (!is_floating(outputs_[i].dtype())) continue;
      single = single || outputs_[i].dtype() == float32;
      floating.push_back(i);
      moved.push_back(draw({.shape = outputs_[i].shape()}, stream(98, static_cast<Index>(i))));
    }
    const auto function = [&](const std::vector<Tensor>& at) {
      Tensors operands(inputs_);
      for (std::size_t k = 0; k < places.size(); ++k) operands[places[k]] = at[k];
      const Tensors outputs = apply_all(operation_, operands, attributes_);
      std::vector<Tensor> weighted;
      for (std::size_t k = 0; k < floating.size(); ++k) {
        weighted.push_back(cast(outputs[floating[k]], float64) * at[places.size() + k]);
      }
      return weighted;
    };
    GradcheckOptions options{.entries = 12};
    // Differences of float32 numbers need a large step.
    if (single) options = {.step = 1.0 / 64, .tolerance = 1e-3, .second_tolerance = 1e-3, .entries = 12};
    const GradcheckResult result = gradcheck(function, moved, {}, options);
    expect(static_cast<bool>(result), "gradient: " + result.message);
  }

  static constexpr std::size_t nothing = ~std::size_t{0};

  OperationRef operation_;
  CheckReport report_;
  std::size_t example_ = 0;
  std::string call_;
  // The current example.
  std::vector<Tensor> inputs_;
  Attributes attributes_;
  Specs specs_;
  Tensors outputs_;
  /// Whether each tensor that `keep` names is read in some example.
  std::map<std::pair<std::string_view, std::size_t>, bool> reads_;
};

}  // namespace

CheckReport check_operation(OperationRef operation) { return Checker(operation).run(); }

}  // namespace unspool
