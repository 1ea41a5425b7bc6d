// Adam's filter of pre-activations that stand in memory.
//
// The backward pass keeps z alone: traces are marked down every kMark steps and run again from there.
// z, u (K,T,B,W); v0, m0, v, m (K,B,W); p (K,4) = mu s beta eps; lengths (K,B): beyond its length a
// sequence's traces stand still and its u is 0.  marks (K,ceil(T / kMark),2,B,W).
#pragma once
#include <vector>
#include "buffer.h"
#include "filter.h"
#include "scan.h"

template <class S> struct NormalizeForward {
  const S *z, *p, *v0, *m0;
  const int64_t* lengths;
  S *u, *v, *m, *marks;  // marks: null where no backward pass follows
};

template <class S>
void normalize_forward(const long* s, const NormalizeForward<S>& a, long threads) {
  const long K = s[0], T = s[1], B = s[2], W = s[3], C = groups_of(T, kMark);
  const std::vector<Span> work = spans(K, B, W, 4096);
  parallel(work.size(), threads, [&](long index) {
    const Span w = work[std::size_t(index)];
    const Filter<S> filter(a.p + w.k * 4);
    const long state = (w.k * B + w.b) * W + w.first, channels = w.last - w.first;
    S *v = a.v + state, *m = a.m + state;
    std::copy(a.v0 + state, a.v0 + state + channels, v);
    std::copy(a.m0 + state, a.m0 + state + channels, m);
    for (long c = 0; c < C; ++c) {
      if (a.marks) {
        S* mark = a.marks + ((w.k * C + c) * 2 * B + w.b) * W + w.first;
        std::copy(v, v + channels, mark);
        std::copy(m, m + channels, mark + B * W);
      }
      const long t = c * kMark, now = ((w.k * T + t) * B + w.b) * W + w.first;
      filter.forward(a.z + now, a.u + now, B * W, std::min(kMark, T - t),
                     a.lengths[w.k * B + w.b] - t, v, m, channels);
    }
  });
}

template <class S> struct NormalizeBackward {
  const S *grad_u, *grad_v, *grad_m, *z, *p;  // grad_v, grad_m: gradients of the final traces
  const int64_t* lengths;
  const S* marks;
  S *dz, *dp, *dv, *dm;  // dp (K,4)
};

template <class S>
void normalize_backward(const long* s, const NormalizeBackward<S>& a, long threads) {
  constexpr long most = 512;
  const long K = s[0], T = s[1], B = s[2], W = s[3], C = groups_of(T, kMark);
  const std::vector<Span> work = spans(K, B, W, most);
  std::vector<double> sums(work.size() * 4, 0.0);
  parallel(work.size(), threads, [&](long index) {
    const Span w = work[std::size_t(index)];
    const Filter<S> filter(a.p + w.k * 4);
    const long state = (w.k * B + w.b) * W + w.first, channels = w.last - w.first;
    Buffer<S> room(std::size_t(Filter<S>::room(kMark, channels)));
    std::copy(a.grad_v + state, a.grad_v + state + channels, a.dv + state);
    std::copy(a.grad_m + state, a.grad_m + state + channels, a.dm + state);
    for (long c = C - 1; c >= 0; --c) {
      const long t = c * kMark, now = ((w.k * T + t) * B + w.b) * W + w.first;
      const S* mark = a.marks + ((w.k * C + c) * 2 * B + w.b) * W + w.first;
      filter.backward(a.grad_u + now, a.z + now, a.dz + now, B * W, B * W, std::min(kMark, T - t),
                      a.lengths[w.k * B + w.b] - t, mark, mark + B * W, a.dv + state, a.dm + state,
                      channels, room.data(), &sums[std::size_t(index) * 4]);
    }
  });
  std::vector<double> total(std::size_t(K) * 4, 0.0);
  for (std::size_t i = 0; i < work.size(); ++i)
    for (std::size_t q = 0; q < 4; ++q) total[std::size_t(work[i].k) * 4 + q] += sums[i * 4 + q];
  for (std::size_t i = 0; i < total.size(); ++i) a.dp[i] = S(total[i]);
}
