#include "groups.h"

#include <utility>
#include <vector>

#include <unspool/core/error.h>

namespace golden {
namespace {

using Runner = void (*)(const Case&, Report&);

constexpr std::pair<std::string_view, Runner> runners[] = {
    {"cells", run_layer},
    {"rnn", run_layer},
    {"stateful", run_stateful},
    {"custom", run_layer},
    {"wrappers", run_layer},
    {"layers", run_layer},
    {"activations", run_activation},
    {"initializers", run_initializer},
    {"optimizers", run_optimizer},
    {"losses", run_loss},
    {"metrics", run_metric},
    {"training", run_training},
    {"keras_files", run_keras_file},
};

}  // namespace

void run(const Case& file, Report& report) {
  std::vector<std::string> known;
  for (const auto& [group, runner] : runners) {
    if (group == file.group()) {
      runner(file, report);
      if (!report.holds()) return;
      report.begin_part("");
      for (const std::string& name : file.left()) {
        report.fail("expected known tensors in the file, got " + in_quotes(name));
      }
      if (report.compared() == 0) report.fail("expected results in the file, got none");
      return;
    }
    known.emplace_back(group);
  }
  throw ValueError("no group of cases is called " + in_quotes(file.group()) +
                   did_you_mean(file.group(), known));
}

}  // namespace golden
