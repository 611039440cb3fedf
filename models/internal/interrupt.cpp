#include <atomic>
#include <csignal>
#include <mutex>

#include <unspool/models/internal/interrupt.h>
#include <unspool/models/internal/terminal.h>

namespace unspool::internal {

namespace {

// A signal handler may use atomics without a lock only.
std::atomic<unsigned> interrupts = 0;
std::atomic<bool> ends_process = false;  // Whether the next one does.
static_assert(std::atomic<unsigned>::is_always_lock_free && std::atomic<bool>::is_always_lock_free);

std::mutex scopes_mutex;
int scopes = 0;
bool installed = false;
struct sigaction handler_before;

void note_interrupt(int signal) {
  interrupts.fetch_add(1);
  if (!ends_process.exchange(true)) return;
  // The second one has its default effect, when this handler returns.
  leave_screen();
  struct sigaction action = {};
  action.sa_handler = SIG_DFL;
  sigemptyset(&action.sa_mask);
  sigaction(signal, &action, nullptr);
  raise(signal);
}

bool is_default(const struct sigaction& action) {
  return (action.sa_flags & SA_SIGINFO) == 0 && action.sa_handler == SIG_DFL;
}

}  // namespace

InterruptScope::InterruptScope() : seen_(interrupts.load()) {
  const std::lock_guard lock(scopes_mutex);
  // Several threads may train at once: the first one sets the handler, the last one removes it.
  if (scopes++ > 0) return;
  installed = sigaction(SIGINT, nullptr, &handler_before) == 0 && is_default(handler_before);
  if (!installed) return;
  struct sigaction ours = {};
  ours.sa_handler = note_interrupt;
  // SA_RESTART lets reads of a data source go on.
  ours.sa_flags = static_cast<int>(SA_RESTART);
  ends_process = false;
  sigemptyset(&ours.sa_mask);
  sigaction(SIGINT, &ours, nullptr);
}

InterruptScope::~InterruptScope() {
  const std::lock_guard lock(scopes_mutex);
  if (--scopes > 0 || !installed) return;
  struct sigaction now = {};
  // A handler that somebody else set meanwhile stays.
  if (sigaction(SIGINT, nullptr, &now) != 0 || now.sa_handler != note_interrupt) return;
  sigaction(SIGINT, &handler_before, nullptr);
}

bool InterruptScope::interrupted() const { return interrupts.load() != seen_; }

}  // namespace unspool::internal
