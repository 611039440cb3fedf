// Fuzzes the reader of the format that UNSPOOL_FUZZ_FORMAT in the environment names: scripts/fuzz.sh.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include <unspool/core/threads.h>

#include "../readers/format.h"

namespace {

const unspool::fuzz::Format& fuzzed() {
  static const unspool::fuzz::Format& found = []() -> const unspool::fuzz::Format& {
    const char* const name = std::getenv("UNSPOOL_FUZZ_FORMAT");
    return unspool::fuzz::format(name == nullptr ? "" : name);
  }();
  return found;
}

}  // namespace

extern "C" {

std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t most);

int LLVMFuzzerInitialize(int*, char***) {
  unspool::set_num_threads(1);
  return 0;
}

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzzed().read({reinterpret_cast<const char*>(data), size});
  return 0;
}

std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t most, unsigned seed) {
  unspool::fuzz::Mutator mutator(seed, [](std::string bytes, std::size_t limit) {
    const std::size_t before = std::min(bytes.size(), limit);
    bytes.resize(limit);
    bytes.resize(LLVMFuzzerMutate(reinterpret_cast<std::uint8_t*>(bytes.data()), before, limit));
    return bytes;
  });
  const std::string changed =
      fuzzed().change(mutator, std::string(reinterpret_cast<const char*>(data), size), most);
  const std::size_t kept = std::min(changed.size(), most);
  std::copy_n(changed.data(), kept, data);
  return kept;
}
}
