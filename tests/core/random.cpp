#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <doctest/doctest.h>
#include <map>
#include <set>
#include <span>
#include <thread>
#include <vector>

#include <unspool/core/error.h>
#include <unspool/core/random.h>
#include <unspool/core/threads.h>

using namespace unspool;

namespace {

struct Moments {
  double mean = 0;
  double variance = 0;
  double fourth = 0;
  double least = 0;
  double most = 0;
};

template <class T>
Moments moments(const std::vector<T>& values) {
  Moments m;
  m.least = m.most = static_cast<double>(values[0]);
  for (const T v : values) {
    m.mean += static_cast<double>(v);
    m.least = std::min(m.least, static_cast<double>(v));
    m.most = std::max(m.most, static_cast<double>(v));
  }
  const auto n = static_cast<double>(values.size());
  m.mean /= n;
  for (const T v : values) {
    const double d = static_cast<double>(v) - m.mean;
    m.variance += d * d / n;
    m.fourth += d * d * d * d / n;
  }
  return m;
}

}  // namespace

TEST_CASE("random: Philox gives the published answers") {
  using Words = std::array<std::uint32_t, 4>;
  CHECK(detail::philox({0, 0, 0, 0}, {0, 0}) == Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  constexpr std::uint32_t ones = 0xffffffff;
  CHECK(detail::philox({ones, ones, ones, ones}, {ones, ones}) ==
        Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  CHECK(detail::philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}) ==
        Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("random: where seed, stream and index go") {
  const auto block =
      detail::philox({0x243f6a88, 0x05a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0});
  const RandomKey key{0x299f31d0a4093822, 0x0370734413198a2e};
  CHECK(random_bits(key, 2 * 0x05a308d3243f6a88 + 1) == (block[2] | std::uint64_t{block[3]} << 32));
  CHECK(random_bits({0, 0}, 0) == 0xe169c58d6627e8d5);
  std::array<float, 1> single;
  fill_uniform(RandomKey{0, 0}, single);
  CHECK(single[0] == static_cast<float>(0x6627e8) / 16777216.0f);
  std::array<double, 1> wide;
  fill_uniform(RandomKey{0, 0}, wide);
  CHECK(wide[0] == static_cast<double>(0xe169c58d6627e8d5 >> 11) / 9007199254740992.0);
}

TEST_CASE_TEMPLATE("random: an element depends on the key and its index alone", T, float, double) {
  const int before = num_threads();
  constexpr std::size_t count = 100003;
  const RandomKey key{5, 6};
  const auto fills = {+[](RandomKey k, std::span<T> v, std::uint64_t first) { fill_uniform(k, v, first); },
                      +[](RandomKey k, std::span<T> v, std::uint64_t first) { fill_normal(k, v, first); }};
  for (const auto fill : fills) {
    set_num_threads(1);
    std::vector<T> expected(count);
    fill(key, expected, 0);
    for (const int n : {2, 4}) {
      set_num_threads(n);
      std::vector<T> values(count);
      fill(key, values, 0);
      CHECK(values == expected);
    }
    std::vector<T> parts(count);
    for (std::size_t first = 0, size = 1; first < count; first += size, size = size % 1000 + 7) {
      fill(key, std::span(parts).subspan(first, std::min(size, count - first)), first);
    }
    CHECK(parts == expected);
    std::vector<T> other(count);
    fill(RandomKey{5, 7}, other, 0);
    CHECK(other != expected);
    fill(RandomKey{6, 6}, other, 0);
    CHECK(other != expected);
    fill(key, std::span<T>(), 0);
  }
  set_num_threads(before);
}

TEST_CASE_TEMPLATE("random: moments", T, float, double) {
  constexpr std::size_t count = 1000000;
  const double n = count;
  std::vector<T> values(count);
  fill_uniform(RandomKey{1, 2}, values);
  const Moments u = moments(values);
  CHECK(std::abs(u.mean - 0.5) < 4 * std::sqrt(1 / 12.0 / n));
  CHECK(std::abs(u.variance - 1 / 12.0) < 4 * std::sqrt(1 / 180.0 / n));
  CHECK(u.least >= 0);
  CHECK(u.least < 1e-4);
  CHECK(u.most < 1);
  CHECK(u.most > 1 - 1e-4);

  fill_normal(RandomKey{1, 2}, values);
  const Moments g = moments(values);
  CHECK(std::abs(g.mean) < 4 / std::sqrt(n));
  CHECK(std::abs(g.variance - 1) < 4 * std::sqrt(2 / n));
  CHECK(std::abs(g.fourth - 3) < 4 * std::sqrt(96 / n));
  CHECK(std::max(-g.least, g.most) > 4.4);
  CHECK(std::max(-g.least, g.most) < 7);
  // Neighbours, of one pair or of two, are independent.
  double product = 0;
  for (std::size_t i = 1; i < count; ++i) product += static_cast<double>(values[i - 1] * values[i]) / n;
  CHECK(std::abs(product) < 4 / std::sqrt(n));
}

TEST_CASE("random: a permutation") {
  CHECK(permutation(0, {1, 1}).empty());
  CHECK(permutation(1, {1, 1}) == std::vector<Index>{0});
  CHECK_THROWS_AS(permutation(-1, {}), ValueError);
  auto order = permutation(1000, {3, 4});
  CHECK(order == permutation(1000, {3, 4}));
  CHECK(order != permutation(1000, {3, 5}));
  CHECK_FALSE(std::is_sorted(order.begin(), order.end()));
  std::sort(order.begin(), order.end());
  for (Index i = 0; i < 1000; ++i) CHECK(order[static_cast<std::size_t>(i)] == i);

  // The 24 orders of four are equally likely: chi squared with 23 degrees of freedom, mean 23, deviation 6.8.
  std::map<std::vector<Index>, int> seen;
  constexpr int draws = 24000;
  for (std::uint64_t i = 0; i < draws; ++i) ++seen[permutation(4, {9, i})];
  CHECK(seen.size() == 24);
  double chi = 0;
  for (const auto& [which, times] : seen) chi += (times - 1000) * (times - 1000) / 1000.0;
  CHECK(chi < 23 + 4 * 6.8);
}

TEST_CASE("random: the process-wide generator and those of layers") {
  set_seed(11);
  const RandomKey first = next_random_key();
  const RandomKey second = next_random_key();
  const SeedGenerator drawn;
  CHECK(first != second);
  set_random_seed(11);
  CHECK(next_random_key() == first);
  CHECK(next_random_key() == second);
  const SeedGenerator again;
  CHECK(again.seed() == drawn.seed());
  CHECK(SeedGenerator().seed() != drawn.seed());

  SeedGenerator own(11);
  const RandomKey a = own.next();
  const RandomKey b = own.next();
  CHECK(a != b);
  CHECK(a != first);
  CHECK(own.counter() == 2);
  SeedGenerator restored(own.seed());
  restored.set_counter(1);
  CHECK(restored.next() == b);

  std::vector<std::vector<RandomKey>> keys(4);
  std::vector<std::thread> threads;
  for (auto& mine : keys) {
    threads.emplace_back([&mine] {
      for (int i = 0; i < 1000; ++i) mine.push_back(next_random_key());
    });
  }
  for (auto& thread : threads) thread.join();
  std::set<std::uint64_t> streams;
  for (const auto& mine : keys) {
    for (const RandomKey key : mine) streams.insert(key.stream);
  }
  CHECK(streams.size() == 4000);
  set_seed(0);
}
