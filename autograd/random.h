#pragma once

#include <unspool/core/random.h>
#include <unspool/core/tensor.h>

/// \file
/// Random tensors. The numbers depend on the RandomKey only, not on the number of threads. Each call takes a
/// new key from the process-wide generator (see set_seed()) or from the generator that is passed, or uses the
/// key that is passed.
///
/// In the step of a scan, a draw from a generator gives new numbers at each time step: those of the plain
/// loop if the step draws once from that generator. A key gives the same numbers at all time steps, so pass
/// the generator and not its next().

namespace unspool {

///@{
/// Uniform on [low, high); `low` if they are equal.
Tensor random_uniform(const Shape& shape, double low = 0, double high = 1, DType dtype = float32);
Tensor random_uniform(const Shape& shape, double low, double high, DType dtype, RandomKey key);
Tensor random_uniform(const Shape& shape, double low, double high, DType dtype, SeedGenerator& seeds);
///@}
///@{
/// Normal with this mean and standard deviation.
Tensor random_normal(const Shape& shape, double mean = 0, double stddev = 1, DType dtype = float32);
Tensor random_normal(const Shape& shape, double mean, double stddev, DType dtype, RandomKey key);
Tensor random_normal(const Shape& shape, double mean, double stddev, DType dtype, SeedGenerator& seeds);
///@}
///@{
/// 1 with this probability, else 0, of any dtype.
Tensor random_bernoulli(const Shape& shape, double probability, DType dtype = float32);
Tensor random_bernoulli(const Shape& shape, double probability, DType dtype, RandomKey key);
Tensor random_bernoulli(const Shape& shape, double probability, DType dtype, SeedGenerator& seeds);
///@}

/// A key as a tensor, int64 {seed, stream}: the operand of the operations above.
Tensor key_tensor(RandomKey key);

}  // namespace unspool
