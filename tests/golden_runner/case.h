#pragma once

#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include <unspool/core/config.h>
#include <unspool/core/tensor.h>
#include <unspool/serialization/snapshot.h>

namespace golden {

using namespace unspool;

/// |got - expected| <= atol + rtol * |expected|.
struct Tolerance {
  double rtol = 0;
  double atol = 0;
};

/// A golden case: what was built and called, and the inputs and outputs of Keras (tests/golden/FORMAT.md). It
/// counts which tensors were used, so that no tensor goes unchecked.
class Case {
 public:
  /// Throws FileError, ValueError or KeyError, with the position, if the file is not a golden case.
  explicit Case(const std::filesystem::path& path);

  const std::string& group() const { return group_; }
  /// "group/name".
  const std::string& name() const { return name_; }
  const Tolerance& tolerance() const { return tolerance_; }
  /// The folder of the file.
  const std::filesystem::path& folder() const { return folder_; }
  /// The metadata.
  const Config& about() const { return about_; }
  Config config() const { return about_["config"]; }
  Config call() const { return about_["call"]; }

  bool has(const std::string& name) const;
  /// The tensor of this name. Throws KeyError if there is none, with the nearest name.
  const Tensor& tensor(const std::string& name) const;
  /// The tensors called prefix + "0", prefix + "1" and so on.
  std::vector<Tensor> numbered(const std::string& prefix) const;
  /// Marks a tensor as used although nothing is compared with it.
  void pass_over(const std::string& name) const { asked_.insert(name); }
  /// The tensors that were not used.
  std::vector<std::string> left() const;

 private:
  std::string group_;
  std::string name_;
  Tolerance tolerance_;
  std::filesystem::path folder_;
  Config about_;
  std::vector<NamedTensor> tensors_;
  mutable std::set<std::string> asked_;
};

}  // namespace golden
