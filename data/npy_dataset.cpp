#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <memory>
#include <optional>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include <unspool/core/config.h>
#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/data/internal/dataset.h>
#include <unspool/data/npy_dataset.h>
#include <unspool/serialization/internal/npy.h>

namespace unspool {

namespace {

/// An array in a file. Rows are read with pread(), not mapped: the pages of a mapping would count as memory
/// of the process.
class NpyFile {
 public:
  explicit NpyFile(const std::string& path)
      : name_(in_quotes(path)), file_(open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
    if (file_ < 0) fail_errno("open");
    try {
      read_header();
    } catch (...) {
      close(file_);
      throw;
    }
  }
  ~NpyFile() { close(file_); }
  NpyFile(const NpyFile&) = delete;
  NpyFile& operator=(const NpyFile&) = delete;

  Index rows() const { return header_.shape.front(); }
  const std::string& name() const { return name_; }

  Tensor gather(std::span<const internal::Item> items) const {
    Shape shape = header_.shape;
    shape.set(0, static_cast<Index>(items.size()));
    Tensor made = internal::TensorAccess::allocate(shape, header_.dtype);
    if (made.bytes() == 0) return made;
    auto* to = static_cast<char*>(internal::TensorAccess::data(made));
    const std::size_t width = made.bytes() / items.size();
    for (std::size_t i = 0; i < items.size();) {
      std::size_t run = 1;
      while (i + run < items.size() && items[i + run].row == items[i].row + static_cast<Index>(run)) ++run;
      const std::size_t place = header_.offset + static_cast<std::size_t>(items[i].row) * width;
      read(to, run * width, place);
      internal::finish_npy_elements(to, run * width, header_, place, name_);
      to += run * width;
      i += run;
    }
    return made;
  }

 private:
  [[noreturn]] void fail_errno(std::string_view what) const {
    throw FileError(fmt::format("{}: {}: {}", name_, what, std::strerror(errno)));
  }

  void read_header() {
    struct stat status {};
    if (fstat(file_, &status) != 0) fail_errno("stat");
    if (!S_ISREG(status.st_mode)) throw FileError(name_ + ": expected a regular file");
    const auto bytes = static_cast<std::uint64_t>(status.st_size);
    std::string start(
        static_cast<std::size_t>(std::min<std::uint64_t>(bytes, internal::NpyHeader::max_bytes)), '\0');
    read(start.data(), start.size(), 0);
    header_ = internal::read_npy_header(start, bytes, name_);
    if (header_.shape.rank() == 0) throw FileError(name_ + ": expected an array of samples, got a scalar");
    if (header_.fortran_order) {
      throw FileError(
          name_ +
          ": expected an array in C order, whose samples are each in one place, got Fortran order: save "
          "numpy.ascontiguousarray() of it");
    }
  }

  void read(char* to, std::size_t bytes, std::size_t place) const {
    while (bytes > 0) {
      const ssize_t got = pread(file_, to, bytes, static_cast<off_t>(place));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) fail_errno("read");
      if (got == 0) {
        throw FileError(
            fmt::format("{}, byte {}: expected {} more bytes, got the end of the file: it became shorter",
                        name_, place, bytes));
      }
      to += got;
      bytes -= static_cast<std::size_t>(got);
      place += static_cast<std::size_t>(got);
    }
  }

  std::string name_;
  int file_;
  internal::NpyHeader header_;
};

class NpyRows final : public internal::RowSource {
 public:
  NpyRows(const std::string& x, const std::string& y, const std::string& weights) : x_(x) {
    const auto also = [&](std::unique_ptr<NpyFile>& file, const std::string& path) {
      if (path.empty()) return;
      file = std::make_unique<NpyFile>(path);
      if (file->rows() != x_.rows()) {
        throw ValueError(
            fmt::format("npy_dataset: expected the same number of samples in all files: {} has {}, {} has {}",
                        x_.name(), x_.rows(), file->name(), file->rows()));
      }
    };
    also(y_, y);
    also(weights_, weights);
  }
  Index count() const { return x_.rows(); }
  Batch gather(std::span<const internal::Item> items) const override {
    Batch batch{x_.gather(items)};
    if (y_) batch.y = y_->gather(items);
    if (weights_) batch.sample_weight = weights_->gather(items);
    return batch;
  }

 private:
  NpyFile x_;
  std::unique_ptr<NpyFile> y_;
  std::unique_ptr<NpyFile> weights_;
};

}  // namespace

Dataset npy_dataset(const std::string& x, const std::string& y, const std::string& sample_weight) {
  auto rows = std::make_unique<NpyRows>(x, y, sample_weight);
  const Index count = rows->count();
  return internal::dataset_of_rows(count, std::move(rows));
}

}  // namespace unspool
