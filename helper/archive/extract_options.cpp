#include "helper/archive/extract_options.hpp"

#include <algorithm>
#include <limits>
#include <string>

#include "helper/archive/archive_error.hpp"

namespace slipway::helper::archive {

Allowance::Allowance(std::string_view format, const ExtractLimits& limits,
                     std::uint64_t archive_size)
    : format_{format}, ratio_{limits.zstd_ratio} {
  constexpr auto all = std::numeric_limits<std::uint64_t>::max();
  const bool bounded = ratio_ > 0 && archive_size < all / ratio_;
  most_ = std::max(limits.zstd_ratio_from, bounded ? archive_size * ratio_ : all);
}

void Allowance::take(std::uint64_t bytes) {
  if (taken_.fetch_add(bytes) + bytes > most_)
    throw ArchiveError{std::string{format_} + ": the files are more than " +
                       std::to_string(ratio_) + " times as large as the archive"};
}

}  // namespace slipway::helper::archive
