// SPDX-License-Identifier: BSD-2-Clause
#include "checker/commands/command.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdio>

namespace proctor::commands {

Exit worse(Exit a, Exit b) {
  const auto rank = [](Exit e) {
    switch (e) {
      case Exit::nothing_found: return 0;
      case Exit::inconclusive: return 1;
      case Exit::unreadable: return 2;
      case Exit::finding: return 3;
      case Exit::internal: return 4;
    }
    return 4;
  };
  return rank(a) >= rank(b) ? a : b;
}

void complain(std::string_view message) { fmt::print(stderr, "proctor: {}\n", message); }

Exit unreadable(std::string_view message) {
  complain(message);
  return Exit::unreadable;
}

Exit print_report(const tl::expected<std::string, std::string>& report) {
  if (!report) return unreadable(report.error());
  auto out = Output::open({}).value();
  out.write(*report);
  const auto closed = out.close();
  return closed ? Exit::nothing_found : unreadable(closed.error());
}

CLI::Validator number_between(std::uint64_t low, std::uint64_t high) {
  const auto wrong = [=](const std::string& text) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    const bool fine = error == std::errc{} && end == text.data() + text.size() && low <= value && value <= high;
    return fine ? std::string() : fmt::format("{}: expected a number from {} to {}", text, low, high);
  };
  return CLI::Validator(wrong, {}, {});
}

CLI::Validator one_of(names::Words known) {
  const auto wrong = [known = std::move(known)](const std::string& text) {
    if (std::find(known.begin(), known.end(), text) != known.end()) return std::string();
    return fmt::format("{}: {}", text, names::instead_of(text, known, "one of these"));
  };
  return CLI::Validator(wrong, {}, {});
}

}  // namespace proctor::commands
