#pragma once

#include <string>

#include <unspool/core/options_handle.h>
#include <unspool/core/tensor.h>
#include <unspool/models/loss_base.h>

/// \file
/// Connectionist temporal classification (Graves et al. 2006): sequences of labels that are shorter than the
/// sequences of predictions, without knowing which label is at which step. One class is the blank. An
/// alignment gives each step a class; its labels are what is left when equal neighbours are merged and blanks
/// removed.

namespace unspool {

/// Arguments of ctc_loss().
struct CTCLossOptions {
  /// The number of labels of each sample, int (batch). Default: all that are neither negative nor the blank.
  Tensor label_lengths = {};
  /// The number of steps of each sample, int (batch). Default: those that a mask attached to the logits
  /// keeps, or all.
  Tensor logit_lengths = {};
  Index blank = 0;  ///< The class of the blank; -1 is the last one. Keras and PyTorch: 0.
  /// Whether labels that no alignment has, since the steps are too few, give a loss of 0 instead of infinity.
  /// Their gradient is 0 in any case.
  bool zero_infinity = false;
};

/// -log of the probability of the labels, summed over all alignments: one loss for each sample. `labels` are
/// integers (batch, labels), padded to equal lengths by negative numbers or the blank; `logits` (batch, time,
/// classes) are the input of a softmax. It is computed in float64, in the logarithm, whatever the dtype.
/// Steps that are left out may be NaN. Throws ValueError for labels that are no classes and for lengths that
/// do not fit.
Tensor ctc_loss(const Tensor& labels, const Tensor& logits, const CTCLossOptions& options = {});

struct CTCOptions;

namespace internal {
Loss make_ctc(const CTCOptions& options);
}  // namespace internal

/// Arguments of CTC.
struct CTCOptions {
  Reduction reduction = {};    ///< How the losses become one number.
  std::string name = {};       ///< The name in the logs.
  Index blank = 0;             ///< As in CTCLossOptions.
  bool zero_infinity = false;  ///< As in CTCLossOptions.

  static const Fields& fields();
};
/// ctc_loss() as a loss, of a model that returns logits (batch, time, classes), with labels (batch, labels).
/// A mask says which steps there are.
using CTC = OptionsHandle<internal::make_ctc>;

/// Arguments of ctc_decode().
struct CTCDecodeOptions {
  std::string strategy = "greedy";  ///< The best class of each step ("greedy"), or "beam_search".
  Index beam_width = 100;           ///< How many label sequences a beam search follows.
  Index top_paths = 1;              ///< How many of them it returns, best first.
  bool merge_repeated = true;       ///< Whether "greedy" merges equal neighbours.
  Tensor logit_lengths = {};        ///< As in CTCLossOptions.
  Index blank = 0;                  ///< As in CTCLossOptions.
};

/// What ctc_decode() returns.
struct CTCDecoded {
  Tensor labels;  ///< int32 (paths, batch, time), padded by -1.
  /// The logarithm of the probability, of the dtype of the logits, (batch, paths): of the alignment
  /// ("greedy"), or of the labels over those alignments that the search followed.
  Tensor scores;
};

/// The most probable labels for logits (batch, time, classes).
[[nodiscard]] CTCDecoded ctc_decode(const Tensor& logits, const CTCDecodeOptions& options = {});

}  // namespace unspool
