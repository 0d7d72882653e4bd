#include "base/intrusive_list.hpp"

#include <catch2/catch.hpp>

#include <utility>
#include <vector>

namespace conduit::test {

namespace {

struct first_list;
struct second_list;

struct item : detail::list_hook<first_list>, detail::list_hook<second_list> {
  explicit item(int its_name) : name(its_name) {}
  int name;
};

using list = intrusive_list<item, first_list>;

std::vector<int> names(list& from) {
  std::vector<int> found;
  for (item* entry = from.empty() ? nullptr : &from.front(); entry != nullptr;
       entry = from.after(*entry))
    found.push_back(entry->name);
  return found;
}

}  // namespace

TEST_CASE("a list hands its items out in the order in which they came") {
  list items;
  CHECK(items.empty());
  item a(1);
  item b(2);
  item c(3);
  items.push_back(a);
  items.push_back(b);
  items.push_back(c);
  CHECK(names(items) == std::vector{1, 2, 3});
  CHECK(&items.pop_front() == &a);
  CHECK(&items.pop_front() == &b);
  CHECK(&items.pop_front() == &c);
  CHECK(items.empty());
}

TEST_CASE("an item leaves a list from any place and may come back") {
  list items;
  item a(1);
  item b(2);
  item c(3);
  for (item* one : {&a, &b, &c}) items.push_back(*one);
  list::erase(b);
  CHECK(names(items) == std::vector{1, 3});
  list::erase(c);
  list::erase(a);
  CHECK(items.empty());
  items.push_back(b);
  CHECK(names(items) == std::vector{2});
}

TEST_CASE("an item stands in one list for each tag") {
  list items;
  intrusive_list<item, second_list> others;
  item a(1);
  items.push_back(a);
  others.push_back(a);
  list::erase(a);
  CHECK(items.empty());
  CHECK(&others.front() == &a);
}

TEST_CASE("splice moves all items behind those that are there") {
  list items;
  list others;
  item a(1);
  item b(2);
  item c(3);
  items.splice(others);
  CHECK(items.empty());
  others.push_back(b);
  others.push_back(c);
  items.push_back(a);
  items.splice(others);
  CHECK(others.empty());
  CHECK(names(items) == std::vector{1, 2, 3});
  others.splice(items);
  CHECK(items.empty());
  CHECK(names(others) == std::vector{1, 2, 3});
}

TEST_CASE("a moved list takes its items along") {
  list items;
  item a(1);
  item b(2);
  items.push_back(a);
  items.push_back(b);
  list moved(std::move(items));
  CHECK(names(moved) == std::vector{1, 2});
  CHECK(&moved.pop_front() == &a);
}

}  // namespace conduit::test
