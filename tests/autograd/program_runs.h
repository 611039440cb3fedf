#pragma once

#include <functional>

#include "random_programs.h"

/// The ways to run a random program, with its gradients.
namespace scan_programs {

inline std::vector<Tensor> as(const std::vector<Tensor>& tensors, DType dtype) {
  std::vector<Tensor> made;
  for (const Tensor& x : tensors) made.push_back(is_floating(x.dtype()) ? cast(x, dtype) : x);
  return made;
}

struct Results {
  std::vector<Tensor> values;
  std::vector<Tensor> first;
  std::vector<Tensor> second;
};

/// A way to run the steps of a program.
using Loop = std::function<ScanResult(const Program&, const ScanFunction& step, std::vector<Tensor> carry,
                                      const std::vector<Tensor>& sequences)>;

/// With axes 0 and 1 in each other's place.
inline Tensor swapped(const Tensor& x) {
  std::vector<Index> axes;
  for (int i = 0; i < x.rank(); ++i) axes.push_back(i < 2 ? 1 - i : i);
  return transpose(x, axes);
}

/// By scan with time as the second axis, which needs a first one.
inline ScanResult scanned_by_rows(const Program& program, const ScanFunction& step,
                                  const std::vector<Tensor>& carry, const std::vector<Tensor>& sequences,
                                  Index recompute_every) {
  std::vector<bool> lone;
  std::vector<Tensor> given;
  for (const Tensor& sequence : sequences) {
    given.push_back(swapped(sequence.rank() < 2 ? expand_dims(sequence, -1) : sequence));
  }
  const ScanFunction with_rows = [&](const std::vector<Tensor>& before, const std::vector<Tensor>& inputs) {
    std::vector<Tensor> seen;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      seen.push_back(sequences[i].rank() < 2 ? squeeze(inputs[i], {-1}) : inputs[i]);
    }
    ScanStep made = step(before, seen);
    for (Tensor& output : made.outputs) {
      lone.push_back(output.rank() == 0);
      if (lone.back()) output = expand_dims(output, 0);
    }
    return made;
  };
  ScanResult result = scan(with_rows, carry, given,
                           {.reverse = program.reverse,
                            .steps = program.sizes.steps,
                            .time_axis = 1,
                            .recompute_every = recompute_every,
                            .tuning = program.tuning});
  for (std::size_t i = 0; i < result.outputs.size(); ++i) {
    result.outputs[i] = swapped(result.outputs[i]);
    if (lone[i]) result.outputs[i] = squeeze(result.outputs[i], {-1});
  }
  return result;
}

inline ScanResult scanned(const Program& program, const ScanFunction& step, const std::vector<Tensor>& carry,
                          const std::vector<Tensor>& sequences) {
  if (program.seed % 3 == 0) return scanned_by_rows(program, step, carry, sequences, 0);
  return scan(step, carry, sequences,
              {.reverse = program.reverse, .steps = program.sizes.steps, .tuning = program.tuning});
}

inline ScanResult looped(const Program& program, const ScanFunction& step, std::vector<Tensor> carry,
                         const std::vector<Tensor>& sequences) {
  const bool reverse = program.reverse;
  const Index steps = program.sizes.steps;
  ScanResult result;
  std::vector<std::vector<Tensor>> outputs;
  for (Index s = 0; s < steps; ++s) {
    const Index t = reverse ? steps - 1 - s : s;
    std::vector<Tensor> inputs;
    for (const Tensor& sequence : sequences) inputs.push_back(sequence[t]);
    ScanStep made = step(carry, inputs);
    carry = made.carry;
    outputs.resize(made.outputs.size());
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      outputs[i].insert(reverse ? outputs[i].begin() : outputs[i].end(), made.outputs[i]);
    }
    result.last = made.last;
  }
  result.carry = carry;
  for (const auto& each : outputs) result.outputs.push_back(stack(each, 0));
  return result;
}

inline Tensor weighted(const std::vector<Tensor>& tensors, std::uint64_t seed, bool squares) {
  Dice draws(seed);
  Tensor total;
  for (const Tensor& x : tensors) {
    if (!is_floating(x.dtype())) continue;
    const Tensor weights = cast(draws.numbers(x.shape(), 1), x.dtype());
    const Tensor part = sum((squares ? x + square(x) * 0.5 : x) * weights);
    total = total ? total + part : part;
  }
  return total;
}

inline Results run(const Program& program, DType dtype, const Loop& loop) {
  const std::vector<Tensor> carries = as(program.carries, dtype);
  const std::vector<Tensor> sequences = as(program.sequences, dtype);
  const std::vector<Tensor> constants = as(program.constants, dtype);
  std::vector<Variable> variables;
  for (const Tensor& weight : as(program.weights, dtype)) variables.emplace_back(weight);
  // So that there is something to differentiate, whatever the program does.
  const Tensor always = Tensor::full({}, 0.5, dtype);
  GradientTape outer;
  GradientTape inner;
  std::vector<Source> sources{always};
  for (const auto* list : {&carries, &sequences, &constants}) {
    for (const Tensor& tensor : *list) {
      if (is_floating(tensor.dtype())) sources.emplace_back(tensor);
    }
  }
  for (const Source& source : sources) {
    outer.watch(source.tensor());
    inner.watch(source.tensor());
  }
  for (const Variable& variable : variables) sources.emplace_back(variable);
  std::vector<Tensor> outside = constants;
  for (std::size_t i = 0; i < variables.size(); ++i) {
    // Weights as they are, and what follows from them.
    outside.push_back(i % 2 == 0 ? variables[i].value() : sin(variables[i].value()));
  }
  const ScanFunction step = [&](const std::vector<Tensor>& carry, const std::vector<Tensor>& inputs) {
    return Builder(program, outside, carry, inputs, nullptr).build();
  };
  const ScanResult result = loop(program, step, carries, sequences);
  Results results;
  results.values = result.carry;
  for (const auto* list : {&result.outputs, &result.last}) {
    results.values.insert(results.values.end(), list->begin(), list->end());
  }
  const GradientOptions zeros{.output_gradient = {}, .unconnected = Unconnected::zero};
  const Tensor loss = weighted(results.values, program.seed + 7, true) + square(always);
  results.first = inner.gradient(loss, sources, zeros);
  results.second = outer.gradient(weighted(results.first, program.seed + 8, true), sources, zeros);
  return results;
}

}  // namespace scan_programs
