#include <unspool/autograd/internal/plan_writer.h>

namespace unspool::internal {

void PlanWriter::write() {
  plan_.program_ = &program_;
  find_rows();
  classify();
  if (!plan_.why_whole_.empty()) {
    // What cannot be dealt out row by row runs whole, step by step.
    plan_.rows_ = 1;
    classify();
  }
  plan_.dealt_ = plan_.why_whole_.empty();
  find_owners();
  make_instructions();
  fuse_products();
  place_parts();
  order();
  place();
  make_loops();
}

ScanPlan::ScanPlan(const StepProgram& program) : program_(&program) {
  PlanWriter(*this, program).write();
  find_groups();
}

}  // namespace unspool::internal
