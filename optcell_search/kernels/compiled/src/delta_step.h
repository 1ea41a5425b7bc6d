// One step of the delta memory, for as many rows of S as a vector has lanes:
//
//   R = alpha S_{t-1},  G = (R k - v) k^T,  S_t = R - beta U,  o = S_t q
//
// with U what an inner rule makes of G. Inner rules, with their values p:
//
//   plain  U = p3 G
//   trace  V_t = p0 V_{t-1} + p1 G,  U = p2 V_t + p3 G
//   adam   V_t = p0 V_{t-1} + p1 G,  M_t = p2 M_{t-1} + (1 - p2) G^2,  U = V_t / sqrt(M_t + p3^2)
//
// A state is S, then V, then M, each d columns of one vector.
#pragma once
#include <algorithm>
#include "vector.h"

enum class Inner { plain, trace, adam };

// What a step is given: key and query (d numbers each), these rows' share of v, gates, values.
template <class S> struct DeltaInput {
  const S *k, *q;
  Vec<S> v;
  S alpha, beta;
  const S* p;
};

// A sum of many terms in four, each of which waits for every fourth term alone.
template <class S> struct Terms {
  Vec<S> part[4]{};
  void add(long j, Vec<S> x) { part[j % 4] += x; }
  Vec<S> sum() const { return (part[0] + part[1]) + (part[2] + part[3]); }
};

// width: of a head, where it is known to the compiler, which then unrolls all loops over it; or 0.
template <class S, Inner inner, long width> struct DeltaStep {
  static constexpr long L = kLanes<S>;
  static constexpr int states = inner == Inner::plain ? 1 : inner == Inner::trace ? 2 : 3;
  static Vec<S> at(const S* columns, long j) { return load(columns + j * L, L); }
  static void put(S* columns, long j, Vec<S> x) { store(columns + j * L, x, L); }

  // Adds the sums over the lanes of some vectors, at most L, to as many numbers.
  static void add(S* sums, Vec<S>* rows, long count) {
    for (long j = count; j < L; ++j) rows[j] = Vec<S>{};
    store(sums, load(sums, count) + totals<S>(rows), count);
  }

  // `next` may be `before`. Returns these rows' share of o, and R k - v, which the backward pass starts from.
  static Vec<S> forward(const DeltaInput<S>& in, const S* before, S* next, long any, Vec<S>& error) {
    const long d = width ? width : any;
    const S *p = in.p, *V = before + d * L, *M = before + 2 * d * L;
    Terms<S> recalled, o;
    if constexpr (inner == Inner::plain) {
      // All of U lies along the key, times one factor a row.
#pragma GCC unroll 16
      for (long j = 0; j < d; ++j) recalled.add(j, at(before, j) * in.k[j]);
      error = recalled.sum() * in.alpha - in.v;
      const Vec<S> push = error * (in.beta * p[3]);
#pragma GCC unroll 16
      for (long j = 0; j < d; ++j) {
        const Vec<S> s = at(before, j) * in.alpha - push * in.k[j];
        put(next, j, s);
        o.add(j, s * in.q[j]);
      }
      return o.sum();
    }
#pragma GCC unroll 16
    for (long j = 0; j < d; ++j) {
      const Vec<S> r = at(before, j) * in.alpha;
      put(next, j, r);
      recalled.add(j, r * in.k[j]);
    }
    error = recalled.sum() - in.v;
#pragma GCC unroll 16
    for (long j = 0; j < d; ++j) {
      const Vec<S> g = error * in.k[j];
      Vec<S> u = g * p[3];
      if constexpr (inner != Inner::plain) {
        const Vec<S> v = at(V, j) * p[0] + g * p[1];
        put(next + d * L, j, v);
        if constexpr (inner == Inner::trace) {
          u += v * p[2];
        } else {
          const Vec<S> m = at(M, j) * p[2] + g * g * (S(1) - p[2]);
          put(next + 2 * d * L, j, m);
          u = v * inverse_root<S>(m + p[3] * p[3]);
        }
      }
      const Vec<S> s = at(next, j) - u * in.beta;
      put(next, j, s);
      o.add(j, s * in.q[j]);
    }
    return o.sum();
  }

  // As `backward` below: what goes through U goes through one sum along the key.
  static Vec<S> plain_backward(const DeltaInput<S>& in, const S* before, const S* next, S* grad, Vec<S> g_o, long any,
                               S* dq, S* dk, S* d_alpha, S* d_beta, Vec<S> error) {
    const long d = width ? width : any;
    Terms<S> along_key, to_alpha;
    Vec<S> rows[L];
    for (long begin = 0; begin < d; begin += L) {
      const long end = std::min(begin + L, d);
#pragma GCC unroll 16
      for (long j = begin; j < end; ++j) {
        const Vec<S> by_s = at(grad, j) + g_o * in.q[j];
        rows[j - begin] = g_o * at(next, j);
        along_key.add(j, by_s * in.k[j]);
        put(grad, j, by_s);
      }
      add(dq + begin, rows, end - begin);
    }
    const Vec<S> along = along_key.sum();
    const S factor = -in.beta * in.p[3];
    const Vec<S> by_error = along * factor, push = error * factor, kept = by_error * in.alpha;
    for (long begin = 0; begin < d; begin += L) {
      const long end = std::min(begin + L, d);
#pragma GCC unroll 16
      for (long j = begin; j < end; ++j) {
        const Vec<S> s = at(before, j), by_s = at(grad, j), by_r = by_s + by_error * in.k[j];
        to_alpha.add(j, by_r * s);
        rows[j - begin] = by_s * push + s * kept;
        put(grad, j, by_r * in.alpha);
      }
      add(dk + begin, rows, end - begin);
    }
    *d_alpha += total<S>(to_alpha.sum());
    *d_beta -= total<S>(error * along) * in.p[3];
    return -by_error;
  }

  // grad: gradients of the state after the step, turned into those before it. g_o: these rows' share of the
  // gradient of o. error: as `forward` gave it. Adds to dq, dk (d numbers each), d_alpha and d_beta; returns that of
  // v. room: d vectors.
  static Vec<S> backward(const DeltaInput<S>& in, const S* before, const S* next, S* grad, Vec<S> g_o, long any,
                         S* dq, S* dk, S* d_alpha, S* d_beta, Vec<S> error, S* room) {
    const long d = width ? width : any;
    const S *p = in.p, *V = next + d * L, *M = next + 2 * d * L;
    S *gV = grad + d * L, *gM = grad + 2 * d * L;
    Terms<S> through, to_alpha, to_beta;
    Vec<S> rows[L];
    if constexpr (inner == Inner::plain)
      return plain_backward(in, before, next, grad, g_o, d, dq, dk, d_alpha, d_beta, error);
    for (long begin = 0; begin < d; begin += L) {
      const long end = std::min(begin + L, d);
#pragma GCC unroll 16
      for (long j = begin; j < end; ++j) {
        const Vec<S> g = error * in.k[j], by_s = at(grad, j) + g_o * in.q[j], by_u = by_s * -in.beta;
        rows[j - begin] = g_o * at(next, j);
        Vec<S> u = g * p[3], by_g = by_u * p[3];
        if constexpr (inner == Inner::trace) {
          const Vec<S> by_v = at(gV, j) + by_u * p[2];
          u += at(V, j) * p[2];
          by_g += by_v * p[1];
          put(gV, j, by_v * p[0]);
        } else if constexpr (inner == Inner::adam) {
          const Vec<S> r = inverse_root<S>(at(M, j) + p[3] * p[3]), v = at(V, j);
          const Vec<S> by_v = at(gV, j) + by_u * r, by_m = at(gM, j) - by_u * v * r * r * r * S(0.5);
          u = v * r;
          by_g = by_v * p[1] + by_m * g * (S(2) - p[2] - p[2]);
          put(gV, j, by_v * p[0]);
          put(gM, j, by_m * p[2]);
        }
        to_beta.add(j, by_s * u);
        through.add(j, by_g * in.k[j]);
        put(grad, j, by_s);
        put(room, j, by_g * error);
      }
      add(dq + begin, rows, end - begin);
    }
    const Vec<S> by_error = through.sum();
    for (long begin = 0; begin < d; begin += L) {
      const long end = std::min(begin + L, d);
#pragma GCC unroll 16
      for (long j = begin; j < end; ++j) {
        const Vec<S> s = at(before, j), by_r = at(grad, j) + by_error * in.k[j];
        to_alpha.add(j, by_r * s);
        rows[j - begin] = at(room, j) + by_error * s * in.alpha;
        put(grad, j, by_r * in.alpha);
      }
      add(dk + begin, rows, end - begin);
    }
    *d_alpha += total<S>(to_alpha.sum());
    *d_beta -= total<S>(to_beta.sum());
    return -by_error;
  }
};
