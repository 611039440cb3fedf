#include <algorithm>

#include <unspool/autograd/scan/executable.h>
#include <unspool/autograd/scan/machine_loops.h>
#include <unspool/autograd/scan/schedule.h>
#include <unspool/core/kernels/gemm.h>

namespace unspool::scan_compiler {
namespace {

class Emitter {
 public:
  Emitter(const FusedProgram& fused, Layout layout) : fused_(fused), table_(fused.table) {
    made_.program = &table_.program();
    made_.row_parallel = table_.phased->row_parallel();
    made_.rows = table_.phased->rows;
    for (const ValueInfo& info : table_.values) {
      made_.specs.push_back(info.spec);
      made_.value_bytes.push_back(bytes_of(info.spec));
    }
    made_.layout = std::move(layout);
    made_.matrices = table_.matrices;
    made_.next_carry = table_.next_carry;
  }

  Executable emit() {
    made_.packed_bytes = 0;
    for (const Matrix& matrix : made_.matrices) made_.packed_bytes += whole_lines(packed_bytes(matrix));
    for (Phase phase : all_phases) {
      for (std::size_t s = 0; s < fused_.segments[phase].size(); ++s) {
        CodeSegment made = segment(fused_.segments[phase][s], made_.layout.block_rows[phase][s]);
        if (!made.code.empty()) made_.segments[phase].push_back(std::move(made));
      }
    }
    for (const Instruction& instruction : fused_.reductions) reduction(instruction);
    make_cuts(made_);
    return std::move(made_);
  }

 private:
  const Slot& slot(Value value) const { return made_.slot(value); }
  const Spec& spec(Value value) const { return table_[value].spec; }
  std::ptrdiff_t element_bytes(Value value) const {
    return static_cast<std::ptrdiff_t>(size_of(spec(value).dtype));
  }

  std::size_t packed_bytes(const Matrix& matrix) const {
    const Index elements = visit_floating(spec(matrix.value).dtype, [&]<class T>(T) {
      return kernels::packed_size<T>(matrix.columns, matrix.depth);
    });
    return static_cast<std::size_t>(elements) * size_of(spec(matrix.value).dtype);
  }

  /// Where rows lie. A value that has no rows of its own, but is read `by_row`, has them along its first
  /// axis.
  RowAddress address(Value value, bool by_row) const {
    const Slot& own = slot(value);
    const std::ptrdiff_t size = element_bytes(value);
    if (own.has_rows) return {value, own.stride * size};
    return {value, by_row ? own.columns / std::max<Index>(1, made_.rows) * size : 0};
  }

  bool is_dense(Value value) const { return slot(value).stride == slot(value).columns; }
  /// Whether rows of consecutive steps follow one another, for all rows or for those of a group.
  bool is_dense_over_time(const RowAddress& address, bool in_group) const {
    const Slot& own = slot(address.value);
    if (own.storage == Storage::captured || own.storage == Storage::once) return address.row_bytes == 0;
    if (!own.has_rows) return false;
    return own.storage == Storage::chunk || own.storage == Storage::block ||
           (!in_group && (own.storage == Storage::sequence || own.storage == Storage::stacked));
  }

  ElementwiseCode elementwise(const Elementwise& each) const {
    ElementwiseCode code{.block = table_.phased->use(each.use).operation->kernel.block,
                         .input_dtype = spec(each.operands.back()).dtype,
                         .output_dtype = spec(each.result).dtype,
                         .operands = each.operands,
                         .result = each.result,
                         .steps = {},
                         .row_bytes = {},
                         .columns = slot(each.result).columns,
                         .contiguous = is_dense(each.result)};
    for (std::size_t i = 0; i < each.operands.size(); ++i) {
      const Access access = each.access[i];
      const bool by_row = access == Access::element || access == Access::column;
      code.steps.push_back(access == Access::element || access == Access::row ? 1 : 0);
      code.row_bytes.push_back(address(each.operands[i], by_row).row_bytes);
      code.contiguous = code.contiguous && (access == Access::scalar ||
                                            (access == Access::element && is_dense(each.operands[i])));
    }
    code.row_bytes.push_back(address(each.result, true).row_bytes);
    return code;
  }

  CopyCode copy(const Copy& instruction) const {
    const Slot& to = slot(instruction.to);
    return {.from = address(instruction.from, true),
            .to = address(instruction.to, true),
            .bytes = static_cast<std::size_t>(to.columns) * size_of(spec(instruction.to).dtype),
            .has_rows = to.has_rows};
  }

  ProductCode product(const Product& instruction) const {
    return {
        .left = address(instruction.left, false),
        .matrix = instruction.matrix,
        .result = address(instruction.result, true),
        .start = instruction.start == no_value ? RowAddress{no_value, 0} : address(instruction.start, false),
        .bias = instruction.bias};
  }

  KernelCode kernel(const CallKernel& call) const {
    KernelCode code{.use = call.use,
                    .values = {},
                    .by_row = {},
                    .operands = call.operands.size(),
                    .whole_step = call.whole_step};
    for (std::size_t i = 0; i < call.operands.size(); ++i) {
      const bool by_row = !call.whole_step && call.by_row[i];
      code.values.push_back(address(call.operands[i], by_row));
      code.by_row.push_back(by_row);
    }
    for (Value value : call.results) {
      code.values.push_back(address(value, true));
      code.by_row.push_back(!call.whole_step);
    }
    return code;
  }

  CodeSegment segment(const Segment& segment, Index block_rows) {
    CodeSegment made;
    made.elementwise = segment.elementwise;
    made.by_rows = segment.elementwise || std::holds_alternative<Product>(segment.instructions[0]);
    made.dense_over_time = made.dense_in_group = made.by_rows;
    if (segment.elementwise) {
      elementwise_segment(made, segment, block_rows);
      return made;
    }
    const Instruction& instruction = segment.instructions[0];
    if (const auto* const times = std::get_if<Product>(&instruction)) {
      const ProductCode code = product(*times);
      for (const RowAddress& address : {code.left, code.result, code.start}) {
        if (address.value != no_value) see_over_time(made, address);
      }
      made.code.emplace_back(code);
    } else if (const auto* const call = std::get_if<CallKernel>(&instruction)) {
      made.code.emplace_back(kernel(*call));
    } else {
      made.code.emplace_back(copy(std::get<Copy>(instruction)));
    }
    touch(made, instruction);
    return made;
  }

  void elementwise_segment(CodeSegment& made, const Segment& segment, Index block_rows) {
    std::vector<EmittedInstruction> emitted;
    for (const Instruction& instruction : segment.instructions) {
      if (made_.layout.is_trajectory(instruction)) continue;
      if (const auto* const each = std::get_if<Elementwise>(&instruction)) {
        ElementwiseCode code = elementwise(*each);
        for (std::size_t i = 0; i < code.operands.size(); ++i) {
          see_over_time(made, {code.operands[i], code.row_bytes[i]});
        }
        see_over_time(made, {code.result, code.row_bytes.back()});
        emitted.push_back({&instruction, std::move(code)});
      } else {
        const CopyCode code = copy(std::get<Copy>(instruction));
        see_over_time(made, code.from);
        see_over_time(made, code.to);
        emitted.push_back({&instruction, code});
      }
    }
    if (!emitted.empty())
      made.columns = std::max<Index>(1, slot(results_of(*emitted[0].instruction)[0]).columns);
    made.share_rows = block_rows;
    std::vector<LoopRange> loops = compile_loops(fused_, made_.layout, emitted, block_rows);
    auto loop = loops.begin();
    for (std::size_t i = 0; i < emitted.size();) {
      if (loop != loops.end() && loop->first == i) {
        for (const RowAddress& pointer : loop->loop.pointers) touch(made, pointer.value);
        made.code.emplace_back(std::move(loop->loop));
        i = loop->end;
        ++loop;
        continue;
      }
      touch(made, *emitted[i].instruction);
      std::visit([&](auto& code) { made.code.emplace_back(std::move(code)); }, emitted[i++].code);
    }
    // A loop keeps what it computes in registers; where nothing else is in the block, all rows can go at
    // once.
    made.block_rows = made.in_block.empty() && !loops.empty() ? 0 : block_rows;
  }

  void see_over_time(CodeSegment& made, const RowAddress& address) const {
    made.dense_over_time = made.dense_over_time && is_dense_over_time(address, false);
    made.dense_in_group = made.dense_in_group && is_dense_over_time(address, true);
  }

  void touch(CodeSegment& made, const Instruction& instruction) const {
    for (Value value : operands_of(instruction)) touch(made, value);
    for (Value value : results_of(instruction)) touch(made, value);
  }

  void touch(CodeSegment& made, Value value) const {
    const Slot& own = slot(value);
    if (own.storage != Storage::block) {
      if (std::ranges::count(made.values, value) == 0) made.values.push_back(value);
      return;
    }
    if (std::ranges::find(made.in_block, value, &InBlock::value) != made.in_block.end()) return;
    const std::ptrdiff_t size = element_bytes(value);
    made.in_block.push_back({value,
                             static_cast<std::ptrdiff_t>(slot(own.root).buffer_offset) + own.offset * size,
                             own.stride * size});
  }

  void reduction(const Instruction& instruction) {
    if (const auto* const rows = std::get_if<ReduceRows>(&instruction)) {
      made_.reductions.emplace_back(RowReduction{rows->value, rows->output});
    } else if (const auto* const value = std::get_if<ReduceValue>(&instruction)) {
      made_.reductions.emplace_back(ValueReduction{value->value, value->output});
    } else {
      const ReduceProduct& product = std::get<ReduceProduct>(instruction);
      const ProductReductions::Term term{product.left, product.right, product.output};
      auto* const before =
          made_.reductions.empty() ? nullptr : std::get_if<ProductReductions>(&made_.reductions.back());
      if (before != nullptr && shares_panels(before->right, product.right)) {
        before->terms.push_back(term);
      } else {
        made_.reductions.emplace_back(ProductReductions{product.right, {term}});
      }
    }
  }

  /// Whether a right side is that one, or columns of it that begin where a packed panel of it begins.
  bool shares_panels(Value right, Value part) const {
    if (part == right) return true;
    const Slot& whole = slot(right);
    const Slot& own = slot(part);
    const Index panel =
        visit_floating(spec(right).dtype, []<class T>(T) { return kernels::panel_columns<T>(); });
    return whole.root == right && is_dense(right) && own.root == right && own.offset % panel == 0;
  }

  const FusedProgram& fused_;
  const ValueTable& table_;
  Executable made_;
};

}  // namespace

Executable emit(const FusedProgram& program, Layout layout) {
  return Emitter(program, std::move(layout)).emit();
}

}  // namespace unspool::scan_compiler
