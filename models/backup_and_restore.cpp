#include <filesystem>

#include <unspool/core/error.h>
#include <unspool/core/make_shared_as.h>
#include <unspool/models/backup_and_restore.h>
#include <unspool/models/model.h>
#include <unspool/models/training_state.h>
#include <unspool/serialization/archive.h>

namespace unspool {
namespace {

namespace fs = std::filesystem;

class Backup final : public Callback {
 public:
  Backup(std::string folder, BackupAndRestoreOptions options)
      : folder_(std::move(folder)), options_(options) {
    if (folder_.empty()) throw ValueError("BackupAndRestore: expected a folder, got an empty path");
    file_ = (fs::path(folder_) / "training_state.unspool").native();
  }

  void on_train_begin() override {
    batches_ = 0;
    begun_ = complete_ = false;
    if (fs::exists(file_)) restore_training_state(model(), load_archive(file_), file_);
  }

  void on_epoch_begin(Index) override {
    if (options_.save_freq.every_epoch() && begun_) save();
    begun_ = true;
  }

  void on_train_batch_begin(Index) override {
    if (options_.save_freq.every_epoch() || batches_ < options_.save_freq.batches()) return;
    batches_ = 0;
    save();
  }
  void on_train_batch_end(Index) override { ++batches_; }

  void on_epoch_end(Index epoch) override { complete_ = epoch + 1 >= params().epochs; }

  void on_train_end() override {
    const bool ended = complete_ || model().stops_training();
    std::error_code ignored;  // What cannot be deleted is still a valid backup.
    if (ended && options_.delete_checkpoint) fs::remove(file_, ignored);
    if (ended && options_.delete_checkpoint && fs::is_empty(folder_, ignored)) fs::remove(folder_, ignored);
  }

 private:
  void save() {
    std::error_code error;
    fs::create_directories(folder_, error);
    if (error) {
      throw FileError("BackupAndRestore: cannot create the folder " + in_quotes(folder_) + ": " +
                      error.message());
    }
    save_archive(file_, training_state(model()));
  }

  std::string folder_;
  std::string file_;
  BackupAndRestoreOptions options_;
  Index batches_ = 0;      // Since the last backup.
  bool begun_ = false;     // Whether this run has begun an epoch.
  bool complete_ = false;  // Whether the last epoch has ended.
};

}  // namespace

std::shared_ptr<Callback> BackupAndRestore(BackupAndRestoreOptions options) {
  return make_shared_as<Callback, Backup>(options.backup_dir, options);
}

}  // namespace unspool
