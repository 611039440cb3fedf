#pragma once

#include <array>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <unspool/autograd/attribute_value.h>
#include <unspool/core/array.h>
#include <unspool/core/small_vector.h>
#include <unspool/core/tensor.h>

/// An operation is declared once, as one record: eager execution, gradients of any order, tracing, compiling,
/// checks and printing all follow from it. docs/design/tape.md explains the parts.
namespace unspool {

struct Operation;

/// A short list of tensors.
using Tensors = SmallVector<Tensor, 4>;

/// The shape and dtype of a tensor.
struct Spec {
  Shape shape;            ///< dimensions may be unknown
  DType dtype = float32;  ///< of its elements
  /// True if both are the same.
  friend bool operator==(const Spec&, const Spec&) = default;
};
/// A short list of specs.
using Specs = SmallVector<Spec, 1>;

/// One use of an operation, as its rules see it.
struct Call {
  const Operation& operation;      ///< the record
  std::span<const Tensor> inputs;  ///< the operands
  const Attributes& attributes;    ///< the settings of this use

  /// The shape of operand i.
  const Shape& shape(std::size_t i = 0) const { return inputs[i].shape(); }
  /// The dtype of operand i.
  DType dtype(std::size_t i = 0) const { return inputs[i].dtype(); }
  /// The rank of operand i.
  int rank(std::size_t i = 0) const { return inputs[i].rank(); }
  /// The attribute "axis", counted from the front of operand i. Throws IndexError if it is out of range.
  int axis(std::size_t i = 0) const;
  /// The attribute "axes", counted from the front of operand i, sorted. Throws IndexError if one is out of
  /// range, ValueError if one is named twice.
  std::vector<int> axes(std::size_t i = 0) const;
  /// For errors: "matmul(float32[2, 3], float32[4, 5], transpose_a=true)".
  std::string describe() const;
  /// Throws ValueError with a message that names this call: "matmul(...): <what>".
  [[noreturn]] void fail(const std::string& what) const;
  /// Throws TypeError with a message that names this call.
  [[noreturn]] void fail_type(const std::string& what) const;
};

/// Returns the shape and dtype of each output, or throws through Call::fail. Dimensions may be unknown.
using ShapeRule = Specs (*)(const Call&);

/// The arguments of a kernel.
struct KernelCall {
  std::span<const Array> inputs;   ///< the operands
  std::span<const Array> outputs;  ///< memory for the results, not initialised
  const Attributes& attributes;    ///< the settings of this use
};

/// How an operation is computed. Outputs are row-major and overlap no input. Sizes are those of the arrays,
/// not of the attributes: a compiled scan calls kernels for some of the rows (see Rows).
struct Kernel {
  /// Computes all outputs.
  void (*run)(const KernelCall&) = nullptr;
  /// Elementwise operations only (autograd/elementwise.h makes it): computes rows of elements. run()
  /// broadcasts.
  BlockFunction block = nullptr;
  /// The vectorized function that `block` calls for float32; null if there is none.
  BlockFunction of_floats = nullptr;
  /// The output has the elements of operand 0 in the same order: nothing is computed.
  bool view = false;
};

/// Which operands and outputs the gradient rule reads, as bit masks. All others are abstract tensors in the
/// rule: shape and dtype, no value.
struct Keep {
  std::uint32_t inputs = 0;   ///< bit i: operand i; the last bit: all from there on
  std::uint32_t outputs = 0;  ///< bit i: output i
  /// What either reads.
  friend constexpr Keep operator|(Keep a, Keep b) { return {a.inputs | b.inputs, a.outputs | b.outputs}; }
};
/// Values of Keep, to be joined by `|`.
namespace keep {
inline constexpr Keep nothing{};                                ///< neither operands nor outputs
inline constexpr Keep all_inputs{~0U, 0};                       ///< all operands
inline constexpr Keep all_outputs{0, ~0U};                      ///< all outputs
constexpr Keep input(unsigned i = 0) { return {1U << i, 0}; }   ///< operand i
constexpr Keep output(unsigned i = 0) { return {0, 1U << i}; }  ///< output i
}  // namespace keep

/// Says, for each operand and output of one use, whether its gradient reads it.
using KeepRule = void (*)(const Call&, std::span<const Tensor> outputs, std::span<bool> inputs_kept,
                          std::span<bool> outputs_kept);

/// What a gradient rule reads and writes: it sets dx(i) for every i that needs(i).
class Backward {
 public:
  /// Refers to its arguments, which have to outlive it.
  Backward(const Call& call, std::span<const Tensor> outputs, std::span<Tensor> cotangents,
           std::span<const bool> needed, std::span<Tensor> gradients)
      : call_(call),
        outputs_(outputs),
        cotangents_(cotangents.data()),
        needed_(needed.data()),
        gradients_(gradients.data()) {}

  /// The use of the operation that is differentiated.
  const Call& call() const { return call_; }
  /// Its attributes.
  const Attributes& attributes() const { return call_.attributes; }
  /// The number of operands.
  std::size_t operands() const { return call_.inputs.size(); }
  /// Operand i; abstract unless kept.
  const Tensor& x(std::size_t i = 0) const { return call_.inputs[i]; }
  /// Output i; abstract unless kept.
  const Tensor& y(std::size_t i = 0) const { return outputs_[i]; }
  /// The number of outputs.
  std::size_t outputs() const { return outputs_.size(); }
  /// True if the loss depends on output i. Always true where there is only one output.
  bool has_dy(std::size_t i) const { return static_cast<bool>(cotangents_[i]); }
  /// The gradient with respect to output i; zeros if the loss does not depend on it.
  const Tensor& dy(std::size_t i = 0) const { return cotangents_[i] ? cotangents_[i] : zero_dy(i); }
  /// Whether the gradient with respect to operand i is needed.
  bool needs(std::size_t i) const { return needed_[i]; }
  /// The gradient with respect to operand i, to be set; left empty it is zero. For elementwise operations it
  /// may have the output's shape: it is summed over broadcast axes afterwards.
  Tensor& dx(std::size_t i = 0) { return gradients_[i]; }

 private:
  const Tensor& zero_dy(std::size_t i) const;

  const Call& call_;
  std::span<const Tensor> outputs_;
  Tensor* cotangents_;
  const bool* needed_;
  Tensor* gradients_;
};
/// The gradient of an operation, written in operations, so that gradients have gradients. Null: the operation
/// has none, and its outputs are constants to every tape.
using GradientRule = void (*)(Backward&);

/// How row i (index i of the first axis) of the output follows from an operand.
enum class Rows : std::uint8_t {
  same,    ///< from row i of it
  all,     ///< from all of it
  summed,  ///< the output has no such rows: it is the sum, over rows i, of what row i of this operand gives
};
/// Sets one entry per operand. All of them `all`: the operation mixes rows or has none.
using RowsRule = void (*)(const Call&, std::span<Rows> operands);

/// What an operation is, beside a kernel to call: the scan compiler computes products, columns,
/// concatenations, sums over rows and additions itself, or moves no data for them at all, and equations of a
/// cell are simplified by all forms. A record that states a form promises that its kernel computes exactly
/// that; check_operation() holds it to the promise.
namespace form {
/// The output is op(x0) op(x1), for two matrices, each transposed where said; axes before the last two are
/// batches and are broadcast.
struct Product {
  bool transpose_a = false;  ///< x0 is transposed
  bool transpose_b = false;  ///< x1 is transposed
};
/// Output i is a range of the columns of x0 (its axis 1), which begins at first[i]; all other axes are whole.
struct Columns {
  SmallVector<Index, 4> first;  ///< for each output, its first column
};
/// Output i is the part of x0, of the output's shape, whose first element is at begin[i] (an index for each
/// axis).
struct Parts {
  std::vector<Shape> begin;  ///< for each output, where it begins
};
/// The output is zeros, with x0 as the part that begins at `begin` (an index for each axis).
struct Placed {
  Shape begin;  ///< where x0 begins
};
/// The output is the operands side by side.
struct Concatenation {
  int axis = 1;  ///< along which they lie, counted from the front
};
/// The output is the sum over axis 0 of x0, a matrix.
struct RowSum {};
/// The output, of one element, is the sum of all elements of x0.
struct Sum {};
/// The output is x0 + x1, with their shapes broadcast.
struct Addition {};
/// The output is x0, a matrix, transposed.
struct Transposition {};
/// The output is x0 without its leading axes of size 1, broadcast to the output's shape, in the output's
/// dtype.
struct Broadcast {};
/// The output is x1 where x0 is true, else x2, with their shapes broadcast.
struct Selection {};
}  // namespace form

/// None of them: the operation is its kernel.
using Form = std::variant<std::monostate, form::Product, form::Columns, form::Parts, form::Placed,
                          form::Concatenation, form::RowSum, form::Sum, form::Addition, form::Transposition,
                          form::Broadcast, form::Selection>;
/// Called with operands without values, of known shapes.
using FormRule = Form (*)(const Call&);

/// Bounds of the results of a function by elements or along an axis, near which its slope vanishes: -1 and 1
/// for tanh, 0 and infinity for relu.
struct Bounds {
  double low = -std::numeric_limits<double>::infinity();  ///< no result is less
  double high = std::numeric_limits<double>::infinity();  ///< no result is greater

  /// Whether results saturate at both ends.
  bool finite() const { return std::isfinite(low) && std::isfinite(high); }
  /// True if both bounds are the same.
  friend bool operator==(const Bounds&, const Bounds&) = default;
};

/// The interval from which checks draw an operand's elements.
struct Range {
  double low = -1;  ///< inclusive
  double high = 1;  ///< exclusive
};
/// An operand of an example.
struct Operand {
  Shape shape;            ///< all dimensions known
  Range range{};          ///< of its elements
  DType dtype = float64;  ///< checks differentiate with respect to float64 operands
  bool distinct = false;  ///< elements differ by at least a hundredth of the range, for maxima and sorting
};
/// A valid use of an operation.
struct Example {
  std::vector<Operand> operands;  ///< from which checks make tensors
  Attributes attributes{};        ///< of the use
};

/// Valid uses of an operation, from which checks make operands: for elementwise operations one range per
/// operand (shapes are chosen: broadcast, empty, scalar), else a function that lists them. There is no
/// default: a record without an example does not compile.
class Examples {
 public:
  /// One range per operand of an elementwise operation.
  constexpr Examples(std::initializer_list<Range> ranges) : count_(ranges.size()) {
    std::size_t i = 0;
    for (Range range : ranges) ranges_[i++] = range;
  }
  /// A function that lists the examples.
  template <std::convertible_to<std::vector<Example> (*)()> F>
  constexpr Examples(F make) : make_(make) {}

  /// All examples.
  std::vector<Example> list() const;

 private:
  std::array<Range, 4> ranges_{};
  std::size_t count_ = 0;
  std::vector<Example> (*make_)() = nullptr;
};

/// Rules for rows.
namespace rows {
/// Elementwise: the same row of each operand that has rows, all of an operand that is broadcast along them.
void elementwise(const Call& call, std::span<Rows> operands);
/// Rows are mixed, or nothing is known of them.
void mixed(const Call& call, std::span<Rows> operands);
}  // namespace rows

/// Rules for shapes.
namespace shapes {
/// One floating or integer dtype for all operands; the broadcast of their shapes.
Specs elementwise(const Call& call);
/// One floating dtype for all operands; the broadcast of their shapes.
Specs floating(const Call& call);
}  // namespace shapes

/// The record of an operation.
struct Operation {
  /// For printing. Nothing is decided by it: two records may have the same name.
  std::string_view name;
  /// What it computes, with its formula, in one line; docs/operations.md consists of these.
  std::string_view summary;
  /// How a use is written in formulas, with {0}, {1}, ... for the operands: "{0} * {1}". Empty: as a call.
  std::string_view formula = {};
  ShapeRule shape = shapes::floating;  ///< shapes and dtypes of the outputs
  Kernel kernel;                       ///< how it is computed
  GradientRule gradient = nullptr;     ///< its gradient; null for none
  Keep keep = keep::nothing;           ///< what the gradient reads
  KeepRule keep_rule = nullptr;        ///< what of `keep` the gradient reads, where that depends on the use
  RowsRule rows = rows::elementwise;   ///< how rows of the outputs depend on rows of the operands
  FormRule form = nullptr;             ///< what a use is beside a kernel; null for nothing else
  Bounds bounds = {};                  ///< where it saturates; diagnose() and gradient_flow() read it
  /// Computing it again takes less time than keeping its result, where its operands are kept anyway.
  bool cheap = false;
  Examples examples;  ///< valid uses, for the checks

  /// Whether it computes each element from elements at the same place.
  bool elementwise() const { return kernel.block != nullptr; }
};

/// A reference to a record in a table. Only tables make these, so a record that stands in no table cannot be
/// run.
class OperationRef {
 public:
  /// The record.
  constexpr const Operation& operator*() const { return *record_; }
  /// A member of the record.
  constexpr const Operation* operator->() const { return record_; }
  /// True if both are one record, whatever the names.
  friend constexpr bool operator==(OperationRef, OperationRef) = default;

 private:
  template <std::size_t count>
  friend class OperationTable;
  friend class OperationList;
  constexpr explicit OperationRef(const Operation* record) : record_(record) {}
  const Operation* record_;
};

/// Sets, for each operand and output of this use, whether its gradient reads it.
void keeps(const Call& call, std::span<const Tensor> outputs, std::span<bool> inputs_kept,
           std::span<bool> outputs_kept);

/// All records of one table.
class OperationList {
 public:
  /// Records that follow one another in memory.
  constexpr OperationList(const Operation* first, std::size_t count) : first_(first), count_(count) {}
  /// The number of records.
  constexpr std::size_t size() const { return count_; }
  /// Record i.
  constexpr OperationRef operator[](std::size_t i) const { return OperationRef(first_ + i); }

 private:
  const Operation* first_;
  std::size_t count_;
};

/// Makes an array of records usable.
template <std::size_t count>
class OperationTable {
 public:
  /// The array has to outlive the table.
  explicit constexpr OperationTable(const Operation (&records)[count]) : records_(records) {}
  /// The record of this name. Does not compile if there is none.
  consteval OperationRef operator[](std::string_view name) const {
    for (std::size_t i = 0; i < count; ++i) {
      if (records_[i].name == name) return OperationRef(records_ + i);
    }
    throw "no record of this name in the table";
  }
  /// All records of the table.
  constexpr operator OperationList() const { return {records_, count}; }

 private:
  const Operation* records_;
};

/// The tables of the library, one per family of operations.
std::span<const OperationList> operation_tables();

/// Runs an operation on concrete tensors, and records it on every tape that watches one of them; or records
/// it in the trace or graph that an abstract operand belongs to. Returns all outputs. Errors name the
/// operation, its operands and the layer's path.
Tensors apply_all(OperationRef operation, std::span<const Tensor> inputs,
                  const Attributes& attributes = no_attributes);
///@{
/// As apply_all(), for an operation of one output.
Tensor apply(OperationRef operation, std::span<const Tensor> inputs,
             const Attributes& attributes = no_attributes);
Tensor apply(OperationRef operation, const Tensor& x, const Attributes& attributes = no_attributes);
Tensor apply(OperationRef operation, const Tensor& a, const Tensor& b,
             const Attributes& attributes = no_attributes);
Tensor apply(OperationRef operation, const Tensor& a, const Tensor& b, const Tensor& c,
             const Attributes& attributes = no_attributes);
///@}

}  // namespace unspool
