// SPDX-License-Identifier: BSD-2-Clause
//
// kdump(1) text.  A record is one line,
//
//     "%6jd [%6jd ]%-8.*s [time ]%s  [abi  ]body"      pid, tid (-H), command, times (-T -R -E), type, ABI (-A)
//
// and may go on in lines that begin with a tab or with seven spaces, where no record line can begin.  The traced
// program chooses its own name and its own data, so the only safe way to find the type in a line is to ask for a body
// that kdump prints for that type.
#include <fmt/format.h>

#include "traces/names.hpp"
#include "traces/readers.hpp"
#include "traces/text.hpp"

namespace proctor::trace {
namespace {

constexpr std::size_t kPidWidth = 6;
constexpr std::size_t kCommWidth = 8;
constexpr std::size_t kCommMax = 19;  // MAXCOMLEN
constexpr std::size_t kPathMax = 1024;
constexpr int kTimesMax = 3;
constexpr std::size_t kTimeMax = 32;  // characters of one time stamp and its space

constexpr std::string_view kDropped = "Events dropped.";

// Which columns the lines of a file have; the same in every line of it.
struct Columns {
  bool tid = false;
  int times = 0;
};

enum class Type : std::uint8_t { call, ret, psig, namei, other, dropped };

struct TypeName {
  std::string_view name;
  Type type;
};

// ktrace's record types as kdump's dumpheader() names them.
constexpr TypeName kTypes[] = {
    {"CALL", Type::call},  {"RET ", Type::ret},   {"NAMI", Type::namei}, {"GIO ", Type::other}, {"PSIG", Type::psig},
    {"CSW ", Type::other}, {"USER", Type::other}, {"STRU", Type::other}, {"SCTL", Type::other}, {"CAP ", Type::other},
    {"PFLT", Type::other}, {"PRET", Type::other}, {"ARGS", Type::other}, {"ENVS", Type::other}, {"EERR", Type::other},
};

// A line, taken apart.
struct Record {
  Type type = Type::other;
  bool open = false;  // NAMI: the path goes on in the next line, because it contains a newline
  Event event;
  std::string_view time;  // the time columns
};

// "123", "-1", "0x7b", "0666": whatever kdump prints for a plain number, with or without -d.  `rest` gets what follows.
bool take_argument_number(std::string_view& text, std::uint64_t& value) {
  if (text.starts_with('-')) {
    std::int64_t negative = 0;
    if (!take_decimal(text, negative)) {
      return false;
    }
    value = static_cast<std::uint64_t>(negative);
    return true;
  }
  if (text.starts_with("0x")) {
    return take_sharp_hex(text, value);
  }
  // modes are octal with a leading 0; nothing else has one
  return take_number(text, value, text.size() > 1 && text[0] == '0' && is_digit(text[1]) ? 8 : 10);
}

std::optional<std::uint64_t> named_argument(std::uint16_t code, int index, std::string_view text) {
  constexpr auto widen = [](std::optional<std::int32_t> number) -> std::optional<std::uint64_t> {
    return number ? std::optional<std::uint64_t>(static_cast<std::uint64_t>(*number)) : std::nullopt;
  };
  switch (code) {
    case sys("ptrace"):
      return index == 0 ? widen(ptrace_request_number(text)) : std::nullopt;
    case sys("wait4"):
      return index == 2 ? wait_options(text) : std::nullopt;
    case sys("wait6"):
      return index == 0 ? idtype_number(text) : index == 3 ? wait_options(text) : std::nullopt;
    case sys("procctl"):
      return index == 0 ? idtype_number(text) : index == 2 ? procctl_command_number(text) : std::nullopt;
    case sys("kill"):
    case sys("pdkill"):
    case sys("thr_kill"):
    case sys("sigqueue"):
      return index == 1 ? widen(signal_number(text)) : std::nullopt;
    case sys("thr_kill2"):
      return index == 2 ? widen(signal_number(text)) : std::nullopt;
    default:
      return std::nullopt;
  }
}

// One argument: "0x539", "PT_ATTACH", "0x1<WNOHANG>", "<invalid=72>", "SIGKILL".
std::optional<std::uint64_t> read_argument(std::uint16_t code, int index, std::string_view text) {
  std::uint64_t value = 0;
  std::string_view rest = text;
  if (take(rest, "<invalid=")) {
    return take_argument_number(rest, value) && rest == ">" ? std::optional(value) : std::nullopt;
  }
  if (take_argument_number(rest, value)) {
    return rest.empty() || (rest.starts_with('<') && rest.ends_with('>')) ? std::optional(value) : std::nullopt;
  }
  return named_argument(code, index, text);
}

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '_' || c == '.';
}

// The system call's name: "ptrace", "[555]" for one that kdump does not know, "ptrace[26]" with -S.
bool take_syscall(std::string_view& text, std::uint16_t& code) {
  std::size_t length = 0;
  while (length < text.size() && is_name_character(text[length])) {
    ++length;
  }
  const std::string_view name = text.substr(0, length);
  text.remove_prefix(length);
  if (text.starts_with('[')) {
    std::string_view rest = text.substr(1);
    std::uint16_t number = 0;
    if (!take_decimal(rest, number) || !take(rest, "]")) {
      return false;
    }
    code = number;
    text = rest;
    return true;
  }
  code = syscall_number(name);
  return !name.empty();
}

bool read_call(std::string_view body, Event& event) {
  if (!take_syscall(body, event.code)) {
    return false;
  }
  event.kind = Kind::call;
  if (body.empty()) {
    return true;
  }
  if (!take(body, "(") || !body.ends_with(')')) {
    return false;
  }
  body.remove_suffix(1);
  for (int i = 0; i < kArgsMax; ++i) {
    const std::size_t comma = body.find(',');
    if (const auto value = read_argument(event.code, i, body.substr(0, comma))) {
      event.args[static_cast<std::size_t>(i)] = *value;
      event.args_known |= static_cast<std::uint8_t>(1U << i);
    }
    if (comma == std::string_view::npos) {
      break;
    }
    body.remove_prefix(comma + 1);
  }
  return true;
}

// "wait4 32/0x20", "ptrace -1 errno 3 No such process", "wait4 RESTART", with -n "wait4 0x20" and "ptrace -1 errno 3".
bool read_return(std::string_view body, Event& event) {
  if (!take_syscall(body, event.code) || !take(body, " ")) {
    return false;
  }
  event.kind = Kind::ret;
  if (take(body, "-1 errno ")) {
    // The error's text is in the language of whoever ran kdump; the number is the kernel's.
    return take_decimal(body, event.error) && (body.empty() || body.starts_with(' '));
  }
  if (body == "RESTART" || body == "JUSTRETURN") {
    event.error = body == "RESTART" ? -1 : -2;
    return true;
  }
  std::uint64_t value = 0;
  if (!take_argument_number(body, value)) {
    return false;
  }
  event.retval = static_cast<std::int64_t>(value);
  return body.empty() || (take(body, "/") && take_sharp_hex(body, value) && body.empty());
}

// "SIGKILL SIG_DFL code=SI_NOINFO", "SIGUSR1 caught handler=0x4012d0 mask=0 code=SI_USER"; "SIG 77 caught ..." for a
// number without a name; no code before 8.x.
bool read_signal(std::string_view body, Event& event) {
  for (const std::string_view how : {" SIG_DFL", " caught handler=0x"}) {
    const std::size_t at = body.find(how);
    if (at == std::string_view::npos) {
      continue;
    }
    std::string_view name = body.substr(0, at);
    if (name.ends_with(' ')) {
      name.remove_suffix(1);  // kdump 10.x prints "SIG %d " and the next word begins with a space of its own
    }
    const auto signo = signal_number(name);
    if (!signo) {
      return false;
    }
    event.kind = Kind::signal;
    event.signo = *signo;
    event.caught = how != " SIG_DFL";
    return true;
  }
  return false;
}

bool read_body(Type type, std::string_view body, Record& record) {
  record.type = type;
  switch (type) {
    case Type::call:
      return read_call(body, record.event);
    case Type::ret:
      return read_return(body, record.event);
    case Type::psig:
      return read_signal(body, record.event);
    case Type::namei:
      record.open = body.size() < 2 || !body.ends_with('"');
      return body.starts_with('"');
    default:
      return true;
  }
}

// "F64  ", "L32  ", "U00  ": what -A puts before the body.
std::string_view without_abi(std::string_view body) {
  const bool abi = body.size() >= 5 && body[0] >= 'A' && body[0] <= 'Z' && is_digit(body[1]) && is_digit(body[2]) &&
                   body[3] == ' ' && body[4] == ' ';
  return abi ? body.substr(5) : body;
}

// Removes one time stamp, "%jd.%06ld ", from the end of `head`.
bool drop_time(std::string_view& head) {
  if (!head.ends_with(' ')) {
    return false;
  }
  std::size_t at = head.size() - 1;
  std::size_t digits = 0;
  bool point = false;
  while (at > 0 && (is_digit(head[at - 1]) || (head[at - 1] == '.' && !point && (digits == 6 || digits == 9)))) {
    --at;
    point |= head[at] == '.';
    digits = head[at] == '.' ? 0 : digits + 1;
  }
  if (at > 0 && head[at - 1] == '-') {
    --at;
  }
  if (!point || digits == 0 || at == 0 || head[at - 1] != ' ') {
    return false;
  }
  head.remove_suffix(head.size() - at);
  return true;
}

// Whether `head` is a command name as "%-8.*s " prints it.
bool is_comm(std::string_view head) {
  return head.size() > kCommWidth && head.size() <= kCommMax + 1 && head.ends_with(' ');
}

// Finds the record type after the command name at the front of `text`.  A name can contain what looks like a type, and
// so can a path; the first place where everything fits is right unless the program was named to deceive.
bool read_after_tid(std::string_view text, const Columns& columns, Record& record) {
  const std::size_t last = kCommMax + 1 + static_cast<std::size_t>(columns.times) * kTimeMax;
  for (std::size_t at = kCommWidth + 1; at <= last && at + 4 <= text.size(); ++at) {
    if (text[at - 1] != ' ' || text[at] < 'A' || text[at] > 'U') {
      continue;
    }
    std::string_view head = text.substr(0, at);
    if (text.substr(at) == kDropped && is_comm(head)) {
      record.type = Type::dropped;
      return true;
    }
    std::string_view body = text.substr(at);
    Type type = Type::other;
    if (body.starts_with("UNKNOWN(")) {
      body = {};
    } else {
      const TypeName* found = nullptr;
      for (const TypeName& known : kTypes) {
        if (body.starts_with(known.name)) {
          found = &known;
          break;
        }
      }
      if (found == nullptr) {
        continue;
      }
      type = found->type;
      body.remove_prefix(found->name.size());
      if (!take(body, "  ")) {
        continue;
      }
    }
    const std::size_t end_of_times = head.size();
    int times = columns.times;
    while (times > 0 && drop_time(head)) {
      --times;
    }
    if (times > 0 || !is_comm(head)) {
      continue;
    }
    Record candidate;
    if (read_body(type, without_abi(body), candidate)) {
      candidate.time = text.substr(head.size(), end_of_times - head.size());
      record = candidate;
      return true;
    }
  }
  return false;
}

bool read_line(std::string_view line, const Columns& columns, Record& record) {
  std::int32_t pid = 0;
  std::int32_t tid = 0;
  if (!take_column(line, kPidWidth, pid) || (columns.tid && !take_column(line, kPidWidth, tid)) ||
      !read_after_tid(line, columns, record)) {
    return false;
  }
  record.event.pid = pid;
  record.event.tid = tid;
  return true;
}

bool is_continuation(std::string_view line) { return line.starts_with('\t') || line.starts_with("       "); }

// The columns of a file: what all of its first record lines have.  A single line can deceive (a program may be called
// "100034" or "1.000000"), sixty-four hardly.
Columns find_columns(std::string_view bytes) {
  constexpr int kSample = 64;
  constexpr int kLinesMax = 4096;
  std::array<std::array<int, kTimesMax + 1>, 2> fits{};
  int seen = 0;
  Lines lines(bytes);
  for (int i = 0; i < kLinesMax && seen < kSample && lines.next(); ++i) {
    if (is_continuation(lines.text())) {
      continue;
    }
    bool record_line = false;
    for (const bool tid : {false, true}) {
      for (int times = 0; times <= kTimesMax; ++times) {
        Record record;
        if (read_line(lines.text(), {tid, times}, record) && record.type != Type::dropped) {
          ++fits[tid][static_cast<std::size_t>(times)];
          record_line = true;
        }
      }
    }
    seen += record_line ? 1 : 0;
  }
  // More columns are the better explanation where both fit every line: otherwise every command would be a number.
  Columns best;
  int most = 0;
  for (const bool tid : {false, true}) {
    for (int times = 0; times <= kTimesMax; ++times) {
      const int count = fits[tid][static_cast<std::size_t>(times)];
      if (count > 0 && count >= most) {
        most = count;
        best = {tid, times};
      }
    }
  }
  return best;
}

// Turns time columns into nanoseconds.  -T prints the time itself, and -R the distance from the previous record, of
// which the first is the distance from 1970.  -E, and -R of a kdump that starts at zero, leave the time unknown.
class Clock {
 public:
  std::uint64_t read(std::string_view columns) {
    // 10.x prints a negative timeval as it is, -0.3 s being -1 s and +700000 us: "-1.700000".  12 prints "-0.300000".
    bool negative = take(columns, "-");
    if (columns.starts_with("0.")) {
      signed_ |= negative;
    }
    std::uint64_t seconds = 0;
    if (!take_decimal(columns, seconds) || seconds > kSecondsMax || !take(columns, ".")) {
      return 0;
    }
    const std::size_t before = columns.size();
    std::uint64_t fraction = 0;
    if (!take_decimal(columns, fraction)) {
      return 0;
    }
    if (before - columns.size() == 6) {
      fraction *= 1000;
    }
    if (seconds >= kAbsolute && !negative) {
      now_ = seconds * kNano + fraction;
    } else if (now_ != 0) {
      const std::uint64_t whole = seconds * kNano;
      now_ += !negative ? whole + fraction : signed_ ? 0 - (whole + fraction) : fraction - whole;
    }
    return now_;
  }

 private:
  static constexpr std::uint64_t kNano = 1000000000;
  static constexpr std::uint64_t kSecondsMax = 0xffffffff;
  static constexpr std::uint64_t kAbsolute = 500000000;  // no run lasts sixteen years; no ktrace is from before 1985
  std::uint64_t now_ = 0;
  bool signed_ = false;
};

class Reader {
 public:
  Reader(std::string_view bytes, Log& log) : lines_(bytes), columns_(find_columns(bytes)), log_(log) {}

  void read() {
    while (lines_.next()) {
      const std::string_view line = lines_.text();
      Record record;
      if (path_left_ > 0) {
        continue_path(line);
      } else if (line.empty() || (is_continuation(line) && log_.records > 0)) {
        continue;
      } else if (read_line(line, columns_, record)) {
        add(record);
      } else {
        add_unreadable(line);
      }
    }
    flush_drop(0);
  }

 private:
  // A path is printed as it is, newlines and all.  Until its closing quote no line is a record.
  void continue_path(std::string_view line) {
    path_left_ = line.ends_with('"') || line.size() >= path_left_ ? 0 : path_left_ - line.size();
  }

  void add(Record& record) {
    Event& event = record.event;
    place(event);
    if (record.type == Type::dropped) {
      flush_drop(0);
      ++log_.drops;
      dropped_ = event;
      return;
    }
    event.lost_before = flush_drop(event.pid);
    event.time = columns_.times > 0 ? clock_.read(record.time) : 0;
    path_left_ = record.open ? kPathMax : 0;
    log_.events.push_back(event);
  }

  // kdump says "Events dropped." before it prints the record that has KTR_DROP.  That record may be one that it does
  // not print (KTR_PROCDTOR): then the loss becomes an event of its own.  Says whether `pid` is the one that lost
  // records.
  bool flush_drop(std::int32_t pid) {
    if (!dropped_) {
      return false;
    }
    const bool same = dropped_->pid == pid;
    if (!same) {
      dropped_->lost_before = true;
      log_.events.push_back(*dropped_);
    }
    dropped_.reset();
    return same;
  }

  void add_unreadable(std::string_view line) {
    ++log_.unreadable;
    Event event;
    const bool named = take_column(line, kPidWidth, event.pid);
    place(event);
    if (named) {
      event.lost_before = flush_drop(event.pid);
      log_.events.push_back(event);
    }
  }

  void place(Event& event) {
    event.at = {lines_.offset(), lines_.number(), static_cast<std::uint32_t>(log_.records)};
    ++log_.records;
  }

  Lines lines_;
  Columns columns_;
  Log& log_;
  Clock clock_;
  std::optional<Event> dropped_;
  std::size_t path_left_ = 0;
};

}  // namespace

bool is_kdump_record(std::string_view line) {
  for (const bool tid : {false, true}) {
    for (int times = 0; times <= kTimesMax; ++times) {
      Record record;
      if (read_line(line, {tid, times}, record)) {
        return true;
      }
    }
  }
  return false;
}

void read_kdump(std::string_view bytes, Log& log) { Reader(bytes, log).read(); }

}  // namespace proctor::trace
