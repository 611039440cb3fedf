#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <doctest/doctest.h>
#include <limits>
#include <memory>
#include <vector>

#include <unspool/core/kernels/vector.h>
#include <unspool/core/random.h>

#include "../support/same_bits.h"

using namespace unspool;
using kernels::Isa;
using kernels::VectorTable;
using testing::same_bits;

namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr float not_a_number = std::numeric_limits<float>::quiet_NaN();
constexpr float largest = std::numeric_limits<float>::max();
constexpr float smallest = std::numeric_limits<float>::denorm_min();

using Floats = std::vector<float>;
using Bools = std::unique_ptr<bool[]>;

// Every pair of these meets where two operands are tried.
const Floats& special() {
  static const Floats values{0.0f,      -0.0f,     1.0f,    -1.0f,        0.3f,     -0.3f,    2.5f,
                             -7.0f,     100.0f,    -100.0f, infinity,     largest,  -largest, smallest,
                             -smallest, -infinity, 1e-40f,  not_a_number, 1.5e-39f, 0.9f,     -87.5f};
  return values;
}

Floats call(VectorTable::Function function, const std::vector<const void*>& inputs,
            const std::vector<Index>& steps, std::size_t count) {
  // What lies behind the output stays.
  Floats y(count + 3, 123.0f);
  function({inputs.data(), steps.data(), y.data(), static_cast<Index>(count), float32, float32});
  for (std::size_t i = count; i < y.size(); ++i) CHECK(y[i] == 123.0f);
  y.resize(count);
  return y;
}

Floats call(VectorTable::Function function, const Floats& x) {
  return call(function, {x.data()}, {1}, x.size());
}

float at(VectorTable::Function function, float x) { return call(function, Floats{x})[0]; }

struct Unary {
  const char* name;
  VectorTable::Function VectorTable::*function;
  double (*exact)(double);
  // In units of the last place.
  double most;
};

const Unary unary[] = {
    {"exp", &VectorTable::exp, [](double x) { return std::exp(x); }, 0.8},
    {"expm1", &VectorTable::expm1, [](double x) { return std::expm1(x); }, 0.98},
    {"log", &VectorTable::log, [](double x) { return std::log(x); }, 0.8},
    {"log1p", &VectorTable::log1p, [](double x) { return std::log1p(x); }, 0.95},
    {"tanh", &VectorTable::tanh, [](double x) { return std::tanh(x); }, 0.9},
    {"sigmoid", &VectorTable::sigmoid,
     [](double x) { return x < 0 ? std::exp(x) / (1 + std::exp(x)) : 1 / (1 + std::exp(-x)); }, 2.5},
    {"softplus", &VectorTable::softplus,
     [](double x) { return std::isnan(x) ? x : std::fmax(x, 0.0) + std::log1p(std::exp(-std::abs(x))); },
     1.6},
    {"softsign", &VectorTable::softsign,
     [](double x) { return std::isinf(x) ? std::copysign(1.0, x) : x / (1 + std::abs(x)); }, 1.5},
    {"rsqrt", &VectorTable::rsqrt, [](double x) { return 1 / std::sqrt(x); }, 1.5},
    {"sqrt", &VectorTable::sqrt, [](double x) { return std::sqrt(x); }, 0.5},
    {"square", &VectorTable::square, [](double x) { return x * x; }, 0.5},
    {"negative", &VectorTable::negative, [](double x) { return -x; }, 0},
    {"abs", &VectorTable::abs, [](double x) { return std::abs(x); }, 0},
    {"sign", &VectorTable::sign, [](double x) { return x > 0   ? 1
                                                       : x < 0 ? -1
                                                               : x; }, 0},
    {"relu", &VectorTable::relu, [](double x) { return x <= 0 ? 0 : x; }, 0},
};

struct Binary {
  const char* name;
  VectorTable::Function VectorTable::*function;
  float (*exact)(float, float);
  /// Where the baseline computes in doubles and rounds once.
  double (*in_doubles)(double, double) = nullptr;
};

const Binary binary[] = {
    {"add", &VectorTable::add, [](float a, float b) { return a + b; }},
    {"subtract", &VectorTable::subtract, [](float a, float b) { return a - b; }},
    {"multiply", &VectorTable::multiply, [](float a, float b) { return a * b; }},
    {"divide", &VectorTable::divide, [](float a, float b) { return a / b; }},
    {"minimum", &VectorTable::minimum, [](float a, float b) { return a < b || a != a ? a : b; }},
    {"maximum", &VectorTable::maximum, [](float a, float b) { return a > b || a != a ? a : b; }},
    {"tanh_gradient", &VectorTable::tanh_gradient, [](float y, float dy) { return dy * (1 - y * y); },
     [](double y, double dy) { return dy * (1 - y * y); }},
    {"sigmoid_gradient", &VectorTable::sigmoid_gradient, [](float y, float dy) { return dy * y * (1 - y); },
     [](double y, double dy) { return dy * y * (1 - y); }},
    {"relu_gradient", &VectorTable::relu_gradient, [](float y, float dy) { return y > 0 ? dy : 0; }},
};

struct Comparison {
  const char* name;
  VectorTable::Function VectorTable::*function;
  bool (*exact)(float, float);
};

const Comparison comparisons[] = {
    {"equal", &VectorTable::equal, [](float a, float b) { return a == b; }},
    {"not_equal", &VectorTable::not_equal, [](float a, float b) { return a != b; }},
    {"less", &VectorTable::less, [](float a, float b) { return a < b; }},
    {"less_equal", &VectorTable::less_equal, [](float a, float b) { return a <= b; }},
};

double error_of(float y, double exact) {
  const int exponent = exact == 0 ? -200 : std::ilogb(exact);
  return std::abs(static_cast<double>(y) - exact) / std::ldexp(1.0, std::max(exponent - 23, -149));
}

// Every operand advancing or not.
template <class Check>
void each_steps(std::size_t operands, Check check) {
  for (unsigned mask = 0; mask < 1U << operands; ++mask) {
    std::vector<Index> steps;
    for (unsigned i = 0; i < operands; ++i) steps.push_back(mask >> i & 1);
    check(steps);
  }
}

std::size_t index(std::size_t i, Index step) { return step == 0 ? 0 : i; }

}  // namespace

TEST_CASE("vector: functions of one float are right to a part of the last place, on each instruction set") {
  // Floats of every size, both signs.
  Floats x = special();
  for (std::uint32_t bits = 0; bits < 0x7f800000; bits += 30011) {
    x.push_back(std::bit_cast<float>(bits));
    x.push_back(-x.back());
  }
  // And more of them where the functions bend.
  for (float size = 1e-3f; size < 110; size *= 1.0005f) {
    x.push_back(size);
    x.push_back(-size);
  }
  for (const Isa isa : kernels::available_isas()) {
    for (const Unary& each : unary) {
      CAPTURE(kernels::name_of(isa));
      CAPTURE(each.name);
      const Floats y = call(kernels::vectors_with(isa).*each.function, x);
      double worst = 0;
      for (std::size_t i = 0; i < x.size(); ++i) {
        const double exact = each.exact(static_cast<double>(x[i]));
        const auto rounded = static_cast<float>(exact);
        if (std::isfinite(rounded)) {
          worst = std::max(worst, error_of(y[i], exact));
          if (std::signbit(y[i]) != std::signbit(rounded)) FAIL_CHECK("the sign at ", x[i]);
        } else if (!same_bits(y[i], rounded)) {
          FAIL_CHECK("at ", x[i], ": ", y[i]);
        }
      }
      CHECK(worst <= each.most);
    }
  }
}

TEST_CASE("vector: tanh and sigmoid at their ends") {
  for (const Isa isa : kernels::available_isas()) {
    CAPTURE(kernels::name_of(isa));
    const VectorTable& table = kernels::vectors_with(isa);
    for (const float x : {1e-42f, 1e-20f, 0.1f, 0.9999f, 1.0f, 5.0f, 9.5f, 30.0f, infinity}) {
      CHECK(at(table.tanh, -x) == -at(table.tanh, x));
    }
    CHECK(at(table.tanh, 9.1f) == 1);
    CHECK(at(table.tanh, largest) == 1);
    CHECK(at(table.tanh, infinity) == 1);
    CHECK(std::signbit(at(table.tanh, -0.0f)));
    CHECK(at(table.tanh, smallest) == smallest);
    CHECK(at(table.sigmoid, 0.0f) == 0.5f);
    CHECK(at(table.sigmoid, infinity) == 1);
    CHECK(at(table.sigmoid, -infinity) == 0);
    CHECK(at(table.sigmoid, -103.0f) > 0);
    CHECK(at(table.sigmoid, -200.0f) == 0);
    CHECK(at(table.exp, -infinity) == 0);
    CHECK(at(table.exp, 0.0f) == 1);
    CHECK(std::signbit(at(table.expm1, -0.0f)));
    CHECK(at(table.log, 1.0f) == 0);
  }
}

TEST_CASE("vector: an element does not depend on where it stands, nor on how many there are") {
  Floats x(64);
  fill_normal(RandomKey{5, 1}, x);
  for (const Isa isa : kernels::available_isas()) {
    for (const Unary& each : unary) {
      CAPTURE(kernels::name_of(isa));
      CAPTURE(each.name);
      const VectorTable::Function function = kernels::vectors_with(isa).*each.function;
      Floats alone;
      for (const float value : x) alone.push_back(at(function, value));
      for (std::size_t count = 0; count <= 40; ++count) {
        const std::size_t first = count % 7;
        const Floats y = call(function, {x.data() + first}, {1}, count);
        for (std::size_t i = 0; i < count; ++i) CHECK(same_bits(y[i], alone[first + i]));
        // In place.
        Floats own(x.begin(), x.begin() + static_cast<std::ptrdiff_t>(count));
        const void* const inputs[] = {own.data()};
        const Index steps[] = {1};
        function({inputs, steps, own.data(), static_cast<Index>(count), float32, float32});
        for (std::size_t i = 0; i < count; ++i) CHECK(same_bits(own[i], alone[i]));
      }
    }
  }
}

TEST_CASE("vector: rows apart in memory, by one call, have the bits that each has alone") {
  constexpr Index rows = 5;
  // In bytes: rows of a wider matrix, one row for all, an element for each row.
  constexpr std::ptrdiff_t wide = 45 * 4;
  Floats a(45 * rows);
  Floats b(45 * rows);
  fill_normal(RandomKey{5, 2}, a);
  fill_normal(RandomKey{5, 3}, b);
  const Bools condition(new bool[45 * rows]);
  for (std::size_t i = 0; i < a.size(); ++i) condition[i] = a[i] > b[i];
  const void* const operands[] = {condition.get(), a.data(), b.data()};
  const std::ptrdiff_t sizes[] = {1, 4, 4};
  for (const Isa isa : kernels::available_isas()) {
    const VectorTable& table = kernels::vectors_with(isa);
    const auto check = [&](VectorTable::Function function, std::size_t first, std::size_t count) {
      each_steps(count, [&](const std::vector<Index>& steps) {
        for (const Index columns : {1, 3, 16, 41}) {
          std::ptrdiff_t row_bytes[4];
          for (std::size_t i = 0; i < count; ++i) {
            row_bytes[i] = steps[i] == 1 && columns == 3 ? 0 : 45 * sizes[first + i];
          }
          row_bytes[count] = wide;
          Floats y(45 * rows, 123.0f);
          function({operands + first, steps.data(), y.data(), columns, float32, float32, rows, row_bytes});
          for (Index row = 0; row < rows; ++row) {
            std::vector<const void*> inputs;
            for (std::size_t i = 0; i < count; ++i) {
              inputs.push_back(static_cast<const std::byte*>(operands[first + i]) + row * row_bytes[i]);
            }
            const Floats alone = call(function, inputs, steps, static_cast<std::size_t>(columns));
            for (Index i = 0; i < 45; ++i) {
              const float expected = i < columns ? alone[static_cast<std::size_t>(i)] : 123.0f;
              CHECK(same_bits(y[static_cast<std::size_t>(row * 45 + i)], expected));
            }
          }
        }
      });
    };
    check(table.add, 1, 2);
    check(table.where, 0, 3);
    // A lone operand advances always.
    for (const Unary& each : unary) {
      std::ptrdiff_t row_bytes[] = {wide, wide};
      const Index steps[] = {1};
      Floats y(45 * rows);
      (table.*each.function)({operands + 1, steps, y.data(), 41, float32, float32, rows, row_bytes});
      for (std::size_t row = 0; row < rows; ++row) {
        for (std::size_t i = 0; i < 41; ++i) {
          CHECK(same_bits(y[row * 45 + i], at(table.*each.function, a[row * 45 + i])));
        }
      }
    }
  }
}

TEST_CASE("vector: functions of two floats give the bits of the formula, however operands step") {
  Floats a;
  Floats b;
  for (const float left : special()) {
    for (const float right : special()) {
      a.push_back(left);
      b.push_back(right);
    }
  }
  for (const Isa isa : kernels::available_isas()) {
    const VectorTable& table = kernels::vectors_with(isa);
    std::vector<std::size_t> counts{a.size()};
    for (std::size_t count = 0; count <= 40; ++count) counts.push_back(count);
    for (const std::size_t count : counts) {
      // Another part of the operands each time.
      const std::size_t first = count == a.size() ? 0 : count * 9;
      each_steps(2, [&](const std::vector<Index>& steps) {
        const std::vector<const void*> inputs{a.data() + first, b.data() + first};
        CAPTURE(kernels::name_of(isa));
        CAPTURE(count);
        const auto left = [&](std::size_t i) { return a[first + index(i, steps[0])]; };
        const auto right = [&](std::size_t i) { return b[first + index(i, steps[1])]; };
        for (const Binary& each : binary) {
          CAPTURE(each.name);
          const Floats y = call(table.*each.function, inputs, steps, count);
          const bool in_doubles = isa == Isa::baseline && each.in_doubles != nullptr;
          for (std::size_t i = 0; i < count; ++i) {
            const float exact = in_doubles ? static_cast<float>(each.in_doubles(
                                                 static_cast<double>(left(i)), static_cast<double>(right(i))))
                                           : each.exact(left(i), right(i));
            CHECK(same_bits(y[i], exact));
          }
        }
        for (const Comparison& each : comparisons) {
          CAPTURE(each.name);
          const Bools y(new bool[count + 1]);
          y[count] = true;
          (table.*each.function)(
              {inputs.data(), steps.data(), y.get(), static_cast<Index>(count), float32, boolean});
          for (std::size_t i = 0; i < count; ++i) CHECK(y[i] == each.exact(left(i), right(i)));
          CHECK(y[count]);
        }
      });
    }
  }
}

TEST_CASE("vector: where and is_nan") {
  const Floats& a = special();
  Floats b(a.rbegin(), a.rend());
  const Bools condition(new bool[a.size()]);
  for (std::size_t i = 0; i < a.size(); ++i) condition[i] = i % 3 == 0;
  for (const Isa isa : kernels::available_isas()) {
    CAPTURE(kernels::name_of(isa));
    const VectorTable& table = kernels::vectors_with(isa);
    for (std::size_t count = 0; count <= a.size(); ++count) {
      each_steps(3, [&](const std::vector<Index>& steps) {
        // An operand that does not advance has an element even in a run of none.
        for (const std::size_t first : {std::size_t{0}, std::min(a.size() - count, a.size() - 1)}) {
          const Floats y =
              call(table.where, {condition.get() + first, a.data() + first, b.data() + first}, steps, count);
          for (std::size_t i = 0; i < count; ++i) {
            const bool holds = condition[first + index(i, steps[0])];
            CHECK(same_bits(y[i], holds ? a[first + index(i, steps[1])] : b[first + index(i, steps[2])]));
          }
        }
      });
      const Bools y(new bool[count + 1]);
      y[count] = true;
      const void* const inputs[] = {a.data()};
      const Index steps[] = {1};
      table.is_nan({inputs, steps, y.get(), static_cast<Index>(count), float32, boolean});
      for (std::size_t i = 0; i < count; ++i) CHECK(y[i] == std::isnan(a[i]));
      CHECK(y[count]);
    }
  }
}
