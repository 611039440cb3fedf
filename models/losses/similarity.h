#pragma once

#include <string>

#include <unspool/core/options_handle.h>
#include <unspool/models/loss_base.h>

/// \file
/// Losses of the angle between vectors.

namespace unspool {

struct CosineSimilarityOptions;
struct CircleOptions;

namespace internal {
Loss make_cosine_similarity(const CosineSimilarityOptions& options);
Loss make_circle(const CircleOptions& options);
}  // namespace internal

/// Arguments of CosineSimilarity.
struct CosineSimilarityOptions {
  int axis = -1;             ///< The axis of a vector's elements.
  Reduction reduction = {};  ///< How the losses become one number.
  std::string name = {};     ///< The name in the logs.

  static const Fields& fields();
};
/// -(the cosine of the angle between y_true and y_pred), from -1 for equal directions to 1 for opposite ones.
/// The metric of this name, metrics::CosineSimilarity(), has the other sign, as in Keras.
using CosineSimilarity = OptionsHandle<internal::make_cosine_similarity>;

/// Arguments of Circle.
struct CircleOptions {
  double gamma = 80;            ///< The scale of similarities.
  double margin = 0.4;          ///< How far apart pairs of equal and of different labels shall be.
  bool remove_diagonal = true;  ///< Whether a sample is not paired with itself.
  Reduction reduction = {};     ///< How the losses become one number.
  std::string name = {};        ///< The name in the logs.

  static const Fields& fields();
};
/// The circle loss (Sun et al. 2020) of all pairs in the batch, for integer labels (batch) and vectors of
/// length 1 (batch, features). A sample without a pair of equal, or of different, labels does not count.
using Circle = OptionsHandle<internal::make_circle>;

}  // namespace unspool
