// Working memory: on cache lines, or every vector load would touch two, and not cleared unless asked.
#pragma once
#include <cstddef>
#include <new>
#include <utility>
#include <vector>

template <class T> struct Aligned {
  typedef T value_type;
  T* allocate(std::size_t n) { return static_cast<T*>(::operator new(n * sizeof(T), std::align_val_t(64))); }
  void deallocate(T* p, std::size_t) { ::operator delete(p, std::align_val_t(64)); }
  template <class U, class... A> void construct(U* p, A&&... a) {
    if constexpr (sizeof...(A) == 0) ::new (static_cast<void*>(p)) U;
    else ::new (static_cast<void*>(p)) U(std::forward<A>(a)...);
  }
  bool operator==(const Aligned&) const { return true; }
  bool operator!=(const Aligned&) const { return false; }
};
template <class S> using Buffer = std::vector<S, Aligned<S>>;
