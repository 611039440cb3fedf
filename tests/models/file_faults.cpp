#include <doctest/doctest.h>

// What happens to files when the process is killed, or a system call fails, in the middle of writing or
// reading. tests/serialization/file.cpp does the same for some functions of the C library, on every
// processor. Not with sanitizers, which make system calls of their own.
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define UNSPOOL_SANITIZED
#endif
#endif
#if defined(__linux__) && defined(__x86_64__) && !defined(UNSPOOL_SANITIZED) && !defined(__SANITIZE_THREAD__)

#include <algorithm>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

#include <unspool/autograd/random.h>
#include <unspool/core/error.h>
#include <unspool/layers/dense.h>
#include <unspool/layers/gru.h>
#include <unspool/layers/input.h>
#include <unspool/models/sequential.h>
#include <unspool/optim/adam.h>
#include <unspool/serialization/archive.h>
#include <unspool/serialization/file.h>
#include <unspool/serialization/npy.h>
#include <unspool/serialization/npz.h>
#include <unspool/serialization/safetensors.h>

#include "../serialization/folder.h"
#include "../support/errors.h"
#include "../support/same_bits.h"
#include "../support/traced_process.h"

using namespace unspool;
using namespace unspool::testing;
namespace fs = std::filesystem;

namespace {

/// A folder in memory, if the system has such: a thousand files are synced.
fs::path quick_folder() {
  return fs::is_directory("/dev/shm") ? fs::path("/dev/shm") : fs::temp_directory_path();
}

Sequential stateful_gru_model(Index epochs) {
  set_seed(5);
  Sequential model(
      {Input({.batch_shape = {4, 3, 2}}), GRU({.units = 3, .stateful = true}), Dense({.units = 1})});
  model.compile({.optimizer = Adam(.01), .loss = "mse"});
  const Tensor samples = random_uniform({4, 3, 2}, -1, 1, float32, RandomKey{1, 0});
  model.fit(samples, Tensor::ones({4, 1}), {.batch_size = 4, .epochs = epochs, .verbose = 0});
  return model;
}

struct FileWriter {
  const char* name;  ///< Of the file.
  std::function<void(const std::string& path)> write_old;
  std::function<void(const std::string& path)> write_new;
};

/// Each function that writes a file. The old and the new file differ in size where the format allows it.
std::vector<FileWriter> file_writers() {
  static const Sequential before = stateful_gru_model(1);
  static const Sequential after = stateful_gru_model(2);
  const Tensor small = Tensor::of({1, 2});
  const Tensor large = random_normal({300, 100});  // More than one buffer of the writer.
  const auto archive = [](const Tensor& tensor) {
    return Snapshot{.config = Config::map({{"rank", tensor.rank()}}),
                    .tensors = {{"a", tensor}, {"b", tensor}}};
  };
  const auto safetensors = [](const Tensor& tensor) {
    return Safetensors{.tensors = {{"a", tensor}, {"b", tensor}}};
  };
  return {{"model.unspool", [](const std::string& path) { before.save(path); },
           [](const std::string& path) { after.save(path); }},
          {"weights.unspool", [](const std::string& path) { before.save_weights(path); },
           [](const std::string& path) { after.save_weights(path); }},
          {"model.keras", [](const std::string& path) { before.save(path); },
           [](const std::string& path) { after.save(path); }},
          {"model.weights.h5", [](const std::string& path) { before.save_weights(path); },
           [](const std::string& path) { after.save_weights(path); }},
          {"archive", [=](const std::string& path) { save_archive(path, archive(small)); },
           [=](const std::string& path) { save_archive(path, archive(large)); }},
          {"a.safetensors", [=](const std::string& path) { save_safetensors(path, safetensors(small)); },
           [=](const std::string& path) { save_safetensors(path, safetensors(large)); }},
          {"a.npy", [=](const std::string& path) { save_npy(path, small); },
           [=](const std::string& path) { save_npy(path, large); }},
          {"a.npz",
           [=](const std::string& path) {
             save_npz(path, {{"a", small}, {"b", small}});
           },
           [=](const std::string& path) {
             save_npz(path, {{"a", large}, {"b", large}});
           }},
          {"a.txt", [](const std::string& path) { write_file_atomically(path, "old"); },
           [](const std::string& path) { write_file_atomically(path, std::string(100'000, 'n')); }}};
}

/// Calls for memory: they are not about the file, and malloc() may have another way.
bool about_memory(long number) {
  return number == SYS_brk || number == SYS_mmap || number == SYS_munmap || number == SYS_madvise ||
         number == SYS_mprotect || number == SYS_mremap;
}

/// The number of a call to open a file and of one to open a folder, by their flags.
bool opens(const SystemCall& call, long flags) {
  return call.number == SYS_openat && (call.third & flags) == flags && call.result >= 0;
}

std::size_t entries(const fs::path& folder) {
  return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

/// All faults of one kind: returns how many calls there were.
std::size_t check_all_faults(const FileWriter& writer, SystemFault fault, bool has_old) {
  const Folder folder(quick_folder());
  const fs::path path = folder / writer.name;
  writer.write_old(path);
  const std::string old_bytes = read_file(path);
  writer.write_new(path);
  const std::string new_bytes = read_file(path);
  REQUIRE(old_bytes != new_bytes);
  for (fault.at = 1;; ++fault.at) {
    for (const fs::directory_entry& entry : fs::directory_iterator(folder / "")) fs::remove(entry);
    if (has_old) {
      std::ofstream(path) << old_bytes;
      fs::permissions(path, fs::perms(0600));
    }
    const TracedRun run = run_traced([&] { writer.write_new(path); }, fault);
    if (!run.met) break;
    const SystemCall& hit = run.calls[fault.at - 1];
    CAPTURE(fault.at);
    CAPTURE(hit.number);
    CAPTURE(run.message);
    CHECK(run.killed == (fault.kind == SystemFault::Kind::kill));
    const bool exists = fs::exists(path);
    CHECK((exists || !has_old));
    const std::string bytes = exists ? read_file(path) : old_bytes;
    CHECK((bytes == old_bytes || bytes == new_bytes));
    if (has_old) CHECK(fs::status(path).permissions() == fs::perms(0600));
    if (run.killed) continue;
    if (!run.threw) CHECK(bytes == new_bytes);
    // Nothing is left beside the file.
    CHECK(entries(folder / "") == (exists ? 1 : 0));
    if (run.threw && !about_memory(hit.number)) {
      CHECK(contains(run.message, path.native()));
      CHECK(contains(run.message, std::strerror(fault.error)));
    }
  }
  return fault.at - 1;
}

}  // namespace

TEST_CASE("a file is synced before it takes its name, and its folder after that") {
  for (const FileWriter& writer : file_writers()) {
    CAPTURE(writer.name);
    const Folder folder(quick_folder());
    const std::string path = (folder / writer.name).native();
    writer.write_old(path);
    const TracedRun run = run_traced([&] { writer.write_new(path); });
    REQUIRE_MESSAGE(run.message.empty(), run.message);
    std::vector<long>
        order;  // The calls that count; descriptors of the file and of the folder are told apart.
    long file = -1;
    long parent = -1;
    for (const SystemCall& call : run.calls) {
      if (opens(call, O_CREAT | O_EXCL)) file = call.result;
      if (opens(call, O_DIRECTORY)) parent = call.result;
      if (call.number == SYS_write && call.first == file && order.empty()) order.push_back('w');
      if (call.number == SYS_fsync) order.push_back(call.first == file && parent < 0 ? 'f' : 'd');
      if (call.number == SYS_rename) order.push_back('r');
      if (call.number == SYS_fsync && parent >= 0) CHECK(call.first == parent);
    }
    CHECK(order == std::vector<long>{'w', 'f', 'r', 'd'});
  }
}

TEST_CASE("a writer that is killed at any of its system calls leaves the old file or the new one") {
  for (const FileWriter& writer : file_writers()) {
    CAPTURE(writer.name);
    for (const bool has_old : {true, false}) {
      CAPTURE(has_old);
      CHECK(check_all_faults(writer, {.kind = SystemFault::Kind::kill}, has_old) > 8);
    }
  }
}

TEST_CASE("whichever system call of a writer fails, the old file or the new one is there, and nothing else") {
  for (const FileWriter& writer : file_writers()) {
    CAPTURE(writer.name);
    for (const int error : {ENOSPC, EIO, EINTR}) {
      CAPTURE(error);
      CHECK(check_all_faults(writer, {.kind = SystemFault::Kind::fail, .error = error}, true) > 8);
    }
    CHECK(check_all_faults(writer, {.kind = SystemFault::Kind::fail, .error = EDQUOT}, false) > 8);
    CHECK(check_all_faults(writer, {.kind = SystemFault::Kind::shorten}, true) > 8);
  }
}

TEST_CASE("whichever system call of a reader fails, it names the file, and a model stays as it was") {
  for (const char* const name : {"model.unspool", "weights.unspool", "model.keras", "model.weights.h5"}) {
    CAPTURE(name);
    const bool whole = std::string(name).starts_with("model.") && !std::string(name).ends_with(".h5");
    const Folder folder(quick_folder());
    const std::string path = (folder / name).native();
    const Sequential saved = stateful_gru_model(2);
    if (whole) {
      saved.save(path);
    } else {
      saved.save_weights(path);
    }
    Sequential other = stateful_gru_model(1);
    const std::vector<Tensor> before = other.get_weights();
    const std::vector<Tensor> after = saved.get_weights();
    const auto read = [&] {
      if (whole) {
        if (!same_bits(load_model(path).get_weights(), after)) throw std::runtime_error("other weights");
        return;
      }
      try {
        other.load_weights(path);
      } catch (const FileError&) {
        if (!same_bits(other.get_weights(), before)) throw std::runtime_error("a half-loaded model");
        throw;
      }
      if (!same_bits(other.get_weights(), after)) throw std::runtime_error("other weights");
    };
    std::size_t failed = 0;
    SystemFault fault{.kind = SystemFault::Kind::fail, .at = 1, .error = EIO};
    for (;; ++fault.at) {
      const TracedRun run = run_traced(read, fault);
      if (!run.met) break;
      CAPTURE(fault.at);
      CAPTURE(run.message);
      CHECK_FALSE(run.killed);
      if (!run.threw || about_memory(run.calls[fault.at - 1].number)) continue;
      ++failed;
      CHECK(contains(run.message, path));
      CHECK(contains(run.message, std::strerror(EIO)));
    }
    CHECK(failed >= 3);
  }
}

#else

TEST_CASE("faults of system calls are tested on Linux on x86-64 only") {}

#endif
