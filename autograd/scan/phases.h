#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include <unspool/autograd/scan/program.h>

namespace unspool::scan_compiler {

/// When a use of an operation runs.
enum class Phase : std::uint8_t {
  once,    ///< once per run: depends on captured inputs only
  before,  ///< for all steps of a chunk before the loop: does not depend on the carry, and the loop reads it
  loop,    ///< step by step: depends on the carry, and the next carry depends on it
  after,   ///< for all steps of a chunk after the loop
  last,    ///< at the last step only
};
inline constexpr std::size_t phase_count = 5;
inline constexpr std::array<Phase, phase_count> all_phases = {Phase::once, Phase::before, Phase::loop,
                                                              Phase::after, Phase::last};
const char* name_of(Phase phase);

/// One thing for each phase.
template <class T>
class PerPhase {
 public:
  T& operator[](Phase phase) { return items_[static_cast<std::size_t>(phase)]; }
  const T& operator[](Phase phase) const { return items_[static_cast<std::size_t>(phase)]; }

 private:
  std::array<T, phase_count> items_;
};

/// What the value of a step depends on; the greatest of what its operands depend on.
enum class DependsOn : std::uint8_t { captured, sequence, carry };

/// The second stage: each use has its phase (loop fission), and each value is known to have rows or not. Rows
/// are the entries of the batch; row-parallel means that row i of everything in the loop depends on row i
/// only, so that threads can take rows through all steps by themselves.
struct PhasedProgram {
  static constexpr int not_computed = -1;

  struct ValueFacts {
    DependsOn depends_on = DependsOn::captured;
    bool has_rows = false;
    /// The use that computes it; not_computed for an input.
    int producer = not_computed;
  };
  struct UseFacts {
    Phase phase = Phase::once;
    /// Row i of its outputs depends on row i of its operands.
    bool row_wise = false;
    /// How each operand's rows are read.
    SmallVector<Rows, 8> rows;
    /// Null if the operation states none.
    std::shared_ptr<const Form> form;
  };

  const Program* program;
  /// Rows of the batch; 1 if the program is not row-parallel.
  Index rows = 1;
  /// Empty if the program is row-parallel.
  std::string not_row_parallel_reason;
  std::vector<ValueFacts> values;
  std::vector<UseFacts> uses;
  /// For each carry, whether a step reads it.
  std::vector<bool> carry_is_read;

  bool row_parallel() const { return not_row_parallel_reason.empty(); }
  bool has_rows(const Shape& shape) const { return row_parallel() && shape.rank() > 0 && shape[0] == rows; }
  const Use& use(int u) const { return program->uses[static_cast<std::size_t>(u)]; }
  const UseFacts& facts(int u) const { return uses[static_cast<std::size_t>(u)]; }
  const ValueFacts& facts_of(Value value) const { return values[index_of(value)]; }
  /// Computed by a use of the phase; sequences count as before the loop, captured inputs as once.
  Phase phase_of(Value value) const;
};

/// The pass from the traced program. The program has to outlive the result.
PhasedProgram assign_phases(const Program& program);

/// The uses of each phase.
std::string to_string(const PhasedProgram& program);

}  // namespace unspool::scan_compiler
