#include <cstring>
#include <regex>

#include <unspool/autograd/joining.h>
#include <unspool/core/memory.h>

#include "../support/same_bits.h"
#include "../support/threads.h"
#include "program_judges.h"

// Scans that keep the carries of every k-th step, against those that keep all.

using namespace unspool;
using namespace unspool::testing;
using namespace scan_programs;
using Draws = scan_programs::Dice;  // Dice is a loss, too.

namespace {

using Carry = std::vector<Tensor>;

/// Steps of a segment, by the program's seed: fewer than there are, as many, or more.
Index every_of(const Program& program) {
  const Index steps = program.sizes.steps;
  const Index choices[] = {1, 2, 3, steps, steps + 2};
  return choices[program.seed % 5];
}

ScanResult recomputed(const Program& program, const ScanFunction& step, const Carry& carry,
                      const std::vector<Tensor>& sequences) {
  return scan(step, carry, sequences,
              {.reverse = program.reverse,
               .steps = program.sizes.steps,
               .recompute_every = every_of(program),
               .tuning = program.tuning});
}

ScanResult recomputed_by_rows(const Program& program, const ScanFunction& step, const Carry& carry,
                              const std::vector<Tensor>& sequences) {
  return scanned_by_rows(program, step, carry, sequences, every_of(program));
}

std::string judge_recomputed(const Program& program) {
  const Results right = run(program, float64, scanned);
  std::string wrong;
  for (const Loop& loop : {Loop(recomputed), Loop(recomputed_by_rows)}) {
    const Results made = run(program, float64, loop);
    for (std::size_t i = 0; i < right.values.size(); ++i) {
      if (!same_bits(made.values[i], right.values[i]))
        wrong += "value " + std::to_string(i) + " has other bits\n";
    }
    wrong += disagreement(made, right);
  }
  return wrong;
}

std::string judge_bits(const Program& program) {
  const Results right = run(program, float32, scanned);
  const Results made = run(program, float32, recomputed);
  for (std::size_t i = 0; i < right.values.size(); ++i) {
    if (!same_bits(made.values[i], right.values[i]))
      return "value " + std::to_string(i) + " has other bits\n";
  }
  return {};
}

std::string judge_recomputed_threads(const Program& program) { return threads_matter(program, recomputed); }

/// A small net's scan: carry, outputs, then gradients of them in every order up to `orders`.
std::vector<Tensor> derivatives(int orders, const ScanOptions& options) {
  Draws draws(5);
  const Tensor x = draws.numbers({7, 2, 3}, 1);
  const Tensor h = draws.numbers({2, 3}, 1);
  const Tensor w = draws.numbers({3, 3}, 0.6);
  std::vector<std::unique_ptr<GradientTape>> tapes;
  for (int i = 0; i < orders; ++i) {
    tapes.push_back(std::make_unique<GradientTape>());
    for (const Tensor& source : {x, h, w}) tapes.back()->watch(source);
  }
  const ScanResult result = scan(
      [&](const Carry& carry, const std::vector<Tensor>& inputs) {
        const Tensor next = tanh(matmul(carry[0], w) + inputs[0]);
        return ScanStep{{next}, {next * inputs[0]}, {square(next)}};
      },
      {h}, {x}, options);
  std::vector<Tensor> all{result.carry[0], result.outputs[0], result.last[0]};
  Tensor loss = sum(result.carry[0]) + sum(square(result.outputs[0])) + sum(result.last[0]);
  for (; !tapes.empty(); tapes.pop_back()) {
    const std::vector<Tensor> gradients = tapes.back()->gradient(loss, {x, h, w});
    loss = {};
    for (const Tensor& gradient : gradients) {
      all.push_back(gradient);
      loss = loss ? loss + sum(square(gradient)) : sum(square(gradient));
    }
  }
  return all;
}

/// Elements that a tape keeps, but for what lies in these tensors.
Index kept_elements(const GradientTape& tape) {
  Index kept = 0;
  const std::string text = tape.to_string();
  const std::regex tensor(R"((float64|float32|int64)\[([0-9, ]*)\] kept)");
  for (auto it = std::sregex_iterator(text.begin(), text.end(), tensor); it != std::sregex_iterator(); ++it) {
    Index elements = 1;
    const std::string sizes = (*it)[2];
    const std::regex number("[0-9]+");
    for (auto n = std::sregex_iterator(sizes.begin(), sizes.end(), number); n != std::sregex_iterator();
         ++n) {
      elements *= std::stol(n->str());
    }
    kept += elements;
  }
  return kept;
}

constexpr Index steps = 60, batch = 4, inputs = 3, units = 8;

/// A gated step, on a tape.
Index kept_by(Index every) {
  Draws draws(2);
  const Tensor x = draws.numbers({steps, batch, inputs}, 1);
  const Tensor w = draws.numbers({inputs, 2 * units}, 1);
  const Tensor u = draws.numbers({units, 2 * units}, 1);
  GradientTape tape;
  for (const Tensor& source : {x, w, u}) tape.watch(source);
  const ScanResult result = scan(
      [&](const Carry& carry, const std::vector<Tensor>& at) {
        const auto [gate, value] = split<2>(matmul(at[0], w) + matmul(carry[0], u));
        const Tensor g = sigmoid(gate);
        return ScanStep{{g * carry[0] + (1 - g) * tanh(value)}};
      },
      {Tensor::zeros({batch, units}, float64)}, {x}, {.recompute_every = every});
  REQUIRE(tape.recorded(result.carry[0]));
  return kept_elements(tape);
}

}  // namespace

TEST_CASE("random steps recomputed: values to the bit, gradients, second gradients") {
  for (std::uint64_t seed = 4001; seed <= 4200; ++seed) check(judge_recomputed, make_program(seed));
  for (std::uint64_t seed = 4201; seed <= 4300; ++seed) check(judge_bits, make_program(seed));
}

TEST_CASE("random steps recomputed have the same bits whatever the number of threads") {
  for (std::uint64_t seed = 5001; seed <= 5040; ++seed)
    check(judge_recomputed_threads, make_program(seed, 24));
}

TEST_CASE("random steps recomputed in short chunks of time") {
  for (std::uint64_t seed = 6001; seed <= 6040; ++seed) {
    Program program = make_program(seed);
    program.tuning.longest_chunk = static_cast<Index>(1 + seed % 3);
    check(judge_recomputed, program);
  }
}

TEST_CASE("random steps recomputed, their rows in two groups") {
  const auto grouped = [](std::uint64_t seed, Index batch) {
    Program program = make_program(seed, batch);
    program.tuning.grouped_weights = 0;
    return program;
  };
  for (std::uint64_t seed = 7001; seed <= 7040; ++seed) {
    const testing::Threads threads(static_cast<int>(1 + seed % 3));
    check(judge_recomputed, grouped(seed, 17));
  }
  for (std::uint64_t seed = 7101; seed <= 7120; ++seed) check(judge_recomputed_threads, grouped(seed, 33));
}

TEST_CASE("derivatives of the third order") {
  for (const bool reverse : {false, true}) {
    const std::vector<Tensor> right = derivatives(3, {.reverse = reverse});
    for (const Index every : {1, 3, 7, 20}) {
      const std::vector<Tensor> made = derivatives(3, {.reverse = reverse, .recompute_every = every});
      REQUIRE(made.size() == right.size());
      for (std::size_t i = 0; i < right.size(); ++i) {
        CAPTURE(i);
        CHECK(scan_programs::distance(made[i], right[i]) < 1e-11);
      }
    }
  }
}

TEST_CASE("a tape keeps the inputs and the carries between segments") {
  // The 1 of 1 - g, too.
  const Index outside = steps * batch * inputs + batch * units + inputs * 2 * units + units * 2 * units + 1;
  for (const Index every : {1, 7, 15, 60, 100}) {
    const Index between = (steps + every - 1) / every - 1;
    CHECK(kept_by(every) == outside + between * batch * units);
  }
  // At least the carry, a gate and a value of each step.
  CHECK(kept_by(0) >= outside - batch * units + 3 * steps * batch * units);
}

TEST_CASE("memory of a training step follows the segments, not the steps") {
  if (!pools_memory) return;
  const auto growth = [](Index length, Index every) {
    const Tensor x = Tensor::full({length, 64, 8}, 0.1);
    const Tensor w = Tensor::full({8, 128}, 0.1);
    const Tensor u = Tensor::full({128, 128}, 0.01);
    release_memory();
    const std::uint64_t before = memory_statistics().system_bytes;
    GradientTape tape;
    tape.watch(w);
    tape.watch(u);
    const ScanResult result = scan(
        [&](const Carry& carry, const std::vector<Tensor>& at) {
          const Tensor z = matmul(at[0], w) + matmul(carry[0], u);
          return ScanStep{{tanh(z) * sigmoid(carry[0]) + sin(z)}};
        },
        {Tensor::zeros({64, 128})}, {x}, {.recompute_every = every});
    tape.gradient(sum(result.carry[0]), {w, u});
    // Blocks are not given back: this is the most there was.
    return static_cast<double>(memory_statistics().system_bytes - before);
  };
  const double all = growth(256, 0);
  const double some = growth(256, 16);
  CHECK(some < all / 3);
  CHECK(growth(1024, 16) < 4 * some);
  CHECK(growth(1024, 32) < 2.5 * some);
}

TEST_CASE("draws of a step are the same when it is computed again") {
  const auto walk = [](Index every, bool reverse, bool own, bool nested) {
    set_seed(8);
    SeedGenerator seeds(5);
    const auto draw = [&] {
      return own ? random_normal({2, 3}, 0, 1, float64, seeds) : random_normal({2, 3}, 0, 1, float64);
    };
    const Tensor size = Tensor::full({2, 3}, 0.5, float64);
    GradientTape tape;
    tape.watch(size);
    const auto step = [&](const Carry& carry, const std::vector<Tensor>&) {
      Tensor noise = draw();
      if (nested) {
        noise =
            scan([&](const Carry& sum, const std::vector<Tensor>&) { return ScanStep{{sum[0] + draw()}}; },
                 {noise}, {}, {.steps = 3, .recompute_every = every > 0 ? 2 : 0})
                .carry[0];
      }
      const Tensor next = carry[0] * 0.5 + tanh(noise * size);
      return ScanStep{{next}, {next}};
    };
    const Tensor places = scan(step, {Tensor::zeros({2, 3}, float64)}, {},
                               {.reverse = reverse, .steps = 7, .recompute_every = every})
                              .outputs[0];
    const Tensor slope = tape.gradient(sum(square(places)), size);
    // The generators go on as if nothing were computed twice.
    return std::vector<Tensor>{places, slope, random_uniform({4}),
                               Tensor::scalar(static_cast<double>(seeds.counter()))};
  };
  for (const bool reverse : {false, true}) {
    for (const bool own : {false, true}) {
      for (const bool nested : {false, true}) {
        const std::vector<Tensor> right = walk(0, reverse, own, nested);
        for (const Index every : {1, 3, 7}) {
          const std::vector<Tensor> made = walk(every, reverse, own, nested);
          CHECK(same_bits(made[0], right[0]));
          CHECK(scan_programs::distance(made[1], right[1]) < 1e-13);
          CHECK(same_bits(made[2], right[2]));
          CHECK(same_bits(made[3], right[3]));
        }
      }
    }
  }
}

TEST_CASE("scans within scans, either of them recomputed") {
  Draws draws(3);
  const Tensor x = draws.numbers({5, 4, 2, 3}, 1);
  const Tensor w = draws.numbers({3, 3}, 0.6);
  const auto by = [&](Index outer_every, Index inner_every) {
    GradientTape outer;
    GradientTape inner;
    for (const Tensor& source : {x, w}) {
      outer.watch(source);
      inner.watch(source);
    }
    const auto row = [&](const Carry& carry, const std::vector<Tensor>& at) {
      const Tensor next = tanh(matmul(carry[0], w) + at[0]);
      return ScanStep{{next}, {next}};
    };
    const auto column = [&](const Carry& carry, const std::vector<Tensor>& at) {
      const ScanResult result = scan(row, carry, at, {.recompute_every = inner_every});
      return ScanStep{result.carry, {sum(square(result.outputs[0]), {0})}};
    };
    const ScanResult result =
        scan(column, {Tensor::zeros({2, 3}, float64)}, {x}, {.recompute_every = outer_every});
    const std::vector<Tensor> first = inner.gradient(sum(result.outputs[0]), {x, w});
    std::vector<Tensor> all = outer.gradient(sum(square(first[0])) + sum(square(first[1])), {x, w});
    all.insert(all.end(), first.begin(), first.end());
    return all;
  };
  const std::vector<Tensor> right = by(0, 0);
  for (const auto& [outer_every, inner_every] : {std::pair<Index, Index>{2, 0}, {0, 3}, {2, 3}}) {
    const std::vector<Tensor> made = by(outer_every, inner_every);
    for (std::size_t i = 0; i < right.size(); ++i) CHECK(scan_programs::distance(made[i], right[i]) < 1e-11);
  }
}

TEST_CASE("a persistent tape asks again, and second gradients need no tape around them") {
  const Tensor x = Tensor::full({6, 2, 3}, 0.3, float64);
  const auto by = [&](Index every) {
    GradientTape outer({.persistent = true});
    outer.watch(x);
    GradientTape inner({.persistent = true});
    inner.watch(x);
    const Tensor y = scan([](const Carry& carry,
                             const std::vector<Tensor>& at) { return ScanStep{{sin(carry[0] + at[0])}}; },
                          {Tensor::zeros({2, 3}, float64)}, {x}, {.recompute_every = every})
                         .carry[0];
    const Tensor loss = sum(y);
    const Tensor first = inner.gradient(loss, x);
    CHECK(same_bits(first, inner.gradient(loss, x)));
    const Tensor norm = sum(square(first));
    const Tensor second = no_gradient([&] { return outer.gradient(norm, x); });
    CHECK(same_bits(second, outer.gradient(norm, x)));
    return second;
  };
  CHECK(scan_programs::distance(by(4), by(0)) < 1e-12);
}

TEST_CASE("time as the second axis") {
  Draws draws(4);
  const Tensor x = draws.numbers({2, 5, 3}, 1);
  const auto step = [](const Carry& carry, const std::vector<Tensor>& at) {
    const Tensor next = tanh(carry[0] + at[0]);
    return ScanStep{{next}, {next}};
  };
  const Carry zeros{Tensor::zeros({2, 3}, float64)};
  const Tensor rows = scan(step, zeros, {x}, {.time_axis = 1}).outputs[0];
  CHECK(same_bits(rows, swapped(scan(step, zeros, {swapped(x)}).outputs[0])));
}

TEST_CASE("few steps, and what is refused") {
  const auto step = [](const Carry& carry, const std::vector<Tensor>& at) {
    return ScanStep{{carry[0] * at[0]}, {carry[0]}};
  };
  const Tensor c = Tensor::full({2}, 3, float64);
  const auto gradient = [&](Index length, Index every) {
    const Tensor x = Tensor::full({length, 2}, 2, float64);
    GradientTape tape;
    tape.watch(c);
    const ScanResult result = scan(step, {c}, {x}, {.recompute_every = every});
    return tape.gradient(sum(result.carry[0]) + sum(result.outputs[0]), c).to_vector<double>();
  };
  CHECK(gradient(0, 2) == std::vector<double>{1, 1});
  CHECK(gradient(1, 2) == std::vector<double>{3, 3});
  CHECK(gradient(3, 2) == std::vector<double>{15, 15});

  const auto message = [&](ScanOptions options) -> std::string {
    try {
      scan(step, {c}, {Tensor::ones({3, 2}, float64)}, options);
    } catch (const ValueError& error) {
      return error.what();
    }
    return {};
  };
  CHECK(message({.recompute_every = -1}).find("recompute_every is a number of steps") != std::string::npos);
  CHECK(message({.time_axis = 2}).find("expected a time_axis of 0 or 1") != std::string::npos);
  CHECK(message({.steps = 5, .time_axis = 1}).find("5 and 2 steps") != std::string::npos);
}
