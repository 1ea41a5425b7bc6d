// Runs task(0) ... task(count - 1) on so many threads.
//
// OpenMP on purpose, and the very library torch has loaded (compiled.py binds it): torch's idle worker
// threads spin for a while after each call, and threads of our own would fight them for the cores.
#pragma once
#include <cstddef>
#ifdef __SSE__
#include <xmmintrin.h>
#endif

// While it lives, numbers too small to be normal are 0. Gradients through saturated gates are full of
// them, and x86 takes a hundred times as long for each.
class NoDenormals {
#ifdef __SSE__
  static constexpr unsigned to_zero = 0x8040;  // of results, and of operands
  const unsigned before = _mm_getcsr();

 public:
  NoDenormals() { _mm_setcsr(before | to_zero); }
  ~NoDenormals() { _mm_setcsr(before); }
#endif
};

template <class F> void parallel(std::size_t count, long threads, const F& task) {
#pragma omp parallel num_threads(int(threads))
  {
    const NoDenormals guard;
#pragma omp for schedule(dynamic, 1)
    for (long i = 0; i < long(count); ++i) task(i);
  }
}
