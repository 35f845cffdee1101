// SPDX-License-Identifier: BSD-2-Clause
//
// The readers in bytes per second and the acceptor in records per second, on a log in which many processes attach,
// continue and detach each other at random.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <system_error>

#include "checker/log/acceptor.hpp"
#include "traces/read.hpp"
#include "traces/readers.hpp"

namespace proctor {
namespace {

// ktrace.out*: what PROCTOR_STRESS names, or the largest one below a directory stress* of the kernel's corpus.  ktr.txt*:
// the one beside it, of the same run.
std::string find_log(const std::string& name) {
  namespace fs = std::filesystem;
  if (name != "ktrace.out") {
    const std::string ktrace = find_log("ktrace.out");
    if (ktrace.empty()) return {};
    std::error_code none;  // no such directory
    for (const auto& entry : fs::directory_iterator(fs::absolute(ktrace).parent_path(), none))
      if (entry.path().filename().string().starts_with(name)) return entry.path().string();
    return {};
  }
  if (const char* wanted = std::getenv("PROCTOR_STRESS")) return wanted;
  const fs::path corpus = fs::path(PROCTOR_CORPUS_DIR) / model::kFreebsd104.name;
  if (!fs::exists(corpus)) return {};
  std::string largest;
  std::uintmax_t size = 0;
  for (const auto& entry : fs::recursive_directory_iterator(corpus)) {
    const std::string path = entry.path().string();
    if (!entry.is_regular_file() || !entry.path().filename().string().starts_with(name) ||
        path.find("/stress") == std::string::npos || entry.file_size() <= size)
      continue;
    largest = path;
    size = entry.file_size();
  }
  return largest;
}

bool skip_without(benchmark::State& bench, const std::string& path) {
  if (!path.empty()) return false;
  bench.SkipWithError("no stress log in traces/corpus; set PROCTOR_STRESS=path/to/ktrace.out (or ktr.txt)");
  return true;
}

// The bytes as the kernel or ktrdump wrote them.
std::string unpacked(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::string bytes{std::istreambuf_iterator<char>(in), {}};
  if (!trace::is_xz(bytes)) return bytes;
  auto plain = trace::unpack_xz(bytes);
  return plain ? std::move(*plain) : std::string();
}

void read(benchmark::State& bench, const std::string& name) {
  const std::string path = find_log(name);
  if (skip_without(bench, path)) return;
  const std::string bytes = unpacked(path);
  std::uint64_t records = 0;
  for (auto _ : bench) {
    const auto log = trace::read_bytes(bytes, path);
    if (!log) return bench.SkipWithError(log.error().message.c_str());
    records = log->records;
  }
  bench.SetBytesProcessed(std::int64_t(bench.iterations() * bytes.size()));
  bench.SetItemsProcessed(std::int64_t(bench.iterations() * records));
  bench.SetLabel(fmt::format("{} records, {:.1f} MB", records, double(bytes.size()) / 1e6));
}
BENCHMARK_CAPTURE(read, ktrace, "ktrace.out")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(read, ktrdump, "ktr.txt")->Unit(benchmark::kMillisecond);

// Judges the log, alone or with the KTR lines of the same run.  Items are records of the ktrace file.
void accept(benchmark::State& bench, bool with_lines) {
  const std::string path = find_log("ktrace.out"), lines_path = find_log("ktr.txt");
  if (skip_without(bench, path) || (with_lines && skip_without(bench, lines_path))) return;
  const auto log = trace::read_log(path);
  if (!log) return bench.SkipWithError(log.error().message.c_str());
  std::unique_ptr<trace::Log> lines;
  if (with_lines) {
    auto read_lines = trace::read_log(lines_path);
    if (!read_lines) return bench.SkipWithError(read_lines.error().message.c_str());
    lines = std::make_unique<trace::Log>(std::move(*read_lines));
  }
  check::Result result;
  for (auto _ : bench) result = check::Acceptor(model::kFreebsd104, &*log, lines.get()).run();
  const bool whole = result.verdict == check::Verdict::accepted;
  const std::uint64_t done = whole || !result.rejection ? log->records : result.rejection->event;
  bench.SetItemsProcessed(std::int64_t(bench.iterations() * done));
  bench.SetLabel(fmt::format("{}, {} of {} records, frontier at most {}", check::verdict_name(result.verdict), done,
                             log->records, result.ktrace.frontier_max));
}
BENCHMARK_CAPTURE(accept, ktrace, false)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(accept, ktrace_with_lines, true)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace proctor
