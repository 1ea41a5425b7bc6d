// Linear recurrences whose coefficients are the channels' own: see linear_scan.py and forms.h.
//
// Sequences and channels are independent: each thread takes some channels of a sequence through time, a vector of
// them after the other through a stretch of steps: what a step hands on to the next one stays in registers, and
// rows of a stretch stay in the processor's cache.
#pragma once
#include <algorithm>
#include "buffer.h"
#include "forms.h"
#include "pages.h"
#include "parallel.h"
#include "scan.h"

// Sums over time are taken in blocks of so many steps, or the last terms would be lost in single precision.
constexpr long kSum = 256;
// Steps of a stretch, a part of those: with more of them the rows of one vector fight for the cache.
constexpr long kTogether = 4;

struct LinearSizes {
  long K, T, B, N;
  bool varies, own;  // coefficients of each step and sequence; of each sequence; else shared
  long row;          // numbers from one sequence's input to the next one's
  explicit LinearSizes(const long* s) : K(s[0]), T(s[1]), B(s[2]), N(s[3]), varies(s[4]), own(s[5]), row(s[6]) {}
  // Asks for large pages for so many planes of all steps, where sequences are so far apart. What malloc does not map
  // anew each time, up to 32 MiB, has its pages already.
  template <class S> void prefer_large(S* array, long planes, long apart) const {
    const long count = (K * T * B - 1) * apart + planes * N;
    if (count * long(sizeof(S)) > 32L << 20) prefer_large_pages(array, count);
  }
  long factors(const Span& w, long t) const { return varies ? (w.k * T + t) * B + w.b : own ? w.k * B + w.b : w.k; }
};

template <class S> std::vector<Span> shares(const LinearSizes& s, long threads) {
  const long pieces = std::max(1L, groups_of(2 * threads, s.K * s.B));
  const long most = groups_of(groups_of(s.N, pieces), 4 * kLanes<S>) * 4 * kLanes<S>;
  return spans(s.K, s.B, s.N, std::min(1024L, most));
}

template <class S, int count> inline void load_all(Vec<S>* to, const S* from, long apart, long lanes) {
#pragma GCC unroll 6
  for (int p = 0; p < count; ++p) to[p] = load(from + p * apart, lanes);
}
template <class S, int count> inline void store_all(S* to, const Vec<S>* from, long apart, long lanes) {
#pragma GCC unroll 6
  for (int p = 0; p < count; ++p) store(to + p * apart, from[p], lanes);
}

// coefficients (K, T or 1, B or 1, planes, N), x (K,T,B,inputs,N) in rows of their own length, initial (K,B,states,N),
// v (K,T,B,states,N)
template <class S> struct LinearForward {
  const S *coefficients, *x, *initial;
  S* v;
};

template <class S, class F> void linear_forward(const long* sizes, const LinearForward<S>& a, long threads) {
  const LinearSizes s(sizes);
  const std::vector<Span> work = shares<S>(s, threads);
  s.prefer_large(a.v, F::states, F::states * s.N);
  parallel(work.size(), threads, [&](long index) {
    const Span w = work[std::size_t(index)];
    Vec<S> c[F::planes + 1], v[F::states], b[F::inputs], out[F::states];
    for (long begin = 0; begin < s.T; begin += kTogether) {
      const long first_row = (w.k * s.T + begin) * s.B + w.b;
      const S* before = begin ? a.v + (first_row - s.B) * F::states * s.N
                              : a.initial + (w.k * s.B + w.b) * F::states * s.N;
      for (long d = w.first; d < w.last; d += kLanes<S>) {
        const long lanes = std::min<long>(kLanes<S>, w.last - d);
        load_all<S, F::states>(v, before + d, s.N, lanes);
        for (long t = begin; t < std::min(s.T, begin + kTogether); ++t) {
          const long row = (w.k * s.T + t) * s.B + w.b;
          if (s.varies || t == begin)
            load_all<S, F::planes>(c, a.coefficients + s.factors(w, t) * F::planes * s.N + d, s.N, lanes);
          load_all<S, F::inputs>(b, a.x + row * s.row + d, s.N, lanes);
          F::forward(c, v, b, out);
          std::copy(out, out + F::states, v);
          store_all<S, F::states>(a.v + row * F::states * s.N + d, v, s.N, lanes);
        }
      }
    }
  });
}

// grad: of all planes of v or of the last ones, and none of the others. Gradients of shared coefficients are
// given for each sequence: d_coefficients (K, T or 1, B, planes, N). grad and dx are in rows of their own lengths,
// and may be one where grad has as many planes as an input.
template <class S> struct LinearBackward {
  const S *grad, *coefficients, *x, *v, *initial;
  S *d_coefficients, *dx, *d_initial;
};

template <class S, class F> void linear_backward(const long* sizes, const LinearBackward<S>& a, long threads) {
  const LinearSizes s(sizes);
  const long dx_row = sizes[7], grad_row = sizes[8], none = F::states - sizes[9];
  const std::vector<Span> work = shares<S>(s, threads);
  if (a.dx != a.grad) s.prefer_large(a.dx, F::inputs, dx_row);
  parallel(work.size(), threads, [&](long index) {
    const Span w = work[std::size_t(index)];
    const long width = groups_of(w.last - w.first, kLanes<S>) * kLanes<S>;
    Buffer<S> carry(std::size_t(F::states * width)), part(std::size_t(F::planes * width)), all(part.size());
    std::fill(carry.begin(), carry.end(), S(0));
    std::fill(part.begin(), part.end(), S(0));
    std::fill(all.begin(), all.end(), S(0));
    Vec<S> c[F::planes + 1], v[F::states], b[F::inputs], g[F::states];
    Vec<S> dc[F::planes + 1], dv[F::states], db[F::inputs], sums[F::planes + 1];
    for (long begin = (s.T - 1) / kTogether * kTogether; begin >= 0; begin -= kTogether) {
      for (long d = w.first; d < w.last; d += kLanes<S>) {
        const long lanes = std::min<long>(kLanes<S>, w.last - d), at = d - w.first;
        load_all<S, F::states>(dv, carry.data() + at, width, kLanes<S>);
        load_all<S, F::planes>(sums, part.data() + at, width, kLanes<S>);
        for (long t = std::min(s.T, begin + kTogether) - 1; t >= begin; --t) {
          const long row = (w.k * s.T + t) * s.B + w.b, states = row * F::states * s.N;
          const S* before =
              t ? a.v + states - s.B * F::states * s.N : a.initial + (w.k * s.B + w.b) * F::states * s.N;
          if (s.varies || t + 1 == std::min(s.T, begin + kTogether))
            load_all<S, F::planes>(c, a.coefficients + s.factors(w, t) * F::planes * s.N + d, s.N, lanes);
          load_all<S, F::states>(v, before + d, s.N, lanes);
          load_all<S, F::inputs>(b, a.x + row * s.row + d, s.N, lanes);
#pragma GCC unroll 2
          for (int p = 0; p < F::states; ++p) {
            g[p] = dv[p];
            if (p >= none) g[p] += load(a.grad + row * grad_row + (p - none) * s.N + d, lanes);
          }
          F::backward(c, v, b, g, dc, dv, db);
          store_all<S, F::inputs>(a.dx + row * dx_row + d, db, s.N, lanes);
          if (s.varies) store_all<S, F::planes>(a.d_coefficients + row * F::planes * s.N + d, dc, s.N, lanes);
#pragma GCC unroll 6
          for (int p = 0; p < F::planes; ++p) sums[p] += dc[p];
        }
        store_all<S, F::states>(carry.data() + at, dv, width, kLanes<S>);
        store_all<S, F::planes>(part.data() + at, sums, width, kLanes<S>);
      }
      if (!s.varies && begin % kSum == 0)
        for (std::size_t i = 0; i < part.size(); ++i) {
          all[i] += part[i];
          part[i] = S(0);
        }
    }
    const long own = w.k * s.B + w.b;
    for (long d = w.first; d < w.last; d += kLanes<S>) {
      const long lanes = std::min<long>(kLanes<S>, w.last - d), at = d - w.first;
      load_all<S, F::states>(dv, carry.data() + at, width, kLanes<S>);
      store_all<S, F::states>(a.d_initial + own * F::states * s.N + d, dv, s.N, lanes);
      if (s.varies) continue;
      load_all<S, F::planes>(dc, all.data() + at, width, kLanes<S>);
      store_all<S, F::planes>(a.d_coefficients + own * F::planes * s.N + d, dc, s.N, lanes);
    }
  });
}
