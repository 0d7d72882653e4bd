// io_uring: requests of a process that are under way, carried out by the kernel at a time of its
// own.
#pragma once

#include <cstdint>

#include "simulation/world/descriptions.hpp"

struct io_uring;

namespace conduit::simulation {

struct transfer {
  enum class kind : std::uint8_t { read, write, sync };

  kind what = kind::read;
  open_file* file = nullptr;  // held
  void* memory = nullptr;     // of the process: bytes, or a list of parts
  std::uint64_t size = 0;     // bytes, or parts
  std::uint64_t offset = 0;
  std::uint64_t user_data = 0;
  std::uint64_t done = 0;  // bytes written so far
  bool begun = false;
  nanoseconds due = 0;
  const task* submitter = nullptr;
};

struct ring final : description {
  explicit ring(process& whose) : owner(&whose) {}
  ~ring() override;
  bool readable() const noexcept override;
  const char* kind() const noexcept override { return "io_uring"; }

  process* owner;
  io_uring* user = nullptr;         // in the owner's memory
  shared_vector<open_file*> fixed;  // held, by number; null where there is none
  shared_vector<transfer*> under_way;
  shared_deque<std::pair<std::uint64_t, int>> overflow;  // answers that found no room
};

// Registers a file under a number, instead of the one before; null frees the number.
void fix(ring& one, std::size_t number, open_file* file);

// Takes what is filled in, up to `count` entries; returns how many.
unsigned submit(ring& to, unsigned count);
void flush_overflow(ring& one);
bool has_answers(const ring& one) noexcept;

// One step of one request that is due. In the memory of `owner`, of which the calling thread is
// one.
void work_for_kernel(process& owner);
void update_kernel_due(process& owner) noexcept;
// A thread ended: reads that it submitted may fail with it.
void forget_submitter(const task& ended);
void forget_transfers_of(process& dead);
// A killed process: some of its writes get to their end, or part of the way.
void finish_some_transfers_of(process& dying);

}  // namespace conduit::simulation
