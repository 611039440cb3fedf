#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <iostream>

#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/core/internal/peak.h>
#include <unspool/core/make_shared_as.h>
#include <unspool/core/threads.h>
#include <unspool/models/dashboard.h>
#include <unspool/models/internal/dashboard_view.h>
#include <unspool/models/internal/fit_run.h>
#include <unspool/models/internal/model.h>
#include <unspool/models/internal/source.h>
#include <unspool/models/internal/stateful.h>
#include <unspool/models/internal/terminal.h>
#include <unspool/models/model.h>

namespace unspool {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_between(Clock::time_point from, Clock::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

/// The share of the time of training that drawing may take, and probes as much again. Together they stay
/// below a hundredth.
constexpr double largest_share = 0.004;
constexpr double seconds_between_draws = 0.1;
constexpr double seconds_between_probes = 1;
/// Samples and time steps of a probe, which keeps some twenty tensors for each.
constexpr Index most_watched_elements = 4000;
constexpr Index most_watched_samples = 16;
constexpr std::size_t most_points = 2000;

/// How much of the time of training may be used for something else, and how much was.
class TimeBudget {
 public:
  void start(Clock::time_point now) {
    start_ = now;
    spent_ = 0;
  }
  /// Whether something that takes so long may be done now.
  bool allows(double seconds, Clock::time_point now) const {
    return spent_ + seconds <= largest_share * seconds_between(start_, now);
  }
  void spend(double seconds) { spent_ += seconds; }

 private:
  Clock::time_point start_;
  double spent_ = 0;
};

class DashboardCallback final : public Callback {
 public:
  explicit DashboardCallback(DashboardOptions options) : options_(std::move(options)) {
    if (!(options_.rate_factor > 1)) {
      throw ValueError(fmt::format("Dashboard: expected rate_factor > 1, got {}", options_.rate_factor));
    }
  }

  bool shows_progress() const override { return internal::writes_to_terminal(); }

  void set_model(Model* model) override {
    screen_.reset();  // Also if an error ends training.
    in_fit_ = false;
    Callback::set_model(model);
  }

  void on_train_begin() override {
    screen_ = internal::TerminalScreen::open();
    if (!screen_) return;
    in_fit_ = true;
    const char* const no_color_wanted = std::getenv("NO_COLOR");
    colored_ = no_color_wanted == nullptr || *no_color_wanted == '\0';
    view_ = {};
    view_.model = model().name();
    view_.epochs = params().epochs;
    view_.steps = params().steps;
    view_.has_keys = screen_->has_keys();
    view_.threads = num_threads();
    view_.learning_rate = model().optimizer().learning_rate();
    start_ = Clock::now();
    last_draw_ = last_probe_ = start_ - std::chrono::hours(1);
    probe_seconds_ = draw_seconds_ = 0;
    step_flops_ = 0;
    printed_.clear();
    epoch_seconds_ = 0;
    epochs_done_ = 0;
    training_steps_ = 0;
    training_seconds_ = 0;
    draw_budget_.start(start_);
    probe_budget_.start(start_);
    refresh(true);
  }

  void on_epoch_begin(Index epoch) override {
    if (!screen_) return;
    view_.epoch = epoch;
    view_.batch = 0;
    view_.validating = false;
    epoch_start_ = Clock::now();
  }

  void on_train_batch_begin(Index) override {
    if (screen_) batch_start_ = Clock::now();
  }

  void on_train_batch_end(Index batch, const Logs& logs) override {
    if (!screen_) return;
    const Clock::time_point now = Clock::now();
    view_.batch = batch + 1;
    // The first step compiles the loops over time.
    if (training_steps_++ > 0) training_seconds_ += seconds_between(batch_start_, now);
    read_keys();
    if (options_.gradients) probe_if_due(now);
    if (!draw_is_due(now)) return;
    note_curves(logs, static_cast<double>(view_.epoch) + share_of_epoch());
    refresh(false);
  }

  void on_test_batch_end(Index) override {
    if (!screen_ || !in_fit_) return;
    view_.validating = true;
    read_keys();
    if (draw_is_due(Clock::now())) refresh(false);
  }

  void on_epoch_end(Index epoch, const Logs& logs) override {
    if (!screen_) return;
    view_.validating = false;
    if (!view_.steps) view_.steps = view_.batch;
    note_curves(logs, static_cast<double>(epoch + 1));
    epoch_seconds_ += seconds_between(epoch_start_, Clock::now());
    ++epochs_done_;
    if (draw_is_due(Clock::now())) refresh(false);
  }

  void on_train_end() override {
    if (!screen_) return;
    update_view();
    view_.has_keys = false;
    view_.message.clear();
    view_.seconds_left.reset();
    const internal::TerminalSize size = internal::terminal_size();
    screen_.reset();
    // The last picture stays.
    std::cout << internal::draw(view_, size.columns, std::min(size.rows - 3, 40), colored_) << std::endl;
  }

 private:
  double share_of_epoch() const {
    if (view_.steps && *view_.steps > 0) {
      return std::min(1.0, static_cast<double>(view_.batch) / static_cast<double>(*view_.steps));
    }
    return 0;
  }

  bool draw_is_due(Clock::time_point now) const {
    return seconds_between(last_draw_, now) >= seconds_between_draws &&
           draw_budget_.allows(draw_seconds_, now);
  }

  /// Adds the values of the logs to the curves.
  void note_curves(const Logs& logs, double epochs) {
    for (const auto& [name, value] : logs) {
      const bool validation = name.starts_with("val_");
      const std::string plain = validation ? name.substr(4) : name;
      auto curve = std::find_if(view_.curves.begin(), view_.curves.end(),
                                [&](const internal::DashboardCurve& each) { return each.name == plain; });
      if (curve == view_.curves.end()) {
        curve = view_.curves.insert(view_.curves.end(), internal::DashboardCurve{.name = plain});
      }
      auto& points = validation ? curve->validation : curve->training;
      points.emplace_back(epochs, value);
      if (points.size() <= most_points) continue;
      // Every other one is as good.
      std::size_t kept = 0;
      for (std::size_t i = 1; i < points.size(); i += 2) points[kept++] = points[i];
      points.resize(kept);
    }
  }

  void update_view() {
    const Clock::time_point now = Clock::now();
    view_.seconds = seconds_between(start_, now);
    view_.seconds_a_step =
        training_steps_ > 1 ? training_seconds_ / static_cast<double>(training_steps_ - 1) : 0;
    view_.learning_rate = model().optimizer().learning_rate();
    if (view_.steps && view_.seconds_a_step > 0) {
      // With an epoch done it is known how long validation and callbacks take.
      const double epoch = epochs_done_ > 0 ? epoch_seconds_ / static_cast<double>(epochs_done_)
                                            : view_.seconds_a_step * static_cast<double>(*view_.steps);
      view_.seconds_left =
          epoch * std::max(0.0, static_cast<double>(view_.epochs - view_.epoch) - share_of_epoch());
    }
    if (step_flops_ > 0 && view_.seconds_a_step > 0) view_.flops = step_flops_ / view_.seconds_a_step;
    if (const std::string printed = screen_->last_printed(); printed != printed_) {
      printed_ = printed;
      view_.message = printed;
    }
  }

  void refresh(bool first) {
    const Clock::time_point begin = Clock::now();
    update_view();
    const internal::TerminalSize size = internal::terminal_size();
    screen_->show(internal::draw(view_, size.columns, size.rows, colored_));
    last_draw_ = Clock::now();
    draw_seconds_ = seconds_between(begin, last_draw_);
    if (!first) draw_budget_.spend(draw_seconds_);
  }

  void read_keys() {
    while (const std::optional<char> key = screen_->key()) {
      switch (*key) {
        case 'q':
          view_.message = "stops after this batch";
          model().stop_training();
          break;
        case 's':
          save();
          break;
        case '+':
        case '=':
          scale_rate(options_.rate_factor);
          break;
        case '-':
        case '_':
          scale_rate(1 / options_.rate_factor);
          break;
        default:
          break;
      }
    }
  }

  void save() {
    const std::string path = options_.save_path.empty() ? view_.model + ".unspool" : options_.save_path;
    try {
      model().save(path);
      view_.message = "saved to " + path;
    } catch (const Error& error) {
      view_.message = error.what();
    }
  }

  void scale_rate(double factor) {
    const Optimizer optimizer = model().optimizer();
    try {
      optimizer.set_learning_rate(optimizer.learning_rate() * factor);
      view_.message = fmt::format("learning rate {:.4g}", optimizer.learning_rate());
    } catch (const Error& error) {
      view_.message = error.what();
    }
  }

  void probe_if_due(Clock::time_point now) {
    if (seconds_between(last_probe_, now) < seconds_between_probes) return;
    // The first one takes an unknown time: about that of some steps.
    const double expected = probe_seconds_ > 0 ? probe_seconds_ : 5 * seconds_between(batch_start_, now);
    if (!probe_budget_.allows(expected, now)) return;
    Model::State& state = ModelAccess::state(model());
    if (state.run == nullptr || state.run->data == nullptr) return;
    try {
      const Batch& batch = *state.run->data;
      const Index samples = internal::samples_of(batch, "Dashboard");
      Index rows = samples;
      if (internal::stateful_layers(*state.network).empty()) {
        Index steps = 1;
        for (const auto& entry : batch.x.entries()) {
          if (entry.value.rank() >= 2) steps = std::max(steps, entry.value.shape()[1]);
        }
        rows = std::min(samples, std::clamp<Index>(most_watched_elements / steps, 1, most_watched_samples));
      }
      const internal::Probe seen = internal::probe(model(), internal::rows_of(batch, 0, rows));
      view_.sequences = seen.sequences;
      note_layers(seen);
      // Backward there are two products for each one forward.
      step_flops_ = 3 * seen.product_flops * static_cast<double>(samples) / static_cast<double>(rows);
      if (view_.peak == 0 && step_flops_ > 0) {
        view_.peak = internal::peak(5) * 1e9 * view_.threads / (model()->dtype() == float64 ? 2 : 1);
      }
      if (!seen.loss_error.empty()) options_.gradients = false;  // A step of one's own has its own loss.
    } catch (const Error& error) {
      options_.gradients = false;
      view_.message = fmt::format("no gradients: {}", error.what());
    }
    last_probe_ = Clock::now();
    probe_seconds_ = seconds_between(now, last_probe_);
    probe_budget_.spend(probe_seconds_);
  }

  void note_layers(const internal::Probe& seen) {
    std::vector<std::pair<std::string, std::pair<double, double>>> squares;
    for (const internal::ProbedWeight& weight : seen.weights) {
      auto layer = std::find_if(squares.begin(), squares.end(),
                                [&](const auto& each) { return each.first == weight.layer; });
      if (layer == squares.end()) layer = squares.insert(squares.end(), {weight.layer, {0, 0}});
      layer->second.first += std::pow(internal::norm_of(weight.gradient), 2);
      layer->second.second += std::pow(internal::norm_of(weight.variable.value()), 2);
    }
    view_.layers.clear();
    for (const auto& [layer, sums] : squares) {
      view_.layers.emplace_back(layer, sums.second > 0 ? std::sqrt(sums.first / sums.second) : 0);
    }
  }

  DashboardOptions options_;
  std::unique_ptr<internal::TerminalScreen> screen_;
  internal::DashboardView view_;
  TimeBudget draw_budget_;
  TimeBudget probe_budget_;
  bool in_fit_ = false;
  bool colored_ = true;
  Clock::time_point start_;
  Clock::time_point epoch_start_;
  Clock::time_point batch_start_;
  Clock::time_point last_draw_;
  Clock::time_point last_probe_;
  double draw_seconds_ = 0;
  double probe_seconds_ = 0;  ///< Of the last one; 0 before the first.
  double epoch_seconds_ = 0;  ///< Of all epochs that are done.
  Index epochs_done_ = 0;
  Index training_steps_ = 0;
  double training_seconds_ = 0;  ///< Of all steps but the first.
  double step_flops_ = 0;
  std::string printed_;
};

}  // namespace

std::shared_ptr<Callback> Dashboard(DashboardOptions options) {
  return make_shared_as<Callback, DashboardCallback>(std::move(options));
}

}  // namespace unspool
