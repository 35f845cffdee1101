// SPDX-License-Identifier: BSD-2-Clause
//
// Where may security.bsd.unprivileged_proc_debug have been 0?  Then p_candebug() refuses whoever is not root, and a log
// shows neither the setting nor who is root.  It is supposed of a refusal only where nothing in the log speaks against it: as
// long as nobody is seen to change a setting, all that processes with these credentials ask for has the same answer.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "checker/log/life.hpp"
#include "traces/event.hpp"

namespace proctor::check {

class Denials {
 public:
  Denials(const trace::Log& log, const Future& future);

  // May the ptrace(2) whose CALL is at this index have been refused because of the setting?  Must it have been?
  bool is_possible(std::uint32_t call) const;
  bool is_certain(std::uint32_t call) const;
  // Its failure has only this explanation.
  void learn(std::uint32_t call, bool denied);

 private:
  // Processes with the same credentials.  An exec makes a new set, because the file may be set-id; but what one that was not
  // refused executes is not refused either.
  using Set = std::uint32_t;
  struct Request {
    Set by;
    std::uint32_t call, ret;
  };
  Set of(std::int32_t pid);
  bool is_granted(Set by, std::uint32_t period) const;
  // How often the setting may have changed before this record.
  std::uint32_t period(std::uint32_t at) const;

  static std::uint64_t key(Set by, std::uint32_t period) { return std::uint64_t(by) << 32 | period; }

  std::vector<Set> before_exec_;  // by set: that of the process before its exec; itself if there was none
  std::unordered_map<std::int32_t, Set> set_of_;
  std::unordered_map<std::uint32_t, Request> failed_;    // requests, by the index of the CALL
  std::vector<std::uint32_t> changes_;                   // CALL and RET of each __sysctl(2) that may have been the one
  std::unordered_set<std::uint64_t> granted_, refused_;  // sets and periods
};

}  // namespace proctor::check
