#pragma once

#include <cstdint>
#include <forward_list>
#include <utility>
#include <vector>

#include <unspool/autograd/scan/trace.h>
#include <unspool/layers/call.h>

namespace unspool {
class Cell;
}

namespace unspool::internal {

/// What the cells that run in the steps of a recurrent layer compute once for all steps. One call of the
/// layer has one.
class CallCaches {
 public:
  /// What a cache belongs to, and what it depends on.
  struct Key {
    const void* owner;
    Shape shape;
    DType dtype = float32;
    bool training = false;
    /// How many tensors were asked for, if the caller says so.
    int count = 0;
    /// The identities of the constants.
    std::vector<std::uint64_t> constants = {};
    friend bool operator==(const Key&, const Key&) = default;
  };

  /// Caches made by this thread from now on are computed in the trace that is innermost now, if any, and not
  /// in the steps that are traced later.
  CallCaches() : around_(scan_compiler::Trace::innermost()) {}
  CallCaches(const CallCaches&) = delete;
  CallCaches& operator=(const CallCaches&) = delete;

  /// The cache of this key. The first time it is what make() returns.
  template <class Make>
  const CallCache& get(const Key& key, Make&& make) {
    if (key.owner == owner_of_given_) return given_;
    for (const auto& [known, cache] : all_) {
      if (known == key) return cache;
    }
    const scan_compiler::TraceScope outside_of_steps(around_);
    return all_.emplace_front(key, std::forward<Make>(make)()).second;
  }
  /// Gives a cell its cache, whatever that depends on.
  void give(const Cell& owner, CallCache cache) {
    owner_of_given_ = &owner;
    given_ = std::move(cache);
  }

 private:
  scan_compiler::Trace* around_;
  const void* owner_of_given_ = nullptr;
  CallCache given_;
  std::forward_list<std::pair<Key, CallCache>> all_;  // Entries stay where they are.
};

}  // namespace unspool::internal
