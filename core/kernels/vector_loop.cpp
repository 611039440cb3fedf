#include <algorithm>
#include <array>
#include <climits>
#include <cstring>
#include <deque>
#include <new>
#include <string>
#include <utility>

#include <unspool/core/internal/format.h>
#include <unspool/core/kernels/jit.h>
#include <unspool/core/kernels/machine.h>
#include <unspool/core/kernels/vector.h>
#include <unspool/core/kernels/vector_loop.h>
#include <unspool/core/kernels/vector_schedule.h>
#include <unspool/core/kernels/x86_emitter.h>

#ifdef UNSPOOL_X86_JIT

namespace unspool::kernels {
namespace {

using Value = VectorProgram::Value;
using Step = VectorProgram::Step;

std::size_t at(Value value) { return static_cast<std::size_t>(value); }

/// Calls a function for a vector that the code beside it cannot serve.
void call_far(VectorTable::Function function, float* x, std::int64_t count) {
  const void* const inputs[] = {x};
  constexpr std::int64_t steps[] = {1};
  function(
      {.inputs = inputs, .steps = steps, .output = x, .count = count, .input_dtype = {}, .output_dtype = {}});
}

// More than the code of a program may take: twice its steps, calls of what is far, and constants.
std::size_t most_bytes(const VectorProgram& program) {
  return (std::size_t{16} << 10U) + program.steps.size() * 512;
}

class LoopMaker final : public X86Emitter {
 public:
  using Operand = VectorLoop::Operand;

  LoopMaker(const VectorProgram& program, std::span<const Operand> operands,
            std::span<const std::ptrdiff_t> row_bytes, Isa isa)
      : X86Emitter(most_bytes(program), *jit_target(isa)),
        program_(program),
        operands_(operands),
        row_bytes_(row_bytes),
        isa_(isa),
        width_(wide() ? 16 : 8),
        items_(program, 1) {
    emit();
  }

 private:
  bool lies_in_pool(Value value) const { return items_.is_constant(value); }

  // Registers of the loop. Pointers for which there is none lie where the caller put them.
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

  // The frame, from rsp: what call_far would destroy, how many bytes of a row are left beside whole vectors
  // and which elements those are, the argument of call_far, and spilled values.
  static constexpr std::size_t general_area = 0;
  static constexpr int opmask_area = 64;
  static constexpr int rest_area = 72;
  static constexpr int lanes_area = 96;
  static constexpr int argument_area = 128;
  static constexpr int saved_area = 192;
  int spill_area() const { return saved_area + registers() * vector_bytes(); }

  void emit() {
    push(rbp);
    mov(rbp, rsp);
    for (const Xbyak::Reg64& saved : {rbx, r12, r13, r14, r15}) push(saved);
    // How many bytes is known in the end.
    sub(rsp, INT32_MAX);
    auto* const frame = const_cast<std::uint8_t*>(getCurr()) - sizeof(std::int32_t);
    and_(rsp, whole(64));
    find_rest();
    for (std::size_t i = 0; i < std::min(pointer_registers, row_bytes_.size()); ++i) {
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
    body(2, false);
    advance(column_, std::ptrdiff_t{2} * vector_bytes());
    jmp(column, T_NEAR);
    L(last);
    cmp(column_, bytes_);
    jae(rest, T_NEAR);
    body(1, false);
    advance(column_, vector_bytes());
    L(rest);
    cmp(qword[rsp + rest_area], 0);
    jz(next, T_NEAR);
    body(1, true);
    L(next);
    for (std::size_t i = 0; i < row_bytes_.size(); ++i) {
      if (row_bytes_[i] == 0) continue;
      const auto by = static_cast<std::uint32_t>(row_bytes_[i]);
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
    for (Far& far : fars_) emit_far(far);
    emit_constants();
    const std::int32_t size = spill_area() + spills_ * vector_bytes();
    std::memcpy(frame, &size, sizeof(size));
  }

  // What leaves whole multiples.
  static std::uint32_t whole(int of) { return static_cast<std::uint32_t>(-of); }

  // From a count of elements: the bytes of whole vectors, and what is left as bytes and as a mask.
  void find_rest() {
    mov(column_, bytes_);
    and_(column_, static_cast<std::uint32_t>(width_ - 1));
    mov(ptr[rsp + rest_area], column_);
    make_mask(ymm15, first_of_, 4);
    if (!wide()) vmovups(ptr[rsp + lanes_area], ymm15);
    shl(bytes_, 2);
    and_(bytes_, whole(vector_bytes()));
  }

  // Some vectors of a row, or what is left after the last whole one.
  void body(int vectors, bool partly) {
    partly_ = partly;
    items_ = VectorItems(program_, vectors);
    const std::vector<Value> order = items_.in_order(registers() - machine::vector_spare_registers);
    const std::size_t count = items_.size();
    uses_.assign(count, {});
    for (std::size_t i = 0; i < order.size(); ++i) {
      for (Value value : items_.operands(order[i])) {
        if (value < 0) continue;
        std::vector<int>& uses = uses_[at(value)];
        if (uses.empty() || uses.back() != static_cast<int>(i)) uses.push_back(static_cast<int>(i));
      }
    }
    homes_.assign(count, {});
    held_.assign(static_cast<std::size_t>(registers()), -1);
    // Without opmasks, loads and stores take their mask from a register.
    if (partly && !wide()) {
      held_.back() = reserved;
      vmovups(ymm15, ptr[rsp + lanes_area]);
    }
    for (std::size_t i = 0; i < order.size(); ++i) {
      now_ = static_cast<int>(i);
      step(order[i]);
      for (Value value : items_.operands(order[i])) {
        if (value >= 0 && in_register(value) && !used_after(value, now_)) {
          held_[static_cast<std::size_t>(homes_[at(value)].in)] = -1;
        }
      }
    }
  }

  // Registers.

  struct Home {
    int in = -1;
    int spill = -1;
  };
  static constexpr Value reserved = -2;

  int next_use(Value value, int after) const {
    const std::vector<int>& uses = uses_[at(value)];
    const auto next = std::ranges::upper_bound(uses, after);
    return next == uses.end() ? INT_MAX : *next;
  }
  bool used_after(Value value, int step) const { return next_use(value, step) != INT_MAX; }
  // A load that is used once needs no register of its own.
  bool is_direct(Value value) const {
    return items_.step(value).op == VectorOp::load && !partly_ && uses_[at(value)].size() == 1;
  }
  bool in_register(Value value) const {
    const int in = homes_[at(value)].in;
    return in >= 0 && held_[static_cast<std::size_t>(in)] == value;
  }

  // A register that holds nothing that is still needed.
  int free_register() {
    const auto free = std::ranges::find(held_, -1);
    if (free != held_.end()) return static_cast<int>(free - held_.begin());
    int victim = -1;
    int furthest = -1;
    for (std::size_t r = 0; r < held_.size(); ++r) {
      const Value value = held_[r];
      if (value == reserved || pinned_[r]) continue;
      const int use = next_use(value, now_ - 1);
      if (use > furthest) {
        furthest = use;
        victim = static_cast<int>(r);
      }
    }
    const Value value = held_[static_cast<std::size_t>(victim)];
    Home& home = homes_[at(value)];
    if (home.spill < 0 && !lies_in_pool(value)) {
      home.spill = free_spill();
      vmovups(spilled(home.spill), vector(victim));
    }
    held_[static_cast<std::size_t>(victim)] = -1;
    return victim;
  }
  int free_spill() {
    std::vector<bool> taken(static_cast<std::size_t>(spills_));
    for (std::size_t v = 0; v < homes_.size(); ++v) {
      if (homes_[v].spill >= 0 && used_after(static_cast<Value>(v), now_ - 1)) {
        taken[static_cast<std::size_t>(homes_[v].spill)] = true;
      }
    }
    const auto free = static_cast<int>(std::ranges::find(taken, false) - taken.begin());
    spills_ = std::max(spills_, free + 1);
    return free;
  }
  Address spilled(int slot) { return beside(rsp, spill_area() + slot * vector_bytes()); }
  void pin(int r) { pinned_[static_cast<std::size_t>(r)] = true; }

  Register hold(Value value, int r) {
    held_[static_cast<std::size_t>(r)] = value;
    homes_[at(value)].in = r;
    pin(r);
    return vector(r);
  }
  // The register of an operand, which stays what it is during this step.
  Register in(Value value) {
    if (in_register(value)) {
      pin(homes_[at(value)].in);
      return vector(homes_[at(value)].in);
    }
    const Address from = memory(value);
    const Register to = hold(value, free_register());
    vmovups(to, from);
    return to;
  }
  Address memory(Value value) {
    if (lies_in_pool(value)) return ptr[rip + pool_label(value)];
    if (homes_[at(value)].spill >= 0) return spilled(homes_[at(value)].spill);
    return place(value);
  }
  // A last operand, in a register or where it lies in memory.
  template <class F>
  void with(Value value, F f) {
    if (in_register(value)) {
      f(in(value));
    } else {
      f(memory(value));
    }
  }
  // Whether the operand's register may take the result.
  bool ends_here(Value value) const { return in_register(value) && !used_after(value, now_); }
  Register result(Value value, std::initializer_list<Value> operands) {
    for (Value operand : operands) {
      if (ends_here(operand)) return hold(value, homes_[at(operand)].in);
    }
    return hold(value, free_register());
  }

  // Where a load or a store is: in its row, at the vector of the item, or at the row's begin.
  Address place(Value item) {
    const Operand& here = operands_[static_cast<std::size_t>(items_.step(item).operand)];
    return beside(pointer(here) + column_,
                  here.offset + std::ptrdiff_t{items_.vector(item)} * vector_bytes());
  }
  Address row_place(Value item) {
    const Operand& here = operands_[static_cast<std::size_t>(items_.step(item).operand)];
    return beside(pointer(here), here.offset);
  }
  Xbyak::Reg64 pointer(const Operand& here) {
    const auto i = static_cast<std::size_t>(here.pointer);
    if (i < pointer_registers) return pointer_register(i);
    mov(scratch_, ptr[pointers_ + 8 * i]);
    return scratch_;
  }

  // Steps.

  void step(Value value) {
    pinned_.fill(false);
    Step step = items_.step(value);
    const std::array<Value, 3> operands = items_.operands(value);
    step.a = operands[0];
    step.b = operands[1];
    step.c = operands[2];
    switch (step.op) {
      case VectorOp::load:
        if (!is_direct(value)) load(value);
        return;
      case VectorOp::broadcast:
        vbroadcastss(hold(value, free_register()), row_place(value));
        return;
      case VectorOp::broadcast_bool: {
        const Address from = row_place(value);
        movzx(eax, byte[from.getRegExp()]);
        neg(eax);
        const Register to = hold(value, free_register());
        const Xbyak::Xmm low(to.getIdx());
        vmovd(low, eax);
        vpbroadcastd(to, low);
        return;
      }
      case VectorOp::constant:
      case VectorOp::table:
        return;
      case VectorOp::store:
        store(value, step.a);
        return;
      case VectorOp::fma:
        madd(value, step);
        return;
      case VectorOp::permute: {
        const Register index = in(step.b);
        with(step.a, [&](const Xbyak::Operand& from) { vpermps(result(value, {step.b}), index, from); });
        return;
      }
      case VectorOp::select:
        select(value, step);
        return;
      case VectorOp::unless_far:
        unless_far(value, step);
        return;
      case VectorOp::sqrt:
        with(step.a, [&](const Xbyak::Operand& x) { vsqrtps(result(value, {step.a}), x); });
        return;
      case VectorOp::to_float:
        with(step.a, [&](const Xbyak::Operand& x) { vcvtdq2ps(result(value, {step.a}), x); });
        return;
      case VectorOp::shift_left: {
        const Register x = in(step.a);
        vpslld(result(value, {step.a}), x, static_cast<std::uint8_t>(step.number));
        return;
      }
      case VectorOp::shift_right: {
        const Register x = in(step.a);
        vpsrad(result(value, {step.a}), x, static_cast<std::uint8_t>(step.number));
        return;
      }
      case VectorOp::less:
        return compare(value, step, 1);
      case VectorOp::less_equal:
        return compare(value, step, 2);
      case VectorOp::equal:
        return compare(value, step, 0);
      case VectorOp::not_equal:
        return compare(value, step, 4);
      default:
        return of_two(value, step);
    }
  }

  void load(Value value) {
    const int r = free_register();
    const Address from = place(value);
    const Register to = hold(value, r);
    if (!partly_) {
      vmovups(to, from);
    } else if (wide()) {
      vmovups(to | k1 | T_z, from);
    } else {
      vmaskmovps(to, ymm15, from);
    }
  }

  void store(Value item, Value stored) {
    const Register from = in(stored);
    const Address to = place(item);
    if (!partly_) {
      vmovups(to, from);
    } else if (wide()) {
      vmovups(to | k1, from);
    } else {
      vmaskmovps(to, ymm15, from);
    }
  }

  static bool commutes(VectorOp op) {
    return op == VectorOp::add || op == VectorOp::multiply || op == VectorOp::bit_and ||
           op == VectorOp::bit_or || op == VectorOp::bit_xor || op == VectorOp::add_int;
  }

  void of_two(Value value, const Step& step) {
    Value first = step.a;
    Value second = step.b;
    // An operand that lies in memory goes last.
    if (commutes(step.op) && !in_register(first) && in_register(second)) std::swap(first, second);
    const Register x = in(first);
    with(second, [&](const Xbyak::Operand& y) {
      const Register to = result(value, {first, second});
      switch (step.op) {
        case VectorOp::add:
          return vaddps(to, x, y);
        case VectorOp::subtract:
          return vsubps(to, x, y);
        case VectorOp::multiply:
          return vmulps(to, x, y);
        case VectorOp::divide:
          return vdivps(to, x, y);
        case VectorOp::min:
          return vminps(to, x, y);
        case VectorOp::max:
          return vmaxps(to, x, y);
        case VectorOp::bit_and:
          return vandps(to, x, y);
        case VectorOp::bit_or:
          return vorps(to, x, y);
        case VectorOp::bit_xor:
          return vxorps(to, x, y);
        case VectorOp::add_int:
          return vpaddd(to, x, y);
        default:
          return vpsubd(to, x, y);
      }
    });
  }

  void compare(Value value, const Step& step, std::uint8_t how) {
    const Register x = in(step.a);
    with(step.b, [&](const Xbyak::Operand& y) {
      if (wide()) {
        vcmpps(k2, x, y, how);
        vpmovm2d(result(value, {step.a, step.b}), k2);
      } else {
        vcmpps(result(value, {step.a, step.b}), x, y, how);
      }
    });
  }

  void madd(Value value, const Step& step) {
    Value a = step.a;
    Value b = step.b;
    const Value c = step.c;
    // Of the factors the one in memory is b.
    if (!in_register(a) && in_register(b)) std::swap(a, b);
    const Register left = in(a);
    if (!in_register(b)) {
      const Register sum = in(c);
      if (ends_here(c)) {
        vfmadd231ps(hold(value, sum.getIdx()), left, memory(b));
      } else if (ends_here(a)) {
        vfmadd132ps(hold(value, left.getIdx()), sum, memory(b));
      } else {
        const int to = free_register();
        vmovaps(vector(to), sum);
        vfmadd231ps(hold(value, to), left, memory(b));
      }
      return;
    }
    const Register right = in(b);
    if (ends_here(c)) {
      const Register sum = in(c);
      vfmadd231ps(hold(value, sum.getIdx()), left, right);
      return;
    }
    const auto into = [&](const Register& to, const Register& other) {
      with(c, [&](const Xbyak::Operand& sum) { vfmadd213ps(hold(value, to.getIdx()), other, sum); });
    };
    if (ends_here(a)) return into(left, right);
    if (ends_here(b)) return into(right, left);
    const int to = free_register();
    with(c, [&](const Xbyak::Operand& sum) { vmovups(vector(to), sum); });
    vfmadd231ps(hold(value, to), left, right);
  }

  void select(Value value, const Step& step) {
    const Register condition = in(step.a);
    if (!wide()) {
      const Register otherwise = in(step.c);
      with(step.b, [&](const Xbyak::Operand& then) {
        vblendvps(result(value, {step.a, step.b, step.c}), otherwise, then, condition);
      });
      return;
    }
    const Register then = in(step.b);
    with(step.c, [&](const Xbyak::Operand& otherwise) {
      int to = condition.getIdx();
      if (!ends_here(step.a)) {
        to = free_register();
        vmovaps(vector(to), condition);
      }
      vpternlogd(hold(value, to), then, otherwise, 0xca);
    });
  }

  // What is far is seen to out of line: by a call of the function that serves whole blocks.

  struct Far {
    Xbyak::Label begin;
    Xbyak::Label end;
    std::vector<int> saved;
    int x;
    int y;
    VectorTable::Function function;
  };
  void unless_far(Value value, const Step& step) {
    const Register plain = in(step.a);
    const Register x = in(step.b);
    Register y = in(step.c);
    Far& far = fars_.emplace_back();
    if (wide()) {
      vpmovd2m(k2, plain);
      kortestw(k2, k2);
      if (!ends_here(step.c)) y = copy(y);
      jnc(far.begin, T_NEAR);
    } else {
      vmovmskps(eax, plain);
      if (!ends_here(step.c)) y = copy(y);
      cmp(eax, 0xff);
      jne(far.begin, T_NEAR);
    }
    L(far.end);
    far.x = x.getIdx();
    far.y = y.getIdx();
    far.function = vectors_with(isa_).*step.function;
    for (std::size_t r = 0; r < held_.size(); ++r) {
      if (held_[r] != -1 && static_cast<int>(r) != far.y) far.saved.push_back(static_cast<int>(r));
    }
    hold(value, far.y);
  }
  Register copy(const Register& from) {
    const int to = free_register();
    vmovaps(vector(to), from);
    pin(to);
    return vector(to);
  }
  void emit_far(Far& far) {
    const Xbyak::Reg64 destroyed[] = {rcx, rdx, rsi, rdi, r8, r9, r10, r11};
    L(far.begin);
    for (std::size_t i = 0; i < 8; ++i) mov(qword[rsp + general_area + 8 * i], destroyed[i]);
    if (wide()) kmovw(ptr[rsp + opmask_area], k1);
    const auto saved = [&](int r) { return beside(rsp, saved_area + r * vector_bytes()); };
    for (int r : far.saved) vmovups(saved(r), vector(r));
    vmovups(ptr[rsp + argument_area], vector(far.x));
    mov(rdi, reinterpret_cast<std::size_t>(far.function));
    lea(rsi, ptr[rsp + argument_area]);
    mov(edx, static_cast<std::uint32_t>(width_));
    mov(scratch_, reinterpret_cast<std::size_t>(&call_far));
    vzeroupper();
    call(scratch_);
    for (int r : far.saved) vmovups(vector(r), saved(r));
    vmovups(vector(far.y), ptr[rsp + argument_area]);
    for (std::size_t i = 0; i < 8; ++i) mov(destroyed[i], qword[rsp + general_area + 8 * i]);
    if (wide()) kmovw(k1, ptr[rsp + opmask_area]);
    jmp(far.end, T_NEAR);
  }

  // Constants, as whole vectors.

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
      const Step& step = items_.step(each->value);
      for (int i = 0; i < width_; ++i) {
        const bool one = step.op == VectorOp::constant;
        dd(one ? static_cast<std::uint32_t>(step.number)
               : __builtin_bit_cast(std::uint32_t, program_.tables[static_cast<std::size_t>(step.number)]
                                                                  [static_cast<std::size_t>(i % 8)]));
      }
    }
    if (!wide()) emit_lanes(first_of_);
  }

  struct Pooled {
    explicit Pooled(Value v) : value(v) {}
    Value value;
    Xbyak::Label label;
  };

  const VectorProgram& program_;
  std::span<const Operand> operands_;
  std::span<const std::ptrdiff_t> row_bytes_;
  Isa isa_;
  int width_;
  std::vector<std::vector<int>> uses_;
  VectorItems items_;
  bool partly_ = false;
  int now_ = 0;
  int spills_ = 0;
  std::vector<Home> homes_;
  std::vector<Value> held_;
  std::array<bool, 32> pinned_{};
  std::deque<Far> fars_;
  std::vector<std::unique_ptr<Pooled>> pool_;
  Xbyak::Label first_of_;
};

}  // namespace

std::unique_ptr<VectorLoop> VectorLoop::compile(const VectorProgram& program,
                                                std::span<const Operand> operands,
                                                std::span<const std::ptrdiff_t> row_bytes, Isa isa) {
  if (jit_target(isa) == nullptr) return nullptr;
  // What an instruction can add.
  if (std::ranges::any_of(row_bytes,
                          [](std::ptrdiff_t bytes) { return bytes != static_cast<std::int32_t>(bytes); })) {
    return nullptr;
  }
  const std::string name = fmt::format("unspool: elementwise loop of {} steps", program.steps.size());
  try {
    return std::unique_ptr<VectorLoop>(
        new VectorLoop(LoopMaker(program, operands, row_bytes, isa).finish(name)));
  } catch (const Xbyak::Error&) {
    return nullptr;
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}

}  // namespace unspool::kernels

#else

namespace unspool::kernels {

std::unique_ptr<VectorLoop> VectorLoop::compile(const VectorProgram&, std::span<const Operand>,
                                                std::span<const std::ptrdiff_t>, Isa) {
  return nullptr;
}

}  // namespace unspool::kernels
#endif
