#include <cmath>
#include <cstring>
#include <limits>

#include <unspool/autograd/conversion.h>
#include <unspool/autograd/elementwise.h>
#include <unspool/autograd/families.h>
#include <unspool/autograd/tape.h>
#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>

namespace unspool {
namespace {

template <class From, class To>
To convert(From x) {
  if constexpr (std::is_same_v<To, bool>) {
    return x != From{};
  } else if constexpr (std::is_floating_point_v<From> && std::is_integral_v<To>) {
    // Both bounds are powers of two, so exact; a NaN lies in no interval.
    const auto limit = std::ldexp(From{1}, std::numeric_limits<To>::digits);
    const From whole = std::trunc(x);
    if (!(whole >= -limit && whole < limit)) {
      throw ValueError(fmt::format("cast: {} does not fit {}", x, name_of(dtype_for<To>())));
    }
    return static_cast<To>(whole);
  } else if constexpr (std::is_same_v<From, std::int64_t> && std::is_same_v<To, std::int32_t>) {
    if (static_cast<std::int32_t>(x) != x) throw ValueError(fmt::format("cast: {} does not fit int32", x));
    return static_cast<To>(x);
  } else {
    return static_cast<To>(x);
  }
}

void cast_block(const KernelBlock& block) {
  visit_dtype(block.input_dtype, [&]<class From>(From) {
    visit_dtype(block.output_dtype, [&]<class To>(To) {
      internal::each_row<1>(block, [&](const void* const* inputs, void* output) {
        const From* x = static_cast<const From*>(inputs[0]);
        To* y = static_cast<To*>(output);
        for (Index i = 0; i < block.count; ++i) y[i] = convert<From, To>(x[i]);
      });
    });
  });
}

class GradientFunction : public Payload {
 public:
  using Function = decltype(CustomGradient::gradient);
  explicit GradientFunction(Function given) : function(std::move(given)) {}
  std::string describe() const override { return "a function"; }
  Function function;
};

/// The first output among the operands: before it come the inputs of the user's function.
std::size_t first_output(const Attributes& attributes) {
  return static_cast<std::size_t>(attributes.integer("inputs"));
}

Specs same_spec(const Call& call) {
  Specs specs(1);
  specs[0] = {call.shape(), call.dtype()};
  return specs;
}

void custom_rows(const Call& call, std::span<Rows> operands) {
  const std::size_t first = first_output(call.attributes);
  const bool has_rows = first < call.inputs.size() && call.rank(first) > 0;
  bool alike = has_rows;
  for (std::size_t i = first; alike && i < operands.size(); ++i) {
    alike = call.rank(i) > 0 && call.shape(i)[0] == call.shape(first)[0];
  }
  for (std::size_t i = 0; i < operands.size(); ++i) {
    // Nothing is computed from the inputs, so row i of theirs will do.
    const bool same = alike && call.rank(i) > 0 && call.shape(i)[0] == call.shape(first)[0];
    operands[i] = same ? Rows::same : Rows::all;
  }
}

constexpr Operation conversion_records[] = {
    {.name = "cast",
     .summary = "x with another dtype; floating to integer cuts towards zero, to bool is x != 0",
     .shape =
         [](const Call& call) {
           Specs specs(1);
           specs[0] = {call.shape(), call.attributes.get<DType>("dtype")};
           return specs;
         },
     .kernel = {.run = [](const KernelCall& call) { internal::run_broadcast(&cast_block, call); },
                .block = &cast_block},
     .gradient = [](Backward& b) { b.dx() = cast(b.dy(), b.x().dtype()); },
     .examples =
         [] {
           std::vector<Example> examples;
           for (DType dtype : {float64, float32, int32, int64, boolean}) {
             examples.push_back({{{.shape = {2, 3}, .range = {-5, 5}}}, {{"dtype", dtype}}});
           }
           examples.push_back({{{.shape = {2, 3}, .range = {-5, 5}, .dtype = int64}}, {{"dtype", float64}}});
           examples.push_back({{{.shape = {2, 3}, .range = {-5, 5}, .dtype = int64}}, {{"dtype", int32}}});
           examples.push_back({{{.shape = {3}, .dtype = boolean}}, {{"dtype", float32}}});
           examples.push_back({{{.shape = {}}}, {{"dtype", float64}}});
           examples.push_back({{{.shape = {0, 2}}}, {{"dtype", float32}}});
           return examples;
         }},
    {.name = "stop_gradient",
     .summary = "x as a constant: no gradient flows through it",
     .shape = same_spec,
     .kernel = {.view = true},
     .examples = {{-2, 2}}},
    {.name = "custom_gradient",
     .summary = "the outputs of a function, with the gradient that its author says",
     .shape =
         [](const Call& call) {
           const std::size_t first = first_output(call.attributes);
           Specs specs(call.inputs.size() - first);
           for (std::size_t i = 0; i < specs.size(); ++i) {
             specs[i] = {call.shape(first + i), call.dtype(first + i)};
           }
           return specs;
         },
     .kernel = {.run =
                    [](const KernelCall& call) {
                      const std::size_t first = first_output(call.attributes);
                      for (std::size_t i = 0; i < call.outputs.size(); ++i) {
                        const Array& from = call.inputs[first + i];
                        const auto bytes =
                            static_cast<std::size_t>(from.shape->elements()) * size_of(from.dtype);
                        if (bytes != 0) std::memcpy(call.outputs[i].data, from.data, bytes);
                      }
                    }},
     .gradient =
         [](Backward& b) {
           const auto payload = b.attributes().get<std::shared_ptr<const Payload>>("gradient");
           const auto& function = dynamic_cast<const GradientFunction&>(*payload).function;
           std::vector<Tensor> cotangents;
           for (std::size_t i = 0; i < b.outputs(); ++i) cotangents.push_back(b.dy(i));
           const std::vector<Tensor> gradients = function(cotangents);
           const std::size_t inputs = first_output(b.attributes());
           if (gradients.size() != inputs) {
             b.call().fail(fmt::format("the gradient function gave {} gradients for {} inputs",
                                       gradients.size(), inputs));
           }
           for (std::size_t i = 0; i < inputs; ++i) {
             if (!b.needs(i) || !gradients[i]) continue;
             if (!compatible(gradients[i].shape(), b.x(i).shape()) ||
                 gradients[i].dtype() != b.x(i).dtype()) {
               b.call().fail(fmt::format("the gradient function gave {} for input {}, which is {}",
                                         describe(gradients[i]), i, describe(b.x(i))));
             }
             b.dx(i) = gradients[i];
           }
         },
     .rows = custom_rows,
     // Its gradient speaks of one step's tensors, but what is folded is not differentiated any more.
     .fold =
         [](const Call& step, std::span<const bool> leading, Attributes& attributes) {
           for (std::size_t i = first_output(attributes); i < step.inputs.size(); ++i) {
             if (!leading[i]) return false;
           }
           return true;
         },
     .examples =
         [] {
           // Integers: the outputs do not follow from the inputs, so there is nothing to differentiate.
           const Operand whole{.shape = {2, 3}, .range = {-5, 5}, .dtype = int32};
           const Operand column{.shape = {2}, .range = {-5, 5}, .dtype = int32};
           return std::vector<Example>{{{whole, whole}, {{"inputs", Index{1}}}},
                                       {{whole, column, whole}, {{"inputs", Index{1}}}}};
         }},
};
constexpr OperationTable conversion_table(conversion_records);

}  // namespace

OperationList families::conversion() { return conversion_table; }

Tensor cast(const Tensor& x, DType dtype) {
  if (x.dtype() == dtype) return x;
  return apply(conversion_table["cast"], x, {{"dtype", dtype}});
}

Tensor stop_gradient(const Tensor& x) { return apply(conversion_table["stop_gradient"], x); }

std::vector<Tensor> custom_gradient(const std::function<CustomGradient(const std::vector<Tensor>&)>& function,
                                    const std::vector<Tensor>& inputs) {
  CustomGradient given = no_gradient([&] { return function(inputs); });
  if (!given.gradient) throw ValueError("custom_gradient: the function gave no gradient function");
  Tensors operands(inputs);
  for (const Tensor& output : given.outputs) operands.push_back(output);
  const Tensors outputs =
      apply_all(conversion_table["custom_gradient"], operands,
                {{"inputs", static_cast<Index>(inputs.size())},
                 {"gradient", std::shared_ptr<const Payload>(
                                  std::make_shared<const GradientFunction>(std::move(given.gradient)))}});
  return {outputs.begin(), outputs.end()};
}

}  // namespace unspool
