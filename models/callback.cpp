#include <unspool/core/error.h>
#include <unspool/models/callback.h>

namespace unspool {

namespace {

class FunctionsCallback final : public Callback {
 public:
  explicit FunctionsCallback(LambdaCallbackOptions options) : options_(std::move(options)) {}
  void on_train_begin() override { call(options_.on_train_begin); }
  void on_train_end() override { call(options_.on_train_end); }
  void on_epoch_begin(Index epoch) override { call(options_.on_epoch_begin, epoch); }
  void on_epoch_end(Index epoch, Logs& logs) override { call(options_.on_epoch_end, epoch, logs); }
  void on_train_batch_begin(Index batch) override { call(options_.on_train_batch_begin, batch); }
  void on_train_batch_end(Index batch, const Logs& logs) override {
    call(options_.on_train_batch_end, batch, logs);
  }

 private:
  template <class F, class... A>
  static void call(const F& function, A&&... arguments) {
    if (function) function(std::forward<A>(arguments)...);
  }
  LambdaCallbackOptions options_;
};

}  // namespace

Callback::~Callback() = default;

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
  if (model_ == nullptr) throw RuntimeError("expected a callback that fit() runs, got one without a model");
  return *model_;
}

std::shared_ptr<Callback> LambdaCallback(LambdaCallbackOptions options) {
  return std::make_shared<FunctionsCallback>(std::move(options));
}

}  // namespace unspool
