#pragma once

#include <cstdint>

namespace unspool::kernels {

/// What a step of a VectorProgram does: the rows of vector_ops.def.
enum class VectorOp : std::uint8_t {
#define UNSPOOL_VECTOR_OP(name, ...) name,
#include <unspool/core/kernels/vector_ops.def>
#undef UNSPOOL_VECTOR_OP
};

enum class VectorOpKind : std::uint8_t {
  memory,       ///< reads or writes a row
  constant,     ///< an operand in memory, for which there is no instruction
  commutative,  ///< computes; a and b may change places
  ordered,      ///< computes; a and b may not
};

inline constexpr VectorOpKind vector_op_kinds[] = {
#define UNSPOOL_VECTOR_OP(name, kind, ...) VectorOpKind::kind,
#include <unspool/core/kernels/vector_ops.def>
#undef UNSPOOL_VECTOR_OP
};
/// The kind alone, which the scheduler asks most often.
constexpr VectorOpKind kind_of(VectorOp op) { return vector_op_kinds[static_cast<unsigned>(op)]; }

/// A row of vector_ops.def.
struct VectorOpInfo {
  using Value = std::uint32_t (*)(std::uint32_t a, std::uint32_t b, std::uint32_t c, std::int32_t number);

  VectorOp op;
  const char* name;
  VectorOpKind kind;
  int operands;
  int latency;
  /// An element of the result; null where it is no function of elements alone.
  Value value;
};

const VectorOpInfo& info_of(VectorOp op);

}  // namespace unspool::kernels
