#pragma once

#include <concepts>
#include <string_view>

#include <unspool/core/shape.h>

namespace unspool {

/// How often a callback acts: "epoch", "batch", or a number of batches.
class Frequency {
 public:
  ///@{
  /// "epoch", "batch", or a number of batches. Throws ValueError for another text or a number below 1.
  Frequency(std::string_view name);
  Frequency(const char* name) : Frequency(std::string_view(name)) {}
  template <std::integral N>
  requires(!std::same_as<N, bool>) Frequency(N batches) : Frequency(Batches{static_cast<Index>(batches)}) {}
  ///@}
  /// Whether it acts at the end of each epoch.
  bool every_epoch() const { return batches_ == 0; }
  /// The number of batches; 0 for every epoch.
  Index batches() const { return batches_; }

 private:
  struct Batches {
    Index count;
  };
  Frequency(Batches batches);

  Index batches_ = 0;
};

}  // namespace unspool
