#pragma once

#include <zlib.h>

#include <string>

#include "job/filter_state.hpp"
#include "splits.hpp"

namespace slipway::job {

/// Saves `from` and loads it into `into`, which is new.
template <class Filter>
void copy_state(const Filter& from, Filter& into) {
  StateWriter writer;
  from.save(writer);
  const auto state = std::move(writer).finish();
  StateReader reader{state};
  into.load(reader);
  reader.end();
}

/// As filtered(), but after each chunk the filter is thrown away and made anew from its state.
template <class Filter>
std::string filtered_anew(Filter fresh, const Chunks& chunks) {
  std::string out;
  auto filter = fresh;
  for (const auto& chunk : chunks) {
    out += filter.write(chunk);
    auto next = fresh;
    copy_state(filter, next);
    filter = next;
  }
  if constexpr (requires { filter.flush(); }) out += filter.flush();
  return out;
}

/// Loads what `write(StateWriter&)` writes.
template <class Filter, class Write>
void load_from(Filter& filter, Write write) {
  StateWriter writer;
  write(writer);
  const auto state = std::move(writer).finish();
  StateReader reader{state};
  filter.load(reader);
  reader.end();
}

/// The state with its content changed and a CRC that fits.
template <class Change>
std::string resealed(std::string state, Change change) {
  auto rest = state.substr(5);
  change(rest);
  const auto crc = ::crc32_z(0, reinterpret_cast<const Bytef*>(rest.data()), rest.size());
  for (std::size_t i = 0; i < 4; ++i) state[1 + i] = static_cast<char>(crc >> 8 * i & 0xFF);
  return state.substr(0, 5) + rest;
}

}  // namespace slipway::job
