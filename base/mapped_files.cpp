// A table of static storage, since a signal handler can reach nothing else.
#include "base/mapped_files.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <mutex>

#include "base/visible_text.h"

namespace kvreel {
namespace {

constexpr size_t kNameBytes = 512;

// A slot is in use where `begin` is not 0, which is written last and erased first.
struct Slot {
  std::atomic<uintptr_t> begin{0};
  std::atomic<uintptr_t> end{0};
  std::array<char, kNameBytes> name{};
};
std::array<Slot, 1024> slots;
std::mutex writing;  // among those who note and forget; a handler takes no lock
static_assert(std::atomic<uintptr_t>::is_always_lock_free);

uintptr_t address_of(const void* address) {
  return reinterpret_cast<uintptr_t>(address);
}

}  // namespace

void note_mapped_file(std::span<const std::byte> bytes, const std::string& path) {
  if (bytes.empty()) return;
  const std::lock_guard lock(writing);
  const auto slot =
      std::find_if(slots.begin(), slots.end(), [](const Slot& s) { return s.begin.load() == 0; });
  if (slot == slots.end()) return;
  std::string name = visible_line(path);
  if (name.size() >= kNameBytes) {
    size_t from = name.size() - (kNameBytes - 4);
    while ((static_cast<unsigned char>(name[from]) & 0xC0) == 0x80)
      ++from;  // cut between characters
    name = "..." + name.substr(from);
  }
  std::memcpy(slot->name.data(), name.c_str(), name.size() + 1);
  slot->end.store(address_of(bytes.data()) + bytes.size());
  slot->begin.store(address_of(bytes.data()));
}

void forget_mapped_file(std::span<const std::byte> bytes) {
  if (bytes.empty()) return;
  const std::lock_guard lock(writing);
  for (Slot& slot : slots) {
    if (slot.begin.load() == address_of(bytes.data())) slot.begin.store(0);
  }
}

const char* mapped_file_at(const void* address) {
  const uintptr_t at = address_of(address);
  for (const Slot& slot : slots) {
    const uintptr_t begin = slot.begin.load();
    // The file's last page is mapped whole.
    constexpr uintptr_t kPage = 4096;
    const uintptr_t end = (slot.end.load() + kPage - 1) / kPage * kPage;
    if (begin != 0 && at >= begin && at < end) return slot.name.data();
  }
  return nullptr;
}

}  // namespace kvreel
