// SPDX-License-Identifier: BSD-2-Clause
#include "checker/scenario/run.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <memory>
#include <stdexcept>

#include "traces/names.hpp"

namespace proctor::scenario {

using namespace model;

tl::expected<Scenario, std::string> read_scenario(const std::string& path) {
  const auto fail = [&](std::string_view why) {
    return tl::unexpected(fmt::format("{}: cannot be read: {}", path, why));
  };
  constexpr std::size_t kBytesMax = 1 << 20;  // a scenario is written by hand, or by a search of some hundred steps
  struct stat st {};
  if (path != "-" && ::stat(path.c_str(), &st) == 0 && S_ISDIR(st.st_mode)) return fail("it is a folder");
  const bool is_stdin = path == "-";
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(
      is_stdin ? stdin : std::fopen(path.c_str(), "rb"), [](std::FILE* f) { return f == stdin ? 0 : std::fclose(f); });
  if (!file) return fail(std::strerror(errno));
  Scenario out{.path = is_stdin ? "standard input" : path, .text = {}};
  std::array<char, 8192> bytes;
  for (std::size_t n = 0; (n = std::fread(bytes.data(), 1, bytes.size(), file.get())) > 0;) {
    out.text.append(bytes.data(), n);
    if (out.text.size() > kBytesMax) return fail("it is longer than 1 MiB: expected a scenario");
  }
  if (std::ferror(file.get()) != 0) return fail(std::strerror(errno));
  if (out.text.find('\0') != std::string::npos) return fail("it has NUL bytes: expected text");
  return out;
}

const Behaviours* kernel_named(std::string_view name) {
  for (const Behaviours* k : kKernels)
    if (k->name == name) return k;
  return nullptr;
}

std::string kernel_names() {
  std::string out;
  for (const Behaviours* k : kKernels) out += (out.empty() ? "" : ", ") + std::string(k->name);
  return out;
}

namespace {

struct Word {
  std::string_view text;
  int column = 1;
};

std::vector<Word> words_of(std::string_view text) {
  std::vector<Word> out;
  for (std::size_t i = 0; i < text.size();) {
    if (text[i] == '#') break;
    if (text[i] == ' ' || text[i] == '\t' || text[i] == '\r') {
      ++i;
      continue;
    }
    std::size_t end = text.find_first_of(" \t\r#", i);
    if (end == std::string_view::npos) end = text.size();
    out.push_back({text.substr(i, end - i), int(i) + 1});
    i = end;
  }
  return out;
}

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> out;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    out.push_back(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return out;
}

std::optional<int> number(std::string_view text) {
  int value = 0;
  const bool hex = text.starts_with("0x");
  if (hex) text.remove_prefix(2);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, hex ? 16 : 10);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<int> signal_or_number(std::string_view text) {
  if (const auto n = number(text)) return n;
  return trace::signal_number(text);
}

std::string unknown_kernel(std::string_view name) {
  return fmt::format("unknown kernel '{}': expected one of {}", name, kernel_names());
}

constexpr std::string_view kReports[] = {"exited", "trapped", "stopped", "continued"};

// What wait(2) makes of p_xstat.
std::string report_words(std::string_view report, const Proc& p) {
  constexpr int kSignal = 0x7f;
  if (report == "continued") return "continued";
  if (report != "exited") return fmt::format("{}={}", report, signal_words(p.p_xstat));
  if ((p.p_xstat & kSignal) != 0) return fmt::format("killed={}", signal_words(p.p_xstat & kSignal));
  return fmt::format("exited={}", p.p_xstat >> 8);
}

// One run; errors in the text are thrown as ParseError and end it.
class Runner {
 public:
  Runner(const Scenario& scenario, const Behaviours& kernel) : words_(kernel), machine_(words_) {
    out_.path = scenario.path;
    out_.kernel = &kernel;
    try {
      const std::vector<std::string_view> lines = lines_of(scenario.text);
      for (std::size_t i = 0; i < lines.size() && !out_.ended_early; ++i) {
        line_ = int(i) + 1;
        read(lines[i]);
      }
    } catch (const ParseError& e) {
      out_.unreadable = fmt::format("{}:{}:{}: {}", scenario.path, e.line, e.column, e.what);
    }
  }
  RunResult take() { return std::move(out_); }

 private:
  [[noreturn]] void fail(const Word& at, std::string what) const {
    throw ParseError{line_, at.column, std::move(what)};
  }
  [[noreturn]] void ends(std::string_view expected) const {
    fail({{}, int(text_.size()) + 1}, fmt::format("the line ends here: expected {}", expected));
  }
  void no_more(std::size_t from) const {
    if (tokens_.size() > from)
      fail(tokens_[from], fmt::format("unknown word '{}': expected the end of the line or ->", tokens_[from].text));
  }

  void read(std::string_view line) {
    text_ = std::string(line.substr(0, line.find('#')));
    tokens_ = words_of(text_);
    if (!tokens_.empty() && tokens_[0].text.starts_with('[') && !for_this_kernel()) return;
    if (tokens_.empty() || tokens_[0].text == "kernels") {
      if (!tokens_.empty() && !out_.lines.empty())
        fail(tokens_[0], "the kernels line comes too late: expected before the first action");
      return;
    }
    LineResult result;
    result.line = line_;
    result.before = machine_.state();
    result.expected = expectation();
    while (!text_.empty() && (text_.back() == ' ' || text_.back() == '\t' || text_.back() == '\r')) text_.pop_back();
    result.text = text_.substr(std::size_t(tokens_.empty() ? 0 : tokens_[0].column - 1));
    if (tokens_.empty()) ends("an action before ->");
    const std::string_view first = tokens_[0].text, second = tokens_.size() > 1 ? tokens_[1].text : std::string_view{};
    const std::string_view third = tokens_.size() > 2 ? tokens_[2].text : std::string_view{};
    if (tokens_.size() == 1 && (first == "hold" || first == "unhold" || first == "settle")) {
      if (first == "settle") settle_once_ = true;
      if (first != "settle") holds_ = first == "hold";
      result.kind = LineKind::settle;
    } else if (first == "check") {
      result.kind = LineKind::check;
      check(result);
    } else if (second == "exit" && third != "begins" && third != "untraced" && third != "ends") {
      result.kind = LineKind::exit;
      exit(result);
    } else if (second == "wait") {
      result.kind = LineKind::wait;
      wait(result);
    } else if (second == "ignores" || second == "catches") {
      result.kind = LineKind::reaction;
      reaction(result);
    } else {
      act(result);
    }
    result.after = machine_.state();
    if (!holds_ || settle_once_)
      if (!machine_.settle(result.settled))
        out_.findings.push_back(
            {line_,
             fmt::format("the processes do not come to rest: {} internal steps were taken", Machine::kSettleMax),
             {}});
    settle_once_ = false;
    result.end = machine_.state();
    compare(result);
    out_.lines.push_back(std::move(result));
  }

  // "[freebsd-5.1 freebsd-11c] p2 ..."; the words are blanked, so that columns stay what they are.
  bool for_this_kernel() {
    const std::size_t open = text_.find('['), close = text_.find(']');
    if (close == std::string::npos) ends("] after the kernels' names");
    bool ours = false;
    for (const Word& word : words_of(std::string_view(text_).substr(open + 1, close - open - 1))) {
      if (kernel_named(word.text) == nullptr) fail({word.text, word.column + int(open) + 1}, unknown_kernel(word.text));
      ours = ours || word.text == words_.kernel().name;
    }
    std::fill(text_.begin() + std::ptrdiff_t(open), text_.begin() + std::ptrdiff_t(close) + 1, ' ');
    tokens_ = words_of(text_);
    return ours;
  }

  // What stands behind "->" for this kernel; it is cut off the line.
  std::optional<std::string> expectation() {
    const auto arrow = std::find_if(tokens_.begin(), tokens_.end(), [](const Word& w) { return w.text == "->"; });
    if (arrow == tokens_.end()) return std::nullopt;
    if (arrow + 1 == tokens_.end()) ends("an errno's name, 0, or what a wait reports");
    std::optional<std::string> ours, others;
    for (auto word = arrow + 1; word != tokens_.end(); ++word) {
      const std::size_t colon = word->text.find(':');
      const std::string_view value = colon == std::string_view::npos ? word->text : word->text.substr(colon + 1);
      if (!is_expectation(value))
        fail(*word, fmt::format("unknown outcome '{}': expected 0, a number or a name such as EPERM, result=, exited=, "
                                "killed=, trapped=, stopped=, continued, nothing, impossible or impossible=",
                                value));
      if (colon == std::string_view::npos) {
        if (word != arrow + 1 || word + 1 != tokens_.end())
          fail(*word, "two outcomes: expected KERNEL:OUTCOME before each, or else:OUTCOME for all other kernels");
        ours = std::string(value);
        continue;
      }
      std::string_view names = word->text.substr(0, colon);
      while (!names.empty()) {
        const std::string_view name = names.substr(0, names.find(','));
        names.remove_prefix(std::min(name.size() + 1, names.size()));
        if (name == "else")
          others = std::string(value);
        else if (kernel_named(name) == nullptr)
          fail(*word, unknown_kernel(name));
        else if (name == words_.kernel().name)
          ours = std::string(value);
      }
    }
    text_.resize(std::size_t(arrow->column - 1));
    tokens_ = words_of(text_);
    return ours ? ours : others;
  }

  static std::optional<int> errno_of(std::string_view text) {
    if (text == "0") return 0;
    if (const auto n = number(text)) return n;
    for (int error = -1; error < 100; ++error)
      if (error != 0 && error_name(error) == text) return error;
    return std::nullopt;
  }
  static bool is_expectation(std::string_view text) {
    const std::size_t equal = text.find('=');
    const std::string_view key = text.substr(0, equal);
    if (key == "impossible") return equal == std::string_view::npos || text.size() > equal + 1;
    if (key == "continued" || key == "nothing") return equal == std::string_view::npos;
    if (key == "result") return equal != std::string_view::npos && number(text.substr(equal + 1));
    if (key == "exited" || key == "killed" || key == "trapped" || key == "stopped")
      return equal == std::string_view::npos || signal_or_number(text.substr(equal + 1));
    return errno_of(text).has_value();
  }

  void compare(const LineResult& r) {
    const bool may_fail = r.expected && r.expected->starts_with("impossible");
    if (!r.possible && !may_fail) {
      const bool reached = r.taken.empty() || r.taken.back().reached;
      out_.findings.push_back(
          {line_,
           reached ? fmt::format("not possible here: {}", place(r.clause))
                   : std::string("not possible here: nobody can begin it, as the thread is stopped, busy or gone"),
           r.clause});
      out_.ended_early = true;
    }
    if (!r.expected) return;
    ++out_.expectations;
    const std::string came = outcome_words(r);
    if (matches(r)) return;
    if (!r.possible && !may_fail) return;  // said already
    std::string what = fmt::format("expected {}, but it is {}", *r.expected, came);
    if (!r.clause.id.empty()) what += " " + place(r.clause);
    out_.findings.push_back({line_, std::move(what), r.clause});
  }
  static std::string outcome_words(const LineResult& r) {
    if (!r.possible) return r.clause.id.empty() ? "impossible" : fmt::format("impossible={}", r.clause.id);
    if (r.error != 0) return error_name(r.error);
    if (!r.report.empty()) return r.report;
    return r.result ? fmt::format("0 with result={}", *r.result) : "0";
  }
  static bool matches(const LineResult& r) {
    const std::string& e = *r.expected;
    if (e.starts_with("impossible")) return !r.possible && (e == "impossible" || e.substr(11) == r.clause.id);
    if (!r.possible) return false;
    if (e.starts_with("result=")) return r.error == 0 && r.result == number(std::string_view(e).substr(7));
    if (const auto error = errno_of(e)) return r.error == *error;
    if (r.error != 0) return false;
    if (e.find('=') == std::string::npos) return r.report.substr(0, r.report.find('=')) == e;
    // Signals may be given by number.
    const std::string_view key = std::string_view(e).substr(0, e.find('='));
    const auto value = signal_or_number(std::string_view(e).substr(key.size() + 1));
    return r.report == fmt::format("{}={}", key, key == "exited" ? std::to_string(*value) : signal_words(*value));
  }

  // pN, for the lines that are not actions of the table.
  int process(const Word& word, bool alive = true) const {
    const auto n = word.text.starts_with('p') ? number(word.text.substr(1)) : std::nullopt;
    if (!n || *n < 1 || *n > SmallState::kProcs)
      fail(word, fmt::format("'{}' names no process: expected p1 to p{} (p1 is init)", word.text, SmallState::kProcs));
    if (alive && machine_.state().proc[std::size_t(*n - 1)].state != ProcState::normal)
      fail(word, fmt::format("there is no {} at this place in the scenario", word.text));
    return *n - 1;
  }
  int thread(const Word& word) const {
    std::string_view text = word.text;
    if (const std::size_t slash = text.find('/'); slash != std::string_view::npos) text.remove_prefix(slash + 1);
    const auto n = text.starts_with('t') ? number(text.substr(1)) : std::nullopt;
    if (!n || *n < 0 || *n >= SmallState::kLwps)
      fail(word, fmt::format("'{}' names no thread: expected t0 to t{}", word.text, SmallState::kLwps - 1));
    return *n;
  }
  int first_thread(int p) const {
    const std::vector<Slot> threads = threads_of(machine_.state(), Slot(p));
    return threads.empty() ? int{kNone} : threads.front();
  }

  void fill(LineResult& r) const {
    const Taken& last = r.taken.back();
    r.possible = last.outcome.possible;
    r.error = int(last.outcome.error);
    r.clause = last.outcome.clause;
  }

  void act(LineResult& r) {
    if (tokens_.size() > 1 && tokens_[1].text == "job_stop") return stop(r);
    // "p2 kill p3 SIGTERM": the number is data to the rule.
    std::string text = text_;
    if (tokens_.size() > 3 && tokens_[1].text.ends_with("kill") && tokens_[3].text.find('=') == std::string_view::npos)
      text.insert(std::size_t(tokens_[3].column - 1), "data=");
    auto line = parse_line(words_, text, line_, machine_.state());
    if (!line) {  // the words of this file are accepted too
      ParseError error = line.error();
      if (error.what.find("names no process") != std::string::npos)
        error.what += ", or one of check, hold, unhold, settle, kernels";
      if (error.column == (tokens_.size() > 1 ? tokens_[1].column : int(text.size()) + 1))
        error.what += ", wait, ignores, catches";
      throw error;
    }
    if (!*line) return;
    r.action = (*line)->action;
    const Rule& rule = words_.rules()[r.action->rule];
    const int a0 = r.action->arguments[0];
    if (rule.arguments[0].takes == Takes::thread) r.actor_thread = a0;
    r.actor = r.actor_thread == kNone ? a0 : machine_.state().lwp[std::size_t(a0)].proc;
    if (r.actor_thread == kNone && a0 != kNone) r.actor_thread = first_thread(a0);
    if (rule.id == RuleId::issignal)
      r.taken = machine_.find_signal(r.action->arguments[0], r.action->arguments[1]);
    else
      r.taken.push_back(machine_.take(*r.action));
    fill(r);
    const Outcome& o = r.taken.back().outcome;
    if (!o.possible || o.error != Errno::ok) return;
    if (rule.program.name.starts_with("wait6")) {
      const std::string report = rule.program.name.substr(rule.program.name.find(": ") + 2);
      r.report = report == "nothing" ? report : report_words(report, r.before.proc[std::size_t(o.result)]);
      if (report != "nothing") r.result = o.result;
    } else if (o.result != 0) {
      r.result = o.result;
    }
  }

  // "p3 job_stop SIGTSTP"
  void stop(LineResult& r) {
    r.actor = process(tokens_[0]);
    r.actor_thread = first_thread(r.actor);
    r.taken = machine_.stop_process(r.actor, signal_at(2));
    fill(r);
  }
  int signal_at(std::size_t i) const {
    if (tokens_.size() <= i) ends("a signal, as SIGUSR1");
    const auto signal = signal_or_number(tokens_[i].text);
    if (!signal || *signal < 1 || *signal > kSigmax)
      fail(tokens_[i], fmt::format("'{}' is no signal: expected a name such as SIGUSR1, or a number", tokens_[i].text));
    no_more(i + 1);
    return *signal;
  }

  void exit(LineResult& r) {
    r.actor_thread =
        tokens_[0].text.find('t') != std::string_view::npos ? thread(tokens_[0]) : first_thread(process(tokens_[0]));
    r.actor = machine_.state().lwp[std::size_t(r.actor_thread)].proc;
    if (r.actor == kNone)
      fail(tokens_[0], fmt::format("there is no {} at this place in the scenario", tokens_[0].text));
    if (tokens_.size() > 2) {
      const auto status = number(tokens_[2].text);
      if (!status || *status < 0 || *status > 255)
        fail(tokens_[2], fmt::format("'{}' is no exit status: expected 0 to 255", tokens_[2].text));
      r.status = *status;
    }
    no_more(3);
    r.taken = machine_.exit(r.actor_thread, r.status << 8);
    fill(r);
  }

  void wait(LineResult& r) {
    r.actor = process(tokens_[0]);
    r.actor_thread = first_thread(r.actor);
    if (tokens_.size() < 3) ends("a process, as p3, or any");
    const bool any = tokens_[2].text == "any";
    r.waits_for_any = any;
    r.target = any ? int(kNone) : tokens_[2].text == "nobody" ? int(kNone) : process(tokens_[2], false);
    const bool by_pid = !any;
    std::string_view only;
    if (tokens_.size() > 3) {
      only = tokens_[3].text;
      if (std::find(std::begin(kReports), std::end(kReports), only) == std::end(kReports))
        fail(tokens_[3], fmt::format("unknown report '{}': expected exited, trapped, stopped or continued", only));
    }
    no_more(4);
    const std::string set = by_pid ? "wait6(P_PID" : "wait6(P_ALL";
    const int caller = machine_.caller(r.actor);
    for (const std::string_view report : kReports) {
      if (!only.empty() && only != report) continue;
      for (int child = 1; child < SmallState::kProcs; ++child) {
        if (by_pid && child != r.target) continue;
        const auto action =
            machine_.action(fmt::format("{}): {}", set, report), {caller, child, by_pid ? child : int(kNone)});
        if (!machine_.would_do(*action)) continue;
        r.report = report_words(report, machine_.state().proc[std::size_t(child)]);
        r.taken.push_back(machine_.take(*action));
        r.result = child;
        fill(r);
        return;
      }
    }
    if (!only.empty()) {  // the report that was asked for, so that its clause is named
      const int child = by_pid ? r.target : 1;
      r.taken.push_back(machine_.take(
          *machine_.action(fmt::format("{}): {}", set, only), {caller, child, by_pid ? child : int(kNone)})));
    } else {
      r.taken.push_back(machine_.take(*machine_.action(set + ", all events): nothing", {caller, r.target})));
    }
    fill(r);
    if (r.possible && r.error == 0) r.report = "nothing";
  }

  void reaction(LineResult& r) {
    r.actor = process(tokens_[0]);
    r.actor_thread = first_thread(r.actor);
    r.signal = signal_at(2);
    machine_.react(r.actor, r.signal, tokens_[1].text == "ignores" ? Reaction::ignores : Reaction::catches);
  }

  // "check p3 P_TRACED !P_WAITED parent=p2": what is not so is a finding.
  void check(const LineResult& r) {
    if (r.expected) fail(tokens_.back(), "a check has no outcome: expected no -> in this line");
    if (tokens_.size() < 2) ends("a process or a thread");
    if (tokens_.size() < 3) ends("what should hold of it");
    const bool of_thread = tokens_[1].text.starts_with('t') || tokens_[1].text.find('/') != std::string_view::npos;
    const int slot = of_thread ? thread(tokens_[1]) : process(tokens_[1], false);
    for (std::size_t i = 2; i < tokens_.size(); ++i) {
      ++out_.expectations;
      const bool holds = of_thread ? holds_of_thread(slot, tokens_[i]) : holds_of_process(slot, tokens_[i]);
      if (holds) continue;
      const SmallState& s = machine_.state();
      out_.findings.push_back(
          {line_,
           fmt::format("expected {} of {}, but it is {}", tokens_[i].text, tokens_[1].text,
                       of_thread ? describe(s.lwp[std::size_t(slot)]) : describe(s.proc[std::size_t(slot)])),
           {}});
    }
  }

  bool holds_of_process(int slot, const Word& word) const {
    const Proc& p = machine_.state().proc[std::size_t(slot)];
    const bool no = word.text.starts_with('!');
    const std::string_view text = word.text.substr(no ? 1 : 0);
    if (text == "alive") return (p.state == ProcState::normal) != no;
    if (text == "zombie") return (p.state == ProcState::zombie) != no;
    if (text == "gone") return (p.state == ProcState::free) != no;
    if (const auto sig = pending_flag(text)) return is_pending(machine_.state(), slot, *sig) != no;
    if (const auto flag = proc_flag(text)) return ((p.p_flag & *flag) != 0) != no;
    const std::size_t equal = text.find('=');
    const std::string_view key = text.substr(0, equal);
    if (equal != std::string_view::npos) {
      const Word value{text.substr(equal + 1), word.column};
      const auto name = [&] { return value.text == "none" ? int(kNone) : process(value, false); };
      const auto count = [&] {
        const auto n = signal_or_number(value.text);
        if (!n) fail(word, fmt::format("'{}' is no number: expected digits or a signal's name", value.text));
        return *n;
      };
      if (key == "parent") return (p.p_pptr == name()) != no;
      if (key == "oppid") return (p.p_oppid == name()) != no;
      if (key == "orphan_of") return (p.p_orphan == name()) != no;
      if (key == "group") return (p.p_pgrp == name()) != no;
      if (key == "reaper") return (p.p_reaper == name()) != no;
      if (key == "xstat") return (p.p_xstat == count()) != no;
      if (key == "events") return (p.p_ptevents == count()) != no;
      if (key == "threads") return (p.p_numthreads == count()) != no;
      if (key == "suspended") return (p.p_suspcount == count()) != no;
      if (key == "xthread") return (p.p_xthread == (value.text == "none" ? int(kNone) : thread(value))) != no;
    }
    fail(word, fmt::format("unknown property '{}': expected alive, zombie, gone, a flag such as P_TRACED, parent=, "
                           "oppid=, orphan_of=, reaper=, xstat=, events=, threads=, suspended= or xthread=, each also "
                           "with ! before it",
                           word.text));
  }
  bool holds_of_thread(int slot, const Word& word) const {
    const Lwp& td = machine_.state().lwp[std::size_t(slot)];
    const bool no = word.text.starts_with('!');
    const std::string_view text = word.text.substr(no ? 1 : 0);
    if (text == "gone") return (td.proc == kNone) != no;
    if (const auto flag = lwp_flag(text)) return ((td.td_flag & *flag) != 0) != no;
    if (text.starts_with("xsig="))
      if (const auto n = signal_or_number(text.substr(5))) return (td.td_xsig == *n) != no;
    fail(word, fmt::format("unknown property '{}': expected gone, a flag such as TDB_XSIG, or xsig= and a signal, each "
                           "also with ! before it",
                           word.text));
  }
  static std::string describe(const Proc& p) {
    const auto name = [](Slot s) { return s == kNone ? std::string("none") : fmt::format("p{}", s + 1); };
    return fmt::format("{} {} parent={} oppid={} orphan_of={} xstat={} events={:#x} threads={}",
                       p.state == ProcState::free     ? "gone"
                       : p.state == ProcState::zombie ? "zombie"
                                                      : "alive",
                       flag_words(p), name(p.p_pptr), name(p.p_oppid), name(p.p_orphan), p.p_xstat, int(p.p_ptevents),
                       p.p_numthreads);
  }
  static std::string describe(const Lwp& td) {
    return td.proc == kNone ? "gone" : fmt::format("{} xsig={}", flag_words(td), signal_words(td.td_xsig));
  }

  Vocabulary words_;
  Machine machine_;
  RunResult out_;
  int line_ = 0;
  std::string text_;
  std::vector<Word> tokens_;
  bool holds_ = false, settle_once_ = false;
};

}  // namespace

tl::expected<std::vector<const Behaviours*>, std::string> kernels_of(const Scenario& scenario) {
  std::vector<const Behaviours*> out;
  int number = 0;
  for (const std::string_view line : lines_of(scenario.text)) {
    ++number;
    const std::vector<Word> words = words_of(line);
    if (words.empty()) continue;
    if (words[0].text != "kernels") break;
    if (words.size() == 1)
      return tl::unexpected(fmt::format("{}:{}:{}: the line ends here: expected one of {}", scenario.path, number,
                                        line.size() + 1, kernel_names()));
    for (std::size_t i = 1; i < words.size(); ++i) {
      const Behaviours* kernel = kernel_named(words[i].text);
      if (kernel == nullptr)
        return tl::unexpected(
            fmt::format("{}:{}:{}: {}", scenario.path, number, words[i].column, unknown_kernel(words[i].text)));
      out.push_back(kernel);
    }
  }
  if (out.empty()) out.assign(std::begin(kKernels), std::end(kKernels));
  return out;
}

RunResult run(const Scenario& scenario, const Behaviours& kernel) { return Runner(scenario, kernel).take(); }

Expansion expand(const Vocabulary& words, const RunResult& result) {
  Expansion out{.start = Machine(words).state(), .actions = {}, .lines = {}};
  SmallState state = out.start;
  for (const LineResult& line : result.lines)
    for (const std::vector<Taken>* steps : {&line.taken, &line.settled})
      for (const Taken& step : *steps) {
        if (!step.outcome.possible) continue;
        // A step is kept as its text, which says all of it in the state before.
        const auto read = parse_line(words, step.text, line.line, state);
        if (!read || !*read)
          throw std::logic_error(
              fmt::format("'{}' cannot be read again: {}", step.text, read ? "it is empty" : read.error().what));
        out.actions.push_back((*read)->action);
        out.lines.push_back(line.line);
        state = step.after;
      }
  return out;
}

}  // namespace proctor::scenario
