// SPDX-License-Identifier: BSD-2-Clause
//
// Formats that are near enough to tell the user what he has, and that proctor does not read.
#include <iterator>

#include "traces/ktrace_header.hpp"
#include "traces/readers.hpp"

namespace proctor::trace {
namespace {

constexpr Layout kUnsupported[] = {
    {"FreeBSD ktrace.out with header version 1 (14 and later)", 64, 8, 12, 20, 32, 8, kNano, model::kPidMax, true,
     false},
    {"32-bit FreeBSD ktrace.out", 44, 8, 12, 20, 32, 4, kMicro, model::kPidMax, false, false},
    {"32-bit FreeBSD ktrace.out with header version 1 (14 and later)", 48, 8, 12, 20, 32, 4, kNano, model::kPidMax,
     true, false},
    {"big-endian 64-bit FreeBSD ktrace.out", 56, 8, 12, 20, 32, 8, kMicro, model::kPidMax, false, true},
    {"big-endian 64-bit FreeBSD ktrace.out with header version 1", 64, 8, 12, 20, 32, 8, kNano, model::kPidMax, true,
     true},
    {"big-endian 32-bit FreeBSD ktrace.out", 44, 8, 12, 20, 32, 4, kMicro, model::kPidMax, false, true},
};

template <std::size_t I = 0>
std::string_view first_unsupported(std::string_view bytes) {
  if constexpr (I < std::size(kUnsupported)) {
    static constexpr Layout layout = kUnsupported[I];
    return begins_with<layout>(bytes, 3) ? layout.name : first_unsupported<I + 1>(bytes);
  } else {
    return {};
  }
}

// The buffer of KTR as ALQ writes it to a file, struct ktr_entry by struct ktr_entry: timestamp, cpu, line, file,
// format, thread, six parameters.  Its strings are addresses in the kernel, so only ktrdump with that kernel can print
// it.
bool is_raw_ktr(std::string_view bytes) {
  constexpr std::size_t kEntry = 88;
  constexpr std::uint64_t kKernelBase = 0xffffffff80000000;
  if (bytes.size() < kEntry) {
    return false;
  }
  const auto cpu = load<std::uint32_t>(bytes.data() + 8);
  const auto line = load<std::uint32_t>(bytes.data() + 12);
  const auto file = load<std::uint64_t>(bytes.data() + 16);
  const auto format = load<std::uint64_t>(bytes.data() + 24);
  return cpu < 1024 && line > 0 && line < 100000 && file >= kKernelBase && format >= kKernelBase;
}

}  // namespace

std::string_view unsupported_format(std::string_view bytes) {
  return is_raw_ktr(bytes) ? "a raw KTR buffer (ktrdump -i prints it)" : first_unsupported(bytes);
}

}  // namespace proctor::trace
