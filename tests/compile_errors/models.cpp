// Mistakes of programs that train models: scripts/check-compile-errors.sh says how to add a case.
#include <unspool/autograd/arithmetic.h>
#include <unspool/layers/dense.h>
#include <unspool/layers/input.h>
#include <unspool/models/early_stopping.h>
#include <unspool/models/metric.h>
#include <unspool/models/sequential.h>
#include <unspool/optim/adam.h>

using namespace unspool;

extern Model model;
extern Tensor x;

//! FunctionalModelOptions options{...}; //! MisspeltOptionOrWrongTypeOfValueFor<FunctionalModelOptions>
Model functional({.input = x, .outputs = x});

//! write Sequential for a list of layers //! MisspeltOptionOrWrongTypeOfValueFor<FunctionalModelOptions>
Model stacked({Dense(2), Dense(1)});

//+
Model functional({.inputs = x, .outputs = {x, x}});

//! write config.set(key, value)
Config config;
config["units"] = 3;

//! derive from Layer
class Net : public Model {};
Net net;

//! derive from Layer
class Net : public Model {
 public:
  Net() { units_ = 3; }

 private:
  Index units_ = 0;
};

//! derive from Layer
class Net : public Sequential {
 public:
  Net() : Sequential({Input({.shape = {3}})}) {}
};

//+
class Net : public Layer {
  Tensor call(const Tensor& y, const CallArgs&) override { return y; }
};
Model net(make<Net>());

//! derive from LossBase
class Own : public Loss {
 public:
  Tensor call(const Tensor& y, const Tensor& p) const { return p - y; }
};
model.compile({.loss = Own()});

//! derive from MetricBase
class Own : public Metric {};
const Metrics metrics{Own()};

//! declare `Mean mean;`
const Metric average = Mean();

//! derive from OptimizerBase
class Own : public Optimizer {
 public:
  Own() : Optimizer("adam") {}
};

//! derive from ScheduleBase
class Own : public LearningRate {
 public:
  Own() : LearningRate(0.1) {}
};

//! write make<MyLayer>(...) in place of MyLayer(...)
class Net : public Layer {};
Sequential net({Net()});

//! write make<MyCallback>(...) in place of MyCallback(...)
class Stop : public Callback {};
model.fit(x, x, {.callbacks = {Stop()}});

//! write EvaluateOptions options{...}
model.evaluate(x, x, {.verbos = 0});

//! write PredictOptions options{...}
model.predict(x, {.verbos = 0});

//+
model.predict({x, x}, {.verbose = 0});
model.predict(x);
model.evaluate(x, x, {.verbose = 0});
model.fit(Dataset(), {.epochs = 3, .callbacks = {EarlyStopping()}, .validation_data = Dataset()});
model.evaluate(Dataset(), {.verbose = 0, .callbacks = {EarlyStopping()}});
model.predict(Dataset(), {.verbose = 0, .steps = 2});

//! write FitOptions options{...}
model.fit(x, x, {.epoch = 3});

//! write CompileOptions options{...}
model.compile({.optimizer = "adam", .metric = {"mae"}});

//! AdamOptions options{...} //! MisspeltOptionOrWrongTypeOfValueFor<
Adam({.lr = 1e-3});

//! HuberOptions //! MisspeltOptionOrWrongTypeOfValueFor<HuberOptions>
Huber loss({.sigma = 2});

//! L2Options //! MisspeltOptionOrWrongTypeOfValueFor<L2Options>
Dense({.units = 3, .kernel_regularizer = L2({.factor = 0.1})});

//! ExponentialDecayOptions //! MisspeltOptionOrWrongTypeOfValueFor<ExponentialDecayOptions>
ExponentialDecay rate({.initial_rate = 0.1, .decay_steps = 10});

//! override what its base class declares with = 0
class Bounded : public ConstraintBase {
 public:
  explicit Bounded(double limit) { static_cast<void>(limit); }
};
const Constraint bounded = make<Bounded>(0.25);

//! override get_config()
struct BoundedOptions {
  double limit = 1;
  static const Fields& fields();
};
class Bounded : public ConstraintBase {
 public:
  using Options = BoundedOptions;
  explicit Bounded(BoundedOptions options);
  Tensor call(const Tensor& x) const override;
};
register_constraint<Bounded>("my>Bounded");

//! give the class `static auto from_config(
class Within : public MetricBase {
 public:
  explicit Within(double tolerance);
  void update_state(const Tensor& y_true, const Tensor& y_pred, const Tensor& sample_weight) override;
  Tensor result() const override;
};
register_metric<Within>("my>Within");

//! override get_config()
class Within : public MetricBase {
 public:
  explicit Within(double tolerance);
  void update_state(const Tensor& y_true, const Tensor& y_pred, const Tensor& sample_weight) override;
  Tensor result() const override;
  static Metric from_config(const Config& config) { return make<Within>(double(config["tolerance"])); }
};
register_metric<Within>("my>Within");

//! derive from InitializerBase, and pass make<MyInitializer>(...)
class Own : public Initializer {};
Own own;

//! derive from RegularizerBase, and pass make<MyPenalty>(...)
class Own : public Regularizer {};
Own own;

//! derive from ConstraintBase, and pass make<MyBound>(...)
class Own : public Constraint {};
Own own;

//! an epoch is the second index
model.fit(x, x)[0];

//! an epoch is the second index
const History history = model.fit(x, x);
history.history[0];

//+
double loss = model.evaluate(x, x)[0];
loss = model.fit(x, x)["loss"][0];
Tensor second = model.predict(x)[1];
Optimizer adam = Adam(1e-3);
adam = Adam({1e-3});
adam = Adam({});
adam = Adam();
adam = Adam({.learning_rate = 1e-3});
Adam declared(1e-3);
adam = declared;
const Adam same = declared;
declared.apply({}, {});
model.compile("adam", "mse", {"mae"});
model.compile(declared, MeanSquaredError());
constexpr Index length = 3;
const auto shape_of = [] { return Shape{length, 1}; };
MeanSquaredError squared;
SparseCategoricalAccuracy accuracy;
model.compile(declared, squared, {accuracy, AUC(100)});
model.compile({.loss = squared, .metrics = accuracy});
model.compile({.loss = "mse"});
Sequential other({Input({.shape = {3}}), make<Layer>(), Dense(3)});
const Shape shape = other.output_shape();
model.fit(x, x, {.callbacks = {make<Callback>()}});
