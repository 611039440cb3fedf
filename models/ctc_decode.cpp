#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include <unspool/autograd/conversion.h>
#include <unspool/core/error.h>
#include <unspool/core/threads.h>
#include <unspool/layers/call.h>
#include <unspool/models/ctc.h>
#include <unspool/models/internal/label_sequences.h>

namespace unspool {

namespace {

constexpr double impossible = -std::numeric_limits<double>::infinity();

double log_sum_of(double a, double b) {
  const double most = std::max(a, b);
  return most == impossible ? impossible : most + std::log1p(std::exp(std::min(a, b) - most));
}

/// Labels and the logarithm of their probability.
struct Decoded {
  std::vector<Index> labels;
  double score = 0;
};

/// The logarithms of the probabilities of each step that counts.
using LogSteps = std::vector<std::vector<double>>;

Decoded decode_greedily(const LogSteps& steps, Index blank, bool merge_repeated) {
  Decoded decoded;
  Index before = blank;
  for (const std::vector<double>& step : steps) {
    const auto best = std::max_element(step.begin(), step.end());
    const auto label = static_cast<Index>(best - step.begin());
    decoded.score += *best;
    if (label != blank && !(merge_repeated && label == before)) decoded.labels.push_back(label);
    before = label;
  }
  return decoded;
}

/// The probabilities of the alignments of one label sequence, by whether they end in the blank.
struct Ending {
  double blank = impossible;
  double label = impossible;
  double total() const { return log_sum_of(blank, label); }
};

/// Prefix beam search (Hannun et al. 2014).
std::vector<Decoded> search_beams(const LogSteps& steps, Index blank, std::size_t width, std::size_t paths) {
  using Beams = std::map<std::vector<Index>, Ending>;
  std::vector<std::pair<std::vector<Index>, Ending>> best{{{}, {.blank = 0}}};
  const auto keep_best = [&](const Beams& beams, std::size_t count) {
    best.assign(beams.begin(), beams.end());
    // Of equal ones the first in the order of labels.
    std::stable_sort(best.begin(), best.end(),
                     [](const auto& a, const auto& b) { return a.second.total() > b.second.total(); });
    if (best.size() > count) best.resize(count);
  };
  for (const std::vector<double>& step : steps) {
    Beams next;
    for (const auto& beam : best) {
      const std::vector<Index>& labels = beam.first;
      const Ending& ending = beam.second;
      Ending& same = next[labels];
      same.blank = log_sum_of(same.blank, ending.total() + step[static_cast<std::size_t>(blank)]);
      if (!labels.empty()) {
        same.label = log_sum_of(same.label, ending.label + step[static_cast<std::size_t>(labels.back())]);
      }
      std::vector<Index> longer = labels;
      longer.push_back(0);
      for (Index label = 0; label < static_cast<Index>(step.size()); ++label) {
        if (label == blank) continue;
        longer.back() = label;
        // After the same label a blank must have come between.
        const double from = !labels.empty() && labels.back() == label ? ending.blank : ending.total();
        if (from == impossible) continue;
        Ending& extended = next[longer];
        extended.label = log_sum_of(extended.label, from + step[static_cast<std::size_t>(label)]);
      }
    }
    keep_best(next, width);
  }
  std::vector<Decoded> decoded;
  for (std::size_t i = 0; i < std::min(paths, best.size()); ++i) {
    decoded.push_back({best[i].first, best[i].second.total()});
  }
  return decoded;
}

LogSteps log_steps(const std::vector<double>& logits, const std::vector<bool>& kept, std::size_t sample,
                   std::size_t time, std::size_t classes) {
  LogSteps steps;
  for (std::size_t t = 0; t < time; ++t) {
    if (!kept[sample * time + t]) continue;
    const auto first = logits.begin() + static_cast<std::ptrdiff_t>((sample * time + t) * classes);
    std::vector<double> step(first, first + static_cast<std::ptrdiff_t>(classes));
    const double most = *std::max_element(step.begin(), step.end());
    double total = 0;
    for (const double z : step) total += std::exp(z - most);
    for (double& z : step) z -= most + std::log(total);
    steps.push_back(std::move(step));
  }
  return steps;
}

}  // namespace

CTCDecoded ctc_decode(const Tensor& logits, const CTCDecodeOptions& options) {
  const Tensor kept_steps =
      internal::steps_that_count("ctc_decode", logits, options.logit_lengths, mask_of(logits));
  const Shape& shape = logits.shape();
  const Index blank = internal::class_of_blank("ctc_decode", options.blank, shape[2]);
  const bool greedy = options.strategy == "greedy";
  if (!greedy && options.strategy != "beam_search") {
    throw ValueError("ctc_decode: expected the strategy \"greedy\" or \"beam_search\", got " +
                     in_quotes(options.strategy) + did_you_mean(options.strategy, {"greedy", "beam_search"}));
  }
  const Index paths = options.top_paths;
  if (paths < 1 || (greedy && paths != 1) || (!greedy && paths > options.beam_width)) {
    throw ValueError("ctc_decode: expected top_paths from 1 to " +
                     std::to_string(greedy ? 1 : options.beam_width) + ", got " + std::to_string(paths));
  }
  const auto batch = static_cast<std::size_t>(shape[0]);
  const auto time = static_cast<std::size_t>(shape[1]);
  const auto classes = static_cast<std::size_t>(shape[2]);
  const auto path_count = static_cast<std::size_t>(paths);
  const std::vector<double> all = logits.to_vector<double>();
  const std::vector<bool> kept = kept_steps.to_vector<bool>();
  std::vector<std::int32_t> labels(path_count * batch * time, -1);
  std::vector<double> scores(batch * path_count, impossible);
  parallel_for(shape[0], 1, [&](Index begin, Index end) {
    for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i) {
      const LogSteps steps = log_steps(all, kept, i, time, classes);
      const std::vector<Decoded> found =
          greedy ? std::vector<Decoded>{decode_greedily(steps, blank, options.merge_repeated)}
                 : search_beams(steps, blank, static_cast<std::size_t>(options.beam_width), path_count);
      for (std::size_t k = 0; k < found.size(); ++k) {
        scores[i * path_count + k] = found[k].score;
        std::int32_t* of_path = labels.data() + (k * batch + i) * time;
        for (std::size_t n = 0; n < found[k].labels.size(); ++n) {
          of_path[n] = static_cast<std::int32_t>(found[k].labels[n]);
        }
      }
    }
  });
  const DType dtype = is_floating(logits.dtype()) ? logits.dtype() : float32;
  return {Tensor::from(labels, {paths, shape[0], shape[1]}),
          cast(Tensor::from(scores, {shape[0], paths}), dtype)};
}

}  // namespace unspool
