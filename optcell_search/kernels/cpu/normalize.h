// Adam's filter of a drive, both traces and what they emit in one pass over memory:
//
//   v_t = mu v_{t-1} + s z_t,  m_t = beta m_{t-1} + (1 - beta) z_t^2,  u_t = v_t / sqrt(m_t + eps^2)
//
// The backward pass keeps z alone: traces are marked down every kMark steps and run again from there.
// z, u (K,T,B,W); v0, m0, v, m (K,B,W); p (K,4) = mu s beta eps; lengths (K,B): beyond its length a
// sequence's traces stand still and its u is 0.  marks (K,ceil(T / kMark),2,B,W).
#pragma once
#include <cmath>
#include "buffer.h"
#include "scan.h"

constexpr long kMark = 32;

template <class S> inline Vec<S> root(Vec<S> x) {
  for (int l = 0; l < kLanes<S>; ++l) x[l] = std::sqrt(x[l]);
  return x;
}

template <class S>
void normalize_forward(const long* s, const S* z, const S* p, const S* v0, const S* m0,
                       const int64_t* lengths, S* u, S* v, S* m, S* marks, long threads) {
  const long K = s[0], T = s[1], B = s[2], W = s[3], C = groups_of(T, kMark);
  const std::vector<Span> work = spans(K, B, W, 4096);
  parallel(work.size(), threads, [&](long index) {
    const Span w = work[size_t(index)];
    const S mu = p[w.k * 4], step = p[w.k * 4 + 1], beta = p[w.k * 4 + 2];
    const S rest = S(1) - beta, floor = p[w.k * 4 + 3] * p[w.k * 4 + 3];
    const long state = (w.k * B + w.b) * W, valid = std::min(T, long(lengths[w.k * B + w.b]));
    std::copy(v0 + state + w.first, v0 + state + w.last, v + state + w.first);
    std::copy(m0 + state + w.first, m0 + state + w.last, m + state + w.first);
    for (long t = 0; t < T; ++t) {
      const long now = ((w.k * T + t) * B + w.b) * W;
      if (marks && t % kMark == 0) {
        S* mark = marks + ((w.k * C + t / kMark) * 2 * B + w.b) * W;
        std::copy(v + state + w.first, v + state + w.last, mark + w.first);
        std::copy(m + state + w.first, m + state + w.last, mark + B * W + w.first);
      }
      if (t >= valid) {
        std::fill(u + now + w.first, u + now + w.last, S(0));
        continue;
      }
      for (long d = w.first; d < w.last; d += kLanes<S>) {
        const long lanes = std::min<long>(kLanes<S>, w.last - d);
        const Vec<S> x = load(z + now + d, lanes);
        const Vec<S> a = load(v + state + d, lanes) * mu + x * step;
        const Vec<S> b = load(m + state + d, lanes) * beta + x * x * rest;
        store(v + state + d, a, lanes);
        store(m + state + d, b, lanes);
        store(u + now + d, a / root<S>(b + floor), lanes);
      }
    }
  });
}

// grad_v, grad_m: gradients of the final traces.  dp (K,4).
template <class S>
void normalize_backward(const long* s, const S* grad_u, const S* grad_v, const S* grad_m, const S* z,
                        const S* p, const int64_t* lengths, const S* marks, S* dz, S* dp, S* dv, S* dm,
                        long threads) {
  constexpr long most = 512;
  const long K = s[0], T = s[1], B = s[2], W = s[3], C = groups_of(T, kMark);
  const std::vector<Span> work = spans(K, B, W, most);
  std::vector<double> sums(work.size() * 4, 0.0);
  parallel(work.size(), threads, [&](long index) {
    const Span w = work[size_t(index)];
    const S mu = p[w.k * 4], step = p[w.k * 4 + 1], beta = p[w.k * 4 + 2], eps = p[w.k * 4 + 3];
    const S rest = S(1) - beta, floor = eps * eps;
    const long state = (w.k * B + w.b) * W, valid = std::min(T, long(lengths[w.k * B + w.b]));
    // Rows 0 ... kMark of v and m: the traces before and after each step of one stretch.
    Buffer<S> vs(size_t((kMark + 1) * most)), ms(vs.size());
    std::copy(grad_v + state + w.first, grad_v + state + w.last, dv + state + w.first);
    std::copy(grad_m + state + w.first, grad_m + state + w.last, dm + state + w.first);
    for (long c = C - 1; c >= 0; --c) {
      const long begin = c * kMark, end = std::min(T, begin + kMark);
      for (long t = std::max(begin, valid); t < end; ++t) {
        const long now = ((w.k * T + t) * B + w.b) * W;
        std::fill(dz + now + w.first, dz + now + w.last, S(0));
      }
      for (long d = w.first; d < w.last; d += kLanes<S>) {
        const long lanes = std::min<long>(kLanes<S>, w.last - d), at = d - w.first;
        const S* mark = marks + ((w.k * C + c) * 2 * B + w.b) * W + d;
        Vec<S> a = load(mark, lanes), b = load(mark + B * W, lanes);
        store(&vs[size_t(at)], a, kLanes<S>);
        store(&ms[size_t(at)], b, kLanes<S>);
      }
      for (long t = begin; t < std::min(end, valid); ++t) {
        const long now = ((w.k * T + t) * B + w.b) * W, row = (t - begin) * most;
        for (long d = w.first; d < w.last; d += kLanes<S>) {
          const long lanes = std::min<long>(kLanes<S>, w.last - d), at = row + d - w.first;
          const Vec<S> x = load(z + now + d, lanes);
          store(&vs[size_t(at + most)], load(&vs[size_t(at)], kLanes<S>) * mu + x * step, kLanes<S>);
          store(&ms[size_t(at + most)], load(&ms[size_t(at)], kLanes<S>) * beta + x * x * rest, kLanes<S>);
        }
      }
      Vec<S> d_mu{}, d_step{}, d_beta{}, d_floor{};
      for (long t = std::min(end, valid) - 1; t >= begin; --t) {
        const long now = ((w.k * T + t) * B + w.b) * W, row = (t - begin) * most;
        for (long d = w.first; d < w.last; d += kLanes<S>) {
          const long lanes = std::min<long>(kLanes<S>, w.last - d), at = row + d - w.first;
          const Vec<S> x = load(z + now + d, lanes), g = load(grad_u + now + d, lanes);
          const Vec<S> r = S(1) / root<S>(load(&ms[size_t(at + most)], kLanes<S>) + floor);
          const Vec<S> direct = g * load(&vs[size_t(at + most)], kLanes<S>) * r * r * r * S(-0.5);
          const Vec<S> gv = load(dv + state + d, lanes) + g * r;
          const Vec<S> gm = load(dm + state + d, lanes) + direct;
          store(dz + now + d, gv * step + gm * x * (rest + rest), lanes);
          store(dv + state + d, gv * mu, lanes);
          store(dm + state + d, gm * beta, lanes);
          d_mu += gv * load(&vs[size_t(at)], kLanes<S>);
          d_step += gv * x;
          d_beta += gm * (load(&ms[size_t(at)], kLanes<S>) - x * x);
          // Lanes past the end of a row have m = 0 and g = 0, so they add nothing.
          d_floor += direct;
        }
      }
      double* sum = &sums[size_t(index) * 4];
      for (int l = 0; l < kLanes<S>; ++l) {
        sum[0] += double(d_mu[l]);
        sum[1] += double(d_step[l]);
        sum[2] += double(d_beta[l]);
        sum[3] += double(d_floor[l] * eps) * 2;
      }
    }
  });
  std::vector<double> total(size_t(K) * 4, 0.0);
  for (size_t i = 0; i < work.size(); ++i)
    for (size_t q = 0; q < 4; ++q) total[size_t(work[i].k) * 4 + q] += sums[i * 4 + q];
  for (size_t i = 0; i < total.size(); ++i) dp[i] = S(total[i]);
}
