// Nanoseconds per element of elementwise functions on float32, for each instruction set, on a block in the L1
// cache, and nanoseconds of a call with one element. The minimum of many rounds.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <vector>

#include <unspool/core/kernels/vector.h>

namespace {

using namespace unspool;
using kernels::VectorTable;
using Clock = std::chrono::steady_clock;

struct Each {
  const char* name;
  VectorTable::Function VectorTable::*function;
};

constexpr Each functions[] = {
    {"add", &VectorTable::add},           {"multiply", &VectorTable::multiply},
    {"divide", &VectorTable::divide},     {"maximum", &VectorTable::maximum},
    {"abs", &VectorTable::abs},           {"sqrt", &VectorTable::sqrt},
    {"exp", &VectorTable::exp},           {"expm1", &VectorTable::expm1},
    {"log", &VectorTable::log},           {"log1p", &VectorTable::log1p},
    {"tanh", &VectorTable::tanh},         {"tanh_gradient", &VectorTable::tanh_gradient},
    {"sigmoid", &VectorTable::sigmoid},   {"sigmoid_gradient", &VectorTable::sigmoid_gradient},
    {"softplus", &VectorTable::softplus}, {"relu", &VectorTable::relu},
    {"less", &VectorTable::less},
};

template <class Call>
double nanoseconds(int calls, Call call) {
  double least = 1e9;
  for (int round = 0; round < 500; ++round) {
    const auto start = Clock::now();
    for (int i = 0; i < calls; ++i) call();
    const std::chrono::duration<double, std::nano> taken = Clock::now() - start;
    least = std::min(least, taken.count() / calls);
  }
  return least;
}

}  // namespace

int main() {
  constexpr Index count = 2000;
  std::vector<float> a(count);
  std::vector<float> b(count);
  std::vector<float> y(count);
  for (std::size_t i = 0; i < count; ++i) {
    a[i] = 0.001f * static_cast<float>(i + 1);
    b[i] = 3.0f - a[i];
  }
  const void* const inputs[] = {a.data(), b.data()};
  const Index steps[] = {1, 1};
  std::printf("ns an element (ns a call with one element)\n%-16s", "");
  for (const kernels::Isa isa : kernels::available_isas()) std::printf(" %16s", kernels::name_of(isa));
  std::printf("\n");
  for (const Each& each : functions) {
    std::printf("%-16s", each.name);
    for (const kernels::Isa isa : kernels::available_isas()) {
      const VectorTable::Function function = kernels::vectors_with(isa).*each.function;
      const double run = nanoseconds(10,
                                     [&] {
                                       function({inputs, steps, y.data(), count, float32, float32});
                                     }) /
                         count;
      const double one = nanoseconds(200, [&] { function({inputs, steps, y.data(), 1, float32, float32}); });
      std::printf(" %8.3f (%5.1f)", run, one);
    }
    std::printf("\n");
  }
}
