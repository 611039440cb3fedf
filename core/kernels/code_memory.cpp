#include <new>

#include <unspool/core/kernels/code_memory.h>

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

}  // namespace

CodeMemory::CodeMemory(std::size_t bytes) : bytes_(in_pages(bytes)) {
  data_ = mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (data_ != MAP_FAILED) return;
  data_ = nullptr;
  throw std::bad_alloc();
}

CodeMemory::~CodeMemory() {
  if (data_ != nullptr) munmap(data_, bytes_);
}

void CodeMemory::make_runnable(std::size_t used) {
  const std::size_t kept = in_pages(used);
  if (kept < bytes_) munmap(static_cast<std::byte*>(data_) + kept, bytes_ - kept);
  bytes_ = kept;
  if (mprotect(data_, bytes_, PROT_READ | PROT_EXEC) != 0) throw std::bad_alloc();
}
#else
CodeMemory::CodeMemory(std::size_t) { throw std::bad_alloc(); }
CodeMemory::~CodeMemory() = default;
void CodeMemory::make_runnable(std::size_t) {}
#endif

}  // namespace unspool::kernels
