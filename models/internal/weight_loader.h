#pragma once

#include <functional>
#include <string>
#include <vector>

#include <unspool/autograd/variable.h>
#include <unspool/models/model_options.h>
#include <unspool/serialization/snapshot.h>

namespace unspool::internal {

/// An array in a file.
struct StoredArray {
  std::string name;                   ///< For errors: its place in the file.
  Shape shape;                        ///< Of the array.
  std::function<Tensor(DType)> read;  ///< The values. Throws FileError if they do not convert.
};

/// A tensor as an array. Floating tensors convert to each other, as do integer ones whose values fit.
StoredArray stored_array(const NamedTensor& tensor, const std::string& file);

/// Assigns the arrays of a file to weights: all of them or, if anything is wrong, none. Every reader of
/// weights says which arrays belong to which layer, and this decides what LoadWeightsOptions ask for.
class WeightLoader {
 public:
  /// `file` is its name in errors.
  WeightLoader(std::string file, const LoadWeightsOptions& options)
      : file_(std::move(file)), options_(options) {}

  const std::string& file() const { return file_; }
  const LoadWeightsOptions& options() const { return options_; }

  /// Gives these arrays to the weights of a layer, in order. `where` says where in the file they are.
  void layer(const std::string& name, const std::vector<Variable>& weights,
             const std::vector<StoredArray>& arrays, const std::string& where);
  /// A layer that the file has nothing for.
  void missing(const std::string& name, const std::vector<Variable>& weights, const std::string& what);
  /// Something in the file that belongs to no layer.
  void unused(const std::string& what);

  /// Assigns the values. Returns the paths of the weights that keep theirs, because the options allow it.
  /// Throws FileError, with all that is wrong.
  std::vector<std::string> finish();

 private:
  void add_fault(const std::string& what);
  void skip(const std::vector<Variable>& weights);

  std::string file_;
  LoadWeightsOptions options_;
  std::vector<std::pair<Variable, StoredArray>> found_;
  std::vector<std::string> skipped_;
  std::string faults_;
  int fault_count_ = 0;
};

}  // namespace unspool::internal
