// Seconds and memory of saving and loading about 100 MB of weights, beside copying the file with cp.
//   files [ROUNDS [FOLDER]]
// Each measurement is a process of its own; copies and measurements take turns, and medians are printed.
// Saving replaces a file and syncs it and its folder, so the copy does as well: cp FILE COPY over an older
// copy, then fsync of both. Loading is compared with cp alone; the file is in the cache of the system on both
// sides. The peak is the memory that the call took at most beyond what the process had before, as a part of
// the size of the file: for load_model() the model is in it.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <unistd.h>
#include <vector>

#include <unspool/unspool.h>

using namespace unspool;
namespace fs = std::filesystem;

namespace {

double seconds_of(const std::function<void()>& run) {
  const auto start = std::chrono::steady_clock::now();
  run();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// Resident memory in bytes: now ("VmRSS:"), or at most ("VmHWM:").
double resident(const std::string& which) {
  std::ifstream status("/proc/self/status");
  std::string word;
  double kilobytes = 0;
  while (status >> word) {
    if (word == which) status >> kilobytes;
  }
  return 1024 * kilobytes;
}

void forget_peak() { std::ofstream("/proc/self/clear_refs") << 5; }

void sync_path(const std::string& path, int flags) {
  const int descriptor = ::open(path.c_str(), flags | O_CLOEXEC);
  if (descriptor < 0 || ::fsync(descriptor) != 0) std::perror(path.c_str());
  ::close(descriptor);
}

Sequential large_model() {
  // Without the orthogonal initializer, which takes long.
  return Sequential(
      {Input({.shape = {10, 64}}),
       LSTM({.units = 1500, .recurrent_initializer = "glorot_uniform", .return_sequences = true}),
       GRU({.units = 1500, .recurrent_initializer = "glorot_uniform"}), Dense({.units = 1000})});
}

Safetensors by_path(const Model& model) {
  Safetensors content;
  for (const Variable& weight : model.weights()) content.tensors.push_back({weight.path(), weight.value()});
  return content;
}

/// Runs one call and prints its seconds and its peak.
int measure(const std::string& what, const std::string& path, const std::string& source) {
  std::function<void()> run;
  Model model;
  Safetensors content;
  const bool weights = what.ends_with("weights");
  const bool tensors = path.ends_with(".safetensors");
  if (what.starts_with("save") || (weights && !tensors)) model = load_model(source);
  if (tensors && what.starts_with("save")) content = by_path(model);
  if (what.starts_with("save")) {
    run = [&] {
      tensors ? save_safetensors(path, content) : weights ? model.save_weights(path) : model.save(path);
    };
  } else if (tensors) {
    run = [&] { content = load_safetensors(path); };
  } else if (weights) {
    run = [&] { model.load_weights(path); };
  } else {
    run = [&] { model = load_model(path); };
  }
  forget_peak();
  const double before = resident("VmRSS:");
  const double seconds = seconds_of(run);
  const double peak = resident("VmHWM:") - before;
  std::printf("%.6f %.6f\n", seconds, peak / static_cast<double>(fs::file_size(path)));
  return 0;
}

struct Figures {
  double seconds = 0;
  double peak = 0;
};

Figures measure_in_process(const std::string& what, const std::string& path, const std::string& source) {
  const std::string command =
      fs::read_symlink("/proc/self/exe").native() + " run " + what + " " + path + " " + source;
  Figures figures;
  std::FILE* const output = ::popen(command.c_str(), "r");
  if (output == nullptr || std::fscanf(output, "%lf %lf", &figures.seconds, &figures.peak) != 2) {
    std::fprintf(stderr, "%s failed\n", command.c_str());
    std::exit(1);
  }
  ::pclose(output);
  return figures;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 5 && std::strcmp(argv[1], "run") == 0) return measure(argv[2], argv[3], argv[4]);
  const int rounds = argc > 1 ? std::atoi(argv[1]) : 7;
  const std::string folder = argc > 2 ? argv[2] : "build/bench_files";
  fs::create_directories(folder);
  const std::string source = folder + "/source.unspool";
  large_model().save(source);
  const std::string copy = folder + "/copy";
  const auto copy_file = [&](const std::string& path) {
    if (std::system(("cp " + path + " " + copy).c_str()) != 0) std::exit(1);
  };
  std::printf("%-26s %8s  %8s %8s %6s  %8s %8s %6s  %5s %5s\n", "", "MB", "save s", "cp+sync", "speed",
              "load s", "cp", "speed", "save", "load");
  for (const std::string name :
       {"model.unspool", "weights.unspool", "model.keras", "model.weights.h5", "weights.safetensors"}) {
    const std::string path = folder + "/" + name;
    const std::string part = name.find("weights") == std::string::npos ? "" : "_weights";
    measure_in_process("save" + part, path, source);
    std::vector<double> save, load, synced_copy, plain_copy, save_peak, load_peak;
    for (int i = 0; i < rounds; ++i) {
      synced_copy.push_back(seconds_of([&] {
        copy_file(path);
        sync_path(copy, O_RDONLY);
        sync_path(folder, O_RDONLY | O_DIRECTORY);
      }));
      const Figures saved = measure_in_process("save" + part, path, source);
      save.push_back(saved.seconds);
      save_peak.push_back(saved.peak);
      plain_copy.push_back(seconds_of([&] { copy_file(path); }));
      const Figures loaded = measure_in_process("load" + part, path, source);
      load.push_back(loaded.seconds);
      load_peak.push_back(loaded.peak);
    }
    std::printf("%-26s %8.1f  %8.3f %8.3f %6.2f  %8.3f %8.3f %6.2f  %5.2f %5.2f\n", name.c_str(),
                static_cast<double>(fs::file_size(path)) * 1e-6, median(save), median(synced_copy),
                median(synced_copy) / median(save), median(load), median(plain_copy),
                median(plain_copy) / median(load), median(save_peak), median(load_peak));
    std::fflush(stdout);
  }
  fs::remove_all(folder);
}
