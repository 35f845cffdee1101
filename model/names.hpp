// SPDX-License-Identifier: BSD-2-Clause
//
// The kernel's names of the bits and fields of the state, for whoever prints or reads them.
#pragma once

#include <array>
#include <span>
#include <string>
#include <string_view>

#include "model/kernel.hpp"

namespace proctor::model {

struct FlagName {
  int bit;
  std::string_view name;
};

inline constexpr FlagName kProcessFlags[] = {{P_TRACED, "P_TRACED"},
                                             {P_WAITED, "P_WAITED"},
                                             {P_WEXIT, "P_WEXIT"},
                                             {P_STOPPED_SIG, "P_STOPPED_SIG"},
                                             {P_STOPPED_TRACE, "P_STOPPED_TRACE"},
                                             {P_PPWAIT, "P_PPWAIT"},
                                             {P_PPTRACE, "P_PPTRACE"},
                                             {P_CONTINUED, "P_CONTINUED"},
                                             {P_WKILLED, "P_WKILLED"},
                                             {P_TREE_REAPER, "P_TREE_REAPER"},
                                             {P2_PTRACE_FSTP, "P2_PTRACE_FSTP"},
                                             {P_SYSTEM, "P_SYSTEM"},
                                             {P_SUGID, "P_SUGID"},
                                             {P_INEXEC, "P_INEXEC"},
                                             {P_SINGLE_EXIT, "P_SINGLE_EXIT"},
                                             {KSI_ONQ, "KSI_ONQ"}};
inline constexpr FlagName kThreadFlags[] = {{TDB_SUSPEND, "TDB_SUSPEND"}, {TDB_XSIG, "TDB_XSIG"},
                                            {TDB_USERWR, "TDB_USERWR"},   {TDB_SCE, "TDB_SCE"},
                                            {TDB_SCX, "TDB_SCX"},         {TDB_EXEC, "TDB_EXEC"},
                                            {TDB_FORK, "TDB_FORK"},       {TDB_STOPATFORK, "TDB_STOPATFORK"},
                                            {TDB_CHILD, "TDB_CHILD"},     {TDB_BORN, "TDB_BORN"},
                                            {TDB_EXIT, "TDB_EXIT"},       {TDB_VFORK, "TDB_VFORK"},
                                            {TDB_FSTP, "TDB_FSTP"},       {TD_SUSPENDED, "TD_SUSPENDED"},
                                            {TD_RFPPWAIT, "TD_RFPPWAIT"}, {TD_STEP, "TD_STEP"}};
inline constexpr FlagName kEventFlags[] = {{PTRACE_EXEC, "PTRACE_EXEC"}, {PTRACE_SCE, "PTRACE_SCE"},
                                           {PTRACE_SCX, "PTRACE_SCX"},   {PTRACE_FORK, "PTRACE_FORK"},
                                           {PTRACE_LWP, "PTRACE_LWP"},   {PTRACE_VFORK, "PTRACE_VFORK"}};

// "P_TRACED P_WAITED" with that separator; bits without a name as a number.
std::string flag_names(std::span<const FlagName> table, int bits, std::string_view separator);

constexpr std::string_view field_name(ProcField field) {
  constexpr std::string_view names[] = {"p_state",     "p_pptr",    "p_oppid",    "p_orphan", "p_reaper",
                                        "p_vforker",   "p_xthread", "p_ptevents", "p_xstat",  "p_numthreads",
                                        "p_suspcount", "p_cred",    "p_pgrp",     "pg_jobc"};
  return names[std::size_t(field)];
}
constexpr std::string_view field_name(LwpField field) {
  constexpr std::string_view names[] = {"td_proc", "td_xsig", "td_at", "td_local", "td_dbgksi"};
  return names[std::size_t(field)];
}
constexpr std::string_view set_name(ProcSet set) {
  constexpr std::string_view names[] = {"p_siglist", "p_sigignore", "p_sigcatch"};
  return names[std::size_t(set)];
}
constexpr std::string_view set_name(LwpSet set) {
  constexpr std::string_view names[] = {"td_siglist", "td_sigmask", "td_sigptrace"};
  return names[std::size_t(set)];
}
constexpr std::string_view at_name(At at) {
  constexpr std::string_view names[] = {
      "user",       "call",       "back",      "vfork",         "child",       "born",
      "thr_exit",   "exit",       "exec",      "job_stop",      "call_due",    "back_due",
      "vfork_due",  "child_due",  "born_due",  "thr_exit_due",  "call_stop",   "back_stop",
      "vfork_stop", "child_stop", "born_stop", "thr_exit_stop", "signal_stop", "proc_signal_stop"};
  static_assert(std::size(names) == std::size_t(At::proc_signal_stop) + 1);
  return names[std::size_t(at)];
}

}  // namespace proctor::model
