// `ffdb bench` and `ffdb doctor`: what they print, and that a benchmark leaves nothing behind.
#include <algorithm>
#include <array>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <sys/inotify.h>
#include <unistd.h>

#include "cli/ffdb.hpp"
#include "support/backend.hpp"
#include "support/catch.hpp"

namespace conduit::test {
namespace {

using nlohmann::json;

std::vector<std::string> keys_of(const json& object) {
  std::vector<std::string> keys;
  for (const auto& entry : object.items()) keys.push_back(entry.key());
  return keys;  // sorted
}

void check_report(const program_result& result, const std::string& operation) {
  INFO(result.err);
  REQUIRE(result.status == 0);
  const json report = json::parse(result.out);
  CHECK(keys_of(report) ==
        std::vector<std::string>{"block_bytes", "bytes_per_second", "compression", "concurrency",
                                 "cpu_us_per_op", "direct", "durability", "engine", "iops",
                                 "latency_us", "operation", "operations", "seconds", "threads"});
  const json& latency = report["latency_us"];
  CHECK(keys_of(latency) == std::vector<std::string>{"max", "mean", "p50", "p90", "p99", "p99_9"});
  CHECK(latency["p50"] <= latency["p90"]);
  CHECK(latency["p90"] <= latency["p99"]);
  CHECK(latency["p99"] <= latency["p99_9"]);
  CHECK(latency["p99_9"] <= latency["max"]);
  CHECK(latency["mean"] <= latency["max"]);
  CHECK(report["engine"] == (backend_under_test() == backend::io_uring ? "io_uring" : "threads"));
  CHECK(report["operation"] == operation);
  CHECK(report["compression"] == "none");
  CHECK(report["operations"] > 0);
  CHECK(report["iops"] > 0);
  CHECK(report["cpu_us_per_op"] > 0);
}

// A store with sealed files to read.
struct readable_store : scratch_store {
  readable_store() {
    put(content_of(100'000), {"--max-file-size", "50K"});
    put(content_of(10), {"--max-file-size", "50K"});
  }
};

}  // namespace

TEST_CASE("bench randread reports what it measured in the promised keys", "[cli]") {
  const readable_store at;
  const auto before = at.everything();
  const program_result result = at.run("bench", {"randread", "--seconds", "0.1", "--concurrency",
                                                 "4", "--threads", "2", "--size", "2K", "--json"});
  check_report(result, "randread");
  const json report = json::parse(result.out);
  CHECK(report["block_bytes"] == 2048);
  CHECK(report["concurrency"] == 4);
  CHECK(report["threads"] == 2);
  CHECK(report["direct"] == false);
  CHECK(at.everything() == before);
}

TEST_CASE("bench randread ends with more reads pending than a ring has entries, and with very many",
          "[cli]") {
  const readable_store at;
  const std::string concurrency = GENERATE("514", "600", "65536");
  const program_result result = at.run("bench", {"randread", "--seconds", "0.1", "--concurrency",
                                                 concurrency, "--size", "2K", "--json"});
  check_report(result, "randread");
  CHECK(std::to_string(json::parse(result.out)["concurrency"].get<unsigned>()) == concurrency);
}

TEST_CASE("bench randread reads past the page cache when told to", "[cli]") {
  const readable_store at;
  const program_result result =
      at.run("bench", {"randread", "--seconds", "0.1", "--direct", "--json"});
  // A file system without O_DIRECT says so.
  if (result.status == 0) check_report(result, "randread");
  CHECK((result.status == 0 || result.err.find("nvalid") != std::string::npos));
}

TEST_CASE("bench randread with nothing to read is exit status 1", "[cli]") {
  const scratch_store at;
  SECTION("an empty store") { std::filesystem::create_directory(at.store()); }
  SECTION("only a mutable file") { at.put(content_of(100'000)); }
  SECTION("sealed files smaller than a block") {
    at.put(content_of(4000));
    at.run("roll");
  }
  const program_result result = at.run("bench", {"randread", "--seconds", "0.1"});
  CHECK(result.status == 1);
  CHECK(result.out.empty());
  CHECK(result.err.find("nothing to read") != std::string::npos);
}

TEST_CASE("bench put and mixed work beside the store and leave nothing behind", "[cli]") {
  const readable_store at;
  const auto before = at.everything();
  for (const char* operation : {"put", "mixed"}) {
    const program_result result = at.run("bench", {operation, "--seconds", "0.2", "--threads", "2",
                                                   "--max-file-size", "1M", "--durable", "--json"});
    check_report(result, operation);
    CHECK(json::parse(result.out)["durability"] == "fdatasync");
    CHECK(at.everything() == before);
  }
}

TEST_CASE("bench put keeps away from the lock file that was named for the store", "[cli]") {
  const scratch_store at;
  CHECK(at.run("bench", {"put", "--seconds", "0.05", "--lock", at.path("named.lock")}).status == 0);
  CHECK(at.everything().empty());
}

TEST_CASE("bench draws its latencies with gnuplot and says so when there is none", "[cli]") {
  const scratch_store at;
  const arguments words{"put", "--seconds", "0.05", "--plot", at.path("it's a plot.svg")};
  const program_result drawn = at.run("bench", words);
  if (drawn.status == 0) {
    CHECK(scratch_store::read(at.path("it's a plot.svg")).find("</svg>") != std::string::npos);
  } else {
    CHECK(drawn.err.find("gnuplot") != std::string::npos);
  }
  std::filesystem::remove(at.path("it's a plot.svg"));

  const std::string path = std::getenv("PATH");
  ::setenv("PATH", "/nonexistent", 1);
  const program_result missing = at.run("bench", words);
  ::setenv("PATH", path.c_str(), 1);
  CHECK(missing.status == 1);
  CHECK(missing.err.find("gnuplot") != std::string::npos);
  CHECK(at.everything().empty());
}

TEST_CASE("an interrupted benchmark removes its store", "[cli]") {
  const scratch_store at;
  const int watch = ::inotify_init1(IN_CLOEXEC);
  REQUIRE(watch >= 0);
  REQUIRE(::inotify_add_watch(watch, at.path("").c_str(), IN_CREATE) >= 0);
  running_ffdb running(at.command_line("bench", {"put", "--seconds", "300"}));
  // Its directory appears before its lock file does: wait for both, so that the signal finds the
  // benchmark at work.
  for (bool lock_seen = false; !lock_seen;) {
    alignas(inotify_event) std::array<char, 4096> events;
    REQUIRE(::read(watch, events.data(), events.size()) > 0);
    lock_seen = std::ranges::any_of(
        at.everything(), [](const auto& entry) { return entry.first.ends_with(".lock"); });
  }
  ::close(watch);
  ::kill(running.pid(), SIGINT);
  CHECK(running.finish().status == 1);
  CHECK(at.everything().empty());
}

TEST_CASE("doctor reports the backend and why and the limits", "[cli]") {
  const readable_store at;
  const program_result result = at.run("doctor", {"--json"});
  INFO(result.err);
  REQUIRE(result.status == 0);
  const json found = json::parse(result.out);
  CHECK(found["backend"] == (backend_under_test() == backend::io_uring ? "io_uring" : "threads"));
  CHECK_FALSE(found["backend_reason"].get<std::string>().empty());
  CHECK_FALSE(found["kernel"].get<std::string>().empty());
  CHECK(keys_of(found["limits"]) ==
        std::vector<std::string>{"io_uring_disabled", "locked_memory_bytes", "open_files"});
  CHECK(found["data"]["path"] == at.store());
  CHECK(found["lock"]["path"] == at.store() + ".lock");
  CHECK(found["data"].contains("file_system"));
  CHECK(found["advice"].is_array());
  CHECK(at.run("doctor").status == 0);
}

TEST_CASE(
    "doctor advises against a file system that is not known to be local, where it may look at one "
    "at all",
    "[cli]") {
  const scratch_store at;
  arguments call = {"doctor", "--store", "/proc/self/fdinfo", "--lock", at.path("store.lock")};
  const program_result refused = ffdb(call);
  CHECK(refused.status == 1);
  CHECK_THAT(refused.err, Catch::Contains("--allow-network"));
  call.emplace_back("--allow-network");
  const program_result told = ffdb(call);
  CHECK(told.status == 0);
  CHECK_THAT(told.out, Catch::Contains("not known to be local"));
}

TEST_CASE("doctor needs no store", "[cli]") {
  const program_result result = ffdb({"doctor", "--json"});
  REQUIRE(result.status == 0);
  const json found = json::parse(result.out);
  CHECK(found["backend"] == (backend_under_test() == backend::io_uring ? "io_uring" : "threads"));
  CHECK_FALSE(found.contains("data"));
}

}  // namespace conduit::test
