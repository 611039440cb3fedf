#pragma once

#include <concepts>
#include <cstdint>

#include <unspool/core/random.h>
#include <unspool/core/tensor.h>

/// \file
/// Random tensors. The numbers depend on the RandomKey only, not on the number of threads. Each call takes a
/// new key from the process-wide generator (see set_seed()) or from the generator that is passed, or uses the
/// key or the seed that is passed.
///
/// In the step of a scan, a draw from a generator gives new numbers at each time step: those of the plain
/// loop if the step draws once from that generator. A key gives the same numbers at all time steps, so pass
/// the generator and not its next().

namespace unspool {

/// An integer in place of a key: seed n stands for RandomKey{n}.
template <class S>
concept SeedNumber = std::integral<S> && !std::same_as<S, bool>;

///@{
/// Uniform on [low, high); `low` if they are equal.
Tensor random_uniform(const Shape& shape, double low = 0, double high = 1, DType dtype = float32);
Tensor random_uniform(const Shape& shape, double low, double high, DType dtype, RandomKey key);
template <SeedNumber S>
Tensor random_uniform(const Shape& shape, double low, double high, DType dtype, S seed) {
  return random_uniform(shape, low, high, dtype, RandomKey{static_cast<std::uint64_t>(seed)});
}
Tensor random_uniform(const Shape& shape, double low, double high, DType dtype, SeedGenerator& seeds);
///@}
///@{
/// Normal with this mean and standard deviation.
Tensor random_normal(const Shape& shape, double mean = 0, double stddev = 1, DType dtype = float32);
Tensor random_normal(const Shape& shape, double mean, double stddev, DType dtype, RandomKey key);
template <SeedNumber S>
Tensor random_normal(const Shape& shape, double mean, double stddev, DType dtype, S seed) {
  return random_normal(shape, mean, stddev, dtype, RandomKey{static_cast<std::uint64_t>(seed)});
}
Tensor random_normal(const Shape& shape, double mean, double stddev, DType dtype, SeedGenerator& seeds);
///@}
///@{
/// 1 with this probability, else 0, of any dtype.
Tensor random_bernoulli(const Shape& shape, double probability, DType dtype = float32);
Tensor random_bernoulli(const Shape& shape, double probability, DType dtype, RandomKey key);
template <SeedNumber S>
Tensor random_bernoulli(const Shape& shape, double probability, DType dtype, S seed) {
  return random_bernoulli(shape, probability, dtype, RandomKey{static_cast<std::uint64_t>(seed)});
}
Tensor random_bernoulli(const Shape& shape, double probability, DType dtype, SeedGenerator& seeds);
///@}

///@{
/// Integers on [low, high), each equally likely: keras.random.randint.
Tensor random_integers(const Shape& shape, Index low, Index high, DType dtype = int32);
Tensor random_integers(const Shape& shape, Index low, Index high, DType dtype, RandomKey key);
template <SeedNumber S>
Tensor random_integers(const Shape& shape, Index low, Index high, DType dtype, S seed) {
  return random_integers(shape, low, high, dtype, RandomKey{static_cast<std::uint64_t>(seed)});
}
Tensor random_integers(const Shape& shape, Index low, Index high, DType dtype, SeedGenerator& seeds);
///@}
///@{
/// `count` indices for each line of the last axis, int32, drawn with the probabilities softmax(logits):
/// keras.random.categorical. The shape is logits.shape[:-1] + (count).
Tensor random_categorical(const Tensor& logits, Index count = 1);
Tensor random_categorical(const Tensor& logits, Index count, RandomKey key);
template <SeedNumber S>
Tensor random_categorical(const Tensor& logits, Index count, S seed) {
  return random_categorical(logits, count, RandomKey{static_cast<std::uint64_t>(seed)});
}
Tensor random_categorical(const Tensor& logits, Index count, SeedGenerator& seeds);
///@}
///@{
/// The parts of x along an axis in random order, each order equally likely: `x = shuffle(x);`.
[[nodiscard]] Tensor shuffle(const Tensor& x, int axis = 0);
[[nodiscard]] Tensor shuffle(const Tensor& x, int axis, RandomKey key);
template <SeedNumber S>
[[nodiscard]] Tensor shuffle(const Tensor& x, int axis, S seed) {
  return shuffle(x, axis, RandomKey{static_cast<std::uint64_t>(seed)});
}
[[nodiscard]] Tensor shuffle(const Tensor& x, int axis, SeedGenerator& seeds);
///@}
///@{
/// x with a fraction `rate` of its elements, chosen at random, set to 0, and the others divided by 1 - rate.
/// As keras.random.dropout it does so outside of training as well. Throws ValueError unless 0 <= rate <= 1.
[[nodiscard]] Tensor dropout(const Tensor& x, double rate);
[[nodiscard]] Tensor dropout(const Tensor& x, double rate, RandomKey key);
template <SeedNumber S>
[[nodiscard]] Tensor dropout(const Tensor& x, double rate, S seed) {
  return dropout(x, rate, RandomKey{static_cast<std::uint64_t>(seed)});
}
[[nodiscard]] Tensor dropout(const Tensor& x, double rate, SeedGenerator& seeds);
///@}

/// A key as a tensor, int64 {seed, stream}: the operand of the operations above.
Tensor key_tensor(RandomKey key);

}  // namespace unspool
