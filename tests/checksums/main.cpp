// Prints checksums of what the library computes, a line a result: case | quantity | dtype and shape |
// checksum. checksums [GROUP...] runs the groups operations, scans, layers and training, or those that are
// named. Two versions that compute the same bits print the same lines: scripts/check-same-bits.sh compares
// them.
#include <cmath>
#include <iostream>
#include <span>
#include <string_view>
#include <utility>

#include "cases.h"

namespace checksums {

void run_case(const std::string& name, const std::function<void(ChecksumLines&)>& body) {
  ChecksumLines lines(name, std::cout);
  set_seed(1);
  try {
    body(lines);
  } catch (const std::exception& error) {
    lines.add_outcome("throws");
    std::cerr << name << ": " << error.what() << '\n';
  }
}

Tensor values(const Shape& shape, std::uint64_t seed, double scale) {
  Draws draws(seed);
  return Tensor::generate<float>(shape, [&](std::span<float> out) {
    for (float& x : out) {
      // The sum of uniform numbers: whatever a C library's logarithm is like.
      double sum = 0;
      for (int i = 0; i < 4; ++i) sum += draws.number();
      x = static_cast<float>(scale * 0.866 * sum);
    }
  });
}

Tensor weighted_sum(const std::vector<Tensor>& tensors, std::uint64_t seed) {
  Tensor total;
  for (const Tensor& x : tensors) {
    if (!x || !is_floating(x.dtype())) continue;
    const Tensor part = sum(x * cast(values(x.shape(), ++seed), x.dtype()));
    total = total ? total + part : part;
  }
  return total;
}

void add_derivatives(ChecksumLines& lines,
                     const std::function<std::vector<Tensor>(const std::vector<Tensor>&)>& function,
                     const std::vector<Tensor>& inputs, int orders) {
  GradientTape outer;
  GradientTape inner;
  std::vector<Source> sources;
  for (const Tensor& input : inputs) {
    if (!is_floating(input.dtype())) continue;
    outer.watch(input);
    inner.watch(input);
    sources.emplace_back(input);
  }
  const std::vector<Tensor> outputs = function(inputs);
  lines.add("value", outputs);
  const Tensor loss = weighted_sum(outputs, 100);
  if (orders < 1 || !loss || !inner.recorded(loss)) return;
  const GradientOptions zeros{.output_gradient = {}, .unconnected = Unconnected::zero};
  const std::vector<Tensor> gradients = inner.gradient(loss, sources, zeros);
  lines.add("gradient", gradients);
  const Tensor norm = weighted_sum(gradients, 200);
  if (orders < 2 || !outer.recorded(norm)) return;
  lines.add("second gradient", outer.gradient(norm, sources, zeros));
}

}  // namespace checksums

int main(int argc, char** argv) {
  constexpr std::pair<std::string_view, void (*)()> groups[] = {
      {"operations", checksums::run_operations},
      {"scans", checksums::run_random_scans},
      {"layers", checksums::run_recurrent_layers},
      {"training", checksums::run_training},
  };
  const std::vector<std::string_view> wanted(argv + 1, argv + argc);
  for (const std::string_view name : wanted) {
    if (std::none_of(std::begin(groups), std::end(groups), [&](const auto& g) { return g.first == name; })) {
      std::cerr << "checksums: no group of cases is called " << name << '\n';
      return 2;
    }
  }
  for (const auto& [name, run] : groups) {
    if (wanted.empty() || std::find(wanted.begin(), wanted.end(), name) != wanted.end()) run();
  }
}
