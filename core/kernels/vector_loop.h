#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>

#include <unspool/core/kernels/isa.h>
#include <unspool/core/kernels/jit_memory.h>
#include <unspool/core/kernels/vector_program.h>
#include <unspool/core/kernels/vector_registers.h>
#include <unspool/core/kernels/vector_schedule.h>

namespace unspool::kernels {

/// A VectorProgram for rows of elements, JIT-compiled: all values between its loads and its stores stay in
/// registers. Gives the bits of its functions one by one.
class VectorLoop {
 public:
  /// Where an operand of loads and stores begins: `offset` bytes from where rows[pointer] points.
  struct Operand {
    int pointer;
    std::ptrdiff_t offset;
  };

  /// Compiles a program for rows of which each pointer advances by row_bytes to the next. A program that
  /// stores nothing does nothing. Returns null where no code can be compiled: see jit_target(), or without
  /// memory for it.
  static std::unique_ptr<VectorLoop> compile(const VectorProgram& program, std::span<const Operand> operands,
                                             std::span<const std::ptrdiff_t> row_bytes,
                                             Isa isa = current_isa());

  /// Runs `count` elements in each of `rows` rows. The pointers are changed.
  void operator()(std::byte** pointers, std::int64_t rows, std::int64_t count) const {
    using Code = void (*)(std::byte**, std::int64_t, std::int64_t);
    if (rows > 0 && count > 0) reinterpret_cast<Code>(code_.data())(pointers, rows, count);
  }

 private:
  explicit VectorLoop(JitMemory code) : code_(std::move(code)) {}

  JitMemory code_;
};

/// The body of a loop over the elements of a row.
struct LoopBody {
  VectorItems items;
  LoopInstructions instructions;
};

/// What an emitter makes a VectorLoop of: all but the instructions of its target.
struct LoopCode {
  const VectorProgram& program;
  std::span<const VectorLoop::Operand> operands;
  std::span<const std::ptrdiff_t> row_bytes;
  /// The functions that slow paths call.
  const VectorTable& functions;
  /// For two vectors at a time, for one, and for the elements after the last whole vector, under a mask.
  LoopBody two_vectors;
  LoopBody one_vector;
  LoopBody rest;
};

}  // namespace unspool::kernels
