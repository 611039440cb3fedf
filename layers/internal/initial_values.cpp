#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <span>

#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/core/random.h>
#include <unspool/layers/internal/initial_values.h>

namespace unspool {
namespace {

/// With a seed always the same key, so that one initializer gives one value for one shape.
RandomKey key_of(const internal::Seed& seed) {
  return seed ? SeedGenerator(static_cast<std::uint64_t>(*seed)).next() : next_random_key();
}

/// Elements that `fill` writes as numbers of the dtype. TypeError unless it is floating.
template <class Fill>
Tensor generate(std::string_view name, const Shape& shape, DType dtype, Fill&& fill) {
  if (dtype == float32) return Tensor::generate<float>(shape, fill);
  if (dtype == float64) return Tensor::generate<double>(shape, fill);
  throw TypeError(fmt::format("{}: expected a floating dtype, got {}", name, name_of(dtype)));
}

}  // namespace

Tensor internal::uniform_values(std::string_view name, const Shape& shape, DType dtype, double low,
                                double high, const Seed& seed) {
  return generate(name, shape, dtype, [&]<class T>(std::span<T> out) {
    fill_uniform(key_of(seed), out);
    for (T& x : out) x = static_cast<T>(low) + static_cast<T>(high - low) * x;
  });
}

Tensor internal::normal_values(std::string_view name, const Shape& shape, DType dtype, double mean,
                               double stddev, const Seed& seed) {
  return generate(name, shape, dtype, [&]<class T>(std::span<T> out) {
    fill_normal(key_of(seed), out);
    for (T& x : out) x = static_cast<T>(mean) + static_cast<T>(stddev) * x;
  });
}

/// What lies beyond two standard deviations is drawn again, from numbers that no other element uses.
Tensor internal::truncated_normal_values(std::string_view name, const Shape& shape, DType dtype, double mean,
                                         double stddev, const Seed& seed) {
  return generate(name, shape, dtype, [&]<class T>(std::span<T> out) {
    const RandomKey key = key_of(seed);
    fill_normal(key, out);
    for (std::size_t i = 0; i < out.size(); ++i) {
      for (std::uint64_t draw = 1; !(std::abs(out[i]) <= T{2}); ++draw) {
        fill_normal(key, out.subspan(i, 1), draw * out.size() + i);
      }
      out[i] = static_cast<T>(mean) + static_cast<T>(stddev) * out[i];
    }
  });
}

Tensor internal::orthogonal_values(std::string_view name, const Shape& shape, DType dtype, double gain,
                                   const Seed& seed) {
  const Index rows = shape.sub(0, shape.rank() - 1).elements();
  const Index columns = shape.back();
  const Index many = std::max(rows, columns);
  const Index few = std::min(rows, columns);
  using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  Matrix random(many, few);
  fill_normal(key_of(seed), std::span<double>(random.data(), static_cast<std::size_t>(random.size())));
  const Eigen::HouseholderQR<Matrix> qr(random);
  Matrix q = qr.householderQ() * Matrix::Identity(many, few);
  // With a positive diagonal of R the factors are unique, and Q is uniform over the orthogonal matrices.
  for (Index i = 0; i < few; ++i) {
    if (qr.matrixQR()(i, i) < 0) q.col(i) *= -1;
  }
  if (rows < columns) q.transposeInPlace();
  return generate(name, shape, dtype, [&]<class T>(std::span<T> out) {
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<T>(gain * q.data()[i]);
  });
}

Tensor internal::identity_values(std::string_view name, const Shape& shape, DType dtype, double gain) {
  return generate(name, shape, dtype, [&]<class T>(std::span<T> out) {
    for (Index i = 0; i < std::min(shape[0], shape[1]); ++i) {
      out[static_cast<std::size_t>(i * shape[1] + i)] = static_cast<T>(gain);
    }
  });
}

}  // namespace unspool
