#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <unspool/core/error.h>
#include <unspool/core/optional_bool.h>
#include <unspool/layers/layer_tree.h>

namespace unspool::internal {

class CallCaches;
struct CallNotes;

/// How the layers are built that a layer owns and does not build in build().
enum class UnbuiltChildren {
  /// By a call of the layer on abstract tensors, after its build.
  inferred,
  /// When they are called: a call of the layer follows its build.
  called,
  /// With the shapes that their configs have, where they have them.
  recorded,
};

/// What surrounds a call of a layer on this thread. Contexts are nested: a new one starts as a copy of the
/// innermost one. Only CallScope makes them.
struct CallContext {
  /// The layer that is called or built; null outside of all calls.
  const LayerTree* layer = nullptr;
  /// The context of the call around this one; null in the outermost call.
  const CallContext* caller = nullptr;
  /// What layers take that are called without saying `training`.
  bool training = false;
  /// Whether add_loss() keeps the loss in the layer.
  bool keeps_losses = true;
  /// Whether recurrent layers run their steps one after the other in place of compiled, for those who look at
  /// the values of each step.
  bool one_by_one = false;
  /// How a layer that is built now gets its children built.
  UnbuiltChildren unbuilt_children = UnbuiltChildren::inferred;
  /// The caches of the recurrent layer whose steps are running; null outside of its steps.
  CallCaches* caches = nullptr;
  /// Where a symbolic call notes losses and updates in place of doing them; null in other calls.
  CallNotes* notes = nullptr;
  /// The inputs as the call got them, and as call() did: casting makes other tensors of them. Null unless a
  /// Layer is called.
  const std::vector<Tensor>* given = nullptr;
  const std::vector<Tensor>* received = nullptr;

  /// The innermost context of this thread.
  static const CallContext& current();
  /// The innermost call or build of this layer on this thread; null if there is none.
  static const CallContext* of(const LayerTree& layer);

  /// No call is around this one.
  bool outermost() const { return caller == nullptr; }
  /// The names of the layers around and of this one, joined by '/'.
  std::string path() const;
  /// The identity of the call's own input if `input` is what call() got of one, else of `input`.
  std::uint64_t identity_of(const Tensor& input) const;
};

/// Makes a context the innermost one of this thread for as long as it lives.
class CallScope {
 public:
  /// A call or a build of this layer: errors and the paths of new weights start with its name. `training` as
  /// given, else as the context around says.
  explicit CallScope(const LayerTree& layer, OptionalBool training = {});
  /// The context around with other settings: `change` is given the new one.
  template <std::invocable<CallContext&> Change>
  explicit CallScope(Change&& change) : CallScope() {
    std::forward<Change>(change)(context_);
  }
  ~CallScope();
  CallScope(const CallScope&) = delete;
  CallScope& operator=(const CallScope&) = delete;

  CallContext& operator*() { return context_; }
  CallContext* operator->() { return &context_; }

 private:
  CallScope();

  CallContext context_;
  const CallContext* around_;
  std::optional<ErrorScope> errors_;
};

}  // namespace unspool::internal
