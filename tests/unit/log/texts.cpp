// SPDX-License-Identifier: BSD-2-Clause
#include "tests/unit/log/texts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>
#include <stdexcept>
#include <vector>

#include "traces/read.hpp"

namespace proctor::test {

namespace {

trace::Log read(const std::string& bytes, const char* name) {
  auto log = trace::read_bytes(bytes, name);
  if (!log) throw std::runtime_error(log.error().message);
  if (log->unreadable > 0)
    throw std::runtime_error(fmt::format("{} records cannot be read:\n{}", log->unreadable, bytes));
  return std::move(*log);
}

// "20 CALL fork": the first word and the rest
std::pair<std::string, std::string> split(const std::string& text) {
  const auto at = text.find(' ');
  return {text.substr(0, at), at == std::string::npos ? "" : text.substr(at + 1)};
}

}  // namespace

trace::Log kdump(const std::string& records) {
  std::istringstream in(records);
  std::string out;
  for (std::string line; std::getline(in, line);) {
    const auto [pid, rest] = split(line);
    const auto [type, body] = split(rest);
    out += fmt::format("{:>6} prog     {:<4}  {}\n", pid, type, body);
  }
  return read(out, "kdump.txt");
}

trace::Log ktr(const std::string& lines) {
  std::istringstream in(lines);
  std::vector<std::string> out;
  for (std::string line; std::getline(in, line);) {
    const auto [thread, body] = split(line);
    const std::size_t i = out.size();
    out.push_back(fmt::format("{:>6}   0 {:>16} {:<40} {:#018x} {}\n", i, 1000 * (i + 1), "kern/kern_sig.c:2538",
                              0xfffff80010000000 + std::stoul(thread) * 0x530, body));
  }
  std::reverse(out.begin(), out.end());  // as ktrdump(8) prints them
  return read(fmt::format("index  cpu {:<16} {:<40} {:<18} trace\n------ --- {:-<16} {:-<40} {:-<18} -----\n{}",
                          "timestamp", "file and line", "tid", "", "", "", fmt::join(out, "")),
              "ktr.txt");
}

std::string returns(int pid, const std::string& call, int value) {
  const std::string name = call.substr(0, call.find('('));
  return fmt::format("{0} CALL {1}\n{0} RET {2} {3}\n", pid, call, name, value);
}
std::string fails(int pid, const std::string& call, int error) {
  const std::string name = call.substr(0, call.find('('));
  return fmt::format("{0} CALL {1}\n{0} RET {2} -1 errno {3} an error\n", pid, call, name, error);
}
std::string forks(int parent, int child) {
  return returns(parent, "fork", child) + fmt::format("{} RET fork 0\n", child);
}
std::string exits(int pid) { return fmt::format("{} CALL exit(0)\n", pid); }
std::string has_exited_child(int parent, int child) { return forks(parent, child) + exits(child); }
std::string waits(int parent, int child) {
  return returns(parent, fmt::format("wait4({:#x},0x7fff0000,0,0)", child), child);
}

}  // namespace proctor::test
