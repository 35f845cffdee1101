// SPDX-License-Identifier: BSD-2-Clause
//
// `proctor check`: logs of real kernels against the model.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>

#include "checker/commands/command.hpp"
#include "checker/log/report.hpp"
#include "checker/names/kernel.hpp"
#include "traces/read.hpp"

namespace proctor::commands {
namespace {

struct Options {
  std::string kernel = "freebsd-10.4";
  std::string format = "text";
  std::string output;
  std::string corpus;
  std::vector<std::string> logs;
  bool separately = false;
  bool partial = false;
  bool states = false;
  bool quiet = false;
};

// Those whose logs can be checked.
constexpr const model::Behaviours* kKernels[] = {&model::kFreebsd104, &model::kFreebsd11cIn104, &model::kDragonfly55,
                                                 &model::kDragonfly55Be1f9dd};

bool has_ptrace(const trace::Log& log) {
  return std::any_of(log.events.begin(), log.events.end(), [](const trace::Event& e) {
    constexpr std::uint16_t kPtrace = 26;
    return (e.kind == trace::Kind::call && e.code == kPtrace) || e.kind == trace::Kind::ktr;
  });
}

Exit exit_of(const check::Result& result) {
  switch (result.verdict) {
    case check::Verdict::accepted: return Exit::nothing_found;
    case check::Verdict::rejected: return Exit::finding;
    case check::Verdict::inconclusive: return Exit::inconclusive;
  }
  return Exit::internal;
}

class Check {
 public:
  Check(const Options& options, const model::Behaviours& kernel, Output& out)
      : options_(options), kernel_(&kernel), out_(out) {}

  Exit logs(const std::vector<std::string>& paths) {
    std::vector<trace::Log> read;
    Exit worst = Exit::nothing_found;
    for (const std::string& path : paths) {
      auto log = trace::read_log(path);
      if (!log) {
        complain(log.error().message);
        worst = worse(worst, Exit::unreadable);
      } else if (log->dragonfly != kernel_->tokens) {
        std::string names;
        for (const model::Behaviours* k : kKernels)
          if (k->tokens == log->dragonfly) names += (names.empty() ? "" : ", ") + std::string(k->name);
        complain(fmt::format("{}: {} of {}, which {} did not write: expected --kernel with one of {}", path,
                             trace::name(log->format), log->dragonfly ? "DragonFly" : "FreeBSD", kernel_->name, names));
        worst = worse(worst, Exit::unreadable);
      } else if (!has_ptrace(*log) && !(log->is_ktr() && paths.size() == 2 && !options_.separately)) {
        complain(
            fmt::format("{}: no record about ptrace(2) among {}: expected at least one ptrace call or KTR_PTRACE line",
                        path, log->records));
        worst = worse(worst, Exit::unreadable);
      } else {
        read.push_back(std::move(*log));
      }
    }
    const bool pair =
        !options_.separately && read.size() == 2 && paths.size() == 2 && read[0].is_ktr() != read[1].is_ktr();
    if (pair && !has_ptrace(read[read[0].is_ktr() ? 0 : 1])) {
      complain(
          fmt::format("{}: no KTR_PTRACE line: the other log is judged alone", read[read[0].is_ktr() ? 0 : 1].path));
      return worse(worst, one({.ktrace = &read[read[0].is_ktr()]}));
    }
    if (pair) return worse(worst, one({.ktrace = &read[read[0].is_ktr()], .ktr = &read[read[1].is_ktr()]}));
    for (const trace::Log& log : read)
      worst = worse(worst, one(log.is_ktr() ? check::Subject{.ktr = &log} : check::Subject{.ktrace = &log}));
    return worst;
  }

  // Every log below a folder alone, and ktrace.out with the KTR lines beside it.
  Exit corpus(const std::string& folder) {
    namespace fs = std::filesystem;
    std::map<std::string, std::vector<std::string>> runs;
    std::error_code error;
    for (fs::recursive_directory_iterator it(folder, error), end; !error && it != end; it.increment(error))
      if (it->is_regular_file() && is_log(it->path()))
        runs[it->path().parent_path().string()].push_back(it->path().string());
    if (runs.empty()) {
      complain(fmt::format(
          "{}: no logs found: expected a folder with ktrace.out, kdump*.txt, ktr*.txt or console*.txt files", folder));
      return Exit::unreadable;
    }
    Exit worst = Exit::nothing_found;
    brief_ = options_.format == "text";
    const model::Behaviours* const given = kernel_;
    for (auto& [run, paths] : runs) {
      kernel_ = given;  // a folder that has a kernel's name says which kernel wrote what is below it
      for (const fs::path& part : fs::path(run))
        for (const model::Behaviours* known : kKernels)
          if (part == known->name) kernel_ = known;
      row_ = fs::relative(run, folder).string() + ":";
      std::sort(paths.begin(), paths.end());
      std::vector<std::string> pair;
      for (const std::string& path : paths) {
        worst = worse(worst, logs({path}));
        const std::string name = fs::path(path).filename().string();
        if (name.starts_with("ktrace.out") || name.starts_with("ktr.txt")) pair.push_back(path);
      }
      if (pair.size() == 2) worst = worse(worst, logs(pair));
      if (row_.ends_with(',')) row_.pop_back();
      if (brief_) out_.write(fmt::format("{}\n", row_));
    }
    if (brief_) {
      out_.write(fmt::format("{}{} checks: {} accepted, {} rejected, {} inconclusive; {} records judged\n", others_,
                             accepted_ + rejected_ + inconclusive_, accepted_, rejected_, inconclusive_, judged_));
    }
    return worst;
  }

 private:
  static bool is_log(const std::filesystem::path& path) {
    const std::string name = path.filename().string();
    return name.starts_with("ktrace.out") || name.starts_with("kdump") || name.starts_with("ktr.") ||
           name.starts_with("ktrdump") || name.starts_with("console");
  }

  Exit one(const check::Subject& subject) {
    check::Acceptor acceptor(*kernel_, subject.ktrace, subject.ktr);
    acceptor.partial = options_.partial;
    const std::size_t total = subject.ktrace != nullptr ? subject.ktrace->events.size() : 0;
    if (isatty(STDERR_FILENO) != 0 && !options_.quiet)
      acceptor.progress = [total](std::uint64_t done) {
        if (total > 200000) fmt::print(stderr, "\r{} of {} events", done, total);
      };
    check::Result result = acceptor.run();
    for (const trace::Log* log : {subject.ktrace, subject.ktr})
      if (log != nullptr && log->cut && result.verdict == check::Verdict::accepted) {
        result.verdict = check::Verdict::inconclusive;
        result.reason = "the log is cut; what is whole was accepted";
      }
    ++(result.verdict == check::Verdict::accepted   ? accepted_
       : result.verdict == check::Verdict::rejected ? rejected_
                                                    : inconclusive_);
    judged_ += result.ktrace.judged + result.ktr.judged;
    const std::string report = options_.format == "jsonl"
                                   ? check::jsonl_report(subject, *kernel_, result)
                                   : check::text_report(subject, *kernel_, result, options_.states);
    if (brief_) {
      const bool both = subject.ktrace != nullptr && subject.ktr != nullptr;
      const trace::Log& log = subject.ktrace != nullptr ? *subject.ktrace : *subject.ktr;
      row_ += fmt::format(" {} {},", both ? "both together" : std::filesystem::path(log.path).filename().string(),
                          check::verdict_name(result.verdict));
      if (result.verdict != check::Verdict::accepted) others_ += report;
    } else {
      out_.write(report);
    }
    return exit_of(result);
  }

  const Options& options_;
  const model::Behaviours* kernel_;
  Output& out_;
  std::size_t accepted_ = 0, rejected_ = 0, inconclusive_ = 0;
  std::uint64_t judged_ = 0;
  bool brief_ = false;  // --corpus: a row for each run; what was not accepted follows at the end
  std::string row_, others_;
};

Exit check_command(const Options& options) {
  const auto kernel = std::find_if(std::begin(kKernels), std::end(kKernels),
                                   [&](const model::Behaviours* k) { return k->name == options.kernel; });
  if (kernel == std::end(kKernels)) {
    names::Words known;
    for (const model::Behaviours* k : kKernels) known.emplace_back(k->name);
    return unreadable(names::kernel(options.kernel) == nullptr
                          ? names::no_such_kernel(options.kernel, known)
                          : fmt::format("--kernel {}: the model has it, but not what its logs look like: expected {}",
                                        options.kernel, names::either(known)));
  }
  if (options.logs.empty() && options.corpus.empty())
    return unreadable("check: no log given: expected at least one file, or - for standard input");
  auto out = Output::open(options.output);
  if (!out) return unreadable(out.error());
  Check check(options, **kernel, *out);
  Exit worst = Exit::nothing_found;
  if (!options.logs.empty()) worst = worse(worst, check.logs(options.logs));
  if (!options.corpus.empty()) worst = worse(worst, check.corpus(options.corpus));
  const auto closed = out->close();
  return closed ? worst : unreadable(closed.error());
}

}  // namespace

Command add_check(CLI::App& program) {
  const auto options = std::make_shared<Options>();
  CLI::App* const app = program.add_subcommand("check", "check logs of a real kernel against the model");
  app->add_option("-k,--kernel", options->kernel, "the kernel that wrote the logs")->capture_default_str();
  app->add_option("--format", options->format, "text or jsonl")
      ->check(one_of({"text", "jsonl"}))
      ->capture_default_str();
  app->add_option("-o,--output", options->output, "write the report to this file");
  app->add_option("--corpus", options->corpus, "check every log below this folder");
  app->add_flag("--separately", options->separately,
                "check two logs one by one, even if they are a ktrace and a KTR log");
  app->add_flag("--partial", options->partial, "the log leaves processes out that made others in it");
  app->add_flag("--states", options->states, "print the state of each process at the end of the log");
  app->add_flag("-q,--quiet", options->quiet, "no progress");
  app->add_option("LOG", options->logs, "ktrace.out, kdump text, ktrdump text, console lines; - is standard input");
  return {app, [options] { return int(check_command(*options)); }};
}

}  // namespace proctor::commands
