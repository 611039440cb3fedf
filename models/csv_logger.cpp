#include <algorithm>
#include <filesystem>
#include <fstream>

#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/core/make_shared_as.h>
#include <unspool/models/csv_logger.h>

namespace unspool {
namespace {

class LogTable final : public Callback {
 public:
  LogTable(std::string path, CSVLoggerOptions options)
      : path_(std::move(path)), options_(std::move(options)), append_(options_.append) {
    if (options_.separator.empty()) throw ValueError("CSVLogger: expected a separator, got an empty one");
  }

  void on_train_begin() override {
    append_ = options_.append;
    columns_.clear();
    is_open_ = false;
    bytes_ = 0;
  }

  void on_epoch_end(Index epoch, const Logs& logs) override {
    if (!is_open_) open(logs);
    std::vector<std::string> cells = {std::to_string(epoch)};
    for (const std::string& column : columns_) {
      if (column == "epoch") continue;
      cells.push_back(logs.contains(column) ? fmt::format("{}", logs[column]) : "NA");
    }
    write(cells);
  }

  void on_train_end() override { file_.close(); }

  // A run that goes on adds its rows to those that it had written.
  Snapshot get_state() const override { return {Config::map({{"bytes", bytes_}}), {}}; }
  void set_state(const Snapshot& state) override {
    bytes_ = state.config["bytes"].as<Index>();
    if (bytes_ == 0) return;
    append_ = true;
    const auto kept = static_cast<std::uintmax_t>(bytes_);
    std::error_code error;
    // Without the rows of epochs that are trained again.
    if (std::filesystem::file_size(path_, error) > kept && !error) {
      std::filesystem::resize_file(path_, kept, error);
    }
  }

 private:
  /// Opens the file in the first epoch, whose logs say which columns there are.
  void open(const Logs& logs) {
    std::vector<std::string> names = logs.names();
    std::sort(names.begin(), names.end());
    const bool validated = std::any_of(names.begin(), names.end(),
                                       [](const std::string& name) { return name.starts_with("val_"); });
    columns_ = {"epoch"};
    columns_.insert(columns_.end(), names.begin(), names.end());
    if (!validated) {
      for (const std::string& name : names) columns_.push_back("val_" + name);
    }
    const std::string header = append_ ? first_line() : "";
    if (!header.empty()) columns_ = checked(header, names);
    file_.open(path_, append_ ? std::ios::app : std::ios::trunc);
    is_open_ = true;
    if (header.empty()) write(columns_);
  }

  std::string first_line() const {
    std::ifstream file(path_);
    std::string line;
    std::getline(file, line);
    if (line.ends_with('\r')) line.pop_back();
    return line;
  }

  /// The columns of a header, which must have all names that are logged.
  std::vector<std::string> checked(const std::string& header, const std::vector<std::string>& names) const {
    std::vector<std::string> columns;
    for (std::size_t at = 0; at <= header.size();) {
      const std::size_t end = std::min(header.find(options_.separator, at), header.size());
      columns.push_back(header.substr(at, end - at));
      at = end + options_.separator.size();
    }
    const bool fits =
        columns.front() == "epoch" && std::all_of(names.begin(), names.end(), [&](const std::string& name) {
          return std::find(columns.begin(), columns.end(), name) != columns.end();
        });
    if (!fits) {
      throw ValueError(
          fmt::format("CSVLogger: expected the columns epoch, {} in {}, to which rows are added, got {}: log "
                      "to another file",
                      internal::joined(names, ", "), in_quotes(path_), internal::joined(columns, ", ")));
    }
    return columns;
  }

  void write(const std::vector<std::string>& cells) {
    // Each row at once: what was logged is there even if the program is killed.
    file_ << fmt::format("{}\n", internal::joined(cells, options_.separator)) << std::flush;
    if (!file_) throw FileError("CSVLogger: cannot write " + in_quotes(path_));
    bytes_ = static_cast<Index>(file_.tellp());
  }

  std::string path_;
  CSVLoggerOptions options_;
  bool append_;
  bool is_open_ = false;
  Index bytes_ = 0;  // Of the file; 0 before the first row of the run.
  std::vector<std::string> columns_;
  std::ofstream file_;
};

}  // namespace

std::shared_ptr<Callback> CSVLogger(CSVLoggerOptions options) {
  return make_shared_as<Callback, LogTable>(options.filename, options);
}

}  // namespace unspool
