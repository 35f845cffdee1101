// SPDX-License-Identifier: BSD-2-Clause
#include "traces/kdump_line.hpp"

#include <optional>

#include "model/words/arguments.hpp"
#include "model/words/requests.hpp"
#include "model/words/signals.hpp"
#include "model/words/system_calls.hpp"
#include "traces/text.hpp"

namespace proctor::trace::kdump {
namespace {

namespace sys = model::sys;

constexpr std::size_t kCommWidth = 8;
constexpr std::size_t kCommMax = 19;  // MAXCOMLEN
constexpr std::size_t kTimeMax = 32;  // characters of one time stamp and its space

constexpr std::string_view kDropped = "Events dropped.";

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

// "123", "-1", "0x7b", "0666": whatever kdump prints for a plain number, with or without -d.
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
  // Modes are octal with a leading 0; nothing else has one.
  return take_number(text, value, text.size() > 1 && text[0] == '0' && is_digit(text[1]) ? 8 : 10);
}

std::optional<std::uint64_t> named_argument(std::uint16_t code, int index, std::string_view text) {
  using Kind = model::ArgumentName::Kind;
  constexpr auto widen = [](std::optional<std::int32_t> number) -> std::optional<std::uint64_t> {
    return number ? std::optional<std::uint64_t>(static_cast<std::uint64_t>(*number)) : std::nullopt;
  };
  const auto named = [&](Kind kind) { return widen(model::find_argument(kind, text)); };
  const auto signal = [&] { return widen(model::signal_number(text)); };
  switch (code) {
    case sys::ptrace: return index == 0 ? widen(model::find_request(text)) : std::nullopt;
    case sys::wait4: return index == 2 ? widen(model::wait_options(text)) : std::nullopt;
    case sys::wait6:
      return index == 0 ? named(Kind::idtype) : index == 3 ? widen(model::wait_options(text)) : std::nullopt;
    case sys::procctl: return index == 0 ? named(Kind::idtype) : index == 2 ? named(Kind::procctl) : std::nullopt;
    case sys::sigprocmask: return index == 0 ? named(Kind::how) : std::nullopt;
    case sys::sigaction: return index == 0 ? signal() : std::nullopt;
    case sys::kill:
    case sys::pdkill:
    case sys::thr_kill:
    case sys::sigqueue: return index == 1 ? signal() : std::nullopt;
    case sys::thr_kill2: return index == 2 ? signal() : std::nullopt;
    default: return std::nullopt;
  }
}

// What follows the number of a set of flags: "<WNOHANG>"; DragonFly's kdump has "<><invalid>0" for no flags, and
// "<><invalid>-2147483647" after 0x80000001, with which it tells that the int was negative.
bool read_flag_names(std::string_view text, std::uint64_t& value) {
  if (!text.starts_with('<')) {
    return false;
  }
  if (text.ends_with('>')) {
    return true;
  }
  constexpr std::string_view kInvalid = "><invalid>";
  const std::size_t at = text.rfind(kInvalid);
  if (at == std::string_view::npos) {
    return false;
  }
  text.remove_prefix(at + kInvalid.size());
  std::int32_t number = 0;
  if (!take_decimal(text, number) || !text.empty()) {
    return false;
  }
  if (number < 0) {
    value |= ~std::uint64_t{0xffffffff};
  }
  return true;
}

// One argument: "0x539", "PT_ATTACH", "0x1<WNOHANG>", "<invalid=72>", "SIGKILL".
std::optional<std::uint64_t> read_argument(std::uint16_t code, int index, std::string_view text) {
  std::uint64_t value = 0;
  std::string_view rest = text;
  if (take(rest, "<invalid=")) {
    return take_argument_number(rest, value) && rest == ">" ? std::optional(value) : std::nullopt;
  }
  if (take_argument_number(rest, value)) {
    return rest.empty() || read_flag_names(rest, value) ? std::optional(value) : std::nullopt;
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
  code = model::syscall_number(name);
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
    const auto signo = model::signal_number(body.substr(0, at));
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
    case Type::call: return read_call(body, record.event);
    case Type::ret: return read_return(body, record.event);
    case Type::psig: return read_signal(body, record.event);
    case Type::namei: record.open = body.size() < 2 || !body.ends_with('"'); return body.starts_with('"');
    default: return true;
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
      // DragonFly prints "CSW" without the space that makes the names equally long.
      const bool short_name = columns.ids == Ids::dragonfly && found->name == "CSW ";
      body.remove_prefix(found->name.size() - (short_name ? 1 : 0));
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
      // A number in brackets is of the system whose kdump printed it.
      if (columns.ids == Ids::dragonfly && body.starts_with('[')) {
        candidate.event.code = model::from_dragonfly(candidate.event.code);
      }
      candidate.time = text.substr(head.size(), end_of_times - head.size());
      record = candidate;
      return true;
    }
  }
  return false;
}

}  // namespace

bool take_dragonfly_ids(std::string_view& line, std::int32_t& pid, std::int32_t& tid) {
  constexpr std::size_t kWidthPid = 5;
  constexpr std::size_t kWidthTid = 4;
  std::string_view rest = line;
  while (rest.starts_with(' ')) {
    rest.remove_prefix(1);
  }
  if (rest.empty() || !is_digit(rest[0]) || !take_decimal(rest, pid)) {
    return false;
  }
  const std::size_t colon = line.size() - rest.size();
  if (colon < kWidthPid || (colon > kWidthPid && line[0] == ' ') || !take(rest, ":") || rest.empty() ||
      !is_digit(rest[0]) || !take_decimal(rest, tid)) {
    return false;
  }
  while (line.size() - rest.size() < colon + 1 + kWidthTid) {
    if (!take(rest, " ")) {
      return false;
    }
  }
  if (!take(rest, " ")) {
    return false;
  }
  line = rest;
  return true;
}

bool read_line(std::string_view line, const Columns& columns, Record& record) {
  std::int32_t pid = 0;
  std::int32_t tid = 0;
  const bool ids = columns.ids == Ids::dragonfly ? take_dragonfly_ids(line, pid, tid)
                                                 : take_column(line, kPidWidth, pid) &&
                                                       (columns.ids == Ids::pid || take_column(line, kPidWidth, tid));
  if (!ids || !read_after_tid(line, columns, record)) {
    return false;
  }
  record.event.pid = pid;
  record.event.tid = tid;
  return true;
}

}  // namespace proctor::trace::kdump
