// SPDX-License-Identifier: BSD-2-Clause
#include "tests/unit/log/scenario.hpp"

#include <algorithm>
#include <fstream>
#include <map>
#include <regex>

namespace proctor::test {

int errno_number(const std::string& name) {
  static const std::map<std::string, int> numbers = {
      {"EPERM", 1},   {"ENOENT", 2}, {"ESRCH", 3},   {"EINTR", 4},         {"ECHILD", 10},
      {"EFAULT", 14}, {"EBUSY", 16}, {"EINVAL", 22}, {"ENAMETOOLONG", 63}, {"ECAPMODE", 94}};
  const auto found = numbers.find(name);
  return found == numbers.end() ? -1 : found->second;
}

std::vector<Report> read_scenario(const std::filesystem::path& path) {
  static const std::regex line_form(
      R"((\d+)\.(\d{6}) (\d+) [^:]*: (?:.*: )?(ptrace|wait4|fork|getppid|kill)\(([^()]*)\) = (-?\d+)(.*))");
  static const std::regex errno_form(R"(errno (E[A-Z]+))"),
      status_form(R"(status (0x[0-9a-f]+|0) (STOPPED|EXITED|SIGNALED))"), lwpid_form(R"(lwpid (\d+))");
  std::ifstream in(path);
  std::vector<Report> reports;
  std::map<std::int32_t, std::int32_t> process_of;  // thread id -> pid, where PT_LWPINFO of a pid told it
  for (std::string line; std::getline(in, line);) {
    std::smatch m;
    if (!std::regex_match(line, m, line_form)) continue;
    Report r;
    r.text = line;
    r.time = (std::stoull(m[1]) * 1000000 + std::stoull(m[2])) * 1000;
    r.pid = std::stoi(m[3]);
    r.call = m[4];
    r.result = std::stoll(m[6]);
    const std::string args = m[5], rest = m[7];
    std::string first = args.substr(0, args.find(',')), second;
    if (const auto comma = args.find(", "); comma != std::string::npos)
      second = args.substr(comma + 2, args.find(',', comma + 1) - comma - 2);
    const std::string& id = r.call == "ptrace" ? second : first;
    if (r.call == "ptrace" && first.starts_with("PT_")) r.request = first;
    if (r.call != "fork" && r.call != "getppid") {
      if (!std::regex_match(id, std::regex(R"(-?\d+)"))) continue;  // "kill(t,0)": names no pid
      r.target = std::stoi(id);
    }
    if (r.call == "wait4") r.options = int(std::stoul(second, nullptr, 0));
    r.is_thread = r.call == "ptrace" && r.target > 99999;
    std::smatch detail;
    if (std::regex_search(rest, detail, errno_form))
      r.error = detail[1];
    else if (r.call != "ptrace" && r.result == -1)
      r.error.assign(1, '?');
    if (r.call == "wait4" && r.result > 0 && std::regex_search(rest, detail, status_form)) {
      r.status = std::uint32_t(std::stoul(detail[1], nullptr, 0));
      r.end = detail[2] == "STOPPED" ? End::stopped : End::exited;
    }
    if (r.request == "PT_LWPINFO" && !r.is_thread && std::regex_search(rest, detail, lwpid_form))
      process_of[std::stoi(detail[1])] = r.target;
    if (const auto known = process_of.find(r.target); r.is_thread && known != process_of.end())
      r.target = known->second;
    reports.push_back(std::move(r));
  }
  std::stable_sort(reports.begin(), reports.end(), [](const Report& a, const Report& b) { return a.time < b.time; });
  return reports;
}

}  // namespace proctor::test
