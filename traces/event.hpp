// SPDX-License-Identifier: BSD-2-Clause
//
// The one event type that every reader produces.  A log, whatever its format, becomes a sequence of these in the order
// in which the kernel wrote them (oldest first), each with the place it was read from.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/words/ktr_lines.hpp"

namespace proctor::trace {

enum class Format : std::uint8_t {
  ktrace_freebsd_v0_lp64_le,  // ktrace.out: FreeBSD, header version 0, 64-bit, little-endian
  ktrace_dragonfly_lp64_le,   // ktrace.out: DragonFly, 64-bit
  kdump_text,                 // kdump(1) output, with any of -n -d -H -T -R -E -m -s -t; DragonFly's too
  ktrdump_text,               // ktrdump(8) output, with any of -c -f -H -q -r -t, newest or oldest first
  ktr_console,                // console lines written with debug.ktr.verbose=1 or 2
};
std::string_view name(Format format);

// Where an event was read.  Text: line counts from 1.  Binary: record counts from 0 and line is 0.
struct Origin {
  std::uint64_t offset = 0;  // bytes from the start of the (decompressed) file to the record or line
  std::uint32_t line = 0;    // text formats only
  std::uint32_t record = 0;  // running number of the record or line-record in file order, from 0
};

enum class Kind : std::uint8_t {
  call,        // a thread entered a system call (code, args)
  ret,         // a system call returned (code, error, retval)
  signal,      // PSIG: a signal is about to be delivered (signo, caught)
  proc_start,  // KTR_PROCCTOR: tracing of the process began, or it executed a new image
  proc_exit,   // KTR_PROCDTOR: the process is past the point of no return in exit1()
  ktr,         // a KTR_PTRACE line (ktr, and its parameters in args)
  other,       // anything else that names a process: it shows that the process ran, no more
};

// A KTR_PTRACE line: model/words/ktr_lines.inc gives the meaning of args[0..].  In every line that names one, Event::pid is
// the subject (tracee) pid and Event::tid its thread id.
using model::Ktr;

inline constexpr int kArgsMax = 8;

struct Event {
  Kind kind = Kind::other;
  Ktr ktr = Ktr::none;
  bool lost_before = false;       // the log says that at least one record was lost just before this one (KTR_DROP)
  bool caught = false;            // signal: delivered to a handler (false: default action)
  std::uint8_t args_known = 0;    // bit i: args[i] was readable
  std::int8_t cpu = -1;           // KTR: -1 unknown
  std::uint16_t code = 0;         // call, ret: system call number
  std::int32_t pid = 0;           // the process that wrote the record; for a KTR line the subject process; 0 unknown
  std::int32_t tid = 0;           // its thread, 0 unknown; DragonFly counts them from 1 in each process
  std::int32_t error = 0;         // ret: errno, 0 success, -1 ERESTART, -2 EJUSTRETURN (the kernel's own values)
  std::int32_t signo = 0;         // signal: number
  std::uint32_t source_line = 0;  // KTR with -f: line in the kernel source, 0 unknown
  std::int64_t retval = 0;        // ret: td_retval[0]
  std::uint64_t thread = 0;       // KTR with -H: address of the running thread's struct thread, 0 unknown
  std::uint64_t time = 0;         // ktrace: nanoseconds since 1970; KTR: cycles; 0 unknown
  std::array<std::uint64_t, kArgsMax> args{};  // call: arguments, 64-bit, as the kernel logged them; KTR: see Ktr
  Origin at;

  bool has_arg(int i) const { return (args_known >> i & 1) != 0; }
};

// A log read to its end, or to the place where it is cut or broken.
struct Log {
  std::string path;  // as the user gave it ("-" for standard input)
  Format format{};
  bool dragonfly = false;     // a DragonFly kernel's
  std::vector<Event> events;  // oldest first
  std::uint64_t records = 0;  // records or record lines in the file, including those that became no event
  std::uint64_t unreadable =
      0;                    // record lines that no reader understood (each also becomes Kind::other if it names a pid)
  std::uint64_t drops = 0;  // places where the log says that records were lost
  struct Cut {
    std::uint64_t offset = 0;  // bytes of the last, incomplete record or line
    std::uint32_t line = 0;
    std::string what;
  };
  std::optional<Cut> cut;  // the log ends in the middle of a record or line

  bool is_binary() const {
    return format == Format::ktrace_freebsd_v0_lp64_le || format == Format::ktrace_dragonfly_lp64_le;
  }
  bool is_ktr() const { return format == Format::ktrdump_text || format == Format::ktr_console; }
  // "path:17" for text, "path:record 17 (byte 0x1234)" for binary
  std::string where(const Event& event) const;
};

}  // namespace proctor::trace
