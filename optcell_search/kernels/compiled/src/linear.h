// A linear rule over some steps of one sequence, by four coefficients a step:
//
//   v_t = d_t v_{t-1} + a_t x_t,  u_t = c_t v_t + e_t x_t
//
// Rows of x and u are `stride` apart and of a width that is a multiple of a vector. Trace v_t stands
// t v_step numbers after v_0; without traces (null) u_t = e_t x_t. Beyond the first `valid` steps u is 0.
#pragma once
#include <algorithm>
#include "vector.h"

template <class S> struct Linear {
  const S* at;  // d a c e of the first step, those of the next one `step` numbers on
  long step, stride, steps, valid, width;

  // u may be x.
  void forward(const S* x, S* u, S* v, long v_step) const {
    for (long t = 0; t < std::min(steps, valid); ++t) {
      const S* k = at + t * step;
      for (long n = 0; n < width; n += L) {
        const Vec<S> in = load(x + t * stride + n, L);
        Vec<S> out = in * k[3];
        if (v) {
          const Vec<S> trace = load(v + t * v_step + n, L) * k[0] + in * k[1];
          store(v + (t + 1) * v_step + n, trace, L);
          out += trace * k[2];
        }
        store(u + t * stride + n, out, L);
      }
    }
    clear(u);
  }

  // g: gradient of u, becomes that of x. dv: gradient of the last trace, becomes that of the first.
  // dk, where asked for: gradients of the coefficients, from x and all traces.
  void backward(S* g, S* dv, const S* x, const S* v, long v_step, S* dk) const {
    clear(g);
    for (long t = steps - 1; t >= 0; --t) {
      const S* k = at + t * step;
      Sum<S> sums[4];
      for (long n = 0; t < valid && n < width; n += L) {
        const Vec<S> by_u = load(g + t * stride + n, L), in = dk ? load(x + t * stride + n, L) : Vec<S>{};
        Vec<S> by_x = by_u * k[3];
        if (v) {
          const Vec<S> by_v = by_u * k[2] + load(dv + n, L);
          store(dv + n, by_v * k[0], L);
          by_x += by_v * k[1];
          if (dk) {
            sums[0] += by_v * load(v + t * v_step + n, L);
            sums[1] += by_v * in;
            sums[2] += by_u * load(v + (t + 1) * v_step + n, L);
          }
        }
        if (dk) sums[3] += by_u * in;
        store(g + t * stride + n, by_x, L);
      }
      for (int q = 0; dk && q < 4; ++q) dk[t * step + q] = S(sums[q].total());
    }
  }

 private:
  static constexpr int L = kLanes<S>;
  void clear(S* rows) const {
    for (long t = std::max(0L, valid); t < steps; ++t)
      std::fill(rows + t * stride, rows + t * stride + width, S(0));
  }
};
