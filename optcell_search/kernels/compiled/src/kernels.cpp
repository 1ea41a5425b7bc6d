// The C interface of the CPU kernels, called by compiled.py through ctypes: sizes, arrays in the order of
// the kernel's struct, number of threads.
#include "backward.h"
#include "forward.h"
#include "normalize.h"

template <class S> using Tanh = Rnn<S, false>;
template <class S> using ReluRnn = Rnn<S, true>;

#define KERNEL(NAME, SUFFIX, ARRAYS, RUN)                                                \
  extern "C" void NAME##_##SUFFIX(const long* s, const void* arrays, long threads) {     \
    RUN(s, *static_cast<const ARRAYS*>(arrays), threads);                                \
  }
#define CELL(NAME, KIND, SUFFIX, S)                                                      \
  extern "C" void NAME##_forward_##SUFFIX(const long* s, const void* arrays, long threads) {  \
    forward<S, KIND>({s[0], s[1], s[2], s[3], s[4]}, *static_cast<const Forward<S>*>(arrays), threads); \
  }                                                                                      \
  extern "C" void NAME##_backward_##SUFFIX(const long* s, const void* arrays, long threads) { \
    backward<S, KIND>({s[0], s[1], s[2], s[3], s[4]}, {s[5], s[6], s[7]},                \
                      *static_cast<const Backward<S>*>(arrays), threads);                \
  }
#define ALL(SUFFIX, S)                                                                   \
  KERNEL(scan_forward, SUFFIX, ScanForward<S>, scan_forward<S>)                          \
  KERNEL(scan_backward, SUFFIX, ScanBackward<S>, scan_backward<S>)                       \
  KERNEL(normalize_forward, SUFFIX, NormalizeForward<S>, normalize_forward<S>)           \
  KERNEL(normalize_backward, SUFFIX, NormalizeBackward<S>, normalize_backward<S>)        \
  CELL(lstm, Lstm, SUFFIX, S)                                                            \
  CELL(gru, Gru, SUFFIX, S)                                                              \
  CELL(rnn_tanh, Tanh, SUFFIX, S)                                                        \
  CELL(rnn_relu, ReluRnn, SUFFIX, S)

ALL(f32, float)
ALL(f64, double)
