#include <immintrin.h>

#include <unspool/core/kernels/gemm_table.h>

namespace unspool::kernels {
namespace {

// A tile of `rows` rows and two vectors from a packed B, by hand: compilers run out of registers for the addresses
// and load them again at each step. The sums of row i are ymm(2 i) and ymm(2 i + 1). Along k, B advances by 64 bytes
// and A by 6 elements where it is packed, else by one. The registers x, x_row and x3 are row 0 of a matrix, the bytes
// from a row to the next, and row 3.
#define UNSPOOL_ADD(i, left, right, S, L, address) \
  ".if %c[rows] > " #i "\n"                        \
  "vbroadcast" L " " address ", %%ymm14\n"         \
  "vfmadd231" S " %%ymm12, %%ymm14, %%" left "\n"  \
  "vfmadd231" S " %%ymm13, %%ymm14, %%" right "\n" \
  ".endif\n"
#define UNSPOOL_BESIDE(p, S, L, size)                                     \
  "vmovups 64*" #p "(%[b]), %%ymm12\n"                                   \
  "vmovups 64*" #p "+32(%[b]), %%ymm13\n"                                \
  UNSPOOL_ADD(0, "ymm0", "ymm1", S, L, #p "*" #size "(%[a])")             \
  UNSPOOL_ADD(1, "ymm2", "ymm3", S, L, #p "*" #size "(%[a],%[a_row])")    \
  UNSPOOL_ADD(2, "ymm4", "ymm5", S, L, #p "*" #size "(%[a],%[a_row],2)")  \
  UNSPOOL_ADD(3, "ymm6", "ymm7", S, L, #p "*" #size "(%[a3])")            \
  UNSPOOL_ADD(4, "ymm8", "ymm9", S, L, #p "*" #size "(%[a3],%[a_row])")   \
  UNSPOOL_ADD(5, "ymm10", "ymm11", S, L, #p "*" #size "(%[a3],%[a_row],2)")
#define UNSPOOL_PACKED(p, S, L, size)                                                \
  "vmovups 64*" #p "(%[b]), %%ymm12\n"                                              \
  "vmovups 64*" #p "+32(%[b]), %%ymm13\n"                                           \
  UNSPOOL_ADD(0, "ymm0", "ymm1", S, L, "(6*" #p "+0)*" #size "(%[a])")               \
  UNSPOOL_ADD(1, "ymm2", "ymm3", S, L, "(6*" #p "+1)*" #size "(%[a])")               \
  UNSPOOL_ADD(2, "ymm4", "ymm5", S, L, "(6*" #p "+2)*" #size "(%[a])")               \
  UNSPOOL_ADD(3, "ymm6", "ymm7", S, L, "(6*" #p "+3)*" #size "(%[a])")               \
  UNSPOOL_ADD(4, "ymm8", "ymm9", S, L, "(6*" #p "+4)*" #size "(%[a])")               \
  UNSPOOL_ADD(5, "ymm10", "ymm11", S, L, "(6*" #p "+5)*" #size "(%[a])")
#define UNSPOOL_MOVE(i, left, right, address, MOVE) \
  ".if %c[rows] > " #i "\n" MOVE(address, left) MOVE("32" address, right) ".endif\n"
#define UNSPOOL_LOAD(address, sum) "vmovups " address ", %%" sum "\n"
#define UNSPOOL_STORE(address, sum) "vmovups %%" sum ", " address "\n"
#define UNSPOOL_MOVES(x, MOVE)                                                   \
  UNSPOOL_MOVE(0, "ymm0", "ymm1", "(%[" x "])", MOVE)                            \
  UNSPOOL_MOVE(1, "ymm2", "ymm3", "(%[" x "],%[" x "_row])", MOVE)               \
  UNSPOOL_MOVE(2, "ymm4", "ymm5", "(%[" x "],%[" x "_row],2)", MOVE)             \
  UNSPOOL_MOVE(3, "ymm6", "ymm7", "(%[" x "3])", MOVE)                           \
  UNSPOOL_MOVE(4, "ymm8", "ymm9", "(%[" x "3],%[" x "_row])", MOVE)              \
  UNSPOOL_MOVE(5, "ymm10", "ymm11", "(%[" x "3],%[" x "_row],2)", MOVE)
#define UNSPOOL_PLUS(i, left, right, S)                 \
  ".if %c[rows] > " #i "\n"                            \
  "vadd" S " %%ymm12, %%" left ", %%" left "\n"        \
  "vadd" S " %%ymm13, %%" right ", %%" right "\n"      \
  ".endif\n"
#define UNSPOOL_ZERO(i, left, right)                   \
  ".if %c[rows] > " #i "\n"                            \
  "vxorps %%" left ", %%" left ", %%" left "\n"        \
  "vxorps %%" right ", %%" right ", %%" right "\n"     \
  ".endif\n"
#define UNSPOOL_TILE(STEP, S, L, size, step)                                                          \
  asm volatile(                                                                                       \
      "test %[c], %[c]\n"                                                                            \
      "jz 1f\n"                                                                                      \
      UNSPOOL_MOVES("c", UNSPOOL_LOAD)                                                                \
      "jmp 2f\n"                                                                                     \
      "1:\n"                                                                                         \
      UNSPOOL_ZERO(0, "ymm0", "ymm1") UNSPOOL_ZERO(1, "ymm2", "ymm3") UNSPOOL_ZERO(2, "ymm4", "ymm5") \
      UNSPOOL_ZERO(3, "ymm6", "ymm7") UNSPOOL_ZERO(4, "ymm8", "ymm9") UNSPOOL_ZERO(5, "ymm10", "ymm11") \
      "2:\n"                                                                                         \
      "sub $4, %[k]\n"                                                                               \
      "jl 4f\n"                                                                                      \
      ".p2align 4\n"                                                                                 \
      "3:\n"                                                                                         \
      STEP(0, S, L, size) STEP(1, S, L, size) STEP(2, S, L, size) STEP(3, S, L, size)                 \
      "add $4*" #step ", %[a]\n"                                                                     \
      "add $4*" #step ", %[a3]\n"                                                                    \
      "add $256, %[b]\n"                                                                             \
      "sub $4, %[k]\n"                                                                               \
      "jge 3b\n"                                                                                     \
      "4:\n"                                                                                         \
      "add $4, %[k]\n"                                                                               \
      "jz 6f\n"                                                                                      \
      "5:\n"                                                                                         \
      STEP(0, S, L, size)                                                                             \
      "add $" #step ", %[a]\n"                                                                       \
      "add $" #step ", %[a3]\n"                                                                      \
      "add $64, %[b]\n"                                                                              \
      "sub $1, %[k]\n"                                                                               \
      "jnz 5b\n"                                                                                     \
      "6:\n"                                                                                         \
      "mov %[plus], %[c]\n"                                                                          \
      "test %[c], %[c]\n"                                                                            \
      "jz 7f\n"                                                                                      \
      "vmovups (%[c]), %%ymm12\n"                                                                    \
      "vmovups 32(%[c]), %%ymm13\n"                                                                  \
      UNSPOOL_PLUS(0, "ymm0", "ymm1", S) UNSPOOL_PLUS(1, "ymm2", "ymm3", S)                           \
      UNSPOOL_PLUS(2, "ymm4", "ymm5", S) UNSPOOL_PLUS(3, "ymm6", "ymm7", S)                           \
      UNSPOOL_PLUS(4, "ymm8", "ymm9", S) UNSPOOL_PLUS(5, "ymm10", "ymm11", S)                         \
      "7:\n"                                                                                         \
      "mov %[to], %[c]\n"                                                                            \
      "mov %[to_row], %[c_row]\n"                                                                    \
      "lea (%[c_row],%[c_row],2), %[c3]\n"                                                           \
      "add %[c], %[c3]\n"                                                                            \
      UNSPOOL_MOVES("c", UNSPOOL_STORE)                                                               \
      : [k] "+r"(k), [a] "+r"(a), [a3] "+r"(a3), [b] "+r"(b), [c] "+r"(from), [c3] "+r"(from3),        \
        [c_row] "+r"(from_row)                                                                        \
      : [a_row] "r"(a_row), [to] "m"(c), [to_row] "m"(ldc), [plus] "m"(plus), [rows] "i"(rows)        \
      : "ymm0", "ymm1", "ymm2", "ymm3", "ymm4", "ymm5", "ymm6", "ymm7", "ymm8", "ymm9", "ymm10",       \
        "ymm11", "ymm12", "ymm13", "ymm14", "memory", "cc")

template <class T, int rows, bool packed>
void tile_by_hand(std::int64_t k, const T* a, std::int64_t a_row, const T* b, T* c, std::int64_t ldc, const T* from,
                  std::int64_t from_row, const T* plus) {
  const T* a3 = a + 3 * a_row;
  const T* from3 = from == nullptr ? from : from + 3 * from_row;
  a_row *= sizeof(T);
  from_row *= sizeof(T);
  ldc *= sizeof(T);
  if constexpr (sizeof(T) == 4) {
    if constexpr (packed) {
      UNSPOOL_TILE(UNSPOOL_PACKED, "ps", "ss", 4, 24);
    } else {
      UNSPOOL_TILE(UNSPOOL_BESIDE, "ps", "ss", 4, 4);
    }
  } else {
    if constexpr (packed) {
      UNSPOOL_TILE(UNSPOOL_PACKED, "pd", "sd", 8, 48);
    } else {
      UNSPOOL_TILE(UNSPOOL_BESIDE, "pd", "sd", 8, 8);
    }
  }
}

// 6 x 2 vectors of sums, 2 of B and 1 of A: 15 of the 16 registers.
struct Float {
  using T = float;
  using Vec = __m256;
  static constexpr int width = 8;
  static constexpr int mr = 6;
  static constexpr int mc = 96;
  static constexpr bool by_hand = true;
  template <int rows, bool packed, class... More>
  static void tile(More... more) {
    tile_by_hand<T, rows, packed>(more...);
  }
  static constexpr int few(int rows) { return rows == 1 ? 8 : rows == 2 ? 6 : rows == 3 ? 4 : 2; }
  static Vec load(const T* from) { return _mm256_loadu_ps(from); }
  static void store(T* to, Vec v) { _mm256_storeu_ps(to, v); }
  static Vec broadcast(const T* from) { return _mm256_broadcast_ss(from); }
  // Of the three forms of the instruction g++ picks ones that destroy a factor, and then copies registers
  // about.
  static void madd(Vec a, Vec b, Vec& c) { asm("vfmadd231ps %2, %1, %0" : "+x"(c) : "x"(a), "x"(b)); }
  static T madd1(T a, T b, T c) { return __builtin_fmaf(a, b, c); }
};

struct Double {
  using T = double;
  using Vec = __m256d;
  static constexpr int width = 4;
  static constexpr int mr = 6;
  static constexpr int mc = 96;
  static constexpr bool by_hand = true;
  template <int rows, bool packed, class... More>
  static void tile(More... more) {
    tile_by_hand<T, rows, packed>(more...);
  }
  static constexpr int few(int rows) { return Float::few(rows); }
  static Vec load(const T* from) { return _mm256_loadu_pd(from); }
  static void store(T* to, Vec v) { _mm256_storeu_pd(to, v); }
  static Vec broadcast(const T* from) { return _mm256_broadcast_sd(from); }
  static void madd(Vec a, Vec b, Vec& c) { asm("vfmadd231pd %2, %1, %0" : "+x"(c) : "x"(a), "x"(b)); }
  static T madd1(T a, T b, T c) { return __builtin_fma(a, b, c); }
};

}  // namespace
}  // namespace unspool::kernels

#include "gemm_block.inc"

namespace unspool::kernels {
constinit const GemmTable<float> gemm_avx2_float = Gemm<Float>::table();
constinit const GemmTable<double> gemm_avx2_double = Gemm<Double>::table();
}  // namespace unspool::kernels
