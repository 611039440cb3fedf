#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include <unspool/core/shape.h>

namespace unspool {

/// The key of a counter-based random draw. Each number depends on the key and its index only, not on any
/// state or the number of threads. Source: Philox4x32-10 (Salmon, Moraes, Dror, Shaw: Parallel random
/// numbers: as easy as 1, 2, 3; SC 2011), with the seed as its key and (index, stream) as its counter.
struct RandomKey {
  std::uint64_t seed = 0;    ///< The seed of a generator.
  std::uint64_t stream = 0;  ///< The number of the draw among those of the generator.
  /// Whether both members are equal.
  friend bool operator==(const RandomKey&, const RandomKey&) = default;
};

/// Restarts the process-wide generator, which then gives a sequence of keys that depends on `seed` only. A
/// process starts with seed 0.
void set_seed(std::uint64_t seed);
/// The same, under the name that Keras has for it.
inline void set_random_seed(std::uint64_t seed) { set_seed(seed); }

/// The next key of the process-wide generator. Safe on any thread; if several threads draw, their order
/// decides which of them gets which key.
RandomKey next_random_key();

///@{
/// Writes the numbers `first`, `first` + 1, ... of a draw, uniform on [0, 1), with 24 random bits each, or 53
/// for double.
void fill_uniform(RandomKey key, std::span<float> values, std::uint64_t first = 0);
void fill_uniform(RandomKey key, std::span<double> values, std::uint64_t first = 0);
///@}

///@{
/// Writes the numbers `first`, `first` + 1, ... of a draw, normal with mean 0 and standard deviation 1.
/// Source: Box and Muller's transform.
void fill_normal(RandomKey key, std::span<float> values, std::uint64_t first = 0);
void fill_normal(RandomKey key, std::span<double> values, std::uint64_t first = 0);
///@}

/// 64 random bits: number `index` of a draw.
std::uint64_t random_bits(RandomKey key, std::uint64_t index);

/// 0, ..., n - 1 in random order; each order is equally likely. Throws ValueError if n < 0.
std::vector<Index> permutation(Index n, RandomKey key);

/// A sequence of keys, such as each layer that draws has. Not safe for several threads at once.
class SeedGenerator {
 public:
  /// Takes its seed from the process-wide generator.
  SeedGenerator();
  /// Two generators with the same seed give the same keys. The process-wide generator gives others for that
  /// seed.
  explicit SeedGenerator(std::uint64_t seed) : seed_(seed) {}

  /// The next key.
  RandomKey next();

  /// The seed. Seed and counter are the whole state.
  std::uint64_t seed() const { return seed_; }
  /// How many keys were drawn.
  std::uint64_t counter() const { return counter_; }
  /// Continues as if so many keys had been drawn.
  void set_counter(std::uint64_t counter) { counter_ = counter; }

 private:
  std::uint64_t seed_;
  std::uint64_t counter_ = 0;
};

namespace detail {

/// One block of Philox4x32-10.
constexpr std::array<std::uint32_t, 4> philox(std::array<std::uint32_t, 4> counter,
                                              std::array<std::uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t a = std::uint64_t{0xD2511F53} * counter[0];
    const std::uint64_t b = std::uint64_t{0xCD9E8D57} * counter[2];
    counter = {static_cast<std::uint32_t>(b >> 32) ^ counter[1] ^ key[0], static_cast<std::uint32_t>(b),
               static_cast<std::uint32_t>(a >> 32) ^ counter[3] ^ key[1], static_cast<std::uint32_t>(a)};
    key[0] += 0x9E3779B9;
    key[1] += 0xBB67AE85;
  }
  return counter;
}

}  // namespace detail

}  // namespace unspool
