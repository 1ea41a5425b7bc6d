// Runs task(0) ... task(count - 1) on so many threads.
//
// OpenMP on purpose, and the very library torch has loaded (compiled.py binds it): torch's idle worker
// threads spin for a while after each call, and threads of our own would fight them for the cores.
#pragma once
#include <cstddef>

template <class F> void parallel(std::size_t count, long threads, const F& task) {
#pragma omp parallel for schedule(dynamic, 1) num_threads(int(threads))
  for (long i = 0; i < long(count); ++i) task(i);
}
