// SPDX-License-Identifier: BSD-2-Clause
//
// The kernel's binary file and FreeBSD's own kdump(1) of it must read as the same run.  kdump is the oracle here: it
// knows nothing of our reader.
#include <filesystem>
#include <iostream>
#include <map>

#include "model/words/system_calls.hpp"
#include "tests/unit/traces/bytes.hpp"

namespace proctor::trace {
namespace {

namespace fs = std::filesystem;

std::string stem(const fs::path& path) {
  return path.extension() == ".xz" ? path.stem().string() : path.filename().string();
}

// All files of the corpus whose name, without .xz, is wanted; by directory.
template <typename Wanted>
std::map<fs::path, std::vector<fs::path>> corpus(Wanted wanted) {
  std::map<fs::path, std::vector<fs::path>> files;
  if (fs::is_directory(PROCTOR_CORPUS_DIR)) {
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(PROCTOR_CORPUS_DIR)) {
      if (entry.is_regular_file() && wanted(stem(entry.path()))) {
        files[entry.path().parent_path()].push_back(entry.path());
      }
    }
  }
  return files;
}

#define SKIP_WITHOUT(what)                                                                               \
  do {                                                                                                   \
    std::cout << "SKIPPED: no " what " below " PROCTOR_CORPUS_DIR ": nothing was compared" << std::endl; \
    GTEST_SKIP() << "no " what " below " PROCTOR_CORPUS_DIR;                                             \
  } while (false)

std::vector<const Event*> calls_and_returns(const Log& log) {
  std::vector<const Event*> events;
  for (const Event& event : log.events) {
    if (event.kind == Kind::call || event.kind == Kind::ret) {
      events.push_back(&event);
    }
  }
  return events;
}

// Everything that the text says must be what the binary says; it may say less.
bool agrees(const Event& binary, const Event& text) {
  bool same = binary.kind == text.kind && binary.pid == text.pid && binary.error == text.error &&
              binary.retval == text.retval && (text.tid == 0 || binary.tid == text.tid) &&
              (text.time == 0 || binary.time == text.time);
  same &= text.code == model::kUnknownSyscall ? model::syscall_name(binary.code).empty() : binary.code == text.code;
  for (int i = 0; i < kArgsMax; ++i) {
    const auto at = static_cast<std::size_t>(i);
    same &= !text.has_arg(i) || (binary.has_arg(i) && binary.args[at] == text.args[at]);
    // Of the calls that matter every argument is decoded.
    same &= text.code == model::kUnknownSyscall || text.has_arg(i) == binary.has_arg(i);
  }
  return same;
}

TEST(Agreement, KtraceAndKdump) {
  const auto wanted = [](std::string_view name) { return name == "ktrace.out" || name.starts_with("kdump"); };
  int pairs = 0;
  std::size_t events = 0;
  for (const auto& [directory, files] : corpus(wanted)) {
    for (const fs::path& binary_path : files) {
      if (stem(binary_path) != "ktrace.out") {
        continue;
      }
      const auto binary = read_log(binary_path);
      ASSERT_TRUE(binary) << binary.error().message;
      const auto expected = calls_and_returns(*binary);
      for (const fs::path& text_path : files) {
        // -S shows the number of every call, even of those that have no name in our table.
        if (!stem(text_path).starts_with("kdump") || stem(text_path) == "kdump-SA.txt") {
          continue;
        }
        SCOPED_TRACE(text_path);
        const auto text = read_log(text_path);
        ASSERT_TRUE(text) << text.error().message;
        EXPECT_EQ(text->unreadable, 0U);
        EXPECT_EQ(text->cut.has_value(), false);
        const auto actual = calls_and_returns(*text);
        EXPECT_EQ(actual.size(), expected.size());
        for (std::size_t i = 0; i < actual.size() && i < expected.size(); ++i) {
          ASSERT_TRUE(agrees(*expected[i], *actual[i]))
              << binary->where(*expected[i]) << " " << text->where(*actual[i]);
        }
        ++pairs;
        events += actual.size();
      }
    }
  }
  if (pairs == 0) {
    SKIP_WITHOUT("ktrace.out with its kdump text");
  }
  std::cout << "compared " << pairs << " pairs, " << events << " calls and returns" << std::endl;
}

// Nothing in a log that ktrdump or the console wrote is lost, but for console lines that two CPUs wrote at once.
TEST(Agreement, KtrTimesGoForward) {
  const auto wanted = [](std::string_view name) { return name.starts_with("ktr") && name.ends_with(".txt"); };
  int logs = 0;
  for (const auto& [directory, files] : corpus(wanted)) {
    for (const fs::path& path : files) {
      SCOPED_TRACE(path);
      const auto log = read_log(path);
      ASSERT_TRUE(log) << log.error().message;
      EXPECT_EQ(log->format, Format::ktrdump_text);
      EXPECT_EQ(log->unreadable, 0U);
      std::map<int, std::uint64_t> last;  // by CPU: across CPUs the counters may differ a little
      for (const Event& event : log->events) {
        if (event.cpu >= 0 && event.time != 0) {
          EXPECT_LE(last[event.cpu], event.time) << log->where(event);
          last[event.cpu] = event.time;
        }
      }
      ++logs;
    }
  }
  if (logs == 0) {
    SKIP_WITHOUT("ktrdump text");
  }
  std::cout << "read " << logs << " logs" << std::endl;
}

}  // namespace
}  // namespace proctor::trace
