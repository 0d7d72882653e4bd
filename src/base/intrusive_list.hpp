// A doubly linked list of objects that carry their own links: no allocation, and removal from the
// middle without a search. It owns nothing.
#pragma once

#include <conduit/detail/completion.hpp>
#include <cstddef>
#include <utility>

namespace conduit {

template <typename T, typename Tag>
class intrusive_list {
  using hook = detail::list_hook<Tag>;

 public:
  intrusive_list() noexcept = default;
  intrusive_list(intrusive_list&& other) noexcept { splice(other); }
  intrusive_list& operator=(intrusive_list&&) = delete;

  bool empty() const noexcept { return head_.next == &head_; }
  T& front() noexcept { return static_cast<T&>(*head_.next); }

  void push_back(T& item) noexcept {
    hook& node = item;
    node.prev = head_.prev;
    node.next = &head_;
    head_.prev->next = &node;
    head_.prev = &node;
  }

  static void erase(T& item) noexcept {
    hook& node = item;
    node.prev->next = node.next;
    node.next->prev = node.prev;
    node.prev = node.next = nullptr;
  }

  T& pop_front() noexcept {
    T& item = front();
    erase(item);
    return item;
  }

  // Moves all of `other` to the end of this list.
  void splice(intrusive_list& other) noexcept {
    if (other.empty()) return;
    other.head_.next->prev = head_.prev;
    other.head_.prev->next = &head_;
    head_.prev->next = other.head_.next;
    head_.prev = other.head_.prev;
    other.head_.next = other.head_.prev = &other.head_;
  }

  // Moves the items before `end` in `other`, or all of them if `end` is null, to the end of this
  // list.
  void splice_before(intrusive_list& other, T* end) noexcept {
    hook* const rest = end == nullptr ? &other.head_ : static_cast<hook*>(end);
    hook* const first = other.head_.next;
    if (first == rest) return;
    hook* const last = rest->prev;
    head_.prev->next = first;
    first->prev = head_.prev;
    head_.prev = last;
    last->next = &head_;
    other.head_.next = rest;
    rest->prev = &other.head_;
  }

  // The item behind `item`, or null at the end.
  T* after(T& item) noexcept {
    hook* next = static_cast<hook&>(item).next;
    return next == &head_ ? nullptr : static_cast<T*>(next);
  }

 private:
  hook head_{&head_, &head_};
};

using work_queue = intrusive_list<detail::completion, detail::work_list>;

}  // namespace conduit
