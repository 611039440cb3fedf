#pragma once

#include <unspool/core/random.h>
#include <unspool/core/tensor.h>

/// Random tensors. Each draw is a function of its key alone (Philox), whatever the number of threads: the
/// process-wide generator gives a fresh key to every call that names none (set_seed makes it repeat), a
/// generator of one's own where that is passed.
///
/// In a step of a scan each step draws anew from either, with the bits of the plain loop where the step draws
/// once from a generator. A key that is named is one draw, the same for all steps: pass the generator, not
/// its next().
namespace unspool {

/// Uniform from low up to but without high (low itself if they are equal).
Tensor random_uniform(const Shape& shape, double low = 0, double high = 1, DType dtype = float32);
Tensor random_uniform(const Shape& shape, double low, double high, DType dtype, RandomKey key);
Tensor random_uniform(const Shape& shape, double low, double high, DType dtype, SeedGenerator& seeds);
/// Normal.
Tensor random_normal(const Shape& shape, double mean = 0, double stddev = 1, DType dtype = float32);
Tensor random_normal(const Shape& shape, double mean, double stddev, DType dtype, RandomKey key);
Tensor random_normal(const Shape& shape, double mean, double stddev, DType dtype, SeedGenerator& seeds);
/// 1 with this probability, else 0; any dtype.
Tensor random_bernoulli(const Shape& shape, double probability, DType dtype = float32);
Tensor random_bernoulli(const Shape& shape, double probability, DType dtype, RandomKey key);
Tensor random_bernoulli(const Shape& shape, double probability, DType dtype, SeedGenerator& seeds);

/// The key as a tensor (int64 {seed, stream}): what the operations take as operand.
Tensor key_tensor(RandomKey key);

}  // namespace unspool
