#include <unspool/serialization/internal/crc_folding.h>

#ifdef __x86_64__
#include <immintrin.h>
#endif

namespace unspool::internal {

#ifdef __x86_64__

namespace {

__attribute__((target("pclmul"))) inline __m128i fold_block(__m128i block, __m128i factors) {
  return _mm_xor_si128(_mm_clmulepi64_si128(block, factors, 0x00),
                       _mm_clmulepi64_si128(block, factors, 0x11));
}

inline __m128i load_block(const char* from) {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
}

inline __m128i load_factors(const std::array<std::uint64_t, 2>& factors) {
  return _mm_set_epi64x(static_cast<long long>(factors[1]), static_cast<long long>(factors[0]));
}

}  // namespace

bool can_fold_crc() {
  static const bool can = __builtin_cpu_supports("pclmul") != 0;
  return can;
}

__attribute__((target("pclmul"))) std::array<char, 16> fold_crc(std::string_view bytes, std::uint64_t start,
                                                                const CrcFactors& factors) {
  const char* at = bytes.data();
  const char* const end = at + bytes.size();
  const __m128i far = load_factors(factors.by_64);
  const __m128i near = load_factors(factors.by_16);
  __m128i a = _mm_xor_si128(load_block(at), _mm_set_epi64x(0, static_cast<long long>(start)));
  __m128i b = load_block(at + 16);
  __m128i c = load_block(at + 32);
  __m128i d = load_block(at + 48);
  for (at += 64; end - at >= 64; at += 64) {
    a = _mm_xor_si128(fold_block(a, far), load_block(at));
    b = _mm_xor_si128(fold_block(b, far), load_block(at + 16));
    c = _mm_xor_si128(fold_block(c, far), load_block(at + 32));
    d = _mm_xor_si128(fold_block(d, far), load_block(at + 48));
  }
  b = _mm_xor_si128(fold_block(a, near), b);
  c = _mm_xor_si128(fold_block(b, near), c);
  d = _mm_xor_si128(fold_block(c, near), d);
  for (; at != end; at += 16) d = _mm_xor_si128(fold_block(d, near), load_block(at));
  std::array<char, 16> rest{};
  _mm_storeu_si128(reinterpret_cast<__m128i*>(rest.data()), d);
  return rest;
}

#else

bool can_fold_crc() { return false; }

std::array<char, 16> fold_crc(std::string_view, std::uint64_t, const CrcFactors&) { return {}; }

#endif

}  // namespace unspool::internal
