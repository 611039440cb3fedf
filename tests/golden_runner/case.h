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

/// One file: what was built and called, and the tensors that real Keras took and gave. See
/// tests/golden/FORMAT.md. It remembers which tensors were asked for, so that none is left out of a check
/// unseen.
class Case {
 public:
  /// FileError, or a ValueError or KeyError that names the place, unless it is a golden case.
  explicit Case(const std::filesystem::path& path);

  const std::string& group() const { return group_; }
  /// "group/name".
  const std::string& name() const { return name_; }
  const Tolerance& tolerance() const { return tolerance_; }
  /// The JSON of the metadata.
  const Config& about() const { return about_; }
  Config config() const { return about_["config"]; }
  Config call() const { return about_["call"]; }

  bool has(const std::string& name) const;
  /// KeyError that names the nearest.
  const Tensor& tensor(const std::string& name) const;
  /// Those called prefix + "0", prefix + "1" and so on.
  std::vector<Tensor> numbered(const std::string& prefix) const;
  /// That this tensor is known, but that nothing is to be compared with it.
  void pass_over(const std::string& name) const { asked_.insert(name); }
  /// The tensors that nobody has asked for.
  std::vector<std::string> left() const;

 private:
  std::string group_;
  std::string name_;
  Tolerance tolerance_;
  Config about_;
  std::vector<NamedTensor> tensors_;
  mutable std::set<std::string> asked_;
};

}  // namespace golden
