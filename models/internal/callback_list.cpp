#include <string>

#include <unspool/core/error.h>
#include <unspool/models/internal/callback_list.h>

namespace unspool::internal {

CallbackList::CallbackList(std::string_view what, const Callbacks& callbacks, Model& model)
    : model_(model), all_(callbacks.all()) {
  for (const std::shared_ptr<Callback>& callback : all_) {
    if (!callback) throw ValueError(std::string(what) + ": expected callbacks, got an empty one");
  }
  for (const std::shared_ptr<Callback>& callback : all_) callback->set_model(&model_);
}

CallbackList::~CallbackList() {
  for (const std::shared_ptr<Callback>& callback : all_) {
    callback->set_model(nullptr);
    callback->set_outputs(nullptr);
  }
}

void CallbackList::add(std::shared_ptr<Callback> callback) {
  callback->set_model(&model_);
  all_.push_back(std::move(callback));
}

void CallbackList::set_params(const CallbackParams& params) const {
  for (const std::shared_ptr<Callback>& callback : all_) callback->set_params(params);
}

}  // namespace unspool::internal
