#include <array>
#include <csignal>
#include <cstdlib>
#include <doctest/doctest.h>
#include <filesystem>
#include <iostream>
#include <spawn.h>
#include <sstream>
#include <string>
#include <sys/wait.h>
#include <unistd.h>

#include <unspool/autograd/random.h>
#include <unspool/core/error.h>
#include <unspool/data/dataset.h>
#include <unspool/layers/dense.h>
#include <unspool/layers/input.h>
#include <unspool/layers/lstm.h>
#include <unspool/layers/noise.h>
#include <unspool/models/backup_and_restore.h>
#include <unspool/models/csv_logger.h>
#include <unspool/models/early_stopping.h>
#include <unspool/models/reduce_lr_on_plateau.h>
#include <unspool/models/sequential.h>
#include <unspool/models/training_state.h>
#include <unspool/optim/adam.h>
#include <unspool/serialization/archive.h>
#include <unspool/serialization/file.h>

#include "../serialization/folder.h"
#include "../support/default_interrupt.h"
#include "../support/errors.h"
#include "../support/printed.h"
#include "monitored.h"

extern "C" char** environ;

using namespace unspool;
using namespace unspool::testing;

namespace {

/// How a run of backup_run() goes.
struct BackupRun {
  std::string folder;
  Index kill_after = -1;     ///< After so many batches of this process; negative: never.
  Index batches = 0;         ///< Between backups; 0: one an epoch.
  bool dataset = false;      ///< Whether the data are a Dataset that prefetches.
  bool shared_pass = false;  ///< Whether an epoch has 3 batches, so that epochs share passes over the data.
};

/// Trains a model with all that draws random numbers, and writes weights and History to a file, unless the
/// process kills itself before.
void backup_run(const BackupRun& run) {
  set_seed(7);
  Sequential model({Input({.shape = {5, 2}}), GaussianNoise({.stddev = 0.1}),
                    LSTM({.units = 3, .dropout = 0.2, .recurrent_dropout = 0.2}), Dropout({.rate = 0.3}),
                    Dense({.units = 1})});
  model.compile({.optimizer = Adam({.learning_rate = 0.01}), .loss = "mse", .metrics = {"mae"}});
  const Tensor x = random_normal({28, 5, 2});
  const Tensor y = random_normal({28, 1});
  Index batches = 0;
  const auto kill = LambdaCallback({.on_train_batch_end = [&] {
    if (++batches == run.kill_after) ::raise(SIGKILL);
  }});
  // Draws from the process-wide generator, which the backup has, too.
  const auto draw = LambdaCallback({.on_epoch_end = [&](Index, Logs& logs) {
    logs.set("drawn", random_uniform({}, 0, 1).item<double>());
  }});
  FitOptions options{
      .batch_size = 4,
      .epochs = 4,
      .verbose = 0,
      .callbacks = {BackupAndRestore(run.folder + "/backup",
                                     {.save_freq = run.batches == 0 ? Frequency("epoch") : run.batches}),
                    draw, ReduceLROnPlateau({.monitor = "loss", .patience = 0, .min_delta = 0.2}),
                    EarlyStopping({.monitor = "loss", .patience = 3, .restore_best_weights = true}),
                    CSVLogger(run.folder + "/log.csv"), kill},
      .steps_per_epoch = run.shared_pass ? std::optional<Index>(3) : std::nullopt};
  History history;
  if (run.dataset) {
    options.validation_data = {x, y};
    history = model.fit(Dataset(x, y).shuffle(20).batch(4).prefetch(2), options);
  } else {
    options.validation_split = 0.2;
    history = model.fit(x, y, options);
  }
  Snapshot result;
  for (const Tensor& weight : model.get_weights()) {
    result.tensors.push_back({"weight" + std::to_string(result.tensors.size()), weight});
  }
  for (const auto& [name, values] : history.history) result.tensors.push_back({name, Tensor::from(values)});
  result.config =
      Config::list({static_cast<Index>(history.epoch.size()), static_cast<Index>(history.epoch.front())});
  save_archive(run.folder + "/result", result);
}

const char* const backup_case =
    "BackupAndRestore: a run that was killed ends with the bits of one that was not";

/// Runs backup_run() in a process of its own. Returns whether it ended by itself.
bool run_in_process(const BackupRun& run) {
  const std::string settings = std::to_string(run.kill_after) + " " + std::to_string(run.batches) + " " +
                               (run.dataset ? "1 " : "0 ") + (run.shared_pass ? "1" : "0");
  ::setenv("UNSPOOL_BACKUP_FOLDER", run.folder.c_str(), 1);
  ::setenv("UNSPOOL_BACKUP_SETTINGS", settings.c_str(), 1);
  std::array<std::string, 2> words = {"test_models", std::string("--test-case=") + backup_case};
  std::array<char*, 3> arguments = {words[0].data(), words[1].data(), nullptr};
  pid_t child = 0;
  REQUIRE(::posix_spawn(&child, "/proc/self/exe", nullptr, nullptr, arguments.data(), environ) == 0);
  ::unsetenv("UNSPOOL_BACKUP_FOLDER");
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  if (WIFSIGNALED(status)) {
    CHECK(WTERMSIG(status) == SIGKILL);
    return false;
  }
  CHECK(WEXITSTATUS(status) == 0);
  return true;
}

}  // namespace

TEST_CASE("BackupAndRestore: a run that was killed ends with the bits of one that was not") {
  if (const char* const folder = std::getenv("UNSPOOL_BACKUP_FOLDER")) {
    // This is the process that may kill itself.
    BackupRun run{.folder = folder};
    std::istringstream settings(std::getenv("UNSPOOL_BACKUP_SETTINGS"));
    settings >> run.kill_after >> run.batches >> run.dataset >> run.shared_pass;
    backup_run(run);
    return;
  }
  int kills = 0;
  for (const bool dataset : {false, true}) {
    for (const bool shared_pass : {false, true}) {
      const Folder whole;
      REQUIRE(
          run_in_process({.folder = (whole / "").native(), .dataset = dataset, .shared_pass = shared_pass}));
      const std::string expected = read_file((whole / "result").native());
      for (Index k = 0; k < 4; ++k) {
        const Folder folder;
        const std::uint64_t random = random_bits({11, dataset ? 1u : 0u}, static_cast<std::uint64_t>(kills));
        BackupRun run{.folder = (folder / "").native(),
                      .kill_after = static_cast<Index>(1 + random % 9),
                      .batches = k,
                      .dataset = dataset,
                      .shared_pass = shared_pass};
        CAPTURE(dataset);
        CAPTURE(shared_pass);
        CAPTURE(run.batches);
        CAPTURE(run.kill_after);
        // Some runs are killed twice.
        for (Index deaths = 0; deaths < 1 + k % 2; ++deaths) {
          CHECK_FALSE(run_in_process(run));
          ++kills;
          run.kill_after = 2;
        }
        run.kill_after = -1;
        REQUIRE(run_in_process(run));
        CHECK(read_file((folder / "result").native()) == expected);
        CHECK(read_file((folder / "log.csv").native()) == read_file((whole / "log.csv").native()));
        CHECK_FALSE(std::filesystem::exists(folder / "backup"));
      }
    }
  }
  CHECK(kills >= 20);
}

TEST_CASE("the state of training belongs to its model and its hooks") {
  Sequential model = watched_model();
  CHECK(contains(message_of<RuntimeError>([&] { training_state(model); }), "got one outside of fit()"));
  const auto fit = [&](std::shared_ptr<Callback> callback) {
    model.fit(Tensor::zeros({2, 1}), Tensor::zeros({2, 1}),
              {.batch_size = 1, .verbose = 0, .callbacks = {std::move(callback)}});
  };
  const auto save_late = LambdaCallback({.on_train_batch_end = [&] { training_state(model); }});
  CHECK(contains(message_of<RuntimeError>([&] { fit(save_late); }), "got one in another place"));

  Snapshot state;
  fit(LambdaCallback({.on_train_batch_begin = [&] { state = training_state(model); }}));
  CHECK(state.config["batch"].as<Index>() == 1);
  Sequential other({Input({.shape = {1}}), Dense({.units = 2})});
  other.compile({.optimizer = "sgd", .loss = "mse"});
  const auto restore =
      LambdaCallback({.on_train_begin = [&] { restore_training_state(other, state, "the file"); }});
  CHECK(contains(
      message_of<FileError>([&] {
        other.fit(Tensor::zeros({2, 1}), Tensor::zeros({2, 2}), {.verbose = 0, .callbacks = {restore}});
      }),
      "the file: expected the state of this model"));
}

TEST_CASE("BackupAndRestore keeps its backup if asked to, and if it is of another model") {
  const Folder folder;
  const std::string path = (folder / "backup").native();
  Sequential model = watched_model();
  watched_fit(model, {1, 2, 3}, {BackupAndRestore(path, {.delete_checkpoint = false})});
  REQUIRE(std::filesystem::exists(folder / "backup/training_state.unspool"));
  // The epochs before the last one are done.
  const History history = watched_fit(model, {1, 2, 3}, {BackupAndRestore(path)});
  CHECK(history.epoch == std::vector<Index>{0, 1, 2});
  CHECK(history["val_loss"] == std::vector<double>{1, 2, 3});
  CHECK_FALSE(std::filesystem::exists(folder / "backup"));
  CHECK(contains(message_of<ValueError>([] { BackupAndRestore(""); }), "expected a folder"));
}

TEST_CASE("BackupAndRestore keeps the backup of training that Ctrl-C has stopped") {
  const Folder folder;
  const DefaultInterrupt signals;
  const auto fit = [&](bool interrupt) {
    Sequential model = watched_model();
    const auto press = LambdaCallback({.on_train_batch_end = [&](Index batch) {
      if (interrupt && batch == 2) ::raise(SIGINT);
    }});
    return model.fit(
        Tensor::zeros({5, 1}), Tensor::zeros({5, 1}),
        {.batch_size = 1,
         .epochs = 2,
         .verbose = 0,
         .callbacks = {BackupAndRestore((folder / "backup").native(), {.save_freq = 1}), press}});
  };
  printed_by(std::cerr, [&] { CHECK(fit(true).epoch.empty()); });
  CHECK(std::filesystem::exists(folder / "backup/training_state.unspool"));
  CHECK(fit(false).epoch == std::vector<Index>{0, 1});
  CHECK_FALSE(std::filesystem::exists(folder / "backup"));
}
