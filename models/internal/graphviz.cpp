#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <spawn.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>
#include <vector>

#include <unspool/core/config.h>
#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/models/internal/graphviz.h>
#include <unspool/serialization/file.h>

extern "C" char** environ;

namespace unspool {
namespace {

/// A file with a text, removed at the end.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& text) {
    path_ = (std::filesystem::temp_directory_path() / "unspool_graph.XXXXXX").native();
    const int descriptor = ::mkstemp(path_.data());
    if (descriptor < 0) {
      throw FileError("cannot write " + in_quotes(path_) + ": " + std::generic_category().message(errno));
    }
    ::close(descriptor);
    write_file_atomically(path_, text);
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  ~TemporaryFile() { ::unlink(path_.c_str()); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace

void internal::run_graphviz(const std::string& text, const std::string& format, const std::string& to_file,
                            const std::string& who) {
  const TemporaryFile source(text);
  std::vector<std::string> words = {"dot", "-T" + format, "-o", to_file, source.path()};
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  pid_t child = 0;
  if (const int error = ::posix_spawnp(&child, "dot", nullptr, nullptr, arguments.data(), environ)) {
    throw RuntimeError(
        fmt::format("{}({}): expected Graphviz' program dot on the PATH, got an error when starting it ({}): "
                    "install Graphviz, or write a file with the extension .dot",
                    who, in_quotes(to_file), std::generic_category().message(error)));
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    throw RuntimeError(
        fmt::format("{}({}): Graphviz' program dot failed; it must know the format {} and be able to "
                    "write the file",
                    who, in_quotes(to_file), in_quotes(format)));
  }
}

std::string internal::graphviz_svg(const std::string& text) {
  const TemporaryFile image("");
  run_graphviz(text, "svg", image.path(), "to_svg");
  return read_file(image.path());
}

}  // namespace unspool
