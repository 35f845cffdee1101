// SPDX-License-Identifier: BSD-2-Clause
//
// One clause: what it says, in which rules of which kernels.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "checker/listing/listing.hpp"

namespace proctor::rules {

using model::Behaviours;
using model::Clause;
using model::Rule;

namespace {

// A line of a rule that names the clause, and the rules that have it just so.
struct Place {
  Line line;
  std::vector<std::string> rules;
};

std::string label(const Rule& rule) {
  if (rule.by != Rule::By::request) return rule.program.name;
  const std::string name = request_name(rule);
  return name.starts_with("PT_") ? name : "request " + name;
}

const Clause* recorded(const Rule& rule, std::string_view id) {
  for (const model::ir::Instruction& in : rule.program.code)
    if (in.clause.id == id) return &in.clause;
  return nullptr;
}

std::string kernel_text(std::string_view id, const Behaviours& kernel) {
  std::vector<Place> places;
  std::string_view why;
  bool has_it = false;
  for (const Rule& rule : model::all_rules(kernel)) {
    const Clause* clause = recorded(rule, id);
    if (clause == nullptr) continue;
    has_it = true;
    why = clause->impossible;
    for (Line& line : describe(rule)) {
      if (line.clause.id != id) continue;
      line.depth = 0;
      const auto same = [&](const Place& p) {
        return p.line.text == line.text && p.line.clause.line == line.clause.line && p.line.error == line.error;
      };
      auto at = std::find_if(places.begin(), places.end(), same);
      if (at == places.end()) at = places.insert(places.end(), Place{line, {}});
      if (std::find(at->rules.begin(), at->rules.end(), label(rule)) == at->rules.end())
        at->rules.push_back(label(rule));
    }
  }
  if (!has_it) return "";
  std::string out = fmt::format("\n{}\n", kernel.name);
  if (places.empty()) out += wrapped(fmt::format("nothing can fail it here{}{}", why.empty() ? "" : ": ", why), 2);
  for (const Place& place : places) {
    out += text_of(place.line, 2);
    out += wrapped(fmt::format("in {}", fmt::join(place.rules, ", ")), 4);
  }
  return out;
}

}  // namespace

const names::Words& clause_ids() {
  static const names::Words ids = [] {
    names::Words out;
    for (const Behaviours* kernel : model::kKernels)
      for (const model::ir::Program& program : model::programs(*kernel))
        for (const model::ir::Instruction& in : program.code)
          if (!in.clause.id.empty()) out.emplace_back(in.clause.id);
    std::sort(out.begin(), out.end());
    out.erase(std::unique(out.begin(), out.end()), out.end());
    return out;
  }();
  return ids;
}

std::string clause_text(std::string_view id, const std::vector<const Behaviours*>& kernels) {
  std::string out;
  names::Words without;
  for (const Behaviours* kernel : kernels) {
    const std::string text = kernel_text(id, *kernel);
    out += text;
    if (text.empty()) without.emplace_back(kernel->name);
  }
  if (!without.empty()) out += fmt::format("\nnot in {}\n", fmt::join(without, ", "));
  return fmt::format("{}, a clause\n", id) + out;
}

std::string clause_jsonl(std::string_view id, const std::vector<const Behaviours*>& kernels) {
  std::string out;
  for (const Behaviours* kernel : kernels)
    for (const Rule& rule : model::all_rules(*kernel)) {
      if (recorded(rule, id) == nullptr) continue;
      std::vector<std::string> blocks;
      for (const Line& line : describe(rule)) {
        blocks.resize(std::size_t(line.depth));
        if (line.clause.id == id) out += line_jsonl(*kernel, rule, line, blocks);
        if (line.kind == LineKind::block) blocks.push_back(line.text);
      }
    }
  return out;
}

}  // namespace proctor::rules
