#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include <unspool/core/internal/format.h>
#include <unspool/core/kernels/vector_loop.h>
#include <unspool/core/kernels/x86_emitter.h>

#ifdef UNSPOOL_X86_JIT

namespace unspool::kernels {
namespace {

using Value = VectorItems::Value;
using Step = VectorItems::Step;
using Kind = Location::Kind;

/// Runs a function that serves whole blocks on a vector.
void call_slow_path(VectorTable::Function function, float* x, std::int64_t count) {
  const void* const inputs[] = {x};
  constexpr std::int64_t steps[] = {1};
  function(
      {.inputs = inputs, .steps = steps, .output = x, .count = count, .input_dtype = {}, .output_dtype = {}});
}

/// More than the code of a program may take: twice its steps, calls of slow paths, and constants.
std::size_t most_bytes(const VectorProgram& program) {
  return (std::size_t{16} << 10U) + program.steps.size() * 512;
}

constexpr std::uint8_t operand_a = 1;
constexpr std::uint8_t operand_b = 2;
constexpr std::uint8_t operand_c = 4;

RegisterRule register_rule(VectorOp op, bool wide) {
  switch (op) {
    case VectorOp::load:
    case VectorOp::broadcast:
    case VectorOp::broadcast_bool:
    case VectorOp::constant:
    case VectorOp::table:
    case VectorOp::store:
      return {};
    case VectorOp::sqrt:
    case VectorOp::to_float:
      return {.memory = operand_a, .reuse = {0, -1, -1}};
    case VectorOp::shift_left:
    case VectorOp::shift_right:
      return {.reuse = {0, -1, -1}};
    case VectorOp::add:
    case VectorOp::subtract:
    case VectorOp::multiply:
    case VectorOp::divide:
    case VectorOp::min:
    case VectorOp::max:
    case VectorOp::less:
    case VectorOp::less_equal:
    case VectorOp::equal:
    case VectorOp::not_equal:
    case VectorOp::bit_and:
    case VectorOp::bit_or:
    case VectorOp::bit_xor:
    case VectorOp::add_int:
    case VectorOp::subtract_int:
      return {.memory = operand_b, .reuse = {0, 1, -1}};
    case VectorOp::permute:
      return {.memory = operand_a, .reuse = {1, -1, -1}};
    case VectorOp::fma:
      return {.memory = operand_b | operand_c, .reuse = {2, 0, 1}, .overwrites = true};
    case VectorOp::select:
      // vpternlogd overwrites the condition, vblendvps nothing.
      if (wide) return {.memory = operand_c, .reuse = {0, -1, -1}, .overwrites = true};
      return {.memory = operand_b, .reuse = {0, 1, 2}};
    case VectorOp::slow_path_unless:
      return {.reuse = {2, -1, -1}, .overwrites = true};
  }
  return {};
}

/// Emits void code(std::byte** pointers, std::int64_t rows, std::int64_t count).
class LoopEmitter final : public X86Emitter {
 public:
  LoopEmitter(const JitTarget& target, const LoopCode& code)
      : X86Emitter(most_bytes(code.program), target), code_(code), width_(vector_bytes() / 4) {
    emit();
  }

 private:
  // Pointers for which there is no register stay where the caller put them.
  const Xbyak::Reg64 pointers_ = rdi;
  const Xbyak::Reg64 rows_ = rsi;
  const Xbyak::Reg64 bytes_ = rdx;
  const Xbyak::Reg64 column_ = rcx;
  const Xbyak::Reg64 scratch_ = rax;
  static constexpr std::size_t pointer_registers = 9;
  Xbyak::Reg64 pointer_register(std::size_t i) const {
    const Xbyak::Reg64 all[pointer_registers] = {rbx, r8, r9, r10, r11, r12, r13, r14, r15};
    return all[i];
  }
  /// Without opmasks, the mask of the last elements of a row.
  Register mask() const { return vector(registers() - 1); }

  // The frame, from rsp on: what a slow path's call would destroy (general registers, the opmask), how many
  // bytes of a row are left after whole vectors, their mask, the argument of the call, the vectors that it
  // would destroy, and spilled values.
  static constexpr std::size_t general_area = 0;
  static constexpr int opmask_area = 64;
  static constexpr int rest_area = 72;
  static constexpr int mask_area = 96;
  static constexpr int argument_area = 128;
  static constexpr int kept_area = 192;
  int spill_area() const { return kept_area + registers() * vector_bytes(); }
  int frame_bytes() const {
    const int slots =
        std::max({code_.two_vectors.instructions.spill_slots, code_.one_vector.instructions.spill_slots,
                  code_.rest.instructions.spill_slots});
    return spill_area() + slots * vector_bytes();
  }

  void emit() {
    push(rbp);
    mov(rbp, rsp);
    for (const Xbyak::Reg64& saved : {rbx, r12, r13, r14, r15}) push(saved);
    sub(rsp, static_cast<std::uint32_t>(frame_bytes()));
    and_(rsp, multiple_of(64));
    find_rest();
    const std::span<const std::ptrdiff_t> row_bytes = code_.row_bytes;
    for (std::size_t i = 0; i < std::min(pointer_registers, row_bytes.size()); ++i) {
      mov(pointer_register(i), ptr[pointers_ + 8 * i]);
    }
    Xbyak::Label row;
    Xbyak::Label column;
    Xbyak::Label last;
    Xbyak::Label rest;
    Xbyak::Label next;
    align(16);
    L(row);
    xor_(column_, column_);
    L(column);
    lea(scratch_, beside(column_, vector_bytes()));
    cmp(scratch_, bytes_);
    jae(last, T_NEAR);
    emit_body(code_.two_vectors, false);
    advance(column_, std::ptrdiff_t{2} * vector_bytes());
    jmp(column, T_NEAR);
    L(last);
    cmp(column_, bytes_);
    jae(rest, T_NEAR);
    emit_body(code_.one_vector, false);
    advance(column_, vector_bytes());
    L(rest);
    cmp(qword[rsp + rest_area], 0);
    jz(next, T_NEAR);
    emit_body(code_.rest, true);
    L(next);
    for (std::size_t i = 0; i < row_bytes.size(); ++i) {
      if (row_bytes[i] == 0) continue;
      const auto by = static_cast<std::uint32_t>(row_bytes[i]);
      if (i < pointer_registers) {
        add(pointer_register(i), by);
      } else {
        add(qword[pointers_ + 8 * i], by);
      }
    }
    dec(rows_);
    jnz(row, T_NEAR);
    lea(rsp, ptr[rbp - 40]);
    for (const Xbyak::Reg64& saved : {r15, r14, r13, r12, rbx}) pop(saved);
    pop(rbp);
    vzeroupper();
    ret();
    for (SlowPath& path : slow_paths_) emit_slow_path(path);
    emit_constants();
  }

  /// A mask for rounding down to a multiple of a power of 2.
  static std::uint32_t multiple_of(int power) { return static_cast<std::uint32_t>(-power); }

  /// From a count of elements, finds the bytes of whole vectors, and what is left as bytes and as a mask.
  void find_rest() {
    mov(column_, bytes_);
    and_(column_, static_cast<std::uint32_t>(width_ - 1));
    mov(ptr[rsp + rest_area], column_);
    make_mask(mask(), mask_source_, 4);
    if (!wide()) vmovups(ptr[rsp + mask_area], mask());
    shl(bytes_, 2);
    and_(bytes_, multiple_of(vector_bytes()));
  }

  void emit_body(const LoopBody& body, bool masked) {
    items_ = &body.items;
    masked_ = masked;
    kept_ = body.instructions.kept_by_slow_paths.begin();
    // Without opmasks, loads and stores take their mask from a register.
    if (masked && !wide()) vmovups(mask(), ptr[rsp + mask_area]);
    for (const LoopInstruction& each : body.instructions.code) emit_instruction(each);
  }

  Register reg(const Location& location) const { return vector(location.index); }
  Address spill_slot(const Location& location) {
    return beside(rsp, spill_area() + location.index * vector_bytes());
  }
  Address memory(const Location& location) {
    switch (location.kind) {
      case Kind::constant:
        return ptr[rip + pool_label(location.index)];
      case Kind::spill_slot:
        return spill_slot(location);
      default:
        return row_vector(location.index);
    }
  }
  /// Calls f with an operand, a register or its place in memory.
  template <class F>
  void with(const Location& location, F f) {
    if (location.kind == Kind::vector_register) {
      f(reg(location));
    } else {
      f(memory(location));
    }
  }

  /// Where a load or a store has its elements: in its row, at the vector of the item.
  Address row_vector(Value item) {
    const VectorLoop::Operand& operand = operand_of(item);
    return beside(pointer(operand) + column_,
                  operand.offset + std::ptrdiff_t{items_->vector(item)} * vector_bytes());
  }
  /// Where its row begins.
  Address row_begin(Value item) {
    const VectorLoop::Operand& operand = operand_of(item);
    return beside(pointer(operand), operand.offset);
  }
  const VectorLoop::Operand& operand_of(Value item) const {
    return code_.operands[static_cast<std::size_t>(items_->step(item).operand)];
  }
  Xbyak::Reg64 pointer(const VectorLoop::Operand& operand) {
    const auto i = static_cast<std::size_t>(operand.pointer);
    if (i < pointer_registers) return pointer_register(i);
    mov(scratch_, ptr[pointers_ + 8 * i]);
    return scratch_;
  }

  void emit_instruction(const LoopInstruction& instruction) {
    // Not a structured binding: clang 14 lets no lambda capture one.
    const Location& a = instruction.operands[0];
    const Location& b = instruction.operands[1];
    const Location& c = instruction.operands[2];
    if (instruction.item < 0) return emit_move(instruction.to, a);
    const Step& step = items_->step(instruction.item);
    const Register to = reg(instruction.to);
    switch (step.op) {
      case VectorOp::load:
        return emit_load(to, row_vector(instruction.item));
      case VectorOp::broadcast:
        return vbroadcastss(to, row_begin(instruction.item));
      case VectorOp::broadcast_bool:
        return emit_broadcast_bool(to, row_begin(instruction.item));
      case VectorOp::store:
        return emit_store(row_vector(instruction.item), reg(a));
      case VectorOp::add:
        return with(b, [&](const Xbyak::Operand& y) { vaddps(to, reg(a), y); });
      case VectorOp::subtract:
        return with(b, [&](const Xbyak::Operand& y) { vsubps(to, reg(a), y); });
      case VectorOp::multiply:
        return with(b, [&](const Xbyak::Operand& y) { vmulps(to, reg(a), y); });
      case VectorOp::divide:
        return with(b, [&](const Xbyak::Operand& y) { vdivps(to, reg(a), y); });
      case VectorOp::min:
        return with(b, [&](const Xbyak::Operand& y) { vminps(to, reg(a), y); });
      case VectorOp::max:
        return with(b, [&](const Xbyak::Operand& y) { vmaxps(to, reg(a), y); });
      case VectorOp::bit_and:
        return with(b, [&](const Xbyak::Operand& y) { vandps(to, reg(a), y); });
      case VectorOp::bit_or:
        return with(b, [&](const Xbyak::Operand& y) { vorps(to, reg(a), y); });
      case VectorOp::bit_xor:
        return with(b, [&](const Xbyak::Operand& y) { vxorps(to, reg(a), y); });
      case VectorOp::add_int:
        return with(b, [&](const Xbyak::Operand& y) { vpaddd(to, reg(a), y); });
      case VectorOp::subtract_int:
        return with(b, [&](const Xbyak::Operand& y) { vpsubd(to, reg(a), y); });
      case VectorOp::equal:
        return emit_compare(to, a, b, 0);
      case VectorOp::less:
        return emit_compare(to, a, b, 1);
      case VectorOp::less_equal:
        return emit_compare(to, a, b, 2);
      case VectorOp::not_equal:
        return emit_compare(to, a, b, 4);
      case VectorOp::sqrt:
        return with(a, [&](const Xbyak::Operand& x) { vsqrtps(to, x); });
      case VectorOp::to_float:
        return with(a, [&](const Xbyak::Operand& x) { vcvtdq2ps(to, x); });
      case VectorOp::shift_left:
        return vpslld(to, reg(a), static_cast<std::uint8_t>(step.number));
      case VectorOp::shift_right:
        return vpsrad(to, reg(a), static_cast<std::uint8_t>(step.number));
      case VectorOp::permute:
        return with(a, [&](const Xbyak::Operand& table) { vpermps(to, reg(b), table); });
      case VectorOp::fma:
        return emit_fma(to, a, b, c);
      case VectorOp::select:
        return emit_select(to, a, b, c);
      case VectorOp::slow_path_unless:
        return emit_slow_path_unless(step, a, b, to);
      case VectorOp::constant:
      case VectorOp::table:
        return;
    }
  }

  void emit_move(const Location& to, const Location& from) {
    if (to.kind == Kind::spill_slot) {
      vmovups(spill_slot(to), reg(from));
    } else if (from.kind == Kind::vector_register) {
      vmovaps(reg(to), reg(from));
    } else {
      vmovups(reg(to), memory(from));
    }
  }

  void emit_load(const Register& to, const Address& from) {
    if (!masked_) {
      vmovups(to, from);
    } else if (wide()) {
      vmovups(to | k1 | T_z, from);
    } else {
      vmaskmovps(to, mask(), from);
    }
  }

  void emit_store(const Address& to, const Register& from) {
    if (!masked_) {
      vmovups(to, from);
    } else if (wide()) {
      vmovups(to | k1, from);
    } else {
      vmaskmovps(to, mask(), from);
    }
  }

  void emit_broadcast_bool(const Register& to, const Address& from) {
    movzx(eax, byte[from.getRegExp()]);
    neg(eax);
    const Xbyak::Xmm low(to.getIdx());
    vmovd(low, eax);
    vpbroadcastd(to, low);
  }

  void emit_compare(const Register& to, const Location& a, const Location& b, std::uint8_t predicate) {
    with(b, [&](const Xbyak::Operand& y) {
      if (wide()) {
        vcmpps(k2, reg(a), y, predicate);
        vpmovm2d(to, k2);
      } else {
        vcmpps(to, reg(a), y, predicate);
      }
    });
  }

  /// Of the three forms of the instruction, the one that overwrites the operand whose register the result
  /// has.
  void emit_fma(const Register& to, const Location& a, const Location& b, const Location& c) {
    const auto is_result = [&](const Location& operand) {
      return operand.kind == Kind::vector_register && operand.index == to.getIdx();
    };
    if (is_result(c)) {
      with(b, [&](const Xbyak::Operand& y) { vfmadd231ps(to, reg(a), y); });
    } else if (is_result(a) && b.kind != Kind::vector_register) {
      vfmadd132ps(to, reg(c), memory(b));
    } else {
      with(c, [&](const Xbyak::Operand& sum) { vfmadd213ps(to, reg(is_result(a) ? b : a), sum); });
    }
  }

  void emit_select(const Register& to, const Location& a, const Location& b, const Location& c) {
    if (wide()) {
      // Bit by bit: b where the condition, which `to` holds, is set, else c.
      constexpr std::uint8_t choose = 0xca;
      with(c, [&](const Xbyak::Operand& z) { vpternlogd(to, reg(b), z, choose); });
    } else {
      with(b, [&](const Xbyak::Operand& y) { vblendvps(to, reg(c), y, reg(a)); });
    }
  }

  // Slow paths lie behind the loop, out of line.

  struct SlowPath {
    Xbyak::Label begin;
    Xbyak::Label end;
    std::vector<int> kept;
    int x;
    int y;
    VectorTable::Function function;
  };

  void emit_slow_path_unless(const Step& step, const Location& condition, const Location& x,
                             const Register& y) {
    SlowPath& path = slow_paths_.emplace_back();
    if (wide()) {
      vpmovd2m(k2, reg(condition));
      kortestw(k2, k2);
      jnc(path.begin, T_NEAR);
    } else {
      vmovmskps(eax, reg(condition));
      cmp(eax, 0xff);
      jne(path.begin, T_NEAR);
    }
    L(path.end);
    path.kept = *kept_++;
    if (masked_ && !wide()) path.kept.push_back(mask().getIdx());
    path.x = x.index;
    path.y = y.getIdx();
    path.function = code_.functions.*step.function;
  }

  void emit_slow_path(SlowPath& path) {
    const Xbyak::Reg64 destroyed[] = {rcx, rdx, rsi, rdi, r8, r9, r10, r11};
    L(path.begin);
    for (std::size_t i = 0; i < 8; ++i) mov(qword[rsp + general_area + 8 * i], destroyed[i]);
    if (wide()) kmovw(ptr[rsp + opmask_area], k1);
    const auto kept = [&](int r) { return beside(rsp, kept_area + r * vector_bytes()); };
    for (int r : path.kept) vmovups(kept(r), vector(r));
    vmovups(ptr[rsp + argument_area], vector(path.x));
    mov(rdi, reinterpret_cast<std::size_t>(path.function));
    lea(rsi, ptr[rsp + argument_area]);
    mov(edx, static_cast<std::uint32_t>(width_));
    mov(scratch_, reinterpret_cast<std::size_t>(&call_slow_path));
    vzeroupper();
    call(scratch_);
    for (int r : path.kept) vmovups(vector(r), kept(r));
    vmovups(vector(path.y), ptr[rsp + argument_area]);
    for (std::size_t i = 0; i < 8; ++i) mov(destroyed[i], qword[rsp + general_area + 8 * i]);
    if (wide()) kmovw(k1, ptr[rsp + opmask_area]);
    jmp(path.end, T_NEAR);
  }

  // Constants lie behind the code, as whole vectors.

  struct Pooled {
    explicit Pooled(Value v) : value(v) {}
    Value value;
    Xbyak::Label label;
  };

  Xbyak::Label& pool_label(Value value) {
    const auto same = std::ranges::find(pool_, value, [](const auto& each) { return each->value; });
    if (same != pool_.end()) return (*same)->label;
    pool_.push_back(std::make_unique<Pooled>(value));
    return pool_.back()->label;
  }

  void emit_constants() {
    align(64);
    for (const auto& each : pool_) {
      L(each->label);
      const Step& step = code_.program.steps[static_cast<std::size_t>(each->value)];
      for (int i = 0; i < width_; ++i) {
        const auto element = static_cast<std::size_t>(i % 8);
        const auto number = static_cast<std::size_t>(step.number);
        dd(step.op == VectorOp::constant
               ? static_cast<std::uint32_t>(step.number)
               : __builtin_bit_cast(std::uint32_t, code_.program.tables[number][element]));
      }
    }
    if (!wide()) emit_mask_source(mask_source_);
  }

  const LoopCode& code_;
  int width_;
  /// Of the body that is being emitted.
  const VectorItems* items_ = nullptr;
  bool masked_ = false;
  std::vector<std::vector<int>>::const_iterator kept_;
  std::deque<SlowPath> slow_paths_;
  std::vector<std::unique_ptr<Pooled>> pool_;
  Xbyak::Label mask_source_;
};

}  // namespace

RegisterRule avx2_register_rule(VectorOp op) { return register_rule(op, false); }
RegisterRule avx512_register_rule(VectorOp op) { return register_rule(op, true); }

JitMemory emit_x86_loop(const JitTarget& target, const LoopCode& code) {
  const std::string name = fmt::format("unspool: elementwise loop of {} steps", code.program.steps.size());
  return emit_x86<LoopEmitter>(name, target, code);
}

}  // namespace unspool::kernels

#endif
