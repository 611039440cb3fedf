#pragma once

#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstring>
#include <exception>
#include <string>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

/// Runs a function in a child process whose system calls are traced, as strace does, so that one of them can
/// be made to fail. For Linux on x86-64, whose registers it names.
namespace unspool::testing {

/// What happens at the system call number `at`, counted from 1.
struct SystemFault {
  enum class Kind { none, kill, fail, shorten };
  Kind kind = Kind::none;
  std::size_t at = 0;
  /// The error of a call that fails; it is not carried out.
  int error = 0;
};

struct SystemCall {
  long number;
  long first;  ///< Argument.
  long third;  ///< Argument.
  long result;
};

struct TracedRun {
  std::vector<SystemCall> calls;
  bool met = false;     ///< Whether the process came to the call of the fault.
  bool killed = false;  ///< By a signal.
  bool threw = false;
  std::string message;  ///< Of the exception that was thrown.
};

/// Runs f() in a child process. An exception is reported by its message.
template <class F>
TracedRun run_traced(F&& f, const SystemFault& fault = {}) {
  constexpr std::size_t most_text = 4096;
  void* const shared = ::mmap(nullptr, most_text, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  char* const text = static_cast<char*>(shared);
  const pid_t child = ::fork();
  if (child == 0) {
    int status = 0;
    if (::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) ::_exit(99);
    ::raise(SIGSTOP);
    try {
      f();
    } catch (const std::exception& error) {
      std::strncpy(text, error.what(), most_text - 1);
      status = 1;
    }
    ::_exit(status);
  }
  TracedRun run;
  int status = 0;
  ::waitpid(child, &status, 0);
  ::ptrace(PTRACE_SETOPTIONS, child, nullptr, static_cast<long>(PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL));
  bool inside = false;
  bool replaced = false;
  long signal = 0;
  while (!WIFEXITED(status) && !WIFSIGNALED(status)) {
    ::ptrace(PTRACE_SYSCALL, child, nullptr, signal);
    ::waitpid(child, &status, 0);
    signal = 0;
    if (!WIFSTOPPED(status)) continue;
    if (WSTOPSIG(status) != (SIGTRAP | 0x80)) {
      signal = WSTOPSIG(status);
      continue;
    }
    user_regs_struct registers{};
    ::ptrace(PTRACE_GETREGS, child, nullptr, &registers);
    if (inside) {
      if (run.calls.size() == fault.at) {
        if (replaced) registers.rax = static_cast<unsigned long long>(-fault.error);
        // A process relies on its arguments after a call.
        registers.rdi = static_cast<unsigned long long>(run.calls.back().first);
        registers.rdx = static_cast<unsigned long long>(run.calls.back().third);
        ::ptrace(PTRACE_SETREGS, child, nullptr, &registers);
      }
      run.calls.back().result = static_cast<long>(registers.rax);
    } else if (const long number = static_cast<long>(registers.orig_rax); number != SYS_exit_group) {
      run.calls.push_back({number, static_cast<long>(registers.rdi), static_cast<long>(registers.rdx), 0});
      if (fault.kind != SystemFault::Kind::none && run.calls.size() == fault.at) {
        run.met = true;
        if (fault.kind == SystemFault::Kind::kill) ::kill(child, SIGKILL);
        if (fault.kind == SystemFault::Kind::fail) {
          // brk() has no errors: where it cannot move the end of the heap, it returns where that is, as
          // brk(0) does.
          if (number == SYS_brk) {
            registers.rdi = 0;
          } else {
            registers.orig_rax = static_cast<unsigned long long>(-1);
          }
        }
        if (fault.kind == SystemFault::Kind::shorten && number == SYS_write)
          registers.rdx = (registers.rdx + 1) / 2;
        if (fault.kind != SystemFault::Kind::kill) ::ptrace(PTRACE_SETREGS, child, nullptr, &registers);
      }
      replaced = run.met && run.calls.size() == fault.at && fault.kind == SystemFault::Kind::fail &&
                 number != SYS_brk;
    }
    inside = !inside;
  }
  run.killed = WIFSIGNALED(status);
  run.threw = WIFEXITED(status) && WEXITSTATUS(status) == 1;
  if (WIFEXITED(status) && WEXITSTATUS(status) == 99) run.message = "this system does not allow ptrace";
  if (run.threw) run.message = text;
  ::munmap(shared, most_text);
  return run;
}

}  // namespace unspool::testing
