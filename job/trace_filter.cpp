#include "job/trace_filter.hpp"

#include <array>
#include <optional>
#include <utility>

#include "job/limit_filter.hpp"
#include "job/mask_filter.hpp"
#include "job/timestamp_filter.hpp"
#include "job/token_filter.hpp"
#include "job/url_filter.hpp"
#include "job/utf8_filter.hpp"

namespace slipway::job {
namespace {

/// Longer writes are worked on in pieces, so that no filter's buffer grows with them.
constexpr std::size_t max_piece = 64u << 10;

constexpr std::array streams{LogStream::script, LogStream::service, LogStream::runner};
constexpr std::array kinds{LogKind::out, LogKind::err};

ValueMatcher prefix_matcher(const TraceOptions& options) {
  auto prefixes = default_token_prefixes(options.mask_all_default_tokens);
  prefixes.insert(prefixes.end(), options.token_prefixes.begin(), options.token_prefixes.end());
  return ValueMatcher{std::move(prefixes)};
}

/// The filters of one stream and kind.
struct Chain {
  Chain(const ValueMatcher& values, const ValueMatcher& prefixes, LogStream stream, LogKind kind,
        const TraceOptions& options)
      : mask{values}, token{prefixes} {
    if (options.timestamps) timestamps.emplace(stream, kind, options.now);
  }

  std::string_view unmarked(std::string_view text) { return token.write(url.write(text)); }
  std::string_view write(std::string_view chunk) {
    const auto text = unmarked(mask.write(chunk));
    return timestamps ? timestamps->write(text) : text;
  }

  MaskFilter mask;
  UrlFilter url;
  TokenFilter token;
  std::optional<TimestampFilter> timestamps;
};

}  // namespace

class TraceFilter::Impl {
 public:
  Impl(TraceOptions options, std::function<void(std::string_view)> out)
      : options_{std::move(options)},
        values_{std::make_unique<ValueMatcher>(options_.masked_values)},
        prefixes_{prefix_matcher(options_)},
        limit_{options_.limit_bytes, std::move(out)} {}

  void write(LogStream stream, LogKind kind, std::string_view bytes) {
    if (closed_) return;
    auto& chain = this->chain(stream, kind);
    while (!bytes.empty()) {
      const auto piece = bytes.substr(0, piece_size(bytes));
      pass(chain.write(piece), stream);
      bytes.remove_prefix(piece.size());
    }
  }

  void flush(LogStream stream) {
    if (closed_) return;
    for (const auto kind : kinds) {
      auto& slot = chains_[index(stream, kind)];
      if (!slot) continue;
      const auto rest = slot->unmarked(slot->mask.flush());
      slot->url.reset();
      slot->token.reset();
      if (!slot->timestamps) {
        pass(rest, stream);
        continue;
      }
      pass(slot->timestamps->write(rest), stream);
      pass(slot->timestamps->flush(), stream);
    }
  }

  void close() {
    if (closed_) return;
    for (const auto stream : streams) flush(stream);
    limit_.write(utf8_.flush(), false);
    limit_.close();
    closed_ = true;
  }

  void add_masked_value(std::string value) {
    if (value.empty()) return;
    options_.masked_values.push_back(std::move(value));
    auto values = std::make_unique<ValueMatcher>(options_.masked_values);
    for (auto& chain : chains_) {
      if (chain) chain->mask.use(*values);
    }
    values_ = std::move(values);
  }

 private:
  static std::size_t index(LogStream stream, LogKind kind) {
    const std::size_t row = stream == LogStream::runner ? 0 : stream == LogStream::script ? 1 : 2;
    return 2 * row + (kind == LogKind::err ? 1 : 0);
  }

  /// Cut after a line if possible: the timestamps judge a `\r` by what follows it in the same
  /// write.
  static std::size_t piece_size(std::string_view bytes) {
    if (bytes.size() <= max_piece) return bytes.size();
    const auto line = bytes.rfind('\n', max_piece - 1);
    return line == std::string_view::npos ? max_piece : line + 1;
  }

  Chain& chain(LogStream stream, LogKind kind) {
    auto& slot = chains_[index(stream, kind)];
    if (!slot) slot.emplace(*values_, prefixes_, stream, kind, options_);
    return *slot;
  }

  void pass(std::string_view text, LogStream stream) {
    if (!text.empty()) limit_.write(utf8_.write(text), stream == LogStream::runner);
  }

  TraceOptions options_;
  std::unique_ptr<ValueMatcher> values_;
  ValueMatcher prefixes_;
  std::array<std::optional<Chain>, 6> chains_;
  Utf8Filter utf8_;
  LimitFilter limit_;
  bool closed_ = false;
};

TraceFilter::TraceFilter(TraceOptions options, std::function<void(std::string_view)> out)
    : impl_{std::make_unique<Impl>(std::move(options), std::move(out))} {}
TraceFilter::~TraceFilter() = default;

void TraceFilter::write(LogStream stream, LogKind kind, std::string_view bytes) {
  impl_->write(stream, kind, bytes);
}
void TraceFilter::flush(LogStream stream) {
  impl_->flush(stream);
}
void TraceFilter::close() {
  impl_->close();
}
void TraceFilter::add_masked_value(std::string value) {
  impl_->add_masked_value(std::move(value));
}

}  // namespace slipway::job
