// SPDX-License-Identifier: BSD-2-Clause
//
// The C headers of the shim have lists of their own, since kernel sources are compiled against them: the same numbers
// under the same names.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>
#include <regex>
#include <set>
#include <string>

#include "checker/source/shim_files.hpp"
#include "model/programs.hpp"
#include "model/rules/requests.hpp"
#include "model/words/errors.hpp"
#include "model/words/signals.hpp"

namespace proctor::source {
namespace {

// Constants of a header: "PT_IO = 12", "#define EIO 5", "#define ERESTART (-1)", "#define PT_SETREGS (PT_FIRSTMACH + 2)".
std::map<std::string, int, std::less<>> constants(std::string_view file) {
  std::map<std::string, int, std::less<>> out;
  for (const ShimFile& f : shim_files()) {
    if (f.name != file) continue;
    const std::string text(f.text);
    const std::regex constant(R"(\b([A-Z][A-Z0-9_]+)(?: = | )\(?(?:([A-Z_]+) \+ )?(-?[0-9]+)\)?)");
    for (std::sregex_iterator it(text.begin(), text.end(), constant), end; it != end; ++it) {
      const int base = (*it)[2].matched ? out[(*it)[2]] : 0;
      out.emplace((*it)[1], base + std::stoi((*it)[3]));
    }
  }
  return out;
}

void expect_same(const std::map<std::string, int, std::less<>>& shim, std::string_view name, int number, bool must) {
  const auto it = shim.find(name);
  if (it == shim.end()) {
    EXPECT_FALSE(must) << name << " is missing";
  } else {
    EXPECT_EQ(it->second, number) << name;
  }
}

TEST(Words, ShimHasTheRequests) {
  const auto freebsd = constants("freebsd/ptrace.h"), dragonfly = constants("dragonfly/dragonfly.h");
  for (const model::RequestWords& row : model::kRequests) {
    if (row.request >= model::PT_FIRSTMACH) continue;
    expect_same(freebsd, row.name, row.request, model::rules::is_ruled(row));
    expect_same(dragonfly, row.name, row.request, model::rules::has_request(model::kDragonfly55, row.request));
  }
}

// Those that ptrace(2) of the kernel returns.  ECAPMODE it returns before a source is reached.
std::set<model::Errno> returned(const model::Behaviours& kernel) {
  std::set<model::Errno> out;
  for (const model::Rule& rule : model::all_rules(kernel))
    for (const model::ir::Instruction& in : rule.program.code)
      if (rule.by == model::Rule::By::request && in.op == model::ir::Op::require) out.insert(model::Errno(in.imm));
  out.erase(model::Errno::ecapmode);
  return out;
}

TEST(Words, ShimHasTheErrnos) {
  const auto freebsd = constants("freebsd/freebsd.h"), dragonfly = constants("dragonfly/dragonfly.h");
  const auto by_freebsd = returned(model::kFreebsd104), by_dragonfly = returned(model::kDragonfly55);
  for (const model::ErrnoWords& row : model::kErrors) {
    expect_same(freebsd, row.name, int(row.error), by_freebsd.contains(row.error));
    expect_same(dragonfly, row.name, int(row.error), by_dragonfly.contains(row.error));
  }
}

TEST(Words, ShimHasTheSignals) {
  const auto freebsd = constants("freebsd/freebsd.h"), dragonfly = constants("dragonfly/dragonfly.h");
  for (const model::SignalName& row : model::kSignalNames) {
    const bool must = row.number == model::kSigkill || row.number == model::kSigstop || row.number == model::kSigchld;
    expect_same(freebsd, row.name, row.number, must);
    expect_same(dragonfly, row.name, row.number, must);
  }
}

}  // namespace
}  // namespace proctor::source
