#include <algorithm>
#include <numeric>

#include <unspool/core/error.h>
#include <unspool/core/make_shared_as.h>
#include <unspool/layers/call.h>
#include <unspool/models/ctc.h>
#include <unspool/models/edit_distance.h>
#include <unspool/models/internal/label_sequences.h>
#include <unspool/models/internal/metric_kind.h>

namespace unspool {

const Fields& EditDistanceOptions::fields() {
  using O = EditDistanceOptions;
  static const Fields all = fields_of<O>(
      field("name", &O::name, "the metric's name"), field("dtype", &O::dtype, "the dtype of the result"),
      field("normalize", &O::normalize, "edits for each label, not for each sample"),
      field("blank", &O::blank, "the class of the blank; -1 is the last one"));
  return all;
}

namespace {

double edits_between(const std::vector<Index>& a, const std::vector<Index>& b) {
  // The distances of all beginnings of b to the beginning of a so far.
  std::vector<double> row(b.size() + 1);
  std::iota(row.begin(), row.end(), 0.0);
  for (std::size_t i = 0; i < a.size(); ++i) {
    double diagonal = row[0];
    row[0] = static_cast<double>(i + 1);
    for (std::size_t k = 0; k < b.size(); ++k) {
      const double substituted = diagonal + (a[i] == b[k] ? 0 : 1);
      diagonal = row[k + 1];
      row[k + 1] = std::min({substituted, row[k] + 1, diagonal + 1});
    }
  }
  return row.back();
}

class LabelErrors final : public MetricBase {
 public:
  using Options = EditDistanceOptions;
  explicit LabelErrors(EditDistanceOptions options)
      : MetricBase(internal::metric_name(options.name, "EditDistance")), options_(std::move(options)) {
    options_.name = name();
  }
  void update_state(const Tensor& y_true, const Tensor& y_pred, const Tensor& sample_weight) override {
    update_masked(y_true, y_pred, sample_weight, {});
  }
  void update_masked(const Tensor& y_true, const Tensor& y_pred, const Tensor& sample_weight,
                     const Tensor& mask) override {
    std::optional<Index> blank;
    if (y_pred.rank() == 3) {
      blank = internal::class_of_blank(name(), options_.blank, y_pred.shape()[2]);
    } else if (options_.blank >= 0) {
      blank = options_.blank;
    }
    const Tensor predicted =
        y_pred.rank() != 3
            ? y_pred
            : ctc_decode(mask ? with_mask(y_pred, mask) : y_pred, {.blank = options_.blank}).labels[0];
    const auto labels = internal::label_sequences(name(), y_true, blank);
    const auto found = internal::label_sequences(name(), predicted, blank);
    if (labels.size() != found.size()) {
      throw ValueError(name() + ": expected as many labels as predictions, got " + describe(y_true) +
                       " and " + describe(y_pred));
    }
    const std::vector<double> weights =
        internal::weights_of_elements(name(), sample_weight, {static_cast<Index>(labels.size())});
    const std::vector<bool> kept = mask ? mask.to_vector<bool>() : std::vector<bool>();
    const std::size_t steps = labels.empty() ? 0 : kept.size() / labels.size();
    double edits = 0;
    double count = 0;
    for (std::size_t i = 0; i < labels.size(); ++i) {
      const auto first = kept.begin() + static_cast<std::ptrdiff_t>(i * steps);
      if (mask && std::none_of(first, first + static_cast<std::ptrdiff_t>(steps), [](bool k) { return k; }))
        continue;
      const double weight = weights.empty() ? 1 : weights[i];
      edits += weight * edits_between(labels[i], found[i]);
      count += weight * (options_.normalize ? static_cast<double>(labels[i].size()) : 1);
    }
    internal::add_to(edits_, {edits});
    internal::add_to(count_, {count});
  }
  Tensor result() const override {
    return Tensor::scalar(internal::divide_no_nan(double(edits_), double(count_)), options_.dtype);
  }
  Config get_config() const override { return to_config(options_); }
  OptionalBool more_is_better() const override { return false; }

 private:
  EditDistanceOptions options_;
  Variable edits_ = add_variable("edits");
  Variable count_ = add_variable("count");
};

}  // namespace

Tensor edit_distance(const Tensor& labels, const Tensor& predicted, bool normalize) {
  const auto right = internal::label_sequences("edit_distance", labels, std::nullopt);
  const auto found = internal::label_sequences("edit_distance", predicted, std::nullopt);
  if (right.size() != found.size()) {
    throw ValueError("edit_distance: expected as many labels as predictions, got " + describe(labels) +
                     " and " + describe(predicted));
  }
  return Tensor::generate<float>({static_cast<Index>(right.size())}, [&](std::span<float> distances) {
    for (std::size_t i = 0; i < right.size(); ++i) {
      const double edits = edits_between(right[i], found[i]);
      const bool divide = normalize && edits > 0;
      distances[i] = static_cast<float>(divide ? edits / static_cast<double>(right[i].size()) : edits);
    }
  });
}

Metric internal::make_edit_distance(const EditDistanceOptions& options) {
  return Metric(make_shared_as<MetricBase, LabelErrors>(options));
}

void internal::add_edit_distance(MetricEntries& entries) {
  add_metric_class<LabelErrors>(entries, "EditDistance");
}

}  // namespace unspool
