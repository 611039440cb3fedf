#pragma once

#include <span>
#include <vector>

#include <unspool/autograd/scan/run_memory.h>
#include <unspool/autograd/scan/shared_program.h>
#include <unspool/core/array.h>

namespace unspool::scan_compiler {

/// Gradient checkpointing over time: the steps are cut into intervals of `every` steps, in the order of the
/// loop; the last one may be shorter. Between intervals the carries are kept, as checkpoints. These are
/// integer words, since they are no results: nobody can ask for a gradient with respect to them.
class Checkpoints {
 public:
  /// The program has to outlive it.
  Checkpoints(const SharedProgram& program, Index steps, Index every);

  /// The checkpoints: int64, a row for each interval but the last.
  Spec spec() const;
  /// From the inputs of the program its outputs, then the checkpoints.
  void forward(std::span<const Array> inputs, std::span<const Array> outputs) const;
  /// From the inputs of the program, the checkpoints and the gradients with respect to the `given` outputs,
  /// the gradients with respect to the inputs that `body` needs and that have one. From the last interval to
  /// the first each is run forward again, with all that its gradient reads, and then backward.
  void backward(const ScanBody& body, const std::vector<bool>& given, std::span<const Array> inputs,
                std::span<const Array> outputs) const;

 private:
  Index count() const;
  Index longest() const;
  Index length(Index interval) const;
  /// The least time of an interval.
  Index first_time(Index interval) const;
  /// A sequence or a stacked output, from a time on.
  ScanArray from_time(const Array& whole, const Program& program, const Stacked& stacked, Index time) const;
  /// Where a carry is kept at the end of an interval.
  std::byte* checkpoint(const Array& all, Index interval, std::size_t carry) const;

  const SharedProgram& shared_;
  const Program& program_;
  Index steps_;
  Index every_;
  /// Where the words of each carry begin in a row of checkpoints, and where they all end; empty if a shape is
  /// not known.
  std::vector<std::size_t> words_;
};

}  // namespace unspool::scan_compiler
