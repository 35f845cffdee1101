// SPDX-License-Identifier: BSD-2-Clause
//
// How much `proctor source` sees: changes one thing in one line of a sys_process.c, again and again, and asks whether it
// notices.  A mutant that it does not notice survives; each survivor needs a reason in explained.tsv.  Among a few mutants
// one survivor more or less decides, so those with a reason do not count there; among all of them they do.
//
//   mutate PROCTOR KERNEL LISTING EXPLAINED [COUNT]      COUNT: so many mutants, spread evenly; without it all
//
// Mutants are known by line, place in the line and what was done there; the text of the listing is not repeated.
#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <mutex>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "checker/source/listing.hpp"

extern char** environ;

namespace {

struct Mutant {
  std::size_t line = 0;  // from 1
  std::size_t column = 0;
  std::string what;
  std::string text;  // of the changed line
  std::string key() const { return fmt::format("{}:{} {}", line, column, what); }
};

// One token for another.  Both directions where both make sense.
struct Swap {
  std::string_view from, to;
};
constexpr Swap kSwaps[] = {
    {"EINVAL", "EPERM"},
    {"EPERM", "EINVAL"},
    {"EBUSY", "EPERM"},
    {"ESRCH", "EPERM"},
    {"EFAULT", "EIO"},
    {"EIO", "EFAULT"},
    {"ENOMEM", "EFAULT"},
    {"EAGAIN", "EBUSY"},
    {"ENOENT", "EINVAL"},
    {"ENAMETOOLONG", "EINVAL"},
    {"==", "!="},
    {"!=", "=="},
    {"&&", "||"},
    {"||", "&&"},
    {"|=", "="},
    {"&= ~", "|= "},
    {"<=", "<"},
    {" < ", " <= "},
    {" > ", " >= "},
    {"P_TRACED", "P_WAITED"},
    {"P_WAITED", "P_TRACED"},
    {"P_STOPPED_SIG", "P_STOPPED_TRACE"},
    {"P_STOPPED_TRACE", "P_STOPPED_SIG"},
    {"P_SYSTEM", "P_WEXIT"},
    {"P_WEXIT", "P_SYSTEM"},
    {"P_FOLLOWFORK", "P_PPWAIT"},
    {"P_PPWAIT", "P_WAITED"},
    {"P_PPTRACE", "P_PPWAIT"},
    {"P_INEXEC", "P_WEXIT"},
    {"P_SUGID", "P_WEXIT"},
    {"P_INMEM", "P_TRACED"},
    {"PS_INMEM", "0"},
    {"TDB_XSIG", "TDB_SUSPEND"},
    {"TDB_SUSPEND", "TDB_XSIG"},
    {"TDB_USERWR", "TDB_XSIG"},
    {"TDB_SCE", "TDB_SCX"},
    {"TDB_SCX", "TDB_SCE"},
    {"TDB_EXEC", "TDB_FORK"},
    {"TDB_FORK", "TDB_EXEC"},
    {"TDB_CHILD", "TDB_FORK"},
    {"S_PT_SCE", "S_PT_SCX"},
    {"S_PT_SCX", "S_PT_SCE"},
    {"PL_FLAG_SCE", "PL_FLAG_SCX"},
    {"PL_FLAG_SCX", "PL_FLAG_SCE"},
    {"PL_FLAG_EXEC", "PL_FLAG_CHILD"},
    {"PL_FLAG_FORKED", "PL_FLAG_CHILD"},
    {"PL_FLAG_CHILD", "PL_FLAG_FORKED"},
    {"PL_FLAG_SI", "PL_FLAG_EXEC"},
    {"PL_EVENT_SIGNAL", "PL_EVENT_NONE"},
    {"PL_EVENT_NONE", "PL_EVENT_SIGNAL"},
    {"_SIG_MAXSIG", "(_SIG_MAXSIG - 1)"},
    {"SIGSTOP", "SIGKILL"},
    {"SIGKILL", "SIGSTOP"},
    {"SIGCHLD", "SIGSTOP"},
    {"SSTOP", "SZOMB"},
    {"sx_xlock", "sx_slock"},
    {"p_oppid", "p_pid"},
    {"p_pptr", "p_leader"},
    {"initproc", "curp"},
    {"td_proc", "td_proc->p_pptr"},
    {"UIO_READ", "UIO_WRITE"},
    {"UIO_WRITE", "UIO_READ"},
    {"UIO_USERSPACE", "UIO_SYSSPACE"},
    {"(void *)1", "(void *)0"},
    {"write = 1", "write = 0"},
    {"write = 0", "write = 1"},
    {"PIOD_READ_D", "PIOD_READ_D + 40"},
    {"PIOD_WRITE_I", "PIOD_WRITE_I + 40"},
    {"proctree_locked = 1", "proctree_locked = 0"},
    {"wrap32 ?", "0 ?"},
    {"imin(", "imax("},
};

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

// What of a listing is compiled and can be reached by ptrace(2): false for comments, directives, other functions, and
// what stands under an #ifdef that is off.
std::vector<bool> reachable(const std::vector<std::string>& lines) {
  std::vector<bool> out(lines.size(), false);
  std::vector<bool> on{true};
  bool comment = false, other_function = false;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    std::string text = lines[i];
    if (comment) {
      comment = text.find("*/") == std::string::npos;
      continue;
    }
    const std::size_t start = text.find_first_not_of(" \t");
    if (start == std::string::npos) continue;
    text = text.substr(start);
    if (text.starts_with("/*")) {
      comment = text.find("*/") == std::string::npos;
      continue;
    }
    if (text.starts_with("#")) {
      if (text.starts_with("#if 0") || text.starts_with("#ifdef COMPAT_FREEBSD32") ||
          text.starts_with("#ifdef FIX_SSTEP") || text.starts_with("#ifndef _SYS_SYSPROTO_H_"))
        on.push_back(false);
      else if (text.starts_with("#if"))
        on.push_back(true);
      else if (text.starts_with("#else"))
        on.back() = !on.back();
      else if (text.starts_with("#endif") && on.size() > 1)
        on.pop_back();
      continue;
    }
    if (lines[i].starts_with("stopevent(") || lines[i].starts_with("trace_req(")) other_function = true;
    const bool active = std::all_of(on.begin(), on.end(), [](bool b) { return b; });
    out[i] = active && !other_function;
    if (lines[i] == "}") other_function = false;
  }
  return out;
}

std::vector<Mutant> mutants(const std::vector<std::string>& lines) {
  std::vector<Mutant> out;
  const std::vector<bool> active = reachable(lines);
  bool in_function = false;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const std::string& line = lines[i];
    if (line == "{") in_function = true;
    if (line == "}") in_function = false;
    if (!active[i] || !in_function || line.ends_with("\\")) continue;
    const std::size_t comment = std::min(line.find("/*"), line.size());
    const std::string code = line.substr(0, comment);
    // An assertion, an audit record and a message are no check, constant, flag or lock of the call.
    const auto is_no_step = [&](std::string_view word) { return code.find(word) != std::string::npos; };
    if (is_no_step("_ASSERT") || is_no_step("MPASS(") || is_no_step("AUDIT_ARG") || is_no_step("printf(") ||
        is_no_step("count++"))
      continue;
    for (const Swap& swap : kSwaps)
      for (std::size_t at = code.find(swap.from); at != std::string::npos; at = code.find(swap.from, at + 1)) {
        const std::size_t end = at + swap.from.size();
        const bool word = is_word(swap.from[0]);
        if (word && ((at > 0 && is_word(code[at - 1])) ||
                     (end < code.size() && is_word(code[end]) && is_word(swap.from.back()))))
          continue;
        if (code.find('"') < at) continue;  // in a string
        if (swap.from == "|=" && at > 0 && code[at - 1] == '|') continue;
        std::string changed = line;
        changed.replace(at, swap.from.size(), swap.to);
        out.push_back({i + 1, at + 1, fmt::format("{} -> {}", swap.from, swap.to), std::move(changed)});
      }
    // a statement on one line goes away
    const std::size_t start = code.find_first_not_of(" \t");
    const std::size_t last = code.find_last_not_of(" \t");
    if (start == std::string::npos || code[last] != ';') continue;
    const std::string_view statement = std::string_view(code).substr(start, last - start + 1);
    const bool call =
        statement.find('(') != std::string_view::npos && statement.back() == ';' &&
        std::count(statement.begin(), statement.end(), '(') == std::count(statement.begin(), statement.end(), ')') &&
        !statement.starts_with("return") && !statement.starts_with("for") && !statement.starts_with("}") &&
        !statement.starts_with("CTR") && !statement.starts_with("KASSERT") && !statement.starts_with("struct");
    const bool assignment = !call && statement.find(" = ") != std::string_view::npos && is_word(statement[0]) &&
                            statement.find("struct") == std::string_view::npos && statement.find("vm_") != 0 &&
                            statement.find("int ") != 0;
    const bool jump = statement == "goto fail;" || statement == "goto out;" || statement == "goto sendsig;";
    if (call || assignment || jump)
      out.push_back({i + 1, start + 1, jump ? "jump deleted" : "statement deleted", line.substr(0, start) + ";"});
  }
  return out;
}

int run(const std::vector<std::string>& arguments) {
  std::vector<char*> argv;
  for (const std::string& a : arguments) argv.push_back(const_cast<char*>(a.c_str()));
  argv.push_back(nullptr);
  posix_spawn_file_actions_t quiet;
  posix_spawn_file_actions_init(&quiet);
  posix_spawn_file_actions_addopen(&quiet, 1, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_addopen(&quiet, 2, "/dev/null", O_WRONLY, 0);
  pid_t pid = 0;
  const int error = posix_spawn(&pid, argv[0], &quiet, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&quiet);
  if (error != 0) return 127;
  int status = 0;
  waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

std::map<std::string, std::string> read_explained(const std::string& path, const std::string& kernel) {
  std::map<std::string, std::string> out;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line[0] == '#') continue;
    std::istringstream in(line);
    std::string name, key, why;
    std::getline(in, name, '\t');
    std::getline(in, key, '\t');
    std::getline(in, why);
    if (name == kernel) out[key] = why;
  }
  return out;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 5) {
    fmt::print(stderr, "usage: mutate PROCTOR KERNEL LISTING EXPLAINED [COUNT]\n");
    return 3;
  }
  const std::string proctor = argv[1], kernel = argv[2], listing = argv[3];
  std::ifstream file(listing, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(file), {}};
  if (text.empty()) {
    fmt::print(stderr, "mutate: {}: cannot be read\n", listing);
    return 3;
  }
  if (proctor::source::looks_like_listing(text)) {
    auto plain = proctor::source::strip_listing(text, listing);
    if (!plain) {
      fmt::print(stderr, "mutate: {}\n", plain.error());
      return 3;
    }
    text = *plain;
  }
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  const auto explained = read_explained(argv[4], kernel);

  std::vector<Mutant> all = mutants(lines), chosen;
  const std::size_t count = argc > 5 ? std::strtoul(argv[5], nullptr, 10) : all.size();
  for (std::size_t i = 0; i < count && i < all.size(); ++i)
    chosen.push_back(all[i * all.size() / std::min(count, all.size())]);

  const auto folder = std::filesystem::temp_directory_path() / fmt::format("proctor-mutate-{}", getpid());
  std::filesystem::create_directories(folder);
  enum class Fate { killed, survived, invalid };
  std::vector<Fate> fate(chosen.size(), Fate::invalid);
  std::atomic<std::size_t> next{0};
  auto work = [&](int worker) {
    for (std::size_t i = next++; i < chosen.size(); i = next++) {
      const std::string source = folder / fmt::format("mutant{}.c", worker);
      {
        std::ofstream mutant(source);
        for (std::size_t n = 0; n < lines.size(); ++n)
          mutant << (n + 1 == chosen[i].line ? chosen[i].text : lines[n]) << '\n';
      }
      const std::vector<std::string> base{proctor,      "source", source,
                                          "--kernel",   kernel,   "--quiet",
                                          "--as-found", "--save", folder / fmt::format("mutant{}.run", worker),
                                          "--patience", "500"};
      auto with = [&](std::vector<std::string> more) {
        std::vector<std::string> out = base;
        out.insert(out.end(), more.begin(), more.end());
        return run(out);
      };
      int status = with({"--calls", "60000"});
      if (status == 0) status = with({"--calls", "30000", "--preemptive", "--seed", "2"});
      if (status == 0) status = with({"--calls", "600000", "--seed", "3"});
      fate[i] = status == 1 ? Fate::killed : status == 0 ? Fate::survived : Fate::invalid;
    }
  };
  std::vector<std::thread> workers;
  for (unsigned i = 0; i < std::max(1U, std::thread::hardware_concurrency()); ++i) workers.emplace_back(work, int(i));
  for (std::thread& worker : workers) worker.join();
  std::filesystem::remove_all(folder);

  std::size_t killed = 0, survived = 0, unexplained = 0;
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    if (fate[i] == Fate::killed) ++killed;
    if (fate[i] != Fate::survived) continue;
    ++survived;
    const auto why = explained.find(chosen[i].key());
    if (why == explained.end()) ++unexplained;
    fmt::print("survived: {}: {}\n", chosen[i].key(), why == explained.end() ? "no reason given" : why->second);
  }
  const auto share = [&](std::size_t others) {
    return killed + others == 0 ? 0 : 100.0 * double(killed) / double(killed + others);
  };
  const double of_all = share(survived), of_rest = share(unexplained);
  fmt::print(
      "{}: {} mutants, {} noticed, {} survived ({} without a reason), {} do not compile: {:.1f} % of all, {:.1f} % "
      "without the survivors that have a reason\n",
      kernel, killed + survived, killed, survived, unexplained, chosen.size() - killed - survived, of_all, of_rest);
  constexpr double kWanted = 95;
  const bool all_were_run = argc <= 5;
  return (all_were_run ? of_all : of_rest) >= kWanted && unexplained == 0 ? 0 : 1;
}
