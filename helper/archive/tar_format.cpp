#include "helper/archive/tar_format.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <limits>

namespace slipway::helper::archive {
namespace {

// Of a header: where a field begins and how long it is.
struct Field {
  std::size_t at;
  std::size_t size;
};
constexpr Field name_field{0, 100};
constexpr Field mode_field{100, 8};
constexpr Field uid_field{108, 8};
constexpr Field gid_field{116, 8};
constexpr Field size_field{124, 12};
constexpr Field mtime_field{136, 12};
constexpr Field sum_field{148, 8};
constexpr Field kind_field{156, 1};
constexpr Field target_field{157, 100};
constexpr Field magic_field{257, 8};
constexpr Field device_major_field{329, 8};
constexpr Field device_minor_field{337, 8};
constexpr Field prefix_field{345, 155};

constexpr std::string_view posix_magic{"ustar\00000", 8};
constexpr std::string_view posix_mark{"ustar\0", 6};
constexpr std::uint64_t most_size = std::uint64_t{1} << 62;

void put(std::string& block, const Field& field, std::string_view text) {
  block.replace(field.at, std::min(text.size(), field.size), text.substr(0, field.size));
}

// The largest number that fits, where `value` does not: a pax record says better.
bool put_octal(std::string& block, const Field& field, std::int64_t value) {
  const auto digits = field.size - 1;
  const auto most = (std::int64_t{1} << (3 * digits)) - 1;
  const auto shown = std::clamp<std::int64_t>(value, 0, most);
  for (std::size_t i = 0; i < digits; ++i)
    block[field.at + i] = static_cast<char>('0' + (shown >> (3 * (digits - 1 - i)) & 7));
  return shown == value;
}

std::uint32_t sum_of(std::string_view block, bool as_signed) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < tar_block; ++i) {
    const bool own = i >= sum_field.at && i < sum_field.at + sum_field.size;
    const auto byte = static_cast<unsigned char>(own ? ' ' : block[i]);
    sum += as_signed ? static_cast<std::uint32_t>(static_cast<signed char>(byte)) : byte;
  }
  return sum;
}

// Where a long name is cut in two, `prefix/name`; empty if there is no such place.
std::optional<std::size_t> split_of(std::string_view name) {
  if (name.size() > prefix_field.size + 1 + name_field.size) return std::nullopt;
  const auto from = name.size() - std::min(name.size(), name_field.size + 1);
  const auto at = name.find('/', std::max<std::size_t>(from, 1));
  if (at == std::string_view::npos || at > prefix_field.size || at + 1 == name.size())
    return std::nullopt;
  return at;
}

// `<length> <key>=<value>\n`, the length of all of it.
void add_record(std::string& records, std::string_view key, std::string_view value) {
  const auto rest = key.size() + value.size() + 3;
  auto size = rest + 1;
  while (std::to_string(size).size() + rest != size) ++size;
  records += std::to_string(size) + " ";
  records.append(key).append("=").append(value).append("\n");
}

std::string one_header(const TarEntry& entry, std::string& records) {
  std::string block(tar_block, '\0');
  const auto split = entry.name.size() > name_field.size ? split_of(entry.name) : std::nullopt;
  if (split) {
    put(block, prefix_field, std::string_view{entry.name}.substr(0, *split));
    put(block, name_field, std::string_view{entry.name}.substr(*split + 1));
  } else {
    put(block, name_field, entry.name);
    if (entry.name.size() > name_field.size) add_record(records, "path", entry.name);
  }
  put(block, target_field, entry.target);
  if (entry.target.size() > target_field.size) add_record(records, "linkpath", entry.target);
  const auto number = [&](const Field& field, std::int64_t value, std::string_view key) {
    if (!put_octal(block, field, value)) add_record(records, key, std::to_string(value));
  };
  put_octal(block, mode_field, entry.mode);
  number(uid_field, entry.uid.value_or(0), "uid");
  number(gid_field, entry.gid.value_or(0), "gid");
  number(size_field, static_cast<std::int64_t>(entry.size), "size");
  number(mtime_field, entry.mtime, "mtime");
  put_octal(block, device_major_field, 0);
  put_octal(block, device_minor_field, 0);
  block[kind_field.at] = entry.kind;
  put(block, magic_field, posix_magic);
  put_octal(block, {sum_field.at, sum_field.size - 1}, sum_of(block, false));
  block[sum_field.at + sum_field.size - 1] = ' ';
  return block;
}

std::string_view text_of(std::string_view block, const Field& field) {
  const auto bytes = block.substr(field.at, field.size);
  return bytes.substr(0, bytes.find('\0'));
}

// Octal digits, or, as GNU has it, a set highest bit and two's complement.
std::optional<std::int64_t> number_of(std::string_view block, const Field& field) {
  auto bytes = block.substr(field.at, field.size);
  const auto first = static_cast<unsigned char>(bytes[0]);
  if (first & 0x80) {
    std::uint64_t value = first & 0x40 ? ~std::uint64_t{0} : 0;
    const std::uint64_t sign = value;
    value = value << 7 | (first & 0x7F);
    for (const char c : bytes.substr(1)) {
      if ((value >> 55) != (sign >> 55)) return std::nullopt;
      value = value << 8 | static_cast<unsigned char>(c);
    }
    return static_cast<std::int64_t>(value);
  }
  const auto begin = bytes.find_first_not_of(' ');
  const auto digits = bytes.substr(std::min(begin, bytes.size()));
  std::uint64_t value = 0;
  std::size_t used = 0;
  for (; used < digits.size() && digits[used] >= '0' && digits[used] <= '7'; ++used)
    value = value << 3 | static_cast<std::uint64_t>(digits[used] - '0');
  const auto rest = digits.substr(used);
  if (!rest.empty() && rest[0] != ' ' && rest[0] != '\0') return std::nullopt;
  return static_cast<std::int64_t>(value);
}

std::optional<std::uint32_t> id_of(std::optional<std::int64_t> value) {
  if (!value || *value < 0 || *value > std::numeric_limits<std::uint32_t>::max())
    return std::nullopt;
  return static_cast<std::uint32_t>(*value);
}

// The whole seconds of a decimal number, rounded down.
std::optional<std::int64_t> decimal(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{}) return std::nullopt;
  const std::string_view rest{end, static_cast<std::size_t>(text.data() + text.size() - end)};
  if (rest.empty()) return value;
  const auto fraction = rest.substr(1);
  if (rest[0] != '.' || fraction.find_first_not_of("0123456789") != std::string_view::npos)
    return std::nullopt;
  const bool down = text.starts_with('-') && fraction.find_first_not_of('0') != fraction.npos;
  return down ? value - 1 : value;
}

bool apply_record(std::string_view key, std::string_view value, TarEntry& entry) {
  if (key == "path" || key == "linkpath") {
    (key == "path" ? entry.name : entry.target) = value;
    return !value.empty();
  }
  if (key != "size" && key != "mtime" && key != "uid" && key != "gid") return true;
  const auto number = decimal(value);
  if (!number) return false;
  if (key == "mtime") entry.mtime = *number;
  if (key == "uid") entry.uid = id_of(number);
  if (key == "gid") entry.gid = id_of(number);
  if (key != "size") return true;
  entry.size = static_cast<std::uint64_t>(*number);
  return *number >= 0 && entry.size <= most_size;
}

}  // namespace

std::string tar_header(const TarEntry& entry) {
  std::string records;
  const auto header = one_header(entry, records);
  if (records.empty()) return header;
  TarEntry pax;
  const auto name = std::string_view{entry.name}.substr(0, entry.name.find_last_not_of('/') + 1);
  // Who does not know such headers finds a file of this name.
  pax.name = "PaxHeaders/" + std::string{name.substr(name.rfind('/') + 1)}.substr(0, 80);
  pax.kind = static_cast<char>(TarKind::pax);
  pax.mode = 0644;
  pax.size = records.size();
  std::string none;
  auto bytes = one_header(pax, none) + records;
  bytes.append(tar_padding(records.size()), '\0');
  return bytes + header;
}

std::size_t tar_padding(std::uint64_t size) {
  return (tar_block - size % tar_block) % tar_block;
}

std::string tar_end() {
  return std::string(2 * tar_block, '\0');
}

std::optional<TarEntry> parse_tar_header(std::string_view block) {
  if (block.size() != tar_block) return std::nullopt;
  const auto sum = number_of(block, sum_field);
  if (!sum || (static_cast<std::uint32_t>(*sum) != sum_of(block, false) &&
               static_cast<std::uint32_t>(*sum) != sum_of(block, true)))
    return std::nullopt;
  const auto size = number_of(block, size_field);
  const auto mode = number_of(block, mode_field);
  const auto mtime = number_of(block, mtime_field);
  if (!size || *size < 0 || static_cast<std::uint64_t>(*size) > most_size || !mode || !mtime)
    return std::nullopt;
  TarEntry entry;
  entry.name = text_of(block, name_field);
  if (block.substr(magic_field.at, posix_mark.size()) == posix_mark) {
    const auto prefix = text_of(block, prefix_field);
    if (!prefix.empty()) entry.name = std::string{prefix} + "/" + entry.name;
  }
  entry.target = text_of(block, target_field);
  entry.kind = block[kind_field.at];
  entry.mode = static_cast<std::uint32_t>(*mode & 07777);
  entry.size = static_cast<std::uint64_t>(*size);
  entry.mtime = *mtime;
  entry.uid = id_of(number_of(block, uid_field));
  entry.gid = id_of(number_of(block, gid_field));
  return entry;
}

std::string apply_pax_records(std::string_view records, TarEntry& entry) {
  while (!records.empty()) {
    std::size_t size = 0;
    const auto [end, error] =
        std::from_chars(records.data(), records.data() + records.size(), size);
    const auto digits = static_cast<std::size_t>(end - records.data());
    if (error != std::errc{} || size > records.size() || size < digits + 3 ||
        records[digits] != ' ' || records[size - 1] != '\n')
      return "its pax header is broken";
    const auto record = records.substr(digits + 1, size - digits - 2);
    const auto equals = record.find('=');
    if (equals == std::string_view::npos) return "its pax header is broken";
    const auto key = record.substr(0, equals);
    if (key.starts_with("GNU.sparse.")) return "it is a sparse file of GNU tar, unsupported";
    if (!apply_record(key, record.substr(equals + 1), entry))
      return "its pax header has a broken \"" + std::string{key} + "\"";
    records.remove_prefix(size);
  }
  return "";
}

}  // namespace slipway::helper::archive
