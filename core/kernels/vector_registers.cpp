#include <algorithm>
#include <climits>
#include <cstddef>

#include <unspool/core/internal/format.h>
#include <unspool/core/kernels/vector_registers.h>

namespace unspool::kernels {
namespace {

using Value = VectorItems::Value;
using Step = VectorItems::Step;
using Kind = Location::Kind;

std::size_t at(int index) { return static_cast<std::size_t>(index); }

class Allocator {
 public:
  Allocator(const VectorItems& items, const std::vector<Value>& order, int registers, bool load_operands,
            RegisterRule (*rule_of)(VectorOp))
      : items_(items),
        rule_of_(rule_of),
        load_operands_(load_operands),
        uses_(items.size()),
        homes_(items.size()),
        held_(at(registers), nothing),
        pinned_(at(registers)) {
    for (std::size_t i = 0; i < order.size(); ++i) {
      for (Value value : items.operands(order[i])) {
        if (value < 0) continue;
        std::vector<int>& uses = uses_[at(value)];
        if (uses.empty() || uses.back() != static_cast<int>(i)) uses.push_back(static_cast<int>(i));
      }
    }
    for (now_ = 0; now_ < static_cast<int>(order.size()); ++now_) place(order[at(now_)]);
  }

  LoopInstructions finish() { return std::move(instructions_); }

 private:
  static constexpr Value nothing = -1;

  /// The register of a value, and its slot once it was spilled.
  struct Home {
    int in = -1;
    int slot = -1;
  };

  static Location reg(int r) { return {Kind::vector_register, r}; }

  int next_use(Value value, int after) const {
    const std::vector<int>& uses = uses_[at(value)];
    const auto next = std::ranges::upper_bound(uses, after);
    return next == uses.end() ? INT_MAX : *next;
  }
  bool used_after(Value value, int position) const {
    return !uses_[at(value)].empty() && uses_[at(value)].back() > position;
  }
  bool in_register(Value value) const {
    const int in = homes_[at(value)].in;
    return in >= 0 && held_[at(in)] == value;
  }
  /// Whether the result may take the register of an operand, if there is that operand.
  bool ends_here(Value value) const { return value >= 0 && in_register(value) && !used_after(value, now_); }
  bool is_operand_in_row(Value value) const {
    return load_operands_ && items_.step(value).op == VectorOp::load && uses_[at(value)].size() == 1;
  }

  void emit(Value item, Location to, const std::array<Location, 3>& operands = {}) {
    instructions_.code.push_back({item, to, operands});
  }
  void move(Location to, Location from) { emit(-1, to, {from}); }

  /// A register that holds nothing that is still needed.
  int free_register() {
    const auto free = std::ranges::find(held_, nothing);
    if (free != held_.end()) return static_cast<int>(free - held_.begin());
    int victim = -1;
    int furthest = -1;
    for (int r = 0; r < static_cast<int>(held_.size()); ++r) {
      if (pinned_[at(r)]) continue;
      const int use = next_use(held_[at(r)], now_ - 1);
      if (use > furthest) {
        furthest = use;
        victim = r;
      }
    }
    const Value value = held_[at(victim)];
    Home& home = homes_[at(value)];
    if (home.slot < 0 && !items_.is_constant(value)) {
      home.slot = free_slot();
      move({Kind::spill_slot, home.slot}, reg(victim));
    }
    held_[at(victim)] = nothing;
    return victim;
  }

  /// A slot whose value is no longer needed, or a new one.
  int free_slot() {
    std::vector<bool> taken(at(instructions_.spill_slots));
    for (std::size_t v = 0; v < homes_.size(); ++v) {
      if (homes_[v].slot >= 0 && used_after(static_cast<Value>(v), now_ - 1))
        taken[at(homes_[v].slot)] = true;
    }
    const auto free = static_cast<int>(std::ranges::find(taken, false) - taken.begin());
    instructions_.spill_slots = std::max(instructions_.spill_slots, free + 1);
    return free;
  }

  void hold(Value value, int r) {
    held_[at(r)] = value;
    homes_[at(value)].in = r;
    pinned_[at(r)] = true;
  }

  Location memory_of(Value value) const {
    if (items_.is_constant(value)) return {Kind::constant, value};
    if (homes_[at(value)].slot >= 0) return {Kind::spill_slot, homes_[at(value)].slot};
    return {Kind::row, value};
  }

  /// The register of an operand, which keeps it during this item.
  Location register_of(Value value) {
    if (in_register(value)) {
      pinned_[at(homes_[at(value)].in)] = true;
    } else {
      const int r = free_register();
      move(reg(r), memory_of(value));
      hold(value, r);
    }
    return reg(homes_[at(value)].in);
  }

  void place(Value item) {
    std::fill(pinned_.begin(), pinned_.end(), false);
    const VectorOp op = items_.step(item).op;
    switch (op) {
      case VectorOp::load:
        if (is_operand_in_row(item)) return;
        [[fallthrough]];
      case VectorOp::broadcast:
      case VectorOp::broadcast_bool:
        hold(item, free_register());
        emit(item, reg(homes_[at(item)].in));
        return;
      case VectorOp::store:
        emit(item, {}, {register_of(items_.operands(item)[0])});
        break;
      default:
        compute(item, op);
    }
    for (Value value : items_.operands(item)) {
      if (value >= 0 && in_register(value) && !used_after(value, now_))
        held_[at(homes_[at(value)].in)] = nothing;
    }
  }

  void compute(Value item, VectorOp op) {
    const RegisterRule rule = rule_of_(op);
    std::array<Value, 3> values = items_.operands(item);
    // What may lie in memory comes after what may not.
    if (kind_of(op) == VectorOpKind::commutative && !in_register(values[0]) && in_register(values[1])) {
      std::swap(values[0], values[1]);
    }
    std::array<Location, 3> operands;
    bool memory = false;
    for (std::size_t i = 0; i < values.size() && values[i] >= 0; ++i) {
      const bool may_lie_in_memory = (rule.memory >> i & 1U) != 0 && !memory;
      if (may_lie_in_memory && !in_register(values[i])) {
        memory = true;
        operands[i] = memory_of(values[i]);
      } else {
        operands[i] = register_of(values[i]);
      }
    }
    const int to = result_register(rule, values, operands);
    if (op == VectorOp::slow_path_unless) {
      std::vector<int>& kept = instructions_.kept_by_slow_paths.emplace_back();
      for (int r = 0; r < static_cast<int>(held_.size()); ++r) {
        if (held_[at(r)] != nothing && r != to) kept.push_back(r);
      }
    }
    hold(item, to);
    emit(item, reg(to), operands);
  }

  int result_register(const RegisterRule& rule, const std::array<Value, 3>& values,
                      std::array<Location, 3>& operands) {
    for (const std::int8_t i : rule.reuse) {
      if (i >= 0 && ends_here(values[at(i)])) return homes_[at(values[at(i)])].in;
    }
    const int to = free_register();
    if (rule.overwrites) {
      Location& overwritten = operands[at(rule.reuse[0])];
      move(reg(to), overwritten);
      overwritten = reg(to);
    }
    return to;
  }

  const VectorItems& items_;
  RegisterRule (*rule_of_)(VectorOp);
  bool load_operands_;
  /// For each value the positions in the schedule that read it.
  std::vector<std::vector<int>> uses_;
  std::vector<Home> homes_;
  /// The value in each register, and whether it has to stay there during this item.
  std::vector<Value> held_;
  std::vector<bool> pinned_;
  int now_ = 0;
  LoopInstructions instructions_;
};

std::string to_string(const Location& location) {
  static constexpr const char* letters[] = {"", "r", "s", "c", "row"};
  return fmt::format("{}{}", letters[static_cast<std::size_t>(location.kind)], location.index);
}

}  // namespace

LoopInstructions allocate_registers(const VectorItems& items, const std::vector<Value>& order, int registers,
                                    bool load_operands, RegisterRule (*rule_of)(VectorOp)) {
  return Allocator(items, order, registers, load_operands, rule_of).finish();
}

std::string to_string(const VectorItems& items, const LoopInstructions& instructions) {
  std::string text;
  for (const LoopInstruction& each : instructions.code) {
    if (each.to.kind != Kind::none) text += to_string(each.to) + " =";
    if (each.item >= 0) {
      if (each.to.kind != Kind::none) text += ' ';
      text += info_of(items.step(each.item).op).name;
    }
    for (const Location& operand : each.operands) {
      if (operand.kind != Kind::none) text += ' ' + to_string(operand);
    }
    text += '\n';
  }
  return text;
}

}  // namespace unspool::kernels
