// SPDX-License-Identifier: BSD-2-Clause
#include "checker/anchors/place.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <iterator>

#include "model/programs.hpp"

namespace proctor::anchors {
namespace {

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }
bool is_space(char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; }

// Goes through C text, and knows the line it is in.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  bool at_end() const { return at_ >= text_.size(); }
  int line() const { return line_; }
  bool at_line_begin() const { return at_ == 0 || text_[at_ - 1] == '\n'; }

  // Past blanks and comments.  Returns whether a line ended on the way, one that goes on with a backslash excepted.
  bool skip() {
    bool ended = false;
    while (!at_end()) {
      if (starts("/*")) {
        const std::size_t end = text_.find("*/", at_ + 2);
        to(end == std::string_view::npos ? text_.size() : end + 2);
      } else if (starts("//")) {
        to(std::min(text_.find('\n', at_), text_.size()));
      } else if (starts("\\\n")) {
        to(at_ + 2);
      } else if (is_space(text_[at_])) {
        ended = ended || text_[at_] == '\n';
        to(at_ + 1);
      } else {
        break;
      }
    }
    return ended;
  }

  Token take() {
    const int line = line_;
    const std::size_t begin = at_;
    const char first = text_[at_];
    if (is_word(first)) {
      while (!at_end() && is_word(text_[at_])) ++at_;
    } else if (first == '"' || first == '\'') {
      ++at_;
      while (!at_end() && text_[at_] != first && text_[at_] != '\n')
        to(std::min(at_ + (text_[at_] == '\\' ? 2 : 1), text_.size()));
      to(std::min(at_ + 1, text_.size()));
    } else {
      ++at_;
    }
    return {std::string(text_.substr(begin, at_ - begin)), line};
  }

 private:
  bool starts(std::string_view what) const { return text_.substr(at_).starts_with(what); }
  void to(std::size_t end) {
    line_ += int(std::count(text_.begin() + std::ptrdiff_t(std::min(at_, text_.size())),
                            text_.begin() + std::ptrdiff_t(end), '\n'));
    at_ = end;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  int line_ = 1;
};

// Index after the brace or parenthesis that closes the one at `open`.
std::size_t closed(const std::vector<Token>& tokens, std::size_t open, std::string_view opening,
                   std::string_view closing) {
  int depth = 0;
  for (std::size_t i = open; i < tokens.size(); ++i) {
    if (tokens[i].text == opening) ++depth;
    if (tokens[i].text == closing && --depth == 0) return i + 1;
  }
  return tokens.size();
}

std::vector<std::string_view> split(std::string_view names) {
  std::vector<std::string_view> out;
  for (std::size_t at = 0; at <= names.size();) {
    const std::size_t end = std::min(names.find('|', at), names.size());
    out.push_back(names.substr(at, end - at));
    at = end + 1;
  }
  return out;
}

}  // namespace

std::vector<Token> tokens_of(std::string_view c_text) {
  std::vector<Token> out;
  Scanner scanner(c_text);
  for (scanner.skip(); !scanner.at_end(); scanner.skip()) out.push_back(scanner.take());
  return out;
}

Source::Source(std::string name, std::string_view text)
    : name_(std::move(name)), lines_(int(std::count(text.begin(), text.end(), '\n'))) {
  Scanner scanner(text);
  bool fresh_line = true;  // nothing but blanks and comments on this line so far
  scanner.skip();
  while (!scanner.at_end()) {
    const bool column0 = scanner.at_line_begin();
    Token token = scanner.take();
    if (token.text != "#" || !fresh_line) {
      if (column0) begins_line_.insert(tokens_.size());
      tokens_.push_back(std::move(token));
      fresh_line = scanner.skip();
      continue;
    }
    std::vector<Token> directive;
    for (fresh_line = scanner.skip(); !fresh_line && !scanner.at_end(); fresh_line = scanner.skip())
      directive.push_back(scanner.take());
    if (directive.size() > 1 && directive[0].text == "define") {
      std::vector<Token>& macro = macros_[directive[1].text];
      macro.insert(macro.end(), directive.begin() + 1, directive.end());
    }
  }
}

std::vector<Token> Source::body(std::string_view function) const {
  std::vector<Token> out;
  for (const std::size_t begin : begins_line_) {
    if (tokens_[begin].text != function || begin + 1 >= tokens_.size() || tokens_[begin + 1].text != "(") continue;
    std::size_t at = closed(tokens_, begin + 1, "(", ")");
    if (at < tokens_.size() && (tokens_[at].text == ";" || tokens_[at].text == ",")) continue;  // declared only
    while (at < tokens_.size() && tokens_[at].text != "{") ++at;  // parameters of the old style
    // To the brace in column 0: those of #if and #else together need not match.
    while (at < tokens_.size() && !(tokens_[at].text == "}" && begins_line_.contains(at))) ++at;
    out.insert(out.end(), tokens_.begin() + std::ptrdiff_t(begin),
               tokens_.begin() + std::ptrdiff_t(std::min(at + 1, tokens_.size())));
  }
  if (!out.empty()) return out;
  const auto macro = macros_.find(function);
  return macro == macros_.end() ? out : macro->second;
}

std::optional<int> find(const Source& source, const model::Quote& quote) {
  std::vector<Token> wanted = tokens_of(quote.test);
  const auto mark = std::find_if(wanted.begin(), wanted.end(), [](const Token& t) { return t.text == "@"; });
  const auto marked = std::size_t(mark == wanted.end() ? 0 : mark - wanted.begin());
  if (mark != wanted.end()) wanted.erase(mark);
  std::vector<Token> body;
  for (const std::string_view function : split(quote.function))
    if (body.empty()) body = source.body(function);
  const auto same = [](const Token& a, const Token& b) { return a.text == b.text; };
  auto from = body.begin();
  for (int turn = 1; from != body.end(); ++turn) {
    from = std::search(from, body.end(), wanted.begin(), wanted.end(), same);
    if (from == body.end()) break;
    if (turn == quote.nth) return (from + std::ptrdiff_t(marked))->line;
    ++from;
  }
  return std::nullopt;
}

Placed place(const std::set<std::string>& clauses, const std::vector<Source>& sources) {
  Placed out;
  for (const std::string& clause : clauses) {
    std::optional<Place> found;
    std::string tried, not_given;
    for (const model::Quote& quote : model::kQuotes) {
      if (found || quote.clause != clause) continue;
      const auto source =
          std::find_if(sources.begin(), sources.end(), [&](const Source& s) { return s.name() == quote.file; });
      if (source == sources.end()) {
        if (not_given.empty()) not_given = quote.file;
        continue;
      }
      if (const auto line = find(*source, quote)) found = Place{clause, std::string(quote.file), *line};
      tried = fmt::format("{}: {}: not found in {}(): {}", quote.file, clause, quote.function, quote.test);
    }
    if (found)
      out.places.push_back(*found);
    else if (!not_given.empty())
      out.no_file[not_given].push_back(clause);
    else if (!tried.empty())
      out.missing.push_back(tried);
    else
      out.missing.push_back(fmt::format("{}: no quote in model/kernels/quotes.hpp", clause));
  }
  return out;
}

std::set<std::string> clauses_of(const model::Behaviours& kernel) {
  std::set<std::string> out;
  for (const model::ir::Program& program : model::programs(kernel))
    for (const model::ir::Instruction& in : program.code)
      if (!in.clause.key.empty()) out.emplace(in.clause.key);
  return out;
}

}  // namespace proctor::anchors
