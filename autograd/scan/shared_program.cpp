#include <algorithm>
#include <chrono>
#include <deque>

#include <unspool/autograd/scan/gradient.h>
#include <unspool/autograd/scan/plan.h>
#include <unspool/autograd/scan/shared_program.h>
#include <unspool/core/internal/format.h>
#include <unspool/core/threads.h>

namespace unspool::scan_compiler {
namespace {

/// Programs in the cache. Whoever runs a program holds it by itself.
constexpr std::size_t max_programs = 256;

struct Cache {
  std::mutex mutex;
  std::deque<std::pair<std::uint64_t, SharedProgram::Pointer>> programs;  // Most recently used first.
};
Cache& cache() {
  // Never destroyed: static objects may run scans when they end.
  static Cache& all = *new Cache;
  return all;
}

/// Returns the program that was evicted, or null. The caller calls its forget() without the lock.
SharedProgram::Pointer add_locked(Cache& all, std::uint64_t hash, SharedProgram::Pointer program) {
  all.programs.emplace_front(hash, std::move(program));
  if (all.programs.size() <= max_programs) return nullptr;
  SharedProgram::Pointer forgotten = std::move(all.programs.back().second);
  all.programs.pop_back();
  return forgotten;
}

}  // namespace

std::string ScanBody::describe() const {
  const Program& program = program_->program();
  std::string results;
  for (Value value : program.next_carry) {
    if (const Label label = program.label_of(value))
      results += (results.empty() ? " that computes " : ", ") + std::string(label.text());
  }
  return fmt::format("a step of {} operations{}", program.uses.size(), results);
}

SharedProgram::SharedProgram(Program program) : program_(std::move(program)) {}
SharedProgram::~SharedProgram() = default;

SharedProgram::Pointer SharedProgram::of(Program program) {
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

const Plan& SharedProgram::plan() const {
  const std::lock_guard lock(mutex_);
  if (plan_ == nullptr) plan_ = std::make_unique<Plan>(program_);
  return *plan_;
}

void SharedProgram::run(std::span<const Array> inputs, std::span<const Array> outputs, Index steps) const {
  const Plan& own = plan();
  const Executable& executable = own.executable();
  const Index many = useful_threads(executable, steps, num_threads());
  const Index few = sure_threads(executable, steps, num_threads());
  if (few == many) return own.run(inputs, outputs, steps, many);
  using Clock = std::chrono::steady_clock;
  const ThreadTrial::Turn turn = trial_.next();
  const Clock::time_point start = turn.measured ? Clock::now() : Clock::time_point();
  own.run(inputs, outputs, steps, turn.few ? few : many);
  if (turn.measured) trial_.took(turn, Clock::now() - start, steps);
}

SharedProgram::Both SharedProgram::with_backward() const {
  Mask needed(program_.inputs());
  for (std::size_t i = 0; i < needed.size(); ++i) {
    // A scalar is a constant of the equations.
    const Spec& spec = program_.spec(program_.input(i));
    needed[i] = is_floating(spec.dtype) && !spec.shape.empty();
  }
  std::shared_ptr<const ScanBody> whole = body(needed);
  const Program& program = whole->shared().program();
  Mask given(program.outputs(), false);
  for (std::size_t i = 0; i < program_.next_carry.size() + program_.stacked_outputs.size(); ++i) {
    given[i] = is_floating(program.spec(program.output(i)).dtype);
  }
  Pointer backward = whole->shared().gradient(needed, given)->program;
  return {std::move(whole), std::move(backward)};
}

std::string SharedProgram::plan(Index steps, Index every, PlanOptions options) const {
  const Both both = with_backward();
  const std::shared_ptr<const ScanBody>& whole = both.forward;
  const Plan& backward = both.backward->plan();
  const auto text = [&](const char* title, const Plan& plan, Index length) {
    return title + std::string("\n") + (options.stages ? plan.stages() : "") + plan.describe(length);
  };
  if (every == 0) {
    return text("forward", whole->shared().plan(), steps) + text("backward", backward, steps);
  }
  const Index longest = std::min(steps, every);
  return fmt::format("recomputes every {} step{}: keeps the inputs, and the carries between intervals\n",
                     every, every == 1 ? "" : "s") +
         text("forward, for each interval", plan(), longest) +
         text("forward again, for each interval from the last to the first", whole->shared().plan(),
              longest) +
         text("backward, after each", backward, longest);
}

std::shared_ptr<const Gradient> SharedProgram::known_gradient(const Mask& needed, const Mask& given) const {
  for (const GradientEntry& entry : gradients_) {
    if (entry.needed == needed && entry.given == given) return entry.gradient;
  }
  return nullptr;
}

std::shared_ptr<const Gradient> SharedProgram::gradient(const Mask& needed, const Mask& given) const {
  remember();
  {
    const std::lock_guard lock(mutex_);
    if (auto known = known_gradient(needed, given)) return known;
  }
  // Without the lock: programs are made, for which this one may be forgotten.
  const auto made = std::make_shared<const Gradient>(gradient_of(program_, needed, given));
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
    Program whole = program_;
    const std::shared_ptr<const Gradient> all = gradient(needed, given);
    for (Value value : all->residuals) whole.stacked_outputs.push_back({value});
    program = of(std::move(whole));
  }
  const auto made = std::make_shared<const ScanBody>(std::move(program), needed);
  const std::lock_guard lock(mutex_);
  if (auto known = known_body(needed)) return known;
  if (remembered_) bodies_.push_back(made);
  return made;
}

}  // namespace unspool::scan_compiler
