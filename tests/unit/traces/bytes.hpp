// SPDX-License-Identifier: BSD-2-Clause
//
// Builds ktrace.out records byte by byte, after struct ktr_header of sys/ktrace.h and not after our reader.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include "traces/read.hpp"

namespace proctor::trace {

inline Log read(std::string_view bytes) {
  auto log = read_bytes(bytes, "log");
  if (!log) {
    ADD_FAILURE() << log.error().message;
    return {};
  }
  return *std::move(log);
}

inline std::string refusal(std::string_view bytes) {
  const auto log = read_bytes(bytes, "log");
  return log ? std::string("accepted as ").append(name(log->format)) : log.error().message;
}

inline std::string little(std::uint64_t value, int size) {
  std::string bytes;
  for (int i = 0; i < size; ++i) {
    bytes += static_cast<char>(value >> (8 * i) & 0xff);
  }
  return bytes;
}

struct RecordHeader {
  std::uint16_t type = 0;
  std::uint32_t pid = 15;
  std::string comm = "scen";
  std::uint64_t sec = 1795230971;
  std::uint64_t usec = 3715;
  std::uint64_t tid = 100034;
};

// int ktr_len; short ktr_type; 2 bytes of padding; pid_t ktr_pid; char ktr_comm[20]; struct timeval ktr_time; intptr_t
// ktr_tid
inline std::string record(const RecordHeader& header, std::string_view payload) {
  std::string comm = header.comm;
  comm.resize(20);
  return little(payload.size(), 4) + little(header.type, 2) + little(0xdead, 2) + little(header.pid, 4) + comm +
         little(header.sec, 8) + little(header.usec, 8) + little(header.tid, 8) + std::string(payload);
}

// DragonFly: int ktr_len; short ktr_type; short ktr_flags; pid_t ktr_pid; lwpid_t ktr_tid; char ktr_comm[17]; struct
// timeval ktr_time; caddr_t ktr_buf.  What lies between the fields is never cleared.
inline std::string dragonfly_record(const RecordHeader& header, std::string_view payload, std::uint64_t flags = 0) {
  std::string comm = header.comm;
  comm.resize(17);
  return little(payload.size(), 4) + little(header.type, 2) + little(flags, 2) + little(header.pid, 4) +
         little(header.tid == RecordHeader{}.tid ? 1 : header.tid, 4) + comm + std::string(7, '\xde') +
         little(header.sec, 8) + little(header.usec, 8) + little(0xfffff80012345678, 8) + std::string(payload);
}

// short ktr_code; short ktr_narg; padding; register_t ktr_args[]
inline std::string call(std::uint16_t code, std::initializer_list<std::uint64_t> args) {
  std::string bytes = little(code, 2) + little(args.size(), 2) + little(0xbeef, 4);
  for (const std::uint64_t arg : args) {
    bytes += little(arg, 8);
  }
  return bytes;
}

// short ktr_code; short ktr_eosys; int ktr_error; register_t ktr_retval
inline std::string ret(std::uint16_t code, std::int32_t error, std::int64_t retval) {
  return little(code, 2) + little(0, 2) + little(static_cast<std::uint32_t>(error), 4) +
         little(static_cast<std::uint64_t>(retval), 8);
}

// int signo; sig_t action; int code; sigset_t mask
inline std::string psig(std::uint32_t signo, std::uint64_t action) {
  return little(signo, 4) + little(0, 4) + little(action, 8) + little(0x10001, 4) + std::string(20, '\0');
}

inline constexpr std::uint16_t KTR_SYSCALL = 1, KTR_SYSRET = 2, KTR_NAMEI = 3, KTR_PSIG = 5, KTR_PROCCTOR = 10,
                               KTR_PROCDTOR = 11, KTR_DROP = 0x8000;

}  // namespace proctor::trace
