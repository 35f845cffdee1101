// SPDX-License-Identifier: BSD-2-Clause
#include "checker/source/command.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>

#include "checker/source/listing.hpp"
#include "checker/source/preempt.hpp"
#include "checker/source/saved.hpp"
#include "checker/source/supervise.hpp"

namespace proctor::source {
namespace {

enum Exit { nothing_found = 0, finding = 1, unreadable = 3 };

void complain(const std::string& message) { fmt::print(stderr, "proctor: {}\n", message); }

// Which miniature kernel a source of this kernel is compiled against.
struct Shim {
  std::string_view family;
  int number;
};
std::optional<Shim> shim_of(const model::Behaviours& kernel) {
  switch (kernel.source) {
    case model::Source::freebsd51: return Shim{"freebsd", 51};
    case model::Source::freebsd51_sa0309: return Shim{"freebsd", 52};
    case model::Source::freebsd11c: return Shim{"freebsd", 110};
    case model::Source::dragonfly55: return Shim{"dragonfly", 55};
    case model::Source::freebsd104: break;
  }
  return std::nullopt;
}

const model::Behaviours* find_kernel(const std::string& name) {
  std::string names;
  for (const model::Behaviours* kernel : model::kKernels) {
    if (kernel->name == name && shim_of(*kernel)) return kernel;
    if (shim_of(*kernel)) names += (names.empty() ? "" : ", ") + std::string(kernel->name);
  }
  complain(fmt::format("--kernel {}: no miniature kernel for it: expected one of {}", name, names));
  return nullptr;
}

std::unique_ptr<Harness> prepare(const std::string& path, const Options& options, const scenario::Vocabulary& words) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    complain(fmt::format("{}: cannot be read: expected a C source, sys/kern/sys_process.c of a BSD kernel", path));
    return nullptr;
  }
  std::string text{std::istreambuf_iterator<char>(file), {}};
  if (options.listing || looks_like_listing(text)) {
    auto plain = strip_listing(text, path);
    if (!plain) {
      complain(plain.error());
      return nullptr;
    }
    text = std::move(*plain);
  }
  const Shim shim = *shim_of(words.kernel());
  auto image = compile_source(path, text, {.family = std::string(shim.family), .kernel_number = shim.number});
  if (!image) {
    fmt::print(stderr, "{}\n", problem_text(image.error()));
    complain(fmt::format("{}: does not compile against the miniature kernel of {}", path, words.kernel().name));
    return nullptr;
  }
  return std::make_unique<Harness>(std::move(*image), words);
}

class Command {
 public:
  Command(const Options& options, const scenario::Vocabulary& words, Harness& a, Harness* b)
      : options_(options), words_(words), supervisor_(words, a, b), two_(b != nullptr) {}

  int rerun() {
    auto sequence = load_run(options_.rerun, words_);
    if (!sequence) {
      complain(sequence.error());
      return unreadable;
    }
    const auto found = supervisor_.judge(*sequence, options_.patience_ms);
    if (!found) {
      say("nothing_found",
          fmt::format("{}: nothing found in the {} actions of {}", title(), sequence->actions.size(), options_.rerun));
      return nothing_found;
    }
    report(Found{*found, *sequence, sequence->actions.size()}, options_.rerun);
    return finding;
  }

  int explore() {
    Plan plan{.calls = options_.calls,
              .seed = options_.seed,
              .preemptive = options_.preemptive,
              .shorten = !options_.as_found,
              .patience_ms = options_.patience_ms,
              .progress = {}};
    const bool shown = isatty(STDERR_FILENO) != 0 && !options_.quiet;
    if (shown) plan.progress = [&](std::uint64_t calls) { fmt::print(stderr, "\r{} of {} calls", calls, plan.calls); };
    const Summary summary = supervisor_.run(plan);
    if (shown) fmt::print(stderr, "\r\033[K");
    if (summary.found) {
      const std::string path =
          options_.save.empty() ? fmt::format("proctor-{}-{}.run", words_.kernel().name, options_.seed) : options_.save;
      const bool saved = save_run(path, words_, summary.found->sequence, title());
      if (!saved) complain(fmt::format("{}: cannot be written: the run is not saved", path));
      report(*summary.found, saved ? path : "");
      return finding;
    }
    say("nothing_found",
        fmt::format("{}: no difference in {} calls ({}, {} sequences, {} steps of the environment, {} calls not made "
                    "because the kernel would not return from them)",
                    title(), summary.calls, options_.preemptive ? "preemptive" : "atomic", summary.sequences,
                    summary.steps, summary.not_made),
        &summary);
    if (options_.coverage) coverage(summary);
    return nothing_found;
  }

 private:
  std::string title() const {
    if (two_) return fmt::format("{} and {}", options_.files[0], options_.files[1]);
    return fmt::format("{} and the model of {}", options_.files[0], words_.kernel().name);
  }

  void say(std::string_view verdict, const std::string& text, const Summary* summary = nullptr) const {
    if (options_.format == "text") {
      fmt::print("{}\n", text);
      return;
    }
    nlohmann::ordered_json out{{"verdict", verdict}, {"kernel", words_.kernel().name}, {"files", options_.files}};
    if (summary != nullptr) {
      out["calls"] = summary->calls;
      out["sequences"] = summary->sequences;
      out["not_made"] = summary->not_made;
    }
    fmt::print("{}\n", out.dump());
  }

  void report(const Found& found, const std::string& path) const {
    const std::string run = scenario_text(words_, found.sequence);
    if (options_.format != "text") {
      nlohmann::ordered_json out{{"verdict", "finding"},
                                 {"kernel", words_.kernel().name},
                                 {"files", options_.files},
                                 {"kind", found.finding.kind},
                                 {"text", found.finding.text},
                                 {"run", run},
                                 {"saved", path}};
      fmt::print("{}\n", out.dump());
      return;
    }
    fmt::print("{}: {}\n", title(), found.finding.kind);
    std::istringstream text(found.finding.text), lines(run);
    for (std::string line; std::getline(text, line);) fmt::print("  {}\n", line);
    fmt::print("the run, {} of {} actions:\n", std::count(run.begin(), run.end(), '\n'), found.before);
    for (std::string line; std::getline(lines, line);) fmt::print("  {}\n", line);
    if (!path.empty()) {
      std::string files;
      for (const std::string& file : options_.files) files += " " + file;
      fmt::print("again: proctor source{} --kernel {} --rerun {}\n", files, words_.kernel().name, path);
    }
  }

  void coverage(const Summary& summary) const {
    std::vector<std::pair<std::string_view, model::ClauseWays>> rows(summary.coverage.begin(), summary.coverage.end());
    std::sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    fmt::print("{:<24} {:>12} {:>12}\n", "clause", "held", "failed");
    for (const auto& [id, ways] : rows) fmt::print("{:<24} {:>12} {:>12}\n", id, ways.held, ways.failed);
  }

  const Options& options_;
  const scenario::Vocabulary& words_;
  Supervisor supervisor_;
  bool two_;
};

}  // namespace

int source_command(const Options& options) {
  const model::Behaviours* kernel = find_kernel(options.kernel);
  if (kernel == nullptr) return unreadable;
  if (options.files.empty() || options.files.size() > 2) {
    complain("source: expected one file (against the model) or two (against each other)");
    return unreadable;
  }
  if (options.files.size() == 2 && options.preemptive) {
    complain("--preemptive: two sources are compared call by call: expected one file with it");
    return unreadable;
  }
  const scenario::Vocabulary words(*kernel);
  const auto a = prepare(options.files[0], options, words);
  if (a == nullptr) return unreadable;
  const auto b = options.files.size() == 2 ? prepare(options.files[1], options, words) : nullptr;
  if (options.files.size() == 2 && b == nullptr) return unreadable;
  Command command(options, words, *a, b.get());
  return options.rerun.empty() ? command.explore() : command.rerun();
}

}  // namespace proctor::source
