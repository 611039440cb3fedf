#pragma once

#include <functional>
#include <string>
#include <vector>

#include <unspool/autograd/variable.h>
#include <unspool/core/tensor.h>

namespace unspool {

/// What a gradient is taken by: a tensor that was watched or computed, or a variable (all its reads).
class Source {
 public:
  Source(const Tensor& tensor);
  Source(const Variable& variable);
  const Tensor& tensor() const { return tensor_; }
  const Variable& variable() const { return variable_; }

 private:
  Tensor tensor_;
  Variable variable_;
};

/// A list of sources from whatever list is at hand.
class Sources {
 public:
  Sources(std::initializer_list<Source> sources);
  Sources(std::vector<Source> sources);
  Sources(const std::vector<Tensor>& tensors);
  Sources(const std::vector<Variable>& variables);
  const std::vector<Source>& list() const { return list_; }

 private:
  std::vector<Source> list_;
};

struct GradientTapeOptions {
  /// May be asked several times, and records until stop(); keeps all it needs for that.
  bool persistent = false;
  /// Trainable variables are watched when they are read.
  bool watch_accessed_variables = true;
};

/// What gradient() gives for a source that the target does not depend on.
enum class Unconnected : std::uint8_t { none, zero };

struct GradientOptions {
  /// The gradient by the target; ones if empty.
  Tensor output_gradient = {};
  /// An empty Tensor, or zeros.
  Unconnected unconnected = Unconnected::none;
};

/// Records what is computed from watched tensors and variables on this thread, from its construction to its
/// first gradient() (a persistent one: to stop()), as tf.GradientTape does.
///
///     GradientTape tape;
///     Tensor loss = mean(square(matmul(x, w) - y));
///     Tensor dw = tape.gradient(loss, w);
///
/// Tapes nest: an inner tape's gradient() is recorded by the outer ones.
class GradientTape {
 public:
  explicit GradientTape(GradientTapeOptions options = {});
  ~GradientTape();
  GradientTape(const GradientTape&) = delete;
  GradientTape& operator=(const GradientTape&) = delete;

  /// From now on what is computed from `tensor` is recorded. TypeError unless it is floating.
  void watch(const Tensor& tensor);
  void watch(const Variable& variable);
  /// Ends recording.
  void stop();

  /// d sum(target * output_gradient) / d source. ValueError if `target` was not computed from anything
  /// watched, or if a tensor among the sources was never on this tape; RuntimeError for a second call on a
  /// tape that is not persistent. Tapes are asked on the thread that made them.
  Tensor gradient(const Tensor& target, const Source& source, GradientOptions options = {});
  std::vector<Tensor> gradient(const Tensor& target, const Sources& sources, GradientOptions options = {});

  /// The derivative of every element of target by every element of source: shape target.shape + source.shape.
  Tensor jacobian(const Tensor& target, const Source& source);

  /// Whether `tensor` is watched here or was computed from what is.
  bool recorded(const Tensor& tensor) const;
  /// The number of operations recorded so far.
  std::size_t size() const;
  /// A line per recorded operation: what it took, what it gave, what is kept.
  std::string to_string() const;

 private:
  class TapeState* state_;  // Owned.
};

/// While it lives, no tape on this thread records.
class NoGradient {
 public:
  NoGradient();
  ~NoGradient();
  NoGradient(const NoGradient&) = delete;
  NoGradient& operator=(const NoGradient&) = delete;

 private:
  bool outer_;
};
/// Runs f() without recording.
template <class F>
decltype(auto) no_gradient(F&& f) {
  NoGradient guard;
  return f();
}

/// While it lives, an operation on this thread that makes a NaN out of operands without one is a RuntimeError
/// that names it, forward or backward, with its operands and the layer's path.
class DetectAnomaly {
 public:
  DetectAnomaly();
  ~DetectAnomaly();
  DetectAnomaly(const DetectAnomaly&) = delete;
  DetectAnomaly& operator=(const DetectAnomaly&) = delete;

 private:
  bool outer_;
};
template <class F>
decltype(auto) detect_anomaly(F&& f) {
  DetectAnomaly guard;
  return f();
}

}  // namespace unspool
