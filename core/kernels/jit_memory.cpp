#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <new>
#include <string>

#include <unspool/core/kernels/jit_memory.h>

#ifdef __unix__
#include <sys/mman.h>
#include <unistd.h>
#endif

namespace unspool::kernels {

#ifdef __unix__
namespace {

std::size_t in_pages(std::size_t bytes) {
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  return (bytes + page - 1) / page * page;
}

void write_perf_map(const void* code, std::size_t bytes, std::string_view name) {
  static const bool asked = [] {
    const char* const variable = std::getenv("UNSPOOL_PERF_MAP");
    return variable != nullptr && std::string_view(variable) == "on";
  }();
  if (!asked) return;
  std::ofstream map("/tmp/perf-" + std::to_string(getpid()) + ".map", std::ios::app);
  map << std::hex << reinterpret_cast<std::uintptr_t>(code) << ' ' << bytes << ' ' << name << '\n';
}

}  // namespace

JitMemory::JitMemory(std::size_t bytes) : bytes_(in_pages(bytes)) {
  data_ = mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (data_ != MAP_FAILED) return;
  data_ = nullptr;
  throw std::bad_alloc();
}

JitMemory::~JitMemory() {
  if (data_ != nullptr) munmap(data_, bytes_);
}

void JitMemory::make_executable(std::size_t used, std::string_view name) {
  const std::size_t kept = in_pages(used);
  if (kept < bytes_) munmap(static_cast<std::byte*>(data_) + kept, bytes_ - kept);
  bytes_ = kept;
  if (mprotect(data_, bytes_, PROT_READ | PROT_EXEC) != 0) throw std::bad_alloc();
  write_perf_map(data_, used, name);
}
#else
JitMemory::JitMemory(std::size_t) { throw std::bad_alloc(); }
JitMemory::~JitMemory() = default;
void JitMemory::make_executable(std::size_t, std::string_view) {}
#endif

}  // namespace unspool::kernels
