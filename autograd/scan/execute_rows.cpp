#include <algorithm>
#include <cstring>

#include <unspool/autograd/scan/executor.h>
#include <unspool/core/kernels/gemm.h>

namespace unspool::scan_compiler {

void Executor::run_rows(const CodeSegment& segment, Frame& frame, Interval rows) const {
  const auto run = [&](Index begin, Index end) {
    for (const Code& code : segment.code) {
      std::visit([&](const auto& own) { run_code(own, frame, {begin, end}); }, code);
    }
  };
  // The two bounds apart: g++ 12 reads an Interval that it has just stored as one vector, which waits for
  // both stores (20 ns a step).
  const auto [begin, end] = rows;
  if (segment.block_rows == 0) return run(begin, end);
  for (Index row = begin; row < end; row += segment.block_rows) {
    for (const InBlock& own : segment.in_block) {
      frame[own.value] = frame.block() + own.offset - row * own.row_bytes;
    }
    run(row, std::min(end, row + segment.block_rows));
  }
}

void Executor::run_code(const ElementwiseCode& code, Frame& frame, Interval rows) const {
  const std::size_t count = code.operands.size();
  const void* operands[8];
  for (std::size_t i = 0; i < count; ++i)
    operands[i] = frame[code.operands[i]] + rows.begin * code.row_bytes[i];
  std::byte* const result = frame[code.result] + rows.begin * code.row_bytes[count];
  if (code.contiguous) {
    code.block({operands, code.steps.data(), result, rows.size() * code.columns, code.input_dtype,
                code.output_dtype});
  } else if (rows.size() > 0) {
    code.block({operands, code.steps.data(), result, code.columns, code.input_dtype, code.output_dtype,
                rows.size(), code.row_bytes.data()});
  }
}

void Executor::run_code(const CopyCode& code, Frame& frame, Interval rows) const {
  const std::byte* from = frame[code.from.value];
  std::byte* to = frame[code.to.value];
  if (!code.has_rows) {
    std::memcpy(to, from, code.bytes);
    return;
  }
  const auto bytes = static_cast<std::ptrdiff_t>(code.bytes);
  if (code.from.row_bytes == bytes && code.to.row_bytes == bytes) {
    std::memcpy(to + rows.begin * bytes, from + rows.begin * bytes,
                static_cast<std::size_t>(rows.size()) * code.bytes);
    return;
  }
  for (Index row = rows.begin; row < rows.end; ++row) {
    std::memcpy(to + row * code.to.row_bytes, from + row * code.from.row_bytes, code.bytes);
  }
}

void Executor::run_code(const MachineLoop& code, Frame& frame, Interval rows) const {
  SmallVector<std::byte*, 32> pointers(code.pointers.size());
  for (std::size_t i = 0; i < pointers.size(); ++i) {
    pointers[i] = frame[code.pointers[i].value] + rows.begin * code.pointers[i].row_bytes;
  }
  if (code.contiguous) {
    (*code.code)(pointers.data(), 1, rows.size() * code.columns);
  } else {
    (*code.code)(pointers.data(), rows.size(), code.columns);
  }
}

void Executor::run_code(const ProductCode& code, Frame& frame, Interval rows) const {
  const Matrix& matrix = code_.matrices[static_cast<std::size_t>(code.matrix)];
  visit_floating(code_.specs[index_of(code.result.value)].dtype, [&]<class T>(T) {
    const auto rows_of = [&](const RowAddress& address) {
      return reinterpret_cast<T*>(frame[address.value] + rows.begin * address.row_bytes);
    };
    const auto stride = [](const RowAddress& address) {
      return address.row_bytes / static_cast<std::ptrdiff_t>(sizeof(T));
    };
    kernels::Start<T> start;
    if (code.start.value != no_value) start = {rows_of(code.start), stride(code.start)};
    const T* const bias = code.bias == no_value ? nullptr : reinterpret_cast<const T*>(frame[code.bias]);
    const kernels::PackedMatrix<T> packed{reinterpret_cast<const T*>(memory_.packed(code.matrix))};
    kernels::gemm<T>({rows.size(), matrix.columns, matrix.depth}, {rows_of(code.left), stride(code.left)},
                     packed, {rows_of(code.result), stride(code.result), start, bias});
  });
}

void Executor::run_code(const KernelCode& code, Frame& frame, Interval rows) const {
  const Use& use = code_.program->uses[static_cast<std::size_t>(code.use)];
  const std::size_t size = code.values.size();
  SmallVector<Shape, 6> shapes(size);
  SmallVector<Array, 6> arrays(size);
  Arena dense_copies;
  for (std::size_t i = 0; i < size; ++i) {
    const auto [value, row_bytes] = code.values[i];
    const Slot& slot = code_.slot(value);
    const Spec& spec = code_.specs[index_of(value)];
    shapes[i] = spec.shape;
    std::byte* data = frame[value];
    if (code.by_row[i]) {
      shapes[i].set(0, rows.size());
      data += rows.begin * row_bytes;
    }
    // Kernels read rows that follow one another.
    if (i < code.operands && slot.has_rows && slot.stride != slot.columns) {
      const Index count = shapes[i][0];
      const std::size_t row = static_cast<std::size_t>(slot.columns) * size_of(spec.dtype);
      auto* dense = static_cast<std::byte*>(dense_copies.take(static_cast<std::size_t>(count) * row));
      for (Index r = 0; r < count; ++r) {
        std::memcpy(dense + static_cast<std::size_t>(r) * row, data + r * row_bytes, row);
      }
      data = dense;
    }
    arrays[i] = {data, &shapes[i], spec.dtype};
  }
  if (use.operation->kernel.view) {
    const Array& result = arrays[code.operands];
    std::memcpy(result.data, arrays[0].data,
                static_cast<std::size_t>(result.shape->elements()) * size_of(result.dtype));
  } else {
    use.operation->kernel.run({{arrays.data(), code.operands},
                               {arrays.data() + code.operands, size - code.operands},
                               use.attributes});
  }
}

}  // namespace unspool::scan_compiler
