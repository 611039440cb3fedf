#include <atomic>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <thread>
#include <unistd.h>
#include <utility>

#include <unspool/core/error.h>
#include <unspool/core/internal/threads.h>
#include <unspool/core/make_shared_as.h>
#include <unspool/data/internal/nodes.h>

namespace unspool::internal {

namespace {

class PrefetchNode final : public DataStep {
 public:
  PrefetchNode(NodePointer upstream, Index buffer_size)
      : DataStep(std::move(upstream)), buffer_size_(static_cast<std::size_t>(buffer_size)) {}
  std::unique_ptr<DataPass> pass(std::uint64_t epoch) const override {
    return std::make_unique<Pass>(*this, epoch);
  }
  // Rows are read in the thread.
  const RowSource* rows() const override { return nullptr; }

 private:
  /// How often a pass looks for an element before it sleeps. To sleep and to be woken takes longer than most
  /// batches of a small network.
  static constexpr int looks = 50;

  /// What the pass and its thread share.
  struct Shared {
    std::mutex mutex;
    std::condition_variable filled;   // For the pass: there is an element, or the end.
    std::condition_variable drained;  // For the thread: half of the buffer is free, or it is to stop.
    std::deque<std::unique_ptr<Batch>> ready;
    std::atomic<bool> any = false;  // Whether the pass need not wait; written under the mutex.
    std::exception_ptr error;
    bool stop = false;
    bool ended = false;
    std::thread thread;
  };

  class Pass final : public DataPass {
   public:
    Pass(const PrefetchNode& node, std::uint64_t epoch)
        : process_(getpid()), low_(node.buffer_size_ / 2), shared_(std::make_unique<Shared>()) {
      shared_->thread = std::thread([&node, epoch, &shared = *shared_] { node.work(epoch, shared); });
    }

    ~Pass() override {
      if (getpid() != process_) {
        // The thread did not survive fork(): it cannot be joined, and the condition variable counts it still.
        static_cast<void>(shared_.release());
        return;
      }
      {
        const std::lock_guard lock(shared_->mutex);
        shared_->stop = true;
      }
      shared_->drained.notify_one();
      shared_->thread.join();
    }

    bool next(Item& item) override {
      if (getpid() != process_) {
        throw RuntimeError(
            "prefetch: expected a pass that began in this process, got one from before fork(): iterate "
            "again");
      }
      for (int i = 0; i < looks && !shared_->any; ++i) std::this_thread::yield();
      std::unique_lock lock(shared_->mutex);
      shared_->filled.wait(lock, [&] { return !shared_->ready.empty() || shared_->ended; });
      if (shared_->ready.empty()) {
        if (shared_->error) std::rethrow_exception(std::exchange(shared_->error, nullptr));
        return false;
      }
      item.value = std::move(shared_->ready.front());
      shared_->ready.pop_front();
      shared_->any = !shared_->ready.empty() || shared_->ended;
      const bool drained = shared_->ready.size() == low_;
      lock.unlock();
      if (drained) shared_->drained.notify_one();
      return true;
    }

   private:
    pid_t process_;
    std::size_t low_;
    std::unique_ptr<Shared> shared_;
  };

  void work(std::uint64_t epoch, Shared& shared) const {
    const SerialScope serial;
    std::exception_ptr error;
    try {
      const std::unique_ptr<DataPass> pass = upstream().pass(epoch);
      for (;;) {
        Item item;
        if (!pass->next(item)) break;
        auto element = std::make_unique<Batch>(value_of(upstream(), std::move(item)));
        std::unique_lock lock(shared.mutex);
        // A full buffer is filled again when half of it is free, so that the thread is woken seldom.
        if (shared.ready.size() == buffer_size_)
          shared.drained.wait(lock, [&] { return shared.ready.size() <= buffer_size_ / 2 || shared.stop; });
        if (shared.stop) return;
        shared.ready.push_back(std::move(element));
        shared.any = true;
        lock.unlock();
        shared.filled.notify_one();
      }
    } catch (...) {
      error = std::current_exception();
    }
    {
      const std::lock_guard lock(shared.mutex);
      shared.error = error;
      shared.ended = true;
      shared.any = true;
    }
    shared.filled.notify_one();
  }

  std::size_t buffer_size_;
};

}  // namespace

NodePointer prefetch_node(NodePointer upstream, Index buffer_size) {
  return make_shared_as<DataNode, PrefetchNode>(std::move(upstream), buffer_size);
}

}  // namespace unspool::internal
