#include <unspool/optim/internal/gradient_observer.h>

namespace unspool::internal {

constinit thread_local GradientObserver* GradientObserver::current_ = nullptr;

GradientObserver::GradientObserver() : around_(current_) { current_ = this; }
GradientObserver::~GradientObserver() { current_ = around_; }

}  // namespace unspool::internal
