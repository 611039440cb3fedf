#pragma once

#include <string>

#include <unspool/data/dataset.h>

namespace unspool {

/// The samples of arrays in .npy files, which are read from the files when they are used: the files may be
/// larger than memory. The first axes are the samples. `y` and `sample_weight` may be empty. The files must
/// not change meanwhile. Throws FileError as load_npy() does, and for arrays in Fortran order, whose samples
/// are not in one place; ValueError if the numbers of samples differ.
Dataset npy_dataset(const std::string& x, const std::string& y = {}, const std::string& sample_weight = {});

}  // namespace unspool
