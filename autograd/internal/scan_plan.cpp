#include <algorithm>
#include <map>
#include <optional>

#include <unspool/autograd/internal/scan_plan.h>
#include <unspool/core/internal/format.h>
#include <unspool/core/kernels/gemm.h>

namespace unspool::internal {
namespace {

/// Elements of a row in a block: what an operation reads and writes fits into the nearest cache, or nearly.
constexpr Index block_elements = 3072;
constexpr std::size_t line = 64;

std::size_t rounded(std::size_t bytes) { return (bytes + line - 1) / line * line; }
std::size_t at(StepProgram::Value value) { return static_cast<std::size_t>(value); }

}  // namespace

/// Writes a plan for one program.
class PlanWriter {
 public:
  PlanWriter(ScanPlan& plan, const StepProgram& program) : plan_(plan), program_(program) {}

  void write() {
    plan_.program_ = &program_;
    find_rows();
    classify();
    if (!plan_.why_whole_.empty()) {
      // What cannot be dealt out row by row runs whole, step by step.
      plan_.rows_ = 1;
      classify();
    }
    plan_.dealt_ = plan_.why_whole_.empty();
    find_owners();
    make_instructions();
    fuse_products();
    place_parts();
    order();
    place();
  }

 private:
  using Value = StepProgram::Value;
  using Phase = ScanPlan::Phase;
  using Place = ScanPlan::Place;
  using Kind = ScanPlan::Kind;
  using Walk = ScanPlan::Walk;
  using Slot = ScanPlan::Slot;
  using Instruction = ScanPlan::Instruction;
  using Segment = ScanPlan::Segment;
  using Use = StepProgram::Use;

  enum Depends : std::uint8_t { on_nothing = 0, on_sequence = 1, on_carry = 2 };

  const Spec& spec(Value value) const { return values_[at(value)]; }
  bool whole() const { return !plan_.why_whole_.empty(); }

  void find_rows() {
    plan_.rows_ = unknown;
    const auto& inputs = program_.carries.empty() ? program_.sequences : program_.carries;
    for (Value value : inputs) {
      const Shape& shape = program_.spec(value).shape;
      const Index rows = shape.rank() > 0 ? shape[0] : unknown;
      if (rows == unknown || (plan_.rows_ != unknown && rows != plan_.rows_)) {
        plan_.why_whole_ = "the carries have no rows in common";
        return;
      }
      plan_.rows_ = rows;
    }
    if (plan_.rows_ == unknown) plan_.why_whole_ = "there is no carry";
  }

  bool has_rows(const Shape& shape) const { return !whole() && shape.rank() > 0 && shape[0] == plan_.rows_; }

  /// What each value depends on, whether it has rows, and when each use runs.
  void classify() {
    values_ = program_.values;
    const std::size_t count = values_.size();
    depends_.assign(count, on_nothing);
    rows_.assign(count, false);
    producer_.assign(count, -1);
    view_.assign(count, -1);
    for (Value value : program_.carries) {
      depends_[at(value)] = on_carry;
      rows_[at(value)] = has_rows(spec(value).shape);
    }
    for (Value value : program_.sequences) {
      depends_[at(value)] = on_sequence;
      rows_[at(value)] = has_rows(spec(value).shape);
    }
    rowwise_.assign(program_.uses.size(), false);
    kinds_.assign(program_.uses.size(), {});
    for (std::size_t u = 0; u < program_.uses.size(); ++u) classify(u);
    find_phases();
  }

  void classify(std::size_t u) {
    const Use& use = program_.uses[u];
    std::uint8_t depends = on_nothing;
    Tensors operands(use.inputs.size());
    for (std::size_t i = 0; i < operands.size(); ++i) {
      depends |= depends_[at(use.inputs[i])];
      operands[i] = TensorAccess::abstract(spec(use.inputs[i]).shape, spec(use.inputs[i]).dtype);
    }
    SmallVector<Rows, 8>& kinds = kinds_[u];
    kinds.resize(operands.size());
    use.operation->rows({*use.operation, operands, use.attributes}, {kinds.data(), kinds.size()});
    bool rowwise = !whole() && depends != on_nothing;
    bool any = false;
    for (std::size_t i = 0; i < kinds.size(); ++i) {
      const Value value = use.inputs[i];
      if (kinds[i] == Rows::same) {
        any = true;
        rowwise = rowwise && (rows_[at(value)] || has_rows(spec(value).shape));
      } else {
        rowwise = rowwise && kinds[i] == Rows::all && !rows_[at(value)];
      }
    }
    for (Value value : use.outputs) rowwise = rowwise && has_rows(spec(value).shape);
    rowwise_[u] = rowwise && any;
    for (Value value : use.outputs) {
      depends_[at(value)] = depends;
      rows_[at(value)] = depends != on_nothing && has_rows(spec(value).shape);
      producer_[at(value)] = static_cast<int>(u);
    }
  }

  void find_phases() {
    enum Needed : std::uint8_t { in_loop = 1, each_step = 2, at_last = 4 };
    std::vector<std::uint8_t> needed(values_.size(), 0);
    read_.assign(program_.carries.size(), false);
    for (std::size_t k = 0; k < read_.size(); ++k) {
      const Value value = program_.carries[k];
      const auto in = [&](const auto& list) { return std::ranges::find(list, value) != list.end(); };
      read_[k] = in(program_.next) || in(program_.each) || in(program_.sums) ||
                 std::ranges::any_of(program_.uses, [&](const Use& use) { return in(use.inputs); });
      needed[at(program_.next[k])] |= read_[k] ? in_loop : at_last;
    }
    for (Value value : program_.each) needed[at(value)] |= each_step;
    for (Value value : program_.sums) needed[at(value)] |= each_step;
    phase_.assign(program_.uses.size(), Phase::once);
    for (std::size_t u = program_.uses.size(); u-- > 0;) {
      const Use& use = program_.uses[u];
      std::uint8_t wanted = 0;
      std::uint8_t depends = on_nothing;
      for (Value value : use.outputs) {
        wanted |= needed[at(value)];
        depends |= depends_[at(value)];
      }
      if (depends == on_nothing) continue;
      const bool loop = (wanted & in_loop) != 0;
      phase_[u] = loop && (depends & on_carry) != 0 ? Phase::loop
                  : loop                            ? Phase::before
                  : (wanted & each_step) != 0       ? Phase::after
                                                    : Phase::last;
      for (Value value : use.inputs) {
        needed[at(value)] |= loop ? in_loop : (wanted & each_step) != 0 ? each_step : at_last;
      }
      if (phase_[u] == Phase::loop && !rowwise_[u] && !whole()) {
        plan_.why_whole_ = fmt::format("{} mixes rows", use.operation->name);
      }
    }
  }

  // From here on instructions refer to values that may be copies.

  Instruction copy_to_new(Value value, Phase phase) {
    const auto made = static_cast<Value>(values_.size());
    values_.push_back(values_[at(value)]);
    depends_.push_back(depends_[at(value)]);
    rows_.push_back(!whole() && has_rows(spec(value).shape));
    producer_.push_back(copied);
    for (auto* owners : {&view_, &each_of_, &next_of_, &final_of_, &same_memory_, &part_of_})
      owners->resize(values_.size(), -1);
    Instruction copy;
    copy.kind = Kind::copy;
    copy.phase = phase;
    copy.inputs.push_back(value);
    copy.outputs.push_back(made);
    return copy;
  }

  Value copy_of(Value value, Phase phase, bool first = false) {
    std::vector<Instruction>& copies = first ? first_copies_ : last_copies_;
    copies.push_back(copy_to_new(value, phase));
    return copies.back().outputs[0];
  }

  bool is_input(Value value) const { return producer_[at(value)] == -1; }
  bool is_carry(Value value) const {
    return std::ranges::find(program_.carries, value) != program_.carries.end();
  }

  /// The value whose memory a view shows; itself if it is none.
  Value root_of(Value value) const {
    while (view_[at(value)] >= 0) value = view_[at(value)];
    return value;
  }

  Phase phase_of(Value value) const {
    const int producer = producer_[at(value)];
    if (producer >= 0) return phase_[static_cast<std::size_t>(producer)];
    return depends_[at(value)] == on_nothing ? Phase::once : Phase::before;
  }

  void find_views() {
    for (std::size_t u = 0; u < program_.uses.size(); ++u) {
      const Use& use = program_.uses[u];
      const Value from = use.inputs.empty() ? -1 : use.inputs[0];
      if (from < 0 || phase_[u] == Phase::once) continue;
      if (use.operation->kernel.view) {
        // The rows of both must be the same rows, or both have none.
        if (rowwise_[u] ? !rows_[at(from)] : rows_[at(from)] || rows_[at(use.outputs[0])]) continue;
        view_[at(use.outputs[0])] = from;
        continue;
      }
      if (!rowwise_[u] || !rows_[at(from)] || spec(from).shape.rank() < 2) continue;
      if (use.operation->name == "split") {
        const Index axis = spec(from).shape.normalize(static_cast<int>(use.attributes.integer("axis")));
        if (axis != 1) continue;
        for (Value part : use.outputs) view_[at(part)] = from;
      } else if (use.operation->name == "slice" && columns_of_slice(use)) {
        view_[at(use.outputs[0])] = from;
      }
    }
  }

  /// The range of axis 1, if all other axes are whole and it is taken in steps of one.
  std::optional<std::pair<Index, Index>> columns_of_slice(const Use& use) const {
    const Shape& from = spec(use.inputs[0]).shape;
    const Shape& to = spec(use.outputs[0]).shape;
    const auto& begin = use.attributes.integers("begin");
    const auto& step = use.attributes.integers("step");
    for (int axis = 0; axis < from.rank(); ++axis) {
      if (step[static_cast<std::size_t>(axis)] != 1) return std::nullopt;
      if (axis != 1 && from[axis] != to[axis]) return std::nullopt;
    }
    const Index first = begin[1] < 0 ? std::max<Index>(0, begin[1] + from[1]) : std::min(begin[1], from[1]);
    return std::pair(first, first + to[1]);
  }

  /// Which outputs of the scan are written where they are made.
  void find_owners() {
    find_views();
    for (auto* owners : {&each_of_, &next_of_, &final_of_}) owners->assign(values_.size(), -1);
    for (std::size_t e = 0; e < program_.each.size(); ++e) {
      Value value = program_.each[e];
      const bool own = !is_input(value) && view_[at(value)] < 0 && phase_of(value) != Phase::once &&
                       each_of_[at(value)] < 0;
      if (!own) {
        const Value root = root_of(value);
        const bool late = is_late_view(value);
        const bool early = is_carry(root) && !late;
        if (late) keep_carry(value);
        value = copy_of(value, early || (!late && phase_of(root) == Phase::loop) ? Phase::loop : Phase::after,
                        early);
      }
      each_of_[at(value)] = static_cast<int>(e);
    }
    plan_.next_ = program_.next;
    for (std::size_t k = 0; k < program_.next.size(); ++k) {
      Value value = program_.next[k];
      const bool made = !is_input(value) && view_[at(value)] < 0;
      if (read_[k]) {
        if (!made || phase_of(value) != Phase::loop || next_of_[at(value)] >= 0) {
          value = copy_of(value, Phase::loop);
        }
        next_of_[at(value)] = static_cast<int>(k);
      } else {
        const bool own = made && phase_of(value) == Phase::last && final_of_[at(value)] < 0;
        if (!own) {
          keep_carry(value);
          value = copy_of(seen(value, Phase::last), Phase::last);
        }
        final_of_[at(value)] = static_cast<int>(k);
      }
      plan_.next_[k] = value;
    }
    for (std::size_t u = 0; u < program_.uses.size(); ++u) {
      if (phase_[u] != Phase::after && phase_[u] != Phase::last) continue;
      for (Value value : program_.uses[u].inputs) keep_carry(value);
    }
    for (Value value : program_.sums) keep_carry(value);
  }

  /// A view that is taken after the loop.
  bool is_late_view(Value value) const {
    return view_[at(value)] >= 0 && (phase_of(value) == Phase::after || phase_of(value) == Phase::last);
  }

  /// After the loop a carry is not there any more. Views that are taken there show what is kept of it.
  void keep_carry(Value value) {
    while (is_late_view(value)) value = view_[at(value)];
    if (!is_carry(root_of(value)) || kept_.contains(value)) return;
    kept_.emplace(value, copy_of(value, Phase::loop, true));
  }

  void make_instructions() {
    consumers_.assign(values_.size(), 0);
    for (const Use& use : program_.uses) {
      for (Value value : use.inputs) ++consumers_[at(value)];
    }
    for (const auto* list : {&program_.next, &program_.each, &program_.sums}) {
      for (Value value : *list) ++consumers_[at(value)];
    }
    folded_.assign(values_.size(), false);
    std::vector<Instruction> sums;
    for (std::size_t s = 0; s < program_.sums.size(); ++s) sums.push_back(sum_of(s));
    for (Instruction& copy : first_copies_) lists_[index(copy.phase)].push_back(std::move(copy));
    for (std::size_t u = 0; u < program_.uses.size(); ++u) {
      if (folded_[at(program_.uses[u].outputs[0])]) continue;
      lists_[index(phase_[u])].push_back(instruction_of(u));
    }
    for (Instruction& copy : last_copies_) lists_[index(copy.phase)].push_back(std::move(copy));
    // Those that share a right side stand together.
    std::ranges::stable_sort(
        sums, {}, [](const Instruction& sum) { return sum.kind == Kind::sum_product ? sum.inputs[1] : -1; });
    for (Instruction& sum : sums) lists_[index(Phase::after)].push_back(std::move(sum));
  }

  static std::size_t index(Phase phase) { return static_cast<std::size_t>(phase); }

  /// The value that an instruction of this phase reads.
  Value seen(Value value, Phase phase) const {
    if (phase != Phase::after && phase != Phase::last) return value;
    const auto found = kept_.find(value);
    return found == kept_.end() ? value : found->second;
  }

  Instruction sum_of(std::size_t s) {
    const Value value = program_.sums[s];
    Instruction sum;
    sum.phase = Phase::after;
    sum.index = static_cast<int>(s);
    const int producer = producer_[at(value)];
    if (!whole() && producer >= 0 && consumers_[at(value)] == 1) {
      const Use& use = program_.uses[static_cast<std::size_t>(producer)];
      const auto by_rows = [&] {
        return std::ranges::all_of(use.inputs,
                                   [&](Value x) { return rows_[at(x)] && spec(x).shape.rank() == 2; });
      };
      if (use.operation->name == "matmul" && by_rows() && use.attributes.flag("transpose_a") &&
          !use.attributes.flag("transpose_b")) {
        sum.kind = Kind::sum_product;
      } else if ((use.operation->name == "sum_to" || use.operation->name == "sum") && by_rows() &&
                 kinds_[static_cast<std::size_t>(producer)][0] == Rows::summed &&
                 spec(value).shape.elements() == spec(use.inputs[0]).shape[1] &&
                 (spec(value).shape.empty() || spec(value).shape.back() == spec(use.inputs[0]).shape[1])) {
        sum.kind = Kind::sum_rows;
      }
      if (sum.kind != Kind::call) {
        folded_[at(value)] = true;
        for (Value input : use.inputs) sum.inputs.push_back(seen(input, Phase::after));
        sum.use = producer;
        return sum;
      }
    }
    sum.kind = Kind::sum_values;
    sum.inputs.push_back(seen(value, Phase::after));
    return sum;
  }

  Instruction instruction_of(std::size_t u) {
    const Use& use = program_.uses[u];
    Instruction made;
    made.phase = phase_[u];
    made.use = static_cast<int>(u);
    for (Value value : use.inputs) made.inputs.push_back(seen(value, made.phase));
    for (Value value : use.outputs) made.outputs.push_back(value);
    if (view_[at(use.outputs[0])] >= 0) {
      made.kind = Kind::nothing;
      view_[at(use.outputs[0])] = made.inputs[0];
      for (Value value : use.outputs) view_[at(value)] = made.inputs[0];
      return made;
    }
    if (!rowwise_[u]) {
      made.kind = Kind::whole;
      return made;
    }
    if (is_product(u)) {
      made.kind = Kind::product;
      const Shape& right = spec(use.inputs[1]).shape;
      const bool transpose = use.attributes.flag("transpose_b");
      made.index = matrix(use.inputs[1], transpose, right[transpose ? 0 : 1], right[transpose ? 1 : 0]);
      return made;
    }
    for (Rows kind : kinds_[u]) made.by_row.push_back(kind == Rows::same);
    made.kind = use.operation->elementwise() && find_walks(use, made) ? Kind::elementwise : Kind::call;
    return made;
  }

  bool is_product(std::size_t u) const {
    const Use& use = program_.uses[u];
    return use.operation->name == "matmul" && spec(use.inputs[0]).shape.rank() == 2 &&
           spec(use.inputs[1]).shape.rank() == 2 && rows_[at(use.inputs[0])] && kinds_[u][0] == Rows::same &&
           depends_[at(use.inputs[1])] == on_nothing && !use.attributes.flag("transpose_a");
  }

  int matrix(Value value, bool transpose, Index columns, Index depth) {
    for (std::size_t i = 0; i < plan_.matrices_.size(); ++i) {
      if (plan_.matrices_[i].value == value && plan_.matrices_[i].transpose == transpose)
        return static_cast<int>(i);
    }
    plan_.matrices_.push_back({value, transpose, columns, depth});
    return static_cast<int>(plan_.matrices_.size() - 1);
  }

  static Index columns_of(const Shape& shape) {
    Index columns = 1;
    for (int axis = 1; axis < shape.rank(); ++axis) columns *= shape[axis];
    return columns;
  }

  bool find_walks(const Use& use, Instruction& made) const {
    const Shape& out = spec(use.outputs[0]).shape;
    for (std::size_t i = 0; i < use.inputs.size(); ++i) {
      const Shape& own = spec(use.inputs[i]).shape;
      const bool by_row = made.by_row[i];
      if (by_row) {
        if (own == out) {
          made.walks.push_back(Walk::same);
        } else if (own.rank() == out.rank() && columns_of(own) == 1) {
          made.walks.push_back(Walk::column);
        } else {
          return false;
        }
        continue;
      }
      if (own.elements() == 1) {
        made.walks.push_back(Walk::one);
      } else if (own.elements() == columns_of(out) &&
                 own.sub(std::max(0, own.rank() - out.rank() + 1), own.rank()) ==
                     out.sub(std::max(1, out.rank() - own.rank()), out.rank())) {
        made.walks.push_back(Walk::row);
      } else {
        return false;
      }
    }
    return true;
  }

  // A product whose result is only added to other rows goes on from those by itself. One row for all, a bias,
  // it adds in the end: sums that begin with it would be rounded at its size at each step.

  void fuse_products() {
    same_memory_.assign(values_.size(), -1);
    for (Phase phase : {Phase::before, Phase::loop, Phase::after, Phase::last}) {
      std::vector<Instruction>& list = lists_[index(phase)];
      for (std::size_t i = 0; i < list.size(); ++i) {
        // The product is gone from before; what was at i is at i - 1 then.
        if (fuse_product(list, i)) --i;
      }
    }
  }

  bool fuse_product(std::vector<Instruction>& list, std::size_t sum) {
    const Instruction& add = list[sum];
    if (add.kind != Kind::elementwise) return false;
    if (program_.uses[static_cast<std::size_t>(add.use)].operation->name != "add") return false;
    for (std::size_t which : {std::size_t{0}, std::size_t{1}}) {
      const Value product = add.inputs[which];
      const Value other = add.inputs[1 - which];
      const bool rows = add.walks[1 - which] == Walk::same && rows_[at(other)];
      const bool row = add.walks[1 - which] == Walk::row && depends_[at(other)] == on_nothing;
      if (add.walks[which] != Walk::same || !(rows || row) || other == product) continue;
      const auto end = list.begin() + static_cast<std::ptrdiff_t>(sum);
      const auto made = std::find_if(list.begin(), end, [&](const Instruction& instruction) {
        return instruction.kind == Kind::product && instruction.outputs[0] == product && !instruction.plus &&
               (row || !instruction.has_start());
      });
      if (made == end || consumers_[at(product)] != 1 || is_output(product)) continue;
      Instruction fused = std::move(*made);
      const Value result = add.outputs[0];
      fused.outputs[0] = result;
      fused.inputs.push_back(other);
      fused.plus = row;
      list[sum] = std::move(fused);
      list.erase(made);
      if (rows) {
        share_memory(list, result, other);
      } else if (same_memory_[at(product)] >= 0 && !is_output(result)) {
        same_memory_[at(result)] = same_memory_[at(product)];
      }
      return true;
    }
    return false;
  }

  /// Whether its place is among the outputs of the scan.
  bool is_output(Value value) const {
    return each_of_[at(value)] >= 0 || next_of_[at(value)] >= 0 || final_of_[at(value)] >= 0;
  }

  /// Where nobody else wants what a sum goes on from, the sum grows in its memory.
  void share_memory(const std::vector<Instruction>& list, Value result, Value other) {
    const Value root = root_of(other);
    if (consumers_[at(other)] != 1 || is_input(root) || is_output(root) || depends_[at(root)] == on_nothing)
      return;
    if (is_output(result)) {
      // Then the other operand is made where the sum is to be.
      const bool here = std::ranges::any_of(list, [&](const Instruction& made) {
        return std::ranges::find(made.outputs, other) != made.outputs.end();
      });
      if (here && other == root && same_memory_[at(other)] < 0) same_memory_[at(other)] = result;
      return;
    }
    if (other == root) {
      same_memory_[at(result)] = other;
    } else if (producer_[at(other)] >= 0 && consumers_[at(root)] == 1 &&
               spec(other).shape.rank() == spec(root).shape.rank()) {
      same_memory_[at(result)] = other;
    }
  }

  /// Parts of a concat along the columns are written where they end up, or else copied there while they are
  /// near.
  void place_parts() {
    part_of_.assign(values_.size(), -1);
    for (Phase phase : {Phase::before, Phase::loop, Phase::after, Phase::last}) {
      for (std::size_t i = 0; i < lists_[index(phase)].size(); ++i) {
        const Instruction& concat = lists_[index(phase)][i];
        if (concat.kind != Kind::call ||
            program_.uses[static_cast<std::size_t>(concat.use)].operation->name != "concat")
          continue;
        const Use& use = program_.uses[static_cast<std::size_t>(concat.use)];
        const Value result = concat.outputs[0];
        if (spec(result).shape.normalize(static_cast<int>(use.attributes.integer("axis"))) != 1) continue;
        if (!std::ranges::all_of(concat.inputs, [&](Value part) { return rows_[at(part)]; })) continue;
        place_parts(phase, i);
      }
    }
  }

  void place_parts(Phase phase, std::size_t& concat) {
    const Value result = lists_[index(phase)][concat].outputs[0];
    SmallVector<Value, 4> parts = lists_[index(phase)][concat].inputs;
    for (Value& part : parts) {
      if (is_free(part) && made_by_rows(part, phase)) {
        part_of_[at(part)] = result;
        continue;
      }
      Instruction copy = copy_to_new(part, phase);
      part = copy.outputs[0];
      part_of_[at(part)] = result;
      std::vector<Instruction>& list = lists_[index(phase)];
      list.insert(list.begin() + static_cast<std::ptrdiff_t>(concat++), std::move(copy));
    }
    Instruction& instruction = lists_[index(phase)][concat];
    instruction.kind = Kind::nothing;
    instruction.inputs = parts;
    concat_[result] = parts;
  }

  /// Whether it may lie in another value's memory.
  bool is_free(Value value) const {
    return producer_[at(value)] >= 0 && view_[at(value)] < 0 && same_memory_[at(value)] < 0 &&
           part_of_[at(value)] < 0 && !is_output(value);
  }

  /// Whether an instruction of this phase, or of one before it that runs at the same steps, makes it by rows.
  bool made_by_rows(Value value, Phase phase) const {
    for (Phase earlier : {Phase::before, Phase::loop, Phase::after, Phase::last}) {
      if (earlier > phase || (phase == Phase::last && earlier != phase)) continue;
      for (const Instruction& made : lists_[index(earlier)]) {
        if (std::ranges::find(made.outputs, value) == made.outputs.end()) continue;
        return made.kind == Kind::elementwise || made.kind == Kind::product;
      }
    }
    return false;
  }

  void order() {
    for (std::size_t phase = 0; phase < ScanPlan::phases; ++phase) {
      for (Instruction& instruction : lists_[phase]) {
        append(phase, std::move(instruction));
      }
    }
  }

  void append(std::size_t phase, Instruction instruction) {
    const bool blocks =
        (instruction.kind == Kind::elementwise || instruction.kind == Kind::copy ||
         instruction.kind == Kind::nothing) &&
        phase != index(Phase::once) &&
        std::ranges::all_of(instruction.outputs, [&](Value value) { return rows_[at(value)] || whole(); }) &&
        plan_.why_whole_.empty();
    std::vector<Segment>& segments = plan_.segments_[phase];
    if (!blocks || segments.empty() || !segments.back().blocks)
      segments.push_back({.instructions = {},
                          .blocks = blocks,
                          .block_rows = 1,
                          .folds = false,
                          .values = {},
                          .in_block = {}});
    segments.back().instructions.push_back(std::move(instruction));
  }

  // Memory.

  void place() {
    values_.shrink_to_fit();
    plan_.values_ = values_;
    plan_.slots_.resize(values_.size());
    plan_.offsets_.assign(values_.size(), 0);
    plan_.trajectory_.assign(program_.carries.size(), -1);
    find_spans();
    for (std::size_t v = 0; v < values_.size(); ++v) base_slot(static_cast<Value>(v));
    for (std::size_t v = 0; v < values_.size(); ++v) shared_slot(static_cast<Value>(v));
    blocks();
    for (const ScanPlan::Matrix& matrix : plan_.matrices_) {
      plan_.packed_bytes_ += rounded(packed_bytes(matrix));
    }
    contiguity();
  }

  std::size_t packed_bytes(const ScanPlan::Matrix& matrix) const {
    const Index elements = spec(matrix.value).dtype == float32
                               ? kernels::packed_size<float>(matrix.columns, matrix.depth)
                               : kernels::packed_size<double>(matrix.columns, matrix.depth);
    return static_cast<std::size_t>(elements) * size_of(spec(matrix.value).dtype);
  }

  /// The memory that a value lies in: its view's root, or what it shares memory with.
  Value memory_of(Value value) const {
    for (;;) {
      if (view_[at(value)] >= 0) {
        value = view_[at(value)];
      } else if (same_memory_[at(value)] >= 0) {
        value = same_memory_[at(value)];
      } else if (part_of_[at(value)] >= 0) {
        value = part_of_[at(value)];
      } else {
        return value;
      }
    }
  }

  /// Where each value is made and used: the phase and the segment.
  void find_spans() {
    const std::pair<std::size_t, std::size_t> nowhere{ScanPlan::phases, 0};
    made_in_.assign(values_.size(), nowhere);
    for (std::size_t phase = 0; phase < ScanPlan::phases; ++phase) {
      for (std::size_t s = 0; s < plan_.segments_[phase].size(); ++s) {
        for (const Instruction& instruction : plan_.segments_[phase][s].instructions) {
          for (Value value : instruction.outputs) {
            // And the memory that it lies in, of which other parts may be made later.
            for (Value made : {value, memory_of(value)}) {
              if (made_in_[at(made)].first == ScanPlan::phases) made_in_[at(made)] = {phase, s};
            }
          }
        }
      }
    }
  }

  void base_slot(Value value) {
    Slot& slot = plan_.slots_[at(value)];
    slot.columns = rows_[at(value)] ? columns_of(spec(value).shape) : spec(value).shape.elements();
    slot.rows = rows_[at(value)];
    slot.stride = slot.columns;
    slot.root = value;
    const auto among = [&](const std::vector<Value>& list) {
      return static_cast<int>(std::ranges::find(list, value) - list.begin());
    };
    const auto is = [&](const std::vector<Value>& list, Place place) {
      if (among(list) == static_cast<int>(list.size())) return false;
      slot.place = place;
      slot.index = among(list);
      return true;
    };
    if (is(program_.captured, Place::captured) || is(program_.sequences, Place::sequence) ||
        is(program_.carries, Place::carry)) {
      return;
    }
    if (made_in_[at(value)].first == ScanPlan::phases) return;  // Only a folded sum.
    if (each_of_[at(value)] >= 0) {
      slot.place = Place::each;
      slot.index = each_of_[at(value)];
    } else if (final_of_[at(value)] >= 0) {
      slot.place = Place::final;
      slot.index = final_of_[at(value)];
    }
  }

  /// Decides the place of what owns its memory, by all that lies in it.
  void shared_slot(Value value) {
    if (memory_of(value) != value) return;
    Slot& own = plan_.slots_[at(value)];
    const std::size_t first = made_in_[at(value)].first;
    if (own.place != Place::nowhere || first == ScanPlan::phases) return;
    if (first == index(Phase::once)) {
      own.place = Place::once;
      plan_.offsets_[at(value)] = plan_.once_bytes_;
      plan_.once_bytes_ += bytes_of(value);
      return;
    }
    bool later = false;
    bool one_segment = plan_.segments_[first][made_in_[at(value)].second].blocks;
    int next = -1;
    const auto visit = [&](std::size_t phase, std::size_t s, Value used) {
      if (memory_of(used) != value) return;
      later = later || phase != first;
      one_segment = one_segment && phase == first && s == made_in_[at(value)].second;
    };
    for (std::size_t phase = 0; phase < ScanPlan::phases; ++phase) {
      for (std::size_t s = 0; s < plan_.segments_[phase].size(); ++s) {
        for (const Instruction& instruction : plan_.segments_[phase][s].instructions) {
          for (Value used : instruction.inputs) visit(phase, s, used);
          for (Value made : instruction.outputs) visit(phase, s, made);
        }
      }
    }
    for (std::size_t v = 0; v < values_.size(); ++v) {
      if (next_of_[v] >= 0 && memory_of(static_cast<Value>(v)) == value) next = next_of_[v];
    }
    if (one_segment && next < 0) {
      own.place = Place::block;
      return;
    }
    if (first == index(Phase::loop) && !later) {
      if (next >= 0 && next_of_[at(value)] >= 0) {
        own.place = Place::next;
        own.index = next;
      } else {
        own.place = Place::step;
        plan_.offsets_[at(value)] = plan_.step_bytes_;
        plan_.step_bytes_ += bytes_of(value);
      }
      return;
    }
    own.place = Place::chunk;
    plan_.offsets_[at(value)] = plan_.chunk_bytes_;
    plan_.chunk_bytes_ += bytes_of(value);
  }

  std::size_t bytes_of(Value value) const {
    return rounded(static_cast<std::size_t>(spec(value).shape.elements()) * size_of(spec(value).dtype));
  }

  /// Blocks share the thread's memory as they come and go; then all views are resolved.
  void blocks() {
    for (std::size_t phase = 0; phase < ScanPlan::phases; ++phase) {
      for (Segment& segment : plan_.segments_[phase]) {
        if (!segment.blocks) continue;
        Index widest = 1;
        for (const Instruction& instruction : segment.instructions) {
          if (instruction.kind == Kind::nothing) continue;
          for (Value value : instruction.outputs) widest = std::max(widest, plan_.slots_[at(value)].columns);
        }
        segment.block_rows = std::clamp<Index>(block_elements / widest, 1, std::max<Index>(1, plan_.rows_));
        share_blocks(segment);
      }
    }
    for (std::size_t v = 0; v < values_.size(); ++v) resolve(static_cast<Value>(v));
  }

  void share_blocks(const Segment& segment) {
    struct Free {
      std::size_t offset;
      std::size_t bytes;
    };
    std::vector<Free> free;
    std::map<Value, std::size_t> last_use;
    for (std::size_t i = 0; i < segment.instructions.size(); ++i) {
      const Instruction& instruction = segment.instructions[i];
      for (Value value : instruction.inputs) last_use[memory_of(value)] = i;
      for (Value value : instruction.outputs) last_use[memory_of(value)] = i;
    }
    std::size_t top = 0;
    std::map<Value, std::size_t> live;
    const auto size = [&](Value value) {
      return rounded(static_cast<std::size_t>(segment.block_rows * plan_.slots_[at(value)].columns) *
                     size_of(spec(value).dtype));
    };
    for (std::size_t i = 0; i < segment.instructions.size(); ++i) {
      for (Value output : segment.instructions[i].outputs) {
        const Value value = memory_of(output);
        if (plan_.slots_[at(value)].place != Place::block || live.contains(value)) continue;
        const std::size_t bytes = size(value);
        const auto found = std::ranges::find_if(free, [&](const Free& hole) { return hole.bytes == bytes; });
        if (found != free.end()) {
          live[value] = found->offset;
          free.erase(found);
        } else {
          live[value] = top;
          top += bytes;
        }
        plan_.offsets_[at(value)] = live[value];
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
    plan_.block_bytes_ = std::max(plan_.block_bytes_, top);
  }

  void resolve(Value value) {
    Slot& slot = plan_.slots_[at(value)];
    Value at_value = value;
    Index offset = 0;
    for (;;) {
      if (const Value from = view_[at(at_value)]; from >= 0) {
        offset += offset_in(at_value, from);
        at_value = from;
      } else if (same_memory_[at(at_value)] >= 0) {
        at_value = same_memory_[at(at_value)];
      } else if (const Value all = part_of_[at(at_value)]; all >= 0) {
        offset += offset_of_part(at_value, all);
        at_value = all;
      } else {
        break;
      }
    }
    if (at_value == value) return;
    const Slot& root = plan_.slots_[at(at_value)];
    slot.place = root.place;
    slot.index = root.index;
    slot.root = at_value;
    slot.offset = offset;
    slot.stride = root.columns;
  }

  Index offset_in(Value part, Value from) const {
    const Use& use = program_.uses[static_cast<std::size_t>(producer_[at(part)])];
    const Shape& shape = spec(from).shape;
    Index inner = 1;
    for (int axis = 2; axis < shape.rank(); ++axis) inner *= shape[axis];
    if (use.operation->name == "split") {
      Index first = 0;
      for (Value output : use.outputs) {
        if (output == part) return first * inner;
        first += spec(output).shape[1];
      }
    }
    if (use.operation->name == "slice") return columns_of_slice(use)->first * inner;
    return 0;
  }

  Index offset_of_part(Value part, Value all) const {
    Index offset = 0;
    for (Value each : concat_.at(all)) {
      if (each == part) break;
      offset += plan_.slots_[at(each)].columns;
    }
    return offset;
  }

  /// A carry that is stacked as it comes needs no copy where the one before may be written there at once.
  void find_trajectories() {
    for (Segment& segment : plan_.segments_[index(Phase::loop)]) {
      for (Instruction& instruction : segment.instructions) {
        if (instruction.kind != Kind::copy) continue;
        const Slot& to = plan_.slots_[at(instruction.outputs[0])];
        const Slot& from = plan_.slots_[at(instruction.inputs[0])];
        if (to.place != Place::each || from.place != Place::carry || from.offset != 0) continue;
        if (from.columns != from.stride) continue;
        const auto k = static_cast<std::size_t>(from.index);
        if (plan_.slots_[at(plan_.next_[k])].place != Place::next || plan_.trajectory_[k] >= 0) continue;
        plan_.trajectory_[k] = to.index;
        instruction.kind = Kind::nothing;
      }
    }
  }

  /// Whether the rows of a step follow those of the one before in memory.
  bool folds(Value value) const {
    const Slot& slot = plan_.slots_[at(value)];
    return slot.rows && (slot.place == Place::sequence || slot.place == Place::each ||
                         slot.place == Place::chunk || slot.place == Place::block);
  }

  /// Whether it is the same for all steps.
  bool still(Value value) const {
    const Place place = plan_.slots_[at(value)].place;
    return place == Place::captured || place == Place::once;
  }

  /// Bytes from a row to the next; 0 for what all rows share.
  std::ptrdiff_t row_bytes(Value value, bool by_row) const {
    const Slot& slot = plan_.slots_[at(value)];
    const auto size = static_cast<std::ptrdiff_t>(size_of(spec(value).dtype));
    if (slot.rows) return slot.stride * size;
    return by_row ? slot.columns / std::max<Index>(1, plan_.rows_) * size : 0;
  }

  void contiguity() {
    find_trajectories();
    for (auto& segments : plan_.segments_) {
      for (Segment& segment : segments) {
        segment.folds = segment.blocks;
        for (Instruction& instruction : segment.instructions) {
          if (instruction.kind == Kind::nothing) continue;
          if (instruction.kind == Kind::copy) instruction.by_row.push_back(true);
          for (std::size_t i = 0; i < instruction.inputs.size(); ++i) {
            const bool by_row = i < instruction.by_row.size() && instruction.by_row[i];
            instruction.row_bytes.push_back(row_bytes(instruction.inputs[i], by_row));
          }
          for (Value value : instruction.outputs) instruction.row_bytes.push_back(row_bytes(value, true));
          const auto dense = [&](Value value) {
            return plan_.slots_[at(value)].stride == plan_.slots_[at(value)].columns;
          };
          instruction.contiguous = std::ranges::all_of(instruction.outputs, dense);
          for (std::size_t i = 0; i < instruction.inputs.size(); ++i) {
            const bool walks = instruction.walks.empty() || instruction.walks[i] == Walk::same;
            const bool one = !instruction.walks.empty() && instruction.walks[i] == Walk::one;
            instruction.contiguous =
                instruction.contiguous && (one || (walks && dense(instruction.inputs[i])));
            segment.folds =
                segment.folds && (folds(instruction.inputs[i]) ||
                                  (instruction.row_bytes[i] == 0 && still(instruction.inputs[i])));
            touch(segment, instruction.inputs[i]);
          }
          for (Value value : instruction.outputs) {
            segment.folds = segment.folds && folds(value);
            touch(segment, value);
          }
          if (instruction.kind == Kind::elementwise) prepare(instruction);
        }
      }
    }
  }

  void touch(Segment& segment, Value value) const {
    const Slot& own = plan_.slots_[at(value)];
    if (own.place != Place::block) {
      if (std::ranges::find(segment.values, value) == segment.values.end()) segment.values.push_back(value);
      return;
    }
    if (std::ranges::find(segment.in_block, value, &Segment::InBlock::value) != segment.in_block.end())
      return;
    const auto size = static_cast<std::ptrdiff_t>(size_of(spec(value).dtype));
    segment.in_block.push_back({value,
                                static_cast<std::ptrdiff_t>(plan_.offsets_[at(own.root)]) + own.offset * size,
                                own.stride * size});
  }

  /// What a call of an elementwise operation needs, so that nothing is looked up for each block.
  void prepare(Instruction& instruction) const {
    const Value result = instruction.outputs[0];
    instruction.block = program_.uses[static_cast<std::size_t>(instruction.use)].operation->kernel.block;
    instruction.input_dtype = spec(instruction.inputs.back()).dtype;
    instruction.output_dtype = spec(result).dtype;
    for (Walk walk : instruction.walks)
      instruction.steps.push_back(walk == Walk::same || walk == Walk::row ? 1 : 0);
    instruction.columns = plan_.slots_[at(result)].columns;
  }

  static constexpr int copied = -2;

  ScanPlan& plan_;
  const StepProgram& program_;
  std::vector<Spec> values_;
  std::vector<std::uint8_t> depends_;
  std::vector<bool> rows_;
  /// The use that makes a value; -1: an input; `copied`: a copy.
  std::vector<int> producer_;
  std::vector<bool> rowwise_;
  std::vector<SmallVector<Rows, 8>> kinds_;
  std::vector<Phase> phase_;
  std::vector<bool> read_;
  std::vector<Value> view_;
  std::vector<int> each_of_;
  std::vector<int> next_of_;
  std::vector<int> final_of_;
  std::map<Value, Value> kept_;
  std::vector<int> consumers_;
  std::vector<bool> folded_;
  std::vector<Value> same_memory_;
  std::vector<Value> part_of_;
  std::vector<std::pair<std::size_t, std::size_t>> made_in_;
  /// The parts of what is made of them in place.
  std::map<Value, SmallVector<Value, 4>> concat_;
  std::vector<Instruction> first_copies_;
  std::vector<Instruction> last_copies_;
  std::vector<Instruction> lists_[ScanPlan::phases];
};

ScanPlan::ScanPlan(const StepProgram& program) : program_(&program) { PlanWriter(*this, program).write(); }

}  // namespace unspool::internal
