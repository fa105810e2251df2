#include "job/trace_filter.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "job/add_mask_filter.hpp"
#include "job/filter_state.hpp"
#include "job/limit_filter.hpp"
#include "job/log_lines.hpp"
#include "job/mask_filter.hpp"
#include "job/masked_forms.hpp"
#include "job/timestamp_filter.hpp"
#include "job/token_filter.hpp"
#include "job/url_filter.hpp"
#include "job/utf8_filter.hpp"

namespace slipway::job {
namespace {

/// Longer writes are worked on in pieces, so that no filter's buffer grows with them.
constexpr std::size_t max_piece = 64u << 10;

/// What a script may name to be masked: each time the search for all of them is prepared anew.
constexpr std::size_t max_named = 500;
constexpr std::size_t max_named_bytes = 64u << 10;

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
    if (stream == LogStream::script) commands.emplace();
  }

  std::string_view unmarked(std::string_view text) { return token.write(url.write(text)); }
  std::string_view write(std::string_view chunk) {
    const auto text = unmarked(mask.write(chunk));
    return timestamps ? timestamps->write(text) : text;
  }

  void save(StateWriter& state) const {
    mask.save(state);
    url.save(state);
    token.save(state);
    if (timestamps) timestamps->save(state);
  }
  void load(StateReader& state) {
    mask.load(state);
    url.load(state);
    token.load(state);
    if (timestamps) timestamps->load(state);
  }

  std::optional<AddMaskFilter> commands;  // before all others
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
        values_{all_values()},
        prefixes_{prefix_matcher(options_)},
        limit_{options_.limit_bytes, std::move(out)} {}

  void write(LogStream stream, LogKind kind, std::string_view bytes) {
    if (closed_) return;
    auto& chain = this->chain(stream, kind);
    while (!bytes.empty()) {
      auto piece = bytes.substr(0, piece_size(bytes));
      bytes.remove_prefix(piece.size());
      if (!chain.commands) put(piece, chain, stream);
      while (chain.commands && !piece.empty()) {
        AddMaskFilter::Named named;
        put(chain.commands->write(piece, named), chain, stream);
        learn(std::move(named));
      }
    }
  }

  void flush(LogStream stream) {
    if (closed_) return;
    for (const auto kind : kinds) {
      auto& slot = chains_[index(stream, kind)];
      if (!slot) continue;
      if (slot->commands) {
        AddMaskFilter::Named named;
        put(slot->commands->flush(named), *slot, stream);
        learn(std::move(named));
      }
      use_values();
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
    if (value.empty() || is_known(value)) return;
    added_bytes_ += value.size();
    added_values_.push_back(std::move(value));
    // Many may come at once, and none counts before more is written.
    values_outdated_ = true;
  }

  std::string state() const {
    StateWriter state;
    state.number(closed_ ? 1 : 0);
    if (closed_) return std::move(state).finish();
    state.number(options_.timestamps ? 1 : 0);
    state.number(added_values_.size());
    for (const auto& value : added_values_) state.text(value);
    for (const auto stream : streams) {
      for (const auto kind : kinds) {
        const auto& chain = chains_[index(stream, kind)];
        state.number(chain ? 1 : 0);
        if (chain) chain->save(state);
      }
    }
    utf8_.save(state);
    limit_.save(state);
    state.number(warned_ ? 1 : 0);
    for (const auto kind : kinds) {
      const auto& chain = chains_[index(LogStream::script, kind)];
      if (chain) chain->commands->save(state);
    }
    return std::move(state).finish();
  }

  void load(std::string_view bytes) {
    StateReader state{bytes};
    closed_ = state.flag();
    if (closed_) return state.end();
    options_.timestamps = state.flag();
    for (auto count = state.number(bytes.size()); count > 0; --count) {
      added_values_.emplace_back(state.text());
      added_bytes_ += added_values_.back().size();
    }
    if (!added_values_.empty()) values_ = all_values();
    for (const auto stream : streams) {
      for (const auto kind : kinds) {
        if (state.flag()) chain(stream, kind).load(state);
      }
    }
    utf8_.load(state);
    limit_.load(state);
    if (state.version() >= 2) {
      warned_ = state.flag();
      for (const auto kind : kinds) {
        auto& chain = chains_[index(LogStream::script, kind)];
        if (chain) chain->commands->load(state);
      }
    }
    state.end();
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

  bool is_known(const std::string& value) const {
    const auto among = [&](const std::vector<std::string>& values) {
      return std::find(values.begin(), values.end(), value) != values.end();
    };
    return among(options_.masked_values) || among(added_values_);
  }

  std::unique_ptr<ValueMatcher> all_values() const {
    std::vector<std::string> forms;
    for (const auto* values : {&options_.masked_values, &added_values_})
      for (const auto& value : *values)
        for (auto& form : masked_forms(value)) forms.push_back(std::move(form));
    return std::make_unique<ValueMatcher>(std::move(forms));
  }

  void put(std::string_view text, Chain& chain, LogStream stream) {
    if (text.empty()) return;
    use_values();
    pass(chain.write(text), stream);
  }

  void use_values() {
    if (!values_outdated_) return;
    values_outdated_ = false;
    auto values = all_values();
    for (auto& chain : chains_) {
      if (chain) chain->mask.use(*values);
    }
    values_ = std::move(values);
  }

  /// What the script has named. It is hidden from the next byte on.
  void learn(AddMaskFilter::Named named) {
    const bool room =
        added_values_.size() < max_named && added_bytes_ + named.value.size() <= max_named_bytes;
    const bool too_much =
        named.too_long || (!named.value.empty() && !room && !is_known(named.value));
    if (room) add_masked_value(std::move(named.value));
    if (!too_much || warned_) return;
    warned_ = true;
    write(LogStream::runner, LogKind::out,
          warning_line("::add-mask:: named more than can be masked; not all of it is hidden"));
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
  std::vector<std::string> added_values_;
  std::size_t added_bytes_ = 0;
  bool values_outdated_ = false;
  bool warned_ = false;  // that not all can be masked
  std::unique_ptr<ValueMatcher> values_;
  ValueMatcher prefixes_;
  std::array<std::optional<Chain>, 6> chains_;
  Utf8Filter utf8_;
  LimitFilter limit_;
  bool closed_ = false;
};

TraceFilter::TraceFilter(TraceOptions options, std::function<void(std::string_view)> out)
    : impl_{std::make_unique<Impl>(std::move(options), std::move(out))} {}
TraceFilter::TraceFilter(TraceOptions options, std::function<void(std::string_view)> out,
                         std::string_view state)
    : TraceFilter{std::move(options), std::move(out)} {
  impl_->load(state);
}
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
std::string TraceFilter::state() const {
  return impl_->state();
}

}  // namespace slipway::job
