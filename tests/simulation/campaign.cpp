#include "simulation/campaign.hpp"

#include <sched.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <string>
#include <thread>
#include <vector>

#include "simulation/director.hpp"
#include "simulation/totals.hpp"

namespace conduit::simulation {

namespace {

// Every so many histories one is played twice: the same must happen.
constexpr std::uint64_t replay_interval = 50;

// What the workers share.
struct progress {
  std::atomic<std::uint64_t> next{0};
  std::atomic<bool> stop{false};
};

void pin_to_processor(unsigned number) noexcept {
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(number, &one);
  ::sched_setaffinity(0, sizeof one, &one);
}

void report(std::uint64_t number, const history& what, const verdict& result) {
  std::string text = "\nhistory " + std::to_string(number) + ": " + to_string(what) + "\n";
  for (const std::string& line : result.story) text += line + "\n";
  for (const std::string& line : result.found) text += "FOUND: " + line + "\n";
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

// One history; true where nothing was found.
bool play_one(const campaign& all, std::uint64_t number, totals& sum) {
  const history what = all.numbered(number);
  verdict result = play(what);
  if (number % replay_interval == 0 && result.found.empty() &&
      play(what).fingerprint != result.fingerprint) {
    result.found.emplace_back("the same history went another way");
  }
  sum.add(result);
  if (result.found.empty()) return true;
  report(number, what, result);
  return false;
}

// A worker of its own process: a world is forked off a process that has one thread.
[[noreturn]] void work(const campaign& all, progress& shared, totals& sum, unsigned processor) {
  using namespace std::chrono;
  pin_to_processor(processor);
  for (const auto begun = steady_clock::now();;) {
    if (all.seconds != 0 && steady_clock::now() - begun >= seconds(all.seconds)) break;
    const std::uint64_t number = shared.next.fetch_add(1);
    if (shared.stop || (all.count != 0 && number >= all.from + all.count)) break;
    if (!play_one(all, number, sum)) shared.stop = true;
  }
  ::_exit(0);
}

template <typename T>
T* shared_memory(std::size_t count) {
  void* const memory =
      ::mmap(nullptr, count * sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED)
    throw std::system_error(errno, std::system_category(), "memory for the simulation");
  return new (memory) T[count];
}

// True where it ended as it should.
bool wait_for(pid_t worker) {
  int status = 0;
  while (::waitpid(worker, &status, 0) < 0 && errno == EINTR) {
  }
  return status == 0;
}

}  // namespace

bool run(const campaign& what) {
  using namespace std::chrono;
  const unsigned jobs =
      what.jobs != 0 ? what.jobs : std::max(1U, std::thread::hardware_concurrency());
  progress& shared = *shared_memory<progress>(1);
  totals* const sums = shared_memory<totals>(jobs);
  shared.next = what.from;
  const auto begun = steady_clock::now();
  std::vector<pid_t> workers;
  for (unsigned i = 0; i < jobs; ++i) {
    const pid_t made = ::fork();
    if (made == 0) work(what, shared, sums[i], i);
    workers.push_back(made);
  }
  bool well = true;
  for (const pid_t worker : workers) well = wait_for(worker) && well;
  totals sum;
  for (unsigned i = 0; i < jobs; ++i) sum += sums[i];
  const auto took = duration_cast<milliseconds>(steady_clock::now() - begun).count();
  std::printf("%s from %llu: %llu in %lld.%01lld s\n", what.name.c_str(),
              static_cast<unsigned long long>(what.from),
              static_cast<unsigned long long>(sum.histories), static_cast<long long>(took / 1000),
              static_cast<long long>(took % 1000 / 100));
  if (!what.totals.empty()) sum = keep(what.totals, sum);
  std::fputs(to_string(sum).c_str(), stdout);
  return well && sum.found == 0;
}

}  // namespace conduit::simulation
