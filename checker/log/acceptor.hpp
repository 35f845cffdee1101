// SPDX-License-Identifier: BSD-2-Clause
//
// The acceptor: could this kernel have written this log?  It keeps the frontier, the set of states in which the machine
// may be, and moves it along the records.  A CALL opens an interval, its RET closes it, the effect lies in between; what
// the kernel does by itself (a thread stops, a process dies) is an internal step.  A record for which no state of the
// frontier has an explanation is rejected.
//
// Internal steps and effects of calls in flight are taken when a record needs them, not before: they stay possible until
// then, and the frontier stays small.  explain() is that search.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "checker/log/denials.hpp"
#include "checker/log/life.hpp"
#include "checker/log/world.hpp"
#include "model/behaviours.hpp"
#include "model/rules/sys_ptrace.hpp"
#include "model/rules/wait.hpp"
#include "model/words/limits.hpp"
#include "traces/event.hpp"

namespace proctor::check {

// What the machine never refuses: amd64 takes any program counter, and single-steps.
inline constexpr std::array kSettled{model::Open::set_pc, model::Open::single_step};

enum class Verdict : std::uint8_t { accepted, rejected, inconclusive };

// How much of a log was judged.
struct Counts {
  std::uint64_t records = 0;  // in the file
  std::uint64_t judged =
      0;  // compared with the model: ptrace, wait, fork, exec, exit, kill, thread calls, KTR_PTRACE lines
  std::uint64_t presence = 0;  // other CALL and RET: shows that the thread could run, which is checked
  std::uint64_t skipped = 0;   // data that says nothing about processes (GIO, NAMI, other KTR classes ...)
  std::uint64_t frontier_max = 1;
};

struct Rejection {
  const trace::Log* log = nullptr;
  std::uint32_t event = 0;           // index in log->events
  std::string observed;              // the record in words
  std::vector<std::string> allowed;  // each outcome that the model allows there, with clause and source line
};

// A process as the log leaves it.
struct FinalProcess {
  std::int32_t pid = 0, parent = 0, real_parent = 0;
  std::string state;
};

struct Result {
  Verdict verdict = Verdict::accepted;
  std::string reason;  // inconclusive: why
  std::optional<Rejection> rejection;
  Counts ktrace, ktr;
  std::vector<FinalProcess> final_states;  // of the first state of the last frontier
  std::uint64_t final_frontier = 0;
};

// A call that has been entered and has not returned.
struct InFlight {
  bool active = false;
  std::uint16_t code = 0;
  std::array<std::uint64_t, trace::kArgsMax> args{};
  std::uint32_t call = 0;  // index of the CALL
  bool returns = false;    // the log holds its RET: error and retval are known
  std::int32_t error = 0;
  std::int64_t retval = 0;
  // ptrace that fails: has security.bsd.unprivileged_proc_debug been 0 (denials.hpp)?  And does it explain the failure, does
  // the opposite do so?
  bool may_be_denied = false, must_be_denied = false;
  mutable bool if_denied = false, if_not_denied = false;
  std::int32_t pid_before = 0;  // the last pid that a fork had returned when this call began
  Slot child_td = kNone;        // fork, thr_new: the slot that the new thread will have
};

class Acceptor {
 public:
  // Either log may be null, not both.  Both: the ktrace file and the KTR lines of the same run.
  Acceptor(const model::Behaviours& kernel, const trace::Log* ktrace, const trace::Log* ktr);
  Result run();
  // For tests: each step that the search takes by itself, from one state to another.  Not what it learns of the past.
  std::function<void(const Config& before, const Config& after)> takes;
  // Called now and then with the number of events done.
  std::function<void(std::uint64_t)> progress;
  // The log leaves processes out that made others in it (kdump -p and the like).
  bool partial = false;

 private:
  // One kind of explanation: tries to make the record happen in this state.
  struct Attempt {
    std::function<bool(Config&)> in;
    bool excludes_others = false;  // where it works at once, no other kind can
  };

  // acceptor.cpp: the records of a ktrace log, in file order
  bool step(const trace::Event& e);
  bool on_call(const trace::Event& e);
  bool on_ret(const trace::Event& e);
  bool on_birth(const trace::Event& e);
  bool on_signal(const trace::Event& e);
  bool is_held(const Config& c, Slot td) const;
  bool thread_runs(Slot td);
  Slot writer(const trace::Event& e);
  Slot add_lwp(std::int32_t pid, std::int32_t tid);
  void learn(Slot p, const InFlight& call);
  void note_sigchld(const trace::Event& e, Slot p, const InFlight& call);
  void mark_satisfied(Slot td);
  void mark_all_satisfied();
  void introduce_target(const InFlight& call, Slot caller);
  bool on_ret_without_call(const trace::Event& e, Slot td);
  bool traces_someone(Slot p) const;
  void add_thread(Config& c, Slot p, Slot td, bool suspended) const;
  void introduce(std::int32_t pid, const std::function<void(Config&, Slot)>& make);
  bool reject(const trace::Event& e, std::string observed);
  int exit_status_at_end(Slot p) const;
  void finish();

  // explain.cpp: internal steps and the search over them
  bool explain_or_advance(const std::vector<Attempt>& kinds, std::initializer_list<Slot> focus);
  bool explain_all(const std::vector<Attempt>& kinds, std::initializer_list<Slot> focus);
  void explain(const Config& from, const std::vector<Attempt>& kinds, const std::vector<Slot>& focus, Frontier& out);
  void moves(const Config& from, const std::vector<Slot>& focus, Frontier& out);
  void process_moves(const Config& from, Slot p, bool in_focus, Frontier& out);
  void end_exit(const Config& from, Slot p, int level, Frontier& out);
  bool may_find(const Config& c, Slot parent, Slot child, Sigchld how) const;
  bool ended_since(Slot p, std::uint32_t at) const;
  void origin_moves(const Config& from, Slot p, Slot other, Frontier& out) const;
  bool writes(Slot p) const;
  std::vector<Slot> widen(const Config& c, const std::vector<Slot>& focus) const;
  bool may_begin_exit(const Config& c, Slot p) const;
  bool has_stop_ahead(Slot p) const;
  bool has_stop_to_come(const Config& c, Slot debugger) const;
  bool acts_next(const Config& c, Slot debugger) const;
  bool may_end_exit(Slot p) const;
  int exit_status(Slot p) const;
  Future::Fate fate(Slot p) const;
  static void exit_untraced(Machine& m, Slot p, int status);
  bool stop_for_signal(Config& c, Slot p) const;
  void settle(Config& c, Slot p) const;
  bool has_work_left(const Config& from, Slot td);
  void dragonfly_moves(const Config& from, Slot p, Frontier& out);

  // calls.cpp: the effect of a call, with the outcome that the log shows
  bool apply(Config& c, Slot td, const InFlight& call);
  bool apply_fork(Config& c, Slot td, const InFlight& call);
  bool apply_exec(Config& c, Slot td, const InFlight& call);
  bool apply_wait(Config& c, Slot td, const InFlight& call, model::rules::Report report);
  bool apply_wait_unheard(Config& c, Slot td, const InFlight& call);
  bool apply_wait_nothing(Config& c, Slot td, const InFlight& call);
  bool apply_ptrace(Config& c, Slot td, const InFlight& call, int event_mask);
  bool apply_request(Config& c, Slot td, const InFlight& call, const model::rules::PtraceArgs<Machine>& args);
  bool apply_kill(Config& c, Slot td, const InFlight& call);
  bool apply_thread(Config& c, Slot td, const InFlight& call);
  std::vector<Attempt> outcomes(Slot td, const InFlight& call);
  model::rules::WaitArgs<Machine> wait_args(const InFlight& call) const;
  Slot target(const InFlight& call) const;
  bool may_be_refused(Slot caller, Slot p) const;
  bool run_ptrace(Config& c, Slot td, const model::rules::PtraceArgs<Machine>& args,
                  const std::function<bool(const model::Outcome&)>& wanted);

  // alignment.cpp: a ktrace log and KTR lines of the same run
  enum class Line : std::uint8_t { none, possible, due };
  void align();
  bool may_fail_after(trace::Ktr line) const;
  bool is_lined(std::int32_t pid) const;
  bool is_shown(const model::Outcome& out) const;
  Line line_of(const InFlight& call) const;
  void learn_from_line(Config& c, Slot p, const trace::Event& e);

  // lines.cpp: KTR_PTRACE lines
  bool line(const trace::Event& e);
  bool advance_lines(const std::function<bool()>& enough);
  bool try_lines(const std::function<bool()>& enough);
  bool explain_line(const trace::Event& e);
  bool matches(const Config& c, const model::Emission& emission, const trace::Event& e) const;
  bool vfork_wait_ends(Machine& m, const model::LwpRef<Machine>& td, std::uint16_t observed);
  bool stop_line(Config& c, const trace::Event& e, Slot p, Slot td);
  void introduce_subject(const trace::Event& e);
  Slot thread_of(const trace::Event& e, Slot p);
  Slot ghost_of(std::uint64_t thread);
  Slot new_ghost();
  std::int32_t real_parent_ahead(std::int32_t pid) const;
  Slot attacher_of(const trace::Event& e);
  bool call_may_write(const InFlight& call, const trace::Event& e) const;
  const trace::Event* next_line(std::int32_t pid) const;
  enum class Attacher : std::uint8_t { parent, other, either };
  Attacher attached_by_parent(const trace::Event& attach) const;
  bool stand_in_dies(Config& c, Slot tracee);
  bool stand_in_may_die(Slot tracee) const;
  static std::int32_t other_process(const trace::Event& line);
  bool is_silent(Slot p) const;
  void forget_the_silent();
  void show_threads(const trace::Event& e, Slot p);

  // The largest pid; a greater number is a thread's.
  std::int32_t pid_max() const { return kernel_.tokens ? model::kDragonFlyPidMax : model::kPidMax; }
  bool tracing_lines() const { return ktr_ != nullptr; }
  // What went wrong, for the report; kept only while the direct explanation (no internal step) is tried.
  void failed(const model::Clause& clause, model::Errno error = model::Errno::ok, bool possible = true);
  void failed(std::string why);
  template <class Words>
  void note(Words&& words) {
    if (noting_) failed(words());
  }

  const model::Behaviours& kernel_;
  const trace::Log* ktrace_;
  const trace::Log* ktr_;
  std::optional<Future> future_;
  std::optional<Denials> denials_;
  Names names_;
  Frontier frontier_;
  std::array<InFlight, KernelState::kLwps> calls_{};
  std::vector<Slot> in_flight_;        // slots of calls_ that are active
  Frontier reached_;                   // room for explain(), kept to save its allocation
  std::vector<Slot> watched_;          // those of them whose outcome changes nothing
  std::uint32_t at_ = 0;               // index of the ktrace event being judged
  std::uint32_t line_at_ = 0;          // index of the next KTR line
  std::uint32_t lines_done_ = 0;       // lines before this one have been explained
  bool begins_late_ = false;           // the KTR lines begin after the ktrace log
  std::uint32_t begins_after_ = 0;     // the CALL of the last request without a line
  std::uint32_t begins_before_ = 0;    // the RET of the first request with one
  std::vector<trace::Ktr> fail_late_;  // lines that may be of a call that fails
  // By request (-1: a wait) and process: the RETs of all calls, of those that were granted, and the lines.
  struct CallsAbout {
    std::vector<std::uint32_t> all, granted, lines;
  };
  std::unordered_map<std::uint64_t, CallsAbout> calls_about_;
  std::unordered_map<std::uint32_t, std::int32_t> about_;                  // by the CALL of a ptrace(2): the process
  std::unordered_map<std::int32_t, std::vector<std::uint32_t>> lines_of_;  // KTR lines by subject pid
  std::unordered_map<std::uint64_t, std::vector<std::uint32_t>>
      lines_by_thread_;                                           // and by the address of the thread that wrote
  std::unordered_map<std::int32_t, std::uint32_t> last_mention_;  // the last line that names a pid
  const trace::Event* line_ = nullptr;                            // the KTR line being explained
  std::int32_t last_pid_ = 0;                                     // of the last fork that returned
  std::uint64_t lost_ = 0;                                        // records that the log says were lost so far
  bool threads_shown_ = true;                                     // the log has thread ids
  bool search_cut_ = false;       // a search or the frontier was bounded: a rejection is not certain any more
  bool stops_come_first_ = true;  // no debugger dies before the stops that lines to come tell of its tracees
  bool noting_ = false;
  std::vector<std::string> notes_;
  Result result_;
};

std::string describe(const trace::Log& log, const trace::Event& e);
std::string_view verdict_name(Verdict verdict);

}  // namespace proctor::check
