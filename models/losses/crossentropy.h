#pragma once

#include <optional>
#include <string>

#include <unspool/core/options_handle.h>
#include <unspool/models/loss_base.h>

/// \file
/// Cross-entropies of labels and predicted probabilities, or their logits. Probabilities are clipped to
/// [1e-7, 1 - 1e-7], as in Keras, so that none of them gives an infinite loss.

namespace unspool {

struct CrossentropyOptions;
struct SparseCrossentropyOptions;
struct BinaryFocalOptions;
struct CategoricalFocalOptions;
struct GeneralizedCrossEntropyOptions;

namespace internal {
Loss make_binary_crossentropy(const CrossentropyOptions& options);
Loss make_categorical_crossentropy(const CrossentropyOptions& options);
Loss make_sparse_categorical_crossentropy(const SparseCrossentropyOptions& options);
Loss make_binary_focal_crossentropy(const BinaryFocalOptions& options);
Loss make_categorical_focal_crossentropy(const CategoricalFocalOptions& options);
Loss make_categorical_generalized_cross_entropy(const GeneralizedCrossEntropyOptions& options);
Loss make_kl_divergence(const LossOptions& options);
}  // namespace internal

/// Arguments of BinaryCrossentropy and CategoricalCrossentropy.
struct CrossentropyOptions {
  bool from_logits = false;    ///< Whether y_pred are not probabilities but their logits.
  double label_smoothing = 0;  ///< How much of each label is spread over all classes.
  int axis = -1;               ///< The axis of the classes.
  Reduction reduction = {};    ///< How the losses become one number.
  std::string name = {};       ///< The name in the logs.

  static const Fields& fields();
};

/// -mean(y log p + (1 - y) log(1 - p)) over the axis, for labels 0 and 1; also called "bce".
using BinaryCrossentropy = OptionsHandle<internal::make_binary_crossentropy>;
/// -sum(y log p) over the axis, for labels that are one-hot or a distribution.
using CategoricalCrossentropy = OptionsHandle<internal::make_categorical_crossentropy>;

/// Arguments of SparseCategoricalCrossentropy.
struct SparseCrossentropyOptions {
  bool from_logits = false;  ///< Whether y_pred are not probabilities but their logits.
  /// Samples of this class are not counted.
  std::optional<Index> ignore_class = std::nullopt;
  Reduction reduction = {};  ///< How the losses become one number.
  int axis = -1;             ///< The axis of the classes.
  std::string name = {};     ///< The name in the logs.

  static const Fields& fields();
};

/// -log p of the true class, for labels 0, 1, ... Throws ValueError for a label that is out of range.
using SparseCategoricalCrossentropy = OptionsHandle<internal::make_sparse_categorical_crossentropy>;

/// Arguments of BinaryFocalCrossentropy.
struct BinaryFocalOptions {
  bool apply_class_balancing = false;  ///< Whether losses are multiplied by alpha or 1 - alpha.
  double alpha = 0.25;                 ///< The weight of label 1; that of label 0 is 1 - alpha.
  double gamma = 2;                    ///< How much less certain predictions count.
  bool from_logits = false;            ///< Whether y_pred are not probabilities but their logits.
  double label_smoothing = 0;          ///< How much of each label is spread over all classes.
  int axis = -1;                       ///< The axis of the classes.
  Reduction reduction = {};            ///< How the losses become one number.
  std::string name = {};               ///< The name in the logs.

  static const Fields& fields();
};
/// BinaryCrossentropy with each loss times (1 - p of the true label)^gamma.
using BinaryFocalCrossentropy = OptionsHandle<internal::make_binary_focal_crossentropy>;

/// Arguments of CategoricalFocalCrossentropy.
struct CategoricalFocalOptions {
  double alpha = 0.25;         ///< The weight of all classes.
  double gamma = 2;            ///< How much less certain predictions count.
  bool from_logits = false;    ///< Whether y_pred are not probabilities but their logits.
  double label_smoothing = 0;  ///< How much of each label is spread over all classes.
  int axis = -1;               ///< The axis of the classes.
  Reduction reduction = {};    ///< How the losses become one number.
  std::string name = {};       ///< The name in the logs.

  static const Fields& fields();
};
/// CategoricalCrossentropy with each term times alpha (1 - p)^gamma.
using CategoricalFocalCrossentropy = OptionsHandle<internal::make_categorical_focal_crossentropy>;

/// Arguments of CategoricalGeneralizedCrossEntropy.
struct GeneralizedCrossEntropyOptions {
  double q = 0.5;  ///< In (0, 1): near 0 a cross-entropy, near 1 an absolute error, which noisy labels suit.
  Reduction reduction = {};  ///< How the losses become one number.
  std::string name = {};     ///< The name in the logs.

  static const Fields& fields();
};
/// (1 - p^q) / q of the true class's probability p, for labels 0, 1, ... Throws ValueError unless 0 < q < 1,
/// and for a label that is out of range.
using CategoricalGeneralizedCrossEntropy =
    OptionsHandle<internal::make_categorical_generalized_cross_entropy>;

/// sum(y log(y / p)) over the last axis, the divergence of a distribution p from y; also called "kld".
using KLDivergence = OptionsHandle<internal::make_kl_divergence>;

}  // namespace unspool
