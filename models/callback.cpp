#include <unspool/core/error.h>
#include <unspool/core/make_shared_as.h>
#include <unspool/models/callback.h>

namespace unspool {

namespace {

class FunctionsCallback final : public Callback {
 public:
  explicit FunctionsCallback(LambdaCallbackOptions options) : options_(std::move(options)) {}

#define UNSPOOL_HOOK(name) \
  void name(Logs& logs) override { options_.name(logs); }
#define UNSPOOL_NUMBERED_HOOK(name) \
  void name(Index number, Logs& logs) override { options_.name(number, logs); }
  UNSPOOL_CALLBACK_HOOKS(UNSPOOL_HOOK, UNSPOOL_NUMBERED_HOOK)
#undef UNSPOOL_HOOK
#undef UNSPOOL_NUMBERED_HOOK

 private:
  LambdaCallbackOptions options_;
};

}  // namespace

Callback::~Callback() = default;
Snapshot Callback::get_state() const { return {}; }

Callbacks::Callbacks() = default;
std::vector<std::shared_ptr<Callback>> Callbacks::all() && { return std::move(all_); }
Callbacks::Callbacks(std::initializer_list<std::shared_ptr<Callback>> all) : all_(all) {}
Callbacks::Callbacks(std::vector<std::shared_ptr<Callback>> all) : all_(std::move(all)) {}
Callbacks::Callbacks(const Callbacks& other) = default;
Callbacks::Callbacks(Callbacks&& other) noexcept = default;
Callbacks& Callbacks::operator=(const Callbacks& other) = default;
Callbacks& Callbacks::operator=(Callbacks&& other) noexcept = default;
Callbacks::~Callbacks() = default;

Model& Callback::model() const {
  if (model_ == nullptr) {
    throw RuntimeError(
        "expected a callback that fit(), evaluate() or predict() runs, got one without a model");
  }
  return *model_;
}

const Outputs& Callback::outputs() const {
  if (outputs_ == nullptr)
    throw RuntimeError("expected a callback in on_predict_batch_end(), got one elsewhere");
  return *outputs_;
}

std::shared_ptr<Callback> LambdaCallback(LambdaCallbackOptions options) {
  return make_shared_as<Callback, FunctionsCallback>(std::move(options));
}

}  // namespace unspool
