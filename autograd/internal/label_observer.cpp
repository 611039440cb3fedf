#include <unspool/autograd/internal/label_observer.h>

namespace unspool::internal {

constinit thread_local LabelObserver* LabelObserver::current_ = nullptr;

LabelObserver::LabelObserver() : around_(current_) { current_ = this; }
LabelObserver::~LabelObserver() { current_ = around_; }

}  // namespace unspool::internal
