#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <mutex>
#include <poll.h>
#include <streambuf>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>
#include <utility>

#include <unspool/models/internal/terminal.h>

namespace unspool::internal {

namespace {

constexpr std::string_view enter_sequence = "\033[?1049h\033[?25l\033[H\033[2J";
constexpr std::string_view leave_sequence = "\033[0m\033[?25h\033[?1049l";

/// The signals that end a process by default while it draws.
constexpr std::array ending_signals{SIGTERM, SIGHUP, SIGQUIT, SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL};

// A signal handler may use atomics without a lock, and what does not change while the handlers are
// handlers_installed.
std::atomic<bool> taken = false;    // A screen exists.
std::atomic<bool> entered = false;  // The terminal is in its hands.
std::atomic<bool> lost = false;     // What it showed is gone.
bool reads_keys = false;
struct termios mode_before;
struct termios mode_of_screen;
struct sigaction suspend_action;
std::array<bool, ending_signals.size()> handlers_installed{};
bool installed_suspend = false;
std::terminate_handler terminate_before = nullptr;
// What gives back what was printed, where no destructor runs.
void (*print_held)() = nullptr;

void write_all(std::string_view text) noexcept {
  while (!text.empty()) {
    const ssize_t written = ::write(STDOUT_FILENO, text.data(), text.size());
    if (written > 0) {
      text.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno == EAGAIN) {
      struct pollfd ready {
        STDOUT_FILENO, POLLOUT, 0
      };
      if (::poll(&ready, 1, 100) < 0 && errno != EINTR) return;
    } else if (errno != EINTR) {
      return;
    }
  }
}

bool in_foreground() noexcept { return ::tcgetpgrp(STDOUT_FILENO) == ::getpgrp(); }

void set_mode(const struct termios& mode) noexcept {
  if (!reads_keys) return;
  // A process in the background would be stopped here.
  sigset_t output;
  sigset_t before;
  sigemptyset(&output);
  sigaddset(&output, SIGTTOU);
  pthread_sigmask(SIG_BLOCK, &output, &before);
  tcsetattr(STDIN_FILENO, TCSADRAIN, &mode);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void enter_screen() noexcept {
  if (!in_foreground() || entered.exchange(true)) return;
  set_mode(mode_of_screen);
  write_all(enter_sequence);
  lost = true;
}

bool is_default_action(int signal) {
  struct sigaction now = {};
  return sigaction(signal, nullptr, &now) == 0 && (now.sa_flags & SA_SIGINFO) == 0 &&
         now.sa_handler == SIG_DFL;
}

void set_default(int signal) noexcept {
  struct sigaction action = {};
  action.sa_handler = SIG_DFL;
  sigemptyset(&action.sa_mask);
  sigaction(signal, &action, nullptr);
}

/// The default action follows when the handler returns.
void end_by_signal(int signal) {
  const int error = errno;
  leave_screen();
  set_default(signal);
  raise(signal);
  errno = error;
}

void suspend(int signal) {
  const int error = errno;
  leave_screen();
  set_default(signal);
  raise(signal);
  sigset_t stop;
  sigset_t before;
  sigemptyset(&stop);
  sigaddset(&stop, signal);
  pthread_sigmask(SIG_UNBLOCK, &stop, &before);  // The process stops here.
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  sigaction(signal, &suspend_action, nullptr);
  enter_screen();
  errno = error;
}

void leave_for_good() {
  leave_screen();
  if (print_held != nullptr) print_held();
}

void terminate_without_screen() {
  leave_for_good();
  if (terminate_before != nullptr) terminate_before();
  std::abort();
}

void install_handlers() {
  struct sigaction action = {};
  action.sa_handler = end_by_signal;
  action.sa_flags = static_cast<int>(SA_RESTART);
  sigemptyset(&action.sa_mask);
  for (std::size_t i = 0; i < ending_signals.size(); ++i) {
    handlers_installed[i] =
        is_default_action(ending_signals[i]) && sigaction(ending_signals[i], &action, nullptr) == 0;
  }
  action.sa_handler = suspend;
  suspend_action = action;
  installed_suspend = is_default_action(SIGTSTP) && sigaction(SIGTSTP, &action, nullptr) == 0;
  terminate_before = std::set_terminate(terminate_without_screen);
  static std::once_flag once;
  std::call_once(once, [] { std::atexit(leave_for_good); });
}

void remove_handlers() {
  struct sigaction now = {};
  // Handlers that somebody else set meanwhile stay.
  const auto remove = [&](int signal, void (*ours)(int)) {
    if (sigaction(signal, nullptr, &now) == 0 && now.sa_handler == ours) set_default(signal);
  };
  for (std::size_t i = 0; i < ending_signals.size(); ++i) {
    if (handlers_installed[i]) remove(ending_signals[i], end_by_signal);
  }
  if (installed_suspend) remove(SIGTSTP, suspend);
  if (std::get_terminate() == terminate_without_screen) std::set_terminate(terminate_before);
}

}  // namespace

bool writes_to_terminal() {
  const char* const kind = std::getenv("TERM");
  return ::isatty(STDOUT_FILENO) == 1 && (kind == nullptr || std::string_view(kind) != "dumb");
}

TerminalSize terminal_size() {
  struct winsize size = {};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0) return {};
  return {size.ws_col, size.ws_row};
}

void leave_screen() noexcept {
  if (!entered.exchange(false)) return;
  write_all(leave_sequence);
  set_mode(mode_before);
}

/// Takes what is written to a stream, and writes it to where it belongs at the end.
class TerminalScreen::HeldOutput final : public std::streambuf {
 public:
  explicit HeldOutput(std::ostream& stream) : stream_(stream), before_(stream.rdbuf(this)) {}
  ~HeldOutput() override { print(); }
  HeldOutput(const HeldOutput&) = delete;
  HeldOutput& operator=(const HeldOutput&) = delete;

  /// Holds nothing from now on, and prints what was held.
  void print() {
    if (stream_.rdbuf() == this) stream_.rdbuf(before_);
    stream_ << std::exchange(text_, {}) << std::flush;
  }

  std::string last_line() const {
    const std::lock_guard lock(mutex_);
    const std::size_t end = text_.find_last_not_of('\n');
    if (end == std::string::npos) return {};
    const std::size_t before = text_.find_last_of('\n', end);
    const std::size_t begin = before == std::string::npos ? 0 : before + 1;
    return text_.substr(begin, end + 1 - begin);
  }

 protected:
  int_type overflow(int_type character) override {
    if (traits_type::eq_int_type(character, traits_type::eof())) return traits_type::not_eof(character);
    const char one = traits_type::to_char_type(character);
    xsputn(&one, 1);
    return character;
  }
  std::streamsize xsputn(const char* characters, std::streamsize count) override {
    const std::lock_guard lock(mutex_);
    text_.append(characters, static_cast<std::size_t>(count));
    return count;
  }

 private:
  mutable std::mutex mutex_;
  std::string text_;
  std::ostream& stream_;
  std::streambuf* before_;
};

std::unique_ptr<TerminalScreen> TerminalScreen::open() {
  if (!writes_to_terminal() || !in_foreground() || taken.exchange(true)) return nullptr;
  return std::unique_ptr<TerminalScreen>(new TerminalScreen);
}

TerminalScreen* TerminalScreen::current_ = nullptr;

TerminalScreen::TerminalScreen() {
  std::cout.flush();
  std::cerr.flush();
  std::fflush(stdout);
  reads_keys = ::isatty(STDIN_FILENO) == 1 && tcgetattr(STDIN_FILENO, &mode_before) == 0;
  if (reads_keys) {
    mode_of_screen = mode_before;
    // Keys without a line and without echo. Ctrl-C and Ctrl-Z stay signals.
    mode_of_screen.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
    mode_of_screen.c_cc[VMIN] = 0;
    mode_of_screen.c_cc[VTIME] = 0;
  }
  held_out_ = std::make_unique<HeldOutput>(std::cout);
  held_err_ = std::make_unique<HeldOutput>(std::cerr);
  current_ = this;
  print_held = [] {
    if (current_ == nullptr) return;
    current_->held_out_->print();
    current_->held_err_->print();
  };
  install_handlers();
  enter_screen();
}

TerminalScreen::~TerminalScreen() {
  leave_screen();
  remove_handlers();
  current_ = nullptr;
  held_out_.reset();
  held_err_.reset();
  taken = false;
}

void TerminalScreen::show(std::string_view lines) {
  if (!in_foreground()) return;
  if (!entered) enter_screen();
  const TerminalSize size = terminal_size();
  // Between these two sequences terminals that know them draw nothing.
  std::string text = "\033[?2026h";
  if (lost.exchange(false) || !(size == drawn_size_)) text += "\033[2J";
  drawn_size_ = size;
  text += "\033[H";
  for (const char character : lines) {
    if (character == '\n') {
      text += "\033[K\r\n";
    } else {
      text += character;
    }
  }
  text += "\033[K\033[J\033[?2026l";
  write_all(text);
}

bool TerminalScreen::has_keys() const { return reads_keys; }

std::optional<char> TerminalScreen::key() {
  if (!reads_keys || !entered || !in_foreground()) return std::nullopt;
  char key = 0;
  if (::read(STDIN_FILENO, &key, 1) != 1) return std::nullopt;
  return key;
}

std::string TerminalScreen::last_printed() const {
  std::string line = held_err_->last_line();
  return line.empty() ? held_out_->last_line() : line;
}

}  // namespace unspool::internal
