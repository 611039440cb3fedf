#include <cmath>
#include <cstring>
#include <limits>

#include <unspool/autograd/conversion.h>
#include <unspool/autograd/elementwise.h>
#include <unspool/autograd/families.h>
#include <unspool/autograd/scan/shared_program.h>
#include <unspool/autograd/scan/trace.h>
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
    // The bounds are powers of two and thus exact. NaN fails both comparisons.
    const auto limit = std::ldexp(From{1}, std::numeric_limits<To>::digits);
    const From whole = std::trunc(x);
    if (!(whole >= -limit && whole < limit)) {
      throw ValueError(
          fmt::format("cast: expected values in the range of {}, got {}", name_of(dtype_for<To>()), x));
    }
    return static_cast<To>(whole);
  } else if constexpr (std::is_same_v<From, std::int64_t> && std::is_same_v<To, std::int32_t>) {
    if (static_cast<std::int32_t>(x) != x)
      throw ValueError(fmt::format("cast: expected values in the range of int32, got {}", x));
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

/// The operands of custom_gradient: the inputs of the user's function, its outputs, and what its gradient
/// reads. The last part is known only in a step of a scan, where the gradient function is recorded; elsewhere
/// it is empty.
struct CustomOperands {
  explicit CustomOperands(const Call& call) : CustomOperands(call.attributes, call.inputs.size()) {}
  CustomOperands(const Attributes& attributes, std::size_t operands)
      : first_output(static_cast<std::size_t>(attributes.integer("inputs"))),
        first_read(first_output + static_cast<std::size_t>(attributes.get_or(
                                      "outputs", static_cast<Index>(operands - first_output)))) {}
  std::size_t first_output;
  std::size_t first_read;
};

Specs same_spec(const Call& call) {
  Specs specs(1);
  specs[0] = {call.shape(), call.dtype()};
  return specs;
}

void custom_rows(const Call& call, std::span<Rows> operands) {
  const CustomOperands own(call);
  const std::size_t first = own.first_output;
  bool alike = first < own.first_read && call.rank(first) > 0;
  for (std::size_t i = first; alike && i < own.first_read; ++i) {
    alike = call.rank(i) > 0 && call.shape(i)[0] == call.shape(first)[0];
  }
  for (std::size_t i = 0; i < operands.size(); ++i) {
    // The kernel does not read the inputs, nor what the gradient reads, so "same" is right for them, too.
    const bool same = alike && call.rank(i) > 0 && call.shape(i)[0] == call.shape(first)[0];
    operands[i] = same ? Rows::same : Rows::all;
  }
}

void custom_keeps(const Call& call, std::span<const Tensor>, std::span<bool> inputs,
                  std::span<bool> outputs) {
  const std::size_t first_read = CustomOperands(call).first_read;
  for (std::size_t i = 0; i < inputs.size(); ++i) inputs[i] = i >= first_read;
  std::fill(outputs.begin(), outputs.end(), false);
}

/// What the user's gradient function returns; empty tensors for no gradient.
std::vector<Tensor> custom_gradients(Backward& b) {
  const CustomOperands own(b.call());
  std::vector<Tensor> arguments;
  for (std::size_t i = 0; i < b.outputs(); ++i) arguments.push_back(b.dy(i));
  const auto payload = b.attributes().get<std::shared_ptr<const Payload>>("gradient");
  if (const auto* const function = dynamic_cast<const GradientFunction*>(payload.get())) {
    return function->function(arguments);
  }
  for (std::size_t i = own.first_read; i < b.operands(); ++i) arguments.push_back(b.x(i));
  const auto& recorded = dynamic_cast<const scan_compiler::ScanBody&>(*payload);
  const std::vector<Tensor> made = scan_compiler::replay(recorded.shared().program(), arguments);
  const std::vector<Index>& results = b.attributes().integers("results");
  std::vector<Tensor> gradients(static_cast<std::size_t>(b.attributes().integer("gradients")));
  for (std::size_t i = 0; i < made.size(); ++i) gradients[static_cast<std::size_t>(results[i])] = made[i];
  return gradients;
}

void custom_rule(Backward& b) {
  const std::vector<Tensor> gradients = custom_gradients(b);
  const std::size_t inputs = CustomOperands(b.call()).first_output;
  if (gradients.size() != inputs) {
    b.call().fail(
        fmt::format("expected the gradient function to return {} gradients, one for each input, got {}",
                    inputs, gradients.size()));
  }
  for (std::size_t i = 0; i < inputs; ++i) {
    if (!b.needs(i) || !gradients[i]) continue;
    if (!compatible(gradients[i].shape(), b.x(i).shape()) || gradients[i].dtype() != b.x(i).dtype()) {
      b.call().fail(fmt::format("expected a gradient like input {}, {}, got {}", i, describe(b.x(i)),
                                describe(gradients[i])));
    }
    b.dx(i) = gradients[i];
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
     .form = [](const Call&) -> Form { return form::Broadcast{}; },
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
     .form = [](const Call&) -> Form { return form::Broadcast{}; },
     .examples = {{-2, 2}}},
    {.name = "custom_gradient",
     .summary = "the outputs of a function, with the gradient that its author states",
     .shape =
         [](const Call& call) {
           const CustomOperands own(call);
           Specs specs;
           for (std::size_t i = own.first_output; i < own.first_read; ++i) {
             specs.push_back({call.shape(i), call.dtype(i)});
           }
           return specs;
         },
     .kernel = {.run =
                    [](const KernelCall& call) {
                      const std::size_t first =
                          CustomOperands(call.attributes, call.inputs.size()).first_output;
                      for (std::size_t i = 0; i < call.outputs.size(); ++i) {
                        const Array& from = call.inputs[first + i];
                        const auto bytes =
                            static_cast<std::size_t>(from.shape->elements()) * size_of(from.dtype);
                        if (bytes != 0) std::memcpy(call.outputs[i].data, from.data, bytes);
                      }
                    }},
     .gradient = custom_rule,
     .keep = keep::all_inputs,
     .keep_rule = custom_keeps,
     .rows = custom_rows,
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

std::vector<Tensor> custom_gradient(const Callable<CustomGradient(const std::vector<Tensor>&)>& function,
                                    const std::vector<Tensor>& inputs) {
  CustomGradient given = no_gradient([&] { return function(inputs); });
  if (!given.gradient) throw ValueError("custom_gradient: expected a gradient function, got none");
  Tensors operands(inputs);
  for (const Tensor& output : given.outputs) operands.push_back(output);
  Attributes attributes{{"inputs", static_cast<Index>(inputs.size())}};
  if (scan_compiler::Trace* const trace = scan_compiler::Trace::of(operands)) {
    // A step of a scan is compiled with its gradient, so the gradient function is recorded, not kept.
    Specs specs;
    for (const Tensor& output : given.outputs) specs.push_back({output.shape(), output.dtype()});
    std::size_t gradients = 0;
    scan_compiler::RecordedFunction recorded =
        trace->record_apart(specs, [&](const std::vector<Tensor>& cotangents) {
          std::vector<Tensor> made = given.gradient(cotangents);
          gradients = made.size();
          return made;
        });
    for (const Tensor& read : recorded.captured) operands.push_back(read);
    const auto program = scan_compiler::SharedProgram::of(std::move(recorded.program));
    attributes = attributes.with("outputs", static_cast<Index>(given.outputs.size()))
                     .with("gradients", static_cast<Index>(gradients))
                     .with("results", std::move(recorded.results))
                     .with("gradient", std::shared_ptr<const Payload>(program->body(
                                           std::vector<bool>(program->program().inputs(), false))));
  } else {
    attributes = attributes.with(
        "gradient",
        std::shared_ptr<const Payload>(std::make_shared<const GradientFunction>(std::move(given.gradient))));
  }
  const Tensors outputs = apply_all(conversion_table["custom_gradient"], operands, attributes);
  return {outputs.begin(), outputs.end()};
}

}  // namespace unspool
