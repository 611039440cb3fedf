#include <immintrin.h>

#include <unspool/core/kernels/gemm_table.h>

namespace unspool::kernels {
namespace {

// A tile of `rows` rows and two vectors from a packed B, by hand, as for AVX2: with so many rows compilers spill sums or
// addresses. The sums of row i are zmm(2 i) and zmm(2 i + 1). Along k, B advances by 128 bytes and A by 14 elements where
// it is packed, else by one. The registers r, r3, r5, r7 hold the bytes from a row of A to the next and multiples; a8 is
// its row 8.
#define UNSPOOL_ADD(i, left, right, S, L, address)   \
  ".if %c[rows] > " #i "\n"                          \
  "vbroadcast" L " " address ", %%zmm30\n"           \
  "vfmadd231" S " %%zmm28, %%zmm30, %%" left "\n"    \
  "vfmadd231" S " %%zmm29, %%zmm30, %%" right "\n"   \
  ".endif\n"
#define UNSPOOL_BESIDE(p, S, L, size)                                    \
  "vmovups 128*" #p "(%[b]), %%zmm28\n"                                  \
  "vmovups 128*" #p "+64(%[b]), %%zmm29\n"                               \
  UNSPOOL_ADD(0, "zmm0", "zmm1", S, L, #p "*" #size "(%[a])")            \
  UNSPOOL_ADD(1, "zmm2", "zmm3", S, L, #p "*" #size "(%[a],%[r])")       \
  UNSPOOL_ADD(2, "zmm4", "zmm5", S, L, #p "*" #size "(%[a],%[r],2)")     \
  UNSPOOL_ADD(3, "zmm6", "zmm7", S, L, #p "*" #size "(%[a],%[r3])")      \
  UNSPOOL_ADD(4, "zmm8", "zmm9", S, L, #p "*" #size "(%[a],%[r],4)")     \
  UNSPOOL_ADD(5, "zmm10", "zmm11", S, L, #p "*" #size "(%[a],%[r5])")    \
  UNSPOOL_ADD(6, "zmm12", "zmm13", S, L, #p "*" #size "(%[a],%[r3],2)")  \
  UNSPOOL_ADD(7, "zmm14", "zmm15", S, L, #p "*" #size "(%[a],%[r7])")    \
  UNSPOOL_ADD(8, "zmm16", "zmm17", S, L, #p "*" #size "(%[a8])")         \
  UNSPOOL_ADD(9, "zmm18", "zmm19", S, L, #p "*" #size "(%[a8],%[r])")    \
  UNSPOOL_ADD(10, "zmm20", "zmm21", S, L, #p "*" #size "(%[a8],%[r],2)") \
  UNSPOOL_ADD(11, "zmm22", "zmm23", S, L, #p "*" #size "(%[a8],%[r3])")  \
  UNSPOOL_ADD(12, "zmm24", "zmm25", S, L, #p "*" #size "(%[a8],%[r],4)") \
  UNSPOOL_ADD(13, "zmm26", "zmm27", S, L, #p "*" #size "(%[a8],%[r5])")
#define UNSPOOL_PACKED(p, S, L, size)                                       \
  "vmovups 128*" #p "(%[b]), %%zmm28\n"                                     \
  "vmovups 128*" #p "+64(%[b]), %%zmm29\n"                                  \
  UNSPOOL_ADD(0, "zmm0", "zmm1", S, L, "(14*" #p "+0)*" #size "(%[a])")     \
  UNSPOOL_ADD(1, "zmm2", "zmm3", S, L, "(14*" #p "+1)*" #size "(%[a])")     \
  UNSPOOL_ADD(2, "zmm4", "zmm5", S, L, "(14*" #p "+2)*" #size "(%[a])")     \
  UNSPOOL_ADD(3, "zmm6", "zmm7", S, L, "(14*" #p "+3)*" #size "(%[a])")     \
  UNSPOOL_ADD(4, "zmm8", "zmm9", S, L, "(14*" #p "+4)*" #size "(%[a])")     \
  UNSPOOL_ADD(5, "zmm10", "zmm11", S, L, "(14*" #p "+5)*" #size "(%[a])")   \
  UNSPOOL_ADD(6, "zmm12", "zmm13", S, L, "(14*" #p "+6)*" #size "(%[a])")   \
  UNSPOOL_ADD(7, "zmm14", "zmm15", S, L, "(14*" #p "+7)*" #size "(%[a])")   \
  UNSPOOL_ADD(8, "zmm16", "zmm17", S, L, "(14*" #p "+8)*" #size "(%[a])")   \
  UNSPOOL_ADD(9, "zmm18", "zmm19", S, L, "(14*" #p "+9)*" #size "(%[a])")   \
  UNSPOOL_ADD(10, "zmm20", "zmm21", S, L, "(14*" #p "+10)*" #size "(%[a])") \
  UNSPOOL_ADD(11, "zmm22", "zmm23", S, L, "(14*" #p "+11)*" #size "(%[a])") \
  UNSPOOL_ADD(12, "zmm24", "zmm25", S, L, "(14*" #p "+12)*" #size "(%[a])") \
  UNSPOOL_ADD(13, "zmm26", "zmm27", S, L, "(14*" #p "+13)*" #size "(%[a])")
// One row after the other; c is left beyond the last.
#define UNSPOOL_LOAD(i, left, right)                \
  ".if %c[rows] > " #i "\n"                         \
  "vmovups (%[c]), %%" left "\n"                    \
  "vmovups 64(%[c]), %%" right "\n"                 \
  "add %[c_row], %[c]\n"                            \
  ".endif\n"
#define UNSPOOL_STORE(i, left, right)               \
  ".if %c[rows] > " #i "\n"                         \
  "vmovups %%" left ", (%[c])\n"                    \
  "vmovups %%" right ", 64(%[c])\n"                 \
  "add %[c_row], %[c]\n"                            \
  ".endif\n"
#define UNSPOOL_ZERO(i, left, right)                \
  ".if %c[rows] > " #i "\n"                         \
  "vpxord %%" left ", %%" left ", %%" left "\n"     \
  "vpxord %%" right ", %%" right ", %%" right "\n"  \
  ".endif\n"
#define UNSPOOL_PLUS(i, left, right, S)             \
  ".if %c[rows] > " #i "\n"                         \
  "vadd" S " %%zmm28, %%" left ", %%" left "\n"     \
  "vadd" S " %%zmm29, %%" right ", %%" right "\n"   \
  ".endif\n"
#define UNSPOOL_ROWS(EACH)   \
  EACH(0, "zmm0", "zmm1")    \
  EACH(1, "zmm2", "zmm3")    \
  EACH(2, "zmm4", "zmm5")    \
  EACH(3, "zmm6", "zmm7")    \
  EACH(4, "zmm8", "zmm9")    \
  EACH(5, "zmm10", "zmm11")  \
  EACH(6, "zmm12", "zmm13")  \
  EACH(7, "zmm14", "zmm15")  \
  EACH(8, "zmm16", "zmm17")  \
  EACH(9, "zmm18", "zmm19")  \
  EACH(10, "zmm20", "zmm21") \
  EACH(11, "zmm22", "zmm23") \
  EACH(12, "zmm24", "zmm25") \
  EACH(13, "zmm26", "zmm27")
#define UNSPOOL_PLUS_ROWS(S)            \
  UNSPOOL_PLUS(0, "zmm0", "zmm1", S)    \
  UNSPOOL_PLUS(1, "zmm2", "zmm3", S)    \
  UNSPOOL_PLUS(2, "zmm4", "zmm5", S)    \
  UNSPOOL_PLUS(3, "zmm6", "zmm7", S)    \
  UNSPOOL_PLUS(4, "zmm8", "zmm9", S)    \
  UNSPOOL_PLUS(5, "zmm10", "zmm11", S)  \
  UNSPOOL_PLUS(6, "zmm12", "zmm13", S)  \
  UNSPOOL_PLUS(7, "zmm14", "zmm15", S)  \
  UNSPOOL_PLUS(8, "zmm16", "zmm17", S)  \
  UNSPOOL_PLUS(9, "zmm18", "zmm19", S)  \
  UNSPOOL_PLUS(10, "zmm20", "zmm21", S) \
  UNSPOOL_PLUS(11, "zmm22", "zmm23", S) \
  UNSPOOL_PLUS(12, "zmm24", "zmm25", S) \
  UNSPOOL_PLUS(13, "zmm26", "zmm27", S)
#define UNSPOOL_TILE(STEP, S, L, size, step)                                                                      \
  asm volatile(                                                                                                   \
      "test %[c], %[c]\n"                                                                                         \
      "jz 1f\n"                                                                                                   \
      UNSPOOL_ROWS(UNSPOOL_LOAD)                                                                                  \
      "jmp 2f\n"                                                                                                  \
      "1:\n"                                                                                                      \
      UNSPOOL_ROWS(UNSPOOL_ZERO)                                                                                  \
      "2:\n"                                                                                                      \
      "sub $4, %[k]\n"                                                                                            \
      "jl 4f\n"                                                                                                   \
      ".p2align 4\n"                                                                                              \
      "3:\n"                                                                                                      \
      STEP(0, S, L, size) STEP(1, S, L, size) STEP(2, S, L, size) STEP(3, S, L, size)                             \
      "add $4*" #step ", %[a]\n"                                                                                  \
      "add $4*" #step ", %[a8]\n"                                                                                 \
      "add $512, %[b]\n"                                                                                          \
      "sub $4, %[k]\n"                                                                                            \
      "jge 3b\n"                                                                                                  \
      "4:\n"                                                                                                      \
      "add $4, %[k]\n"                                                                                            \
      "jz 6f\n"                                                                                                   \
      "5:\n"                                                                                                      \
      STEP(0, S, L, size)                                                                                         \
      "add $" #step ", %[a]\n"                                                                                    \
      "add $" #step ", %[a8]\n"                                                                                   \
      "add $128, %[b]\n"                                                                                          \
      "sub $1, %[k]\n"                                                                                            \
      "jnz 5b\n"                                                                                                  \
      "6:\n"                                                                                                      \
      "mov %[plus], %[c]\n"                                                                                       \
      "test %[c], %[c]\n"                                                                                         \
      "jz 7f\n"                                                                                                   \
      "vmovups (%[c]), %%zmm28\n"                                                                                 \
      "vmovups 64(%[c]), %%zmm29\n"                                                                               \
      UNSPOOL_PLUS_ROWS(S)                                                                                        \
      "7:\n"                                                                                                      \
      "mov %[to], %[c]\n"                                                                                         \
      "mov %[to_row], %[c_row]\n"                                                                                 \
      UNSPOOL_ROWS(UNSPOOL_STORE)                                                                                 \
      : [k] "+r"(k), [a] "+r"(a), [a8] "+r"(a8), [b] "+r"(b), [c] "+r"(from), [c_row] "+r"(from_row)              \
      : [r] "r"(r), [r3] "r"(3 * r), [r5] "r"(5 * r), [r7] "r"(7 * r), [to] "m"(c), [to_row] "m"(ldc),            \
        [plus] "m"(plus), [rows] "i"(rows)                                                                        \
      : "zmm0", "zmm1", "zmm2", "zmm3", "zmm4", "zmm5", "zmm6", "zmm7", "zmm8", "zmm9", "zmm10",                  \
        "zmm11", "zmm12", "zmm13", "zmm14", "zmm15", "zmm16", "zmm17", "zmm18", "zmm19", "zmm20",                 \
        "zmm21", "zmm22", "zmm23", "zmm24", "zmm25", "zmm26", "zmm27", "zmm28", "zmm29", "zmm30", "memory", "cc")

template <class T, int rows, bool packed>
void tile_by_hand(std::int64_t k, const T* a, std::int64_t r, const T* b, T* c, std::int64_t ldc, const T* from,
                  std::int64_t from_row, const T* plus) {
  const T* a8 = a + 8 * r;
  r *= sizeof(T);
  from_row *= sizeof(T);
  ldc *= sizeof(T);
  if constexpr (sizeof(T) == 4) {
    if constexpr (packed) {
      UNSPOOL_TILE(UNSPOOL_PACKED, "ps", "ss", 4, 56);
    } else {
      UNSPOOL_TILE(UNSPOOL_BESIDE, "ps", "ss", 4, 4);
    }
  } else {
    if constexpr (packed) {
      UNSPOOL_TILE(UNSPOOL_PACKED, "pd", "sd", 8, 112);
    } else {
      UNSPOOL_TILE(UNSPOOL_BESIDE, "pd", "sd", 8, 8);
    }
  }
}

// 14 x 2 vectors of sums, 2 of B and 1 of A: 31 of the 32 registers.
struct Float {
  using T = float;
  using Vec = __m512;
  static constexpr int width = 16;
  static constexpr int mr = 14;
  static constexpr int mc = 112;
  static constexpr bool by_hand = true;
  template <int rows, bool packed, class... More>
  static void tile(More... more) {
    tile_by_hand<T, rows, packed>(more...);
  }
  static constexpr int few(int rows) { return rows <= 2 ? 8 : 4; }
  static Vec load(const T* from) { return _mm512_loadu_ps(from); }
  static void store(T* to, Vec v) { _mm512_storeu_ps(to, v); }
  static Vec broadcast(const T* from) { return _mm512_set1_ps(*from); }
  // Of the three forms of the instruction g++ picks ones that destroy a factor, and then copies registers
  // about.
  static void madd(Vec a, Vec b, Vec& c) { asm("vfmadd231ps %2, %1, %0" : "+v"(c) : "v"(a), "v"(b)); }
  static T madd1(T a, T b, T c) { return __builtin_fmaf(a, b, c); }
};

struct Double {
  using T = double;
  using Vec = __m512d;
  static constexpr int width = 8;
  static constexpr int mr = 14;
  static constexpr int mc = 112;
  static constexpr bool by_hand = true;
  template <int rows, bool packed, class... More>
  static void tile(More... more) {
    tile_by_hand<T, rows, packed>(more...);
  }
  static constexpr int few(int rows) { return Float::few(rows); }
  static Vec load(const T* from) { return _mm512_loadu_pd(from); }
  static void store(T* to, Vec v) { _mm512_storeu_pd(to, v); }
  static Vec broadcast(const T* from) { return _mm512_set1_pd(*from); }
  static void madd(Vec a, Vec b, Vec& c) { asm("vfmadd231pd %2, %1, %0" : "+v"(c) : "v"(a), "v"(b)); }
  static T madd1(T a, T b, T c) { return __builtin_fma(a, b, c); }
};

}  // namespace
}  // namespace unspool::kernels

#include "gemm_block.inc"

namespace unspool::kernels {
constinit const GemmTable<float> gemm_avx512_float = Gemm<Float>::table();
constinit const GemmTable<double> gemm_avx512_double = Gemm<Double>::table();
}  // namespace unspool::kernels
