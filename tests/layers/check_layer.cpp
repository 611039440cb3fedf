#include <unspool/autograd/joining.h>
#include <unspool/autograd/recorder.h>
#include <unspool/layers/check_layer.h>

#include "support.h"

using namespace unspool;
using namespace unspool::testing;

namespace {

/// A layer that does what it should; the others below each do one thing wrong.
class Good : public Layer {
 public:
  using Layer::Layer;
  bool supports_masking() const override { return true; }

 protected:
  void build(const Shape& input) override {
    gain_ = add_weight({.name = "gain", .shape = {input.back()}, .initializer = Ones()});
  }
  Tensor call(const Tensor& x, const CallArgs&) override { return tanh(x * gain_); }
  Variable gain_;
};

class WrongShape : public Good {
 public:
  using Good::Good;
  std::vector<Shape> compute_output_shapes(const std::vector<Shape>& inputs) override {
    return {inputs.at(0) + Shape{1}};
  }
};

class FixesBatch : public Good {
 public:
  using Good::Good;
  std::vector<Shape> compute_output_shapes(const std::vector<Shape>& inputs) override {
    Shape shape = inputs.at(0);
    shape.set(0, 2);
    return {shape};
  }
};

class WrongDType : public Good {
 public:
  using Good::Good;
  Tensor call(const Tensor& x, const CallArgs& args) override { return cast(Good::call(x, args), float32); }
};

class Random : public Good {
 public:
  using Good::Good;
  Tensor call(const Tensor& x, const CallArgs& args) override {
    return Good::call(x, args) * random_uniform({1}, 0.5, 1, x.dtype());
  }
};

class CountsCalls : public Good {
 public:
  using Good::Good;
  void build(const Shape& input) override {
    Good::build(input);
    calls_ = add_weight({.name = "calls", .initializer = Zeros(), .trainable = false});
  }
  Tensor call(const Tensor& x, const CallArgs& args) override {
    if (!x.is_abstract()) calls_.assign_add(Tensor::scalar(1, dtype()));
    return Good::call(x, args);
  }

 private:
  Variable calls_;
};

class MixesRows : public Good {
 public:
  using Good::Good;
  Tensor call(const Tensor& x, const CallArgs& args) override {
    return Good::call(x - mean(x, {0}, true), args);
  }
};

class NoGradientOfWeight : public Good {
 public:
  using Good::Good;
  Tensor call(const Tensor& x, const CallArgs&) override { return x * stop_gradient(gain_); }
};

class MaskLost : public Good {
 public:
  using Good::Good;
  bool supports_masking() const override { return false; }
  Tensor compute_mask(const std::vector<Tensor>&, const Tensor& mask) override { return mask; }
};

class MaskIgnoresArgument : public Good {
 public:
  using Good::Good;
  Tensor call(const Tensor& x, const CallArgs& args) override {
    const Tensor mask = mask_of(x);
    return mask ? where(expand_dims(mask, -1), x * gain_, Tensor::scalar(0, x.dtype())) : Good::call(x, args);
  }
};

class NeedsLength : public Good {
 public:
  using Good::Good;
  Tensor call(const Tensor& x, const CallArgs& args) override {
    return Good::call(stack(unstack(x, 1), 1), args);
  }
};

/// Its config says nothing of the factor.
class Forgetful : public Good {
 public:
  explicit Forgetful(LayerOptions options = {}) : Forgetful(1, std::move(options)) {}
  explicit Forgetful(double factor, LayerOptions options = {}) : Good(std::move(options)), factor_(factor) {}
  Tensor call(const Tensor& x, const CallArgs& args) override { return Good::call(x, args) * factor_; }

 private:
  double factor_;
};

class Unknown : public Good {
 public:
  using Good::Good;
};

template <class L>
CheckReport report_of(const Ref<L>& layer, CheckLayerOptions options = {.input_shapes = {{3, 4, 2}}}) {
  register_layer<L>("test>" + class_name_of(typeid(L)));
  return check_layer(layer, options);
}

template <class L>
std::string failures_of(CheckLayerOptions options = {.input_shapes = {{3, 4, 2}}}) {
  const CheckReport report = report_of(make<L>(), options);
  CHECK_FALSE(report);
  return to_string(report);
}

}  // namespace

TEST_CASE("check_layer passes a layer that holds what it must") {
  const Ref<Good> good = make<Good>();
  const CheckReport report = report_of(good);
  CHECK_MESSAGE(report, to_string(report));
  CHECK(report.checks > 100);
  const CheckReport flat = report_of(make<Good>(), {.input_shapes = {{2, 3}}});
  CHECK_MESSAGE(flat, to_string(flat));
}

TEST_CASE("check_layer finds wrong shapes and dtypes") {
  CHECK(
      contains(failures_of<WrongShape>(), "compute_output_shapes() for inputs [3, 4, 2] says [3, 4, 2, 1]"));
  CHECK(contains(failures_of<FixesBatch>({.input_shapes = {{2, 4, 2}}}), "though the batch is unknown"));
  CHECK(contains(failures_of<WrongDType>(),
                 "WrongDType: float64: dtypes: inputs of float64 give float32[3, 4, 2]"));
  CHECK(contains(failures_of<NeedsLength>(), "threw: "));
}

TEST_CASE("check_layer finds calls that do not repeat or change something") {
  CHECK(contains(failures_of<Random>(), "Random: float32: repetition: a second call"));
  CHECK(contains(failures_of<CountsCalls>(), "weights after calls"));
}

TEST_CASE("check_layer finds samples that depend on each other") {
  CHECK(contains(failures_of<MixesRows>(), "rows: sample 0 alone"));
  const CheckReport allowed =
      report_of(make<MixesRows>(), {.input_shapes = {{3, 4, 2}}, .rows_alone = false});
  CHECK_MESSAGE(allowed, to_string(allowed));
}

TEST_CASE("check_layer finds wrong gradients") {
  CHECK(contains(failures_of<NoGradientOfWeight>(), "gradients: gradcheck: first gradient by variable 0"));
}

TEST_CASE("check_layer finds masks that are lost or taken from one place only") {
  CHECK(contains(failures_of<MaskLost>(), "though supports_masking() is false"));
  CHECK(contains(failures_of<MaskIgnoresArgument>(), "masks: a mask as an argument"));
}

TEST_CASE("check_layer finds arguments that the config forgets") {
  const CheckReport report = report_of(make<Forgetful>(2.0));
  CHECK(contains(to_string(report), "Forgetful: the layer itself: a layer of its config"));
}

TEST_CASE("check_layer needs a registered class and shapes") {
  CHECK(contains(message_of<KeyError>([] {
                   check_layer(make<Unknown>(), {.input_shapes = {{2, 3}}});
                 }),
                 "register_layer"));
  CHECK(contains(message_of<ValueError>([] { report_of(make<Good>(), {}); }), "input_shapes"));
  CHECK(contains(message_of<ValueError>([] {
                   report_of(make<Good>(), {.input_shapes = {{1, 3}}});
                 }),
                 "[1, 3]"));
  CHECK(contains(message_of<ValueError>([] {
                   report_of(make<Good>(), {.input_shapes = {{2, 3}, {3, 3}}});
                 }),
                 "[3, 3]"));
}
