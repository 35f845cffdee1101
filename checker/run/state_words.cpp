// SPDX-License-Identifier: BSD-2-Clause
#include "checker/run/state_words.hpp"

#include <fmt/format.h>

#include "checker/run/action.hpp"
#include "model/names.hpp"

namespace proctor::scenario {

using namespace model;

namespace {

constexpr std::string_view kUsers[] = {"unknown", "root", "user", "another user"};
// Two questions about signal sets have words like flags.
constexpr FlagName kPending[] = {{kSigstop, kPendingFlags[0]}, {kSigkill, kPendingFlags[1]}};

template <class Table>
std::optional<std::uint16_t> bit_of(const Table& table, std::string_view wanted) {
  for (const auto& [bit, name] : table)
    if (name == wanted) return std::uint16_t(bit);
  return std::nullopt;
}
std::string join(const std::vector<std::string>& words, std::string_view between) {
  std::string out;
  for (const std::string& w : words) out += (out.empty() ? "" : std::string(between)) + w;
  return out;
}

// What one step did to a set of bits: "+P_TRACED -P_WAITED".
template <class Table>
void bit_changes(std::vector<std::string>& out, const Table& table, unsigned was, unsigned is) {
  for (const auto& [bit, name] : table)
    if (((was ^ is) & unsigned(bit)) != 0 && !name.empty())
      out.push_back((is & bit) != 0 ? fmt::format("+{}", name) : fmt::format("-{}", name));
}

}  // namespace

std::string thread_name(int slot) { return slot == kNone ? "none" : fmt::format("t{}", slot); }
std::string_view state_name(ProcState state) {
  switch (state) {
    case ProcState::free: return "gone";
    case ProcState::normal: return "alive";
    case ProcState::zombie: return "zombie";
  }
  return "";
}

std::string_view user_name(const Proc& p) { return kUsers[p.p_cred & CR_UID]; }
std::vector<std::string> credential_names(const Proc& p) {
  std::vector<std::string> out;
  for (const auto& [bit, word] : kCredentialWords)
    if ((p.p_cred & bit) != 0 && !word.empty()) out.emplace_back(word);
  if (const int real = (p.p_cred & CR_RUID) / kRealUid; real != 0) out.push_back(fmt::format("ruid={}", kUsers[real]));
  return out;
}
bool is_pending(const SmallState& state, int p, int signal) {
  bool found = state.proc[std::size_t(p)].p_siglist.has(signal);
  for (const auto& td : state.lwp) found = found || (td.proc == p && td.td_siglist.has(signal));
  return found;
}
std::optional<int> pending_flag(std::string_view name) {
  for (const auto& [sig, flag] : kPending)
    if (flag == name) return sig;
  return std::nullopt;
}
std::vector<std::string> pending_words(const SmallState& state, int p) {
  std::vector<std::string> out;
  for (const auto& [sig, name] : kPending)
    if (is_pending(state, p, sig)) out.emplace_back(name);
  return out;
}
unsigned shown_flags(const Proc& p) { return p.p_flag & ~unsigned{KSI_ONQ}; }
std::string flag_words(const Proc& p) { return flag_names(kProcessFlags, int(shown_flags(p)), " "); }
std::string flag_words(const Lwp& td) { return flag_names(kThreadFlags, td.td_flag, " "); }
std::optional<std::uint16_t> proc_flag(std::string_view name) { return bit_of(kProcessFlags, name); }
std::optional<std::uint16_t> lwp_flag(std::string_view name) { return bit_of(kThreadFlags, name); }

std::string signal_words(int signal) {
  const std::string_view name = signal > 0 ? signal_name(signal) : std::string_view{};
  return name.empty() ? std::to_string(signal) : std::string(name);
}

std::string changes(const SmallState& before, const SmallState& after) {
  std::vector<std::string> out;
  for (std::size_t i = 0; i < after.proc.size(); ++i) {
    const Proc &was = before.proc[i], &is = after.proc[i];
    std::vector<std::string> of;
    if (was.state != is.state) of.emplace_back(state_name(is.state));
    if (is.state != ProcState::free) {
      bit_changes(of, kProcessFlags, shown_flags(was), shown_flags(is));
      for (const auto& [sig, name] : kPending) {
        const bool had = is_pending(before, int(i), sig), has = is_pending(after, int(i), sig);
        if (had != has) of.push_back(fmt::format("{}{}", has ? '+' : '-', name));
      }
      if (was.p_pptr != is.p_pptr) of.push_back("parent " + process_name(is.p_pptr));
      if (was.p_oppid != is.p_oppid) of.push_back("oppid " + process_name(is.p_oppid));
      if (was.p_orphan != is.p_orphan) of.push_back("orphan of " + process_name(is.p_orphan));
      if (was.p_reaper != is.p_reaper) of.push_back("reaper " + process_name(is.p_reaper));
      if (was.p_xthread != is.p_xthread) of.push_back("xthread " + thread_name(is.p_xthread));
      if (was.p_xstat != is.p_xstat)
        of.push_back((is.p_flag & P_WEXIT) != 0 ? fmt::format("status {:#x}", is.p_xstat)
                                                : "xstat " + signal_words(is.p_xstat));
      bit_changes(of, kEventFlags, was.p_ptevents, is.p_ptevents);
      if (was.p_pgrp != is.p_pgrp) of.push_back("group " + process_name(is.p_pgrp));
      if ((was.p_cred & CR_UID) != (is.p_cred & CR_UID))
        of.push_back(fmt::format("user {}", kUsers[is.p_cred & CR_UID]));
      if ((was.p_cred & CR_RUID) != (is.p_cred & CR_RUID))
        of.push_back(fmt::format(
            "ruid {}", kUsers[((is.p_cred & CR_RUID) != 0 ? (is.p_cred & CR_RUID) / kRealUid : is.p_cred & CR_UID)]));
      bit_changes(of, kCredentialWords, was.p_cred, is.p_cred);
    }
    if (!of.empty()) out.push_back(process_name(int(i)) + " " + join(of, " "));
  }
  for (std::size_t i = 0; i < after.lwp.size(); ++i) {
    const Lwp &was = before.lwp[i], &is = after.lwp[i];
    std::vector<std::string> of;
    if (was.proc != is.proc) of.push_back(is.proc == kNone ? "gone" : "of " + process_name(is.proc));
    if (is.proc != kNone) {
      bit_changes(of, kThreadFlags, was.td_flag, is.td_flag);
      if (was.td_xsig != is.td_xsig) of.push_back("xsig " + signal_words(is.td_xsig));
    }
    if (!of.empty()) out.push_back(thread_name(int(i)) + " " + join(of, " "));
  }
  return join(out, "; ");
}

}  // namespace proctor::scenario
