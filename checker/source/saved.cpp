// SPDX-License-Identifier: BSD-2-Clause
#include "checker/source/saved.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <filesystem>
#include <fstream>
#include <sstream>

namespace proctor::source {

using model::SmallState;
using scenario::Action;

namespace {

// What the environment and the calls make of a state, so that the lines that follow can be read or written.
void advance(const scenario::Vocabulary& words, const Action& action, SmallState& state) {
  const model::Rule& rule = words.rules()[action.rule];
  if (!is_reachable(rule, state, action.arguments)) return;
  SmallState next = state;
  model::Exec<SmallState> k(next, words.kernel(), action.choices);
  rule.run(k, action.arguments);
  if (k.outcome().possible) state = next;
}

}  // namespace

bool save_run(const std::string& path, const scenario::Vocabulary& words, const Sequence& sequence,
              const std::string& title) {
  const std::string part = path + ".part";
  {
    std::ofstream file(part);
    file << fmt::format("# {}\n#! seed {}\n#! init {}\n", title, sequence.seed,
                        (sequence.start.proc[model::kInit].p_flag & model::P_SYSTEM) != 0 ? "system" : "plain");
    if (!sequence.schedule.empty()) file << fmt::format("#! schedule {}\n", fmt::join(sequence.schedule, " "));
    // In a preemptive run calls overlap: there threads are named by their slots, which no state changes.
    SmallState state = sequence.start;
    for (const Action& action : sequence.actions) {
      if (sequence.schedule.empty()) {
        if (!is_reachable(words.rules()[action.rule], state, action.arguments)) continue;
        file << print(words, action, state) << '\n';
        advance(words, action, state);
      } else {
        file << fmt::format("#! action {} {} ; {}\n", words.rules()[action.rule].program.name,
                            fmt::join(action.arguments, " "), fmt::join(action.choices, " "));
      }
    }
    if (!file.flush()) {
      file.close();
      std::error_code ignored;
      std::filesystem::remove(part, ignored);
      return false;
    }
  }
  std::error_code error;
  std::filesystem::rename(part, path, error);
  return !error;
}

tl::expected<Sequence, std::string> load_run(const std::string& path, const scenario::Vocabulary& words) {
  std::ifstream file(path);
  if (!file)
    return tl::unexpected(
        fmt::format("{}: cannot be read: expected a run saved by proctor source, or a scenario", path));
  Sequence out;
  Random random(0);
  out.start = start_state(random);
  out.start.proc[model::kInit].p_flag = model::P_SYSTEM;
  SmallState state = out.start;
  int number = 0;
  for (std::string line; std::getline(file, line);) {
    ++number;
    if (line.starts_with("#! ")) {
      std::istringstream in(line.substr(3));
      std::string key;
      in >> key;
      if (key == "seed") {
        in >> out.seed;
      } else if (key == "init") {
        in >> key;
        out.start.proc[model::kInit].p_flag = key == "system" ? model::P_SYSTEM : 0;
        state = out.start;
      } else if (key == "schedule") {
        for (std::uint32_t turn = 0; in >> turn;) out.schedule.push_back(turn);
      } else if (key == "action") {
        std::string rest;
        std::getline(in, rest);
        rest = rest.substr(1);
        Action action;
        bool known = false;
        for (std::size_t i = 0; i < words.rules().size(); ++i) {
          const std::string& name = words.rules()[i].program.name;
          if (!rest.starts_with(name + " ")) continue;
          std::istringstream numbers(rest.substr(name.size()));
          action = Action{.rule = i, .arguments = {}, .choices = {}};
          for (std::int32_t value = 0; numbers >> value;) action.arguments.push_back(value);
          numbers.clear();
          char semicolon = 0;
          numbers >> semicolon;
          std::size_t kind = 0;
          for (int value = 0; kind < action.choices.size() && numbers >> value;)
            action.choices[kind++] = std::uint8_t(value);
          known = semicolon == ';' && action.arguments.size() == words.rules()[i].arguments.size();
          if (known) break;
        }
        if (!known)
          return tl::unexpected(fmt::format("{}:{}:1: no such action in {}", path, number, words.kernel().name));
        out.actions.push_back(std::move(action));
      } else {
        return tl::unexpected(
            fmt::format("{}:{}:4: unknown word '{}': expected seed, init, schedule or action", path, number, key));
      }
      continue;
    }
    const auto parsed = parse_line(words, line, number, state);
    if (!parsed)
      return tl::unexpected(
          fmt::format("{}:{}:{}: {}", path, parsed.error().line, parsed.error().column, parsed.error().what));
    if (!*parsed) continue;
    out.actions.push_back((*parsed)->action);
    advance(words, out.actions.back(), state);
  }
  return out;
}

}  // namespace proctor::source
