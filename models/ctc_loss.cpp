#include <cmath>
#include <cstdint>
#include <optional>
#include <vector>

#include <unspool/autograd/comparison.h>
#include <unspool/autograd/conversion.h>
#include <unspool/autograd/creation.h>
#include <unspool/autograd/reduction.h>
#include <unspool/autograd/shaping.h>
#include <unspool/core/error.h>
#include <unspool/layers/call.h>
#include <unspool/models/ctc.h>
#include <unspool/models/internal/ctc_operation.h>
#include <unspool/models/internal/label_sequences.h>
#include <unspool/models/internal/loss_kind.h>

namespace unspool {

const Fields& CTCOptions::fields() {
  using O = CTCOptions;
  static const Fields all =
      fields_of<O>(field("reduction", &O::reduction, "how the losses become one number"),
                   field("name", &O::name, "the loss's name"),
                   field("blank", &O::blank, "the class of the blank; -1 is the last one").unless_default(),
                   field("zero_infinity", &O::zero_infinity, "impossible labels give 0 instead of infinity")
                       .unless_default());
  return all;
}

namespace {

/// Labels as int32, with those that are no labels of a sample, the blank among them, moved to the end as -1.
/// Throws ValueError for a label that is no class.
Tensor packed_labels(const Tensor& labels, const Tensor& lengths, Index blank, Index classes) {
  if (labels.rank() != 2)
    throw ValueError("ctc_loss: expected labels (batch, labels), got " + describe(labels));
  const Index batch = labels.shape()[0];
  const Index width = labels.shape()[1];
  std::vector<std::vector<Index>> sequences;
  if (lengths) {
    const std::vector<Index> given = labels.to_vector<Index>();
    const std::vector<Index> counts = lengths.to_vector<Index>();
    if (lengths.rank() != 1 || lengths.size() != batch) {
      throw ValueError("ctc_loss: expected label_lengths of shape " + to_string(Shape{batch}) + ", got " +
                       describe(lengths));
    }
    for (Index i = 0; i < batch; ++i) {
      const Index count = counts[static_cast<std::size_t>(i)];
      if (count < 0 || count > width) {
        throw ValueError("ctc_loss: expected label_lengths in [0, " + std::to_string(width) + "], got " +
                         std::to_string(count));
      }
      const auto first = given.begin() + i * width;
      sequences.emplace_back(first, first + count);
    }
  } else {
    sequences = internal::label_sequences("ctc_loss", labels, blank);
  }
  std::vector<std::int32_t> packed(static_cast<std::size_t>(batch * width), -1);
  for (std::size_t i = 0; i < sequences.size(); ++i) {
    for (std::size_t k = 0; k < sequences[i].size(); ++k) {
      const Index label = sequences[i][k];
      if (label < 0 || label >= classes || label == blank) {
        throw ValueError("ctc_loss: expected labels in [0, " + std::to_string(classes) +
                         ") other than the blank " + std::to_string(blank) + ", got " +
                         std::to_string(label));
      }
      packed[i * static_cast<std::size_t>(width) + k] = static_cast<std::int32_t>(label);
    }
  }
  return Tensor::from(packed, {batch, width});
}

Tensor sample_losses(const Tensor& labels, const Tensor& given, const CTCLossOptions& options,
                     const Tensor& mask) {
  const Tensor logits = is_floating(given.dtype()) ? given : cast(given, float32);
  const Tensor kept = internal::steps_that_count("ctc_loss", logits, options.logit_lengths, mask);
  const Index classes = logits.shape()[2];
  const Index blank = internal::class_of_blank("ctc_loss", options.blank, classes);
  if (labels.is_abstract()) {
    throw ValueError("ctc_loss: expected labels with values, got the symbolic " + describe(labels) +
                     ": give the loss to compile(), or call it in a training step");
  }
  return internal::losses_of_alignments(packed_labels(labels, options.label_lengths, blank, classes), logits,
                                        kept, blank, options.zero_infinity);
}

constexpr internal::LossKind<CTCOptions> ctc{
    .name = "CTC",
    .aliases = "",
    .call =
        [](const CTCOptions& options, const Tensor& y, const Tensor& p) {
          return ctc_loss(y, p, {.blank = options.blank, .zero_infinity = options.zero_infinity});
        },
    .takes_classes = true,
    .samples =
        [](const CTCOptions& options, const Tensor& y, const Tensor& p, const Tensor& mask) {
          const CTCLossOptions of_loss{.blank = options.blank, .zero_infinity = options.zero_infinity};
          const Tensor losses = sample_losses(y, p, of_loss, mask);
          return SampleLosses{losses, mask ? Tensor(any(mask, {-1})) : Tensor()};
        }};

}  // namespace

std::vector<std::vector<Index>> internal::label_sequences(const std::string& who, const Tensor& labels,
                                                          std::optional<Index> blank) {
  if (labels.rank() != 2)
    throw ValueError(who + ": expected labels (batch, labels), got " + describe(labels));
  const std::vector<double> all = labels.to_vector<double>();
  const auto width = static_cast<std::size_t>(labels.shape()[1]);
  std::vector<std::vector<Index>> sequences(static_cast<std::size_t>(labels.shape()[0]));
  for (std::size_t i = 0; i < sequences.size(); ++i) {
    for (std::size_t k = 0; k < width; ++k) {
      const double label = all[i * width + k];
      if (label != std::floor(label) || std::abs(label) > 2e9) {
        throw ValueError(who + ": expected labels that are integers, got " + to_config(label).describe());
      }
      const auto number = static_cast<Index>(label);
      if (number >= 0 && !(blank && number == *blank)) sequences[i].push_back(number);
    }
  }
  return sequences;
}

Tensor internal::steps_that_count(const std::string& who, const Tensor& logits, const Tensor& lengths,
                                  const Tensor& mask) {
  if (logits.rank() != 3) {
    throw ValueError(who + ": expected logits (batch, time, classes), got " + describe(logits));
  }
  const Shape shape = logits.shape().sub(0, 2);
  if (lengths) {
    if (lengths.rank() != 1 || !compatible(lengths.shape(), shape.sub(0, 1))) {
      throw ValueError(who + ": expected logit_lengths of shape " + to_string(shape.sub(0, 1)) + ", got " +
                       describe(lengths));
    }
    for (const Index length : lengths.to_vector<Index>()) {
      if (length < 0 || length > shape[1]) {
        throw ValueError(who + ": expected logit_lengths in [0, " + std::to_string(shape[1]) + "], got " +
                         std::to_string(length));
      }
    }
    const Tensor step = arange(0, static_cast<double>(shape[1]), 1, int32);
    return step < expand_dims(cast(lengths, int32), -1);
  }
  if (!mask) return Tensor::ones(shape, boolean);
  if (mask.rank() != 2 || !compatible(mask.shape(), shape)) {
    throw ValueError(who + ": expected a mask of the steps " + to_string(shape) + ", got " + describe(mask));
  }
  return cast(mask, boolean);
}

Index internal::class_of_blank(const std::string& who, Index blank, Index classes) {
  const Index from_front = blank < 0 ? blank + classes : blank;
  if (from_front >= 0 && from_front < classes) return from_front;
  throw ValueError(who + ": expected the blank to be one of " + std::to_string(classes) + " classes, got " +
                   std::to_string(blank));
}

Tensor ctc_loss(const Tensor& labels, const Tensor& logits, const CTCLossOptions& options) {
  return sample_losses(labels, logits, options, mask_of(logits));
}

Loss internal::make_ctc(const CTCOptions& options) { return made_loss(ctc, options); }

void internal::add_ctc(LossEntries& entries) { add_loss_kind(entries, ctc); }

}  // namespace unspool
