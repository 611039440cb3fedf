#include <algorithm>
#include <array>

#include <unspool/autograd/families.h>
#include <unspool/autograd/operation.h>
#include <unspool/autograd/product.h>
#include <unspool/autograd/reduction.h>
#include <unspool/autograd/shaping.h>
#include <unspool/core/internal/format.h>
#include <unspool/core/kernels/gemm.h>
#include <unspool/core/threads.h>

namespace unspool {
namespace {

/// The batch axes, rows, inner size and columns of a product of operands of rank >= 2.
struct Sizes {
  Shape batch_a;
  Shape batch_b;
  Index rows;
  Index inner_a;
  Index inner_b;
  Index columns;
};

Sizes sizes_of(const Shape& a, const Shape& b, bool transpose_a, bool transpose_b) {
  return {a.sub(0, a.rank() - 2),   b.sub(0, b.rank() - 2),   a[transpose_a ? -1 : -2],
          a[transpose_a ? -2 : -1], b[transpose_b ? -1 : -2], b[transpose_b ? -2 : -1]};
}

Specs matmul_spec(const Call& call) {
  if (call.dtype(0) != call.dtype(1))
    call.fail_type("expected operands of the same dtype: cast(x, dtype) one of them");
  if (!is_floating(call.dtype())) call.fail_type("expected float32 or float64: cast(x, float32) first");
  if (call.rank(0) < 2 || call.rank(1) < 2) call.fail("expected operands of at least two axes");
  const Sizes sizes = sizes_of(call.shape(0), call.shape(1), call.attributes.flag("transpose_a"),
                               call.attributes.flag("transpose_b"));
  if (sizes.inner_a != sizes.inner_b && sizes.inner_a != unknown && sizes.inner_b != unknown) {
    call.fail(
        fmt::format("expected equal inner sizes, got {} and {}: these are the last axis of a (the one before "
                    "it if transposed) and "
                    "the last but one of b (its last if transposed)",
                    sizes.inner_a, sizes.inner_b));
  }
  Shape shape;
  if (!broadcast(sizes.batch_a, sizes.batch_b, shape)) call.fail("expected leading axes that broadcast");
  shape.push_back(sizes.rows);
  shape.push_back(sizes.columns);
  Specs specs(1);
  specs[0] = {shape, call.dtype()};
  return specs;
}

/// For each index of `batch`, in order, the position in an operand whose leading axes broadcast to `batch`.
class BatchOffsets {
 public:
  BatchOffsets(const Shape& batch, const Shape& own) {
    Index stride = 1;
    for (int i = batch.rank() - 1; i >= 0; --i) {
      const int mine = i - (batch.rank() - own.rank());
      const auto k = static_cast<std::size_t>(i);
      sizes_[k] = batch[i];
      if (mine < 0 || own[mine] == 1) continue;
      strides_[k] = stride;
      stride *= own[mine];
    }
    rank_ = batch.rank();
  }
  Index at(Index number) const {
    Index position = 0;
    for (int i = rank_ - 1; i >= 0; --i) {
      const auto k = static_cast<std::size_t>(i);
      position += number % sizes_[k] * strides_[k];
      number /= sizes_[k];
    }
    return position;
  }

 private:
  std::array<Index, Shape::max_rank> sizes_{};
  std::array<Index, Shape::max_rank> strides_{};
  int rank_ = 0;
};

template <class T>
void multiply(const KernelCall& call) {
  const bool transpose_a = call.attributes.flag("transpose_a");
  const bool transpose_b = call.attributes.flag("transpose_b");
  const Shape& shape_a = *call.inputs[0].shape;
  const Shape& shape_b = *call.inputs[1].shape;
  const Sizes sizes = sizes_of(shape_a, shape_b, transpose_a, transpose_b);
  const Shape& result = *call.outputs[0].shape;
  const T* a = call.inputs[0].as<T>();
  const T* b = call.inputs[1].as<T>();
  T* c = call.outputs[0].as<T>();
  const Index lda = std::max<Index>(1, shape_a.back());
  const Index ldb = std::max<Index>(1, shape_b.back());
  const Index ldc = std::max<Index>(1, sizes.columns);
  const Shape batch = result.sub(0, result.rank() - 2);
  const Index count = batch.elements();
  if (result.elements() == 0) return;
  if (!transpose_a && sizes.batch_b.elements() == 1) {
    // All batches share the right side: their rows are one product.
    return kernels::gemm<T>({count * sizes.rows, sizes.columns, sizes.inner_a}, {a, lda},
                            {b, ldb, transpose_b}, {c, ldc});
  }
  const BatchOffsets offsets_a(batch, sizes.batch_a);
  const BatchOffsets offsets_b(batch, sizes.batch_b);
  const auto run = [&](Index begin, Index end) {
    for (Index i = begin; i < end; ++i) {
      kernels::gemm<T>({sizes.rows, sizes.columns, sizes.inner_a},
                       {a + offsets_a.at(i) * sizes.rows * sizes.inner_a, lda, transpose_a},
                       {b + offsets_b.at(i) * sizes.inner_b * sizes.columns, ldb, transpose_b},
                       {c + i * sizes.rows * sizes.columns, ldc});
    }
  };
  const Index work = std::max<Index>(1, sizes.rows * sizes.columns * std::max<Index>(1, sizes.inner_a));
  if (count == 1 || work >= 16 * machine::gemm_task_multiply_adds)
    return run(0, count);  // each product is dealt to threads itself
  parallel_for(count, std::max<Index>(1, machine::gemm_task_multiply_adds / work), run);
}

void matmul_kernel(const KernelCall& call) {
  if (call.inputs[0].dtype == float32) {
    multiply<float>(call);
  } else {
    multiply<double>(call);
  }
}

void matmul_gradient(Backward& b) {
  const bool transpose_a = b.attributes().flag("transpose_a");
  const bool transpose_b = b.attributes().flag("transpose_b");
  const Tensor& x = b.x(0);
  const Tensor& w = b.x(1);
  const Tensor dy = b.dy();
  const auto fit = [](Tensor gradient, const Shape& shape) {
    return gradient.shape() == shape ? gradient : sum_to(gradient, shape);
  };
  if (b.needs(0)) {
    b.dx(0) =
        fit(transpose_a ? matmul(w, dy, transpose_b, true) : matmul(dy, w, false, !transpose_b), x.shape());
  }
  if (!b.needs(1)) return;
  if (w.rank() == 2 && x.rank() > 2 && !transpose_a && x.shape().known() && dy.shape().known()) {
    // One product over the rows of all batches, instead of one product for each batch and a sum.
    const Tensor rows =
        reshape(x, {x.shape().elements() / std::max<Index>(1, x.shape().back()), x.shape().back()});
    const Tensor slopes = reshape(dy, {rows.shape()[0], dy.shape().back()});
    b.dx(1) = transpose_b ? matmul(slopes, rows, true, false) : matmul(rows, slopes, true, false);
    return;
  }
  b.dx(1) =
      fit(transpose_b ? matmul(dy, x, true, transpose_a) : matmul(x, dy, !transpose_a, false), w.shape());
}

void matmul_rows(const Call& call, std::span<Rows> operands) {
  const bool transpose_a = call.attributes.flag("transpose_a");
  const int rank = std::max(call.rank(0), call.rank(1));
  if (rank == 2) {
    operands[0] = transpose_a ? Rows::all : Rows::same;
    operands[1] = Rows::all;
    if (transpose_a && !call.attributes.flag("transpose_b")) operands[0] = operands[1] = Rows::summed;
    return;
  }
  rows::elementwise(call, operands);  // axis 0 is a batch
}

Form matmul_form(const Call& call) {
  return form::Product{call.attributes.flag("transpose_a"), call.attributes.flag("transpose_b")};
}

constexpr Operation product_records[] = {
    {.name = "matmul",
     .summary = "the product of matrices, each transposed if asked to; leading axes are batches",
     .shape = matmul_spec,
     .kernel = {.run = matmul_kernel},
     .gradient = matmul_gradient,
     .keep = keep::all_inputs,
     .rows = matmul_rows,
     .form = matmul_form,
     .examples =
         [] {
           const auto flags = [](bool a, bool b) {
             return Attributes{{"transpose_a", a}, {"transpose_b", b}};
           };
           return std::vector<Example>{{{{.shape = {2, 3}}, {.shape = {3, 4}}}, flags(false, false)},
                                       {{{.shape = {3, 2}}, {.shape = {3, 4}}}, flags(true, false)},
                                       {{{.shape = {2, 3}}, {.shape = {4, 3}}}, flags(false, true)},
                                       {{{.shape = {3, 2}}, {.shape = {4, 3}}}, flags(true, true)},
                                       {{{.shape = {2, 2, 3}}, {.shape = {3, 4}}}, flags(false, false)},
                                       {{{.shape = {2, 2, 3}}, {.shape = {4, 3}}}, flags(false, true)},
                                       {{{.shape = {2, 2, 3}}, {.shape = {2, 3, 4}}}, flags(false, false)},
                                       {{{.shape = {2, 1, 3, 2}}, {.shape = {2, 3, 1}}}, flags(true, false)},
                                       {{{.shape = {2, 3}}, {.shape = {2, 4, 3}}}, flags(false, true)},
                                       {{{.shape = {1, 1}}, {.shape = {1, 1}}}, flags(false, false)},
                                       {{{.shape = {0, 3}}, {.shape = {3, 2}}}, flags(false, false)},
                                       {{{.shape = {2, 0}}, {.shape = {0, 3}}}, flags(false, false)}};
         }},
};
constexpr OperationTable product_table(product_records);

}  // namespace

OperationList families::product() { return product_table; }

Tensor matmul(const Tensor& a, const Tensor& b, bool transpose_a, bool transpose_b) {
  // A vector cannot be transposed.
  const bool row = a.rank() == 1;
  const bool column = b.rank() == 1;
  const Attributes attributes{{"transpose_a", transpose_a && !row}, {"transpose_b", transpose_b && !column}};
  Tensor result =
      apply(product_table["matmul"], row ? expand_dims(a, 0) : a, column ? expand_dims(b, 1) : b, attributes);
  if (column) result = squeeze(result, {-1});
  if (row) result = squeeze(result, {column ? -1 : -2});
  return result;
}

}  // namespace unspool
