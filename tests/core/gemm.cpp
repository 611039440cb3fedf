#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <doctest/doctest.h>
#include <limits>
#include <string>
#include <vector>

#include <unspool/core/kernels/gemm.h>
#include <unspool/core/memory.h>
#include <unspool/core/random.h>
#include <unspool/core/threads.h>

#include "../support/threads.h"

using namespace unspool;
using namespace unspool::testing;
using kernels::Isa;

namespace {

template <class T>
struct Matrix {
  Index rows = 0;
  Index columns = 0;
  Index stride = 0;
  std::vector<T> data;

  Matrix(Index r, Index c, Index padding, T fill) : rows(r), columns(c), stride(c + padding) {
    data.assign(static_cast<std::size_t>(r * stride), fill);
  }
  T& at(Index i, Index j) { return data[static_cast<std::size_t>(i * stride + j)]; }
  T at(Index i, Index j) const { return data[static_cast<std::size_t>(i * stride + j)]; }
  Matrix transposed(Index padding) const {
    Matrix other(columns, rows, padding, T{});
    for (Index i = 0; i < rows; ++i) {
      for (Index j = 0; j < columns; ++j) other.at(j, i) = at(i, j);
    }
    return other;
  }
};

// What pads the rows: a product that takes it in, or writes over it, shows.
template <class T>
constexpr T poison = std::numeric_limits<T>::quiet_NaN();

template <class T>
Matrix<T> random_matrix(Index rows, Index columns, Index padding, std::uint64_t stream) {
  Matrix<T> m(rows, columns, padding, poison<T>);
  std::vector<T> values(static_cast<std::size_t>(rows * columns));
  fill_normal(RandomKey{17, stream}, values);
  for (Index i = 0; i < rows; ++i) {
    for (Index j = 0; j < columns; ++j) m.at(i, j) = values[static_cast<std::size_t>(i * columns + j)];
  }
  return m;
}

template <class T>
bool same_bits(const Matrix<T>& a, const Matrix<T>& b) {
  if (a.rows != b.rows || a.columns != b.columns) return false;
  for (Index i = 0; i < a.rows; ++i) {
    if (a.columns == 0) continue;
    if (std::memcmp(&a.data[static_cast<std::size_t>(i * a.stride)],
                    &b.data[static_cast<std::size_t>(i * b.stride)],
                    static_cast<std::size_t>(a.columns) * sizeof(T)) != 0) {
      return false;
    }
  }
  return true;
}

template <class T>
bool padding_intact(const Matrix<T>& m) {
  for (Index i = 0; i < m.rows; ++i) {
    for (Index j = m.columns; j < m.stride; ++j) {
      if (!std::isnan(m.data[static_cast<std::size_t>(i * m.stride + j)])) return false;
    }
  }
  return true;
}

// The definition: one chain over k.
template <class T>
Matrix<T> chains(Isa isa, const Matrix<T>& a, const Matrix<T>& b, const Matrix<T>* start) {
  Matrix<T> c(a.rows, b.columns, 0, T{});
  for (Index i = 0; i < a.rows; ++i) {
    for (Index j = 0; j < b.columns; ++j) {
      T sum = start != nullptr ? start->at(i, j) : T{};
      for (Index p = 0; p < a.columns; ++p) {
        sum = isa == Isa::baseline ? sum + a.at(i, p) * b.at(p, j) : std::fma(a.at(i, p), b.at(p, j), sum);
      }
      c.at(i, j) = sum;
    }
  }
  return c;
}

template <class T>
void multiply(Isa isa, bool ta, bool tb, const Matrix<T>& a, const Matrix<T>& b, Matrix<T>& c,
              bool accumulate) {
  kernels::gemm<T>({c.rows, c.columns, ta ? a.rows : a.columns}, {a.data.data(), a.stride, ta},
                   {b.data.data(), b.stride, tb}, kernels::accumulated(c.data.data(), c.stride, accumulate),
                   isa);
}

struct Sizes {
  Index m;
  Index n;
  Index k;
};

}  // namespace

TEST_CASE_TEMPLATE("gemm: each element is one chain over k, whatever the path", T, float, double) {
  std::vector<Sizes> all{
      {0, 0, 0},    {0, 3, 2},    {3, 0, 2},     {2, 3, 0},      {1, 1, 1},     {2, 3, 4},    {1, 512, 37},
      {1, 71, 300}, {2, 131, 9},  {3, 77, 130},  {4, 100, 257},  {5, 16, 8},    {6, 16, 3},   {7, 33, 5},
      {13, 31, 17}, {14, 32, 64}, {15, 65, 29},  {32, 48, 70},   {97, 50, 20},  {200, 35, 9}, {193, 66, 11},
      {260, 7, 4},  {5, 5, 600},  {9, 260, 513}, {195, 90, 258}, {20, 130, 512}};
  for (Index size = 1; size < 40; size += 3) all.push_back({size, (size * 7) % 41 + 1, (size * 5) % 23 + 1});
  for (const Isa isa : kernels::available_isas()) {
    for (const Sizes& sizes : all) {
      const Index m = sizes.m;
      const Index n = sizes.n;
      const Index k = sizes.k;
      CAPTURE(kernels::name_of(isa));
      CAPTURE(m);
      CAPTURE(n);
      CAPTURE(k);
      const auto a = random_matrix<T>(m, k, 0, 1);
      const auto b = random_matrix<T>(k, n, 0, 2);
      const auto start = random_matrix<T>(m, n, 3, 3);
      const auto fresh = chains<T>(isa, a, b, nullptr);
      const auto added = chains<T>(isa, a, b, &start);
      Matrix<T> one_row = start;
      for (Index i = 1; i < m; ++i)
        std::copy_n(start.data.begin(), n, one_row.data.begin() + i * one_row.stride);
      const auto added_to_row = chains<T>(isa, a, b, &one_row);
      for (const Index padding : {0, 5}) {
        const auto at = a.transposed(padding);
        const auto bt = b.transposed(padding);
        Matrix<T> wide_a = random_matrix<T>(m, k, padding, 1);
        Matrix<T> wide_b = random_matrix<T>(k, n, padding, 2);
        for (const bool ta : {false, true}) {
          for (const bool tb : {false, true}) {
            Matrix<T> c(m, n, padding, poison<T>);
            multiply(isa, ta, tb, ta ? at : wide_a, tb ? bt : wide_b, c, false);
            REQUIRE(same_bits(c, fresh));
            REQUIRE(padding_intact(c));
            Matrix<T> sum = start;
            multiply(isa, ta, tb, ta ? at : wide_a, tb ? bt : wide_b, sum, true);
            REQUIRE(same_bits(sum, added));
            REQUIRE(padding_intact(sum));
          }
          for (const bool tb : {false, true}) {
            const auto elements = static_cast<std::size_t>(kernels::packed_size<T>(n, k, isa));
            std::vector<T> packed(elements, poison<T>);
            const Matrix<T>& from = tb ? bt : wide_b;
            const Matrix<T>& left = ta ? at : wide_a;
            const kernels::GemmShape shape{m, n, k};
            const kernels::MatrixView<T> x{left.data.data(), left.stride, ta};
            const kernels::MatrixView<T> y{from.data.data(), from.stride, tb};
            const kernels::PackedMatrix<T> panels{packed.data()};
            kernels::pack(n, k, y, packed.data(), isa);
            Matrix<T> c = start;
            kernels::gemm(shape, x, panels, kernels::accumulated(c.data.data(), c.stride), isa);
            REQUIRE(same_bits(c, added));
            REQUIRE(padding_intact(c));
            Matrix<T> elsewhere(m, n, padding, poison<T>);
            kernels::gemm(shape, x, panels,
                          {elsewhere.data.data(), elsewhere.stride, {start.data.data(), start.stride}}, isa);
            REQUIRE(same_bits(elsewhere, added));
            REQUIRE(padding_intact(elsewhere));
            Matrix<T> from_row(m, n, padding, poison<T>);
            kernels::gemm(shape, x, panels, {from_row.data.data(), from_row.stride, {start.data.data(), 0}},
                          isa);
            REQUIRE(same_bits(from_row, added_to_row));
            REQUIRE(padding_intact(from_row));
            // One row added in the end: the bits of an addition apart.
            Matrix<T> apart = added;
            for (Index i = 0; i < m; ++i) {
              for (Index j = 0; j < n; ++j) apart.at(i, j) = added.at(i, j) + start.at(0, j);
            }
            const std::vector<T> row(start.data.begin(), start.data.begin() + (m == 0 ? 0 : n));
            for (const bool is_packed : {false, true}) {
              Matrix<T> biased(m, n, padding, poison<T>);
              const kernels::GemmResult<T> to{
                  biased.data.data(), biased.stride, {start.data.data(), start.stride}, row.data()};
              is_packed ? kernels::gemm(shape, x, panels, to, isa) : kernels::gemm(shape, x, y, to, isa);
              REQUIRE(same_bits(biased, apart));
              REQUIRE(padding_intact(biased));
            }
          }
        }
      }
    }
  }
}

TEST_CASE_TEMPLATE("gemm: more than one block each way, on 1, 2 and 4 threads", T, float, double) {
  const std::vector<Sizes> all{
      {3, 2100, 260}, {100, 2100, 260}, {230, 2100, 260}, {3100, 40, 260}, {230, 128, 512}};
  for (const Isa isa : kernels::available_isas()) {
    for (const Sizes& sizes : all) {
      const Index m = sizes.m;
      const Index n = sizes.n;
      const Index k = sizes.k;
      CAPTURE(kernels::name_of(isa));
      CAPTURE(m);
      const auto a = random_matrix<T>(m, k, 0, 1);
      const auto b = random_matrix<T>(k, n, 0, 2);
      Matrix<T> one(m, n, 0, poison<T>);
      {
        const Threads threads(1);
        multiply(isa, false, false, a, b, one, false);
      }
      for (const int count : {2, 4}) {
        const Threads threads(count);
        Matrix<T> c(m, n, 0, poison<T>);
        multiply(isa, false, false, a, b, c, false);
        CHECK(same_bits(c, one));
      }
      // Some rows, each alone, and some columns, each alone.
      bool rows_same = true;
      for (Index i = 0; i < m; i += m / 3) {
        std::vector<T> row(static_cast<std::size_t>(n));
        kernels::gemm<T>({1, n, k}, {&a.data[static_cast<std::size_t>(i * k)], k}, {b.data.data(), n},
                         {row.data(), n}, isa);
        for (Index j = 0; j < n; ++j)
          rows_same = rows_same && row[static_cast<std::size_t>(j)] == one.at(i, j);
      }
      CHECK(rows_same);
      bool columns_same = true;
      for (Index j = 0; j < n; j += 131) {
        std::vector<T> column(static_cast<std::size_t>(m));
        kernels::gemm<T>({m, 1, k}, {a.data.data(), k}, {&b.data[static_cast<std::size_t>(j)], n},
                         {column.data(), 1}, isa);
        for (Index i = 0; i < m; ++i)
          columns_same = columns_same && column[static_cast<std::size_t>(i)] == one.at(i, j);
      }
      CHECK(columns_same);
    }
  }
}

TEST_CASE_TEMPLATE("gemm: near the sum in long double", T, float, double) {
  const Index m = 33;
  const Index n = 45;
  const Index k = 700;
  const auto a = random_matrix<T>(m, k, 0, 5);
  const auto b = random_matrix<T>(k, n, 0, 6);
  for (const Isa isa : kernels::available_isas()) {
    Matrix<T> c(m, n, 0, poison<T>);
    multiply(isa, false, false, a, b, c, false);
    long double worst = 0;
    for (Index i = 0; i < m; ++i) {
      for (Index j = 0; j < n; ++j) {
        long double sum = 0;
        long double size = 0;
        for (Index p = 0; p < k; ++p) {
          const long double product =
              static_cast<long double>(a.at(i, p)) * static_cast<long double>(b.at(p, j));
          sum += product;
          size += std::abs(product);
        }
        worst = std::max(worst, std::abs(static_cast<long double>(c.at(i, j)) - sum) / size);
      }
    }
    // Far below the bound k * epsilon, as errors have both signs.
    CHECK(worst < 8 * static_cast<long double>(std::numeric_limits<T>::epsilon()));
  }
}

TEST_CASE_TEMPLATE("gemm: sums over rows that lie in runs", T, float, double) {
  // Between runs and beside rows lies poison.
  struct Sizes {
    Index m, n, k, length, stride, first;
  };
  for (const Isa isa : kernels::available_isas()) {
    for (const Sizes& sizes : std::vector<Sizes>{{3, 40, 12, 4, 9, 0},
                                                 {1, 71, 33, 5, 6, 2},
                                                 {30, 16, 16, 16, 40, 0},
                                                 {97, 150, 300, 16, 33, 7},
                                                 {50, 70, 513, 300, 301, 290},
                                                 {64, 33, 90, 1, 2, 0},
                                                 {20, 20, 10, 40, 80, 5}}) {
      const Index m = sizes.m;
      const Index n = sizes.n;
      const Index k = sizes.k;
      const kernels::Runs runs{sizes.length, sizes.stride, sizes.first};
      CAPTURE(kernels::name_of(isa));
      CAPTURE(k);
      const auto a = random_matrix<T>(k, m, 0, 1);
      const auto b = random_matrix<T>(k, n, 0, 2);
      const auto start = random_matrix<T>(m, n, 3, 3);
      const Index rows = ((runs.first + k - 1) / runs.length + 1) * runs.stride;
      Matrix<T> wide_a(rows, m, 3, poison<T>);
      Matrix<T> wide_b(rows, n, 5, poison<T>);
      for (Index p = 0; p < k; ++p) {
        const Index at = runs.first + p;
        const Index row = at / runs.length * runs.stride + at % runs.length;
        for (Index i = 0; i < m; ++i) wide_a.at(row, i) = a.at(p, i);
        for (Index j = 0; j < n; ++j) wide_b.at(row, j) = b.at(p, j);
      }
      std::vector<T> packed(static_cast<std::size_t>(kernels::packed_size<T>(n, k, isa)), poison<T>);
      const kernels::MatrixView<T> x{&wide_a.at(runs.first, 0), wide_a.stride, true, runs};
      const kernels::MatrixView<T> y{&wide_b.at(runs.first, 0), wide_b.stride, false, runs};
      kernels::pack(n, k, y, packed.data(), isa);
      for (const bool accumulate : {false, true}) {
        const auto expected = chains<T>(isa, a.transposed(0), b, accumulate ? &start : nullptr);
        for (const bool is_packed : {false, true}) {
          Matrix<T> c = start;
          const auto to = kernels::accumulated(c.data.data(), c.stride, accumulate);
          const kernels::PackedMatrix<T> panels{packed.data()};
          is_packed ? kernels::gemm({m, n, k}, x, panels, to, isa) : kernels::gemm({m, n, k}, x, y, to, isa);
          CHECK(same_bits(c, expected));
          CHECK(padding_intact(c));
        }
      }
    }
  }
}

TEST_CASE("gemm: NaN and infinity stay in their rows and columns") {
  for (const Isa isa : kernels::available_isas()) {
    auto a = random_matrix<float>(20, 30, 0, 1);
    auto b = random_matrix<float>(30, 40, 0, 2);
    a.at(7, 3) = std::numeric_limits<float>::quiet_NaN();
    b.at(5, 39) = std::numeric_limits<float>::infinity();
    Matrix<float> c(20, 40, 0, 0.0f);
    multiply(isa, false, false, a, b, c, false);
    bool as_expected = true;
    for (Index i = 0; i < 20; ++i) {
      for (Index j = 0; j < 40; ++j)
        as_expected = as_expected && std::isfinite(c.at(i, j)) == (i != 7 && j != 39);
    }
    CHECK(as_expected);
  }
}

TEST_CASE("gemm: a steady state asks the system for no memory") {
  const auto a = random_matrix<float>(400, 300, 0, 1);
  const auto b = random_matrix<float>(300, 500, 0, 2);
  Matrix<float> c(400, 500, 0, 0.0f);
  const auto step = [&] {
    for (const Index m : {2, 32, 400}) {
      kernels::gemm<float>({m, 500, 300}, {a.data.data(), 300}, {b.data.data(), 500},
                           kernels::accumulated(c.data.data(), 500));
    }
  };
  const Threads threads(2);
  for (int i = 0; i < 20; ++i) step();
  const auto before = memory_statistics().system_allocations;
  for (int i = 0; i < 20; ++i) step();
  CHECK(memory_statistics().system_allocations <= before + 1);
}
