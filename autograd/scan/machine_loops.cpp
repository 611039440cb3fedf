#include <algorithm>

#include <unspool/autograd/scan/machine_loops.h>

namespace unspool::scan_compiler {
namespace {

using kernels::VectorLoop;
using kernels::VectorOp;
using kernels::VectorProgram;

bool touches_memory(VectorOp op) { return kernels::info_of(op).kind == kernels::VectorOpKind::memory; }

/// One element for all of a row.
bool is_lone(Access access) { return access == Access::column || access == Access::scalar; }

/// An operand or the result of an instruction, as the loop sees it.
struct LoopOperand {
  Value value;
  Access access;
  std::ptrdiff_t row_bytes;
};

/// Neighbouring instructions as one vector program.
class LoopBuilder {
 public:
  LoopBuilder(const FusedProgram& program, const Layout& layout,
              std::span<const EmittedInstruction> instructions, Index block_rows, std::size_t first)
      : table_(program.table),
        layout_(layout),
        instructions_(instructions),
        block_rows_(block_rows),
        first_(first),
        end_(first) {}

  std::size_t end() const { return end_; }

  /// Takes in the next instruction. False if it cannot be part of this loop.
  bool take() {
    if (end_ == instructions_.size()) return false;
    const EmittedInstruction& next = instructions_[end_];
    const auto* const each = std::get_if<ElementwiseCode>(&next.code);
    SmallVector<LoopOperand, 4> operands;
    LoopOperand result{};
    if (each != nullptr) {
      const auto& access = std::get<Elementwise>(*next.instruction).access;
      for (std::size_t i = 0; i < each->operands.size(); ++i) {
        operands.push_back({each->operands[i], access[i], each->row_bytes[i]});
      }
      result = {each->result, Access::element, each->row_bytes[each->operands.size()]};
    } else {
      const CopyCode& copy = std::get<CopyCode>(next.code);
      operands.push_back({copy.from.value, Access::element, copy.from.row_bytes});
      result = {copy.to.value, Access::element, copy.to.row_bytes};
    }
    if (!fits(operands, result)) return false;
    BlockFunction function = nullptr;
    if (each != nullptr) {
      function = table_.phased->use(std::get<Elementwise>(*next.instruction).use).operation->kernel.of_floats;
      if (function == nullptr || each->input_dtype != float32) return false;
    }
    SmallVector<VectorProgram::Value, 4> read;
    for (const LoopOperand& operand : operands) read.push_back(load(operand));
    const auto value = each == nullptr ? read[0] : program_.call(function, {read.data(), read.size()});
    if (value < 0) return false;
    store(result, value);
    contiguous_ = contiguous_ && (each != nullptr ? each->contiguous
                                                  : is_dense(operands[0].value) && is_dense(result.value));
    ++end_;
    return true;
  }

  /// The machine code; nothing if a loop gains nothing, or no code can be made.
  std::optional<MachineLoop> finish() {
    if (end_ - first_ < 2) return std::nullopt;
    for (const Stored& stored : stored_) {
      if (!is_read_elsewhere(stored.value)) program_.steps[index_of(stored.store)].op = VectorOp::constant;
    }
    if (blocks_clash()) return std::nullopt;
    MachineLoop loop{.pointers = {}, .columns = columns_, .contiguous = contiguous_, .code = nullptr};
    std::vector<VectorLoop::Operand> operands(places_.size());
    for (const VectorProgram::Step& step : program_.steps) {
      if (touches_memory(step.op))
        operands[index_of(step.operand)] = pointer(loop, places_[index_of(step.operand)]);
    }
    std::vector<std::ptrdiff_t> row_bytes;
    for (const RowAddress& address : loop.pointers) row_bytes.push_back(address.row_bytes);
    loop.code = VectorLoop::compile(program_, operands, row_bytes);
    if (loop.code == nullptr) return std::nullopt;
    return loop;
  }

 private:
  /// A range of memory that the loop has read or written, and the value of the vector program that it holds.
  struct Known {
    LoopOperand operand;
    VectorProgram::Value holds;
    bool written;
  };
  struct Stored {
    Value value;
    VectorProgram::Value store;
  };

  const Slot& slot(Value value) const { return layout_[value]; }
  DType dtype(Value value) const { return table_[value].spec.dtype; }
  bool is_dense(Value value) const { return slot(value).stride == slot(value).columns; }
  /// Elements of a row that are read or written.
  Index width(Access access) const { return is_lone(access) ? 1 : columns_; }

  bool fits(const SmallVector<LoopOperand, 4>& operands, const LoopOperand& result) {
    const Slot& to = slot(result.value);
    if (dtype(result.value) != float32 || to.columns < 1) return false;
    if (end_ == first_) {
      columns_ = to.columns;
      has_rows_ = to.has_rows;
    }
    if (to.columns != columns_ || to.has_rows != has_rows_) return false;
    for (const LoopOperand& operand : operands) {
      const bool lone_bool = is_lone(operand.access) && dtype(operand.value) == boolean;
      if ((dtype(operand.value) != float32 && !lone_bool) || clashes(operand, false)) return false;
    }
    return !clashes(result, true);
  }

  /// Whether elements of it were written in this loop as part of something else, or, if it is to be written,
  /// read. Within a row the order of the two would not hold.
  bool clashes(const LoopOperand& operand, bool writes) const {
    const Slot& own = slot(operand.value);
    return std::ranges::any_of(known_, [&](const Known& other) {
      const Slot& its = slot(other.operand.value);
      if (!(other.written || writes) || its.root != own.root) return false;
      if (same_place(other.operand, operand)) return false;
      return its.offset < own.offset + width(operand.access) &&
             own.offset < its.offset + width(other.operand.access);
    });
  }

  bool same_place(const LoopOperand& a, const LoopOperand& b) const {
    return slot(a.value).root == slot(b.value).root && slot(a.value).offset == slot(b.value).offset &&
           a.row_bytes == b.row_bytes && a.access == b.access;
  }
  Known* known(const LoopOperand& operand) {
    const auto found =
        std::ranges::find_if(known_, [&](const Known& other) { return same_place(other.operand, operand); });
    return found == known_.end() ? nullptr : &*found;
  }

  std::int32_t place(const LoopOperand& operand) {
    places_.push_back({operand.value, operand.row_bytes});
    return static_cast<std::int32_t>(places_.size() - 1);
  }

  VectorProgram::Value load(const LoopOperand& operand) {
    if (const Known* before = known(operand)) return before->holds;
    const VectorOp op = dtype(operand.value) == boolean ? VectorOp::broadcast_bool
                        : is_lone(operand.access)       ? VectorOp::broadcast
                                                        : VectorOp::load;
    const auto holds = program_.add({.op = op, .operand = place(operand)});
    known_.push_back({operand, holds, false});
    return holds;
  }

  void store(const LoopOperand& result, VectorProgram::Value holds) {
    const auto store = program_.add({.op = VectorOp::store, .a = holds, .operand = place(result)});
    stored_.push_back({result.value, store});
    if (Known* before = known(result)) {
      before->holds = holds;
      before->written = true;
    } else {
      known_.push_back({result, holds, true});
    }
  }

  /// Whether an instruction outside of this loop reads it.
  bool is_read_elsewhere(Value value) const {
    if (slot(value).storage != Storage::block) return true;
    for (std::size_t i = 0; i < instructions_.size(); ++i) {
      if (i >= first_ && i < end_) continue;
      for (Value read : operands_of(*instructions_[i].instruction)) {
        if (slot(read).root == slot(value).root) return true;
      }
    }
    return false;
  }

  /// Values of a block share memory when their lifetimes do not overlap. Within one loop they would all be
  /// alive, row by row.
  bool blocks_clash() const {
    std::vector<std::pair<Value, bool>> roots;
    for (const VectorProgram::Step& step : program_.steps) {
      if (!touches_memory(step.op)) continue;
      const Value root = slot(places_[index_of(step.operand)].value).root;
      if (slot(root).storage == Storage::block) roots.emplace_back(root, step.op == VectorOp::store);
    }
    const auto bytes = [&](Value root) {
      return static_cast<std::size_t>(block_rows_ * slot(root).columns) * size_of(dtype(root));
    };
    return std::ranges::any_of(roots, [&](const auto& a) {
      return std::ranges::any_of(roots, [&](const auto& b) {
        const std::size_t low = slot(a.first).buffer_offset;
        const std::size_t high = slot(b.first).buffer_offset;
        return a.first != b.first && (a.second || b.second) && low <= high && high < low + bytes(a.first);
      });
    });
  }

  /// Views of one value share a pointer.
  VectorLoop::Operand pointer(MachineLoop& loop, const RowAddress& place) const {
    const auto same = std::ranges::find_if(loop.pointers, [&](const RowAddress& other) {
      return slot(other.value).root == slot(place.value).root && other.row_bytes == place.row_bytes;
    });
    const auto index = static_cast<int>(same - loop.pointers.begin());
    if (same == loop.pointers.end()) {
      loop.pointers.push_back(place);
      return {index, 0};
    }
    const Index offset = slot(place.value).offset - slot(same->value).offset;
    return {index, offset * static_cast<std::ptrdiff_t>(size_of(dtype(slot(place.value).root)))};
  }

  const ValueTable& table_;
  const Layout& layout_;
  std::span<const EmittedInstruction> instructions_;
  Index block_rows_;
  std::size_t first_;
  std::size_t end_;
  Index columns_ = 0;
  bool has_rows_ = false;
  bool contiguous_ = true;
  VectorProgram program_;
  std::vector<RowAddress> places_;
  std::vector<Known> known_;
  std::vector<Stored> stored_;
};

}  // namespace

std::vector<LoopRange> compile_loops(const FusedProgram& program, const Layout& layout,
                                     std::span<const EmittedInstruction> instructions, Index block_rows) {
  std::vector<LoopRange> loops;
  for (std::size_t first = 0; first < instructions.size();) {
    LoopBuilder builder(program, layout, instructions, block_rows, first);
    while (builder.take()) {
    }
    if (auto loop = builder.finish()) loops.push_back({first, builder.end(), std::move(*loop)});
    first = std::max(builder.end(), first + 1);
  }
  return loops;
}

}  // namespace unspool::scan_compiler
