#pragma once

#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include <unspool/models/callback.h>

namespace unspool::internal {

/// The callbacks of a run: those of the user, then those that the run adds. Gives them their model, and takes
/// it away again however the run ends.
class CallbackList {
 public:
  /// Throws ValueError, which begins with `what`, if one of them is empty.
  CallbackList(std::string_view what, const Callbacks& callbacks, Model& model);
  ~CallbackList();
  CallbackList(const CallbackList&) = delete;
  CallbackList& operator=(const CallbackList&) = delete;

  /// Adds a callback at the end.
  void add(std::shared_ptr<Callback> callback);
  const std::vector<std::shared_ptr<Callback>>& all() const { return all_; }
  /// Says what is known about the run.
  void set_params(const CallbackParams& params) const;
  /// Calls a hook of all callbacks, which may change the logs.
  template <class F>
  void call(F&& hook) const {
    for (const std::shared_ptr<Callback>& callback : all_) hook(*callback);
  }

 private:
  Model& model_;
  std::vector<std::shared_ptr<Callback>> all_;
};

}  // namespace unspool::internal
