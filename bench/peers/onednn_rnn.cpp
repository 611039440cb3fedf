// Times the RNN, LSTM and GRU layers of oneDNN: a training step (forward and all gradients) or inference.
//
// In favor of oneDNN, the data are time-major, and the gradient of the last output is given. The weights are
// reordered from their plain layout in every step, since they change in every training step.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <omp.h>
#include <oneapi/dnnl/dnnl.hpp>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace {

using dnnl::memory;
using tag = memory::format_tag;
using Floats = std::vector<float>;

struct Options {
  std::string cell = "lstm", mode = "train", arrays;
  memory::dim batch = 32, steps = 50, inputs = 32, units = 64;
  int threads = 1, repeat = 30;
  bool results = false;

  bool train() const { return mode == "train"; }
  memory::dim gates() const { return cell == "lstm" ? 4 : cell == "gru" ? 3 : 1; }
  // The GRU has a second bias in the candidate only; in other gates it would be added to the first one.
  memory::dim biases() const { return cell == "gru" ? 4 : gates(); }
};

Options parse(int argc, char** argv) {
  Options o;
  for (int i = 1; i < argc; ++i) {
    const std::string_view name = argv[i];
    if (name == "--results") {
      o.results = true;
      continue;
    }
    if (++i == argc) throw std::invalid_argument(std::string(name) + " lacks a value");
    const std::map<std::string_view, std::string*> texts = {
        {"--cell", &o.cell}, {"--mode", &o.mode}, {"--arrays", &o.arrays}};
    const std::map<std::string_view, memory::dim*> sizes = {
        {"--batch", &o.batch}, {"--steps", &o.steps}, {"--inputs", &o.inputs}, {"--units", &o.units}};
    const std::map<std::string_view, int*> counts = {{"--threads", &o.threads}, {"--repeat", &o.repeat}};
    if (texts.contains(name)) {
      *texts.at(name) = argv[i];
    } else if (sizes.contains(name)) {
      *sizes.at(name) = std::atoll(argv[i]);
    } else if (counts.contains(name)) {
      *counts.at(name) = std::atoi(argv[i]);
    } else {
      throw std::invalid_argument("No option is called " + std::string(name));
    }
  }
  if (o.cell != "simple_rnn" && o.cell != "lstm" && o.cell != "gru") {
    throw std::invalid_argument("oneDNN has no layer for the cell " + o.cell);
  }
  return o;
}

// Copies the columns of gate `from` in rows of `gates` gates to gate `to`.
void move_gate(const float* source, memory::dim from, float* target, memory::dim to, memory::dim units) {
  std::copy_n(source + from * units, units, target + to * units);
}

// Swaps the first two gates of a GRU: oneDNN has update, reset, candidate, the other sides reset, update,
// candidate.
void swap_gru_gates(Floats& rows, memory::dim gates, memory::dim units) {
  Floats row(static_cast<std::size_t>(gates * units));
  for (auto at = rows.begin(); at != rows.end(); at += gates * units) {
    std::copy_n(at, gates * units, row.begin());
    move_gate(row.data(), 0, &*at, 1, units);
    move_gate(row.data(), 1, &*at, 0, units);
  }
}

// Transposes (a, b, c) to (b, a, c): batch-major to time-major and back.
Floats swapped(const Floats& values, memory::dim a, memory::dim b, memory::dim c) {
  Floats result(values.size());
  for (memory::dim i = 0; i < a; ++i) {
    for (memory::dim j = 0; j < b; ++j) std::copy_n(&values[(i * b + j) * c], c, &result[(j * a + i) * c]);
  }
  return result;
}

// The inputs and weights of all sides, in the layouts of oneDNN.
struct Arrays {
  Floats x, kernel, recurrent, bias, constant;

  explicit Arrays(const Options& o) {
    std::ifstream file(o.arrays, std::ios::binary);
    const auto read = [&](memory::dim count) {
      Floats values(static_cast<std::size_t>(count));
      file.read(reinterpret_cast<char*>(values.data()), count * static_cast<memory::dim>(sizeof(float)));
      if (!file) throw std::runtime_error("--arrays '" + o.arrays + "' ends too early or cannot be read");
      return values;
    };
    const memory::dim width = o.gates() * o.units;
    x = swapped(read(o.batch * o.steps * o.inputs), o.batch, o.steps, o.inputs);
    kernel = read(o.inputs * width);
    recurrent = read(o.units * width);
    bias = read(width);
    constant = read(o.batch * o.units);
    if (o.cell != "gru") return;
    const Floats recurrent_bias = read(width);
    for (memory::dim i = 0; i < 2 * o.units; ++i) bias[i] += recurrent_bias[i];
    bias.insert(bias.end(), recurrent_bias.begin() + 2 * o.units, recurrent_bias.end());
    swap_gru_gates(kernel, 3, o.units);
    swap_gru_gates(recurrent, 3, o.units);
    swap_gru_gates(bias, 4, o.units);
  }
};

// The common part of the three layers. Lstm adds the state c.
class Layer {
 public:
  Layer(const Options& o, const Arrays& arrays)
      : options_(o),
        x_(filled({o.steps, o.batch, o.inputs}, tag::tnc, arrays.x)),
        kernel_(filled({1, 1, o.inputs, o.gates(), o.units}, tag::ldigo, arrays.kernel)),
        recurrent_(filled({1, 1, o.units, o.gates(), o.units}, tag::ldigo, arrays.recurrent)),
        bias_(filled({1, 1, o.biases(), o.units}, tag::ldgo, arrays.bias)) {
    if (o.cell == "lstm") {
      make<dnnl::lstm_forward, dnnl::lstm_backward>();
    } else if (o.cell == "gru") {
      make<dnnl::lbr_gru_forward, dnnl::lbr_gru_backward>();
    } else {
      make<dnnl::vanilla_rnn_forward, dnnl::vanilla_rnn_backward>();
    }
    if (!o.train()) return;
    Floats gradient(static_cast<std::size_t>(o.steps * o.batch * o.units));
    std::copy(arrays.constant.begin(), arrays.constant.end(), gradient.end() - o.batch * o.units);
    fill(backward_arguments_.at(DNNL_ARG_DIFF_DST_LAYER), gradient);
  }

  void step() {
    reorder(kernel_, forward_arguments_.at(DNNL_ARG_WEIGHTS_LAYER));
    reorder(recurrent_, forward_arguments_.at(DNNL_ARG_WEIGHTS_ITER));
    forward_.execute(stream_, forward_arguments_);
    if (options_.train()) {
      reorder(kernel_, backward_arguments_.at(DNNL_ARG_WEIGHTS_LAYER));
      reorder(recurrent_, backward_arguments_.at(DNNL_ARG_WEIGHTS_ITER));
      // oneDNN adds to the gradients.
      for (const int argument :
           {DNNL_ARG_DIFF_WEIGHTS_LAYER, DNNL_ARG_DIFF_WEIGHTS_ITER, DNNL_ARG_DIFF_BIAS}) {
        const memory& sum = backward_arguments_.at(argument);
        std::memset(sum.get_data_handle(), 0, sum.get_desc().get_size());
      }
      backward_.execute(stream_, backward_arguments_);
      reorder(backward_arguments_.at(DNNL_ARG_DIFF_WEIGHTS_LAYER), kernel_gradient_);
      reorder(backward_arguments_.at(DNNL_ARG_DIFF_WEIGHTS_ITER), recurrent_gradient_);
    }
    stream_.wait();
  }

  // The last output and, in training, the gradients, with the names and layouts of the other sides.
  std::map<std::string, Floats> results() const {
    const Options& o = options_;
    const Floats outputs = values(forward_arguments_.at(DNNL_ARG_DST_LAYER));
    std::map<std::string, Floats> found = {
        {"output", Floats(outputs.end() - o.batch * o.units, outputs.end())}};
    if (!o.train()) return found;
    found["x"] = swapped(values(backward_arguments_.at(DNNL_ARG_DIFF_SRC_LAYER)), o.steps, o.batch, o.inputs);
    found["kernel"] = values(kernel_gradient_);
    found["recurrent"] = values(recurrent_gradient_);
    Floats bias = values(backward_arguments_.at(DNNL_ARG_DIFF_BIAS));
    if (o.cell == "gru") {
      swap_gru_gates(found["kernel"], 3, o.units);
      swap_gru_gates(found["recurrent"], 3, o.units);
      swap_gru_gates(bias, 4, o.units);
      Floats recurrent_bias(bias.begin(), bias.begin() + 2 * o.units);
      recurrent_bias.insert(recurrent_bias.end(), bias.end() - o.units, bias.end());
      bias.resize(static_cast<std::size_t>(3 * o.units));
      found["recurrent_bias"] = recurrent_bias;
    }
    found["bias"] = bias;
    return found;
  }

 private:
  using Arguments = std::unordered_map<int, memory>;

  static void fill(const memory& target, const Floats& values) {
    std::copy(values.begin(), values.end(), static_cast<float*>(target.get_data_handle()));
  }

  static Floats values(const memory& source) {
    const auto* first = static_cast<const float*>(source.get_data_handle());
    return {first, first + source.get_desc().get_size() / sizeof(float)};
  }

  memory filled(const memory::dims& dims, tag layout, const Floats& values) const {
    memory result({dims, memory::data_type::f32, layout}, engine_);
    fill(result, values);
    return result;
  }

  memory zeros_like(const memory::desc& desc) const {
    memory result(desc, engine_);
    std::memset(result.get_data_handle(), 0, desc.get_size());
    return result;
  }

  void reorder(memory& source, memory& target) {
    if (source.get_desc() == target.get_desc()) {
      std::memcpy(target.get_data_handle(), source.get_data_handle(), source.get_desc().get_size());
    } else {
      dnnl::reorder(source, target).execute(stream_, source, target);
    }
  }

  // The initial states are 0, but must be given: without them oneDNN 2.6 computes a wrong gradient of the
  // recurrent kernel.
  template <class Forward, class Backward>
  void make() {
    const Options& o = options_;
    const auto plain = [](const memory::dims& dims, tag layout) {
      return memory::desc(dims, memory::data_type::f32, layout);
    };
    const memory::desc x = x_.get_desc(), bias = bias_.get_desc(), none;
    const memory::desc state = plain({1, 1, o.batch, o.units}, tag::ldnc);
    const memory::desc kernel = plain(kernel_.get_desc().dims(), tag::any);
    const memory::desc recurrent = plain(recurrent_.get_desc().dims(), tag::any);
    const memory::desc outputs = plain({o.steps, o.batch, o.units}, tag::tnc);
    const auto kind = o.train() ? dnnl::prop_kind::forward_training : dnnl::prop_kind::forward_inference;
    const auto back = dnnl::prop_kind::backward;
    const auto direction = dnnl::rnn_direction::unidirectional_left2right;
    constexpr bool has_c = std::is_same_v<Forward, dnnl::lstm_forward>;

    const auto forward = [&] {
      if constexpr (has_c) {
        return typename Forward::desc(kind, direction, x, state, state, kernel, recurrent, bias, outputs,
                                      none, none);
      } else if constexpr (std::is_same_v<Forward, dnnl::vanilla_rnn_forward>) {
        return typename Forward::desc(kind, dnnl::algorithm::eltwise_tanh, direction, x, state, kernel,
                                      recurrent, bias, outputs, none);
      } else {
        return typename Forward::desc(kind, direction, x, state, kernel, recurrent, bias, outputs, none);
      }
    }();
    const typename Forward::primitive_desc planned(forward, engine_);
    forward_ = Forward(planned);
    forward_arguments_ = {{DNNL_ARG_SRC_LAYER, x_},
                          {DNNL_ARG_SRC_ITER, zeros_like(state)},
                          {DNNL_ARG_WEIGHTS_LAYER, memory(planned.weights_layer_desc(), engine_)},
                          {DNNL_ARG_WEIGHTS_ITER, memory(planned.weights_iter_desc(), engine_)},
                          {DNNL_ARG_BIAS, bias_},
                          {DNNL_ARG_DST_LAYER, memory(outputs, engine_)}};
    if (has_c) forward_arguments_.emplace(DNNL_ARG_SRC_ITER_C, zeros_like(state));
    if (!o.train()) return;
    forward_arguments_.emplace(DNNL_ARG_WORKSPACE, memory(planned.workspace_desc(), engine_));

    const auto backward = [&] {
      if constexpr (has_c) {
        return
            typename Backward::desc(back, direction, x, state, state, kernel, recurrent, bias, outputs, none,
                                    none, x, state, state, kernel, recurrent, bias, outputs, none, none);
      } else if constexpr (std::is_same_v<Forward, dnnl::vanilla_rnn_forward>) {
        return typename Backward::desc(back, dnnl::algorithm::eltwise_tanh, direction, x, state, kernel,
                                       recurrent, bias, outputs, none, x, state, kernel, recurrent, bias,
                                       outputs, none);
      } else {
        return typename Backward::desc(back, direction, x, state, kernel, recurrent, bias, outputs, none, x,
                                       state, kernel, recurrent, bias, outputs, none);
      }
    }();
    const typename Backward::primitive_desc planned_back(backward, engine_, planned);
    backward_ = Backward(planned_back);
    backward_arguments_ = {
        {DNNL_ARG_SRC_LAYER, x_},
        {DNNL_ARG_SRC_ITER, forward_arguments_.at(DNNL_ARG_SRC_ITER)},
        {DNNL_ARG_DIFF_SRC_ITER, memory(state, engine_)},
        {DNNL_ARG_WEIGHTS_LAYER, memory(planned_back.weights_layer_desc(), engine_)},
        {DNNL_ARG_WEIGHTS_ITER, memory(planned_back.weights_iter_desc(), engine_)},
        {DNNL_ARG_BIAS, bias_},
        {DNNL_ARG_DST_LAYER, forward_arguments_.at(DNNL_ARG_DST_LAYER)},
        {DNNL_ARG_WORKSPACE, forward_arguments_.at(DNNL_ARG_WORKSPACE)},
        {DNNL_ARG_DIFF_DST_LAYER, memory(outputs, engine_)},
        {DNNL_ARG_DIFF_SRC_LAYER, memory(x, engine_)},
        {DNNL_ARG_DIFF_WEIGHTS_LAYER, memory(planned_back.diff_weights_layer_desc(), engine_)},
        {DNNL_ARG_DIFF_WEIGHTS_ITER, memory(planned_back.diff_weights_iter_desc(), engine_)},
        {DNNL_ARG_DIFF_BIAS, memory(bias, engine_)},
    };
    if (has_c) {
      backward_arguments_.emplace(DNNL_ARG_SRC_ITER_C, forward_arguments_.at(DNNL_ARG_SRC_ITER_C));
      backward_arguments_.emplace(DNNL_ARG_DIFF_SRC_ITER_C, memory(state, engine_));
    }
    kernel_gradient_ = memory(kernel_.get_desc(), engine_);
    recurrent_gradient_ = memory(recurrent_.get_desc(), engine_);
  }

  Options options_;
  dnnl::engine engine_{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream_{engine_};
  memory x_, kernel_, recurrent_, bias_, kernel_gradient_, recurrent_gradient_;
  dnnl::primitive forward_, backward_;
  Arguments forward_arguments_, backward_arguments_;
};

void print(const Floats& values) {
  for (std::size_t i = 0; i < values.size(); ++i) std::printf("%s%.9g", i == 0 ? "[" : ", ", values[i]);
  std::printf("]");
}

void print(const std::map<std::string, Floats>& results) {
  const char* before = "{";
  for (const auto& [name, values] : results) {
    std::printf("%s\"%s\": ", std::exchange(before, ", "), name.c_str());
    print(values);
  }
  std::printf("}\n");
}

Floats time(Layer& layer, int repeats) {
  Floats times;
  for (int i = 0; i < repeats; ++i) {
    const auto start = std::chrono::steady_clock::now();
    layer.step();
    times.push_back(
        std::chrono::duration<float, std::milli>(std::chrono::steady_clock::now() - start).count());
  }
  return times;
}

void run(const Options& options) {
  omp_set_num_threads(options.threads);
  Layer layer(options, Arrays(options));
  layer.step();
  if (options.results) return print(layer.results());
  // A second warm-up step: the first one has touched the memory for the first time.
  layer.step();
  const Floats times = time(layer, options.repeat);
  Floats sorted = times;
  std::sort(sorted.begin(), sorted.end());
  std::printf("{\"ms_median\": %.6g, \"ms_min\": %.6g, \"ms_max\": %.6g, \"ms\": ",
              static_cast<double>(sorted[sorted.size() / 2]), static_cast<double>(sorted.front()),
              static_cast<double>(sorted.back()));
  print(times);
  std::printf("}\n");
}

}  // namespace

int main(int argc, char** argv) {
  try {
    run(parse(argc, argv));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "onednn_rnn: %s\n", error.what());
    return 1;
  }
}
