// `ffdb bench`: how fast this store, or one beside it, reads and writes.
#include <CLI/App.hpp>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fmt/format.h>
#include <memory>
#include <string>
#include <system_error>

#include "cli/bench_run.hpp"
#include "cli/commands.hpp"
#include "cli/event_loops.hpp"
#include "cli/exit_status.hpp"
#include "cli/histogram.hpp"
#include "cli/output.hpp"
#include "cli/store_flags.hpp"
#include "cli/words.hpp"

namespace conduit::cli {
namespace {

// A store beside another one; this object removes it, with its lock file, when it is destroyed.
class temporary_store {
 public:
  // Throws `failure`.
  explicit temporary_store(const std::string& beside);
  temporary_store(const temporary_store&) = delete;
  temporary_store& operator=(const temporary_store&) = delete;
  ~temporary_store();

  const std::string& directory() const noexcept { return directory_; }
  std::string lock() const { return directory_ + ".lock"; }

 private:
  std::string directory_;
};

namespace fs = std::filesystem;

temporary_store::temporary_store(const std::string& beside) {
  directory_ = absolute_store_path(beside) + ".bench-XXXXXX";
  if (::mkdtemp(directory_.data()) == nullptr) throw failure(directory_, last_error());
}

temporary_store::~temporary_store() {
  std::error_code ignored;
  fs::remove_all(directory_, ignored);
  fs::remove(lock(), ignored);
}

// For `mixed`: nine gets for each put.
constexpr double mixed_read_share = 0.9;

struct bench_flags : store_flags {
  std::string operation;
  bench_plan plan;
  bool direct = false;
  bool json = false;
  std::string plot;
};

struct bench_report {
  bench_result result;
  conduit::backend engine = backend::automatic;
  std::string_view compression;
  std::string_view durability;
};

std::string_view form_of(const std::vector<file_info>& files) {
  for (const file_info& file : files) {
    if (file.form == file_form::zstd) return "zstd";
  }
  return "none";
}

bench_report bench_existing_store(const bench_flags& flags) {
  options how = flags.reading();
  how.direct_io = flags.direct;
  event_loops loops(flags.threads());
  const flat_file_db db = open_store(loops.home(), how);
  bench_report report;
  report.compression = form_of(run_one(loops.home(), db.files()));
  report.durability = "none";
  report.result = bench_reads(loops, db, flags.plan);
  report.engine = db.stats().backend;
  return report;
}

bench_report bench_new_store(const bench_flags& flags) {
  options how = flags.writing();
  // With a separate lock: the record in the lock of the store beside it describes other files.
  const temporary_store store(flags.directory());
  how.data_directory = store.directory();
  how.lock_path = store.lock();
  how.direct_io = flags.direct;

  event_loops loops(flags.threads());
  const stop_on_signal interruption(loops);
  const flat_file_db db = open_store(loops.home(), how);
  bench_report report;
  report.compression = word_of(how.compression);
  report.durability = how.durability == durability::fdatasync ? "fdatasync" : "none";
  report.result =
      bench_writes(loops, db, flags.plan, flags.operation == "mixed" ? mixed_read_share : 0);
  report.engine = db.stats().backend;
  run_one(loops.home(), db.close());
  if (interruption.arrived()) throw failure(exit_status::failed, "interrupted");
  return report;
}

struct bench_figures {
  bench_figures(const bench_flags& flags, const bench_result& result)
      : operations(result.latency.count()),
        iops(static_cast<double>(operations) / result.seconds),
        bytes_per_second(iops * static_cast<double>(flags.plan.block_bytes)),
        cpu_us_per_op(result.cpu_seconds * 1e6 / static_cast<double>(operations)) {}

  std::uint64_t operations;
  double iops;
  double bytes_per_second;
  double cpu_us_per_op;
};

void print_json(const bench_flags& flags, const bench_report& report) {
  const bench_figures figures(flags, report.result);
  const histogram& latency = report.result.latency;
  nlohmann::ordered_json document;
  document["engine"] = word_of(report.engine);
  document["operation"] = flags.operation;
  document["concurrency"] = flags.plan.concurrency;
  document["threads"] = flags.threads();
  document["block_bytes"] = flags.plan.block_bytes;
  document["direct"] = flags.direct;
  document["compression"] = report.compression;
  document["durability"] = report.durability;
  document["seconds"] = report.result.seconds;
  document["operations"] = figures.operations;
  document["iops"] = figures.iops;
  document["bytes_per_second"] = figures.bytes_per_second;
  document["cpu_us_per_op"] = figures.cpu_us_per_op;
  document["latency_us"] = {{"mean", latency.mean_us()},
                            {"p50", latency.percentile_us(0.5)},
                            {"p90", latency.percentile_us(0.9)},
                            {"p99", latency.percentile_us(0.99)},
                            {"p99_9", latency.percentile_us(0.999)},
                            {"max", latency.max_us()}};
  write_json_to_stdout(document);
}

void print_text(const bench_flags& flags, const bench_report& report) {
  const bench_figures figures(flags, report.result);
  const histogram& latency = report.result.latency;
  write_to_stdout(
      fmt::format("{} of {} bytes, {} at a time on {} threads, {}: {:.0f} a second, {:.1f} MiB/s, "
                  "{:.2f} us of CPU each\n",
                  flags.operation, flags.plan.block_bytes, flags.plan.concurrency, flags.threads(),
                  word_of(report.engine), figures.iops, figures.bytes_per_second / (1U << 20),
                  figures.cpu_us_per_op));
  write_to_stdout(fmt::format(
      "latency in us: mean {:.1f}, p50 {:.1f}, p90 {:.1f}, p99 {:.1f}, p99.9 {:.1f}, max {:.1f}\n",
      latency.mean_us(), latency.percentile_us(0.5), latency.percentile_us(0.9),
      latency.percentile_us(0.99), latency.percentile_us(0.999), latency.max_us()));
}

exit_status run_bench(const bench_flags& flags) {
  const bench_report report =
      flags.operation == "randread" ? bench_existing_store(flags) : bench_new_store(flags);
  (flags.json ? print_json : print_text)(flags, report);
  if (!flags.plot.empty()) {
    const std::string title = fmt::format(
        "{} of {} bytes, {} at a time on {} threads, {}", flags.operation, flags.plan.block_bytes,
        flags.plan.concurrency, flags.threads(), word_of(report.engine));
    plot_latency(report.result.latency, title, flags.plot);
  }
  return exit_status::done;
}

}  // namespace

void add_bench(CLI::App& program, command_action& chosen) {
  auto flags = std::make_shared<bench_flags>();
  CLI::App* command = program.add_subcommand(
      "bench",
      "measure random reads of the store's sealed files (randread), or puts (put) or nine gets to "
      "a put (mixed) in a temporary store "
      "beside it, which has a lock file of its own and keeps its newest data files only");
  command->add_option("OPERATION", flags->operation, "randread, put or mixed")
      ->required()
      ->check(CLI::IsMember({"randread", "put", "mixed"}));
  flags->add_writer_to(*command);
  flags->add_put_to(*command);
  add_size(*command, "--size", flags->plan.block_bytes, "bytes of a read or of a blob");
  command
      ->add_option("--concurrency", flags->plan.concurrency,
                   "operations at a time, over all threads")
      ->check(CLI::Range(1U, 65536U))
      ->capture_default_str();
  command->add_option("--seconds", flags->plan.seconds, "how long")
      ->check(CLI::Range(0.001, 1e6))
      ->capture_default_str();
  command->add_flag("--direct", flags->direct, "read sealed files past the page cache");
  command->add_flag("--json", flags->json, "as a JSON object");
  command->add_option("--plot", flags->plot,
                      "an SVG file to draw the latencies into, with gnuplot");
  command->callback([flags, &chosen] { chosen = [flags] { return run_bench(*flags); }; });
}

}  // namespace conduit::cli
