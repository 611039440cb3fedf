#pragma once

#include <span>
#include <string>

#include <unspool/autograd/scan/executable.h>
#include <unspool/core/array.h>

namespace unspool::scan_compiler {

/// All passes, in order. The program has to outlive the result.
Executable compile(const Program& program);

/// How one program is run: its executable, for any number of steps. Never changes once it is made.
class Plan {
 public:
  /// The program has to outlive the plan.
  explicit Plan(const Program& program) : program_(program), executable_(compile(program)) {}

  const Executable& executable() const { return executable_; }
  /// Runs the scan on whole inputs, in the order of the program's, on so many threads.
  void run(std::span<const Array> inputs, std::span<const Array> outputs, Index steps, Index threads) const;
  /// What runs in each phase, and the buffers with their sizes, for so many steps.
  std::string describe(Index steps) const;
  /// Every stage of the compiler, from the traced program to the schedule.
  std::string stages() const;

 private:
  const Program& program_;
  Executable executable_;
};

}  // namespace unspool::scan_compiler
