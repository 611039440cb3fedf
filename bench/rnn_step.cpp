#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <map>
#include <string>
#include <sys/resource.h>
#include <vector>

#include <unspool/core/internal/peak.h>
#include <unspool/core/kernels/isa.h>
#include <unspool/core/memory.h>
#include <unspool/unspool.h>

#include "random_cell.h"

// Times one step of training or inference of a recurrent layer. Prints one line of JSON; docs/benchmarks.md
// describes what is measured.

using namespace unspool;

namespace {

/// An LSTM as a user would write it, from its equations.
class UserLstm : public Cell {
 public:
  explicit UserLstm(Index units) : Cell({.state_sizes = {units, units}}), units_(units) {}
  void build(const Shape& input) override {
    kernel_ = add_weight({.name = "kernel", .shape = {input.back(), 4 * units_}});
    recurrent_ =
        add_weight({.name = "recurrent_kernel", .shape = {units_, 4 * units_}, .initializer = Orthogonal()});
    bias_ = add_weight({.name = "bias", .shape = {4 * units_}, .initializer = Zeros()});
  }
  CellOutput call(const Tensor& x, const States& states, const CallArgs&) override {
    const auto [i, f, g, o] = split<4>(matmul(x, kernel_) + matmul(states[0], recurrent_) + bias_);
    const Tensor c = sigmoid(f) * states[1] + sigmoid(i) * tanh(g);
    const Tensor h = sigmoid(o) * tanh(c);
    return {h, {h, c}};
  }

 private:
  Index units_;
  Variable kernel_, recurrent_, bias_;
};

/// The Minimal Gated Unit (Zhou et al. 2016).
class MinimalGated : public Cell {
 public:
  explicit MinimalGated(Index units) : Cell({.state_sizes = {units}}), units_(units) {}
  void build(const Shape& input) override {
    kernel_ = add_weight({.name = "kernel", .shape = {input.back(), 2 * units_}});
    recurrent_ =
        add_weight({.name = "recurrent_kernel", .shape = {units_, 2 * units_}, .initializer = Orthogonal()});
    bias_ = add_weight({.name = "bias", .shape = {2 * units_}, .initializer = Zeros()});
  }
  CellOutput call(const Tensor& x, const States& states, const CallArgs&) override {
    const Tensor& h = states[0];
    const auto [xf, xc] = split<2>(matmul(x, kernel_) + bias_);
    const auto [uf, uc] = split<2>(recurrent_);
    const Tensor f = sigmoid(xf + matmul(h, uf));
    const Tensor c = tanh(xc + matmul(f * h, uc));
    const Tensor next = (1 - f) * h + f * c;
    return {next, {next}};
  }

 private:
  Index units_;
  Variable kernel_, recurrent_, bias_;
};

struct Settings {
  std::string cell = "lstm";
  std::string mode = "train";
  std::string path = "scan";
  Index batch = 32, steps = 50, inputs = 32, units = 64, repeat = 30, seed = 1, recompute_every = 0;
  int threads = 1;
  bool plan = false;
};

Settings settings_of(int count, char** arguments) {
  Settings settings;
  const std::map<std::string, std::string*> words = {
      {"--cell", &settings.cell}, {"--mode", &settings.mode}, {"--path", &settings.path}};
  const std::map<std::string, Index*> numbers = {{"--batch", &settings.batch},
                                                 {"--steps", &settings.steps},
                                                 {"--inputs", &settings.inputs},
                                                 {"--units", &settings.units},
                                                 {"--repeat", &settings.repeat},
                                                 {"--seed", &settings.seed},
                                                 {"--recompute-every", &settings.recompute_every}};
  for (int i = 1; i < count; ++i) {
    const std::string name = arguments[i];
    if (name == "--plan") {
      settings.plan = true;
      continue;
    }
    if (i + 1 == count) throw ValueError(name + " needs a value");
    const char* value = arguments[++i];
    if (words.contains(name)) {
      *words.at(name) = value;
    } else if (numbers.contains(name)) {
      *numbers.at(name) = std::atol(value);
    } else if (name == "--threads") {
      settings.threads = std::atoi(value);
    } else {
      throw ValueError("unknown option " + name);
    }
  }
  return settings;
}

Ref<layers::RNN> layer_of(const Settings& settings) {
  const bool unroll = settings.path == "unroll";
  const Index units = settings.units;
  const Index every = settings.recompute_every;
  const RNNOptions options{.unroll = unroll, .recompute_every = every};
  if (settings.cell == "simple_rnn")
    return SimpleRNN({.units = units, .unroll = unroll, .recompute_every = every});
  if (settings.cell == "lstm") return LSTM({.units = units, .unroll = unroll, .recompute_every = every});
  if (settings.cell == "gru") return GRU({.units = units, .unroll = unroll, .recompute_every = every});
  if (settings.cell == "mgu") return RNN(make<MinimalGated>(units), options);
  if (settings.cell == "user_lstm") return RNN(make<UserLstm>(units), options);
  if (settings.cell == "random")
    return RNN(make<bench::RandomCell>(units, static_cast<std::uint32_t>(settings.seed)), options);
  throw ValueError("unknown cell " + settings.cell);
}

/// Gates that keep most of the state, so that gradients do not become subnormal over many steps.
void keep_states(const Ref<layers::RNN>& layer, const Settings& settings) {
  if (settings.cell == "simple_rnn" || settings.cell == "random") return;
  std::vector<Tensor> weights = layer->get_weights();
  const Index first = settings.cell == "lstm" || settings.cell == "user_lstm" ? settings.units : 0;
  const float value = settings.cell == "mgu" ? -2.0F : 2.0F;
  weights.back() = Tensor::generate<float>(weights.back().shape(), [&](std::span<float> bias) {
    std::fill_n(bias.begin() + first, settings.units, value);
  });
  layer->set_weights(weights);
}

double gates_of(const std::string& cell, const Ref<layers::RNN>& layer) {
  if (const auto random = std::dynamic_pointer_cast<bench::RandomCell>(layer->cell().pointer())) {
    return static_cast<double>(random->gates());
  }
  return cell == "simple_rnn" ? 1 : cell == "gru" ? 3 : cell == "mgu" ? 2 : 4;
}

double milliseconds(const std::function<void()>& f) {
  const auto start = std::chrono::steady_clock::now();
  f();
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
}

/// The median of the faster half: noise only makes a step slower.
double of_faster_half(const std::vector<double>& sorted) { return sorted[(sorted.size() + 1) / 4]; }

long peak_kib() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss;
}

}  // namespace

int main(int count, char** arguments) {
  try {
    const Settings settings = settings_of(count, arguments);
    set_num_threads(settings.threads);
    set_seed(1);
    // Small inputs and orthogonal recurrent kernels, so that little saturates.
    const Tensor x = random_normal({settings.batch, settings.steps, settings.inputs}, 0, 0.1);
    const Tensor constant = random_normal({settings.batch, settings.units});
    const Ref<layers::RNN> layer = layer_of(settings);
    layer->build_once(x.shape());
    keep_states(layer, settings);
    const bool train = settings.mode == "train";
    Tensor result;
    const auto step = [&] {
      result = Tensor();  // Frees the result of the last step.
      if (!train) {
        result = layer(x);
        return;
      }
      GradientTape tape;
      tape.watch(x);
      const Tensor loss = sum(layer(x) * constant);
      std::vector<Source> sources{x};
      for (const Variable& weight : layer->trainable_weights()) sources.emplace_back(weight);
      result = tape.gradient(loss, Sources(sources))[0];
    };
    if (settings.plan) {
      step();
      std::cout << layer->plan();
      return 0;
    }
    const long before = peak_kib();
    const double first = milliseconds(step);
    const double second = milliseconds(step);
    step();
    const std::uint64_t allocations = memory_statistics().system_allocations;
    std::vector<double> times;
    std::vector<double> slowness;  // Of multiply-adds, measured between the steps.
    for (Index i = 0; i < settings.repeat; ++i) {
      slowness.push_back(1 / unspool::internal::peak_once());
      times.push_back(milliseconds(step));
    }
    slowness.push_back(1 / unspool::internal::peak_once());
    const std::uint64_t allocated = memory_statistics().system_allocations - allocations;
    std::vector<double> sorted = times;
    std::sort(sorted.begin(), sorted.end());
    const double median = of_faster_half(sorted);
    std::sort(slowness.begin(), slowness.end());
    const double peak = settings.threads / of_faster_half(slowness);
    const double operations = (train ? 6.0 : 2.0) * static_cast<double>(settings.steps * settings.batch) *
                              static_cast<double>(settings.inputs + settings.units) *
                              gates_of(settings.cell, layer) * static_cast<double>(settings.units);
    const double gflops = operations / median / 1e6;
    std::printf(
        "{\"cell\": \"%s\", \"mode\": \"%s\", \"path\": \"%s\", \"batch\": %ld, \"steps\": %ld, \"inputs\": "
        "%ld, "
        "\"units\": %ld, \"gates\": %.0f, \"recompute_every\": %ld, \"threads\": %d, \"ms_median\": %.4f, "
        "\"ms_min\": %.4f, "
        "\"ms_max\": %.4f, "
        "\"ms_first\": %.4f, \"ms_second\": %.4f, \"gflops\": %.2f, \"peak_gflops\": %.2f, \"share\": %.3f, "
        "\"allocations\": %.2f, \"peak_rss_mb\": %.1f, \"growth_mb\": %.1f, \"isa\": \"%s\", \"ms\": [",
        settings.cell.c_str(), settings.mode.c_str(), settings.path.c_str(), settings.batch, settings.steps,
        settings.inputs, settings.units, gates_of(settings.cell, layer), settings.recompute_every,
        settings.threads, median, sorted.front(), sorted.back(), first, second, gflops, peak, gflops / peak,
        static_cast<double>(allocated) / static_cast<double>(settings.repeat),
        static_cast<double>(peak_kib()) / 1024, static_cast<double>(peak_kib() - before) / 1024,
        kernels::name_of(kernels::current_isa()));
    for (std::size_t i = 0; i < times.size(); ++i) std::printf("%s%.4f", i == 0 ? "" : ", ", times[i]);
    std::printf("]}\n");
  } catch (const std::exception& error) {
    std::cerr << "rnn_step: " << error.what() << "\n";
    return 1;
  }
}
