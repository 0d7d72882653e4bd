#include <conduit/data_location.hpp>
#include <conduit/error.hpp>

#include <charconv>
#include <cinttypes>
#include <cstdio>
#include <ostream>

#include "base/little_endian.hpp"

namespace conduit {

namespace {

constexpr std::size_t at_file = 0;
constexpr std::size_t at_checksum = 4;
constexpr std::size_t at_start = 8;
constexpr std::size_t at_end = 16;

// Takes a number off the front of `text`: digits only, no leading zeros (decimal), and within the
// range of the type.
template <typename Integer>
bool take_decimal(std::string_view& text, Integer& value) noexcept {
  const char* const begin = text.data();
  const auto [end, error] = std::from_chars(begin, begin + text.size(), value);
  const auto digits = static_cast<std::size_t>(end - begin);
  if (error != std::errc{} || digits == 0 || (digits > 1 && *begin == '0')) return false;
  text.remove_prefix(digits);
  return true;
}

bool take_character(std::string_view& text, char wanted) noexcept {
  if (text.empty() || text.front() != wanted) return false;
  text.remove_prefix(1);
  return true;
}

bool take_checksum(std::string_view& text, std::uint32_t& checksum) noexcept {
  constexpr std::size_t digits = 8;
  if (text.size() != digits || text.find_first_not_of("0123456789abcdef") != std::string_view::npos)
    return false;
  std::from_chars(text.begin(), text.end(), checksum, 16);
  text = {};
  return checksum != 0;
}

bool parse_into(std::string_view text, data_location& found) noexcept {
  if (!take_decimal(text, found.file_number) || !take_character(text, ':') ||
      !take_decimal(text, found.start) || !take_character(text, '-') ||
      !take_decimal(text, found.end)) {
    return false;
  }
  if (!text.empty() && !(take_character(text, '#') && take_checksum(text, found.checksum)))
    return false;
  return found.start <= found.end;
}

}  // namespace

std::array<std::byte, data_location::encoded_size> data_location::encode() const noexcept {
  std::array<std::byte, encoded_size> bytes{};
  store_little_endian(&bytes[at_file], file_number);
  store_little_endian(&bytes[at_checksum], checksum);
  store_little_endian(&bytes[at_start], start);
  store_little_endian(&bytes[at_end], end);
  return bytes;
}

data_location data_location::decode(std::span<const std::byte> bytes,
                                    std::error_code& error) noexcept {
  error.clear();
  data_location found;
  if (bytes.size() == encoded_size) {
    found.file_number = load_little_endian<std::uint32_t>(&bytes[at_file]);
    found.checksum = load_little_endian<std::uint32_t>(&bytes[at_checksum]);
    found.start = load_little_endian<std::uint64_t>(&bytes[at_start]);
    found.end = load_little_endian<std::uint64_t>(&bytes[at_end]);
    if (found.start <= found.end) return found;
  }
  error = errc::bad_location;
  return {};
}

data_location data_location::decode(std::span<const std::byte> bytes) {
  std::error_code error;
  const data_location found = decode(bytes, error);
  if (error) throw std::system_error(error);
  return found;
}

std::string data_location::to_string() const {
  std::array<char, 64> text{};  // the longest is 61 characters
  const int length = std::snprintf(text.data(), text.size(), "%" PRIu32 ":%" PRIu64 "-%" PRIu64,
                                   file_number, start, end);
  std::string result(text.data(), static_cast<std::size_t>(length));
  if (checksum != 0) {
    std::snprintf(text.data(), text.size(), "#%08" PRIx32, checksum);
    result += text.data();
  }
  return result;
}

data_location data_location::parse(std::string_view text, std::error_code& error) noexcept {
  error.clear();
  data_location found;
  if (parse_into(text, found)) return found;
  error = errc::bad_location;
  return {};
}

data_location data_location::parse(std::string_view text) {
  std::error_code error;
  const data_location found = parse(text, error);
  if (error) throw std::system_error(error);
  return found;
}

std::ostream& operator<<(std::ostream& to, const data_location& location) {
  return to << location.to_string();
}

}  // namespace conduit

std::size_t std::hash<conduit::data_location>::operator()(
    const conduit::data_location& location) const noexcept {
  const auto bytes = location.encode();
  return std::hash<std::string_view>()({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}
