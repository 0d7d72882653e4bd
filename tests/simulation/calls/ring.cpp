// liburing's calls, over the simulated kernel. What liburing does in its header works on the same
// memory as ever.
#include <liburing.h>

#include <bit>
#include <cerrno>
#include <cstdlib>

#include "simulation/calls/answers.hpp"
#include "simulation/calls/real.hpp"
#include "simulation/world/faults.hpp"
#include "simulation/world/processes.hpp"
#include "simulation/world/rings.hpp"

using namespace conduit::simulation;

namespace {

// What the kernel would have mapped.
struct queues {
  unsigned submission_head = 0;
  unsigned submission_tail = 0;
  unsigned submission_entries = 0;
  unsigned submission_mask = 0;
  unsigned submission_flags = 0;
  unsigned completion_head = 0;
  unsigned completion_tail = 0;
  unsigned completion_entries = 0;
  unsigned completion_mask = 0;
  unsigned completion_flags = 0;
  unsigned dropped = 0;
  io_uring_sqe* entries = nullptr;
  io_uring_cqe* answers = nullptr;
};

queues* queues_of(const io_uring& user) noexcept { return static_cast<queues*>(user.sq.ring_ptr); }

ring* ring_of(const io_uring& user) noexcept { return description_as<ring>(user.ring_fd); }

void lay_out(io_uring& user, queues& shared, unsigned entries) {
  shared.submission_entries = std::bit_ceil(entries);
  shared.submission_mask = shared.submission_entries - 1;
  shared.completion_entries = 2 * shared.submission_entries;
  shared.completion_mask = shared.completion_entries - 1;
  shared.entries =
      static_cast<io_uring_sqe*>(std::calloc(shared.submission_entries, sizeof(io_uring_sqe)));
  shared.answers =
      static_cast<io_uring_cqe*>(std::calloc(shared.completion_entries, sizeof(io_uring_cqe)));
  user.sq.khead = &shared.submission_head;
  user.sq.ktail = &shared.submission_tail;
  user.sq.kring_mask = &shared.submission_mask;
  user.sq.kring_entries = &shared.submission_entries;
  user.sq.kflags = &shared.submission_flags;
  user.sq.kdropped = &shared.dropped;
  user.sq.sqes = shared.entries;
  user.sq.ring_ptr = &shared;
  user.sq.ring_mask = shared.submission_mask;
  user.sq.ring_entries = shared.submission_entries;
  user.cq.khead = &shared.completion_head;
  user.cq.ktail = &shared.completion_tail;
  user.cq.kring_mask = &shared.completion_mask;
  user.cq.kring_entries = &shared.completion_entries;
  user.cq.kflags = &shared.completion_flags;
  user.cq.koverflow = &shared.dropped;
  user.cq.cqes = shared.answers;
  user.cq.ring_ptr = &shared;
  user.cq.ring_mask = shared.completion_mask;
  user.cq.ring_entries = shared.completion_entries;
}

}  // namespace

extern "C" {

int io_uring_queue_init(unsigned entries, io_uring* user, unsigned flags) {
  if (!in_world()) return CONDUIT_REAL(io_uring_queue_init)(entries, user, flags);
  enter("io_uring_queue_init");
  const std::int64_t refused = refusal(kernel_call::ring_setup);
  if (refused != 0) return static_cast<int>(refused);
  process& owner = current_process();
  auto* const made = new ring(owner);
  const std::int64_t fd = add_descriptor(made);
  if (fd < 0) return static_cast<int>(fd);
  *user = {};
  const shelter own;
  lay_out(*user, *new queues, entries);
  user->ring_fd = static_cast<int>(fd);
  user->enter_ring_fd = user->ring_fd;
  made->user = user;
  owner.rings.push_back(made);
  return 0;
}

// What is under way is cancelled, or waited for: either way the kernel has no more to do with the
// memory.
void io_uring_queue_exit(io_uring* user) {
  if (!in_world()) return CONDUIT_REAL(io_uring_queue_exit)(user);
  enter("io_uring_queue_exit");
  ring* const one = ring_of(*user);
  if (one != nullptr) {
    while (!one->under_way.empty()) {
      for (transfer* it : one->under_way) it->due = the_world().now;
      work_for_kernel(*one->owner);
    }
    for (std::size_t number = 0; number < one->fixed.size(); ++number) fix(*one, number, nullptr);
    std::erase(one->owner->rings, one);
    one->user = nullptr;
    update_kernel_due(*one->owner);
  }
  queues* const shared = queues_of(*user);
  std::free(shared->entries);
  std::free(shared->answers);
  delete shared;
  close_descriptor(user->ring_fd);
}

int io_uring_submit(io_uring* user) {
  if (!in_world()) return CONDUIT_REAL(io_uring_submit)(user);
  enter("io_uring_submit");
  ring& one = *ring_of(*user);
  flush_overflow(one);
  const unsigned filled = user->sq.sqe_tail - *user->sq.khead;
  user->sq.sqe_head = user->sq.sqe_tail;
  *user->sq.ktail = user->sq.sqe_tail;
  const std::int64_t refused = refusal(kernel_call::ring_submit);
  if (refused != 0) return static_cast<int>(refused);
  if (!one.overflow.empty()) return -EBUSY;
  const bool partial = filled > 1 && by_chance(the_world().manners.partial_submits);
  if (partial) meet(trouble::parted_submission, &current_process());
  return static_cast<int>(
      submit(one, partial ? 1 + static_cast<unsigned>(random_below(filled - 1)) : filled));
}

int __io_uring_get_cqe(io_uring* user, io_uring_cqe** found, unsigned submitted, unsigned wanted,
                       sigset_t* mask) {
  if (!in_world()) return CONDUIT_REAL(__io_uring_get_cqe)(user, found, submitted, wanted, mask);
  enter("io_uring_enter");
  ring& one = *ring_of(*user);
  flush_overflow(one);
  while (wanted != 0 && !has_answers(one)) park(channel_of(&one));
  *found = has_answers(one) ? &user->cq.cqes[*user->cq.khead & user->cq.ring_mask] : nullptr;
  return *found == nullptr ? -EAGAIN : 0;
}

int io_uring_register_files_sparse(io_uring* user, unsigned count) {
  if (!in_world()) return CONDUIT_REAL(io_uring_register_files_sparse)(user, count);
  enter("io_uring_register");
  const std::int64_t refused = refusal(kernel_call::ring_setup);
  if (refused == 0) ring_of(*user)->fixed.resize(count);
  return static_cast<int>(refused);
}

int io_uring_register_files_update(io_uring* user, unsigned offset, const int* files,
                                   unsigned count) {
  if (!in_world()) return CONDUIT_REAL(io_uring_register_files_update)(user, offset, files, count);
  enter("io_uring_register");
  ring& one = *ring_of(*user);
  if (offset >= one.fixed.size()) return -EINVAL;
  fix(one, offset, *files < 0 ? nullptr : description_as<open_file>(*files));
  return static_cast<int>(count);
}

int io_uring_unregister_files(io_uring* user) {
  if (!in_world()) return CONDUIT_REAL(io_uring_unregister_files)(user);
  enter("io_uring_register");
  ring& one = *ring_of(*user);
  for (std::size_t number = 0; number < one.fixed.size(); ++number) fix(one, number, nullptr);
  one.fixed.clear();
  return 0;
}

int io_uring_ring_dontfork(io_uring* user) {
  return in_world() ? 0 : CONDUIT_REAL(io_uring_ring_dontfork)(user);
}

}  // extern "C"
