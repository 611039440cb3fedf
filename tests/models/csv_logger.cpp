#include <doctest/doctest.h>
#include <string>

#include <unspool/core/error.h>
#include <unspool/models/csv_logger.h>
#include <unspool/serialization/file.h>

#include "../serialization/folder.h"
#include "../support/errors.h"
#include "monitored.h"

using namespace unspool;
using namespace unspool::testing;

namespace {

/// Epochs with these logs.
void logged_fit(const std::vector<Logs>& epochs, std::shared_ptr<Callback> logger) {
  Sequential model = watched_model();
  const auto source = LambdaCallback(
      {.on_epoch_end = [&](Index epoch, Logs& logs) { logs = epochs.at(static_cast<std::size_t>(epoch)); }});
  model.fit(
      Tensor::zeros({1, 1}), Tensor::zeros({1, 1}),
      {.epochs = static_cast<Index>(epochs.size()), .verbose = 0, .callbacks = {source, std::move(logger)}});
}

}  // namespace

TEST_CASE("CSVLogger writes the columns that Keras writes") {
  const Folder folder;
  const std::string path = (folder / "log.csv").native();
  logged_fit({{{"mae", 0.5}, {"loss", 0.1}}, {{"mae", 1e-9}, {"loss", 2}}},
             CSVLogger(path, {.separator = ";"}));
  CHECK(read_file(path) == "epoch;loss;mae;val_loss;val_mae\n0;0.1;0.5;NA;NA\n1;2;1e-09;NA;NA\n");
  // Epochs without a validation, or with one that begins later.
  logged_fit({{{"loss", 1}, {"val_loss", 2}}, {{"loss", 3}}}, CSVLogger(path));
  CHECK(read_file(path) == "epoch,loss,val_loss\n0,1,2\n1,3,NA\n");
  logged_fit({{{"loss", 1}}, {{"loss", 3}, {"val_loss", 2}}}, CSVLogger(path));
  CHECK(read_file(path) == "epoch,loss,val_loss\n0,1,NA\n1,3,2\n");
}

TEST_CASE("CSVLogger adds rows to a file") {
  const Folder folder;
  const std::string path = (folder / "log.csv").native();
  const auto append = [&](const std::vector<Logs>& epochs) {
    logged_fit(epochs, CSVLogger(path, {.append = true}));
  };
  append({{{"loss", 1}, {"val_loss", 2}}});
  append({{{"loss", 3}}});
  CHECK(read_file(path) == "epoch,loss,val_loss\n0,1,2\n0,3,NA\n");
  CHECK(contains(message_of<ValueError>([&] {
                   append({{{"loss", 1}, {"mae", 2}}});
                 }),
                 "CSVLogger: expected the columns epoch, loss, mae in"));
  CHECK(contains(message_of<FileError>([&] {
                   logged_fit({{{"loss", 1}}}, CSVLogger("no/such/folder/a.csv"));
                 }),
                 "CSVLogger: cannot write \"no/such/folder/a.csv\""));
  CHECK(contains(message_of<ValueError>([] { CSVLogger("a", {.separator = ""}); }), "expected a separator"));
}
