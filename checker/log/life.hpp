// SPDX-License-Identifier: BSD-2-Clause
//
// What a log says about the future.  A log is read after the fact, so the acceptor may know, at every record, how each
// call in flight will return and until when each process goes on writing records: a process that still writes is alive.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "traces/event.hpp"

namespace proctor::check {

inline constexpr std::uint32_t kNever = 0xffffffff;

// One process from birth (or the start of the log) to its last record.
struct Life {
  std::uint32_t first = 0;     // index of its first record
  std::uint32_t last_run = 0;  // index of its last CALL or RET (or PSIG): until here it has not begun to exit
  std::uint32_t last = 0;      // index of its last record of any kind: until here it is no zombie
  int status = 0;              // wait status that its end will have, if the log tells
  bool ends = false;           // it has called exit() or taken a deadly signal
  bool born = false;           // the first record is its return from fork
};

class Future {
 public:
  explicit Future(const trace::Log& log);

  // Index of the RET of the CALL at this index, kNever if there is none.
  std::uint32_t ret_of(std::uint32_t call) const { return ret_of_[call]; }
  // A RET without a CALL: a new process or thread comes back from fork or thr_new.
  bool is_birth(std::uint32_t ret) const { return birth_[ret]; }
  // The life of this pid that covers, or else follows, the record at this index; null if the pid writes no (more) records.
  const Life* life(std::int32_t pid, std::uint32_t at) const;

  // The life of this pid that covers, or else comes before, the record at this index; null if it has none.
  const Life* life_until(std::int32_t pid, std::uint32_t at) const;
  const Life* last_life(std::int32_t pid) const;
  // What the log shows first of a process that ends, after this record: a wait that returns it, or that its pid is found not
  // to exist (kill, wait).  Neither, where the log ends before.
  enum class Fate : std::uint8_t { unknown, told, lost };
  Fate fate(std::int32_t pid, std::uint32_t at) const;
  // Does the process, or one that comes of it, ever look for a process that it does not find?
  bool misses_one(std::int32_t pid) const { return misses_one_.contains(pid); }
  // Does a ptrace call that is entered after this record find the process, not yet exiting?
  bool is_found_later(std::int32_t pid, std::uint32_t at) const;
  // Could the call that made this process, which shows itself at this record, have been entered before the log began?
  bool is_before_log(std::int32_t pid, std::uint32_t at) const;

 private:
  void find_who_misses_one(const trace::Log& log);

  struct Seen {
    std::uint32_t at;
    Fate fate;
  };
  std::unordered_map<std::int32_t, std::vector<Seen>> fates_;
  std::unordered_map<std::int32_t, std::vector<std::uint32_t>> found_;  // CALLs, by target
  std::unordered_set<std::int32_t> before_log_;  // returned by a fork whose CALL is not in the log
  std::unordered_set<std::int32_t> misses_one_;
  std::uint32_t first_fork_ = kNever;  // the first fork that is called in the log
  std::vector<std::uint32_t> ret_of_;
  std::vector<bool> birth_;
  std::unordered_map<std::int32_t, std::vector<Life>> lives_;
};

}  // namespace proctor::check
