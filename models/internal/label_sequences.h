#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <unspool/core/tensor.h>

namespace unspool::internal {

/// The labels of each sample without padding: negative numbers and, if it is given, the blank. `who` asks,
/// for errors.
std::vector<std::vector<Index>> label_sequences(const std::string& who, const Tensor& labels,
                                                std::optional<Index> blank);
/// Which steps of logits (batch, time, classes) there are, bool (batch, time): by `lengths`, else by `mask`,
/// else all. Throws ValueError if they do not fit.
Tensor steps_that_count(const std::string& who, const Tensor& logits, const Tensor& lengths,
                        const Tensor& mask);
/// The class of the blank, counted from the front. Throws ValueError if it is out of range.
Index class_of_blank(const std::string& who, Index blank, Index classes);

}  // namespace unspool::internal
