#include "support/machine.hpp"

#include <algorithm>
#include <chrono>
#include <span>

#include "files/file_name.hpp"
#include "support/bytes.hpp"
#include "support/foreign_lock.hpp"

namespace conduit::test {

namespace fs = std::filesystem;

namespace {

detail::environment surroundings(const machine& where, const std::shared_ptr<disk_script>& script) {
  detail::environment around;
  around.wrap_disk = scripted(script);
  around.boot = [id = where.boot()] { return id; };
  around.now = where.clock;
  return around;
}

options with_events(options how, event_log& log) {
  how.on_event = log.sink();
  return how;
}

}  // namespace

event_sink event_log::sink() {
  return [content = content_](const event& what) {
    const std::lock_guard hold(content->mutex);
    content->events.push_back(what);
    content->changed.notify_all();
  };
}

std::size_t event_log::count(event::kind what) const {
  const std::lock_guard hold(content_->mutex);
  return content_->count(what);
}

bool event_log::wait_for(event::kind what, std::size_t count) const {
  std::unique_lock hold(content_->mutex);
  return content_->changed.wait_for(hold, std::chrono::minutes(1),
                                    [&] { return content_->count(what) >= count; });
}

std::size_t event_log::content::count(event::kind what) const {
  return static_cast<std::size_t>(std::count_if(
      events.begin(), events.end(), [what](const event& one) { return one.what == what; }));
}

std::vector<event> event_log::all() const {
  const std::lock_guard hold(content_->mutex);
  return content_->events;
}

process::process(const machine& where, options how)
    : store_(with_events(std::move(how), events), surroundings(where, script)) {}

std::vector<seen_call> process::calls(io_call kind, std::string_view suffix) const {
  std::vector<seen_call> found = script->calls();
  std::erase_if(found, [&](const seen_call& call) {
    return call.kind != kind || !call.file.ends_with(suffix);
  });
  return found;
}

machine::machine(const change& adjust) : how(options_in(directory)) {
  if (adjust) adjust(how);
}

process machine::start(const change& adjust) const {
  options changed = how;
  if (adjust) adjust(changed);
  return {*this, std::move(changed)};
}

lock::boot_id machine::boot() const noexcept {
  lock::boot_id id;
  id.fill(static_cast<std::byte>(boot_));
  return id;
}

fs::path machine::data_path(std::uint32_t number) const {
  return how.data_directory / files::file_name(number).text();
}

fs::path machine::lock_path() const { return how.data_directory.string() + ".lock"; }

std::vector<std::string> machine::names() const {
  std::vector<std::string> found;
  for (const fs::directory_entry& entry : fs::directory_iterator(how.data_directory))
    found.push_back(entry.path().filename().string());
  std::sort(found.begin(), found.end());
  return found;
}

std::optional<lock::lock_record> machine::record() const {
  const std::string bytes = read_file(lock_path());
  return lock::lock_record::decode(std::as_bytes(std::span(bytes)));
}

void machine::write_record(const lock::lock_record& record) const {
  const auto bytes = record.encode();
  write_file(lock_path(), {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

void machine::change_record(const std::function<void(lock::lock_record&)>& edit) const {
  lock::lock_record changed = record().value();
  edit(changed);
  write_record(changed);
}

data_location machine::append_as_original(std::uint32_t number, std::string_view bytes) const {
  foreign_lock lock(lock_path());
  if (!fs::exists(data_path(number))) write_file(data_path(number), {});
  data_location where;
  where.file_number = number;
  where.start = size_of(number);
  where.end = where.start + bytes.size();
  overwrite(data_path(number), where.start, bytes);
  return where;
}

}  // namespace conduit::test
