// SPDX-License-Identifier: BSD-2-Clause
//
// KTR as text: what ktrdump(8) prints from the buffer, and what the kernel prints on the console with
// debug.ktr.verbose.
//
//     ktrdump   "%6d " index, [-c "%3d " cpu,] [-t "%16ju " time,] [-f "%-40s " file:line,] [-H "%p " thread,] message
//     console   ["cpu%d " if SMP,] [verbose > 1: "%s.%d\t" file.line,] message
#include <algorithm>
#include <limits>

#include "traces/ktr_format.hpp"
#include "traces/readers.hpp"
#include "traces/text.hpp"

namespace proctor::trace {
namespace {

constexpr std::size_t kIndexWidth = 6;
constexpr std::size_t kCpuWidth = 3;
constexpr std::size_t kTimeWidth = 16;
constexpr std::size_t kFileWidth = 40;

// ktrdump's columns besides index and message; the same in every row of a file.
struct Columns {
  bool cpu = false;
  bool time = false;
  bool file = false;
  bool thread = false;
};

struct Row {
  std::int64_t index = 0;
  std::int64_t cpu = -1;
  std::uint64_t time = 0;
  std::uint32_t source_line = 0;
  std::uint64_t thread = 0;
};

std::int8_t narrow_cpu(std::int64_t cpu) {
  return cpu >= 0 && cpu <= std::numeric_limits<std::int8_t>::max() ? static_cast<std::int8_t>(cpu) : std::int8_t{-1};
}

// "kern/sys_process.c" and the line, with `mark` between them: "kern/sys_process.c:894".
bool read_place(std::string_view place, char mark, std::uint32_t& line) {
  const std::size_t at = place.rfind(mark);
  if (at == std::string_view::npos || place.find(' ') != std::string_view::npos) {
    return false;
  }
  const std::string_view file = place.substr(0, at);
  place.remove_prefix(at + 1);
  return (file.ends_with(".c") || file.ends_with(".h")) && take_decimal(place, line) && place.empty();
}

bool take_file(std::string_view& text, std::uint32_t& line) {
  const std::size_t length = std::min(text.find(' '), text.size());
  const std::size_t padded = std::max(length, kFileWidth);
  if (padded >= text.size() || text[padded] != ' ' || !read_place(text.substr(0, length), ':', line) ||
      text.substr(length, padded - length).find_first_not_of(' ') != std::string_view::npos) {
    return false;
  }
  text.remove_prefix(padded + 1);
  return true;
}

bool take_thread(std::string_view& text, std::uint64_t& thread) {
  std::string_view rest = text;
  if (!rest.starts_with("0x") || !take_sharp_hex(rest, thread) || !take(rest, " ")) {
    return false;
  }
  text = rest;
  return true;
}

// Takes the columns off the front of a row; what is left is the message.
bool take_row(std::string_view& text, const Columns& columns, Row& row) {
  return take_column(text, kIndexWidth, row.index) && (!columns.cpu || take_column(text, kCpuWidth, row.cpu)) &&
         (!columns.time || take_column(text, kTimeWidth, row.time)) &&
         (!columns.file || take_file(text, row.source_line)) && (!columns.thread || take_thread(text, row.thread));
}

bool is_title(std::string_view line) { return line.starts_with("index  ") && line.ends_with(" trace"); }

// What ktrdump prints below the title.
bool is_rule(std::string_view line) {
  return line.starts_with("------ ") && line.find_first_not_of("- ") == std::string_view::npos;
}

Columns columns_of_title(std::string_view title) {
  const auto has = [&](std::string_view word) { return title.find(word) != std::string_view::npos; };
  return {has(" cpu "), has(" timestamp "), has(" file and line "), has(" tid ")};
}

// The columns that this row seems to have.
std::optional<Columns> columns_of_row(std::string_view text) {
  Row row;
  Columns columns;
  if (!take_column(text, kIndexWidth, row.index)) {
    return std::nullopt;
  }
  columns.cpu = take_column(text, kCpuWidth, row.cpu);
  columns.time = take_column(text, kTimeWidth, row.time);
  columns.file = take_file(text, row.source_line);
  columns.thread = take_thread(text, row.thread);
  return columns;
}

// From the title; without one (-q) those columns that the first rows agree on.
Columns find_columns(std::string_view bytes) {
  constexpr int kSample = 64;
  constexpr int kLinesMax = 4096;
  Columns common{true, true, true, true};
  int rows = 0;
  Lines lines(bytes);
  for (int i = 0; i < kLinesMax && rows < kSample && lines.next(); ++i) {
    if (is_title(lines.text())) {
      return columns_of_title(lines.text());
    }
    if (const auto columns = columns_of_row(lines.text())) {
      common.cpu &= columns->cpu;
      common.time &= columns->time;
      common.file &= columns->file;
      common.thread &= columns->thread;
      ++rows;
    }
  }
  return rows > 0 ? common : Columns{};
}

// An event for a line that could not be read, if it names a process at all.
void add_unreadable(std::string_view text, Event event, Log& log) {
  ++log.unreadable;
  const std::size_t at = text.find("pid ");
  if (at != std::string_view::npos) {
    text.remove_prefix(at + 4);
    if (take_decimal(text, event.pid) && event.pid > 0) {
      log.events.push_back(event);
    }
  }
}

class DumpReader {
 public:
  DumpReader(std::string_view bytes, Log& log) : lines_(bytes), columns_(find_columns(bytes)), log_(log) {}

  void read() {
    while (!is_full(log_) && lines_.next()) {
      if (!lines_.text().empty() && !is_title(lines_.text()) && !is_rule(lines_.text())) {
        read_line(lines_.text());
      }
    }
    // ktrdump prints the newest entry first unless it reads an ALQ file (-i) or follows the buffer (-l).
    const bool newest_first = down_ > up_;
    if (relative_) {
      restore_times(newest_first);
    }
    if (newest_first) {
      std::reverse(log_.events.begin(), log_.events.end());
    }
  }

 private:
  void read_line(std::string_view text) {
    Event event;
    event.at = {lines_.offset(), lines_.number(), static_cast<std::uint32_t>(log_.records)};
    ++log_.records;
    Row row;
    if (!take_row(text, columns_, row)) {
      add_unreadable(text, event, log_);
      return;
    }
    follow(row);
    event.cpu = narrow_cpu(row.cpu);
    event.time = relative_ ? sum_ : row.time;
    event.source_line = row.source_line;
    event.thread = row.thread;
    switch (read_message(text, event)) {
      case Message::read: log_.events.push_back(event); break;
      case Message::broken: add_unreadable(text, event, log_); break;
      case Message::other_class: break;
    }
  }

  // The index counts buffer slots, so it may wrap once in a file; most steps show the direction.
  void follow(const Row& row) {
    if (rows_ == 0) {
      relative_ =
          columns_.time && row.time == 0;  // -r: the first row has nothing to differ from; no counter stands at 0
    } else {
      (row.index < index_ ? down_ : up_) += 1;
    }
    sum_ += row.time;
    index_ = row.index;
    ++rows_;
  }

  // With -r each row has its distance from the row before, which newest-first is the later one.  The sum of them is the
  // distance from the first row; the earliest entry gets time 1, since 0 means unknown.
  void restore_times(bool newest_first) {
    std::int64_t earliest = 0;
    const auto distance = [&](const Event& event) {
      const auto sum = static_cast<std::int64_t>(event.time);
      return newest_first ? std::int64_t(0 - event.time) : sum;
    };
    for (const Event& event : log_.events) {
      earliest = std::min(earliest, distance(event));
    }
    for (Event& event : log_.events) {
      event.time = static_cast<std::uint64_t>(distance(event)) - static_cast<std::uint64_t>(earliest) + 1;
    }
  }

  Lines lines_;
  Columns columns_;
  Log& log_;
  std::uint64_t rows_ = 0;
  std::uint64_t up_ = 0;
  std::uint64_t down_ = 0;
  std::int64_t index_ = 0;
  bool relative_ = false;
  std::uint64_t sum_ = 0;  // of the time column so far; wraps with it when time goes back
};

// Takes "cpu1 " and "kern/kern_sig.c.2538\t" off the front of a console line.  Says whether there was either.
bool take_console_prefix(std::string_view& text, Event& event) {
  bool found = false;
  std::string_view rest = text;
  std::int64_t cpu = 0;
  if (take(rest, "cpu") && take_decimal(rest, cpu) && cpu >= 0 && take(rest, " ")) {
    event.cpu = narrow_cpu(cpu);
    text = rest;
    found = true;
  }
  const std::size_t tab = text.find('\t');
  if (tab != std::string_view::npos && read_place(text.substr(0, tab), '.', event.source_line)) {
    text.remove_prefix(tab + 1);
    found = true;
  }
  return found;
}

// The CPUs write to the console without waiting for each other, so a line can hold pieces of several.  These words begin
// a piece; a message that stands whole between two of them is believed.
constexpr std::string_view kMarks[] = {
    "\t", "cpu", "kern/", "PT_", "ptracestop: ", "fork_return: ", "wait: ", "stopevent: ", "exit: pid"};

std::size_t next_mark(std::string_view text, std::size_t from) {
  std::size_t next = std::string_view::npos;
  for (std::string_view mark : kMarks) {
    next = std::min(next, text.find(mark, from));
  }
  return next;
}

// Reads the whole messages among the pieces of a line.  Says whether pieces are left over.
bool read_pieces(std::string_view text, const Event& where, Log& log) {
  bool left_over = false;
  for (std::size_t at = next_mark(text, 0); at < text.size();) {
    const std::size_t end = std::min(next_mark(text, at + 1), text.size());
    Event event = where;
    event.source_line = 0;  // whose file and line this is, is lost
    event.cpu = -1;
    const Message message = read_message(text.substr(at, end - at), event);
    if (message == Message::read) {
      log.events.push_back(event);
    }
    left_over = left_over || message == Message::broken;
    at = end;
  }
  return left_over;
}

}  // namespace

bool is_ktrdump_line(std::string_view line) {
  if (is_title(line)) {
    return true;
  }
  const auto columns = columns_of_row(line);
  if (!columns) {
    return false;
  }
  if (columns->file || columns->thread) {
    return true;
  }
  // Only numbers before the message: it must be one that we know.
  std::string_view message = line;
  Row row;
  Event event;
  return take_row(message, *columns, row) && read_message(message, event) == Message::read;
}

bool is_console_line(std::string_view line) {
  Event event;
  take_console_prefix(line, event);
  return event.source_line != 0 || read_message(line, event) == Message::read;
}

void read_ktrdump(std::string_view bytes, Log& log) { DumpReader(bytes, log).read(); }

void read_console(std::string_view bytes, Log& log) {
  Lines lines(bytes);
  while (!is_full(log) && lines.next()) {
    std::string_view text = lines.text();
    if (text.empty()) {
      continue;
    }
    Event event;
    event.at = {lines.offset(), lines.number(), static_cast<std::uint32_t>(log.records)};
    ++log.records;
    const bool prefix = take_console_prefix(text, event);
    const Message message = read_message(text, event);
    if (message == Message::read) {
      log.events.push_back(event);
    } else if (const std::size_t before = log.events.size(); read_pieces(text, event, log)) {
      add_unreadable(text, event, log);
    } else if (log.events.size() == before && (message == Message::broken || !prefix)) {
      add_unreadable(text, event, log);
    }
  }
}

}  // namespace proctor::trace
