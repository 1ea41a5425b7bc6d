// Adam's filter over some steps of one sequence:
//
//   v_t = mu v_{t-1} + s z_t,  m_t = beta m_{t-1} + (1 - beta) z_t^2,  u_t = v_t / sqrt(m_t + eps^2)
#pragma once
#include <algorithm>
#include "vector.h"

// Steps between two places where traces are marked down: a backward pass runs them again from there.
constexpr long kMark = 32;

template <class S> struct Filter {
  S mu, step, beta, eps;
  explicit Filter(const S* p) : mu(p[0]), step(p[1]), beta(p[2]), eps(p[3]) {}

  // Rows of z and u are `stride` apart (they may be the same rows). Beyond the first `valid` steps the
  // traces v and m stand still and u is 0.
  void forward(const S* z, S* u, long stride, long steps, long valid, S* v, S* m, long channels) const {
    const S rest = S(1) - beta, floor = eps * eps;
    for (long t = 0; t < std::min(steps, valid); ++t)
      for (long d = 0; d < channels; d += kLanes<S>) {
        const long lanes = std::min<long>(kLanes<S>, channels - d), at = t * stride + d;
        const Vec<S> x = load(z + at, lanes);
        const Vec<S> a = load(v + d, lanes) * mu + x * step;
        const Vec<S> b = load(m + d, lanes) * beta + x * x * rest;
        store(v + d, a, lanes);
        store(m + d, b, lanes);
        store(u + at, a * inverse_root<S>(b + floor), lanes);
      }
    for (long t = std::max(0L, valid); t < steps; ++t)
      std::fill(u + t * stride, u + t * stride + channels, S(0));
  }

  // How much room `backward` needs.
  static long room(long steps, long channels) { return 2 * (steps + 1) * width(channels); }

  // g: gradient of u, and dz (which may be g) have rows `stride` apart, z has rows `z_stride` apart.
  // v0, m0: the traces before the first step. dv, dm: gradients of the traces after the last step,
  // turned into those before the first. Adds the gradients of mu, s, beta and eps to sums.
  void backward(const S* g, const S* z, S* dz, long stride, long z_stride, long steps, long valid,
                const S* v0, const S* m0, S* dv, S* dm, long channels, S* room, double* sums) const {
    const S rest = S(1) - beta, floor = eps * eps;
    const long row = width(channels), end = std::max(0L, std::min(steps, valid));
    S *vs = room, *ms = room + (steps + 1) * row;  // rows 0 ... end: before and after each step
    for (long t = end; t < steps; ++t) std::fill(dz + t * stride, dz + t * stride + channels, S(0));
    for (long d = 0; d < channels; d += kLanes<S>) {
      const long lanes = std::min<long>(kLanes<S>, channels - d);
      store(vs + d, load(v0 + d, lanes), kLanes<S>);
      store(ms + d, load(m0 + d, lanes), kLanes<S>);
    }
    for (long t = 0; t < end; ++t)
      for (long d = 0; d < channels; d += kLanes<S>) {
        const Vec<S> x = load(z + t * z_stride + d, std::min<long>(kLanes<S>, channels - d));
        S *v = vs + t * row + d, *m = ms + t * row + d;
        store(v + row, load(v, kLanes<S>) * mu + x * step, kLanes<S>);
        store(m + row, load(m, kLanes<S>) * beta + x * x * rest, kLanes<S>);
      }
    Sum<S> all_mu, all_step, all_beta, all_floor;
    for (long t = end - 1; t >= 0; --t) {
      Vec<S> d_mu{}, d_step{}, d_beta{}, d_floor{};
      for (long d = 0; d < channels; d += kLanes<S>) {
        const long lanes = std::min<long>(kLanes<S>, channels - d), at = t * stride + d;
        const S *v = vs + t * row + d, *m = ms + t * row + d;
        const Vec<S> x = load(z + t * z_stride + d, lanes), by_u = load(g + at, lanes);
        const Vec<S> r = inverse_root<S>(load(m + row, kLanes<S>) + floor);
        // Lanes past the end of a row have g = 0 and m = 0, so they add nothing.
        const Vec<S> direct = by_u * load(v + row, kLanes<S>) * r * r * r * S(-0.5);
        const Vec<S> by_v = load(dv + d, lanes) + by_u * r, by_m = load(dm + d, lanes) + direct;
        store(dz + at, by_v * step + by_m * x * (rest + rest), lanes);
        store(dv + d, by_v * mu, lanes);
        store(dm + d, by_m * beta, lanes);
        d_mu += by_v * load(v, kLanes<S>);
        d_step += by_v * x;
        d_beta += by_m * (load(m, kLanes<S>) - x * x);
        d_floor += direct;
      }
      all_mu += d_mu;
      all_step += d_step;
      all_beta += d_beta;
      all_floor += d_floor;
    }
    sums[0] += all_mu.total();
    sums[1] += all_step.total();
    sums[2] += all_beta.total();
    sums[3] += all_floor.total() * double(eps) * 2;
  }

 private:
  static long width(long channels) { return groups_of(channels, kLanes<S>) * kLanes<S>; }
};
