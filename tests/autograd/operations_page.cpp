#include <cstdlib>
#include <doctest/doctest.h>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <unspool/autograd/families.h>

using namespace unspool;

// docs/operations.md is written from the records. scripts/operations-page.sh writes it anew.

namespace {

const char* const page = "docs/operations.md";

/// What the scan compiler does with the uses of an operation, by its examples.
std::string compiled_as(OperationRef operation) {
  if (operation->elementwise()) return "fused with its neighbours";
  if (operation->kernel.view) return "a view";
  if (operation->form == nullptr) return "its kernel";
  // What the scan compiler makes of a form; of the others nothing.
  const auto made_of = [](const Form& form) -> const char* {
    if (std::holds_alternative<form::Product>(form)) return "a product where it can be";
    if (std::holds_alternative<form::Columns>(form)) return "a view of columns where it can be";
    if (std::holds_alternative<form::Concatenation>(form)) return "written in place where it can be";
    if (std::holds_alternative<form::RowSum>(form)) return "a reduction where it can be";
    return std::holds_alternative<form::Addition>(form) ? "part of a product where it can be" : nullptr;
  };
  for (const Example& example : operation->examples.list()) {
    Tensors operands;
    for (const Operand& operand : example.operands)
      operands.push_back(Tensor::zeros(operand.shape, operand.dtype));
    const Form form = operation->form({*operation, operands, example.attributes});
    if (const char* const made = made_of(form); made != nullptr) return made;
  }
  return "its kernel";
}

std::string written() {
  std::ostringstream text;
  text << "# Operations\n\n"
          "Everything that the library computes is a use of one of these operations. This page is written "
          "from their "
          "records\n(`scripts/operations-page.sh`); `autograd/operation.h` says what a record holds. The "
          "last column "
          "says what a compiled\nscan does with a use of the operation on rows.\n";
  std::size_t family = 0;
#define UNSPOOL_NAME_OF_FAMILY(name) #name,
  static constexpr const char* families[] = {UNSPOOL_OPERATION_FAMILIES(UNSPOOL_NAME_OF_FAMILY)};
#undef UNSPOOL_NAME_OF_FAMILY
  for (const OperationList& list : operation_tables()) {
    text << "\n## " << families[family++]
         << "\n\n| operation | computes | gradient | in a scan |\n|---|---|---|---|\n";
    for (std::size_t i = 0; i < list.size(); ++i) {
      std::string summary(list[i]->summary);
      for (std::size_t at = 0; (at = summary.find('|', at)) != std::string::npos; at += 2)
        summary.insert(at, "\\");
      text << "| `" << list[i]->name << "` | " << summary << " | "
           << (list[i]->gradient != nullptr ? "yes" : "none") << " | " << compiled_as(list[i]) << " |\n";
    }
  }
  return text.str();
}

}  // namespace

TEST_CASE("the page of operations says what the records say") {
  const std::string now = written();
  if (std::getenv("UNSPOOL_WRITE_PAGES") != nullptr) std::ofstream(page) << now;
  std::stringstream there;
  there << std::ifstream(page).rdbuf();
  CHECK_MESSAGE(there.str() == now, "docs/operations.md is out of date: run scripts/operations-page.sh");
}
