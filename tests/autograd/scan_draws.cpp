#include <doctest/doctest.h>
#include <set>

#include <unspool/unspool.h>

using namespace unspool;

namespace {

using Carry = std::vector<Tensor>;

/// The rows of a tensor, as one list each.
std::set<std::vector<double>> rows_of(const Tensor& x) {
  std::set<std::vector<double>> rows;
  for (const Tensor& row : unstack(x, 0)) rows.insert(row.to_vector<double>());
  return rows;
}

/// A noisy walk: its places, and the gradient by what scales its noise.
struct Walk {
  std::vector<double> places;
  std::vector<double> slope;
};

Walk walk(bool scanned, bool reverse, SeedGenerator* seeds) {
  const Tensor size = Tensor::full({2, 3}, 0.5, float64);
  const Tensor start = Tensor::zeros({2, 3}, float64);
  GradientTape tape;
  tape.watch(size);
  const auto step = [&](const Tensor& at) {
    const Tensor noise = seeds != nullptr ? random_normal({2, 3}, 0, 1, float64, *seeds)
                                          : random_normal({2, 3}, 0, 1, float64);
    return at * 0.5 + tanh(noise * size);
  };
  std::vector<Tensor> places(5);
  if (scanned) {
    places = unstack(scan(
                         [&](const Carry& carry, const Carry&) {
                           const Tensor next = step(carry[0]);
                           return ScanStep{{next}, {next}};
                         },
                         {start}, {}, {.reverse = reverse, .steps = 5})
                         .outputs[0]);
  } else {
    Tensor at = start;
    for (std::size_t s = 0; s < 5; ++s) places[reverse ? 4 - s : s] = at = step(at);
  }
  const Tensor all = stack(places, 0);
  return {all.to_vector<double>(), tape.gradient(sum(square(all)), size).to_vector<double>()};
}

}  // namespace

TEST_CASE("each step draws anew") {
  set_seed(3);
  const auto noise = [] {
    return scan(
               [](const Carry& carry, const Carry&) {
                 return ScanStep{
                     carry, {random_uniform({4}), random_normal({4}), random_bernoulli({64}, 0.5, boolean)}};
               },
               {Tensor::zeros({2})}, {}, {.steps = 6})
        .outputs;
  };
  const std::vector<Tensor> first = noise();
  const std::vector<Tensor> second = noise();
  for (std::size_t i = 0; i < first.size(); ++i) {
    CHECK(rows_of(first[i]).size() == 6);
    CHECK(first[i].to_vector<double>() != second[i].to_vector<double>());
  }
  set_seed(3);
  const std::vector<Tensor> again = noise();
  for (std::size_t i = 0; i < first.size(); ++i) {
    CHECK(first[i].to_vector<double>() == again[i].to_vector<double>());
  }
}

TEST_CASE("draws of a step are those of the loop, forward and backward") {
  for (const bool own : {false, true}) {
    for (const bool reverse : {false, true}) {
      const auto by = [&](bool scanned) {
        set_seed(8);
        SeedGenerator seeds(5);
        Walk made = walk(scanned, reverse, own ? &seeds : nullptr);
        // The generator goes on as after the loop.
        made.places.push_back(random_uniform({}).item<double>());
        made.places.push_back(static_cast<double>(seeds.counter()));
        return made;
      };
      const Walk scanned = by(true);
      const Walk looped = by(false);
      CHECK(scanned.places.size() == looped.places.size());
      for (std::size_t i = 0; i < looped.places.size(); ++i) {
        CHECK(scanned.places[i] == doctest::Approx(looped.places[i]).epsilon(1e-14));
      }
      for (std::size_t i = 0; i < looped.slope.size(); ++i) {
        CHECK(scanned.slope[i] == doctest::Approx(looped.slope[i]).epsilon(1e-13));
      }
    }
  }
}

TEST_CASE("a key that is named is one draw") {
  const Tensor drawn = scan(
                           [](const Carry& carry, const Carry&) {
                             return ScanStep{carry, {random_uniform({4}, 0, 1, float32, RandomKey{1, 2})}};
                           },
                           {Tensor::zeros({2})}, {}, {.steps = 6})
                           .outputs[0];
  CHECK(rows_of(drawn).size() == 1);
}

TEST_CASE("scans within scans draw anew in each step of each") {
  const auto drawn = [](bool scanned, bool outer_reverse, bool inner_reverse) {
    SeedGenerator seeds(9);
    const auto inner = [&](const Carry& carry, const Carry&) {
      return ScanStep{carry, {random_uniform({2}, 0, 1, float64, seeds)}};
    };
    const auto inner_result = [&]() -> Tensor {
      return scan(inner, {Tensor::zeros({2})}, {}, {.reverse = inner_reverse, .steps = 3}).outputs[0];
    };
    if (!scanned) {
      std::vector<Tensor> all(4);
      for (std::size_t s = 0; s < 4; ++s) all[outer_reverse ? 3 - s : s] = inner_result();
      return stack(all, 0);
    }
    return scan(
               [&](const Carry& carry, const Carry&) {
                 return ScanStep{carry, {inner_result()}};
               },
               {Tensor::zeros({2})}, {}, {.reverse = outer_reverse, .steps = 4})
        .outputs[0];
  };
  for (const bool outer : {false, true}) {
    for (const bool inner : {false, true}) {
      const Tensor nested = drawn(true, outer, inner);
      CHECK(nested.shape() == Shape{4, 3, 2});
      CHECK(rows_of(reshape(nested, {12, 2})).size() == 12);
      CHECK(nested.to_vector<double>() == drawn(false, outer, inner).to_vector<double>());
    }
  }
}
