// SPDX-License-Identifier: BSD-2-Clause
//
// `proctor source`: one source against the model, or two sources against each other.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <sstream>

#include "checker/commands/command.hpp"
#include "checker/names/kernel.hpp"
#include "checker/run/saved.hpp"
#include "checker/scenario/run.hpp"
#include "checker/source/listing.hpp"
#include "checker/source/preempt.hpp"
#include "checker/source/shim_of.hpp"
#include "checker/source/supervise.hpp"

namespace proctor::commands {
namespace {

using namespace source;

struct Options {
  std::vector<std::string> files;  // one or two
  std::string kernel;
  bool listing = false;  // the files are annotated listings
  bool preemptive = false;
  bool coverage = false;                // print which way each clause went
  bool quiet = false;                   // no progress
  bool as_found = false;                // do not look for a shorter run
  std::optional<std::size_t> findings;  // how many to show; 1 beside the model, 16 of two sources
  std::uint64_t calls = 200000;
  std::uint64_t seed = 1;
  int patience_ms = 2000;
  std::string rerun;     // a saved run
  std::string scenario;  // a file for the scenario runner
  std::string save;      // where a finding's run goes, empty: beside the user, with a name of its own
  std::string format = "text";
};

std::unique_ptr<Harness> prepare(const std::string& path, const Options& options, const scenario::Vocabulary& words) {
  auto read = read_text(path);
  if (!read) {
    complain(fmt::format("{}: cannot be read: {}: expected a C source, sys/kern/sys_process.c of a BSD kernel", path,
                         read.error()));
    return nullptr;
  }
  std::string text = std::move(*read);
  if (options.listing || looks_like_listing(text)) {
    auto plain = strip_listing(text, path);
    if (!plain) {
      complain(plain.error());
      return nullptr;
    }
    text = std::move(*plain);
  }
  const Shim shim = shim_of(words.kernel());
  auto image = compile_source(path, text, {.family = std::string(shim.family), .kernel_number = shim.number});
  StopSignals::check();
  if (!image) {
    fmt::print(stderr, "{}\n", problem_text(image.error()));
    complain(fmt::format("{}: does not compile against the miniature kernel of {}", path, words.kernel().name));
    return nullptr;
  }
  return std::make_unique<Harness>(std::move(*image), words);
}

class Comparison {
 public:
  Comparison(const Options& options, const scenario::Vocabulary& words, Harness& a, Harness* b)
      : options_(options), words_(words), supervisor_(words, a, b), two_(b != nullptr) {}

  Exit rerun() {
    auto sequence = scenario::load_run(options_.rerun, words_);
    if (!sequence) {
      return unreadable(sequence.error());
    }
    Verdict verdict = supervisor_.judge(*sequence, options_.patience_ms);
    const std::size_t count = sequence->actions.size();
    const bool all = verdict.taken == verdict.tried;
    const std::string taken = fmt::format("{} of {} actions could be taken", verdict.taken, verdict.tried);
    if (!verdict.finding) {
      std::string text = fmt::format("{}: nothing found in the {} actions of {}", title(), count, options_.rerun);
      if (!all) text += "\n" + taken;
      say("nothing_found", text, {{"actions", verdict.tried}, {"taken", verdict.taken}});
      return Exit::nothing_found;
    }
    if (sequence->schedule.empty()) sequence->actions.resize(std::min(count, verdict.tried));
    Report out{
        .finding = std::move(*verdict.finding), .run = scenario_text(words_, *sequence), .saved = options_.rerun};
    out.head = fmt::format("the run, {} of {} actions{}", lines_of(out.run), count, all ? "" : "; " + taken);
    out.head += scheduled(*sequence);
    out.again = "--rerun " + options_.rerun;
    report(out);
    return Exit::finding;
  }

  static std::string scheduled(const Sequence& sequence) {
    return sequence.schedule.empty() ? "" : ", schedule " + scenario::schedule_token(sequence.schedule);
  }

  // What the model does not do as the scenario expects is a finding, and so is a source that does something else.
  Exit scenario() {
    const auto text = scenario::read_scenario(options_.scenario);
    if (!text) {
      return unreadable(text.error());
    }
    const scenario::RunResult on_model = scenario::run(*text, words_.kernel());
    if (!on_model.unreadable.empty()) {
      for (const std::string& problem : on_model.unreadable) return unreadable(problem);
    }
    scenario::Expansion steps = scenario::expand(words_, on_model);
    const Sequence sequence{.start = steps.start, .actions = std::move(steps.actions), .schedule = {}, .exact = true};
    const std::size_t count = sequence.actions.size();
    Verdict verdict = supervisor_.judge(sequence, options_.patience_ms);
    if (on_model.findings.empty() && !verdict.finding) {
      say("nothing_found",
          fmt::format("{}: nothing found in the {} actions that {} stands for", title(), count, options_.scenario),
          {{"actions", count}, {"expectations", on_model.expectations}});
      return Exit::nothing_found;
    }
    const std::string again = "--scenario " + options_.scenario;
    if (!on_model.findings.empty()) {
      Report out{.finding = {"expectation", {}}, .again = again};
      for (const scenario::Finding& f : on_model.findings)
        out.finding.text += fmt::format("{}:{}: {}\n", text->path, f.line, f.what);
      report(out);
    }
    if (verdict.finding) {
      Report out{.finding = std::move(*verdict.finding), .again = again};
      const std::size_t tried = std::min(verdict.tried, count);
      if (tried > 0) out.finding.text += fmt::format("\nin {}:{}", text->path, steps.lines[tried - 1]);
      for (const scenario::LineResult& line : on_model.lines)
        for (const auto* taken : {&line.taken, &line.settled})
          for (const scenario::Taken& step : *taken)
            if (step.outcome.possible && lines_of(out.run) < tried) out.run += step.text + "\n";
      out.head = fmt::format("the run, {} of {} actions", tried, count);
      report(out);
    }
    return Exit::finding;
  }

  Exit explore() {
    Plan plan{.calls = options_.calls,
              .seed = options_.seed,
              .preemptive = options_.preemptive,
              .shorten = !options_.as_found,
              .patience_ms = options_.patience_ms,
              .progress = {}};
    Summary all;
    const bool shown = isatty(STDERR_FILENO) != 0 && !options_.quiet;
    if (shown)
      plan.progress = [&](std::uint64_t calls) {
        fmt::print(stderr, "\r{} of {} calls", all.calls + calls, options_.calls);
      };
    const auto clear = [shown](void*) {
      if (shown) fmt::print(stderr, "\r\033[K");
    };
    // One finding for each way in which the same request goes wrong.
    std::set<std::pair<std::string, int>> found;
    const std::size_t wanted = options_.findings.value_or(two_ ? 16 : 1);
    constexpr int kRepeatsMax = 300;  // each costs a new child
    for (int repeats = 0; all.calls < options_.calls && found.size() < wanted && repeats < kRepeatsMax;) {
      std::unique_ptr<void, decltype(clear)> line(&plan, clear);  // however it ends
      Summary summary = supervisor_.run(plan);
      all.calls += summary.calls;
      all.steps += summary.steps;
      all.not_made += summary.not_made;
      all.sequences += summary.sequences;
      all.coverage = std::move(summary.coverage);
      if (!summary.found) break;
      plan.first += summary.sequences + 1;
      plan.calls = options_.calls - std::min(options_.calls, all.calls);
      const auto& actions = summary.found->sequence.actions;
      const int request = actions.empty() ? 0 : words_.rules()[actions.back().rule].number;
      if (!found.emplace(summary.found->finding.kind, request).second) {
        ++repeats;
        continue;
      }
      const Found settled = supervisor_.settle(std::move(*summary.found), plan);
      line.reset();
      report(settled, found.size());
    }
    if (!found.empty()) return Exit::finding;
    say("nothing_found",
        fmt::format("{}: no difference in {} calls ({}, {} sequences, {} steps of the environment, {} calls not made "
                    "because the kernel would not return from them)",
                    title(), all.calls, options_.preemptive ? "preemptive" : "atomic", all.sequences, all.steps,
                    all.not_made),
        {{"calls", all.calls}, {"sequences", all.sequences}, {"not_made", all.not_made}});
    if (options_.coverage) coverage(all);
    return Exit::nothing_found;
  }

 private:
  std::string title() const {
    if (two_) return fmt::format("{} and {}", options_.files[0], options_.files[1]);
    return fmt::format("{} and the model of {}", options_.files[0], words_.kernel().name);
  }

  using Json = nlohmann::ordered_json;
  // The file for the nth finding of this call.
  std::string save_path(std::size_t n) const {
    std::filesystem::path path =
        options_.save.empty() ? fmt::format("proctor-{}-{}.run", words_.kernel().name, options_.seed) : options_.save;
    if (n > 1) path.replace_filename(fmt::format("{}-{}{}", path.stem().string(), n, path.extension().string()));
    return path.string();
  }

  void report(const Found& found, std::size_t n) const {
    const std::string path = save_path(n);
    const auto saved = scenario::save_run(path, words_, found.sequence, title());
    if (!saved) complain(saved.error() + ": the run is not saved");
    Report out{.finding = found.finding, .run = scenario_text(words_, found.sequence), .saved = saved ? path : ""};
    out.head = fmt::format("the run, {} of {} actions", lines_of(out.run), found.before) + scheduled(found.sequence);
    if (!found.alone) {
      out.note = "the run alone does not show it: the source keeps something between runs";
      if (found.finding.kind == "hang") out.note += ", or the machine was busy";
      out.again = fmt::format("--seed {} --calls {}{}", options_.seed, options_.calls,
                              options_.preemptive ? " --preemptive" : "");
    } else if (saved) {
      out.again = "--rerun " + path;
    }
    if (n > 1 && options_.format == "text") fmt::print("\n");
    report(out);
  }

  struct Report {
    Finding finding;
    std::string head{}, run{};  // its actions, one a line
    std::string saved{}, note{};
    std::string again{};  // the options that show it again
  };
  static std::size_t lines_of(const std::string& text) {
    return std::size_t(std::count(text.begin(), text.end(), '\n'));
  }

  Json begin_json(std::string_view verdict) const {
    return {{"verdict", verdict}, {"kernel", words_.kernel().name}, {"files", options_.files}};
  }
  void say(std::string_view verdict, const std::string& text, const Json& counts) const {
    if (options_.format == "text") {
      fmt::print("{}\n", text);
      return;
    }
    Json out = begin_json(verdict);
    out.update(counts);
    fmt::print("{}\n", out.dump());
  }

  void report(const Report& found) const {
    if (options_.format != "text") {
      Json out = begin_json("finding");
      out.update(Json{{"kind", found.finding.kind},
                      {"text", found.finding.text},
                      {"run", found.run},
                      {"saved", found.saved},
                      {"alone", found.note.empty()}});
      fmt::print("{}\n", out.dump());
      return;
    }
    fmt::print("{}: {}\n", title(), found.finding.kind);
    std::istringstream text(found.finding.text), lines(found.run);
    for (std::string line; std::getline(text, line);) fmt::print("  {}\n", line);
    if (!found.note.empty()) fmt::print("{}\n", found.note);
    if (!found.run.empty()) fmt::print("{}:\n", found.head);
    for (std::string line; std::getline(lines, line);) fmt::print("  {}\n", line);
    if (found.again.empty()) return;
    std::string files;
    for (const std::string& file : options_.files) files += " " + file;
    fmt::print("again: proctor source{} --kernel {} {}\n", files, words_.kernel().name, found.again);
  }

  void coverage(const Summary& summary) const {
    std::vector<std::pair<std::string_view, model::ClauseWays>> rows(summary.coverage.begin(), summary.coverage.end());
    std::sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    const bool text = options_.format == "text";
    if (text) fmt::print("{:<24} {:>12} {:>12}\n", "clause", "held", "failed");
    for (const auto& [id, ways] : rows) {
      if (text)
        fmt::print("{:<24} {:>12} {:>12}\n", id, ways.held, ways.failed);
      else
        fmt::print("{}\n", Json{{"clause", id}, {"held", ways.held}, {"failed", ways.failed}}.dump());
    }
  }

  const Options& options_;
  const scenario::Vocabulary& words_;
  Supervisor supervisor_;
  bool two_;
};

Exit with_signals_noted(const Options& options) {
  const auto kernel = names::kernel_of_option(options.kernel);
  if (!kernel) {
    return unreadable(kernel.error());
  }
  if (options.files.empty() || options.files.size() > 2) {
    return unreadable("source: expected one file (against the model) or two (against each other)");
  }
  if (options.files.size() == 2 && options.preemptive) {
    return unreadable("--preemptive: two sources are compared call by call: expected one file with it");
  }
  const scenario::Vocabulary words(**kernel);
  const auto a = prepare(options.files[0], options, words);
  if (a == nullptr) return Exit::unreadable;
  const auto b = options.files.size() == 2 ? prepare(options.files[1], options, words) : nullptr;
  if (options.files.size() == 2 && b == nullptr) return Exit::unreadable;
  Comparison comparison(options, words, *a, b.get());
  if (!options.scenario.empty()) return comparison.scenario();
  return options.rerun.empty() ? comparison.explore() : comparison.rerun();
}

int source_command(const Options& options) {
  const StopSignals noted;
  try {
    return int(with_signals_noted(options));
  } catch (const Stopped& stopped) {  // all that lived below is gone by now, the temporary folders too
    complain("stopped by a signal");
    return 128 + stopped.signal;
  }
}

}  // namespace

Command add_source(CLI::App& program) {
  constexpr auto kNumberMax = std::numeric_limits<std::uint64_t>::max();
  const auto options = std::make_shared<Options>();
  CLI::App* const app =
      program.add_subcommand("source", "run a kernel's own sys_process.c beside the model, or two of them");
  app->add_option("-k,--kernel", options->kernel, "the kernel that the source is of")->required();
  app->add_option("--calls", options->calls, "how many calls to make")
      ->check(number_between(0, kNumberMax))
      ->capture_default_str();
  app->add_option("--seed", options->seed, "of the random sequences")
      ->check(number_between(0, kNumberMax))
      ->capture_default_str();
  app->add_option("--findings", options->findings,
                  "how many findings to show (1; of two sources 16), one for each request and kind")
      ->check(number_between(1, 1000));
  CLI::Option* const preemptive =
      app->add_flag("--preemptive", options->preemptive, "up to three calls at once, preempted at each lock operation");
  app->add_flag("--listing", options->listing, "the files are annotated listings (found out by itself too)");
  app->add_option("--patience", options->patience_ms, "ms after which a call is said not to return")
      ->check(number_between(100, std::numeric_limits<int>::max()))
      ->capture_default_str();
  CLI::Option* const rerun = app->add_option("--rerun", options->rerun, "run a saved run instead of random sequences");
  app->add_option("--scenario", options->scenario, "run a scenario, as proctor run does, on the source too")
      ->excludes(rerun)
      ->excludes(preemptive);
  app->add_option("--save", options->save, "where to save the run that shows a finding");
  app->add_flag("--as-found", options->as_found, "do not look for a shorter run that shows the same");
  app->add_flag("--coverage", options->coverage, "print how often each clause held and failed");
  app->add_option("--format", options->format, "text or jsonl")
      ->check(one_of({"text", "jsonl"}))
      ->capture_default_str();
  app->add_flag("-q,--quiet", options->quiet, "no progress");
  app->add_option("FILE", options->files, "one source, or the old and the new one");
  return {app, [options] { return source_command(*options); }};
}

}  // namespace proctor::commands
