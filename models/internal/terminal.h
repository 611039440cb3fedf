#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace unspool::internal {

/// Whether the standard output is a terminal that takes escape sequences. What shows progress draws over it
/// then, and writes plain lines elsewhere.
bool writes_to_terminal();

/// The size of a terminal in characters.
struct TerminalSize {
  int columns = 80;
  int rows = 24;
  friend bool operator==(const TerminalSize&, const TerminalSize&) = default;
};
/// The size of the terminal of the standard output, now; 80 by 24 if it does not say.
TerminalSize terminal_size();

/// The terminal as a screen to draw on: the alternate screen, without a cursor, and keys that are read
/// without being shown. The terminal is given back by the destructor, by a signal that ends the process
/// (SIGTERM, SIGHUP, SIGQUIT, a crash, a second Ctrl-C), by std::terminate() and by exit(), and while Ctrl-Z
/// has stopped the process. What the program prints to std::cout and std::cerr meanwhile is held, and printed
/// after it.
class TerminalScreen {
 public:
  /// Null unless the standard output is a terminal, the process is in its foreground, and no other screen
  /// exists.
  static std::unique_ptr<TerminalScreen> open();
  ~TerminalScreen();
  TerminalScreen(const TerminalScreen&) = delete;
  TerminalScreen& operator=(const TerminalScreen&) = delete;

  /// Replaces what the screen shows by these lines, separated by newlines. Does nothing while the process is
  /// in the background.
  void show(std::string_view lines);
  /// Whether the standard input is a terminal, which has keys.
  bool has_keys() const;
  /// A key that was pressed; nothing if there is none.
  std::optional<char> key();
  /// The last line that the program printed meanwhile, to std::cerr or else to std::cout.
  std::string last_printed() const;

 private:
  class HeldOutput;
  TerminalScreen();
  static TerminalScreen* current_;
  std::unique_ptr<HeldOutput> held_out_;
  std::unique_ptr<HeldOutput> held_err_;
  TerminalSize drawn_size_{0, 0};
};

/// Gives the terminal back if there is a screen. For signal handlers.
void leave_screen() noexcept;

}  // namespace unspool::internal
