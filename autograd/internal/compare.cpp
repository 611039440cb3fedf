#include <algorithm>
#include <cmath>
#include <cstring>

#include <unspool/autograd/internal/compare.h>
#include <unspool/core/internal/format.h>

namespace unspool::internal {

bool same_bits(const Tensor& a, const Tensor& b) {
  return a.shape() == b.shape() && a.dtype() == b.dtype() &&
         (a.bytes() == 0 || std::memcmp(a.raw(), b.raw(), a.bytes()) == 0);
}

std::string difference(const Tensor& a, const Tensor& b, double tolerance) {
  if (!(a.shape() == b.shape())) return fmt::format("{} and {}", describe(a), describe(b));
  const std::vector<double> x = a.to_vector<double>();
  const std::vector<double> y = b.to_vector<double>();
  for (std::size_t i = 0; i < x.size(); ++i) {
    const bool equal = x[i] == y[i] || (std::isnan(x[i]) && std::isnan(y[i]));
    if (equal || std::fabs(x[i] - y[i]) <= tolerance * std::max(1.0, std::fabs(y[i]))) continue;
    return fmt::format("at [{}]: {} and {}", i, x[i], y[i]);
  }
  return "";
}

std::string disagreement(const Tensor& a, const Tensor& b, double tolerance) {
  if (tolerance > 0) return difference(a, b, tolerance);
  if (same_bits(a, b)) return "";
  const std::string where = difference(a, b, 0);
  return where.empty() ? "zeros of different sign, or other bits" : where;
}

}  // namespace unspool::internal
