#include <mutex>
#include <unordered_map>

#include <unspool/layers/naming.h>

namespace unspool {
namespace {

struct Counters {
  std::mutex mutex;
  std::unordered_map<std::string, int> used;
};

Counters& counters() {
  static Counters counters;
  return counters;
}

}  // namespace

std::string unique_name(const std::string& base) {
  Counters& all = counters();
  const std::lock_guard lock(all.mutex);
  const int before = all.used[base]++;
  return before == 0 ? base : base + "_" + std::to_string(before);
}

void clear_session() {
  Counters& all = counters();
  const std::lock_guard lock(all.mutex);
  all.used.clear();
}

}  // namespace unspool
