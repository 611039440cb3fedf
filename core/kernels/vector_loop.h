#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include <unspool/core/kernels/isa.h>
#include <unspool/core/kernels/jit_memory.h>
#include <unspool/core/kernels/vector_program.h>

namespace unspool::kernels {

/// A program for rows of elements as machine code: what lies between its loads and its stores stays in
/// registers. Gives the bits of its functions one by one.
class VectorLoop {
 public:
  /// Where an operand of loads and stores lies: `offset` bytes from where rows[pointer] points.
  struct Operand {
    int pointer;
    std::ptrdiff_t offset;
  };

  /// For rows of which each pointer advances by row_bytes to the next. A program that stores nothing does
  /// nothing. Null where code cannot be made: for the baseline, on other processors, or where the system
  /// allows none.
  static std::unique_ptr<VectorLoop> compile(const VectorProgram& program, std::span<const Operand> operands,
                                             std::span<const std::ptrdiff_t> row_bytes,
                                             Isa isa = current_isa());

  /// `count` elements in each of `rows` rows; the pointers are lost.
  void operator()(std::byte** pointers, std::int64_t rows, std::int64_t count) const {
    using Code = void (*)(std::byte**, std::int64_t, std::int64_t);
    if (rows > 0 && count > 0) reinterpret_cast<Code>(code_.data())(pointers, rows, count);
  }

 private:
  explicit VectorLoop(JitMemory code) : code_(std::move(code)) {}

  JitMemory code_;
};

}  // namespace unspool::kernels
