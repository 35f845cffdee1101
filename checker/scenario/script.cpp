// SPDX-License-Identifier: BSD-2-Clause
#include "checker/scenario/script.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <set>

#include "checker/names/kernel.hpp"

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

bool Statement::is_for(const Behaviours& kernel) const {
  return only.empty() || std::find(only.begin(), only.end(), &kernel) != only.end();
}

std::optional<std::string> Statement::expected_on(const Behaviours& kernel) const {
  std::optional<std::string> others;
  for (const Expected& e : expected) {
    if (std::find(e.kernels.begin(), e.kernels.end(), &kernel) != e.kernels.end()) return e.outcome;
    if (e.on_others) others = e.outcome;
  }
  return others;
}

namespace {

const names::Words kLineWords{"check", "hold", "unhold", "settle", "kernels"},
    kVerbs{"wait", "ignores", "catches", "job_stop"};

const std::set<std::string, std::less<>>& clause_ids() {
  static const std::set<std::string, std::less<>> ids = [] {
    std::set<std::string, std::less<>> out;
    for (const Rule& rule : Vocabulary::of_all().rules())
      for (const ir::Instruction& in : rule.program.code)
        if (!in.clause.id.empty()) out.emplace(in.clause.id);
    return out;
  }();
  return ids;
}

// Reads one line after the other; what is wrong is noted, and the next line is read.
class Reading {
 public:
  explicit Reading(const Scenario& scenario) {
    out_.path = scenario.path;
    for (const std::string_view line : lines_of(scenario.text)) {
      ++line_;
      try {
        read(line);
      } catch (const ParseError& problem) {
        note(problem);
      }
    }
    if (out_.kernels.empty()) out_.kernels.assign(std::begin(kKernels), std::end(kKernels));
    const auto before = [](const ParseError& a, const ParseError& b) {
      return std::pair(a.line, a.column) < std::pair(b.line, b.column);
    };
    std::stable_sort(out_.problems.begin(), out_.problems.end(), before);
  }
  Script take() { return std::move(out_); }

 private:
  void note(ParseError problem) { out_.problems.push_back(std::move(problem)); }
  void note(const Word& at, std::string what) { note({line_, at.column, std::move(what)}); }
  [[noreturn]] void fail(const Word& at, std::string what) const {
    throw ParseError{line_, at.column, std::move(what)};
  }
  [[noreturn]] void ends(std::string_view expected) const {
    fail({{}, int(text_.size()) + 1}, fmt::format("the line ends here: expected {}", expected));
  }
  void no_more(std::size_t from) {
    if (tokens_.size() > from)
      note(tokens_[from], fmt::format("unknown word '{}': expected the end of the line or ->", tokens_[from].text));
  }
  const Behaviours* kernel(const Word& word, const names::Words& also = {}) {
    if (const Behaviours* found = names::kernel(word.text)) return found;
    names::Words known = names::kernels();
    known.insert(known.end(), also.begin(), also.end());
    note(word, names::unknown_word(word.text, known, "a kernel"));
    return nullptr;
  }

  void read(std::string_view line) {
    text_ = std::string(line.substr(0, line.find('#')));
    tokens_ = split(text_);
    if (tokens_.empty()) return;
    Statement out;
    out.line = line_;
    if (tokens_[0].text.starts_with('[')) read_only(out);
    if (tokens_.empty()) return;
    if (tokens_[0].text == "kernels") return read_kernels();
    has_statement_ = true;
    read_expected(out);
    while (!text_.empty() && (text_.back() == ' ' || text_.back() == '\t' || text_.back() == '\r')) text_.pop_back();
    if (tokens_.empty()) ends("an action before ->");
    out.text = text_.substr(std::size_t(tokens_[0].column - 1));
    out.padded = text_;
    read_words(out);
    out_.statements.push_back(std::move(out));
  }

  // "[freebsd-5.1 freebsd-11c] p2 ..."; the words are blanked, so that columns stay what they are.
  void read_only(Statement& out) {
    const std::size_t open = text_.find('['), close = text_.find(']');
    if (close == std::string::npos) ends("] after the kernels' names");
    const std::vector<Word> kernels = split(std::string_view(text_).substr(open + 1, close - open - 1));
    if (kernels.empty()) note(tokens_[0], "no kernel in [ ]: expected " + known_kernels());
    for (const Word& word : kernels)
      if (const Behaviours* found = kernel({word.text, word.column + int(open) + 1})) out.only.push_back(found);
    std::fill(text_.begin() + std::ptrdiff_t(open), text_.begin() + std::ptrdiff_t(close) + 1, ' ');
    tokens_ = split(text_);
  }
  static std::string known_kernels() { return names::either(names::kernels()); }

  void read_kernels() {
    if (has_statement_) fail(tokens_[0], "the kernels line comes too late: expected before the first action");
    if (tokens_.size() == 1) ends(known_kernels());
    for (std::size_t i = 1; i < tokens_.size(); ++i)
      if (const Behaviours* found = kernel(tokens_[i])) out_.kernels.push_back(found);
  }

  // What stands behind "->"; it is cut off the line.
  void read_expected(Statement& out) {
    const auto arrow = std::find_if(tokens_.begin(), tokens_.end(), [](const Word& w) { return w.text == "->"; });
    if (arrow == tokens_.end()) return;
    if (arrow + 1 == tokens_.end())
      note({{}, int(text_.size()) + 1}, "the line ends here: expected an errno's name, 0, or what a wait reports");
    for (auto word = arrow + 1; word != tokens_.end(); ++word) {
      const std::size_t colon = word->text.find(':');
      const bool for_all = colon == std::string_view::npos;
      const std::size_t begin = for_all ? 0 : colon + 1;
      const std::string_view outcome = word->text.substr(begin);
      read_outcome({outcome, word->column + int(begin)});
      if (for_all && (word != arrow + 1 || word + 1 != tokens_.end())) {
        note(*word, "two outcomes: expected KERNEL:OUTCOME before each, or else:OUTCOME for all other kernels");
        break;
      }
      Expected one{.kernels = {}, .on_others = for_all, .outcome = std::string(outcome)};
      std::size_t at = 0;
      while (!for_all && at < colon) {
        const std::size_t end = std::min(word->text.find(',', at), colon);
        const Word name{word->text.substr(at, end - at), word->column + int(at)};
        if (name.text == "else")
          one.on_others = true;
        else if (const Behaviours* found = kernel(name, {"else"}))
          one.kernels.push_back(found);
        at = end + 1;
      }
      out.expected.push_back(std::move(one));
    }
    text_.resize(std::size_t(arrow->column - 1));
    tokens_ = split(text_);
  }

  void read_outcome(const Word& word) {
    const std::size_t equal = word.text.find('=');
    const std::string_view key = word.text.substr(0, equal);
    if (equal == std::string_view::npos) {
      if (key == "impossible" || key == "continued" || key == "nothing" || is_ending(key) || number(key) ||
          error_number(key))
        return;
      names::Words known = error_names();
      for (const std::string_view one :
           {"impossible", "continued", "nothing", "exited", "killed", "trapped", "stopped"})
        known.emplace_back(one);
      return wrong_outcome(word, key, known);
    }
    const Word value{word.text.substr(equal + 1), word.column + int(equal) + 1};
    if (key == "impossible") {
      if (clause_ids().contains(value.text)) return;
      const std::string meant = names::did_you_mean(value.text, names::Words(clause_ids().begin(), clause_ids().end()));
      return note(
          value,
          fmt::format("unknown word '{}': {}", value.text,
                      meant.empty() ? "expected the id of a clause, as in [not-traced, sys_process.c:823]" : meant));
    }
    if (key == "result") {
      const auto name = read_name(value.text);
      if (number(value.text) || (name && !name->is_thread)) return;
      return note(value, fmt::format("unknown word '{}': expected a number, or a process such as p3", value.text));
    }
    if (key == "flags") {
      if (!number(value.text)) note(value, fmt::format("unknown word '{}': expected a number, as 0x24", value.text));
      return;
    }
    if (!is_ending(key))
      return wrong_outcome(word, word.text.substr(0, equal + 1),
                           {"result=", "flags=", "exited=", "killed=", "trapped=", "stopped=", "impossible="});
    if (!number_or_signal(value.text)) note(value, no_number(value.text));
  }
  static bool is_ending(std::string_view key) {
    return key == "exited" || key == "killed" || key == "trapped" || key == "stopped";
  }
  void wrong_outcome(const Word& at, std::string_view word, const names::Words& known) {
    const std::string meant = names::did_you_mean(word, known);
    note(at,
         fmt::format("unknown word '{}': {}", word,
                     !meant.empty() ? meant
                                    : "expected 0, a number or a name such as EPERM, result=, flags=, exited=, "
                                      "killed=, trapped=, stopped=, continued, nothing, impossible or impossible="));
  }

  void read_words(Statement& out) {
    const std::string_view first = tokens_[0].text, second = tokens_.size() > 1 ? tokens_[1].text : std::string_view{};
    const std::string_view third = tokens_.size() > 2 ? tokens_[2].text : std::string_view{};
    if (first == "hold" || first == "unhold" || first == "settle") {
      out.kind = LineKind::settle;
      return no_more(1);
    }
    if (first == "check") return read_check(out);
    const auto actor = read_name(first);
    const bool may_act = actor && !actor->is_nobody();
    if (!may_act) {
      names::Words known = kLineWords;
      const std::string meant = names::did_you_mean(first, known);
      note(tokens_[0], fmt::format("unknown word '{}': {}{}expected {}, or one of {}", first, meant,
                                   meant.empty() ? "" : " ", expected_names(), names::either(known)));
      if (!meant.empty()) return;  // the others are not those of an action
    } else {
      out.actor = *actor;
    }
    out.actor_word = std::string(first);
    if (second == "exit" && third != "begins" && third != "alone" && third != "untraced" && third != "ends")
      return read_exit(out);
    if (second == "wait") return read_wait(out);
    if (second == "ignores" || second == "catches" || second == "job_stop") return read_signal(out);
    for (ParseError& problem : wrong_words(text_, line_, kVerbs)) note(std::move(problem));
  }

  // pN, where a line is about a process as a whole.
  std::optional<Name> process(const Word& word) {
    const auto name = read_name(word.text);
    if (name && !name->is_thread && !name->is_nobody()) return name;
    note(word, fmt::format("unknown word '{}': expected p1 to p{} (p1 is init)", word.text, SmallState::kProcs));
    return std::nullopt;
  }
  void needs_process(const Statement& out) {
    if (out.actor.is_thread) process(tokens_[0]);
  }

  void read_exit(Statement& out) {
    out.kind = LineKind::exit;
    no_more(3);
    if (tokens_.size() < 3) return;
    const auto status = number(tokens_[2].text);
    if (status && *status >= 0 && *status <= 255)
      out.status = *status;
    else
      note(tokens_[2], status ? fmt::format("'{}' is no exit status: expected 0 to 255", tokens_[2].text)
                              : names::unknown_word(tokens_[2].text, {"begins", "alone", "untraced", "ends"},
                                                    "an exit status, 0 to 255, or one of these"));
  }

  void read_wait(Statement& out) {
    out.kind = LineKind::wait;
    needs_process(out);
    if (tokens_.size() < 3) ends("a process, as p3, or any");
    const Word& whom = tokens_[2];
    if (whom.text != "any") {
      const auto name = read_name(whom.text);
      if (name && !name->is_thread) {
        out.target = name;
      } else {
        const std::string meant = names::did_you_mean(whom.text, {"any", "nobody"});
        note(whom, fmt::format("unknown word '{}': {}{}expected p1 to p{} (p1 is init), any or nobody", whom.text,
                               meant, meant.empty() ? "" : " ", SmallState::kProcs));
      }
    }
    if (tokens_.size() > 3) {
      out.report = std::string(tokens_[3].text);
      const names::Words reports(std::begin(kReports), std::end(kReports));
      if (std::find(reports.begin(), reports.end(), out.report) == reports.end())
        note(tokens_[3], names::unknown_word(out.report, reports, "a report"));
    }
    no_more(4);
  }

  void read_signal(Statement& out) {
    out.kind = tokens_[1].text == "job_stop" ? LineKind::job_stop : LineKind::reaction;
    needs_process(out);
    out.ignores = tokens_[1].text == "ignores";
    if (tokens_.size() < 3) ends("a signal, as SIGUSR1");
    const auto signal = number_or_signal(tokens_[2].text);
    if (signal && *signal >= 1 && *signal <= 128) {
      out.signal = *signal;
    } else {
      const std::string meant = names::did_you_mean(tokens_[2].text, signal_names());
      note(tokens_[2],
           fmt::format("unknown word '{}': {}", tokens_[2].text,
                       meant.empty() ? "expected a signal, by a name such as SIGUSR1 or by number" : meant));
    }
    no_more(3);
  }

  // "check p3 P_TRACED !P_WAITED parent=p2"
  void read_check(Statement& out) {
    out.kind = LineKind::check;
    if (!out.expected.empty()) fail(tokens_.back(), "a check has no outcome: expected no -> in this line");
    if (tokens_.size() < 2) ends("a process or a thread");
    const Word& subject = tokens_[1];
    const auto name = read_name(subject.text);
    if (!name || name->is_nobody())
      note(subject, fmt::format("unknown word '{}': expected p1 to p{}, or t0 to t{} for a thread", subject.text,
                                SmallState::kProcs, SmallState::kLwps - 1));
    out.subject = std::string(subject.text);
    out.of_thread =
        name ? name->is_thread : subject.text.starts_with('t') || subject.text.find('/') != std::string_view::npos;
    out.slot = !name ? 0 : name->is_thread ? name->td : name->proc;
    if (tokens_.size() < 3) ends("what should hold of it");
    for (std::size_t i = 2; i < tokens_.size(); ++i) {
      auto property = out.of_thread ? thread_property(tokens_[i].text) : process_property(tokens_[i].text);
      if (property)
        out.properties.push_back(std::move(*property));
      else
        note({{}, tokens_[i].column + int(property.error().at)}, property.error().what);
    }
  }

  Script out_;
  int line_ = 0;
  bool has_statement_ = false;
  std::string text_;
  std::vector<Word> tokens_;
};

}  // namespace

Script read_script(const Scenario& scenario) { return Reading(scenario).take(); }

std::vector<std::string> problem_lines(const std::string& path, const std::vector<ParseError>& problems) {
  constexpr std::size_t kShownMax = 10;
  std::vector<std::string> out;
  for (const ParseError& p : problems) {
    if (out.size() == kShownMax) {
      out.push_back(fmt::format("{}: {} more like these: only the first {} are shown", path,
                                problems.size() - kShownMax, kShownMax));
      break;
    }
    out.push_back(fmt::format("{}:{}:{}: {}", path, p.line, p.column, p.what));
  }
  return out;
}

}  // namespace proctor::scenario
