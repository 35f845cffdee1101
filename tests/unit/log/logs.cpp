// SPDX-License-Identifier: BSD-2-Clause
#include "tests/unit/log/logs.hpp"

#include <algorithm>
#include <cctype>
#include <map>
#include <ostream>
#include <stdexcept>

#include "model/behaviours.hpp"
#include "traces/read.hpp"

namespace proctor::test {

namespace fs = std::filesystem;

std::optional<fs::path> RunLogs::find(const std::string& log) const {
  for (const fs::path& path : logs) {
    const std::string file = path.filename().string();
    if (file == log || file == log + ".xz") return path;
  }
  return {};
}

void PrintTo(const RunLogs& run, std::ostream* out) { *out << run.name; }

std::vector<RunLogs> corpus_runs() {
  std::map<fs::path, std::vector<fs::path>> found;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(PROCTOR_CORPUS_DIR)) {
    if (!entry.is_regular_file()) continue;
    const std::string name = entry.path().filename().string();
    for (const char* start : {"ktrace.out", "kdump", "ktr.txt", "ktrdump", "console-ktr"})
      if (name.starts_with(start)) found[entry.path().parent_path()].push_back(entry.path());
  }
  std::vector<RunLogs> runs;
  for (auto& [directory, logs] : found) {
    std::sort(logs.begin(), logs.end());
    // the first component is the kernel
    const fs::path below = directory.lexically_relative(PROCTOR_CORPUS_DIR);
    std::string name = below.lexically_relative(*below.begin()).generic_string();
    runs.push_back({std::move(name), below.begin()->string(), directory, logs});
  }
  return runs;
}

trace::Log read(const fs::path& path) {
  auto log = trace::read_log(path.string());
  if (!log) throw std::runtime_error(log.error().message);
  return std::move(*log);
}

check::Result judge(const trace::Log* ktrace, const trace::Log* ktr, const std::string& kernel) {
  for (const model::Behaviours* known : model::kKernels)
    if (known->name == kernel) return check::Acceptor(*known, ktrace, ktr).run();
  throw std::runtime_error("traces/corpus/" + kernel + " is the name of no kernel");
}

check::Result judge(const trace::Log& log) { return log.is_ktr() ? judge(nullptr, &log) : judge(&log, nullptr); }

std::string words(const check::Result& result) {
  std::string out{check::verdict_name(result.verdict)};
  if (!result.reason.empty()) out += ": " + result.reason;
  if (result.rejection) {
    const check::Rejection& x = *result.rejection;
    out += ": " + x.log->where(x.log->events[x.event]) + ": " + x.observed;
    for (const std::string& allowed : x.allowed) out += "; allowed: " + allowed;
  }
  return out;
}

std::string test_name(std::string text) {
  for (char& c : text)
    if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
  return text;
}

}  // namespace proctor::test
