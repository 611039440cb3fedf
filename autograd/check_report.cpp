#include <unspool/autograd/check_report.h>
#include <unspool/core/internal/format.h>

namespace unspool {

std::string to_string(const CheckReport& report) {
  std::string text = fmt::format("{} checks, {} failed", report.checks, report.failures.size());
  for (const std::string& failure : report.failures) text += "\n" + failure;
  return text;
}

}  // namespace unspool
