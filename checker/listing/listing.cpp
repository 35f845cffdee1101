// SPDX-License-Identifier: BSD-2-Clause
#include "checker/listing/listing.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdio>
#include <iterator>
#include <nlohmann/json.hpp>
#include <utility>

#include "checker/listing/kernels.hpp"
#include "checker/names/kernel.hpp"
#include "model/rules/requests.hpp"
#include "model/words/system_calls.hpp"

namespace proctor::rules {

using model::Behaviours;
using model::Rule;

namespace {

constexpr std::size_t kColumns = 120;
constexpr std::string_view kTidForm = ", tid)", kPtrace = "ptrace(";
constexpr std::string_view kDefaultKernel = "freebsd-10.4";

}  // namespace

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

std::string request_name(const Rule& rule) {
  std::string name = rule.program.name.substr(kPtrace.size());
  return name.substr(0, name.find_first_of(",)"));
}

namespace {

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
    case Rule::By::other: return "somebody else";
  }
  return "";
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

// System calls whose rules have another name.  In a kernel without wait6(2) its rules are calls of wait4(2).
constexpr std::pair<std::string_view, std::string_view> kOtherNames[] = {
    {"wait", "wait6"},       {"wait3", "wait6"},        {"wait4", "wait6"},    {"waitpid", "wait6"},
    {"waitid", "wait6"},     {"_exit", "exit1"},        {"sys_exit", "exit1"}, {"abort2", "exit1"},
    {"fexecve", "execve"},   {"thr_create", "thr_new"}, {"thr_kill", "kill"},  {"sigqueue", "kill"},
    {"jail_attach", "jail"},
};
std::string_view rule_of_call(std::string_view call) {
  for (const auto& [name, rule] : kOtherNames)
    if (name == call) return rule;
  return {};
}

// Requests by name or number, other rules by how their name begins.
std::vector<Shown> find(const std::vector<Rule>& rules, std::string_view wanted) {
  constexpr std::string_view kPrefix = "ptrace ";
  if (wanted.starts_with(kPrefix)) wanted.remove_prefix(kPrefix.size());
  const bool all_requests = wanted == "ptrace";
  std::vector<Shown> out;
  for (const Rule& rule : rules) {
    const bool request = rule.by == Rule::By::request;
    const bool is_it = rule.program.name == wanted ||
                       (request ? all_requests || request_name(rule) == wanted || std::to_string(rule.number) == wanted
                                : !wanted.empty() && rule.program.name.starts_with(wanted));
    if (!is_it || (all_requests && request && is_refused(describe(rule)))) continue;
    if (request && is_tid_form(rule) && !out.empty() && out.back().rule->number == rule.number)
      out.back().by_tid = &rule;
    else if (!all_requests || !request || !is_tid_form(rule))
      out.push_back({&rule});
  }
  return out;
}

// How the names of rules begin, each once; requests by their own names.
std::vector<std::string> first_words(const std::vector<Rule>& rules, bool requests) {
  std::vector<std::string> out;
  for (const Rule& rule : rules) {
    if ((rule.by == Rule::By::request) != requests) continue;
    const std::string word =
        requests ? request_name(rule) : rule.program.name.substr(0, rule.program.name.find_first_of("(: "));
    if (std::find(out.begin(), out.end(), word) == out.end()) out.push_back(word);
  }
  return out;
}

// Who has it, if this kernel has not.
std::string elsewhere(const Behaviours& kernel, std::string_view wanted) {
  names::Words out;
  for (const Behaviours* other : model::kKernels)
    if (other != &kernel && !find(model::all_rules(*other), wanted).empty()) out.emplace_back(other->name);
  return out.empty() ? "" : fmt::format("not in {}, but in {}", kernel.name, fmt::join(out, ", "));
}

std::string unknown(const Behaviours& kernel, const std::vector<Rule>& rules, const std::string& wanted) {
  const std::string other = elsewhere(kernel, wanted);
  if (!other.empty()) return fmt::format("rules: {}: {}", wanted, other);
  const names::Words others = first_words(rules, false);
  names::Words known = first_words(rules, true);
  known.insert(known.end(), others.begin(), others.end());
  for (const auto& [call, rule] : kOtherNames) known.emplace_back(call);
  known.insert(known.end(), clause_ids().begin(), clause_ids().end());
  const bool is_call = model::syscall_number(wanted) != model::kUnknownSyscall;
  const std::string meant = is_call ? "" : names::did_you_mean(wanted, known);
  return fmt::format(
      "rules: {}: {}: {}{}expected a request by name or number (PT_ATTACH, \"ptrace PT_ATTACH\", 10), the id of a "
      "clause (attach-self), or how the name of another rule begins: {}",
      wanted, is_call ? "a system call that the model has no rule for" : "no such rule", meant,
      meant.empty() ? "" : " ", fmt::join(others, ", "));
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
    out += line_jsonl(kernel, rule, line, blocks);
    if (line.kind == LineKind::block) blocks.push_back(line.text);
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

std::string line_jsonl(const Behaviours& kernel, const Rule& rule, const Line& line,
                       const std::vector<std::string>& blocks) {
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
  return j.dump() + '\n';
}

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
  const auto kernel = names::kernel_of_option(options.kernel.empty() ? std::string(kDefaultKernel) : options.kernel);
  if (!kernel) return tl::make_unexpected(kernel.error());
  const bool text = options.format == "text";
  const std::vector<Rule> rules = model::all_rules(**kernel);
  if (options.request.empty()) return text ? overview_text(**kernel, rules) : overview_jsonl(**kernel, rules);
  std::vector<Shown> shown = find(rules, options.request);
  std::string out;
  if (const std::string_view other = rule_of_call(options.request); shown.empty() && !other.empty()) {
    shown = find(rules, other);
    if (text) out = fmt::format("{}(2) is in the rules of {}.\n", options.request, other);
  }
  if (shown.empty() && std::find(clause_ids().begin(), clause_ids().end(), options.request) != clause_ids().end()) {
    std::vector<const Behaviours*> kernels{*kernel};
    if (options.kernel.empty()) kernels.assign(std::begin(model::kKernels), std::end(model::kKernels));
    return text ? clause_text(options.request, kernels) : clause_jsonl(options.request, kernels);
  }
  if (shown.empty()) return tl::make_unexpected(unknown(**kernel, rules, options.request));
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

}  // namespace proctor::rules
