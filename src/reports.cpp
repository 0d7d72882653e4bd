// The statistics of compression, for people and for other programs.
#include <conduit/reports.hpp>

#include <iomanip>
#include <locale>
#include <sstream>

namespace conduit {

namespace {

void write_members(std::ostream& out, const file_compression& one) {
  out << "\"plain_bytes\":" << one.plain_bytes << ",\"stored_bytes\":" << one.stored_bytes
      << ",\"ratio\":" << one.ratio() << ",\"frames\":" << one.frames
      << ",\"encode_us\":" << one.encode_us << ",\"frame_bytes\":" << one.frame_bytes
      << ",\"level\":" << one.level << '}';
}

}  // namespace

double file_compression::ratio() const noexcept {
  return stored_bytes == 0 ? 1.0
                           : static_cast<double>(plain_bytes) / static_cast<double>(stored_bytes);
}

std::string compression_report::to_json() const {
  std::ostringstream out;
  out.imbue(std::locale::classic());
  out << std::setprecision(6) << "{\"files\":[";
  const char* separator = "";
  for (const file_compression& one : files) {
    out << separator << "{\"number\":" << one.number << ',';
    write_members(out, one);
    separator = ",";
  }
  out << "],\"sum\":{";
  write_members(out, sum);
  out << '}';
  return std::move(out).str();
}

}  // namespace conduit
