#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include <unspool/autograd/scan/layout.h>
#include <unspool/core/internal/format.h>
#include <unspool/core/kernels/machine.h>

namespace unspool::scan_compiler {
namespace {

/// Where an instruction stands: its phase, and its segment in that. Reductions follow all segments.
struct Position {
  Phase phase;
  std::size_t segment;
  friend bool operator==(const Position&, const Position&) = default;
};
constexpr std::size_t in_reductions = ~std::size_t{0};

/// Calls visit(instruction, position) for all instructions, in the order in which they run.
template <class F>
void for_each_instruction(const FusedProgram& program, F&& visit) {
  for (Phase phase : all_phases) {
    for (std::size_t s = 0; s < program.segments[phase].size(); ++s) {
      for (const Instruction& instruction : program.segments[phase][s].instructions) {
        visit(instruction, Position{phase, s});
      }
    }
    if (phase != Phase::after) continue;
    for (const Instruction& reduction : program.reductions) visit(reduction, Position{phase, in_reductions});
  }
}

class LayoutWriter {
 public:
  explicit LayoutWriter(const FusedProgram& program)
      : fused_(program), table_(program.table), program_(program.table.program()) {}

  Layout write() {
    const auto count = static_cast<Value>(table_.values.size());
    layout_.slots.resize(table_.values.size());
    layout_.trajectory.assign(program_.carries.size(), -1);
    find_lifetimes();
    for (Value value = 0; value < count; ++value) fixed_slot(value);
    for (Value value = 0; value < count; ++value) buffer_slot(value);
    find_blocks();
    for (Value value = 0; value < count; ++value) resolve(value);
    find_trajectories();
    return std::move(layout_);
  }

 private:
  /// Of the memory of a value.
  struct Lifetime {
    bool written = false;
    Position first{};
    bool in_later_phase = false;
    /// Written and read in one elementwise segment.
    bool in_one_segment = false;
  };

  const ValueInfo& info(Value value) const { return table_[value]; }
  Slot& slot(Value value) { return layout_[value]; }
  std::size_t bytes(Value value) const { return whole_lines(bytes_of(info(value).spec)); }
  const Segment& segment(Position position) const {
    return fused_.segments[position.phase][position.segment];
  }

  void find_lifetimes() {
    lifetimes_.resize(table_.values.size());
    for_each_instruction(fused_, [&](const Instruction& instruction, Position position) {
      for (Value result : results_of(instruction)) {
        // And of the memory that it lies in, of which other parts may be written later.
        for (Value written : {result, table_.memory_of(result)}) {
          Lifetime& life = lifetimes_[index_of(written)];
          if (life.written) continue;
          life = {.written = true, .first = position, .in_one_segment = segment(position).elementwise};
        }
      }
    });
    for_each_instruction(fused_, [&](const Instruction& instruction, Position position) {
      const auto visit = [&](Value value) {
        Lifetime& life = lifetimes_[index_of(table_.memory_of(value))];
        life.in_later_phase = life.in_later_phase || position.phase != life.first.phase;
        life.in_one_segment = life.in_one_segment && position == life.first;
      };
      for (Value value : operands_of(instruction)) visit(value);
      for (Value value : results_of(instruction)) visit(value);
    });
  }

  /// The slot of an input, or of a value that is written to an output.
  void fixed_slot(Value value) {
    Slot& own = slot(value);
    own.columns =
        info(value).has_rows ? columns_of(info(value).spec.shape) : info(value).spec.shape.elements();
    own.has_rows = info(value).has_rows;
    own.stride = own.columns;
    own.root = value;
    const auto is_one_of = [&](const std::vector<Value>& list, Storage storage) {
      const auto found = std::ranges::find(list, value);
      if (found == list.end()) return false;
      own.storage = storage;
      own.index = static_cast<int>(found - list.begin());
      return true;
    };
    if (is_one_of(program_.captured, Storage::captured) || is_one_of(program_.carries, Storage::carry_in))
      return;
    const auto sequence = std::ranges::find(program_.sequences, value, &Stacked::value);
    if (sequence != program_.sequences.end()) {
      own.index = static_cast<int>(sequence - program_.sequences.begin());
      own.storage = Storage::sequence;
      if (is_batch_major(program_, *sequence)) {
        layout_.batch_major_sequences.push_back({value, static_cast<std::size_t>(own.index)});
        in_chunk(value);
      }
      return;
    }
    if (!lifetimes_[index_of(value)].written) return;
    if (const int output = info(value).stacked_output; output >= 0) {
      own.index = output;
      own.storage = Storage::stacked;
      const auto e = static_cast<std::size_t>(output);
      if (is_batch_major(program_, program_.stacked_outputs[e])) {
        layout_.batch_major_outputs.push_back({value, e});
        in_chunk(value);
      }
    } else if (info(value).final_carry >= 0) {
      own.storage = Storage::final;
      own.index = info(value).final_carry;
    }
  }

  void in_chunk(Value value) { in_buffer(value, Storage::chunk, layout_.chunk_bytes); }
  void in_buffer(Value value, Storage storage, std::size_t& buffer_bytes) {
    slot(value).storage = storage;
    slot(value).buffer_offset = buffer_bytes;
    buffer_bytes += bytes(value);
  }

  /// The slot of a value that owns its memory, by the lifetime of all that lies in it.
  void buffer_slot(Value value) {
    if (info(value).placement.kind != Placement::Kind::own) return;
    const Lifetime& life = lifetimes_[index_of(value)];
    if (slot(value).storage != Storage::none || !life.written) return;
    if (life.first.phase == Phase::once) return in_buffer(value, Storage::once, layout_.once_bytes);
    int carry = -1;
    for (std::size_t v = 0; v < table_.values.size(); ++v) {
      if (table_.values[v].next_carry >= 0 && table_.memory_of(static_cast<Value>(v)) == value) {
        carry = table_.values[v].next_carry;
      }
    }
    if (life.in_one_segment && carry < 0) {
      slot(value).storage = Storage::block;
    } else if (life.first.phase != Phase::loop || life.in_later_phase) {
      in_chunk(value);
    } else if (carry >= 0 && info(value).next_carry >= 0) {
      slot(value).storage = Storage::carry_out;
      slot(value).index = carry;
    } else {
      in_buffer(value, Storage::step, layout_.step_bytes);
    }
  }

  void find_blocks() {
    for (Phase phase : all_phases) {
      for (const Segment& segment : fused_.segments[phase]) {
        Index rows = 0;
        if (segment.elementwise) {
          Index widest = 1;
          for (const Instruction& instruction : segment.instructions) {
            for (Value value : results_of(instruction)) widest = std::max(widest, slot(value).columns);
          }
          rows = std::clamp<Index>(machine::scan_block_elements / widest, 1,
                                   std::max<Index>(1, table_.phased->rows));
          share_blocks(segment, rows);
        }
        layout_.block_rows[phase].push_back(rows);
      }
    }
  }

  /// Values of a block take the memory of others that are not read any more.
  void share_blocks(const Segment& segment, Index rows) {
    struct Free {
      std::size_t offset;
      std::size_t bytes;
    };
    std::map<Value, std::size_t> last_use;
    for (std::size_t i = 0; i < segment.instructions.size(); ++i) {
      for (Value value : operands_of(segment.instructions[i])) last_use[table_.memory_of(value)] = i;
      for (Value value : results_of(segment.instructions[i])) last_use[table_.memory_of(value)] = i;
    }
    const auto size = [&](Value value) {
      return whole_lines(static_cast<std::size_t>(rows * slot(value).columns) *
                         size_of(info(value).spec.dtype));
    };
    std::vector<Free> free;
    std::map<Value, std::size_t> live;
    std::size_t top = 0;
    for (std::size_t i = 0; i < segment.instructions.size(); ++i) {
      for (Value result : results_of(segment.instructions[i])) {
        const Value value = table_.memory_of(result);
        if (slot(value).storage != Storage::block || live.contains(value)) continue;
        const std::size_t needed = size(value);
        const auto found = std::ranges::find(free, needed, &Free::bytes);
        if (found != free.end()) {
          live[value] = found->offset;
          free.erase(found);
        } else {
          live[value] = top;
          top += needed;
        }
        slot(value).buffer_offset = live[value];
      }
      for (auto it = live.begin(); it != live.end();) {
        if (last_use[it->first] == i) {
          free.push_back({it->second, size(it->first)});
          it = live.erase(it);
        } else {
          ++it;
        }
      }
    }
    layout_.block_bytes = std::max(layout_.block_bytes, top);
  }

  /// The slot of a value that lies in the memory of another one.
  void resolve(Value value) {
    Value root = value;
    Index offset = 0;
    while (info(root).placement.kind != Placement::Kind::own) {
      offset += info(root).placement.offset;
      root = info(root).placement.in;
    }
    if (root == value) return;
    Slot& own = slot(value);
    own.storage = slot(root).storage;
    own.index = slot(root).index;
    own.root = root;
    own.offset = offset;
    own.stride = slot(root).columns;
  }

  /// A carry that is stacked as steps get it needs no copy where the step before can write it there.
  void find_trajectories() {
    for (const Segment& segment : fused_.segments[Phase::loop]) {
      for (const Instruction& instruction : segment.instructions) {
        const auto* const copy = std::get_if<Copy>(&instruction);
        if (copy == nullptr) continue;
        const Slot& to = slot(copy->to);
        const Slot& from = slot(copy->from);
        if (to.storage != Storage::stacked || from.storage != Storage::carry_in || from.offset != 0 ||
            from.columns != from.stride) {
          continue;
        }
        const auto k = static_cast<std::size_t>(from.index);
        if (slot(table_.next_carry[k]).storage != Storage::carry_out || layout_.trajectory[k] >= 0) continue;
        layout_.trajectory[k] = to.index;
        layout_.trajectory_copies.push_back(copy->to);
      }
    }
  }

  const FusedProgram& fused_;
  const ValueTable& table_;
  const Program& program_;
  Layout layout_;
  std::vector<Lifetime> lifetimes_;
};

const char* name_of(Storage storage) {
  static constexpr const char* names[] = {"not stored",     "sequence", "captured",   "once",
                                          "stacked output", "carry in", "carry out",  "chunk",
                                          "step",           "block",    "final carry"};
  return names[static_cast<std::size_t>(storage)];
}

}  // namespace

bool Layout::is_trajectory(const Instruction& instruction) const {
  const auto* const copy = std::get_if<Copy>(&instruction);
  return copy != nullptr && std::ranges::count(trajectory_copies, copy->to) != 0;
}

Layout lay_out(const FusedProgram& program) { return LayoutWriter(program).write(); }

std::string to_string(const FusedProgram& program, const Layout& layout) {
  std::string text;
  for (std::size_t v = 0; v < layout.slots.size(); ++v) {
    const auto value = static_cast<Value>(v);
    const Slot& slot = layout[value];
    if (slot.storage == Storage::none) continue;
    std::string where = name_of(slot.storage);
    switch (slot.storage) {
      case Storage::sequence:
      case Storage::captured:
      case Storage::stacked:
      case Storage::carry_in:
      case Storage::carry_out:
      case Storage::final:
        where += fmt::format(" {}", slot.index);
        break;
      default:
        where += fmt::format(" at {}", layout[slot.root].buffer_offset);
    }
    if (slot.root != value) {
      where += fmt::format(", columns {} to {} of {}", slot.offset, slot.offset + slot.columns,
                           name_of(program.table, slot.root));
    }
    text += fmt::format("  {} in {}\n", name_of(program.table, value), where);
  }
  for (std::size_t k = 0; k < layout.trajectory.size(); ++k) {
    if (layout.trajectory[k] >= 0) {
      text += fmt::format("  carry {} is handed on in stacked output {}\n", k, layout.trajectory[k]);
    }
  }
  text += fmt::format("  bytes of buffers: chunk {} a step, step {}, block {} a thread, once {}\n",
                      layout.chunk_bytes, layout.step_bytes, layout.block_bytes, layout.once_bytes);
  return text;
}

}  // namespace unspool::scan_compiler
