#include <algorithm>
#include <cmath>
#include <set>

#include <unspool/autograd/explain.h>
#include <unspool/autograd/operation.h>
#include <unspool/autograd/tape_view.h>
#include <unspool/core/config.h>
#include <unspool/core/error.h>
#include <unspool/core/internal/dot.h>
#include <unspool/core/internal/format.h>
#include <unspool/models/tape_page.h>
#include <unspool/serialization/file.h>

namespace unspool {
namespace {

using internal::TensorAccess;

constexpr const char* page_style =
#include <unspool/models/internal/tape_page_style.inc>
    ;
constexpr const char* page_script =
#include <unspool/models/internal/tape_page_script.inc>
    ;
constexpr const char* page_body =
#include <unspool/models/internal/tape_page_body.inc>
    ;

/// The tape as the script reads it.
class PageData {
 public:
  PageData(const GradientTape& tape, const TapePageOptions& options)
      : view_(tape.view()), most_(options.most), target_(options.target) {
    if (view_.records.empty()) throw ValueError("to_html: expected a tape with records, got an empty one");
    if (!target_) target_ = view_.values[view_.records.back().outputs.front()].tensor;
    for (const TapeRecord& record : view_.records) {
      for (std::size_t output : record.outputs) {
        if (TensorAccess::has_elements(view_.values[output].tensor)) continue;
        throw ValueError(
            "to_html: expected a tape that keeps all values, got one that keeps what gradients read: make it "
            "with GradientTape tape({.keep_all = true})");
      }
    }
    computed_.resize(view_.values.size());
    for (const TapeRecord& record : view_.records) {
      for (std::size_t output : record.outputs) computed_[output] = true;
    }
    sweep_ = tape.sweep(target_);
    std::set<Index> steps;
    for (const TapeRecord& record : view_.records) {
      if (record.step >= 0) steps.insert(record.step);
    }
    steps_.assign(steps.begin(), steps.end());
    for (Index step : steps_) truncated_.push_back(tape.sweep(target_, {.truncate_at = step}));
  }

  std::string json() const {
    std::vector<Config> values;
    for (std::size_t i = 0; i < view_.values.size(); ++i) values.push_back(value(i));
    std::vector<Config> records;
    for (const TapeRecord& record : view_.records) records.push_back(this->record(record));
    std::vector<Config> sweep;
    for (const TapeSweepStep& step : sweep_.steps) {
      const TapeRecord& record = view_.records[step.record];
      std::vector<Config> rules;
      for (std::string& rule : view_.gradient_formulas(record)) rules.emplace_back(std::move(rule));
      sweep.push_back(Config::map({{"record", step.record},
                                   {"rules", Config::list(std::move(rules))},
                                   {"arriving", tensors(step.arriving)},
                                   {"leaving", tensors(step.leaving)}}));
    }
    std::vector<Config> truncated;
    for (std::size_t t = 0; t < steps_.size(); ++t) {
      std::vector<Config::Entry> parts;
      for (const TapeSweepStep& step : truncated_[t].steps) {
        for (std::size_t i = 0; i < step.leaving.size(); ++i) {
          if (!step.leaving[i] || computed_[view_.records[step.record].inputs[i]]) continue;
          parts.emplace_back(fmt::format("{} {}", step.record, i), number(norm_of(step.leaving[i])));
        }
      }
      truncated.push_back(Config::map({{"at", steps_[t]},
                                       {"gradients", tensors(truncated_[t].gradients)},
                                       {"parts", Config::map(std::move(parts))}}));
    }
    const Config all = Config::map({{"target", sweep_.target},
                                    {"steps", numbers(steps_)},
                                    {"values", Config::list(std::move(values))},
                                    {"records", Config::list(std::move(records))},
                                    {"sweep", Config::list(std::move(sweep))},
                                    {"truncated", Config::list(std::move(truncated))}});
    return to_json(all);
  }

  const Tensor& target() const { return target_; }

 private:
  template <class List>
  static Config numbers(const List& list) {
    std::vector<Config> all;
    for (const auto& number : list) all.emplace_back(number);
    return Config::list(std::move(all));
  }
  static Config indices(const std::vector<std::size_t>& list) { return numbers(list); }

  static double norm_of(const Tensor& tensor) {
    double squares = 0;
    if (TensorAccess::has_elements(tensor)) {
      for (double element : tensor.to_vector<double>()) squares += element * element;
    }
    return std::sqrt(squares);
  }

  /// Null for an empty tensor. JSON has no NaN and no infinity: those are strings.
  Config tensor(const Tensor& tensor) const {
    if (!tensor) return {};
    std::vector<double> elements;
    if (TensorAccess::has_elements(tensor)) elements = tensor.to_vector<double>();
    std::vector<Config> data;
    if (elements.size() <= most_) {
      for (double element : elements) data.push_back(number(element));
    }
    return Config::map({{"shape", numbers(std::vector<Index>(tensor.shape().begin(), tensor.shape().end()))},
                        {"norm", number(norm_of(tensor))},
                        {"data", elements.size() <= most_ ? Config::list(std::move(data)) : Config()}});
  }
  static Config number(double value) {
    if (std::isnan(value)) return "NaN";
    if (std::isinf(value)) return value > 0 ? "Infinity" : "-Infinity";
    return value;
  }
  Config tensors(const std::vector<Tensor>& list) const {
    std::vector<Config> all;
    for (const Tensor& each : list) all.push_back(tensor(each));
    return Config::list(std::move(all));
  }

  Config value(std::size_t i) const {
    const TapeValue& own = view_.values[i];
    const char* kind = computed_[i]   ? "result"
                       : own.variable ? "weight"
                       : own.recorded ? "input"
                                      : "constant";
    return Config::map({{"name", own.name},
                        {"kind", kind},
                        {"dtype", own.tensor ? std::string(name_of(own.tensor.dtype())) : std::string()},
                        {"layer", own.layer},
                        {"step", own.step},
                        {"value", tensor(own.tensor)},
                        {"gradient", i < sweep_.gradients.size() ? tensor(sweep_.gradients[i]) : Config()}});
  }

  Config record(const TapeRecord& own) const {
    return Config::map({{"operation", std::string(own.operation->name)},
                        {"formula", view_.formula(own)},
                        {"inputs", indices(own.inputs)},
                        {"outputs", indices(own.outputs)},
                        {"layer", own.layer},
                        {"step", own.step}});
  }

  TapeView view_;
  std::vector<bool> computed_;
  std::size_t most_;
  Tensor target_;
  TapeSweep sweep_;
  std::vector<Index> steps_;
  std::vector<TapeSweep> truncated_;
};

/// JSON that may stand in a script element.
std::string for_script(const std::string& json) {
  std::string text;
  for (const char c : json) text += c == '<' ? std::string("\\u003c") : std::string(1, c);
  return text;
}

}  // namespace

std::string to_html(const GradientTape& tape, TapePageOptions options) {
  const NoGradient guard;
  const PageData data(tape, options);
  const std::string title = internal::escape_html(options.title);
  std::string page = "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n";
  page += "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n";
  // The page asks for nothing from anywhere, and the browser is told to hold it to that.
  page +=
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; "
      "script-src 'unsafe-inline'; img-src data:\">\n";
  page += "<link rel=\"icon\" href=\"data:,\">\n<title>" + title + "</title>\n<style>";
  page += page_style;
  page += "</style>\n</head>\n<body>\n<h1>" + title + "</h1>\n";
  page += page_body;
  page += "<details id=\"worksheet\"><summary>Worksheet</summary>\n<pre>" +
          internal::escape_html(explain(tape, data.target())) + "</pre></details>\n";
  page += "<script type=\"application/json\" id=\"tape\">" + for_script(data.json()) + "</script>\n<script>";
  page += page_script;
  return page + "</script>\n</body>\n</html>\n";
}

void write_html(const GradientTape& tape, const std::string& file, TapePageOptions options) {
  write_file_atomically(file, to_html(tape, std::move(options)));
}

}  // namespace unspool
