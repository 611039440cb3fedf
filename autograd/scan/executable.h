#pragma once

#include <cstddef>
#include <memory>
#include <variant>
#include <vector>

#include <unspool/autograd/scan/layout.h>
#include <unspool/autograd/scan/schedule.h>
#include <unspool/core/kernels/vector_loop.h>

namespace unspool::scan_compiler {

/// Where the rows of an operand or result lie: `row_bytes` from one row to the next, 0 for a row that all
/// share.
struct RowAddress {
  Value value;
  std::ptrdiff_t row_bytes;
};

/// One elementwise function on rows, by its compiled block function.
struct ElementwiseCode {
  BlockFunction block;
  DType input_dtype;
  DType output_dtype;
  SmallVector<Value, 4> operands;
  Value result;
  /// As KernelBlock wants them: for each operand 1 or 0, and the row_bytes of the operands, then of the
  /// result.
  SmallVector<Index, 4> steps;
  SmallVector<std::ptrdiff_t, 5> row_bytes;
  /// Elements of a row, and whether all rows of a block are one run of elements.
  Index columns;
  bool contiguous;
};

struct CopyCode {
  RowAddress from;
  RowAddress to;
  std::size_t bytes;
  /// False: a single row for all.
  bool has_rows;
};

/// Several elementwise functions as one piece of machine code.
struct MachineLoop {
  std::vector<RowAddress> pointers;
  Index columns;
  bool contiguous;
  std::unique_ptr<kernels::VectorLoop> code;
};

struct ProductCode {
  RowAddress left;
  int matrix;
  RowAddress result;
  RowAddress start;  ///< value is no_value if the sums start from zero
  Value bias;        ///< or no_value
};

struct KernelCode {
  int use;
  /// Operands, then results.
  SmallVector<RowAddress, 6> values;
  /// For each of them, whether a call for some rows takes those rows of it.
  SmallVector<bool, 6> by_row;
  std::size_t operands;
  bool whole_step;
};

using Code = std::variant<ElementwiseCode, CopyCode, MachineLoop, ProductCode, KernelCode>;

/// A value in the buffer of a block: bytes from the beginning of the buffer, and from one row to the next.
struct InBlock {
  Value value;
  std::ptrdiff_t offset;
  std::ptrdiff_t row_bytes;
};

/// A segment of the fused program, ready to run on any rows of a step.
struct CodeSegment {
  std::vector<Code> code;
  /// Rows of a block; 0: all rows at once.
  Index block_rows = 0;
  /// Row i of what it computes depends on row i of what it reads, and it is a product or elementwise.
  bool by_rows = false;
  bool elementwise = false;
  /// The rows of consecutive steps follow one another in everything that it touches, if all rows run; or if
  /// the rows of one group run, which lie in a part of the chunk's buffers by themselves.
  bool dense_over_time = false;
  bool dense_in_group = false;
  /// Elements of a row, and rows that are not cut apart, when threads share the work.
  Index columns = 1;
  Index share_rows = 1;
  /// What it touches, each once: values outside of the block's buffer, and those in it.
  std::vector<Value> values;
  std::vector<InBlock> in_block;
};

/// Sums over rows and steps of transpose(left) right, for products that share a right side: that is packed
/// once.
struct ProductReductions {
  struct Term {
    Value left;
    /// `right` of all, or a range of its columns.
    Value right;
    int output;
  };
  Value right;
  std::vector<Term> terms;
};
/// A sum over the rows of all steps.
struct RowReduction {
  Value value;
  int output;
};
/// A sum of the values of all steps.
struct ValueReduction {
  Value value;
  int output;
};
using Reduction = std::variant<ProductReductions, RowReduction, ValueReduction>;

/// The last stage.
struct Executable {
  const Program* program;
  bool row_parallel;
  Index rows;
  std::vector<Spec> specs;
  std::vector<std::size_t> value_bytes;
  Layout layout;
  std::vector<Matrix> matrices;
  std::size_t packed_bytes;
  std::vector<Value> next_carry;
  PerPhase<std::vector<CodeSegment>> segments;
  std::vector<Reduction> reductions;
  Cuts cuts;

  const Slot& slot(Value value) const { return layout[value]; }
  std::size_t element_bytes(Value value) const { return size_of(specs[index_of(value)].dtype); }
  std::size_t bytes(Value value) const { return value_bytes[index_of(value)]; }
};

/// The pass from layout to code. The program has to outlive the result.
Executable emit(const FusedProgram& program, Layout layout);

}  // namespace unspool::scan_compiler
