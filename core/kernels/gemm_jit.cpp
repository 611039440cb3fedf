#include <cstddef>
#include <utility>

#include <unspool/core/kernels/gemm_jit.h>
#include <unspool/core/kernels/instruction_set.h>

namespace unspool::kernels {

template <class T>
GemmJit<T>::GemmJit(Isa isa)
    : target_(jit_target(isa)),
      table_(instruction_set(isa).gemm<T>()),
      compiled_(target_ == nullptr ? 0 : static_cast<std::size_t>((table_.mr + 1) * table_.mr * 2 * 2 * 3)) {}

template <class T>
GemmJit<T>& GemmJit<T>::of(Isa isa) {
  static GemmJit* const all[] = {
#define UNSPOOL_INSTRUCTION_SET(name, ...) new GemmJit(Isa::name),
#include <unspool/core/kernels/instruction_sets.def>
#undef UNSPOOL_INSTRUCTION_SET
  };
  return *all[static_cast<std::size_t>(isa)];
}

template <class T>
typename GemmJit<T>::Code GemmJit<T>::compile(const TileCode& code, std::atomic<Code>& place) {
  const std::lock_guard lock(mutex_);
  if (const Code ready = place.load(std::memory_order_acquire)) return ready;
  JitMemory memory = target_->emit_tiles(*target_, code);
  if (memory.data() == nullptr) return nullptr;
  const Code ready = reinterpret_cast<Code>(memory.data());
  memory_.push_back(std::move(memory));
  place.store(ready, std::memory_order_release);
  return ready;
}

template <class T>
typename GemmJit<T>::Code GemmJit<T>::code_for(const TileCut& cut, std::int64_t columns, LeftLayout layout) {
  const std::int64_t width = table_.nr / 2;
  const TileCode code{.rows = {static_cast<int>(cut.height[0]), static_cast<int>(cut.height[1])},
                      .vectors = columns <= width ? 1 : 2,
                      .partial = columns != table_.nr && columns != width,
                      .layout = layout,
                      .mr = static_cast<int>(table_.mr),
                      .nr = static_cast<int>(table_.nr),
                      .element_bytes = sizeof(T)};
  // A low tile has at most mr - 1 rows.
  const std::int64_t heights = cut.height[0] * table_.mr + cut.height[1];
  const std::int64_t panel = (heights * 2 + code.vectors - 1) * 2 + (code.partial ? 1 : 0);
  std::atomic<Code>& place =
      compiled_[static_cast<std::size_t>(panel * 3) + static_cast<std::size_t>(layout)];
  const Code ready = place.load(std::memory_order_acquire);
  return ready != nullptr ? ready : compile(code, place);
}

template <class T>
bool GemmJit<T>::run(const GemmBlock<T>& block) {
  if (target_ == nullptr) return false;
  constexpr auto bytes = static_cast<std::int64_t>(sizeof(T));
  const auto& [shape, cut, a, b, c] = block;
  const Code whole = cut.panels == 0 ? nullptr : code_for(cut, table_.nr, a.layout);
  const Code part = cut.last == 0 ? nullptr : code_for(cut, cut.last, a.layout);
  if ((whole == nullptr && cut.panels != 0) || (part == nullptr && cut.last != 0)) return false;
  const bool packed = a.layout == LeftLayout::packed;
  const std::int64_t width = table_.nr / 2;
  TileArguments run{
      .panels = cut.panels,
      .count = {cut.count[0], cut.count[1]},
      .k = shape.k,
      .panel_bytes = shape.k * table_.nr * bytes,
      .a = a.data,
      .a_tile = {(packed ? a.panel : cut.height[0] * a.row) * bytes, cut.height[1] * a.row * bytes},
      .a_stride = (a.layout == LeftLayout::columns ? a.step : a.row) * bytes,
      .b = b,
      .c = c.data,
      .c_stride = c.stride * bytes,
      .start = c.start.data,
      .start_stride = c.start.stride * bytes,
      .bias = c.bias,
      .last = cut.last > width ? cut.last - width : cut.last};
  if (whole != nullptr) whole(&run);
  if (part != nullptr) {
    run.panels = 1;
    part(&run);
  }
  return true;
}

template class GemmJit<float>;
template class GemmJit<double>;

}  // namespace unspool::kernels
