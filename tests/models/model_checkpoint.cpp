#include <algorithm>
#include <doctest/doctest.h>
#include <filesystem>
#include <iostream>
#include <string>
#include <vector>

#include <unspool/core/error.h>
#include <unspool/models/backup_and_restore.h>
#include <unspool/models/csv_logger.h>
#include <unspool/models/internal/format_path.h>
#include <unspool/models/model_checkpoint.h>
#include <unspool/models/saving.h>
#include <unspool/models/tensorboard.h>

#include "../serialization/folder.h"
#include "../support/errors.h"
#include "../support/printed.h"
#include "monitored.h"

using namespace unspool;
using namespace unspool::testing;

namespace {

std::vector<std::string> files_in(const std::filesystem::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    names.push_back(entry.path().filename());
  std::sort(names.begin(), names.end());
  return names;
}

using FileNames = std::vector<std::string>;

double saved_weight(const std::string& path) { return load_model(path).get_weights()[0].item<double>(); }

}  // namespace

TEST_CASE("ModelCheckpoint saves the model after each epoch, with values in the name") {
  const Folder folder;
  Sequential model = watched_model();
  watched_fit(model, {3, 2.456, 2.5},
              {ModelCheckpoint((folder / "a/b" / "w_{epoch:02d}-{val_loss:.2f}.unspool").native())});
  CHECK(files_in(folder / "a/b") == FileNames{"w_01-3.00.unspool", "w_02-2.46.unspool", "w_03-2.50.unspool"});
  CHECK(saved_weight((folder / "a/b" / "w_02-2.46.unspool").native()) == 1);
}

TEST_CASE("ModelCheckpoint saves what is better than before") {
  const Folder folder;
  const std::string path = (folder / "best.unspool").native();
  Sequential model = watched_model();
  const auto best = [&](const std::vector<double>& values, ModelCheckpointOptions options) {
    std::filesystem::remove(path);
    options.save_best_only = true;
    watched_fit(model, values, {ModelCheckpoint(path, std::move(options))});
    return std::filesystem::exists(path) ? saved_weight(path) : -1;
  };
  CHECK(best({3, 1, 2, 1}, {}) == 1);
  CHECK(best({3, 1, 2, 4, 2}, {.mode = "max"}) == 3);
  CHECK(best({3, 1, 2}, {.initial_value_threshold = 0.5}) == -1);
  CHECK(best({3, 1, 0.4}, {.initial_value_threshold = 0.5}) == 2);

  const std::string text = printed_by(std::cout, [&] {
    watched_fit(model, {3, 1, 2}, {ModelCheckpoint(path, {.verbose = 1, .save_best_only = true})});
  });
  // As Keras prints it.
  CHECK(text == "\nEpoch 1: val_loss improved from None to 3.00000, saving model to " + path +
                    "\n\nEpoch 1: finished saving model to " + path +
                    "\n\nEpoch 2: val_loss improved from 3.00000 to 1.00000, saving model to " + path +
                    "\n\nEpoch 2: finished saving model to " + path +
                    "\n\nEpoch 3: val_loss did not improve from 1.00000\n");
}

TEST_CASE("the path of a callback may be one of its options") {
  const Folder folder;
  Sequential model = watched_model();
  watched_fit(model, {1, 2},
              {ModelCheckpoint({.filepath = (folder / "{epoch}.unspool").native()}),
               CSVLogger({.filename = (folder / "log.csv").native()}),
               TensorBoard({.log_dir = (folder / "logs").native(), .write_graph = false}),
               BackupAndRestore({.backup_dir = (folder / "backup").native(), .delete_checkpoint = false})});
  CHECK(files_in(folder / "") == FileNames{"1.unspool", "2.unspool", "backup", "log.csv", "logs"});
  CHECK_THROWS_WITH_AS(ModelCheckpoint("a", {.filepath = "b"}),
                       "ModelCheckpoint: expected one path, got \"a\" and, among the options, \"b\"",
                       ValueError);
}

TEST_CASE("ModelCheckpoint goes on with its best value in the next fit()") {
  const Folder folder;
  const std::string path = (folder / "best.unspool").native();
  Sequential model = watched_model();
  const auto checkpoint = ModelCheckpoint(path, {.save_best_only = true});
  watched_fit(model, {3, 1}, {checkpoint});
  watched_fit(model, {2, 2, 2}, {checkpoint});
  CHECK(saved_weight(path) == 1);
}

TEST_CASE("ModelCheckpoint saves after every so many batches") {
  const Folder folder;
  Sequential model = watched_model();
  // 5 batches an epoch: the count goes on in the next one.
  model.fit(Tensor::zeros({5, 1}), Tensor::zeros({5, 1}),
            {.batch_size = 1,
             .epochs = 2,
             .verbose = 0,
             .callbacks = {ModelCheckpoint((folder / "{epoch}-{batch}.weights").native(),
                                           {.save_weights_only = true, .save_freq = 3})}});
  CHECK(files_in(folder / ".") == FileNames{"1-3.weights", "2-1.weights", "2-4.weights"});
  Sequential other = watched_model();
  other.load_weights((folder / "2-4.weights").native());
}

TEST_CASE("ModelCheckpoint and mistakes") {
  const Folder folder;
  Sequential model = watched_model();
  const auto fit = [&](const std::string& name, ModelCheckpointOptions options = {}) {
    watched_fit(model, {1}, {ModelCheckpoint((folder / name.c_str()).native(), std::move(options))});
  };
  CHECK(contains(
      message_of<ValueError>([&] { fit("{epocj}"); }),
      "expected a name in the logs (loss, val_loss, epoch), got \"epocj\": did you mean \"epoch\"?"));
  CHECK(contains(message_of<ValueError>([&] { fit("{val_loss:02d}"); }), "expected a format for val_loss"));
  CHECK(contains(
      message_of<ValueError>([&] { fit("a", {.monitor = "acc", .save_best_only = true, .mode = "max"}); }),
      "ModelCheckpoint: expected a name in the logs (loss, val_loss), got \"acc\""));
  CHECK(contains(message_of<ValueError>([&] { ModelCheckpoint("a", {.save_freq = 0}); }),
                 "at least 1 batch, got 0"));
  CHECK(contains(message_of<ValueError>([&] { ModelCheckpoint("a", {.save_freq = "day"}); }), "got \"day\""));
  const std::string warning = printed_by(std::cerr, [&] {
    model.fit(Tensor::zeros({1, 1}), Tensor::zeros({1, 1}),
              {.verbose = 0, .callbacks = {ModelCheckpoint("a", {.save_best_only = true})}});
  });
  CHECK(contains(warning, "\"val_loss\" was never in the logs, so nothing was saved"));
}

TEST_CASE("the path of a checkpoint follows Python's formats") {
  const auto path = [](std::string_view pattern) {
    return internal::format_path("x", pattern, {{"epoch", 7}}, {{"loss", 0.12345}, {"acc", 1234.5}});
  };
  CHECK(path("plain") == "plain");
  CHECK(path("{epoch}_{epoch:03d}_{epoch:>4}") == "7_007_   7");
  CHECK(path("{loss:.3f} {loss:.2e} {acc:08.1f}") == "0.123 1.23e-01 001234.5");
  CHECK(path("{{epoch}} {loss}") == "{epoch} 0.12345");
  for (const char* wrong : {"{epoch", "epoch}", "{}", "{epoch:.2f}x{", "{loss:q}"}) {
    CAPTURE(wrong);
    CHECK(contains(message_of<ValueError>([&] { path(wrong); }), "x: the path"));
  }
}
