// SPDX-License-Identifier: BSD-2-Clause
//
// scenario.txt: what the programs of a run called and what came back, in their own words.  It knows nothing of ktrace,
// KTR or proctor.
//   1795229707.757915 33 tracer: ptrace(PT_ATTACH, 32, 0x0, 0) = 0
//   1795229707.760384 33 tracer: wait4(32, 0) = 32 status 0x117f STOPPED sig 17
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace proctor::test {

enum class End : std::uint8_t { none, stopped, exited };  // what wait4 said: STOPPED; EXITED or SIGNALED

struct Report {
  std::string text;        // the line
  std::uint64_t time = 0;  // when it was written, nanoseconds since 1970
  std::int32_t pid = 0;    // who called
  std::string call;        // "ptrace", "wait4", "fork", "getppid", "kill"
  std::string request;     // ptrace: "PT_ATTACH"; empty if the line gives a number
  std::int32_t target =
      0;                   // ptrace, wait4, kill: the pid argument; a thread id became the pid of its process, if known
  bool is_thread = false;  // the argument was a thread id
  std::int64_t result = 0;
  int options = 0;    // wait4
  std::string error;  // "ESRCH"; "?" if the line does not say which; empty on success
  End end = End::none;
  std::uint32_t status = 0;
};

// The lines about these five calls, in the order of their times.
std::vector<Report> read_scenario(const std::filesystem::path& path);

// FreeBSD's number of an errno name; -1 for a name that the scenarios do not use.
int errno_number(const std::string& name);

}  // namespace proctor::test
