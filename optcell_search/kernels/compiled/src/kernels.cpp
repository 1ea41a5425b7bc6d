// The C interface of the CPU kernels, called by compiled.py through ctypes: sizes, arrays in the order of
// the kernel's struct, number of threads.
#include "backward.h"
#include "delta.h"
#include "forward.h"
#include "hippo.h"
#include "linear_scan.h"
#include "normalize.h"

template <class S> using Tanh = Rnn<S, false>;
template <class S> using ReluRnn = Rnn<S, true>;
template <class S> using MinGruPositive = MinGru<S, true>;
template <class S> using MinGruIdentity = MinGru<S, false>;
template <class S> using MinLstmPositive = MinLstm<S, true>;
template <class S> using MinLstmIdentity = MinLstm<S, false>;

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
#define LINEAR(NAME, FORM, SUFFIX, S)                                                    \
  KERNEL(NAME##_forward, SUFFIX, LinearForward<S>, (linear_forward<S, FORM>))            \
  KERNEL(NAME##_backward, SUFFIX, LinearBackward<S>, (linear_backward<S, FORM>))
#define GATED(NAME, CELL, SUFFIX, S)                                                     \
  LINEAR(NAME##_positive, CELL##Positive<S>, SUFFIX, S)                                  \
  LINEAR(NAME##_identity, CELL##Identity<S>, SUFFIX, S)
#define DELTA(NAME, SUFFIX, S)                                                           \
  KERNEL(delta_##NAME##_forward, SUFFIX, DeltaForward<S>, (delta_forward<S, Inner::NAME>))     \
  KERNEL(delta_##NAME##_backward, SUFFIX, DeltaBackward<S>, (delta_backward<S, Inner::NAME>))
#define ALL(SUFFIX, S)                                                                   \
  KERNEL(scan_forward, SUFFIX, ScanForward<S>, scan_forward<S>)                          \
  KERNEL(scan_backward, SUFFIX, ScanBackward<S>, scan_backward<S>)                       \
  KERNEL(normalize_forward, SUFFIX, NormalizeForward<S>, normalize_forward<S>)           \
  KERNEL(normalize_backward, SUFFIX, NormalizeBackward<S>, normalize_backward<S>)        \
  LINEAR(linear_real, RealForm<S>, SUFFIX, S)                                            \
  LINEAR(linear_complex, ComplexForm<S>, SUFFIX, S)                                      \
  LINEAR(linear_matrix, MatrixForm<S>, SUFFIX, S)                                        \
  GATED(min_gru, MinGru, SUFFIX, S)                                                      \
  GATED(min_lstm, MinLstm, SUFFIX, S)                                                    \
  DELTA(plain, SUFFIX, S)                                                                \
  DELTA(trace, SUFFIX, S)                                                                \
  DELTA(adam, SUFFIX, S)                                                                 \
  KERNEL(hippo_forward, SUFFIX, HippoForward<S>, hippo_forward<S>)                       \
  KERNEL(hippo_backward, SUFFIX, HippoBackward<S>, hippo_backward<S>)                    \
  CELL(lstm, Lstm, SUFFIX, S)                                                            \
  CELL(gru, Gru, SUFFIX, S)                                                              \
  CELL(rnn_tanh, Tanh, SUFFIX, S)                                                        \
  CELL(rnn_relu, ReluRnn, SUFFIX, S)                                                     \
  CELL(rnn_modrelu, Modrelu, SUFFIX, S)

ALL(f32, float)
ALL(f64, double)
