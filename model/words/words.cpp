// SPDX-License-Identifier: BSD-2-Clause
#include <fmt/format.h>

#include <charconv>

#include "model/words/arguments.hpp"
#include "model/words/errors.hpp"
#include "model/words/signals.hpp"

namespace proctor::model {

std::string name(Errno error) {
  for (const ErrnoWords& row : kErrors)
    if (row.error == error) return std::string(row.name);
  return fmt::format("errno {}", int(error));
}

std::optional<int> signal_number(std::string_view name) {
  if (!name.starts_with("SIG")) return std::nullopt;
  for (const SignalName& row : kSignalNames)
    if (row.name == name) return row.number;
  std::string_view rest = name.substr(3);
  const bool realtime = rest.starts_with("RT");
  if (realtime)
    rest.remove_prefix(2);
  else if (rest.starts_with(' '))
    rest.remove_prefix(1);
  int number = 0;
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), number);
  if (error != std::errc{} || end != rest.data() + rest.size()) return std::nullopt;
  if (!realtime) return number;
  return number < 0 || number > kSigrtmax - kSigrtmin ? std::nullopt : std::optional(kSigrtmin + number);
}

std::optional<int> wait_options(std::string_view names) {
  int options = 0;
  while (true) {
    const std::size_t bar = names.find('|');
    const auto bit = find_argument(ArgumentName::Kind::wait, names.substr(0, bar));
    if (!bit) return std::nullopt;
    options |= *bit;
    if (bar == std::string_view::npos) return options;
    names.remove_prefix(bar + 1);
  }
}

}  // namespace proctor::model
