#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <unspool/autograd/attributes.h>
#include <unspool/core/array.h>
#include <unspool/core/small_vector.h>
#include <unspool/core/tensor.h>

/// An operation is declared once, as one record: everything else (eager execution, gradients of any order,
/// tracing, checks, printing) follows from it. docs/design/tape.md explains the parts.
namespace unspool {

struct Operation;

using Tensors = SmallVector<Tensor, 4>;

/// What is known of a tensor without its elements.
struct Spec {
  Shape shape;
  DType dtype = float32;
  friend bool operator==(const Spec&, const Spec&) = default;
};
using Specs = SmallVector<Spec, 1>;

/// One use of an operation, as its rules see it.
struct Call {
  const Operation& operation;
  std::span<const Tensor> inputs;
  const Attributes& attributes;

  const Shape& shape(std::size_t i = 0) const { return inputs[i].shape(); }
  DType dtype(std::size_t i = 0) const { return inputs[i].dtype(); }
  int rank(std::size_t i = 0) const { return inputs[i].rank(); }
  /// The attribute "axis", counted from the front of operand i.
  int axis(std::size_t i = 0) const;
  /// The attribute "axes" likewise, sorted; IndexError out of range, ValueError if one comes twice.
  std::vector<int> axes(std::size_t i = 0) const;
  /// "matmul(float32[2, 3], float32[4, 5], transpose_a=true)".
  std::string describe() const;
  /// ValueError and TypeError that name this call: "matmul(...): <what>".
  [[noreturn]] void fail(const std::string& what) const;
  [[noreturn]] void fail_type(const std::string& what) const;
};

/// Gives the shape and dtype of each output, or throws through Call::fail. Dimensions may be unknown.
using ShapeRule = Specs (*)(const Call&);

struct KernelCall {
  std::span<const Array> inputs;
  std::span<const Array> outputs;
  const Attributes& attributes;
};

/// How an operation is computed. Outputs are row-major, not initialised, and overlap no input. Sizes are
/// those of the arrays, not of the attributes: some of the rows (see Rows) are computed by a call with fewer.
struct Kernel {
  void (*run)(const KernelCall&) = nullptr;
  /// Elementwise operations (see autograd/elementwise.h): some elements in a row. run() does broadcasting
  /// with it.
  BlockFunction block = nullptr;
  /// What the block calls for float32, if that has a function of its own.
  BlockFunction of_floats = nullptr;
  /// The output has the elements of operand 0, in the same order: nothing is computed.
  bool view = false;
};

/// What the gradient rule reads of operands and outputs. Whatever is not named here it sees as abstract
/// tensors: shape and dtype, no value.
struct Keep {
  std::uint32_t inputs = 0;
  std::uint32_t outputs = 0;
  friend constexpr Keep operator|(Keep a, Keep b) { return {a.inputs | b.inputs, a.outputs | b.outputs}; }
};
namespace keep {
inline constexpr Keep nothing{};
inline constexpr Keep all_inputs{~0U, 0};
inline constexpr Keep all_outputs{0, ~0U};
constexpr Keep input(unsigned i = 0) { return {1U << i, 0}; }
constexpr Keep output(unsigned i = 0) { return {0, 1U << i}; }
}  // namespace keep

/// Says, for each operand and output of one use, whether its gradient reads it.
using KeepRule = void (*)(const Call&, std::span<const Tensor> outputs, std::span<bool> inputs_kept,
                          std::span<bool> outputs_kept);

/// What a gradient rule sees and fills: dx(i) for every i that it needs(i).
class Backward {
 public:
  Backward(const Call& call, std::span<const Tensor> outputs, std::span<Tensor> cotangents,
           std::span<const bool> needed, std::span<Tensor> gradients)
      : call_(call),
        outputs_(outputs),
        cotangents_(cotangents.data()),
        needed_(needed.data()),
        gradients_(gradients.data()) {}

  const Call& call() const { return call_; }
  const Attributes& attributes() const { return call_.attributes; }
  std::size_t operands() const { return call_.inputs.size(); }
  /// Operand i; abstract unless kept.
  const Tensor& x(std::size_t i = 0) const { return call_.inputs[i]; }
  /// Output i; abstract unless kept.
  const Tensor& y(std::size_t i = 0) const { return outputs_[i]; }
  std::size_t outputs() const { return outputs_.size(); }
  /// True if the loss depends on output i. Always so where there is only one output.
  bool has_dy(std::size_t i) const { return static_cast<bool>(cotangents_[i]); }
  /// The gradient by output i; zeros if the loss does not depend on it.
  const Tensor& dy(std::size_t i = 0) const { return cotangents_[i] ? cotangents_[i] : zero_dy(i); }
  /// Whether anybody asks for the gradient by operand i.
  bool needs(std::size_t i) const { return needed_[i]; }
  /// Where the gradient by operand i goes. Left empty it is zero. For elementwise operations it may have the
  /// output's shape: it is summed to the operand's afterwards.
  Tensor& dx(std::size_t i = 0) { return gradients_[i]; }

 private:
  const Tensor& zero_dy(std::size_t i) const;

  const Call& call_;
  std::span<const Tensor> outputs_;
  Tensor* cotangents_;
  const bool* needed_;
  Tensor* gradients_;
};
/// Written in the same operations, so that gradients have gradients. Null: the operation has none (its
/// outputs are constants to every tape).
using GradientRule = void (*)(Backward&);

/// How row i (index i of the first axis) of the output follows from an operand.
enum class Rows : std::uint8_t {
  same,    ///< from row i of it
  all,     ///< from all of it
  summed,  ///< the output has no such rows: it is the sum, over rows i, of what row i of this operand gives
};
/// Fills one entry per operand. All of them `all`: the operation mixes rows or has none.
using RowsRule = void (*)(const Call&, std::span<Rows> operands);

/// What an operation is, beside a kernel to call: the scan compiler computes these forms itself, or moves no
/// data for them at all. A record that states a form promises that its kernel computes exactly that;
/// check_operation() holds it to the promise.
namespace form {
/// The output is op(x0) op(x1), for two matrices, each transposed where said.
struct Product {
  bool transpose_a = false;
  bool transpose_b = false;
};
/// Output i is a range of the columns of x0 (its axis 1), which begins at first[i]; all other axes are whole.
struct Columns {
  SmallVector<Index, 4> first;
};
/// The output is the operands side by side along axis 1.
struct Concatenation {};
/// The output is the sum over axis 0 of x0, a matrix.
struct RowSum {};
/// The output is x0 + x1, with their shapes broadcast.
struct Addition {};
}  // namespace form

/// None of them: the operation is its kernel.
using Form = std::variant<std::monostate, form::Product, form::Columns, form::Concatenation, form::RowSum,
                          form::Addition>;
/// Called with operands without values, of known shapes.
using FormRule = Form (*)(const Call&);

/// The interval from which checks draw an operand's elements.
struct Range {
  double low = -1;
  double high = 1;
};
/// An operand of an example.
struct Operand {
  Shape shape;
  Range range{};
  /// float64 operands are differentiated by the checks.
  DType dtype = float64;
  /// Elements are distinct, apart by at least a hundredth of the range (for maxima and sorting).
  bool distinct = false;
};
struct Example {
  std::vector<Operand> operands;
  Attributes attributes{};
};

/// Valid uses of an operation, from which every check makes its operands: for elementwise operations a range
/// an operand (shapes follow: broadcast, empty, scalar), else a function that lists them. It has no default:
/// a record without an example does not compile.
class Examples {
 public:
  constexpr Examples(std::initializer_list<Range> ranges) : count_(ranges.size()) {
    std::size_t i = 0;
    for (Range range : ranges) ranges_[i++] = range;
  }
  template <class F>
  requires std::is_convertible_v < F, std::vector<Example>(*)
  () > constexpr Examples(F make) : make_(make) {}

  std::vector<Example> list() const;

 private:
  std::array<Range, 4> ranges_{};
  std::size_t count_ = 0;
  std::vector<Example> (*make_)() = nullptr;
};

namespace rows {
/// Elementwise: the same row of operands that have it, all of those that are broadcast along it.
void elementwise(const Call& call, std::span<Rows> operands);
/// Nothing can be said.
void mixed(const Call& call, std::span<Rows> operands);
}  // namespace rows

namespace shapes {
/// One floating or integer dtype for all operands; the broadcast of their shapes.
Specs elementwise(const Call& call);
/// The same for floating dtypes only.
Specs floating(const Call& call);
}  // namespace shapes

/// The record.
struct Operation {
  std::string_view name;
  /// One line for the manual: what it computes, with its formula.
  std::string_view summary;
  ShapeRule shape = shapes::floating;
  Kernel kernel;
  GradientRule gradient = nullptr;
  Keep keep = keep::nothing;
  /// Which of `keep`, where that depends on the use.
  KeepRule keep_rule = nullptr;
  RowsRule rows = rows::elementwise;
  /// Null: the operation has no form of its own.
  FormRule form = nullptr;
  /// Computing it once more takes less than keeping what it gave, where what it reads is kept anyway.
  bool cheap = false;
  Examples examples;

  bool elementwise() const { return kernel.block != nullptr; }
};

/// A record that stands in a table; only tables make these, so what stands in no table cannot be run.
class OperationRef {
 public:
  constexpr const Operation& operator*() const { return *record_; }
  constexpr const Operation* operator->() const { return record_; }
  friend constexpr bool operator==(OperationRef, OperationRef) = default;

 private:
  template <std::size_t count>
  friend class OperationTable;
  friend class OperationList;
  constexpr explicit OperationRef(const Operation* record) : record_(record) {}
  const Operation* record_;
};

/// Whether the gradient of this use reads each operand and each output.
void keeps(const Call& call, std::span<const Tensor> outputs, std::span<bool> inputs_kept,
           std::span<bool> outputs_kept);

/// All records of one table.
class OperationList {
 public:
  constexpr OperationList(const Operation* first, std::size_t count) : first_(first), count_(count) {}
  constexpr std::size_t size() const { return count_; }
  constexpr OperationRef operator[](std::size_t i) const { return OperationRef(first_ + i); }

 private:
  const Operation* first_;
  std::size_t count_;
};

/// Makes the array of a family's records usable. Looking up a name that it does not hold does not compile.
template <std::size_t count>
class OperationTable {
 public:
  explicit constexpr OperationTable(const Operation (&records)[count]) : records_(records) {}
  consteval OperationRef operator[](std::string_view name) const {
    for (std::size_t i = 0; i < count; ++i) {
      if (records_[i].name == name) return OperationRef(records_ + i);
    }
    throw "no record of this name in the table";
  }
  constexpr operator OperationList() const { return {records_, count}; }

 private:
  const Operation* records_;
};

/// The library's tables, one a family.
std::span<const OperationList> operation_tables();

/// Runs an operation: at once on concrete tensors (and on every tape that watches one of them), or in the
/// trace of its abstract ones. Errors name the operation, its operands and the layer's path.
Tensors apply_all(OperationRef operation, std::span<const Tensor> inputs,
                  const Attributes& attributes = no_attributes);
/// The same for an operation of one output.
Tensor apply(OperationRef operation, std::span<const Tensor> inputs,
             const Attributes& attributes = no_attributes);
Tensor apply(OperationRef operation, const Tensor& x, const Attributes& attributes = no_attributes);
Tensor apply(OperationRef operation, const Tensor& a, const Tensor& b,
             const Attributes& attributes = no_attributes);
Tensor apply(OperationRef operation, const Tensor& a, const Tensor& b, const Tensor& c,
             const Attributes& attributes = no_attributes);

}  // namespace unspool
