// Large arrays that are written once cost more to have than to write: a page of 4 KiB after the other is
// faulted in and cleared. Where Linux leaves it to the program (as by default), ask for pages of 2 MiB.
#pragma once
#include <cstdint>
#ifdef __linux__
#include <sys/mman.h>
#endif

template <class S> void prefer_large_pages(S* array, long count) {
#ifdef MADV_HUGEPAGE
  constexpr uintptr_t page = uintptr_t(1) << 21;
  const uintptr_t from = uintptr_t(array), to = from + uintptr_t(count) * sizeof(S);
  const uintptr_t first = (from + page - 1) / page * page, last = to / page * page;
  // Where it is refused small pages serve, only slower.
  if (array && first < last) madvise(reinterpret_cast<void*>(first), last - first, MADV_HUGEPAGE);
#endif
}
