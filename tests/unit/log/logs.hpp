// SPDX-License-Identifier: BSD-2-Clause
//
// The shipped logs, for the tests of the acceptor.
#pragma once

#include <filesystem>
#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

#include "checker/log/acceptor.hpp"
#include "traces/event.hpp"

namespace proctor::test {

// One directory of the corpus: what one run of a scenario left.
struct RunLogs {
  std::string name;    // "base/attach_sibling"
  std::string kernel;  // "freebsd-10.4"
  std::filesystem::path directory;
  std::vector<std::filesystem::path> logs;  // sorted

  // The path of that log, with or without .xz; nothing if the run has none.
  std::optional<std::filesystem::path> find(const std::string& log) const;
};
void PrintTo(const RunLogs& run, std::ostream* out);  // for GoogleTest's messages
std::vector<RunLogs> corpus_runs();

// A readable log; a failure throws, and so fails the test.
trace::Log read(const std::filesystem::path& path);

check::Result judge(const trace::Log* ktrace, const trace::Log* ktr, const std::string& kernel = "freebsd-10.4");
check::Result judge(const trace::Log& log);

// "rejected: FILE:12: pid 3: ...", for failure messages
std::string words(const check::Result& result);

// A name that GoogleTest accepts.
std::string test_name(std::string text);

}  // namespace proctor::test
