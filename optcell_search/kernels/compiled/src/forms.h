// One step of the linear recurrences, forward and backward: what differs between their forms.
//
// A form says how many planes of coefficients, of the state and of the input a channel has. `forward` makes
// the next state from coefficients c, state v and input b; `backward` turns the gradient g of the next state
// into those of c, v and b.
#pragma once
#include "vector.h"

template <class S> struct RealForm {  // v <- a v + f b
  static constexpr int planes = 2, states = 1, inputs = 1;
  static void forward(const Vec<S>* c, const Vec<S>* v, const Vec<S>* b, Vec<S>* out) {
    out[0] = c[0] * v[0] + c[1] * b[0];
  }
  static void backward(const Vec<S>* c, const Vec<S>* v, const Vec<S>* b, const Vec<S>* g, Vec<S>* dc,
                       Vec<S>* dv, Vec<S>* db) {
    dc[0] = g[0] * v[0];
    dc[1] = g[0] * b[0];
    dv[0] = g[0] * c[0];
    db[0] = g[0] * c[1];
  }
};

template <class S> struct ComplexForm {  // v <- (re + i im) v + f b, all but f complex
  static constexpr int planes = 3, states = 2, inputs = 2;
  static void forward(const Vec<S>* c, const Vec<S>* v, const Vec<S>* b, Vec<S>* out) {
    out[0] = c[0] * v[0] - c[1] * v[1] + c[2] * b[0];
    out[1] = c[0] * v[1] + c[1] * v[0] + c[2] * b[1];
  }
  static void backward(const Vec<S>* c, const Vec<S>* v, const Vec<S>* b, const Vec<S>* g, Vec<S>* dc,
                       Vec<S>* dv, Vec<S>* db) {
    dc[0] = g[0] * v[0] + g[1] * v[1];
    dc[1] = g[1] * v[0] - g[0] * v[1];
    dc[2] = g[0] * b[0] + g[1] * b[1];
    dv[0] = c[0] * g[0] + c[1] * g[1];
    dv[1] = c[0] * g[1] - c[1] * g[0];
    db[0] = c[2] * g[0];
    db[1] = c[2] * g[1];
  }
};

template <class S> struct MatrixForm {  // v <- [[c0, c1], [c2, c3]] v + (c4, c5) b
  static constexpr int planes = 6, states = 2, inputs = 1;
  static void forward(const Vec<S>* c, const Vec<S>* v, const Vec<S>* b, Vec<S>* out) {
    out[0] = c[0] * v[0] + c[1] * v[1] + c[4] * b[0];
    out[1] = c[2] * v[0] + c[3] * v[1] + c[5] * b[0];
  }
  static void backward(const Vec<S>* c, const Vec<S>* v, const Vec<S>* b, const Vec<S>* g, Vec<S>* dc,
                       Vec<S>* dv, Vec<S>* db) {
    dc[0] = g[0] * v[0];
    dc[1] = g[0] * v[1];
    dc[2] = g[1] * v[0];
    dc[3] = g[1] * v[1];
    dc[4] = g[0] * b[0];
    dc[5] = g[1] * b[0];
    dv[0] = c[0] * g[0] + c[2] * g[1];
    dv[1] = c[1] * g[0] + c[3] * g[1];
    db[0] = c[4] * g[0] + c[5] * g[1];
  }
};

// The candidate of minGRU and minLSTM: x as it is, or x + 1/2 above 0 and the logistic function below.
template <class S, bool positive> inline Vec<S> candidate(Vec<S> x, Vec<S>& slope) {
  slope = splat<S>(1);
  if constexpr (!positive) return x;
  const Vec<S> low = logistic<S>(x), steep = low * (S(1) - low);
  slope = x < S(0) ? steep : slope;
  return x < S(0) ? low : x + S(0.5);
}

template <class S, bool positive> struct MinGru {  // v <- (1 - z) v + z g(b1), z = logistic(b0)
  static constexpr int planes = 0, states = 1, inputs = 2;
  static void forward(const Vec<S>*, const Vec<S>* v, const Vec<S>* b, Vec<S>* out) {
    Vec<S> slope;
    out[0] = v[0] + logistic<S>(b[0]) * (candidate<S, positive>(b[1], slope) - v[0]);
  }
  static void backward(const Vec<S>*, const Vec<S>* v, const Vec<S>* b, const Vec<S>* g, Vec<S>*, Vec<S>* dv,
                       Vec<S>* db) {
    Vec<S> slope;
    const Vec<S> z = logistic<S>(b[0]), x = candidate<S, positive>(b[1], slope);
    dv[0] = g[0] * (S(1) - z);
    db[0] = g[0] * (x - v[0]) * z * (S(1) - z);
    db[1] = g[0] * z * slope;
  }
};

template <class S, bool positive> struct MinLstm {  // v <- f v + (1 - f) g(b2), f : 1 - f = logistic(b0) : logistic(b1)
  static constexpr int planes = 0, states = 1, inputs = 3;
  static constexpr S most = Simd<S>::reach - S(2);
  // 1 / logistic of both gates. Where the larger one is beyond all numbers, both are divided by as much: what
  // counts is their ratio.
  static void inverses(const Vec<S>* b, Vec<S>& p, Vec<S>& q) {
    const Vec<S> x = -b[0], y = -b[1], larger = x > y ? x : y;
    p = inverse(x, larger);
    q = inverse(y, larger);
  }
  static Vec<S> inverse(Vec<S> y, Vec<S> larger) {
    const Vec<S> down = (y - larger) + most;
    Vec<S> power;
    y = down < y ? down : y;
    y = y > most ? splat<S>(most) : y;  // an infinite one, which takes itself away
    y = y < -Simd<S>::reach ? splat<S>(-Simd<S>::reach) : y;
    const Vec<S> e = reduced_expm1<S>(y, power);
    return e * power + power + S(1);
  }
  static void forward(const Vec<S>*, const Vec<S>* v, const Vec<S>* b, Vec<S>* out) {
    Vec<S> slope, p, q;
    inverses(b, p, q);
    const Vec<S> x = candidate<S, positive>(b[2], slope);
    out[0] = x + q / (p + q) * (v[0] - x);
  }
  static void backward(const Vec<S>*, const Vec<S>* v, const Vec<S>* b, const Vec<S>* g, Vec<S>*, Vec<S>* dv,
                       Vec<S>* db) {
    Vec<S> slope, p, q;
    inverses(b, p, q);
    const Vec<S> x = candidate<S, positive>(b[2], slope);
    const Vec<S> both = S(1) / (p + q), f = q * both, i = p * both;
    const Vec<S> d = g[0] * (v[0] - x) * f * i;
    dv[0] = g[0] * f;
    db[0] = d * (S(1) - S(1) / p);
    db[1] = -d * (S(1) - S(1) / q);
    db[2] = g[0] * i * slope;
  }
};
