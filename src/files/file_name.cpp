#include "files/file_name.hpp"

#include <charconv>
#include <cinttypes>
#include <cstdio>

namespace conduit::files {

namespace {
constexpr std::string_view prefix = "data_";
constexpr std::string_view plain_suffix = ".dat";
constexpr std::string_view zstd_suffix = ".dat.zst";
constexpr std::size_t digits_min = 8;
}  // namespace

file_name::file_name(std::uint32_t number, file_form form) noexcept {
  std::snprintf(text_.data(), text_.size(), "data_%08" PRIu32 "%s", number,
                form == file_form::plain ? ".dat" : ".dat.zst");
}

std::optional<file_id> parse_file_name(std::string_view name) noexcept {
  if (!name.starts_with(prefix)) return std::nullopt;
  name.remove_prefix(prefix.size());
  file_id found;
  if (name.ends_with(zstd_suffix)) {
    found.form = file_form::zstd;
    name.remove_suffix(zstd_suffix.size());
  } else if (name.ends_with(plain_suffix)) {
    name.remove_suffix(plain_suffix.size());
  } else {
    return std::nullopt;
  }
  // Eight digits, more only if the number needs them: each number has one name.
  if (name.size() < digits_min || (name.size() > digits_min && name.front() == '0'))
    return std::nullopt;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), found.number);
  if (error != std::errc{} || end != name.data() + name.size()) return std::nullopt;
  return found;
}

}  // namespace conduit::files
