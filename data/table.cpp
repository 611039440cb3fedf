#include <algorithm>
#include <cmath>
#include <limits>

#include <unspool/autograd/conversion.h>
#include <unspool/autograd/joining.h>
#include <unspool/core/config.h>
#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/data/table.h>

namespace unspool {

struct Table::Column {
  std::string name;
  Kind kind;
  std::vector<std::string> text;
  std::vector<double> values;  // Empty for text.
  std::vector<bool> present;
};

Table::Table() = default;
Table::Table(const Table&) = default;
Table::Table(Table&&) noexcept = default;
Table& Table::operator=(const Table&) = default;
Table& Table::operator=(Table&&) noexcept = default;
Table::~Table() = default;

std::vector<std::string> Table::names() const {
  std::vector<std::string> all;
  for (const Column& column : columns_) all.push_back(column.name);
  return all;
}

const Table::Column& Table::find(std::string_view name) const {
  for (const Column& column : columns_) {
    if (column.name == name) return column;
  }
  throw KeyError(fmt::format("Table: expected the name of a column, got {}{}", in_quotes(name),
                             did_you_mean(name, names())));
}

Table::Kind Table::kind(std::string_view name) const { return find(name).kind; }

Tensor Table::column(std::string_view name, DType dtype) const {
  const Column& column = find(name);
  if (column.kind == Kind::text) {
    throw TypeError(fmt::format(
        "Table: expected numbers or dates in column {}, got text: use text(), or StringLookup to make "
        "numbers of it",
        in_quotes(name)));
  }
  if (!is_floating(dtype) &&
      std::find(column.present.begin(), column.present.end(), false) != column.present.end()) {
    throw ValueError(
        fmt::format("Table: expected values in all rows of column {} for the dtype {}, got missing ones: use "
                    "without_missing(), or a floating dtype",
                    in_quotes(name), name_of(dtype)));
  }
  return cast(Tensor::from(column.values), dtype);
}

Tensor Table::columns(const std::vector<std::string>& names, DType dtype) const {
  if (names.empty()) throw ValueError("Table: expected the names of columns, got none");
  std::vector<Tensor> all;
  for (const std::string& name : names) all.push_back(column(name, dtype));
  return stack(all, 1);
}

Tensor Table::numbers(DType dtype) const {
  std::vector<std::string> names;
  for (const Column& column : columns_) {
    if (column.kind == Kind::number) names.push_back(column.name);
  }
  return columns(names, dtype);
}

const std::vector<std::string>& Table::text(std::string_view name) const& { return find(name).text; }
std::vector<std::string> Table::text(std::string_view name) const&& { return find(name).text; }

Tensor Table::present(std::string_view name) const {
  const std::vector<bool>& present = find(name).present;
  return Tensor::generate<bool>(
      {rows_}, [&](std::span<bool> out) { std::copy(present.begin(), present.end(), out.begin()); });
}

Table Table::without_missing(const std::vector<std::string>& names) const {
  std::vector<bool> kept(static_cast<std::size_t>(rows_), true);
  for (const std::string& name : names.empty() ? this->names() : names) {
    const std::vector<bool>& present = find(name).present;
    for (std::size_t i = 0; i < kept.size(); ++i) kept[i] = kept[i] && present[i];
  }
  Table table;
  table.rows_ = std::count(kept.begin(), kept.end(), true);
  const auto keep = [&](const auto& from, auto& to) {
    for (std::size_t i = 0; i < from.size(); ++i) {
      if (kept[i]) to.push_back(from[i]);
    }
  };
  for (const Column& column : columns_) {
    Column& made = table.columns_.emplace_back(Column{column.name, column.kind, {}, {}, {}});
    keep(column.text, made.text);
    keep(column.values, made.values);
    keep(column.present, made.present);
  }
  return table;
}

namespace {

/// The values of all cells by parse(); empty if it does not know one of them.
template <class Parse>
std::vector<double> parsed(const std::vector<std::string>& text, const std::vector<bool>& present,
                           const Parse& parse) {
  std::vector<double> values;
  values.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::optional<double> value = std::numeric_limits<double>::quiet_NaN();
    if (present[i]) value = parse(text[i]);
    if (!value) return {};
    values.push_back(*value);
  }
  return values;
}

std::optional<double> number_in(const std::string& text) {
  try {
    return CsvCell(text, false, text, text).number();
  } catch (const FileError&) {
    return {};
  }
}

}  // namespace

Table read_table(const std::string& path, const CsvOptions& options) {
  CsvReader reader(path, options);
  Table table;
  for (const std::string& name : reader.names())
    table.columns_.push_back({name, Table::Kind::text, {}, {}, {}});
  for (; reader.next(); ++table.rows_) {
    for (std::size_t i = 0; i < reader.columns(); ++i) {
      const CsvCell cell = reader[i];
      table.columns_[i].present.push_back(!cell.missing());
      table.columns_[i].text.push_back(cell.missing() ? std::string() : cell.text());
    }
  }
  for (Table::Column& column : table.columns_) {
    const bool some = std::find(column.present.begin(), column.present.end(), true) != column.present.end();
    column.values = parsed(column.text, column.present, number_in);
    if (!column.values.empty() || !some) {
      column.kind = Table::Kind::number;
      continue;
    }
    column.values = parsed(column.text, column.present, parse_date);
    if (!column.values.empty()) column.kind = Table::Kind::date;
  }
  return table;
}

}  // namespace unspool
