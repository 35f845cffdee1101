// SPDX-License-Identifier: BSD-2-Clause
#include "checker/log/world.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <type_traits>

namespace proctor::check {

using model::ProcState;

// Config has no padding before its end, so its bytes are its value.
constexpr std::size_t kConfigBytes =
    sizeof(KernelState) + Config::kEarlyMax * sizeof(Config::Early) + sizeof(Config::sigchld_bits) + 1;
static_assert(std::has_unique_object_representations_v<KernelState> && sizeof(Config) - kConfigBytes < alignof(Config));

std::size_t hash_value(const Config& config) { return XXH3_64bits(&config, kConfigBytes); }

bool operator==(const Config& a, const Config& b) { return std::memcmp(&a, &b, kConfigBytes) == 0; }

namespace {
constexpr std::int32_t kCredentialsOfKernel = 1;  // nobody's: those of others are 0 or below
}

Names::Names() {
  procs_[kInit] = {.pid = 1};
  by_pid_[1] = kInit;
  lwps_[0] = {.pid = 1};
  procs_[elsewhere_] = {.pid = next_ghost_--};
  by_pid_[procs_[elsewhere_].pid] = elsewhere_;
  procs_[kernel_] = {.pid = next_ghost_--, .credentials = kCredentialsOfKernel};
}

Slot Names::find(std::int32_t pid) const {
  const auto it = by_pid_.find(pid);
  return it == by_pid_.end() ? kNone : it->second;
}

Slot Names::find_tid(std::int32_t tid, std::int32_t pid) const {
  const auto it = by_tid_.find(key(tid, pid));
  return it == by_tid_.end() ? kNone : it->second;
}

// Frees the slots of processes that are gone in every configuration and that nobody remembers.
void Names::collect(const Frontier& frontier) {
  std::array<bool, KernelState::kProcs> used{};
  std::array<bool, KernelState::kLwps> td_used{};
  auto use = [&](Slot slot) {
    if (slot != kNone) used[slot] = true;
  };
  use(kInit);
  use(elsewhere_);
  use(kernel_);
  use(stand_in_);
  use(departing_);
  for (const Config& c : frontier) {
    for (Slot i = 0; i < KernelState::kProcs; ++i) {
      const Proc& p = c.proc(i);
      if (p.state == ProcState::free) continue;
      use(i);
      use(p.p_pptr);
      use(p.p_oppid);
      use(p.p_orphan);
    }
    for (Slot i = 0; i < KernelState::kLwps; ++i)
      if (c.lwp(i).proc != kNone) td_used[i] = true;
  }
  for (Slot i = 0; i < KernelState::kProcs; ++i)
    if (!used[i] && procs_[i].pid != 0 && !procs_[i].pinned) {
      by_pid_.erase(procs_[i].pid);
      procs_[i] = {};
    }
  for (Slot i = 0; i < KernelState::kLwps; ++i)
    if (!td_used[i] && lwps_[i].pid != 0 && !lwps_[i].pinned) {
      const auto it = by_tid_.find(key(lwps_[i].tid, lwps_[i].pid));
      if (it != by_tid_.end() && it->second == i) by_tid_.erase(it);
      lwps_[i] = {};
    }
}

Slot Names::add(std::int32_t pid, const Frontier& frontier) {
  for (int attempt = 0; attempt < 2; ++attempt) {
    for (Slot i = 2; i < KernelState::kProcs; ++i)
      if (procs_[i].pid == 0) {
        procs_[i] = {.pid = pid};
        by_pid_[pid] = i;
        return i;
      }
    collect(frontier);
  }
  throw TooMany{"processes"};
}

Slot Names::add_lwp(std::int32_t pid, std::int32_t tid, const Frontier& frontier) {
  for (int attempt = 0; attempt < 2; ++attempt) {
    for (Slot i = 1; i < KernelState::kLwps; ++i)
      if (lwps_[i].pid == 0) {
        lwps_[i] = {.pid = pid, .tid = tid, .flags_known = true};
        if (tid > 0) by_tid_[key(tid, pid)] = i;
        return i;
      }
    collect(frontier);
  }
  throw TooMany{"threads"};
}

bool Names::is_crowded() const {
  return 4 * std::count_if(procs_.begin(), procs_.end(), [](const ProcName& p) { return p.pid != 0; }) >
         3 * KernelState::kProcs;
}

Slot Names::add_ghost(const Frontier& frontier) { return add(next_ghost_--, frontier); }

void Names::rename(Slot p, std::int32_t pid) {
  const std::int32_t old = procs_[p].pid;
  by_pid_.erase(old);
  by_pid_[pid] = p;
  procs_[p].pid = pid;
  for (LwpName& td : lwps_)
    if (td.pid == old) td.pid = pid;
}

void Names::bind(Slot td, std::int32_t tid) {
  lwps_[td].tid = tid;
  if (tid > 0) by_tid_[key(tid, lwps_[td].pid)] = td;
}

}  // namespace proctor::check
