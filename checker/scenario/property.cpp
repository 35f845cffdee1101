// SPDX-License-Identifier: BSD-2-Clause
#include "checker/scenario/property.hpp"

#include <fmt/format.h>

#include <optional>

#include "checker/run/state_words.hpp"
#include "checker/run/text.hpp"
#include "model/names.hpp"

namespace proctor::scenario {

using namespace model;

namespace {

enum class Is : std::uint8_t { process, thread, number };

template <class Of>
struct Field {
  std::string_view key;
  Is is;
  int (*of)(const Of&);
};
constexpr Field<Proc> kProcFields[] = {
    {"parent=", Is::process, [](const Proc& p) { return int(p.p_pptr); }},
    {"oppid=", Is::process, [](const Proc& p) { return int(p.p_oppid); }},
    {"orphan_of=", Is::process, [](const Proc& p) { return int(p.p_orphan); }},
    {"reaper=", Is::process, [](const Proc& p) { return int(p.p_reaper); }},
    {"group=", Is::process, [](const Proc& p) { return int(p.p_pgrp); }},
    {"xstat=", Is::number, [](const Proc& p) { return int(p.p_xstat); }},
    {"events=", Is::number, [](const Proc& p) { return int(p.p_ptevents); }},
    {"threads=", Is::number, [](const Proc& p) { return int(p.p_numthreads); }},
    {"suspended=", Is::number, [](const Proc& p) { return int(p.p_suspcount); }},
    {"xthread=", Is::thread, [](const Proc& p) { return int(p.p_xthread); }},
};
constexpr Field<Lwp> kLwpFields[] = {{"xsig=", Is::number, [](const Lwp& td) { return int(td.td_xsig); }}};

struct Condition {
  std::string_view word;
  ProcState state;
};
constexpr Condition kConditions[] = {
    {"alive", ProcState::normal}, {"zombie", ProcState::zombie}, {"gone", ProcState::free}};

// The value of a field, or what is wrong with it.
tl::expected<int, std::string> value_of(Is is, std::string_view text) {
  if (is == Is::number) {
    const auto n = number_or_signal(text);
    if (!n) return tl::unexpected(no_number(text));
    return *n;
  }
  if (text == "none") return int(kNone);
  const auto name = read_name(text);
  if (name && !name->is_nobody() && name->is_thread == (is == Is::thread))
    return is == Is::thread ? name->td : name->proc;
  return tl::unexpected(fmt::format("unknown word '{}': expected {} or none", text,
                                    is == Is::thread ? fmt::format("t0 to t{}", SmallState::kLwps - 1)
                                                     : fmt::format("p1 to p{}", SmallState::kProcs)));
}

template <class Table, class Flags>
names::Words words_of(const Table& fields, const Flags& flags) {
  names::Words out;
  for (const auto& field : fields) out.emplace_back(field.key);
  for (const FlagName& flag : flags) out.emplace_back(flag.name);
  return out;
}

struct Parts {
  bool no;
  std::size_t at;        // where the key begins in the word
  std::string_view key;  // with its =
  std::string_view value;
};
Parts parts_of(std::string_view word) {
  const std::size_t at = word.starts_with('!') ? 1 : 0;
  const std::size_t equal = word.find('=');
  if (equal == std::string_view::npos) return {at == 1, at, word.substr(at), {}};
  return {at == 1, at, word.substr(at, equal + 1 - at), word.substr(equal + 1)};
}

NoProperty unknown(const Parts& parts, const names::Words& known, std::string_view expected) {
  const std::string meant = names::did_you_mean(parts.key, known);
  return {parts.at,
          fmt::format("unknown word '{}': {}", parts.key,
                      meant.empty() ? fmt::format("expected {}, each also with ! before it", expected) : meant)};
}

}  // namespace

tl::expected<Property, NoProperty> process_property(std::string_view word) {
  const Parts parts = parts_of(word);
  const bool no = parts.no;
  std::string text(word);
  for (const Condition& one : kConditions)
    if (parts.key == one.word)
      return Property{text, [state = one.state, no](const SmallState& s, int slot) {
                        return (s.proc[std::size_t(slot)].state == state) != no;
                      }};
  if (const auto signal = pending_flag(parts.key))
    return Property{
        text, [signal = *signal, no](const SmallState& s, int slot) { return is_pending(s, slot, signal) != no; }};
  if (const auto flag = proc_flag(parts.key))
    return Property{text, [flag = *flag, no](const SmallState& s, int slot) {
                      return ((s.proc[std::size_t(slot)].p_flag & flag) != 0) != no;
                    }};
  for (const Field<Proc>& field : kProcFields) {
    if (parts.key != field.key) continue;
    const auto value = value_of(field.is, parts.value);
    if (!value) return tl::unexpected(NoProperty{parts.at + parts.key.size(), value.error()});
    return Property{text, [of = field.of, value = *value, no](const SmallState& s, int slot) {
                      return (of(s.proc[std::size_t(slot)]) == value) != no;
                    }};
  }
  names::Words known = words_of(kProcFields, kProcessFlags);
  for (const Condition& one : kConditions) known.emplace_back(one.word);
  for (const std::string_view one : kPendingFlags) known.emplace_back(one);
  return tl::unexpected(
      unknown(parts, known,
              "alive, zombie, gone, a flag such as P_TRACED, parent=, oppid=, orphan_of=, reaper=, group=, "
              "xstat=, events=, threads=, suspended= or xthread="));
}

tl::expected<Property, NoProperty> thread_property(std::string_view word) {
  const Parts parts = parts_of(word);
  const bool no = parts.no;
  std::string text(word);
  if (parts.key == "gone")
    return Property{text,
                    [no](const SmallState& s, int slot) { return (s.lwp[std::size_t(slot)].proc == kNone) != no; }};
  if (const auto flag = lwp_flag(parts.key))
    return Property{text, [flag = *flag, no](const SmallState& s, int slot) {
                      return ((s.lwp[std::size_t(slot)].td_flag & flag) != 0) != no;
                    }};
  for (const Field<Lwp>& field : kLwpFields) {
    if (parts.key != field.key) continue;
    const auto value = value_of(field.is, parts.value);
    if (!value) return tl::unexpected(NoProperty{parts.at + parts.key.size(), value.error()});
    return Property{text, [of = field.of, value = *value, no](const SmallState& s, int slot) {
                      return (of(s.lwp[std::size_t(slot)]) == value) != no;
                    }};
  }
  names::Words known = words_of(kLwpFields, kThreadFlags);
  known.emplace_back("gone");
  return tl::unexpected(unknown(parts, known, "gone, a flag such as TDB_XSIG, or xsig= and a signal"));
}

std::string describe_process(const SmallState& state, int slot) {
  const Proc& p = state.proc[std::size_t(slot)];
  const auto name = [](Slot s) { return s == kNone ? std::string("none") : process_name(s); };
  return fmt::format("{} {} parent={} oppid={} orphan_of={} xstat={} events={:#x} threads={}", state_name(p.state),
                     flag_words(p), name(p.p_pptr), name(p.p_oppid), name(p.p_orphan), p.p_xstat, int(p.p_ptevents),
                     p.p_numthreads);
}

std::string describe_thread(const SmallState& state, int slot) {
  const Lwp& td = state.lwp[std::size_t(slot)];
  return td.proc == kNone ? "gone" : fmt::format("{} xsig={}", flag_words(td), signal_words(td.td_xsig));
}

}  // namespace proctor::scenario
