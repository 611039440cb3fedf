#pragma once

#include <concepts>
#include <memory>
#include <string>
#include <utility>

#include <unspool/models/callback.h>
#include <unspool/models/callback_path.h>
#include <unspool/models/frequency.h>

namespace unspool {

/// Keras' arguments of BackupAndRestore(). The first one may stand in front of the others.
struct BackupAndRestoreOptions {
  /// The folder of the backup.
  std::string backup_dir = {};
  /// "epoch", or the number of batches after which to write a backup.
  Frequency save_freq = "epoch";
  /// Whether to delete the backup at the end of training.
  bool delete_checkpoint = true;
};

///@{
/// A callback that lets a program that was killed go on: started again, fit() continues from the last backup
/// in the folder and ends bit-identical to a run that was not killed, unless a step depends on what
/// training_state() does not know. A backup replaces the one before atomically. It is written when an epoch
/// or batch begins, once all callbacks have finished the one before. Training that Ctrl-C has stopped keeps
/// its backup. Throws ValueError for an empty path; fit() throws FileError if the backup cannot be written,
/// or is that of another model.
std::shared_ptr<Callback> BackupAndRestore(BackupAndRestoreOptions options);
template <std::convertible_to<std::string> Path>
std::shared_ptr<Callback> BackupAndRestore(Path&& backup_dir, BackupAndRestoreOptions options = {}) {
  options.backup_dir =
      internal::callback_path(std::forward<Path>(backup_dir), options.backup_dir, "BackupAndRestore");
  return BackupAndRestore(std::move(options));
}
///@}

}  // namespace unspool
