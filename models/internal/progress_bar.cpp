#include <iostream>

#include <unspool/core/internal/format.h>
#include <unspool/models/internal/progress_bar.h>

namespace unspool::internal {

void ProgressBar::on_epoch_begin(Index epoch) {
  if (params().verbose != 0 && params().epochs > 1) {
    std::cout << fmt::format("Epoch {}/{}\n", epoch + 1, params().epochs) << std::flush;
  }
  start();
}

void ProgressBar::start() {
  done_ = 0;
  if (!steps_) steps_ = params().steps;
  progress_.emplace(params().verbose, steps_);
}

void ProgressBar::update(Index batch, const Logs& logs) {
  done_ = batch + 1;
  progress_->update(done_, logs);
}

void ProgressBar::finish(const Logs& logs) {
  if (!steps_) steps_ = done_;
  progress_->finish(logs);
  progress_.reset();
}

}  // namespace unspool::internal
