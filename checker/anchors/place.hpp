// SPDX-License-Identifier: BSD-2-Clause
//
// Finds the places of clauses (model/kernels/quotes.hpp) in a kernel's sources.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "model/behaviours.hpp"
#include "model/kernels/quotes.hpp"

namespace proctor::anchors {

struct Token {
  std::string text;  // a word, a number, a string, or one character
  int line;
};

// One file of a kernel, as tokens: comments are left out, and of what the preprocessor reads all but the macros.
class Source {
 public:
  Source(std::string name, std::string_view text);
  const std::string& name() const { return name_; }  // "sys_process.c"
  int lines() const { return lines_; }
  // The bodies of the functions (their name begins a line) or macros of that name, joined.
  std::vector<Token> body(std::string_view function) const;

 private:
  std::string name_;
  int lines_ = 0;
  std::vector<Token> tokens_;
  std::map<std::string, std::vector<Token>, std::less<>> macros_;
  std::set<std::size_t> begins_line_;  // tokens in column 0
};

std::vector<Token> tokens_of(std::string_view c_text);

// The line of a quote; nothing if the source does not have it.
std::optional<int> find(const Source& source, const model::Quote& quote);

// What stands somewhere in the kernel: the clauses of its rules.
std::set<std::string> clauses_of(const model::Behaviours& kernel);

struct Place {
  std::string clause, file;
  int line;
};
struct Placed {
  std::vector<Place> places;                                // in the order of the clauses
  std::vector<std::string> missing;                         // one line each: what is wrong
  std::map<std::string, std::vector<std::string>> no_file;  // clauses whose file was not given, by file
};
Placed place(const std::set<std::string>& clauses, const std::vector<Source>& sources);

}  // namespace proctor::anchors
