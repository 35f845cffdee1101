// SPDX-License-Identifier: BSD-2-Clause
#include <fmt/format.h>
#include <lzma.h>

#include <array>
#include <memory>

#include "traces/readers.hpp"

namespace proctor::trace {
namespace {

constexpr std::string_view kMagic(
    "\xfd"
    "7zXZ\0",
    6);
constexpr std::uint64_t kMemoryMax = 256U << 20;  // of the decoder; xz -9 needs 65 MiB

std::string why(lzma_ret result) {
  switch (result) {
    case LZMA_BUF_ERROR: return "the xz data ends too early";
    case LZMA_MEMLIMIT_ERROR: return fmt::format("the xz data needs more than {} MiB to unpack", kMemoryMax >> 20);
    case LZMA_MEM_ERROR: return "not enough memory to unpack the xz data";
    default: return "the xz data is broken";
  }
}

}  // namespace

bool is_xz(std::string_view bytes) { return bytes.starts_with(kMagic); }

tl::expected<std::string, std::string> unpack_xz(std::string_view bytes) {
  lzma_stream stream = LZMA_STREAM_INIT;
  if (const lzma_ret result = lzma_stream_decoder(&stream, kMemoryMax, LZMA_CONCATENATED); result != LZMA_OK) {
    return tl::unexpected(why(result));
  }
  const std::unique_ptr<lzma_stream, void (*)(lzma_stream*)> end(&stream, lzma_end);
  stream.next_in = reinterpret_cast<const std::uint8_t*>(bytes.data());
  stream.avail_in = bytes.size();

  std::string unpacked;
  std::array<std::uint8_t, 1 << 16> block;
  while (true) {
    stream.next_out = block.data();
    stream.avail_out = block.size();
    const lzma_ret result = lzma_code(&stream, LZMA_FINISH);
    unpacked.append(reinterpret_cast<const char*>(block.data()), block.size() - stream.avail_out);
    if (unpacked.size() > kFileBytesMax) {
      return tl::unexpected(fmt::format("unpacks to more than {} GiB", kFileBytesMax >> 30));
    }
    if (result == LZMA_STREAM_END) {
      return unpacked;
    }
    if (result != LZMA_OK) {
      return tl::unexpected(why(result));
    }
  }
}

}  // namespace proctor::trace
