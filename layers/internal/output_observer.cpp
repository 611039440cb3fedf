#include <unspool/layers/internal/output_observer.h>

namespace unspool::internal {

constinit thread_local OutputObserver* OutputObserver::current_ = nullptr;

OutputObserver::OutputObserver() : around_(current_) { current_ = this; }
OutputObserver::~OutputObserver() { current_ = around_; }

}  // namespace unspool::internal
