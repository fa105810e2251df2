#include "helper/archive/zstd.hpp"

#include <zstd_errors.h>

#include <new>
#include <utility>

namespace slipway::helper::archive {
namespace {

constexpr std::size_t buffer_size = 128 << 10;

struct FreeCompressor {
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
};

// Making one costs more than packing a small file.
ZSTD_CCtx* compressor() {
  thread_local const std::unique_ptr<ZSTD_CCtx, FreeCompressor> kept{ZSTD_createCCtx()};
  if (!kept) throw std::bad_alloc{};
  ZSTD_CCtx_reset(kept.get(), ZSTD_reset_session_and_parameters);
  return kept.get();
}

char* thread_buffer() {
  thread_local const auto kept = std::make_unique_for_overwrite<char[]>(buffer_size);
  return kept.get();
}

std::size_t check(std::size_t result) {
  if (!ZSTD_isError(result)) return result;
  if (ZSTD_getErrorCode(result) == ZSTD_error_memory_allocation) throw std::bad_alloc{};
  throw ArchiveError{std::string{"zstd: "} + ZSTD_getErrorName(result)};
}

void set(ZSTD_CCtx* context, ZSTD_cParameter parameter, int value) {
  if (value != 0) check(ZSTD_CCtx_setParameter(context, parameter, value));
}

ZSTD_CCtx* compressor_for(const ZstdEffort& effort) {
  auto* const context = compressor();
  set(context, ZSTD_c_compressionLevel, effort.level);
  set(context, ZSTD_c_windowLog, effort.window_log);
  set(context, ZSTD_c_hashLog, effort.hash_log);
  set(context, ZSTD_c_chainLog, effort.chain_log);
  set(context, ZSTD_c_checksumFlag, 1);
  return context;
}

[[noreturn]] void fail_reading(std::size_t result) {
  switch (ZSTD_getErrorCode(result)) {
    case ZSTD_error_memory_allocation:
      throw std::bad_alloc{};
    case ZSTD_error_checksum_wrong:
      throw ArchiveError{"checksum error"};
    case ZSTD_error_frameParameter_windowTooLarge:
      throw ZstdWindowError{"it needs too much memory to be unpacked"};
    case ZSTD_error_prefix_unknown:
      throw ArchiveError{"something else follows the data"};
    default:
      throw ArchiveError{"its data is broken"};
  }
}

}  // namespace

Bytes make_bytes(std::size_t size) {
  return {std::make_unique_for_overwrite<char[]>(size), size};
}

ZstdFrame::ZstdFrame(const ZstdEffort& effort, const Sink& out)
    : compressor_{compressor_for(effort)}, out_{out} {}

void ZstdFrame::add(std::string_view bytes) {
  run(bytes, ZSTD_e_continue);
}

void ZstdFrame::finish() {
  run({}, ZSTD_e_end);
}

void ZstdFrame::run(std::string_view bytes, ZSTD_EndDirective directive) {
  ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
  auto* buffer = thread_buffer();
  while (true) {
    ZSTD_outBuffer out{buffer, buffer_size, 0};
    const auto left = check(ZSTD_compressStream2(compressor_, &out, &in, directive));
    if (out.pos > 0) out_({buffer, out.pos});
    if (directive == ZSTD_e_end ? left == 0 : in.pos == in.size) return;
  }
}

Bytes zstd_frame(std::string_view bytes, const ZstdEffort& effort) {
  auto packed = make_bytes(ZSTD_compressBound(bytes.size()));
  packed.size = check(ZSTD_compress2(compressor_for(effort), packed.data.get(), packed.size,
                                     bytes.data(), bytes.size()));
  return packed;
}

std::string zstd_pack(std::string_view bytes, int level, std::size_t limit) {
  thread_local std::unique_ptr<char[]> buffer;
  thread_local std::size_t capacity = 0;
  const auto bound = ZSTD_compressBound(bytes.size());
  if (capacity < bound) {
    buffer = std::make_unique_for_overwrite<char[]>(bound);
    capacity = bound;
  }
  auto* const context = compressor();
  set(context, ZSTD_c_compressionLevel, level);
  const auto size =
      check(ZSTD_compress2(context, buffer.get(), capacity, bytes.data(), bytes.size()));
  return size > limit ? std::string{} : std::string{buffer.get(), size};
}

bool zstd_unpack(std::string_view packed, char* bytes, std::size_t size) {
  struct Free {
    void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
  };
  thread_local const std::unique_ptr<ZSTD_DCtx, Free> kept{ZSTD_createDCtx()};
  if (!kept) throw std::bad_alloc{};
  return ZSTD_decompressDCtx(kept.get(), bytes, size, packed.data(), packed.size()) == size;
}

ZstdReader::ZstdReader(Source source, int window_log)
    : source_{std::move(source)},
      context_{ZSTD_createDCtx()},
      buffer_{std::make_unique_for_overwrite<char[]>(buffer_size)} {
  if (!context_) throw std::bad_alloc{};
  check(ZSTD_DCtx_setParameter(context_.get(), ZSTD_d_windowLogMax, window_log));
}

bool ZstdReader::refill() {
  if (in_.pos < in_.size) return true;
  in_ = {buffer_.get(), source_(buffer_.get(), buffer_size), 0};
  return in_.size > 0;
}

std::size_t ZstdReader::read(char* bytes, std::size_t size) {
  ZSTD_outBuffer out{bytes, size, 0};
  while (out.pos < out.size) {
    const bool at_end = !refill();
    if (at_end && !within_frame_) break;
    const auto before = out.pos;
    // Without input, it still gives what it holds back.
    const auto result = ZSTD_decompressStream(context_.get(), &out, &in_);
    if (ZSTD_isError(result)) fail_reading(result);
    within_frame_ = result != 0;
    if (at_end && within_frame_ && out.pos == before) throw ArchiveError{"it is truncated"};
  }
  return out.pos;
}

}  // namespace slipway::helper::archive
