#include <algorithm>
#include <deque>
#include <functional>

#include <unspool/autograd/internal/scan_plan.h>
#include <unspool/autograd/internal/step_gradient.h>
#include <unspool/autograd/internal/step_program.h>
#include <unspool/core/internal/format.h>

namespace unspool::internal {
namespace {

/// Programs that are remembered; the least recently used goes first. Whoever runs one holds it.
constexpr std::size_t max_programs = 256;

class Hash {
 public:
  void add(std::uint64_t word) { state_ = (state_ ^ word) * 0x9E3779B97F4A7C15U + (state_ >> 29U); }
  template <class List>
  void add_all(const List& list) {
    add(list.size());
    for (const auto& element : list) add(static_cast<std::uint64_t>(element));
  }
  std::uint64_t value() const { return state_; }

 private:
  std::uint64_t state_ = 0;
};

bool same(const StepProgram::Use& a, const StepProgram::Use& b) {
  return a.operation == b.operation && std::ranges::equal(a.inputs, b.inputs) &&
         std::ranges::equal(a.outputs, b.outputs) && a.attributes == b.attributes;
}

struct Cache {
  std::mutex mutex;
  std::deque<std::pair<std::uint64_t, SharedProgram::Pointer>> programs;  // The latest used in front.
};
Cache& cache() {
  // Never destroyed: static objects may run scans when they end.
  static Cache& all = *new Cache;
  return all;
}

/// The program that had to go for it, which must be told so once there is no lock, or null.
SharedProgram::Pointer add_locked(Cache& all, std::uint64_t hash, SharedProgram::Pointer program) {
  all.programs.emplace_front(hash, std::move(program));
  if (all.programs.size() <= max_programs) return nullptr;
  SharedProgram::Pointer forgotten = std::move(all.programs.back().second);
  all.programs.pop_back();
  return forgotten;
}

}  // namespace

StepProgram::Value StepProgram::input(std::size_t i) const {
  if (i < carries.size()) return carries[i];
  i -= carries.size();
  return i < sequences.size() ? sequences[i].value : captured[i - sequences.size()];
}

StepProgram::Value StepProgram::output(std::size_t i) const {
  if (i < next.size()) return next[i];
  i -= next.size();
  return i < each.size() ? each[i].value : sums[i - each.size()];
}

const StepProgram::Stacked* StepProgram::stacked_input(std::size_t i) const {
  return i < carries.size() || i >= carries.size() + sequences.size() ? nullptr
                                                                      : &sequences[i - carries.size()];
}

const StepProgram::Stacked* StepProgram::stacked_output(std::size_t i) const {
  return i < next.size() || i >= next.size() + each.size() ? nullptr : &each[i - next.size()];
}

std::vector<bool> StepProgram::floating_outputs() const {
  std::vector<bool> floating(outputs());
  for (std::size_t i = 0; i < floating.size(); ++i) floating[i] = is_floating(spec(output(i)).dtype);
  return floating;
}

std::uint64_t StepProgram::hash() const {
  Hash hash;
  for (const Spec& spec : values) {
    hash.add(static_cast<std::uint64_t>(spec.dtype));
    hash.add_all(std::span<const Index>(spec.shape));
  }
  for (const auto* list : {&carries, &captured, &next, &sums}) hash.add_all(*list);
  for (const auto* list : {&sequences, &each}) {
    hash.add(list->size());
    for (const Stacked& stacked : *list) {
      hash.add(static_cast<std::uint64_t>(stacked.value));
      hash.add(static_cast<std::uint64_t>(stacked.time_axis));
    }
  }
  for (const Use& use : uses) {
    hash.add(std::hash<const void*>()(&*use.operation));
    hash.add_all(use.inputs);
    hash.add_all(use.outputs);
  }
  hash.add(reverse ? 1 : 0);
  return hash.value();
}

bool operator==(const StepProgram& a, const StepProgram& b) {
  return a.reverse == b.reverse && a.carries == b.carries && a.sequences == b.sequences &&
         a.captured == b.captured && a.next == b.next && a.each == b.each && a.sums == b.sums &&
         a.values == b.values && std::ranges::equal(a.uses, b.uses, same);
}

StepProgram without_dead(StepProgram program) {
  std::vector<bool> live(program.values.size(), false);
  const auto mark = [&](const auto& values) {
    for (StepProgram::Value value : values) live[static_cast<std::size_t>(value)] = true;
  };
  mark(program.next);
  for (const StepProgram::Stacked& stacked : program.each) live[at(stacked.value)] = true;
  mark(program.sums);
  std::vector<StepProgram::Use> kept;
  for (std::size_t i = program.uses.size(); i-- > 0;) {
    StepProgram::Use& use = program.uses[i];
    const bool needed = std::ranges::any_of(
        use.outputs, [&](StepProgram::Value value) { return live[static_cast<std::size_t>(value)]; });
    if (!needed) continue;
    mark(use.inputs);
    kept.push_back(std::move(use));
  }
  std::ranges::reverse(kept);
  program.uses = std::move(kept);
  return program;
}

std::string ScanBody::describe() const {
  return fmt::format("a step of {} operations", program_->program().uses.size());
}

SharedProgram::SharedProgram(StepProgram program) : program_(std::move(program)) {}
SharedProgram::~SharedProgram() = default;

SharedProgram::Pointer SharedProgram::of(StepProgram program) {
  const std::uint64_t hash = program.hash();
  Cache& all = cache();
  Pointer made;
  Pointer forgotten;
  {
    const std::lock_guard lock(all.mutex);
    for (auto found = all.programs.begin(); found != all.programs.end(); ++found) {
      if (found->first != hash || !(found->second->program() == program)) continue;
      Pointer shared = found->second;
      std::rotate(all.programs.begin(), found, found + 1);
      return shared;
    }
    made = std::make_shared<const SharedProgram>(std::move(program));
    made->remembered_ = true;
    forgotten = add_locked(all, hash, made);
  }
  if (forgotten != nullptr) forgotten->forget();
  return made;
}

void SharedProgram::remember() const {
  {
    const std::lock_guard lock(mutex_);
    if (remembered_) return;
    remembered_ = true;
  }
  const std::uint64_t hash = program_.hash();
  Cache& all = cache();
  Pointer forgotten;
  {
    const std::lock_guard lock(all.mutex);
    forgotten = add_locked(all, hash, shared_from_this());
  }
  if (forgotten != nullptr) forgotten->forget();
}

void SharedProgram::forget() const {
  // Destroyed without the lock: they may be the last holders of others.
  std::vector<GradientEntry> gradients;
  std::vector<std::shared_ptr<const ScanBody>> bodies;
  const std::lock_guard lock(mutex_);
  remembered_ = false;
  gradients.swap(gradients_);
  bodies.swap(bodies_);
}

const ScanPlan& SharedProgram::plan() const {
  const std::lock_guard lock(mutex_);
  if (plan_ == nullptr) plan_ = std::make_unique<ScanPlan>(program_);
  return *plan_;
}

std::string SharedProgram::plan(Index steps, Index every) const {
  Mask needed(program_.inputs());
  for (std::size_t i = 0; i < needed.size(); ++i) {
    // A lone number is a constant of the equations.
    const Spec& spec = program_.spec(program_.input(i));
    needed[i] = is_floating(spec.dtype) && !spec.shape.empty();
  }
  const std::shared_ptr<const ScanBody> whole = body(needed);
  const StepProgram& program = whole->shared().program();
  Mask given(program.outputs(), false);
  for (std::size_t i = 0; i < program_.next.size() + program_.each.size(); ++i) {
    given[i] = is_floating(program.spec(program.output(i)).dtype);
  }
  const ScanPlan& backward = whole->shared().gradient(needed, given)->program->plan();
  if (every == 0) {
    return "forward\n" + whole->shared().plan().describe(steps) + "backward\n" + backward.describe(steps);
  }
  const Index longest = std::min(steps, every);
  return fmt::format("recomputes every {} step{}: keeps the carries between segments, and the inputs\n",
                     every, every == 1 ? "" : "s") +
         "forward, each segment\n" + plan().describe(longest) +
         "forward again, each segment from the last on\n" + whole->shared().plan().describe(longest) +
         "backward, after each\n" + backward.describe(longest);
}

std::shared_ptr<const StepGradient> SharedProgram::known_gradient(const Mask& needed,
                                                                  const Mask& given) const {
  for (const GradientEntry& entry : gradients_) {
    if (entry.needed == needed && entry.given == given) return entry.gradient;
  }
  return nullptr;
}

std::shared_ptr<const StepGradient> SharedProgram::gradient(const Mask& needed, const Mask& given) const {
  remember();
  {
    const std::lock_guard lock(mutex_);
    if (auto known = known_gradient(needed, given)) return known;
  }
  // Without the lock: programs are made, for which this one may be forgotten.
  const auto made = std::make_shared<const StepGradient>(gradient_of(program_, needed, given));
  const std::lock_guard lock(mutex_);
  if (auto known = known_gradient(needed, given)) return known;
  if (remembered_) gradients_.push_back({needed, given, made});
  return made;
}

std::shared_ptr<const ScanBody> SharedProgram::known_body(const Mask& needed) const {
  for (const auto& body : bodies_) {
    if (body->needed() == needed) return body;
  }
  return nullptr;
}

std::shared_ptr<const ScanBody> SharedProgram::body(const Mask& needed) const {
  remember();
  {
    const std::lock_guard lock(mutex_);
    if (auto known = known_body(needed)) return known;
  }
  Pointer program = shared_from_this();
  if (std::ranges::count(needed, true) != 0) {
    const Mask given = program_.floating_outputs();
    StepProgram whole = program_;
    const std::shared_ptr<const StepGradient> all = gradient(needed, given);
    for (Value value : all->residuals) whole.each.push_back({value});
    program = of(std::move(whole));
  }
  const auto made = std::make_shared<const ScanBody>(std::move(program), needed);
  const std::lock_guard lock(mutex_);
  if (auto known = known_body(needed)) return known;
  if (remembered_) bodies_.push_back(made);
  return made;
}

}  // namespace unspool::internal
