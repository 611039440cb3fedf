#include <cstring>

#include <unspool/core/kernels/vector_program.h>

namespace unspool::kernels {
namespace {

constinit thread_local VectorProgram* recording = nullptr;
constinit thread_local const void* stored = nullptr;

using Value = VectorProgram::Value;

Value record(const VectorProgram::Step& step) { return recording->add(step); }
Value record(VectorOp op, Value a, Value b = -1, Value c = -1) { return record({op, a, b, c}); }

using Size = std::int64_t;
// As many elements as a table has.
constexpr Size width = 8;

// Values of the program that is recorded, in place of the vectors of vector_block.inc and vector_fused.inc.
struct Vec {
  Vec() : Vec(0.0f) {}
  Vec(float x) : value(recording->constant(__builtin_bit_cast(std::int32_t, x))) {}
  static Vec of(Value value) { return __builtin_bit_cast(Vec, value); }
  Value value;
};
struct Bits {
  Bits() : Bits(0) {}
  Bits(std::int32_t x) : value(recording->constant(x)) {}
  static Bits of(Value value) { return __builtin_bit_cast(Bits, value); }
  Value value;
};

inline Vec operator+(Vec a, Vec b) { return Vec::of(record(VectorOp::add, a.value, b.value)); }
inline Vec operator-(Vec a, Vec b) { return Vec::of(record(VectorOp::subtract, a.value, b.value)); }
inline Vec operator*(Vec a, Vec b) { return Vec::of(record(VectorOp::multiply, a.value, b.value)); }
inline Vec operator/(Vec a, Vec b) { return Vec::of(record(VectorOp::divide, a.value, b.value)); }
inline Bits operator<(Vec a, Vec b) { return Bits::of(record(VectorOp::less, a.value, b.value)); }
inline Bits operator<=(Vec a, Vec b) { return Bits::of(record(VectorOp::less_equal, a.value, b.value)); }
inline Bits operator>(Vec a, Vec b) { return b < a; }
inline Bits operator==(Vec a, Vec b) { return Bits::of(record(VectorOp::equal, a.value, b.value)); }
inline Bits operator!=(Vec a, Vec b) { return Bits::of(record(VectorOp::not_equal, a.value, b.value)); }
inline Bits operator&(Bits a, Bits b) { return Bits::of(record(VectorOp::bit_and, a.value, b.value)); }
inline Bits operator|(Bits a, Bits b) { return Bits::of(record(VectorOp::bit_or, a.value, b.value)); }
inline Bits operator^(Bits a, Bits b) { return Bits::of(record(VectorOp::bit_xor, a.value, b.value)); }
inline Bits operator+(Bits a, Bits b) { return Bits::of(record(VectorOp::add_int, a.value, b.value)); }
inline Bits operator-(Bits a, Bits b) { return Bits::of(record(VectorOp::subtract_int, a.value, b.value)); }
inline Bits operator<<(Bits a, int n) {
  return Bits::of(record({.op = VectorOp::shift_left, .a = a.value, .number = n}));
}
inline Bits operator>>(Bits a, int n) {
  return Bits::of(record({.op = VectorOp::shift_right, .a = a.value, .number = n}));
}
inline Vec operator-(Vec x) { return Vec::of((Bits::of(x.value) ^ Bits(INT32_MIN)).value); }

inline Vec all(float x) { return {x}; }
inline Bits all_bits(bool x) { return {-static_cast<std::int32_t>(x)}; }
inline Vec constant(const float* each) { return {each[0]}; }
inline Vec table_constant(const float* each) { return Vec::of(recording->table(each)); }
inline Vec madd(Vec a, Vec b, Vec c) { return Vec::of(record(VectorOp::fma, a.value, b.value, c.value)); }
inline Vec min(Vec a, Vec b) { return Vec::of(record(VectorOp::min, a.value, b.value)); }
inline Vec max(Vec a, Vec b) { return Vec::of(record(VectorOp::max, a.value, b.value)); }
inline Vec at_most(float bound, Vec x) { return min(bound, x); }
inline Vec at_least(float bound, Vec x) { return max(bound, x); }
inline Vec sqrt(Vec x) { return Vec::of(record(VectorOp::sqrt, x.value)); }
inline Vec to_float(Bits x) { return Vec::of(record(VectorOp::to_float, x.value)); }
inline Vec permute(Vec from, Bits index) {
  return Vec::of(record(VectorOp::permute, from.value, index.value));
}
inline Vec select(Bits condition, Vec x, Vec y) {
  return Vec::of(record(VectorOp::select, condition.value, x.value, y.value));
}
template <VectorTable::Function VectorTable::*function, class Slow>
inline Vec slow_path_unless(Bits in_range, Vec x, Vec y, Slow) {
  return Vec::of(record({.op = VectorOp::slow_path_unless,
                         .a = in_range.value,
                         .b = x.value,
                         .c = y.value,
                         .function = function}));
}

// In memory, the number of a value stands in place of the first element.
inline Value value_at(const void* from) {
  Value value;
  std::memcpy(&value, from, sizeof(value));
  return value;
}
inline void value_to(void* to, Value value) {
  std::memcpy(to, &value, sizeof(value));
  stored = to;
}
inline Vec load(const float* from) { return Vec::of(value_at(from)); }
inline Vec load_first(const float* from, Size) { return load(from); }
inline Bits load(const bool* from) { return Bits::of(value_at(from)); }
inline Bits load_first(const bool* from, Size) { return load(from); }
inline void store(float* to, Vec x) { value_to(to, x.value); }
inline void store_first(float* to, Vec x, Size) { value_to(to, x.value); }
inline void store(bool* to, Bits x) { value_to(to, x.value); }
inline void store_first(bool* to, Bits x, Size) { value_to(to, x.value); }

}  // namespace
}  // namespace unspool::kernels

#include "vector_block.inc"
#include "vector_fused.inc"

namespace unspool::kernels {
namespace {

// The versions for two vectors are not recorded, but have to compile.
template <VectorTable::Function VectorTable::*function, class Slow>
inline Two slow_path_unless(TwoBits in_range, Two x, Two y, Slow slow) {
  return {slow_path_unless<function>(in_range.a, x.a, y.a, slow),
          slow_path_unless<function>(in_range.b, x.b, y.b, slow)};
}

}  // namespace

constinit const VectorTable vector_recorded = vector_table();
const std::ptrdiff_t recorded_block[1] = {};

VectorProgram::Value VectorProgram::call(BlockFunction function, std::span<const Value> operands) {
  constexpr std::size_t most = 4;
  constexpr std::int64_t steps_of_one[most] = {1, 1, 1, 1};
  if (operands.size() > most) return -1;
  const void* inputs[most]{};
  for (std::size_t i = 0; i < operands.size(); ++i) inputs[i] = &operands[i];
  Value result = -1;
  recording = this;
  stored = nullptr;
  function({.inputs = inputs,
            .steps = steps_of_one,
            .output = &result,
            .count = 1,
            .input_dtype = {},
            .output_dtype = {},
            .rows = 1,
            .row_bytes = recorded_block});
  recording = nullptr;
  return stored == &result ? result : -1;
}

}  // namespace unspool::kernels
