#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <mutex>
#include <numbers>
#include <string>
#include <utility>

#include <unspool/core/error.h>
#include <unspool/core/internal/random.h>
#include <unspool/core/kernels/machine.h>
#include <unspool/core/random.h>
#include <unspool/core/threads.h>

namespace unspool {

namespace {

constinit std::mutex process_mutex;
constinit RandomKey process_key;
constinit thread_local SeedGenerator* scoped_generator = nullptr;

// Keeps the streams of seed generators apart from those of the process-wide generator.
constexpr std::uint64_t generator_stream = std::uint64_t{1} << 63;

using Block = std::array<std::uint32_t, 4>;

Block block_of(RandomKey key, std::uint64_t index) {
  const auto low = [](std::uint64_t word) { return static_cast<std::uint32_t>(word); };
  const auto high = [](std::uint64_t word) { return static_cast<std::uint32_t>(word >> 32); };
  return detail::philox({low(index), high(index), low(key.stream), high(key.stream)},
                        {low(key.seed), high(key.seed)});
}

std::uint64_t pair_of(const Block& block, std::size_t which) {
  return block[2 * which] | std::uint64_t{block[2 * which + 1]} << 32;
}

float unit_float(std::uint32_t bits) { return static_cast<float>(bits >> 8) * 0x1p-24f; }
double unit_double(std::uint64_t bits) { return static_cast<double>(bits >> 11) * 0x1p-53; }

template <class T>
std::array<T, 2> box_muller(T uniform, T turn) {
  const T radius = std::sqrt(T{-2} * std::log(uniform));
  const T angle = T{2} * std::numbers::pi_v<T> * turn;
  return {radius * std::cos(angle), radius * std::sin(angle)};
}

// Converts a block of bits to as many elements as it has bits for.
std::array<float, 4> uniform(const Block& block, float) {
  return {unit_float(block[0]), unit_float(block[1]), unit_float(block[2]), unit_float(block[3])};
}

std::array<double, 2> uniform(const Block& block, double) {
  return {unit_double(pair_of(block, 0)), unit_double(pair_of(block, 1))};
}

// The argument of the logarithm uses all 32 bits, for a longer tail, and is never 0.
std::array<float, 4> normal(const Block& block, float) {
  const auto above_zero = [](std::uint32_t bits) { return (static_cast<float>(bits) + 1.0f) * 0x1p-32f; };
  const auto front = box_muller(above_zero(block[0]), unit_float(block[1]));
  const auto back = box_muller(above_zero(block[2]), unit_float(block[3]));
  return {front[0], front[1], back[0], back[1]};
}

std::array<double, 2> normal(const Block& block, double) {
  return box_muller(unit_double(pair_of(block, 0)) + 0x1p-54, unit_double(pair_of(block, 1)));
}

// The compiler vectorizes the loops over lanes: several times as fast as one block after the other.
constexpr std::size_t lanes = 8;

void blocks_of(RandomKey key, std::uint64_t index, Block* blocks) {
  std::uint32_t x[4][lanes];
  for (std::size_t i = 0; i < lanes; ++i) {
    x[0][i] = static_cast<std::uint32_t>(index + i);
    x[1][i] = static_cast<std::uint32_t>((index + i) >> 32);
    x[2][i] = static_cast<std::uint32_t>(key.stream);
    x[3][i] = static_cast<std::uint32_t>(key.stream >> 32);
  }
  auto key0 = static_cast<std::uint32_t>(key.seed);
  auto key1 = static_cast<std::uint32_t>(key.seed >> 32);
  for (int round = 0; round < 10; ++round) {
    for (std::size_t i = 0; i < lanes; ++i) {
      const std::uint64_t a = std::uint64_t{0xD2511F53} * x[0][i];
      const std::uint64_t b = std::uint64_t{0xCD9E8D57} * x[2][i];
      x[0][i] = static_cast<std::uint32_t>(b >> 32) ^ x[1][i] ^ key0;
      x[1][i] = static_cast<std::uint32_t>(b);
      x[2][i] = static_cast<std::uint32_t>(a >> 32) ^ x[3][i] ^ key1;
      x[3][i] = static_cast<std::uint32_t>(a);
    }
    key0 += 0x9E3779B9;
    key1 += 0xBB67AE85;
  }
  for (std::size_t i = 0; i < lanes; ++i) blocks[i] = {x[0][i], x[1][i], x[2][i], x[3][i]};
}

template <class T, class F>
void fill(RandomKey key, std::span<T> values, std::uint64_t first, const F& of_block) {
  constexpr std::uint64_t each = sizeof(Block) / sizeof(T);
  parallel_for(static_cast<Index>(values.size()), machine::random_task_elements, [&](Index begin, Index end) {
    T* to = values.data() + begin;
    T* const stop = values.data() + end;
    std::uint64_t index = first + static_cast<std::uint64_t>(begin);
    const auto part = [&](std::uint64_t most) {
      const auto elements = of_block(block_of(key, index / each));
      const auto count = std::min(most, static_cast<std::uint64_t>(stop - to));
      to = std::copy_n(elements.begin() + static_cast<std::ptrdiff_t>(index % each), count, to);
      index += count;
    };
    if (index % each != 0) part(each - index % each);
    Block blocks[lanes];
    for (; stop - to >= static_cast<std::ptrdiff_t>(lanes * each); index += lanes * each) {
      blocks_of(key, index / each, blocks);
      for (const Block& block : blocks) {
        const auto elements = of_block(block);
        for (std::size_t i = 0; i < each; ++i) to[i] = elements[i];
        to += each;
      }
    }
    while (to != stop) part(each);
  });
}

}  // namespace

void set_seed(std::uint64_t seed) {
  const std::lock_guard lock(process_mutex);
  process_key = {seed, 0};
}

RandomKey next_random_key() {
  if (scoped_generator != nullptr) return scoped_generator->next();
  const std::lock_guard lock(process_mutex);
  const RandomKey key = process_key;
  ++process_key.stream;
  return key;
}

RandomKey internal::process_random_state() {
  const std::lock_guard lock(process_mutex);
  return process_key;
}

void internal::set_process_random_state(RandomKey next) {
  const std::lock_guard lock(process_mutex);
  process_key = next;
}

void fill_uniform(RandomKey key, std::span<float> values, std::uint64_t first) {
  fill(key, values, first, [](const Block& block) { return uniform(block, float{}); });
}

void fill_uniform(RandomKey key, std::span<double> values, std::uint64_t first) {
  fill(key, values, first, [](const Block& block) { return uniform(block, double{}); });
}

void fill_normal(RandomKey key, std::span<float> values, std::uint64_t first) {
  fill(key, values, first, [](const Block& block) { return normal(block, float{}); });
}

void fill_normal(RandomKey key, std::span<double> values, std::uint64_t first) {
  fill(key, values, first, [](const Block& block) { return normal(block, double{}); });
}

std::uint64_t random_bits(RandomKey key, std::uint64_t index) {
  return pair_of(block_of(key, index / 2), index % 2);
}

std::vector<Index> permutation(Index n, RandomKey key) {
  if (n < 0) throw ValueError("permutation: expected n >= 0, got " + std::to_string(n));
  std::vector<Index> order(static_cast<std::size_t>(n));
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<Index>(i);
  std::uint64_t drawn = 0;
  for (std::size_t left = order.size(); left > 1; --left) {
    // Values above the largest multiple of `left` would make small remainders more likely.
    std::uint64_t bits;
    std::uint64_t remainder;
    do {
      bits = random_bits(key, drawn++);
      remainder = bits % left;
    } while (bits - remainder > std::numeric_limits<std::uint64_t>::max() - (left - 1));
    std::swap(order[left - 1], order[remainder]);
  }
  return order;
}

namespace internal {

RandomScope::RandomScope(SeedGenerator& generator) : outer_(scoped_generator) {
  scoped_generator = &generator;
}
RandomScope::~RandomScope() { scoped_generator = outer_; }

}  // namespace internal

SeedGenerator::SeedGenerator() : seed_(random_bits(next_random_key(), 0)) {}

RandomKey SeedGenerator::next() { return {seed_, generator_stream | counter_++}; }

}  // namespace unspool
