// The small parts that every operation passes: locations in both their forms, and the checksum.
#include <benchmark/benchmark.h>

#include <conduit/data_location.hpp>
#include <cstdint>
#include <vector>

#include "base/checksum.hpp"

namespace {

conduit::data_location some_location() {
  conduit::data_location location;
  location.file_number = 17;
  location.checksum = 0x9f86d081;
  location.start = 123'456'789;
  location.end = 123'460'885;
  return location;
}

void encode_location(benchmark::State& state) {
  conduit::data_location location = some_location();
  for (auto _ : state) {
    benchmark::DoNotOptimize(location);
    benchmark::DoNotOptimize(location.encode());
  }
}
BENCHMARK(encode_location);

void decode_location(benchmark::State& state) {
  auto bytes = some_location().encode();
  std::error_code error;
  for (auto _ : state) {
    benchmark::DoNotOptimize(bytes);
    benchmark::DoNotOptimize(conduit::data_location::decode(bytes, error));
  }
}
BENCHMARK(decode_location);

void write_location(benchmark::State& state) {
  const conduit::data_location location = some_location();
  for (auto _ : state) benchmark::DoNotOptimize(location.to_string());
}
BENCHMARK(write_location);

void parse_location(benchmark::State& state) {
  const std::string text = some_location().to_string();
  std::error_code error;
  for (auto _ : state) benchmark::DoNotOptimize(conduit::data_location::parse(text, error));
}
BENCHMARK(parse_location);

void checksum(benchmark::State& state) {
  const std::vector<std::byte> bytes(static_cast<std::size_t>(state.range(0)), std::byte{42});
  for (auto _ : state) benchmark::DoNotOptimize(conduit::checksum_of(bytes));
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(checksum)->Arg(64)->Arg(4096)->Arg(1 << 20);

}  // namespace

BENCHMARK_MAIN();
