// SPDX-License-Identifier: BSD-2-Clause
//
// The command.
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "checker/anchors/command.hpp"
#include "checker/names/kernel.hpp"
#include "checker/report.hpp"
#include "checker/rules/kernels.hpp"
#include "checker/rules/listing.hpp"
#include "checker/scenario/command.hpp"
#include "checker/source/command.hpp"
#include "traces/read.hpp"

namespace {

using namespace proctor;
using check::Exit;

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

class Check {
 public:
  Check(const Options& options, const model::Behaviours& kernel, std::FILE* out)
      : options_(options), kernel_(&kernel), out_(out) {}

  Exit logs(const std::vector<std::string>& paths) {
    std::vector<trace::Log> read;
    Exit worst = Exit::nothing_found;
    for (const std::string& path : paths) {
      auto log = trace::read_log(path);
      if (!log) {
        complain(log.error().message);
        worst = check::worse(worst, Exit::unreadable);
      } else if (log->dragonfly != kernel_->tokens) {
        std::string names;
        for (const model::Behaviours* k : kKernels)
          if (k->tokens == log->dragonfly) names += (names.empty() ? "" : ", ") + std::string(k->name);
        complain(fmt::format("{}: {} of {}, which {} did not write: expected --kernel with one of {}", path,
                             trace::name(log->format), log->dragonfly ? "DragonFly" : "FreeBSD", kernel_->name, names));
        worst = check::worse(worst, Exit::unreadable);
      } else if (!has_ptrace(*log) && !(log->is_ktr() && paths.size() == 2 && !options_.separately)) {
        complain(
            fmt::format("{}: no record about ptrace(2) among {}: expected at least one ptrace call or KTR_PTRACE line",
                        path, log->records));
        worst = check::worse(worst, Exit::unreadable);
      } else {
        read.push_back(std::move(*log));
      }
    }
    const bool pair =
        !options_.separately && read.size() == 2 && paths.size() == 2 && read[0].is_ktr() != read[1].is_ktr();
    if (pair && !has_ptrace(read[read[0].is_ktr() ? 0 : 1])) {
      complain(
          fmt::format("{}: no KTR_PTRACE line: the other log is judged alone", read[read[0].is_ktr() ? 0 : 1].path));
      return check::worse(worst, one({.ktrace = &read[read[0].is_ktr()]}));
    }
    if (pair) return check::worse(worst, one({.ktrace = &read[read[0].is_ktr()], .ktr = &read[read[1].is_ktr()]}));
    for (const trace::Log& log : read)
      worst = check::worse(worst, one(log.is_ktr() ? check::Subject{.ktr = &log} : check::Subject{.ktrace = &log}));
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
        worst = check::worse(worst, logs({path}));
        const std::string name = fs::path(path).filename().string();
        if (name.starts_with("ktrace.out") || name.starts_with("ktr.txt")) pair.push_back(path);
      }
      if (pair.size() == 2) worst = check::worse(worst, logs(pair));
      if (row_.ends_with(',')) row_.pop_back();
      if (brief_) fmt::print(out_, "{}\n", row_);
    }
    if (brief_) {
      fmt::print(out_, "{}{} checks: {} accepted, {} rejected, {} inconclusive; {} records judged\n", others_,
                 accepted_ + rejected_ + inconclusive_, accepted_, rejected_, inconclusive_, judged_);
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
      std::fwrite(report.data(), 1, report.size(), out_);
    }
    return check::exit_of(result);
  }

  static void complain(const std::string& message) { fmt::print(stderr, "proctor: {}\n", message); }

  const Options& options_;
  const model::Behaviours* kernel_;
  std::FILE* out_;
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
    fmt::print(stderr, "proctor: {}\n",
               names::kernel(options.kernel) == nullptr
                   ? names::no_such_kernel(options.kernel, known)
                   : fmt::format("--kernel {}: the model has it, but not what its logs look like: expected {}",
                                 options.kernel, names::either(known)));
    return Exit::unreadable;
  }
  if (options.logs.empty() && options.corpus.empty()) {
    fmt::print(stderr, "proctor: check: no log given: expected at least one file, or - for standard input\n");
    return Exit::unreadable;
  }
  std::FILE* out = stdout;
  const std::string part = options.output + ".part";
  if (!options.output.empty() && (out = std::fopen(part.c_str(), "w")) == nullptr) {
    fmt::print(stderr, "proctor: {}: cannot be written: expected a path in a folder that exists\n", options.output);
    return Exit::unreadable;
  }
  Check check(options, **kernel, out);
  Exit worst = Exit::nothing_found;
  if (!options.logs.empty()) worst = check::worse(worst, check.logs(options.logs));
  if (!options.corpus.empty()) {
    worst = check::worse(worst, check.corpus(options.corpus));
  }
  if (out != stdout) {
    std::fclose(out);
    std::filesystem::rename(part, options.output);
  }
  return worst;
}

constexpr std::uint64_t kNumberMax = std::numeric_limits<std::uint64_t>::max();

// The library would take -1 for the greatest number, and what is too great too.
CLI::Validator number_between(std::uint64_t low, std::uint64_t high) {
  const auto wrong = [=](const std::string& text) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    const bool fine = error == std::errc{} && end == text.data() + text.size() && low <= value && value <= high;
    return fine ? std::string() : fmt::format("{}: expected a number from {} to {}", text, low, high);
  };
  return CLI::Validator(wrong, {}, {});
}
CLI::Validator one_of(names::Words known) {
  const auto wrong = [known = std::move(known)](const std::string& text) {
    if (std::find(known.begin(), known.end(), text) != known.end()) return std::string();
    return fmt::format("{}: {}", text, names::instead_of(text, known, "one of these"));
  };
  return CLI::Validator(wrong, {}, {});
}

// The library says what it did not expect; this, what may have been meant.
std::string meant(const CLI::App& app, const std::vector<std::string>& words) {
  names::Words commands, options;
  const CLI::App* given = nullptr;
  for (const CLI::App* one : app.get_subcommands([](const CLI::App*) { return true; })) {
    commands.push_back(one->get_name());
    if (!words.empty() && words[0] == one->get_name()) given = one;
  }
  if (given == nullptr)
    return words.empty() || words[0].starts_with('-')
               ? ""
               : fmt::format("{}: no such command: {}", words[0], names::instead_of(words[0], commands, "a command"));
  for (const CLI::Option* option : given->get_options())
    for (const std::string& name : option->get_lnames()) options.push_back("--" + name);
  for (const std::string& word : words) {
    const std::string name = word.substr(0, word.find('='));
    if (!word.starts_with("--") || std::find(options.begin(), options.end(), name) != options.end()) continue;
    const std::string said = names::did_you_mean(name, options);
    if (!said.empty()) return fmt::format("{}: no such option of {}: {}", name, words[0], said);
  }
  return "";
}

}  // namespace

int main(int argc, char** argv) {
  try {
    CLI::App app{"proctor: a model of ptrace(2) in BSD kernels, and checkers of logs and sources against it"};
    std::string version = "proctor " PROCTOR_VERSION ", kernels:";
    for (const model::Behaviours* kernel : model::kKernels) version += " " + std::string(kernel->name);
    app.set_version_flag("--version", version);
    app.require_subcommand(1);
    Options options;
    rules::KernelsOptions kernels_options;
    CLI::App* kernels = app.add_subcommand("kernels", "the kernels of the model and what distinguishes them");
    kernels->add_option("--format", kernels_options.format, "text or jsonl")
        ->check(one_of({"text", "jsonl"}))
        ->capture_default_str();
    rules::RulesOptions rules_options;
    std::vector<std::string> request;
    CLI::App* rules = app.add_subcommand("rules", "what a kernel's rules say, check by check");
    rules->add_option("-k,--kernel", rules_options.kernel,
                      "whose rules (default: freebsd-10.4; of a clause all kernels)");
    rules->add_option("--format", rules_options.format, "text or jsonl")
        ->check(one_of({"text", "jsonl"}))
        ->capture_default_str();
    rules->add_option("REQUEST", request,
                      "PT_ATTACH, ptrace PT_ATTACH, 10, how another rule's name begins, a system call, or a clause");
    scenario::Options run_options;
    CLI::App* run = app.add_subcommand("run", "run scenarios on the model, or print one as a C test for FreeBSD");
    run->add_option("-k,--kernel", run_options.kernels, "the kernel (repeatable; default: those of the scenario)")
        ->allow_extra_args(false);
    run->add_option("--format", run_options.format, "text, jsonl or atf")
        ->check(one_of({"text", "jsonl", "atf"}))
        ->capture_default_str();
    run->add_option("--states", run_options.states,
                    "of jsonl: the state of each line at its end, after it too, or none")
        ->check(one_of({"none", "end", "both"}))
        ->capture_default_str();
    run->add_option("-o,--output", run_options.output, "write to this file");
    run->add_option("SCENARIO", run_options.paths, "files of the scenario language; - is standard input");
    source::Options source_options;
    CLI::App* source =
        app.add_subcommand("source", "run a kernel's own sys_process.c beside the model, or two of them");
    source->add_option("-k,--kernel", source_options.kernel, "the kernel that the source is of")->required();
    source->add_option("--calls", source_options.calls, "how many calls to make")
        ->check(number_between(0, kNumberMax))
        ->capture_default_str();
    source->add_option("--seed", source_options.seed, "of the random sequences")
        ->check(number_between(0, kNumberMax))
        ->capture_default_str();
    source
        ->add_option("--findings", source_options.findings,
                     "how many findings to show (1; of two sources 16), one for each request and kind")
        ->check(number_between(1, 1000));
    CLI::Option* preemptive = source->add_flag("--preemptive", source_options.preemptive,
                                               "up to three calls at once, preempted at each lock operation");
    source->add_flag("--listing", source_options.listing, "the files are annotated listings (found out by itself too)");
    source->add_option("--patience", source_options.patience_ms, "ms after which a call is said not to return")
        ->check(number_between(100, std::numeric_limits<int>::max()))
        ->capture_default_str();
    CLI::Option* rerun =
        source->add_option("--rerun", source_options.rerun, "run a saved run instead of random sequences");
    source->add_option("--scenario", source_options.scenario, "run a scenario, as proctor run does, on the source too")
        ->excludes(rerun)
        ->excludes(preemptive);
    source->add_option("--save", source_options.save, "where to save the run that shows a finding");
    source->add_flag("--as-found", source_options.as_found, "do not look for a shorter run that shows the same");
    source->add_flag("--coverage", source_options.coverage, "print how often each clause held and failed");
    source->add_option("--format", source_options.format, "text or jsonl")
        ->check(one_of({"text", "jsonl"}))
        ->capture_default_str();
    source->add_flag("-q,--quiet", source_options.quiet, "no progress");
    source->add_option("FILE", source_options.files, "one source, or the old and the new one");
    anchors::Options anchors_options;
    CLI::App* anchors = app.add_subcommand("anchors", "find where a kernel's clauses stand in its sources");
    anchors->add_option("-k,--kernel", anchors_options.kernel, "whose sources they are")->required();
    anchors->add_option("-o,--output", anchors_options.output, "write the line file here");
    anchors->add_option("FILE", anchors_options.files, "sys_process.c, kern_sig.c and others of the kernel");
    CLI::App* check = app.add_subcommand("check", "check logs of a real kernel against the model");
    check->add_option("-k,--kernel", options.kernel, "the kernel that wrote the logs")->capture_default_str();
    check->add_option("--format", options.format, "text or jsonl")
        ->check(one_of({"text", "jsonl"}))
        ->capture_default_str();
    check->add_option("-o,--output", options.output, "write the report to this file");
    check->add_option("--corpus", options.corpus, "check every log below this folder");
    check->add_flag("--separately", options.separately,
                    "check two logs one by one, even if they are a ktrace and a KTR log");
    check->add_flag("--partial", options.partial, "the log leaves processes out that made others in it");
    check->add_flag("--states", options.states, "print the state of each process at the end of the log");
    check->add_flag("-q,--quiet", options.quiet, "no progress");
    check->add_option("LOG", options.logs, "ktrace.out, kdump text, ktrdump text, console lines; - is standard input");
    try {
      app.parse(argc, argv);
    } catch (const CLI::Success& done) {
      return app.exit(done);
    } catch (const CLI::ParseError& wrong) {
      const std::string said = meant(app, {argv + 1, argv + std::max(argc, 1)});
      fmt::print(stderr, "proctor: {}; see proctor --help\n", said.empty() ? wrong.what() : said);
      return int(Exit::unreadable);
    }
    if (kernels->parsed()) return proctor::rules::kernels_command(kernels_options);
    if (rules->parsed()) {
      for (const std::string& word : request)
        rules_options.request += (rules_options.request.empty() ? "" : " ") + word;
      return proctor::rules::rules_command(rules_options);
    }
    if (anchors->parsed()) return proctor::anchors::anchors_command(anchors_options);
    if (run->parsed()) return scenario::run_command(run_options);
    if (source->parsed()) return source::source_command(source_options);
    return int(check_command(options));
  } catch (const std::exception& bug) {
    fmt::print(stderr, "proctor: internal error: {}\n", bug.what());
    return int(Exit::internal);
  }
}
