// SPDX-License-Identifier: BSD-2-Clause
#include "checker/rules/listing.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <iterator>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "checker/rules/kernels.hpp"
#include "model/rules/requests.hpp"

namespace proctor::rules {

using model::Behaviours;
using model::Rule;

namespace {

constexpr std::size_t kColumns = 120;
constexpr std::string_view kTidForm = ", tid)", kPtrace = "ptrace(";

// Breaks at spaces; what follows the first line is indented further.
std::string wrapped(std::string_view text, std::size_t indent) {
  std::string out, line(indent, ' ');
  bool is_empty = true;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' ', text.find_first_not_of(' ')), text.size());
    const std::string_view word = text.substr(0, end);
    if (!is_empty && line.size() + word.size() > kColumns) {
      out += line + '\n';
      line.assign(indent + 4, ' ');
      line += word.substr(std::min(word.find_first_not_of(' '), word.size()));
    } else {
      line += word;
    }
    is_empty = false;
    text.remove_prefix(end);
  }
  return out + line + '\n';
}

std::string text_of(const Line& line, std::size_t indent) {
  constexpr char kUnbreakable = '\x01';
  std::string clause = line.clause.id.empty() ? "" : place(line.clause);
  std::replace(clause.begin(), clause.end(), ' ', kUnbreakable);
  if (!clause.empty()) clause = "  " + clause;
  std::string out = wrapped(line.text + clause, indent + 2 * std::size_t(line.depth));
  std::replace(out.begin(), out.end(), kUnbreakable, ' ');
  return out;
}

struct Counts {
  std::size_t checks = 0, effects = 0;
};
Counts count(const std::vector<Line>& lines) {
  Counts out;
  for (const Line& line : lines) {
    out.checks += line.kind == LineKind::check ? 1 : 0;
    out.effects += line.kind == LineKind::effect ? 1 : 0;
  }
  return out;
}

std::string counted(std::size_t n, std::string_view what) { return fmt::format("{} {}{}", n, what, n == 1 ? "" : "s"); }
std::string columns(const Counts& n) {
  return fmt::format("{:>3} {:<6}  {:>3} {}", n.checks, n.checks == 1 ? "check" : "checks", n.effects,
                     n.effects == 1 ? "effect" : "effects");
}

std::string_view by_whom(Rule::By by) {
  switch (by) {
    case Rule::By::request: return "request of ptrace(2)";
    case Rule::By::call: return "system call";
    case Rule::By::thread: return "the kernel for a thread";
    case Rule::By::process: return "the kernel for a process";
  }
  return "";
}

// "PT_ATTACH" of "ptrace(PT_ATTACH, pid)".
std::string request_name(const Rule& rule) {
  std::string name = rule.program.name.substr(kPtrace.size());
  return name.substr(0, name.find_first_of(",)"));
}
bool is_tid_form(const Rule& rule) { return rule.program.name.ends_with(kTidForm); }
bool is_refused(const std::vector<Line>& lines) {
  return std::any_of(lines.begin(), lines.end(), [](const Line& line) {
    return line.always && line.clause.id == model::rules::unknown_request().id();
  });
}

struct Shown {
  const Rule* rule;
  const Rule* by_tid = nullptr;  // the same request for a thread id
};

// Requests by name or number, other rules by how their name begins.
std::vector<Shown> find(const std::vector<Rule>& rules, std::string_view wanted) {
  constexpr std::string_view kPrefix = "ptrace ";
  if (wanted.starts_with(kPrefix)) wanted.remove_prefix(kPrefix.size());
  std::vector<Shown> out;
  for (const Rule& rule : rules) {
    const bool request = rule.by == Rule::By::request;
    const bool is_it =
        rule.program.name == wanted || (request ? request_name(rule) == wanted || std::to_string(rule.number) == wanted
                                                : !wanted.empty() && rule.program.name.starts_with(wanted));
    if (!is_it) continue;
    if (request && is_tid_form(rule) && !out.empty() && out.back().rule->number == rule.number)
      out.back().by_tid = &rule;
    else
      out.push_back({&rule});
  }
  return out;
}

std::string unknown(const std::vector<Rule>& rules, const RulesOptions& options) {
  std::string names;
  std::set<std::string> seen;
  for (const Rule& rule : rules) {
    if (rule.by == Rule::By::request) continue;
    const std::string word = rule.program.name.substr(0, rule.program.name.find_first_of("(: "));
    if (seen.insert(word).second) names += ", " + word;
  }
  return fmt::format(
      "rules: {}: no such rule: expected a request by name or number (PT_ATTACH, \"ptrace PT_ATTACH\", 10) or how the "
      "name of another rule begins{}",
      options.request, names.empty() ? "" : ": " + names.substr(2));
}

// The lines of one that the other does not have, in order, by the longest common subsequence.
std::vector<std::pair<char, const Line*>> difference(const std::vector<Line>& a, const std::vector<Line>& b) {
  const auto same = [](const Line& x, const Line& y) { return x.text == y.text && x.clause.id == y.clause.id; };
  std::vector<std::vector<std::size_t>> common(a.size() + 1, std::vector<std::size_t>(b.size() + 1, 0));
  for (std::size_t i = a.size(); i-- > 0;)
    for (std::size_t j = b.size(); j-- > 0;)
      common[i][j] = same(a[i], b[j]) ? common[i + 1][j + 1] + 1 : std::max(common[i + 1][j], common[i][j + 1]);
  std::vector<std::pair<char, const Line*>> out;
  for (std::size_t i = 0, j = 0; i < a.size() || j < b.size();) {
    if (i < a.size() && j < b.size() && same(a[i], b[j])) {
      ++i;
      ++j;
    } else if (j == b.size() || (i < a.size() && common[i + 1][j] >= common[i][j + 1])) {
      out.emplace_back('-', &a[i++]);
    } else {
      out.emplace_back('+', &b[j++]);
    }
  }
  return out;
}

std::string tid_text(const std::vector<Line>& by_pid, const Rule& tid_rule) {
  const std::vector<Line> by_tid = describe(tid_rule);
  const auto refusal = std::find_if(by_tid.begin(), by_tid.end(), [](const Line& line) { return line.always; });
  if (refusal != by_tid.end() && !is_refused(by_tid))
    return "\nWith a thread id in place of the pid, which this kernel does not know:\n" + text_of(*refusal, 2);
  const auto changes = difference(by_pid, by_tid);
  if (changes.empty()) return "\nWith a thread id in place of the pid: the same.\n";
  std::string out = "\nWith a thread id in place of the pid (p is its process) all but this is the same:\n";
  for (const auto& [sign, line] : changes) {
    Line shown = *line;
    shown.depth = 0;
    shown.text = fmt::format("{} {}", sign, line->text);
    out += text_of(shown, 2);
  }
  return out;
}

std::string arguments_text(const Rule& rule) {
  if (rule.by != Rule::By::request) return "";
  if (rule.number == model::rules::PT_TRACE_ME) return "  td calls it, a thread of the process curp.\n";
  return fmt::format(
      "  td calls it, a thread of the process curp; p is the process that {} names, none if it names nobody.\n",
      rule.program.arguments[1]);
}

std::string rule_text(const Behaviours& kernel, const Shown& shown) {
  const std::vector<Line> lines = describe(*shown.rule);
  const Counts n = count(lines);
  std::string out = fmt::format("{}: {}, {}, {}, {}\n", kernel.name, shown.rule->program.name, by_whom(shown.rule->by),
                                counted(n.checks, "check"), counted(n.effects, "effect"));
  out += arguments_text(*shown.rule);
  const std::string text = text_of(lines);
  if (text.find("old(") != std::string::npos) out += "  old(x) is what x was before it was written here.\n";
  out += '\n' + text;
  if (shown.by_tid != nullptr) out += tid_text(lines, *shown.by_tid);
  return out;
}

std::string rule_jsonl(const Behaviours& kernel, const Rule& rule) {
  std::string out;
  std::vector<std::string> blocks;
  for (const Line& line : describe(rule)) {
    blocks.resize(std::size_t(line.depth));
    nlohmann::json j{{"v", 1},
                     {"kernel", kernel.name},
                     {"rule", rule.program.name},
                     {"kind", name(line.kind)},
                     {"text", line.text},
                     {"in", blocks}};
    if (!line.error.empty()) j["errno"] = line.error;
    if (!line.clause.id.empty()) {
      j["clause"] = {{"id", line.clause.id}, {"file", line.clause.file}};
      if (line.clause.line > 0) j["clause"]["line"] = line.clause.line;
      if (!line.clause.function.empty()) j["clause"]["function"] = line.clause.function;
    }
    if (line.kind == LineKind::block) blocks.push_back(line.text);
    out += j.dump() + '\n';
  }
  return out;
}

std::string overview_text(const Behaviours& kernel, const std::vector<Rule>& rules) {
  std::string out = fmt::format("{}: {}\n\nRequests of ptrace(2)\n", kernel.name, kernel.provenance);
  std::string missing;
  bool requests = true;
  for (const Rule& rule : rules) {
    if (rule.by == Rule::By::request && is_tid_form(rule)) continue;
    const std::vector<Line> lines = describe(rule);
    const Counts n = count(lines);
    if (rule.by == Rule::By::request) {
      const std::string name = request_name(rule);
      const bool has_name = name.find_first_not_of("0123456789") != std::string::npos;
      if (is_refused(lines)) {
        if (has_name) missing += fmt::format("{}{} ({})", missing.empty() ? "" : ", ", name, rule.number);
      } else {
        out += fmt::format("  {:>3}  {:<46} {}\n", rule.number, has_name ? name : "and others, machine-dependent",
                           columns(n));
      }
      continue;
    }
    if (std::exchange(requests, false)) {
      out += wrapped("not in this kernel: " + (missing.empty() ? "none of those that the model knows" : missing), 2);
      out += "\nAround them\n";
    }
    out += fmt::format("       {:<46} {:<24}  {}\n", rule.program.name, columns(n), by_whom(rule.by));
  }
  return out;
}

std::string overview_jsonl(const Behaviours& kernel, const std::vector<Rule>& rules) {
  std::string out;
  for (const Rule& rule : rules) {
    const std::vector<Line> lines = describe(rule);
    const Counts n = count(lines);
    nlohmann::json j{{"v", 1},
                     {"kernel", kernel.name},
                     {"rule", rule.program.name},
                     {"by", by_whom(rule.by)},
                     {"checks", n.checks},
                     {"effects", n.effects}};
    if (rule.by == Rule::By::request) {
      j["number"] = rule.number;
      j["in_kernel"] = !is_refused(lines);
    }
    out += j.dump() + '\n';
  }
  return out;
}

}  // namespace

std::string_view name(LineKind kind) {
  switch (kind) {
    case LineKind::block: return "block";
    case LineKind::name: return "name";
    case LineKind::open: return "open";
    case LineKind::check: return "check";
    case LineKind::guard: return "guard";
    case LineKind::effect: return "effect";
    case LineKind::lock: return "lock";
    case LineKind::ktr: return "ktr";
  }
  return "";
}

std::string text_of(const std::vector<Line>& lines) {
  std::string out;
  for (const Line& line : lines) out += text_of(line, 2);
  return out;
}

tl::expected<std::string, std::string> rules_report(const RulesOptions& options) {
  const auto kernel = find_kernel(options.kernel);
  if (!kernel) return tl::make_unexpected(kernel.error());
  const bool text = options.format == "text";
  const std::vector<Rule> rules = model::all_rules(**kernel);
  if (options.request.empty()) return text ? overview_text(**kernel, rules) : overview_jsonl(**kernel, rules);
  const std::vector<Shown> shown = find(rules, options.request);
  if (shown.empty()) return tl::make_unexpected(unknown(rules, options));
  std::string out;
  for (const Shown& one : shown) {
    if (text) {
      out += (out.empty() ? "" : "\n") + rule_text(**kernel, one);
      continue;
    }
    out += rule_jsonl(**kernel, *one.rule);
    if (one.by_tid != nullptr) out += rule_jsonl(**kernel, *one.by_tid);
  }
  return out;
}

int rules_command(const RulesOptions& options) { return print_report(rules_report(options)); }

}  // namespace proctor::rules
