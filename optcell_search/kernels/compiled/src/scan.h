// First-order linear recurrences over time: the traces of update rules.
//
// Channels are independent, so each thread takes some of them through all time steps.
#pragma once
#include <algorithm>
#include <vector>
#include "parallel.h"
#include "vector.h"

struct Span { long k, b, first, last; };  // channels [first, last) of row b of candidate k

// Pieces of at most `most` channels, each inside one row.
inline std::vector<Span> spans(long K, long rows, long channels, long most) {
  std::vector<Span> out;
  for (long k = 0; k < K; ++k)
    for (long b = 0; b < rows; ++b)
      for (long d = 0; d < channels; d += most) out.push_back({k, b, d, std::min(d + most, channels)});
  return out;
}

// v_t = decay_t v_{t-1} + x_t.  x, v (K,T,B,D), decay (K,T,B), initial (K,B,D); where all sequences
// share a decay the caller folds B into D.
template <class S> struct ScanForward {
  const S *decay, *x, *initial;
  S* v;
};

template <class S> void scan_forward(const long* s, const ScanForward<S>& a, long threads) {
  const long K = s[0], T = s[1], B = s[2], D = s[3];
  const std::vector<Span> work = spans(K, B, D, 1024);
  parallel(work.size(), threads, [&](long index) {
    const Span w = work[std::size_t(index)];
    for (long t = 0; t < T; ++t) {
      const long now = ((w.k * T + t) * B + w.b) * D;
      const S* before = t ? a.v + now - B * D : a.initial + (w.k * B + w.b) * D;
      const S decay = a.decay[(w.k * T + t) * B + w.b];
      for (long d = w.first; d < w.last; ++d) a.v[now + d] = decay * before[d] + a.x[now + d];
    }
  });
}

// grad: gradient of v.  d_decay is summed over the channels of a row, in the order of the spans.
template <class S> struct ScanBackward {
  const S *grad, *decay, *v, *initial;
  S *d_decay, *dx, *d_initial;
};

template <class S> void scan_backward(const long* s, const ScanBackward<S>& a, long threads) {
  const long K = s[0], T = s[1], B = s[2], D = s[3];
  const std::vector<Span> work = spans(K, B, D, 1024);
  std::vector<std::vector<S>> partial(work.size(), std::vector<S>(std::size_t(T), S(0)));
  parallel(work.size(), threads, [&](long index) {
    const Span w = work[std::size_t(index)];
    std::vector<S> carry(std::size_t(w.last - w.first), S(0));
    for (long t = T - 1; t >= 0; --t) {
      const long now = ((w.k * T + t) * B + w.b) * D;
      const S* before = t ? a.v + now - B * D : a.initial + (w.k * B + w.b) * D;
      const S decay = a.decay[(w.k * T + t) * B + w.b];
      Vec<S> sum{};
      for (long d = w.first; d < w.last; d += kLanes<S>) {
        const long lanes = std::min<long>(kLanes<S>, w.last - d);
        const Vec<S> g = load(a.grad + now + d, lanes) + load(&carry[std::size_t(d - w.first)], lanes);
        store(a.dx + now + d, g, lanes);
        store(&carry[std::size_t(d - w.first)], g * decay, lanes);
        sum += g * load(before + d, lanes);
      }
      for (int l = 0; l < kLanes<S>; ++l) partial[std::size_t(index)][std::size_t(t)] += sum[l];
    }
    for (long d = w.first; d < w.last; ++d)
      a.d_initial[(w.k * B + w.b) * D + d] = carry[std::size_t(d - w.first)];
  });
  std::fill(a.d_decay, a.d_decay + K * T * B, S(0));
  for (std::size_t i = 0; i < work.size(); ++i)
    for (long t = 0; t < T; ++t) a.d_decay[(work[i].k * T + t) * B + work[i].b] += partial[i][std::size_t(t)];
}
