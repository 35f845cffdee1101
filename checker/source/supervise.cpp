// SPDX-License-Identifier: BSD-2-Clause
#include "checker/source/supervise.hpp"

#include <fmt/format.h>
#include <rapidcheck.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <stdexcept>

#include "checker/source/preempt.hpp"

namespace proctor::source {

using scenario::Action;

namespace {

// What the child tells while it runs: plain memory that outlives it.
struct Board {
  static constexpr std::size_t kActionsMax = 256, kScheduleMax = 4096, kClausesMax = 256;
  struct Flat {
    std::uint16_t rule;
    std::uint8_t arguments;
    std::int32_t argument[model::kArgumentsMax];
    model::Choices choices;
  };
  struct Clause {
    const char* id;  // string literals of this program are at the same place in the child
    std::size_t length;
    std::uint64_t held, failed;
  };
  std::atomic<std::uint64_t> calls, steps, not_made, sequences, beats;
  std::uint64_t seed;
  model::SmallState start;
  std::size_t actions, schedule;
  Flat action[kActionsMax];
  std::uint32_t turn[kScheduleMax];
  bool found, done;
  char kind[64];
  char text[16384];
  std::size_t clauses;
  Clause clause[kClausesMax];
};

class SharedBoard {
 public:
  SharedBoard() {
    void* memory = mmap(nullptr, sizeof(Board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw std::runtime_error("no memory for the child process");
    board_ = new (memory) Board{};
  }
  ~SharedBoard() { munmap(board_, sizeof(Board)); }
  SharedBoard(const SharedBoard&) = delete;
  SharedBoard& operator=(const SharedBoard&) = delete;
  Board* operator->() const { return board_; }
  Board& operator*() const { return *board_; }

 private:
  Board* board_;
};

void put(Board& board, const Sequence& sequence) {
  board.seed = sequence.seed;
  board.start = sequence.start;
  board.actions = std::min(sequence.actions.size(), Board::kActionsMax);
  for (std::size_t i = 0; i < board.actions; ++i) {
    const Action& from = sequence.actions[i];
    Board::Flat& to = board.action[i];
    to.rule = std::uint16_t(from.rule);
    to.arguments = std::uint8_t(from.arguments.size());
    std::copy(from.arguments.begin(), from.arguments.end(), to.argument);
    to.choices = from.choices;
  }
  board.schedule = std::min(sequence.schedule.size(), Board::kScheduleMax);
  std::copy_n(sequence.schedule.begin(), board.schedule, board.turn);
}

Sequence take(const Board& board) {
  Sequence out{.seed = board.seed, .start = board.start, .actions = {}, .schedule = {}};
  for (std::size_t i = 0; i < board.actions; ++i) {
    const Board::Flat& from = board.action[i];
    out.actions.push_back(
        {from.rule, std::vector<std::int32_t>(from.argument, from.argument + from.arguments), from.choices});
  }
  out.schedule.assign(board.turn, board.turn + board.schedule);
  return out;
}

void tell(Board& board, const Finding& finding) {
  std::snprintf(board.kind, sizeof board.kind, "%s", finding.kind.c_str());
  std::snprintf(board.text, sizeof board.text, "%s", finding.text.c_str());
  board.found = true;
}

void put(Board& board, const model::ClauseCoverage& coverage) {
  board.clauses = 0;
  for (const auto& [id, ways] : coverage)
    if (board.clauses < Board::kClausesMax)
      board.clause[board.clauses++] = {id.data(), id.size(), ways.held, ways.failed};
}

// Waits for the child; a child that shows no progress for that long is stopped.
std::optional<Finding> attend(pid_t child, const Board& board, int patience_ms,
                              const std::function<void(std::uint64_t)>& progress) {
  constexpr int kTick = 20;  // ms
  std::uint64_t last = ~std::uint64_t{0};
  int idle = 0, ticks = 0;
  useconds_t pause = 200;
  for (;;) {
    int status = 0;
    const pid_t got = waitpid(child, &status, WNOHANG);
    if (got == child) {
      if (board.found) return Finding{board.kind, board.text};
      if (WIFSIGNALED(status))
        return Finding{"crash", fmt::format("the source crashed: {}", strsignal(WTERMSIG(status)))};
      if (board.done) return std::nullopt;
      return Finding{"crash", fmt::format("the source ended the process with status {}", WEXITSTATUS(status))};
    }
    if (got < 0) throw std::runtime_error("waitpid failed");
    usleep(pause);
    if (pause < kTick * 1000) {  // short runs are not to wait for a tick
      pause *= 2;
      continue;
    }
    const std::uint64_t beats = board.beats;
    idle = beats == last ? idle + kTick : 0;
    last = beats;
    if (++ticks % 10 == 0 && progress) progress(board.calls);
    if (idle >= patience_ms) {
      kill(child, SIGKILL);
      waitpid(child, &status, 0);
      return Finding{"hang", fmt::format("the call does not return (nothing happened for {} ms)", patience_ms)};
    }
  }
}

}  // namespace

Summary Supervisor::run(const Plan& plan) {
  const SharedBoard board;
  std::fflush(nullptr);
  const pid_t child = fork();
  if (child < 0) throw std::runtime_error("fork failed");
  if (child == 0) {
    Sequence sequence;
    model::ClauseCoverage coverage;
    try {
      Lockstep lockstep(words_, a_, b_);
      Preemptive preemptive(words_, a_, b_);
      lockstep.coverage = &coverage;
      preemptive.coverage = &coverage;
      lockstep.progress = [&](std::size_t i) {
        if (i < Board::kActionsMax) {  // only the new action: the others are there already
          const Action& from = sequence.actions[i];
          Board::Flat& to = board->action[i];
          to.rule = std::uint16_t(from.rule);
          to.arguments = std::uint8_t(from.arguments.size());
          std::copy(from.arguments.begin(), from.arguments.end(), to.argument);
          to.choices = from.choices;
          board->actions = i + 1;
        }
        board->beats.fetch_add(1, std::memory_order_relaxed);
      };
      preemptive.progress = [&] {
        put(*board, sequence);
        board->beats.fetch_add(1, std::memory_order_relaxed);
      };
      for (std::uint64_t n = 0; board->calls < plan.calls; ++n) {
        const std::uint64_t seed = plan.seed * 1000003 + n;
        board->seed = seed;
        Random random(seed);
        board->start = start_state(random);
        if (plan.preemptive)
          preemptive.explore(seed, plan.length, sequence);
        else
          lockstep.explore(seed, plan.length, sequence);
        board->calls = lockstep.calls + preemptive.calls;
        board->steps = lockstep.steps + preemptive.steps;
        board->not_made = lockstep.not_made + preemptive.not_made;
        board->sequences = n + 1;
      }
      put(*board, coverage);
      board->done = true;
    } catch (const Finding& finding) {
      put(*board, sequence);
      tell(*board, finding);
    }
    _exit(0);
  }
  auto finding = attend(child, *board, plan.patience_ms, plan.progress);
  Summary out{.calls = board->calls,
              .steps = board->steps,
              .not_made = board->not_made,
              .sequences = board->sequences,
              .found = {},
              .coverage = {}};
  for (std::size_t i = 0; i < board->clauses; ++i) {
    const Board::Clause& c = board->clause[i];
    out.coverage[std::string_view(c.id, c.length)] = {c.held, c.failed};
  }
  if (finding) {
    Sequence sequence = take(*board);
    const std::size_t before = sequence.actions.size();
    if (plan.shorten) sequence = shorten(std::move(sequence), *finding, plan);
    out.found = Found{std::move(*finding), std::move(sequence), before};
  }
  return out;
}

std::optional<Finding> Supervisor::judge(const Sequence& sequence, int patience_ms) {
  const SharedBoard board;
  std::fflush(nullptr);
  const pid_t child = fork();
  if (child < 0) throw std::runtime_error("fork failed");
  if (child == 0) {
    try {
      if (sequence.schedule.empty()) {
        Lockstep lockstep(words_, a_, b_);
        lockstep.progress = [&](std::size_t) { board->beats.fetch_add(1, std::memory_order_relaxed); };
        lockstep.replay(sequence);
      } else {
        Preemptive preemptive(words_, a_, b_);
        preemptive.progress = [&] { board->beats.fetch_add(1, std::memory_order_relaxed); };
        preemptive.replay(sequence);
      }
      board->done = true;
    } catch (const Finding& finding) {
      tell(*board, finding);
    }
    _exit(0);
  }
  return attend(child, *board, patience_ms, {});
}

// RapidCheck proposes shorter lists of actions, then simpler actions; one is taken if it shows a finding of the same kind.
Sequence Supervisor::shorten(Sequence sequence, Finding& finding, const Plan& plan) {
  // A call that hangs costs its patience each time.
  int budget = finding.kind == "hang" ? 40 : 2000;
  const int patience = std::min(plan.patience_ms, 500);
  auto shows = [&](const Sequence& candidate) {
    if (--budget < 0) return false;
    auto found = judge(candidate, patience);
    if (!found || found->kind != finding.kind) return false;
    finding = std::move(*found);
    return true;
  };
  auto shrink_action = [this](const Action& action) {
    std::vector<Action> simpler;
    const model::Rule& rule = words_.rules()[action.rule];
    for (std::size_t i = 0; i < action.arguments.size(); ++i)
      if (rule.arguments[i].takes == model::Takes::data && action.arguments[i] != 0) {
        simpler.push_back(action);
        simpler.back().arguments[i] = 0;
      }
    for (std::size_t i = 0; i < action.choices.size(); ++i)
      if (action.choices[i] != 0) {
        simpler.push_back(action);
        simpler.back().choices[i] = 0;
      }
    return rc::seq::fromContainer(std::move(simpler));
  };
  for (bool better = true; better && budget > 0;) {
    better = false;
    for (int pass = 0; pass < 2; ++pass) {
      auto candidates = pass == 0 ? rc::shrink::removeChunks(sequence.actions)
                                  : rc::shrink::eachElement(sequence.actions, shrink_action);
      while (auto candidate = candidates.next()) {
        Sequence shorter = sequence;
        shorter.actions = std::move(*candidate);
        if (!shows(shorter)) continue;
        sequence = std::move(shorter);
        better = true;
        break;
      }
      if (better) break;
    }
  }
  return sequence;
}

std::string scenario_text(const scenario::Vocabulary& words, const Sequence& sequence) {
  std::string out;
  model::SmallState state = sequence.start;
  for (const Action& action : sequence.actions) {
    const model::Rule& rule = words.rules()[action.rule];
    if (!is_reachable(rule, state, action.arguments)) continue;
    out += print(words, action, state) + "\n";
    model::SmallState next = state;
    model::Exec<model::SmallState> k(next, words.kernel(), action.choices);
    rule.run(k, action.arguments);
    if (k.outcome().possible) state = next;
  }
  return out;
}

}  // namespace proctor::source
