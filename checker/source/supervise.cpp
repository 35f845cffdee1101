// SPDX-License-Identifier: BSD-2-Clause
#include "checker/source/supervise.hpp"

#include <fmt/format.h>
#include <rapidcheck.h>
#include <signal.h>
#include <sys/mman.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstring>
#include <iterator>
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
  // Where a call can be when it hangs or crashes: the one that ran last, then the others in flight.
  struct Call {
    Flat action;
    model::SmallState before;
  };
  static constexpr std::size_t kInFlightMax = 4;
  std::atomic<std::uint64_t> calls, steps, not_made, sequences, beats;
  std::uint64_t seed;
  model::SmallState start;
  std::size_t tried, taken, in_flight;
  Call call[kInFlightMax];
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

void put(Board::Flat& to, const Action& from) {
  to.rule = std::uint16_t(from.rule);
  to.arguments = std::uint8_t(from.arguments.size());
  std::copy(from.arguments.begin(), from.arguments.end(), to.argument);
  to.choices = from.choices;
}

Action take(const Board::Flat& from) {
  return {from.rule, std::vector<std::int32_t>(from.argument, from.argument + from.arguments), from.choices};
}

void put(Board& board, const Action& action, const model::SmallState& before) {
  put(board.call[0].action, action);
  board.call[0].before = before;
  board.in_flight = 1;
}

void put(Board& board, const std::vector<Preemptive::Call>& calls) {
  board.in_flight = std::min(calls.size(), Board::kInFlightMax);
  for (std::size_t i = 0; i < board.in_flight; ++i) {
    put(board.call[i].action, *calls[i].action);
    board.call[i].before = *calls[i].before;
  }
}

void put(Board& board, const Sequence& sequence) {
  board.seed = sequence.seed;
  board.start = sequence.start;
  board.actions = std::min(sequence.actions.size(), Board::kActionsMax);
  for (std::size_t i = 0; i < board.actions; ++i) put(board.action[i], sequence.actions[i]);
  board.schedule = std::min(sequence.schedule.size(), Board::kScheduleMax);
  std::copy_n(sequence.schedule.begin(), board.schedule, board.turn);
}

Sequence take(const Board& board) {
  Sequence out{.seed = board.seed, .start = board.start, .actions = {}, .schedule = {}, .exact = false};
  for (std::size_t i = 0; i < board.actions; ++i) out.actions.push_back(take(board.action[i]));
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

volatile std::sig_atomic_t g_stopped_by = 0;
constexpr int kStopSignals[] = {SIGINT, SIGTERM, SIGHUP};

// In the child 0.  It ends with its parent, whatever way that goes.
pid_t fork_child() {
  const pid_t parent = getpid();
  std::fflush(nullptr);
  const pid_t child = fork();
  if (child < 0) throw std::runtime_error("fork failed");
#ifdef __linux__
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(0);  // it had ended before
  }
#else
  (void)parent;
#endif
  return child;
}

// Waits for the child; a child that shows no progress for that long is stopped.
std::optional<Finding> wait_for(pid_t child, const Board& board, int patience_ms,
                                const std::function<void(std::uint64_t)>& progress) {
  constexpr int kTick = 20;  // ms
  std::uint64_t last = ~std::uint64_t{0};
  int idle = 0, ticks = 0;
  useconds_t pause = 200;
  for (;;) {
    int status = 0;
    if (StopSignals::came()) {
      kill(child, SIGKILL);
      waitpid(child, &status, 0);
      StopSignals::check();
    }
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

// The same, and where there is no result it says which call did not come to one.
std::optional<Finding> attend(pid_t child, const Board& board, int patience_ms, const scenario::Vocabulary& words,
                              const std::function<void(std::uint64_t)>& progress) {
  auto finding = wait_for(child, board, patience_ms, progress);
  if (!finding || (finding->kind != "hang" && finding->kind != "crash" && finding->kind != "panic")) return finding;
  for (std::size_t i = 0; i < board.in_flight; ++i)
    finding->text += fmt::format(
        "\n{} {}", i == 0 ? "in" : "in flight:", print(words, take(board.call[i].action), board.call[i].before));
  return finding;
}

}  // namespace

struct StopSignals::Before {
  struct sigaction action[std::size(kStopSignals)];
};

StopSignals::StopSignals() : before_(std::make_unique<Before>()) {
  g_stopped_by = 0;
  for (std::size_t i = 0; i < std::size(kStopSignals); ++i) {
    sigaction(kStopSignals[i], nullptr, &before_->action[i]);
    if (before_->action[i].sa_handler == SIG_IGN) continue;
    struct sigaction note {};
    note.sa_handler = [](int signal) { g_stopped_by = signal; };
    note.sa_flags = SA_RESTART;
    sigaction(kStopSignals[i], &note, nullptr);
  }
}
StopSignals::~StopSignals() {
  for (std::size_t i = 0; i < std::size(kStopSignals); ++i) sigaction(kStopSignals[i], &before_->action[i], nullptr);
}
bool StopSignals::came() { return g_stopped_by != 0; }
void StopSignals::check() {
  if (came()) throw Stopped{int(g_stopped_by)};
}

Summary Supervisor::run(const Plan& plan) {
  const SharedBoard board;
  const pid_t child = fork_child();
  if (child == 0) {
    Sequence sequence;
    model::ClauseCoverage coverage;
    Lockstep lockstep(words_, a_, b_);
    Preemptive preemptive(words_, a_);
    const auto count = [&] {
      board->calls = lockstep.calls + preemptive.calls;
      board->steps = lockstep.steps + preemptive.steps;
      board->not_made = lockstep.not_made + preemptive.not_made;
    };
    try {
      lockstep.coverage = &coverage;
      preemptive.coverage = &coverage;
      lockstep.progress = [&](std::size_t i) {
        if (i < Board::kActionsMax) {  // only the new action: the others are there already
          put(board->action[i], sequence.actions[i]);
          board->actions = i + 1;
        }
        put(*board, sequence.actions[i], lockstep.state());
        board->beats.fetch_add(1, std::memory_order_relaxed);
      };
      preemptive.progress = [&] {
        put(*board, sequence);
        board->beats.fetch_add(1, std::memory_order_relaxed);
      };
      preemptive.goes_on = [&](const auto& calls) { put(*board, calls); };
      for (std::uint64_t n = plan.first; board->calls < plan.calls; ++n) {
        const std::uint64_t seed = plan.seed * 1000003 + n;
        board->seed = seed;
        Random random(seed);
        board->start = scenario::start_state(random.below(2) != 0);
        if (plan.preemptive)
          preemptive.explore(seed, plan.length, sequence);
        else
          lockstep.explore(seed, plan.length, sequence);
        count();
        ++board->sequences;
      }
      put(*board, coverage);
      board->done = true;
    } catch (const Finding& finding) {
      count();
      put(*board, sequence);
      tell(*board, finding);
    }
    _exit(0);
  }
  auto finding = attend(child, *board, plan.patience_ms, words_, plan.progress);
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
    out.found = Found{std::move(*finding), std::move(sequence), before, false};
  }
  return out;
}

// The source may have kept something from the sequences before, which all ran in one process.
Found Supervisor::settle(Found found, const Plan& plan) {
  Sequence tidy = without_idle_choices(found.sequence);
  if (Verdict again = judge(tidy, plan.patience_ms); again.finding && again.finding->kind == found.finding.kind) {
    found.finding = std::move(*again.finding);
    found.sequence = std::move(tidy);
    found.alone = true;
  } else if (again = judge(found.sequence, plan.patience_ms); again.finding) {
    found.finding = std::move(*again.finding);
    found.alone = true;
  } else {
    found.sequence = std::move(tidy);
  }
  if (found.alone && plan.shorten) found.sequence = shorten(std::move(found.sequence), found.finding, plan);
  return found;
}

// Choices that nothing asks for say nothing.  Of calls that overlap it is not known here what they ask for; of them stay
// those that the rule asks for on some way.
Sequence Supervisor::without_idle_choices(Sequence sequence) const {
  model::SmallState state = sequence.start;
  for (Action& action : sequence.actions) {
    const model::Rule& rule = words_.rules()[action.rule];
    model::Choices asked{};
    auto keep = [&](std::size_t kind) { asked[kind] = action.choices[kind]; };
    if (sequence.schedule.empty()) {
      model::SmallState next = state;
      model::Exec<model::SmallState> k(next, words_.kernel(), action.choices);
      rule.run(k, action.arguments);
      const model::Outcome& out = k.outcome();
      for (std::size_t i = 0; i < out.opens; ++i) keep(std::size_t(out.open_kind[i]));
      if (out.possible) state = next;
    } else {
      for (const model::ir::Instruction& in : rule.program.code)
        if (in.op == model::ir::Op::open) keep(std::size_t(in.imm));
    }
    action.choices = asked;
  }
  return sequence;
}

Verdict Supervisor::judge(const Sequence& sequence, int patience_ms) {
  const SharedBoard board;
  const pid_t child = fork_child();
  if (child == 0) {
    try {
      if (sequence.schedule.empty()) {
        Lockstep lockstep(words_, a_, b_);
        lockstep.progress = [&](std::size_t i) {
          board->tried = i + 1;
          board->taken = lockstep.taken + 1;
          put(*board, sequence.actions[i], lockstep.state());
          board->beats.fetch_add(1, std::memory_order_relaxed);
        };
        lockstep.replay(sequence);
        board->taken = lockstep.taken;
      } else {
        Preemptive preemptive(words_, a_);
        preemptive.progress = [&] {
          board->tried = preemptive.tried;
          board->taken = preemptive.taken;
          board->beats.fetch_add(1, std::memory_order_relaxed);
        };
        preemptive.goes_on = [&](const auto& calls) {
          board->taken = preemptive.taken;
          put(*board, calls);
        };
        preemptive.replay(sequence);
        board->taken = preemptive.taken;
      }
      board->done = true;
    } catch (const Finding& finding) {
      tell(*board, finding);
    }
    _exit(0);
  }
  Verdict out;
  out.finding = attend(child, *board, patience_ms, words_, {});
  out.tried = board->tried;
  out.taken = board->taken;
  return out;
}

// RapidCheck proposes shorter lists of actions, then simpler actions; one is taken if it shows a finding of the same kind.
Sequence Supervisor::shorten(Sequence sequence, Finding& finding, const Plan& plan) {
  int budget = 2000, hangs = 40;  // a call that hangs costs its patience each time
  const int patience = std::min(plan.patience_ms, 500);
  auto shows = [&](const Sequence& candidate) {
    if (budget == 0 || hangs == 0) return false;
    --budget;
    auto found = judge(candidate, patience).finding;
    if (found && found->kind == "hang") --hangs;
    if (!found || found->kind != finding.kind) return false;
    finding = std::move(*found);
    return true;
  };
  const auto& rules = words_.rules();
  const auto fork = std::find_if(rules.begin(), rules.end(), [](const auto& r) { return r.id == model::RuleId::fork; });
  auto shrink_action = [&](const Action& action) {
    std::vector<Action> simpler;
    const model::Rule& rule = rules[action.rule];
    if (rule.arguments.size() == 3 && rule.arguments[2].name == "child_td" && fork != rules.end() &&
        rule.id != fork->id) {
      simpler.push_back(action);
      simpler.back().rule = std::uint16_t(fork - rules.begin());
    }
    if (rule.arguments[0].takes == model::Takes::thread)  // another of the process, which was there before
      for (std::int32_t td = 0; td < action.arguments[0]; ++td) {
        simpler.push_back(action);
        simpler.back().arguments[0] = td;
      }
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
  for (bool better = true; better && budget > 0 && hangs > 0;) {
    better = false;
    for (int pass = 0; pass < 2; ++pass) {
      auto candidates = pass == 0 ? rc::shrink::removeChunks(sequence.actions)
                                  : rc::shrink::eachElement(sequence.actions, shrink_action);
      for (auto candidate = candidates.next(); candidate && budget > 0 && hangs > 0; candidate = candidates.next()) {
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
    const std::string line = print(words, action, state);
    if (advance(words, action, state)) out += line + "\n";
  }
  return out;
}

}  // namespace proctor::source
