#pragma once

#include <span>
#include <vector>

#include <unspool/autograd/internal/scan_plan.h>
#include <unspool/autograd/internal/step_program.h>
#include <unspool/core/array.h>

namespace unspool::internal {

/// A sequence cut into segments of `every` steps, in the order of the loop; the last one may be shorter.
/// Between them the carries are kept, as the words that they are made of: what is kept is no result of its
/// own.
class ScanSegments {
 public:
  /// The program has to outlive it.
  ScanSegments(const SharedProgram& program, Index steps, Index every);

  /// The shape of what is kept, int64: a row for each segment but the last.
  Shape kept() const;
  /// From the inputs of the program its outputs, then what is kept.
  void forward(std::span<const Array> inputs, std::span<const Array> outputs) const;
  /// From the inputs of the program, what is kept and the gradients by the outputs that are `given` the
  /// gradients by the inputs that the body needs and that have one. Each segment is run forward once more,
  /// with all that its gradient reads, then backward, from the last segment to the first.
  void backward(const ScanBody& body, const std::vector<bool>& given, std::span<const Array> inputs,
                std::span<const Array> outputs) const;

 private:
  Index count() const;
  Index longest() const;
  Index length(Index segment) const;
  /// The least time of a segment.
  Index low(Index segment) const;
  /// A sequence or a stacked output, from a step on.
  ScanArray from_step(const Array& whole, const StepProgram& program, const StepProgram::Stacked& stacked,
                      Index step) const;
  /// Where the carry is kept that a segment ends with.
  std::byte* place(const Array& kept, Index segment, std::size_t carry) const;

  const SharedProgram& shared_;
  const StepProgram& program_;
  Index steps_;
  Index every_;
  /// Where the words of each carry begin among those of a segment, and where they all end; empty if a shape
  /// is not known.
  std::vector<std::size_t> words_;
};

}  // namespace unspool::internal
