// SPDX-License-Identifier: BSD-2-Clause
//
// kdump(1) text: finds which columns a file has, and puts its lines together.
#include <array>
#include <optional>

#include "traces/kdump_line.hpp"
#include "traces/readers.hpp"
#include "traces/text.hpp"

namespace proctor::trace {
namespace {

using kdump::Columns;
using kdump::Ids;
using kdump::is_continuation;
using kdump::kIds;
using kdump::kPidWidth;
using kdump::kTimesMax;
using kdump::read_line;
using kdump::Record;
using kdump::Type;

constexpr std::size_t kPathMax = 1024;

// The columns of a file: what all of its first record lines have.  A single line can deceive (a program may be called
// "100034" or "1.000000"), sixty-four hardly.
Columns find_columns(std::string_view bytes) {
  constexpr int kSample = 64;
  constexpr int kLinesMax = 4096;
  std::array<std::array<int, kTimesMax + 1>, std::size(kIds)> fits{};
  int seen = 0;
  Lines lines(bytes);
  for (int i = 0; i < kLinesMax && seen < kSample && lines.next(); ++i) {
    if (is_continuation(lines.text())) {
      continue;
    }
    bool record_line = false;
    for (const Ids ids : kIds) {
      for (int times = 0; times <= kTimesMax; ++times) {
        Record record;
        if (read_line(lines.text(), {ids, times}, record) && record.type != Type::dropped) {
          ++fits[static_cast<std::size_t>(ids)][static_cast<std::size_t>(times)];
          record_line = true;
        }
      }
    }
    seen += record_line ? 1 : 0;
  }
  // More columns are the better explanation where both fit every line: otherwise every command would be a number.
  Columns best;
  int most = 0;
  for (const Ids ids : kIds) {
    for (int times = 0; times <= kTimesMax; ++times) {
      const int count = fits[static_cast<std::size_t>(ids)][static_cast<std::size_t>(times)];
      if (count > 0 && count >= most) {
        most = count;
        best = {ids, times};
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
  Reader(std::string_view bytes, Log& log) : lines_(bytes), columns_(find_columns(bytes)), log_(log) {
    log_.dragonfly = columns_.ids == Ids::dragonfly;
  }

  void read() {
    while (!is_full(log_) && lines_.next()) {
      const std::string_view line = lines_.text();
      Record record;
      if (path_left_ > 0) {
        continue_path(line);
      } else if (line.empty() || is_continuation(line)) {
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
    const bool named = columns_.ids == Ids::dragonfly ? kdump::take_dragonfly_ids(line, event.pid, event.tid)
                                                      : take_column(line, kPidWidth, event.pid);
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
  for (const Ids ids : kIds) {
    for (int times = 0; times <= kTimesMax; ++times) {
      Record record;
      if (read_line(line, {ids, times}, record)) {
        return true;
      }
    }
  }
  return false;
}

void read_kdump(std::string_view bytes, Log& log) { Reader(bytes, log).read(); }

}  // namespace proctor::trace
