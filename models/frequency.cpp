#include <unspool/core/config.h>
#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/models/frequency.h>

namespace unspool {

Frequency::Frequency(std::string_view name) : batches_(name == "batch" ? 1 : 0) {
  if (name != "batch" && name != "epoch") {
    throw ValueError("expected the frequency \"epoch\", \"batch\" or a number of batches, got " +
                     in_quotes(name));
  }
}

Frequency::Frequency(Batches batches) : batches_(batches.count) {
  if (batches_ < 1) {
    throw ValueError(fmt::format("expected a frequency of at least 1 batch, got {}", batches_));
  }
}

}  // namespace unspool
