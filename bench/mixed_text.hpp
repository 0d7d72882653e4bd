// The content of compressed blobs: text that a compressor takes for source code, the same on every
// machine. At level 3 it shrinks in frames of 4 KiB to a half and in frames of 64 KiB to two
// fifths, about as fast as real sources do.
#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace conduit::bench {

// Draws words as a language uses them, a few often and most rarely, and sets them into lines of a
// few shapes. Some lines come again, as in sources, and some carry numbers, which no compressor
// shortens much. Dice of the standard distributions fall differently from one library to the next,
// so there are none.
class mixed_text {
 public:
  explicit mixed_text(unsigned seed) : random_(seed) {
    for (std::string& word : words_) word = new_word();
  }

  std::vector<char> next(std::size_t size) {
    std::vector<char> text;
    text.reserve(size + line_bytes_max);
    while (text.size() < size) {
      const std::string& line = next_line();
      text.insert(text.end(), line.begin(), line.end());
    }
    text.resize(size);
    return text;
  }

 private:
  static constexpr std::size_t line_bytes_max = 512;
  static constexpr std::string_view hexadecimal = "0123456789abcdef";
  static constexpr std::string_view base64 =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

  std::size_t below(std::size_t count) { return static_cast<std::size_t>(random_() % count); }

  std::string new_word() {
    static constexpr std::array<std::string_view, 24> syllables{
        "re",  "con", "at", "er", "in",  "st",  "le", "tion", "de", "al",  "ma", "or",
        "buf", "fer", "si", "ze", "off", "set", "ca", "dex",  "co", "unt", "fi", "ad"};
    std::string word;
    for (std::size_t left = 1 + below(4); left > 0; --left)
      word += syllables[below(syllables.size())];
    return word;
  }

  // The word of rank r comes about as often as 1/r says.
  const std::string& word() {
    constexpr double one = 9007199254740992.0;  // 2^53
    const double share = static_cast<double>(random_() >> 11U) / one;
    return words_[static_cast<std::size_t>(std::pow(static_cast<double>(words_.size()), share)) -
                  1];
  }

  std::string name() { return below(3) == 0 ? word() + '_' + word() : word(); }

  std::string letters(std::size_t count, std::string_view alphabet) {
    std::string text;
    for (; count > 0; --count) text += alphabet[below(alphabet.size())];
    return text;
  }

  const std::string& next_line() {
    std::string& line = lines_[below(lines_.size())];
    const bool again = !line.empty() && below(100) < percent_again;
    if (!again) line = new_line();
    return line;
  }

  std::string new_line() {
    std::string line(2 * below(5), ' ');
    switch (below(5)) {
      case 0:
        line += "//";
        for (std::size_t left = 6 + below(10); left > 0; --left) line += ' ' + word();
        break;
      case 1:
        line += "if (" + name() + " != 0x" + letters(8, hexadecimal) + ") return " + name() + ';';
        break;
      case 2:
        line += "constexpr std::string_view " + name() + " = \"" + letters(192, base64) + "\";";
        break;
      default:
        line += "const auto " + name() + " = " + name() + '.' + name() + '(' + name() + ", " +
                name() + ");";
        break;
    }
    return line += '\n';
  }

  static constexpr std::size_t percent_again = 30;
  std::mt19937_64 random_;
  std::vector<std::string> words_ = std::vector<std::string>(4096);
  std::vector<std::string> lines_ = std::vector<std::string>(16);  // some of the latest
};

inline std::vector<char> mixed_bytes(std::size_t size, unsigned seed) {
  return mixed_text(seed).next(size);
}

}  // namespace conduit::bench
