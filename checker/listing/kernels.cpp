// SPDX-License-Identifier: BSD-2-Clause
#include "checker/listing/kernels.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <nlohmann/json.hpp>

namespace proctor::rules {

using B = model::Behaviours;

namespace {

std::string day(model::Date date) {
  return fmt::format("{:04}-{:02}-{:02}", date / 10000, date / 100 % 100, date % 100);
}

// When a behaviour came first, and to which branch.
std::string since(const model::Behaviour& behaviour) {
  const model::Change& first = behaviour.changes[0];
  const std::string branch(name(first.branch));
  if (first.by == 0) return branch + " from the start";
  if (first.after == first.by - 1) return branch + " " + day(first.by);
  return fmt::format("{} {} .. {}", branch, day(first.after), day(first.by));
}

std::string text() {
  std::string out = "The kernels\n";
  int number = 0;
  for (const B* kernel : model::kKernels)
    out += fmt::format("{:>3}  {:<22}{:<10} {}  {}\n", ++number, kernel->name, name(kernel->branch), day(kernel->date),
                       kernel->provenance);
  out += fmt::format("\nWhat their code does\n  {:<28}", "");
  for (int i = 1; i <= number; ++i) out += fmt::format("{:<5}", i);
  out += " since\n";
  for (const model::Behaviour& behaviour : model::kTimeline) {
    out += fmt::format("  {:<28}", behaviour.name);
    for (const B* kernel : model::kKernels) out += fmt::format("{:<5}", kernel->*behaviour.member ? "yes" : "-");
    out += fmt::format(" {}\n      {}.\n      [{}]\n", since(behaviour), behaviour.meaning, behaviour.evidence);
  }
  return out;
}

nlohmann::json changes(const model::Behaviour& behaviour) {
  nlohmann::json out = nlohmann::json::array();
  for (const model::Change& change : behaviour.changes) {
    if (change.branch == model::Branch::none) continue;
    nlohmann::json j{{"branch", name(change.branch)}, {"on", change.on}};
    if (change.by > 0) j["by"] = day(change.by);
    if (change.by > 0 && change.after != change.by - 1) j["after"] = day(change.after);
    out.push_back(j);
  }
  return out;
}

std::string jsonl() {
  std::string out;
  for (const B* kernel : model::kKernels) {
    nlohmann::json yes;
    for (const model::Behaviour& behaviour : model::kTimeline)
      yes[std::string(behaviour.name)] = kernel->*behaviour.member;
    const nlohmann::json j{{"v", 1},
                           {"kernel", kernel->name},
                           {"provenance", kernel->provenance},
                           {"branch", name(kernel->branch)},
                           {"date", day(kernel->date)},
                           {"behaviours", yes}};
    out += j.dump() + '\n';
  }
  for (const model::Behaviour& behaviour : model::kTimeline) {
    const nlohmann::json j{{"v", 1},
                           {"behaviour", behaviour.name},
                           {"meaning", behaviour.meaning},
                           {"since", since(behaviour)},
                           {"evidence", behaviour.evidence},
                           {"changes", changes(behaviour)}};
    out += j.dump() + '\n';
  }
  return out;
}

}  // namespace

std::string kernels_report(const KernelsOptions& options) { return options.format == "text" ? text() : jsonl(); }

}  // namespace proctor::rules
