#pragma once

#include <cstddef>
#include <string>

#include <unspool/core/tensor.h>

namespace unspool {

class GradientTape;

/// The arguments of write_html().
struct TapePageOptions {
  Tensor target = {};               ///< What is differentiated; empty: the last result of the tape.
  std::string title = "Unspooled";  ///< The title of the page.
  /// The elements that a shown value may have; of larger ones the page has shape and norm.
  std::size_t most = 1024;
};

/// A page for a browser, in one piece and without a network, on which one steps forward and backward through
/// the records of a tape: values and gradients of each record and time step with the rule of the gradient,
/// the gradient with respect to a weight as the sum of its parts over time, and what truncated
/// backpropagation leaves out. The tape needs {.keep_all = true}. Throws ValueError if it does not keep all
/// or is empty, and as GradientTape::sweep().
std::string to_html(const GradientTape& tape, TapePageOptions options = {});
/// Writes that page to a file. Throws FileError if it cannot be written, and as to_html().
void write_html(const GradientTape& tape, const std::string& file, TapePageOptions options = {});

}  // namespace unspool
