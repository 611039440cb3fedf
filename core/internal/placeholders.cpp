#include <utility>

#include <unspool/core/internal/placeholders.h>

namespace unspool::internal {
namespace {

thread_local bool wants_placeholders = false;

}  // namespace

Placeholders::Placeholders() : around_(std::exchange(wants_placeholders, true)) {}
Placeholders::~Placeholders() { wants_placeholders = around_; }

bool Placeholders::active() { return wants_placeholders; }

}  // namespace unspool::internal
