#include <algorithm>
#include <cmath>
#include <doctest/doctest.h>
#include <limits>
#include <map>
#include <random>
#include <tuple>

#include <unspool/autograd/arithmetic.h>
#include <unspool/autograd/conversion.h>
#include <unspool/autograd/indexing.h>
#include <unspool/autograd/reduction.h>
#include <unspool/autograd/shaping.h>
#include <unspool/autograd/softmax.h>
#include <unspool/autograd/tape.h>
#include <unspool/core/error.h>
#include <unspool/core/threads.h>
#include <unspool/layers/call.h>
#include <unspool/models/ctc.h>
#include <unspool/serialization/safetensors.h>

using namespace unspool;

namespace {

/// What is left of classes of steps when neighbours are merged and blanks removed.
std::vector<int> collapsed(const std::vector<int>& path, int blank) {
  std::vector<int> labels;
  for (std::size_t t = 0; t < path.size(); ++t) {
    if (path[t] != blank && (t == 0 || path[t] != path[t - 1])) labels.push_back(path[t]);
  }
  return labels;
}

/// The probability of every label sequence, and for one of them the gradient of -log of it, by going through
/// all alignments.
struct Enumerated {
  std::map<std::vector<int>, double> probabilities;
  double loss = 0;
  std::vector<double> gradient;
};

Enumerated enumerate(const std::vector<double>& logits, int steps, int classes,
                     const std::vector<int>& labels, int blank) {
  std::vector<double> p(logits.size());
  for (int t = 0; t < steps; ++t) {
    double total = 0;
    for (int k = 0; k < classes; ++k) total += std::exp(logits[static_cast<std::size_t>(t * classes + k)]);
    for (int k = 0; k < classes; ++k) {
      const auto i = static_cast<std::size_t>(t * classes + k);
      p[i] = std::exp(logits[i]) / total;
    }
  }
  Enumerated all;
  std::vector<double> through(logits.size());
  std::vector<int> path(static_cast<std::size_t>(steps));
  while (true) {
    double probability = 1;
    for (int t = 0; t < steps; ++t) {
      probability *= p[static_cast<std::size_t>(t * classes + path[static_cast<std::size_t>(t)])];
    }
    const std::vector<int> found = collapsed(path, blank);
    all.probabilities[found] += probability;
    if (found == labels) {
      for (int t = 0; t < steps; ++t) {
        through[static_cast<std::size_t>(t * classes + path[static_cast<std::size_t>(t)])] += probability;
      }
    }
    std::size_t t = 0;
    while (t < path.size() && ++path[t] == classes) path[t++] = 0;
    if (t == path.size()) break;
  }
  const auto found = all.probabilities.find(labels);
  const double probability = found == all.probabilities.end() ? 0 : found->second;
  all.loss = -std::log(probability);
  for (std::size_t i = 0; i < p.size(); ++i) {
    all.gradient.push_back(probability == 0 ? 0 : p[i] - through[i] / probability);
  }
  return all;
}

struct RandomCase {
  int steps, classes, blank;
  std::vector<int> labels;
  std::vector<double> logits;
};

/// Empty labels, repeats and labels that do not fit are among them.
RandomCase random_case(unsigned seed) {
  std::mt19937 random(seed);
  const auto below = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
  RandomCase made;
  made.steps = 1 + below(6);
  made.classes = 2 + below(3);
  made.blank = seed % 3 == 0 ? below(made.classes) : 0;
  for (int n = below(5); n > 0; --n) {
    const int label = below(made.classes - 1);
    made.labels.push_back(label < made.blank ? label : label + 1);
  }
  std::normal_distribution<double> normal(0, 2);
  for (int i = 0; i < made.steps * made.classes; ++i) made.logits.push_back(normal(random));
  return made;
}

Tensor label_row(const std::vector<int>& labels) {
  std::vector<std::int32_t> padded(labels.begin(), labels.end());
  padded.resize(5, -1);
  return Tensor::from(padded, {1, 5});
}

const double infinity = std::numeric_limits<double>::infinity();

}  // namespace

TEST_CASE("the CTC loss and its gradient are sums over all alignments, on 100 random cases") {
  int impossible = 0;
  for (unsigned seed = 0; seed < 100; ++seed) {
    CAPTURE(seed);
    const RandomCase given = random_case(seed);
    const Enumerated right = enumerate(given.logits, given.steps, given.classes, given.labels, given.blank);
    for (const DType dtype : {float64, float32}) {
      const double near = dtype == float64 ? 1e-10 : 1e-5;
      const Tensor logits = cast(Tensor::from(given.logits, {1, given.steps, given.classes}), dtype);
      GradientTape tape;
      tape.watch(logits);
      const Tensor loss = ctc_loss(label_row(given.labels), logits, {.blank = given.blank});
      CHECK(loss.dtype() == dtype);
      if (std::isinf(right.loss)) {
        ++impossible;
        CHECK(loss.item<double>() == infinity);
      } else {
        CHECK(std::abs(loss.item<double>() - right.loss) <= near * (1 + right.loss));
      }
      const std::vector<double> gradient = tape.gradient(sum(loss) * 2, logits).to_vector<double>();
      for (std::size_t i = 0; i < gradient.size(); ++i) {
        CHECK(std::abs(gradient[i] - 2 * right.gradient[i]) <= 2 * near);
      }
    }
  }
  CHECK(impossible > 10);
}

TEST_CASE("labels that do not fit the steps have an infinite loss, or none, and no gradient") {
  const Tensor logits = Tensor::zeros({2, 2, 3});
  const Tensor labels =
      Tensor::of<std::int32_t>({{1, 1}, {1, 2}});  // A repeat needs a blank between: 3 steps.
  CHECK(ctc_loss(labels, logits).to_vector<float>()[0] == std::numeric_limits<float>::infinity());
  GradientTape tape;
  tape.watch(logits);
  const Tensor losses = ctc_loss(labels, logits, {.zero_infinity = true});
  CHECK(losses.item<float>({0}) == 0);
  CHECK(losses.item<float>({1}) == doctest::Approx(2 * std::log(3)));
  const std::vector<float> gradient = tape.gradient(sum(losses), logits).to_vector<float>();
  for (std::size_t i = 0; i < 6; ++i) CHECK(gradient[i] == 0);
  CHECK(gradient[7] == doctest::Approx(1 / 3. - 1));
}

TEST_CASE("large logits and long sequences neither overflow nor vanish") {
  // One alignment: the labels at their steps, each with logarithm of probability -2000, or 0.
  Tensor logits = Tensor::zeros({1, 3, 3});
  logits = logits.with({0, 0, 0}, 2000).with({0, 1, 0}, 2000).with({0, 2, 0}, 2000);
  CHECK(ctc_loss(Tensor::of<std::int32_t>({{1, 2, 1}}), logits).item<float>() == doctest::Approx(6000));
  CHECK(ctc_loss(Tensor::of<std::int32_t>({{-1}}), logits).item<float>() == doctest::Approx(0));
  // Uniform logits over T steps: the number of alignments of no labels is 1.
  CHECK(ctc_loss(Tensor::of<std::int32_t>({{0, 0}}), Tensor::zeros({1, 5000, 4})).item<float>() ==
        doctest::Approx(5000 * std::log(4)));
}

TEST_CASE("lengths, padding and masks say the same") {
  std::mt19937 random(3);
  const Tensor logits = Tensor::generate<double>({2, 6, 4}, [&](std::span<double> out) {
    for (double& x : out) x = std::normal_distribution<double>(0, 1)(random);
  });
  const Tensor labels = Tensor::of<std::int32_t>({{1, 2, 3}, {3, 0, 0}});
  const Tensor lengths = Tensor::of<std::int32_t>({6, 4});
  const std::vector<double> wanted =
      ctc_loss(labels, logits, {.label_lengths = Tensor::of<std::int32_t>({3, 1}), .logit_lengths = lengths})
          .to_vector<double>();
  const Tensor mask =
      Tensor::of<bool>({{true, true, true, true, true, true}, {true, true, true, true, false, false}});
  const double nan = std::numeric_limits<double>::quiet_NaN();
  Tensor unknown_end = logits;
  for (Index k = 0; k < 4; ++k) unknown_end = unknown_end.with({1, 4, k}, nan).with({1, 5, k}, -infinity);
  GradientTape tape({.persistent = true});
  tape.watch(unknown_end);
  const Tensor masked = ctc_loss(labels, with_mask(unknown_end, mask));
  CHECK(masked.to_vector<double>() == wanted);
  CHECK(ctc_loss(Tensor::of<std::int32_t>({{1, 2, 3}, {3, -1, -1}}), logits, {.logit_lengths = lengths})
            .to_vector<double>() == wanted);
  const Tensor loss = CTC()(labels, with_mask(unknown_end, mask));
  CHECK(loss.item<double>() == doctest::Approx((wanted[0] + wanted[1]) / 2));
  const std::vector<double> gradient = tape.gradient(loss, unknown_end).to_vector<double>();
  for (const double g : gradient) CHECK(std::isfinite(g));
  for (std::size_t i = 40; i < 48; ++i) CHECK(gradient[i] == 0);
  // Steps that are passed over in the middle count no more than those at the end.
  const Tensor holes =
      Tensor::of<bool>({{true, false, true, true, false, true}, {true, true, true, true, true, true}});
  std::vector<double> first = logits.to_vector<double>();
  std::vector<double> rest;
  for (const std::size_t t : {0U, 2U, 3U, 5U}) {
    rest.insert(rest.end(), first.begin() + static_cast<long>(t * 4),
                first.begin() + static_cast<long>(t * 4 + 4));
  }
  CHECK(ctc_loss(labels, with_mask(logits, holes)).item<double>({0}) ==
        ctc_loss(Tensor::of<std::int32_t>({{1, 2, 3}}), Tensor::from(rest, {1, 4, 4})).item<double>());
}

TEST_CASE("the CTC loss is the same for any number of threads") {
  const Tensor logits = Tensor::generate<float>({16, 30, 6}, [](std::span<float> out) {
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = std::sin(static_cast<float>(i * i % 1013));
  });
  const Tensor labels = Tensor::generate<std::int32_t>({16, 8}, [](std::span<std::int32_t> out) {
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<std::int32_t>(1 + i * 7 % 5);
  });
  const int threads = num_threads();
  std::vector<std::vector<float>> gradients;
  for (const int n : {1, 2}) {
    set_num_threads(n);
    GradientTape tape;
    tape.watch(logits);
    gradients.push_back(tape.gradient(CTC()(labels, logits), logits).to_vector<float>());
  }
  set_num_threads(threads);
  CHECK(gradients[0] == gradients[1]);
}

TEST_CASE("decoding") {
  for (unsigned seed = 200; seed < 220; ++seed) {
    CAPTURE(seed);
    const RandomCase given = random_case(seed);
    const Tensor logits = Tensor::from(given.logits, {1, given.steps, given.classes});
    const Enumerated right = enumerate(given.logits, given.steps, given.classes, given.labels, given.blank);
    std::vector<std::pair<double, std::vector<int>>> best;
    for (const auto& [labels, probability] : right.probabilities) best.emplace_back(-probability, labels);
    std::sort(best.begin(), best.end());
    // A search that is wide enough finds the most probable labels of all.
    const CTCDecoded beams = ctc_decode(
        logits, {.strategy = "beam_search", .beam_width = 1000, .top_paths = 2, .blank = given.blank});
    CHECK(beams.labels.shape() == Shape{2, 1, given.steps});
    for (std::size_t i = 0; i < std::min<std::size_t>(2, best.size()); ++i) {
      std::vector<int> labels = best[i].second;
      labels.resize(static_cast<std::size_t>(given.steps), -1);
      CHECK(beams.labels[static_cast<Index>(i)].to_vector<int>() == labels);
      CHECK(beams.scores.item<double>({0, static_cast<Index>(i)}) ==
            doctest::Approx(std::log(-best[i].first)).epsilon(1e-9));
    }
  }
  // Best classes 1 1 0 1 2 2, and what is left of them.
  const Tensor steps = expand_dims(one_hot(Tensor::of<std::int32_t>({1, 1, 0, 1, 2, 2}), 3), 0) * 5;
  CHECK(ctc_decode(steps).labels.to_vector<int>() == std::vector<int>{1, 1, 2, -1, -1, -1});
  CHECK(ctc_decode(steps, {.merge_repeated = false}).labels.to_vector<int>() ==
        std::vector<int>{1, 1, 1, 2, 2, -1});
  CHECK(ctc_decode(steps, {.logit_lengths = Tensor::of<std::int32_t>({2})}).labels.to_vector<int>() ==
        std::vector<int>{1, -1, -1, -1, -1, -1});
  CHECK(ctc_decode(steps).scores.item<double>() ==
        doctest::Approx(6 * (5 - std::log(std::exp(5) + 2))).epsilon(1e-6));
}

TEST_CASE("CTC: mistakes and configs") {
  const Tensor logits = Tensor::zeros({1, 4, 3});
  CHECK_THROWS_WITH_AS(ctc_loss(Tensor::of<std::int32_t>({{1, 3}}), logits), doctest::Contains("got 3"),
                       ValueError);
  CHECK_THROWS_WITH_AS(ctc_loss(Tensor::of<std::int32_t>({1, 2}), logits),
                       doctest::Contains("(batch, labels)"), ValueError);
  CHECK_THROWS_WITH_AS(ctc_loss(Tensor::of<std::int32_t>({{1}}), Tensor::zeros({4, 3})),
                       doctest::Contains("(batch, time, classes)"), ValueError);
  CHECK_THROWS_WITH_AS(ctc_loss(Tensor::of<std::int32_t>({{1}}), logits, {.blank = 3}),
                       doctest::Contains("got 3"), ValueError);
  CHECK_THROWS_WITH_AS(
      ctc_loss(Tensor::of<std::int32_t>({{1}}), logits, {.logit_lengths = Tensor::of<std::int32_t>({5})}),
      doctest::Contains("[0, 4]"), ValueError);
  CHECK_THROWS_WITH_AS(std::ignore = ctc_decode(logits, {.strategy = "beam"}),
                       doctest::Contains("beam_search"), ValueError);
  const Loss made = CTC({.reduction = "sum", .blank = -1, .zero_infinity = true});
  CHECK(Loss::from_config(from_json(to_json(made.config()))) == made);
  // As Keras writes it.
  CHECK(Loss("ctc").config()["config"] ==
        from_json(R"({"reduction": "sum_over_batch_size", "name": "ctc"})"));
}

TEST_CASE("losses and gradients of 50 random cases equal PyTorch's") {
  std::map<std::string, Tensor> file;
  // Written by tests/models/torch_ctc.py.
  for (const NamedTensor& each : load_safetensors("tests/models/torch/ctc.safetensors").tensors) {
    file[each.name] = each.tensor;
  }
  const auto agree = [](const Tensor& got, const Tensor& expected) {
    REQUIRE(got.shape() == expected.shape());
    const auto a = got.data<float>();
    const auto b = expected.data<float>();
    for (std::size_t i = 0; i < a.size(); ++i) {
      if (std::isinf(b[i])) {
        CHECK(a[i] == b[i]);
      } else {
        CHECK(std::abs(a[i] - b[i]) <= 1e-5F + 1e-5F * std::abs(b[i]));
      }
    }
  };
  for (int i = 0; i < 50; ++i) {
    CAPTURE(i);
    const auto of = [&](const std::string& name) { return file.at(std::to_string(i) + "." + name); };
    const Tensor logits = of("logits");
    GradientTape tape;
    tape.watch(logits);
    const Tensor losses = ctc_loss(
        of("labels"), logits, {.label_lengths = of("label_lengths"), .logit_lengths = of("logit_lengths")});
    agree(losses, of("losses"));
    agree(tape.gradient(losses, {logits})[0], of("gradient"));
  }
}
