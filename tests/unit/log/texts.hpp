// SPDX-License-Identifier: BSD-2-Clause
//
// Short logs written by hand, for what no log of the corpus shows.
#pragma once

#include <string>

#include "traces/event.hpp"

namespace proctor::test {

// Records as kdump(1) prints them, one a line: "20 CALL fork", "20 RET fork 21/0x15".
trace::Log kdump(const std::string& records);

// KTR lines, oldest first, each after a number that tells its thread from others: "40 PT_CONTINUE: pid 50, PC = 0x1, sig = 0".
trace::Log ktr(const std::string& lines);

// Pieces of such a log.  What a call returns: a value, or an errno.
std::string returns(int pid, const std::string& call, int value = 0);
std::string fails(int pid, const std::string& call, int error);
std::string forks(int parent, int child);             // the child runs
std::string exits(int pid);                           // its last record
std::string has_exited_child(int parent, int child);  // one after the other
std::string waits(int parent, int child);             // wait4(child) returns it

}  // namespace proctor::test
