#pragma once

#include <iosfwd>
#include <vector>

#include <unspool/core/named_list.h>
#include <unspool/core/tensor.h>
#include <unspool/models/finding.h>

namespace unspool {

class Dataset;
class Model;

/// What diagnose() returns.
struct Diagnosis {
  /// Those about the data first, those about the learning rate last: a finding may be the consequence of one
  /// before it.
  std::vector<Finding> findings = {};
  /// Whether there are no findings.
  bool healthy() const { return findings.empty(); }
};
/// Prints the findings with numbers, or that there are none.
std::ostream& operator<<(std::ostream& stream, const Diagnosis& diagnosis);

/// How the data will be used: as in FitOptions.
struct DiagnoseOptions {
  Index batch_size = 32;                 ///< As fit() will get it.
  bool shuffle = true;                   ///< As fit() will get it.
  double validation_split = 0;           ///< As fit() will get it.
  NamedList<Tensor> sample_weight = {};  ///< As in Batch.
};

///@{
/// Says in words what is wrong with a compiled model, or with what it is trained on: tensors or a Dataset, as
/// in fit(). Runs a batch through the model and back, and tries some steps of the optimizer, which it takes
/// back: weights, optimizer, random number generators and states are left as they were. A model that is not
/// built is built. Throws what fit() throws for inputs that the model cannot take.
///
///     std::cout << diagnose(model, x, y);
Diagnosis diagnose(const Model& model, const NamedList<Tensor>& x, const NamedList<Tensor>& y,
                   const DiagnoseOptions& options = {});
Diagnosis diagnose(const Model& model, const Dataset& data);
///@}

}  // namespace unspool
