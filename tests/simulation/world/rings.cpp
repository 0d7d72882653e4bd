#include "simulation/world/rings.hpp"

#include <liburing.h>
#include <sys/uio.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <utility>

#include "simulation/world/faults.hpp"
#include "simulation/world/processes.hpp"
#include "simulation/world/transfers.hpp"

namespace conduit::simulation {

namespace {

unsigned value(const unsigned* shared) noexcept {
  return std::atomic_ref<const unsigned>(*shared).load(std::memory_order_acquire);
}
void set_value(unsigned* shared, unsigned next) noexcept {
  std::atomic_ref<unsigned>(*shared).store(next, std::memory_order_release);
}

bool has_room(const io_uring& user) noexcept {
  return value(user.cq.ktail) - value(user.cq.khead) < user.cq.ring_entries;
}

void put_answer(io_uring& user, std::uint64_t user_data, int result) noexcept {
  const unsigned tail = value(user.cq.ktail);
  io_uring_cqe& entry = user.cq.cqes[tail & user.cq.ring_mask];
  entry.user_data = user_data;
  entry.res = result;
  entry.flags = 0;
  set_value(user.cq.ktail, tail + 1);
}

void answer(ring& one, std::uint64_t user_data, std::int64_t result) {
  if (one.overflow.empty() && has_room(*one.user)) {
    put_answer(*one.user, user_data, static_cast<int>(result));
  } else {
    one.overflow.emplace_back(user_data, static_cast<int>(result));
  }
  leave_trace(static_cast<std::uint64_t>(result));
  became_readable(one);
}

void let_go(open_file* file) {
  if (--file->holders == 0) delete file;
}

void let_go(transfer* done) {
  let_go(done->file);
  end_shared_object(done);
}

void end(ring& one, transfer* done, std::int64_t result) {
  std::erase(one.under_way, done);
  answer(one, done->user_data, result);
  let_go(done);
}

nanoseconds some_time() {
  if (by_chance(60)) return 0;
  return random_time(by_chance(90) ? 200 * microsecond : 20 * millisecond);
}

// One step; true when it is over.
bool take_step(ring& one, transfer* it) {
  it->begun = true;
  switch (it->what) {
    case transfer::kind::read: {
      const std::int64_t count =
          read_into(*it->file, kernel_call::ring_read, it->memory, it->size, it->offset);
      end(one, it, count);
      return true;
    }
    case transfer::kind::write: {
      const auto* const parts = static_cast<const iovec*>(it->memory);
      const std::uint64_t all = bytes_of(parts, it->size);
      const std::int64_t count =
          write_step(*it->file, kernel_call::ring_write, parts, it->size, it->offset, it->done);
      if (count > 0) it->done += static_cast<std::uint64_t>(count);
      if (count > 0 && it->done < all && !by_chance(1)) {
        it->due = the_world().now + some_time();
        return false;
      }
      const bool nothing = it->done == 0 && count <= 0;
      end(one, it, nothing ? count : static_cast<std::int64_t>(it->done));
      return true;
    }
    case transfer::kind::sync: {
      const std::int64_t result = sync_file(*it->file, kernel_call::ring_sync);
      end(one, it, result);
      return true;
    }
  }
  return true;
}

open_file* file_of(const ring& one, const io_uring_sqe& entry) {
  if ((entry.flags & IOSQE_FIXED_FILE) == 0) return description_as<open_file>(entry.fd);
  const auto number = static_cast<std::size_t>(entry.fd);
  return number < one.fixed.size() ? one.fixed[number] : nullptr;
}

transfer* make_transfer(const ring& one, const io_uring_sqe& entry) {
  open_file* const file = file_of(one, entry);
  if (file == nullptr) return nullptr;
  auto* const made = make_shared_object<transfer>();
  made->file = file;
  ++file->holders;
  made->memory = reinterpret_cast<void*>(entry.addr);
  made->size = entry.len;
  made->offset = entry.off;
  made->user_data = entry.user_data;
  made->submitter = current_task();
  made->due = the_world().now + some_time();
  switch (entry.opcode) {
    case IORING_OP_READ:
      made->what = transfer::kind::read;
      break;
    case IORING_OP_WRITEV:
      made->what = transfer::kind::write;
      break;
    default:
      made->what = transfer::kind::sync;
      made->due = the_world().now + time_of_sync(*file->node);
      break;
  }
  return made;
}

// As the kernel: what has not begun is cancelled, what has begun goes on.
void cancel(ring& one, const io_uring_sqe& entry) {
  const auto found =
      std::find_if(one.under_way.begin(), one.under_way.end(),
                   [&](const transfer* other) { return other->user_data == entry.addr; });
  if (found == one.under_way.end()) return answer(one, entry.user_data, -ENOENT);
  if ((*found)->begun) return answer(one, entry.user_data, -EALREADY);
  end(one, *found, -ECANCELED);
  answer(one, entry.user_data, 0);
}

}  // namespace

ring::~ring() = default;

void fix(ring& one, std::size_t number, open_file* file) {
  if (file != nullptr) ++file->holders;
  if (open_file* const before = std::exchange(one.fixed[number], file)) let_go(before);
}

bool ring::readable() const noexcept {
  return user != nullptr && in_world() && &current_process() == owner && has_answers(*this);
}

bool has_answers(const ring& one) noexcept {
  return value(one.user->cq.ktail) != value(one.user->cq.khead);
}

void flush_overflow(ring& one) {
  while (!one.overflow.empty() && has_room(*one.user)) {
    put_answer(*one.user, one.overflow.front().first, one.overflow.front().second);
    one.overflow.pop_front();
  }
}

unsigned submit(ring& to, unsigned count) {
  io_uring& user = *to.user;
  unsigned taken = 0;
  for (; taken < count; ++taken) {
    const unsigned head = value(user.sq.khead);
    const io_uring_sqe entry = user.sq.sqes[head & user.sq.ring_mask];
    set_value(user.sq.khead, head + 1);
    if (entry.opcode == IORING_OP_ASYNC_CANCEL) {
      cancel(to, entry);
      continue;
    }
    transfer* const made = make_transfer(to, entry);
    if (made == nullptr) {
      answer(to, entry.user_data, -EBADF);
      continue;
    }
    to.under_way.push_back(made);
    const bool at_once =
        made->what == transfer::kind::read &&
        (to.owner->is_answered_at_once || by_chance(the_world().manners.inline_transfers));
    if (at_once) take_step(to, made);
  }
  update_kernel_due(*to.owner);
  return taken;
}

void update_kernel_due(process& owner) noexcept {
  owner.kernel_due = never;
  for (const ring* one : owner.rings) {
    for (const transfer* it : one->under_way)
      owner.kernel_due = std::min(owner.kernel_due, it->due);
  }
}

void work_for_kernel(process& owner) {
  shared_vector<std::pair<ring*, transfer*>> due;
  for (ring* one : owner.rings) {
    for (transfer* it : one->under_way) {
      if (it->due <= the_world().now) due.emplace_back(one, it);
    }
  }
  if (!due.empty()) {
    const auto [one, it] = due[random_below(due.size())];
    take_step(*one, it);
  }
  update_kernel_due(owner);
}

void forget_submitter(const task& ended) {
  for (ring* one : ended.owner->rings) {
    const shared_vector<transfer*> under_way = one->under_way;
    for (transfer* it : under_way) {
      if (it->submitter != &ended || it->what != transfer::kind::read || !by_chance(50)) continue;
      meet(trouble::ended_submitter, ended.owner);
      end(*one, it, by_chance(50) ? -ECANCELED : -EFAULT);
    }
  }
  update_kernel_due(*ended.owner);
}

void forget_transfers_of(process& dead) {
  for (ring* one : dead.rings) {
    for (transfer* it : one->under_way) let_go(it);
    one->under_way.clear();
    for (std::size_t number = 0; number < one->fixed.size(); ++number) fix(*one, number, nullptr);
    one->user = nullptr;
  }
  dead.rings.clear();
  dead.kernel_due = never;
}

void finish_some_transfers_of(process& dying) {
  for (ring* one : dying.rings) {
    for (std::uint64_t steps = random_below(4); steps != 0 && !one->under_way.empty(); --steps) {
      take_step(*one, one->under_way[random_below(one->under_way.size())]);
    }
  }
}

}  // namespace conduit::simulation
