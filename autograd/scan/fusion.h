#pragma once

#include <string>
#include <vector>

#include <unspool/autograd/scan/instructions.h>

namespace unspool::scan_compiler {

/// Instructions that run one after the other on the same rows. Elementwise runs are fused: they run together
/// on blocks of rows that stay in the L1 cache. Anything else is a segment by itself.
struct Segment {
  bool elementwise = false;
  std::vector<Instruction> instructions;
};

/// The fourth stage: instructions that need no pass over memory of their own are part of others.
struct FusedProgram {
  ValueTable table;
  PerPhase<std::vector<Segment>> segments;
  /// Products with the same right side, or with parts of it, follow one another.
  std::vector<Instruction> reductions;
};

/// A product whose only reader adds it to other rows starts from those rows. If the other operand is one row
/// for all, a bias, it is added at the end: sums that start from a bias would be rounded at its size at each
/// step.
Instructions fuse_products(Instructions instructions);

/// Operands of a concatenation of columns are written into the result where they are computed, or else copied
/// there while they are in cache.
Instructions place_concatenations(Instructions instructions);

/// Drops views, which have no code, and makes runs of elementwise instructions segments.
FusedProgram form_segments(Instructions instructions);

/// The segments of each phase.
std::string to_string(const FusedProgram& program);

}  // namespace unspool::scan_compiler
