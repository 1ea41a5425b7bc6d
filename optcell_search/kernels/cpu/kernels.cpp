// The C interface of the CPU kernels, called by compiled.py through ctypes.
#include "normalize.h"
#include "recurrence.h"

template <class S> using Tanh = Rnn<S, false>;
template <class S> using ReluRnn = Rnn<S, true>;

#define RECURRENCE(NAME, CELL, SUFFIX, S)                                                          \
  extern "C" void NAME##_forward_##SUFFIX(const long* s, const S* u, const S* weight, const S* bias,  \
                                          const S* h0, const S* c0, S* h, S* c, S* saved,          \
                                          long threads) {                                          \
    forward<S, CELL>({s[0], s[1], s[2], s[3]}, u, weight, bias, h0, c0, h, c, saved, threads);     \
  }                                                                                                \
  extern "C" void NAME##_backward_##SUFFIX(                                                         \
      const long* s, const S* weight, const S* h0, const S* c0, const S* h, const S* c,            \
      const S* saved, const S* grad_h, const S* grad_c, S* du, S* dn, S* dh0, S* dc0,              \
      long threads) {                                                                              \
    backward<S, CELL>({s[0], s[1], s[2], s[3]}, weight, h0, c0, h, c, saved, grad_h, grad_c, du,   \
                      dn, dh0, dc0, threads);                                                      \
  }
#define BOTH(NAME, CELL)           \
  RECURRENCE(NAME, CELL, f32, float) \
  RECURRENCE(NAME, CELL, f64, double)

BOTH(lstm, Lstm)
BOTH(gru, Gru)
BOTH(rnn_tanh, Tanh)
BOTH(rnn_relu, ReluRnn)

#define FILTERS(SUFFIX, S)                                                                         \
  extern "C" void scan_forward_##SUFFIX(const long* s, const S* decay, const S* x, const S* initial, \
                                        S* v, long threads) {                                      \
    scan_forward<S>(s, decay, x, initial, v, threads);                                             \
  }                                                                                                \
  extern "C" void scan_backward_##SUFFIX(const long* s, const S* grad, const S* decay, const S* v, \
                                         const S* initial, S* d_decay, S* dx, S* d_initial,        \
                                         long threads) {                                           \
    scan_backward<S>(s, grad, decay, v, initial, d_decay, dx, d_initial, threads);                 \
  }                                                                                                \
  extern "C" void normalize_forward_##SUFFIX(const long* s, const S* z, const S* p, const S* v0,   \
                                             const S* m0, const int64_t* lengths, S* u, S* v, S* m, \
                                             S* marks, long threads) {                             \
    normalize_forward<S>(s, z, p, v0, m0, lengths, u, v, m, marks, threads);                       \
  }                                                                                                \
  extern "C" void normalize_backward_##SUFFIX(                                                     \
      const long* s, const S* grad_u, const S* grad_v, const S* grad_m, const S* z, const S* p,    \
      const int64_t* lengths, const S* marks, S* dz, S* dp, S* dv, S* dm, long threads) {          \
    normalize_backward<S>(s, grad_u, grad_v, grad_m, z, p, lengths, marks, dz, dp, dv, dm, threads); \
  }

FILTERS(f32, float)
FILTERS(f64, double)
