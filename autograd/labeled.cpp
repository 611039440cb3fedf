#include <cstring>
#include <limits>
#include <mutex>
#include <unordered_map>
#include <unordered_set>

#include <unspool/autograd/internal/engine.h>
#include <unspool/autograd/internal/label_observer.h>
#include <unspool/autograd/labeled.h>
#include <unspool/autograd/recorder.h>
#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>

namespace unspool {

using internal::TensorAccess;

Label Label::of(const std::string& text) {
  // Never destroyed: labels may be read until the program ends.
  static std::mutex& mutex = *new std::mutex;
  static std::unordered_set<std::string>& all = *new std::unordered_set<std::string>;
  const std::lock_guard lock(mutex);
  return Label(all.insert(text).first->c_str(), 0);
}

bool operator==(Label a, Label b) {
  if (a.text_ == b.text_) return true;
  return a.text_ != nullptr && b.text_ != nullptr && std::strcmp(a.text_, b.text_) == 0;
}

namespace {

/// Whether a trace or a tape has taken the name.
bool noted(const Tensor& tensor, Label label) {
  bool taken = false;
  if (tensor.is_abstract() && tensor.recorder() != nullptr) {
    tensor.recorder()->label(tensor, label);
    taken = true;
  }
  const Engine& engine = Engine::of_this_thread();
  if (internal::LabelObserver* const observer = internal::LabelObserver::current()) {
    observer->see(tensor, label, engine.time_step);
  }
  for (TapeState* tape = engine.tape; tape != nullptr; tape = tape->outer()) {
    taken = tape->label(tensor, label, engine.time_step) || taken;
  }
  return taken;
}

}  // namespace

Tensor labeled(const Tensor& tensor, Label label) {
  if (!tensor) throw ValueError("labeled: expected a tensor, got an empty one");
  if (!label || noted(tensor, label) || Label::carried_by(tensor)) return tensor;
  return TensorAccess::with_name(tensor, label.text());
}

std::string label_of(const Tensor& tensor) {
  if (!tensor) return {};
  if (tensor.is_abstract() && tensor.recorder() != nullptr) {
    if (const Label own = tensor.recorder()->label_of(tensor)) return own.text();
  }
  for (TapeState* tape = Engine::of_this_thread().tape; tape != nullptr; tape = tape->outer()) {
    if (std::string own = tape->label_of(tensor); !own.empty()) return own;
  }
  const Label carried = Label::carried_by(tensor);
  return carried ? carried.text() : "";
}

TimeStep::TimeStep(Index t) : outer_(Engine::of_this_thread().time_step) {
  if (t < 0 || t > std::numeric_limits<std::int32_t>::max()) {
    throw ValueError(fmt::format("TimeStep: expected a time step from 0 on, got {}", t));
  }
  Engine::of_this_thread().time_step = static_cast<std::int32_t>(t);
}
TimeStep::~TimeStep() { Engine::of_this_thread().time_step = outer_; }

namespace internal {

void note_label(const Tensor& tensor, Label label) {
  if (label) noted(tensor, label);
}

std::string label_at(Label label, std::int32_t step) {
  std::string text = label.text();
  if (step < 0) return text;
  if (text.ends_with("_t")) text.resize(text.size() - 2);
  return fmt::format("{}_{}", text, step);
}

void tell_apart(std::vector<std::string>& names) {
  std::unordered_map<std::string, int> counts;
  for (std::string& name : names) {
    if (name.empty()) continue;
    const int count = ++counts[name];
    if (count > 1) name += fmt::format(".{}", count);
  }
}

}  // namespace internal

}  // namespace unspool
