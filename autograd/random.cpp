#include <algorithm>
#include <array>
#include <cmath>
#include <concepts>
#include <limits>
#include <span>
#include <vector>

#include <unspool/autograd/arithmetic.h>
#include <unspool/autograd/conversion.h>
#include <unspool/autograd/elementary.h>
#include <unspool/autograd/families.h>
#include <unspool/autograd/indexing.h>
#include <unspool/autograd/internal/one.h>
#include <unspool/autograd/random.h>
#include <unspool/autograd/recorder.h>
#include <unspool/autograd/reduction.h>
#include <unspool/autograd/scan/trace.h>
#include <unspool/autograd/shaping.h>
#include <unspool/autograd/sorting.h>
#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/core/internal/shape_inference.h>
#include <unspool/core/threads.h>

namespace unspool {
namespace {

using scan_compiler::Trace;

RandomKey key_of(const KernelCall& call) {
  const Index* const words = call.inputs[0].as<const Index>();
  return {static_cast<std::uint64_t>(words[0]), static_cast<std::uint64_t>(words[1])};
}

template <class T>
std::span<T> elements(const Array& output) {
  return {output.as<T>(), static_cast<std::size_t>(output.shape->elements())};
}

/// Calls fill(key, elements), then replaces each element u by change(u).
template <class Fill, class Change>
void draw(const KernelCall& call, const Fill& fill, const Change& change) {
  visit_dtype(call.outputs[0].dtype, [&]<class T>(T) {
    if constexpr (std::floating_point<T>) {
      const std::span<T> values = elements<T>(call.outputs[0]);
      fill(key_of(call), values);
      const auto changed = change(T{});
      parallel_for(static_cast<Index>(values.size()), 1 << 15, [&](Index begin, Index end) {
        for (T& value :
             values.subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(end - begin))) {
          value = changed(value);
        }
      });
    }
  });
}

void run_uniform(const KernelCall& call) {
  const double low = call.attributes.number("low");
  const double high = call.attributes.number("high");
  draw(
      call, [](RandomKey key, auto values) { fill_uniform(key, values); },
      [&]<class T>(T) {
        // Rounding must not give `high`.
        const auto from = static_cast<T>(low);
        const T width = static_cast<T>(high) - from;
        const T most = std::nextafter(static_cast<T>(high), from);
        return [=](T u) { return std::min(from + width * u, most); };
      });
}

void run_normal(const KernelCall& call) {
  const double mean = call.attributes.number("mean");
  const double stddev = call.attributes.number("stddev");
  draw(
      call, [](RandomKey key, auto values) { fill_normal(key, values); },
      [&]<class T>(T) {
        return [center = static_cast<T>(mean), width = static_cast<T>(stddev)](T u) {
          return center + width * u;
        };
      });
}

void run_bernoulli(const KernelCall& call) {
  const RandomKey key = key_of(call);
  const double probability = call.attributes.number("probability");
  visit_dtype(call.outputs[0].dtype, [&]<class T>(T) {
    const std::span<T> values = elements<T>(call.outputs[0]);
    if constexpr (std::floating_point<T>) {
      fill_uniform(key, values);
      for (T& value : values) value = value < static_cast<T>(probability) ? T{1} : T{0};
    } else {
      std::vector<float> uniform(values.size());
      fill_uniform(key, std::span<float>(uniform));
      for (std::size_t i = 0; i < values.size(); ++i) {
        values[i] = static_cast<T>(uniform[i] < static_cast<float>(probability));
      }
    }
  });
}

void run_dropout(const KernelCall& call) {
  const RandomKey key = key_of(call);
  const double rate = call.attributes.number("rate");
  const auto kept = static_cast<float>(1 - rate);
  visit_dtype(call.outputs[0].dtype, [&]<class T>(T) {
    if constexpr (std::floating_point<T>) {
      const T scale = kept > 0 ? static_cast<T>(1 / (1 - rate)) : T{0};
      const T* const x = call.inputs[1].as<const T>();
      T* const y = call.outputs[0].as<T>();
      parallel_for(call.outputs[0].shape->elements(), 1 << 15, [&](Index begin, Index end) {
        std::array<float, 1024> uniform;
        for (Index first = begin; first < end; first += std::ssize(uniform)) {
          const Index count = std::min<Index>(std::ssize(uniform), end - first);
          fill_uniform(key, std::span(uniform).first(static_cast<std::size_t>(count)),
                       static_cast<std::uint64_t>(first));
          for (Index i = 0; i < count; ++i) {
            y[first + i] = uniform[static_cast<std::size_t>(i)] < kept ? x[first + i] * scale : T{0};
          }
        }
      });
    }
  });
}

Tensor dropped(const Tensor& key, const Tensor& x, double rate);

void check_key(const Call& call) {
  if (call.dtype() != int64 || !compatible(call.shape(), {2})) {
    call.fail("expected a key from key_tensor(): int64 {seed, stream}");
  }
}

Specs drawn(const Call& call) {
  check_key(call);
  Specs specs(1);
  specs[0] = {call.attributes.shape("shape"), call.attributes.get<DType>("dtype")};
  return specs;
}

Specs drawn_floating(const Call& call) {
  Specs specs = drawn(call);
  if (!is_floating(specs[0].dtype)) call.fail_type("expected the dtype float32 or float64");
  return specs;
}

std::vector<Example> draws(const Attributes& attributes) {
  std::vector<Example> examples;
  for (const Shape& shape : {Shape{}, Shape{2, 3}, Shape{0, 3}}) {
    for (DType dtype : {float32, float64}) {
      examples.push_back({{{.shape = {2}, .range = {0, 1000}, .dtype = int64}},
                          attributes.with("shape", shape).with("dtype", dtype)});
    }
  }
  return examples;
}

constexpr Operation random_records[] = {
    {.name = "random_uniform",
     .summary = "uniform numbers from low up to but without high",
     .shape =
         [](const Call& call) {
           const double low = call.attributes.number("low");
           const double high = call.attributes.number("high");
           if (!std::isfinite(low) || !std::isfinite(high) || low > high) call.fail("expected low <= high");
           return drawn_floating(call);
         },
     .kernel = {run_uniform},
     .rows = rows::mixed,
     .examples =
         [] {
           return draws({{"low", -1.0}, {"high", 2.0}});
         }},
    {.name = "random_normal",
     .summary = "normal numbers of this mean and standard deviation",
     .shape =
         [](const Call& call) {
           if (!(call.attributes.number("stddev") >= 0)) call.fail("expected stddev >= 0");
           return drawn_floating(call);
         },
     .kernel = {run_normal},
     .rows = rows::mixed,
     .examples =
         [] {
           return draws({{"mean", 1.0}, {"stddev", 2.0}});
         }},
    {.name = "random_bernoulli",
     .summary = "1 with this probability, else 0",
     .shape =
         [](const Call& call) {
           const double probability = call.attributes.number("probability");
           if (!(probability >= 0 && probability <= 1)) call.fail("expected a probability between 0 and 1");
           return drawn(call);
         },
     .kernel = {run_bernoulli},
     .rows = rows::mixed,
     .examples =
         [] {
           return draws({{"probability", 0.3}});
         }},
    {.name = "dropout",
     .summary = "x with elements replaced by 0 at this rate, the others divided by 1 - rate",
     .shape =
         [](const Call& call) {
           check_key(call);
           const double rate = call.attributes.number("rate");
           if (!(rate >= 0 && rate <= 1)) call.fail("expected a rate from 0 to 1");
           if (!is_floating(call.dtype(1)))
             call.fail_type("expected float32 or float64: cast(x, float32) first");
           return one(call.shape(1), call.dtype(1));
         },
     .kernel = {run_dropout},
     .gradient =
         [](Backward& b) {
           if (b.needs(1)) b.dx(1) = dropped(b.x(0), b.dy(), b.attributes().number("rate"));
         },
     .keep = keep::input(0),
     .rows = rows::mixed,
     .examples =
         [] {
           const Operand key{.shape = {2}, .range = {0, 1000}, .dtype = int64};
           std::vector<Example> examples;
           for (const double rate : {0.0, 0.4, 1.0}) {
             examples.push_back({{key, {.shape = {2, 3}}}, {{"rate", rate}}});
           }
           examples.push_back({{key, {.shape = {}}}, {{"rate", 0.5}}});
           examples.push_back({{key, {.shape = {0, 3}}}, {{"rate", 0.5}}});
           return examples;
         }},
};
constexpr OperationTable random_table(random_records);

}  // namespace

OperationList families::random() { return random_table; }

namespace {

Tensor uniform(const Tensor& key, const Shape& shape, double low, double high, DType dtype) {
  return apply(random_table["random_uniform"], key,
               {{"shape", shape}, {"low", low}, {"high", high}, {"dtype", dtype}});
}
Tensor normal(const Tensor& key, const Shape& shape, double mean, double stddev, DType dtype) {
  return apply(random_table["random_normal"], key,
               {{"shape", shape}, {"mean", mean}, {"stddev", stddev}, {"dtype", dtype}});
}
Tensor bernoulli(const Tensor& key, const Shape& shape, double probability, DType dtype) {
  return apply(random_table["random_bernoulli"], key,
               {{"shape", shape}, {"probability", probability}, {"dtype", dtype}});
}

/// Where only shapes are asked for and this one is not known, an abstract tensor: nothing is drawn.
Tensor without_draw(const Shape& shape, DType dtype) {
  const auto& inferred = internal::ShapeInference::recorder_for(shape);
  return inferred == nullptr ? Tensor() : inferred->abstract({shape, dtype});
}

Tensor dropped(const Tensor& key, const Tensor& x, double rate) {
  return apply(random_table["dropout"], key, x, {{"rate", rate}});
}

Tensor next_of_process() { return Trace::next_key(next_random_key); }
Tensor next_of(SeedGenerator& seeds) {
  return Trace::next_key([&] { return seeds.next(); });
}

}  // namespace

Tensor random_uniform(const Shape& shape, double low, double high, DType dtype) {
  if (const Tensor inferred = without_draw(shape, dtype)) return inferred;
  return uniform(next_of_process(), shape, low, high, dtype);
}
Tensor random_uniform(const Shape& shape, double low, double high, DType dtype, RandomKey key) {
  if (const Tensor inferred = without_draw(shape, dtype)) return inferred;
  return uniform(key_tensor(key), shape, low, high, dtype);
}
Tensor random_uniform(const Shape& shape, double low, double high, DType dtype, SeedGenerator& seeds) {
  if (const Tensor inferred = without_draw(shape, dtype)) return inferred;
  return uniform(next_of(seeds), shape, low, high, dtype);
}
Tensor random_normal(const Shape& shape, double mean, double stddev, DType dtype) {
  if (const Tensor inferred = without_draw(shape, dtype)) return inferred;
  return normal(next_of_process(), shape, mean, stddev, dtype);
}
Tensor random_normal(const Shape& shape, double mean, double stddev, DType dtype, RandomKey key) {
  if (const Tensor inferred = without_draw(shape, dtype)) return inferred;
  return normal(key_tensor(key), shape, mean, stddev, dtype);
}
Tensor random_normal(const Shape& shape, double mean, double stddev, DType dtype, SeedGenerator& seeds) {
  if (const Tensor inferred = without_draw(shape, dtype)) return inferred;
  return normal(next_of(seeds), shape, mean, stddev, dtype);
}
Tensor random_bernoulli(const Shape& shape, double probability, DType dtype) {
  if (const Tensor inferred = without_draw(shape, dtype)) return inferred;
  return bernoulli(next_of_process(), shape, probability, dtype);
}
Tensor random_bernoulli(const Shape& shape, double probability, DType dtype, RandomKey key) {
  if (const Tensor inferred = without_draw(shape, dtype)) return inferred;
  return bernoulli(key_tensor(key), shape, probability, dtype);
}
Tensor random_bernoulli(const Shape& shape, double probability, DType dtype, SeedGenerator& seeds) {
  if (const Tensor inferred = without_draw(shape, dtype)) return inferred;
  return bernoulli(next_of(seeds), shape, probability, dtype);
}

namespace {

// These draw by random_uniform, from the process-wide generator or from what `source` is: a key, a generator.

template <class... Source>
Tensor integers(const Shape& shape, Index low, Index high, DType dtype, Source&&... source) {
  if (low >= high) {
    throw ValueError(fmt::format("random_integers: expected low < high, got {} and {}", low, high));
  }
  // What is drawn is not negative, so the cast rounds it down.
  const Tensor from_low = random_uniform(shape, 0, static_cast<double>(high - low), float64, source...);
  return cast(cast(from_low, int64) + low, dtype);
}

template <class... Source>
Tensor categorical(const Tensor& logits, Index count, Source&&... source) {
  if (logits.rank() == 0 || (count < 0 && !internal::ShapeInference::recorder_for({count}))) {
    throw ValueError(
        fmt::format("random_categorical: expected logits of rank 1 or more and a count >= 0, got {} and {}",
                    describe(logits), count));
  }
  // Logits with noise of a Gumbel distribution are largest at each index with the probability that softmax
  // gives it.
  Shape shape = logits.shape();
  shape.insert(shape.rank() - 1, count);
  const Tensor noise = -log(-log(random_uniform(shape, 0, 1, logits.dtype(), source...)));
  return argmax(expand_dims(logits, -2) + noise, -1);
}

template <class... Source>
Tensor shuffled(const Tensor& x, int axis, Source&&... source) {
  return gather(x, argsort(random_uniform({x.shape()[axis]}, 0, 1, float64, source...)), axis);
}

/// Where only shapes are asked for nothing is drawn.
template <class Draw>
Tensor drop_elements(const Tensor& x, double rate, Draw&& draw) {
  return dropped(is_inferred(x) ? key_tensor({}) : draw(), x, rate);
}

}  // namespace

Tensor random_integers(const Shape& shape, Index low, Index high, DType dtype) {
  return integers(shape, low, high, dtype);
}
Tensor random_integers(const Shape& shape, Index low, Index high, DType dtype, RandomKey key) {
  return integers(shape, low, high, dtype, key);
}
Tensor random_integers(const Shape& shape, Index low, Index high, DType dtype, SeedGenerator& seeds) {
  return integers(shape, low, high, dtype, seeds);
}
Tensor random_categorical(const Tensor& logits, Index count) { return categorical(logits, count); }
Tensor random_categorical(const Tensor& logits, Index count, RandomKey key) {
  return categorical(logits, count, key);
}
Tensor random_categorical(const Tensor& logits, Index count, SeedGenerator& seeds) {
  return categorical(logits, count, seeds);
}
Tensor shuffle(const Tensor& x, int axis) { return shuffled(x, axis); }
Tensor shuffle(const Tensor& x, int axis, RandomKey key) { return shuffled(x, axis, key); }
Tensor shuffle(const Tensor& x, int axis, SeedGenerator& seeds) { return shuffled(x, axis, seeds); }
Tensor dropout(const Tensor& x, double rate) { return drop_elements(x, rate, next_of_process); }
Tensor dropout(const Tensor& x, double rate, RandomKey key) {
  return drop_elements(x, rate, [&] { return key_tensor(key); });
}
Tensor dropout(const Tensor& x, double rate, SeedGenerator& seeds) {
  return drop_elements(x, rate, [&] { return next_of(seeds); });
}

Tensor key_tensor(RandomKey key) {
  return Tensor::from(std::vector<Index>{static_cast<Index>(key.seed), static_cast<Index>(key.stream)});
}

}  // namespace unspool
