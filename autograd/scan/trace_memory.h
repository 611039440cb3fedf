#pragma once

#include <cstddef>
#include <mutex>
#include <optional>
#include <vector>

#include <unspool/autograd/scan/traced_scan.h>
#include <unspool/autograd/variable.h>

namespace unspool::scan_compiler {

/// The traces of a step that is a pure function of its inputs and of variables: it is traced once for
/// operands of the same shapes, and run again on the current values of the variables. Belongs to one step and
/// its options. Thread-safe.
class TraceMemory {
 public:
  /// What a trace depends on.
  struct Call {
    const std::vector<Tensor>& carry;
    const std::vector<Tensor>& sequences;
    int time_axis;
    bool training;
    /// All that the step may use from outside.
    const std::vector<Variable>& variables;
  };

  /// The trace of an earlier call with operands of the same dtypes and, but for the number of steps, shapes,
  /// with the operands of this call. None where the step has to be called: if no such trace is kept, if the
  /// operands are abstract, or if a tape is to show each step.
  std::optional<TracedScan> recall(const Call& call) const;
  /// What scan() returns. The trace is kept, unless the step drew random numbers, or used a tensor that is
  /// neither the value of a variable nor a number in its equations.
  ScanResult trace_and_run(const Call& call, const ScanFunction& step, const ScanOptions& options);

 private:
  struct Kept {
    std::vector<Spec> carry;
    /// Of one step.
    std::vector<Spec> sequences;
    bool training;
    std::vector<Variable> variables;
    SharedProgram::Pointer program;
    std::size_t carries;
    std::size_t outputs;
    std::vector<std::size_t> last;
    /// What the step does not read of the carry before the first step.
    std::vector<Tensor> unread;
    struct Captured {
      /// The variable that it is the value of.
      std::optional<std::size_t> variable;
      /// A number.
      Tensor literal;
    };
    std::vector<Captured> captured;
  };
  /// None where a captured tensor is neither.
  static std::optional<std::vector<Kept::Captured>> captured_by(const TracedScan& traced,
                                                                const std::vector<Variable>& variables);
  static bool fits(const Kept& kept, const Call& call);
  void keep(const Call& call, const TracedScan& traced);

  mutable std::mutex mutex_;
  /// The latest last.
  std::vector<Kept> kept_;
};

}  // namespace unspool::scan_compiler
