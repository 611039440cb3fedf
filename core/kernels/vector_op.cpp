#include <cmath>
#include <cstddef>

#include <unspool/core/kernels/vector_op.h>

namespace unspool::kernels {
namespace {

using Bits = std::uint32_t;

float f(Bits x) { return __builtin_bit_cast(float, x); }
Bits bits(float x) { return __builtin_bit_cast(Bits, x); }
Bits truth(bool x) { return x ? ~Bits{0} : 0; }

constexpr VectorOpInfo infos[] = {
#define UNSPOOL_VECTOR_OP(name, kind, operands, latency, value) \
  {VectorOp::name, #name, VectorOpKind::kind, operands, latency, value},
#define VALUE(bits_of_element)                                                  \
  []([[maybe_unused]] Bits a, [[maybe_unused]] Bits b, [[maybe_unused]] Bits c, \
     [[maybe_unused]] std::int32_t number) { return bits_of_element; }
#define NO_VALUE nullptr
#include <unspool/core/kernels/vector_ops.def>
#undef NO_VALUE
#undef VALUE
#undef UNSPOOL_VECTOR_OP
};

}  // namespace

const VectorOpInfo& info_of(VectorOp op) { return infos[static_cast<std::size_t>(op)]; }

}  // namespace unspool::kernels
