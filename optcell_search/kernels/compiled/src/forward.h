// A layer forward: the pre-activations of a stretch of steps, from an input that a linear rule filters or
// through Adam's filter, and then the recurrence, step by step.
#pragma once
#include "layer.h"

// Null: w_ih where x is u itself (F = G H); b_ih; p, m0 and m without Adam's filter,
// linear without a linear rule, v0, v and marks without traces; lengths where nothing filters; c0 and c
// without a memory; saved and marks where no backward pass follows.
template <class S> struct Forward {
  const S *x, *w_ih, *b_ih, *w_hh, *b_hh, *h0, *c0, *p, *v0, *m0;
  const int64_t* lengths;
  const S* linear;
  S *h, *c, *saved, *v, *m, *marks;
};

template <class S, template <class> class CellOf, class Factor> class ForwardPass {
  typedef CellOf<S> Cell;
  static constexpr int G = Cell::gates, L = kLanes<S>;
  const Sizes s;
  const Forward<S> a;
  const long W = G * s.H, wide = padded<S>(W), columns = s.F + (a.linear && a.b_ih), input = padded<S>(columns);
  const std::vector<Factor> recurrent, projecting;

 public:
  ForwardPass(const Sizes& s, const Forward<S>& a, long threads)
      : s(s), a(a), recurrent(pack<Factor>(a.w_hh, s.K, W, s.H, true, threads)),
        projecting(columns == s.F ? pack<Factor>(a.w_ih, s.K, W, s.F, true, threads)
                               : pack<Factor>(beside(a.w_ih, a.b_ih, s.K * W, s.F, threads).data(), s.K, W,
                                              columns, true, threads)) {
    const long outputs = s.K * s.T * s.B * s.H;
    prefer_large_pages(a.h, outputs);
    prefer_large_pages(a.c, outputs);
    prefer_large_pages(a.saved, outputs * Cell::saved);
  }

  void run(const Rows& share) const {
    [[maybe_unused]] const typename Factor::Session session;
    const Buffer<S> b_ih = padded_row(a.b_ih, share.k, W), b_hh = padded_row(a.b_hh, share.k, W);
    Buffer<S> projection(std::size_t(a.w_ih ? kStretch * kTile * wide : 0));
    Buffer<S> filtered(std::size_t(a.linear ? kStretch * kTile * input : 0), S(0));
    Buffer<S> traces(std::size_t(a.linear && a.v0 ? kTile * input : 0), S(0));
    Buffer<S> product_of(std::size_t(kTile * wide));
    for (const Rows& tile : tiles(share)) {
      const long state = share.k * s.B + tile.first, rows = tile.count();
      if (a.p) {
        copy_rows(a.v0 + state * W, W, a.v + state * W, W, rows, W);
        copy_rows(a.m0 + state * W, W, a.m + state * W, W, rows, W);
      } else if (a.v0) {
        copy_rows(a.v0 + state * columns, columns, traces.data(), input, rows, columns);
      }
      for (long begin = 0; begin < s.T; begin += kStretch) {
        const long steps = std::min(kStretch, s.T - begin);
        const S* x = a.x + ((share.k * s.T + begin) * s.B + tile.first) * s.F;
        View<const S> u{x, s.B * s.F, s.F};
        if (a.linear) {
          const View<S> taken{filtered.data(), rows * input, input};
          linear(tile, begin, steps, taken, traces.data());
          u = {taken.at, taken.step, taken.row};
        }
        if (a.w_ih) {
          const View<S> z{projection.data(), rows * wide, wide};
          product(z, u, steps, rows, projecting[std::size_t(share.k)], a.linear ? nullptr : b_ih.data());
          if (a.p) filter(tile, begin, steps, z);
          u = {z.at, z.step, z.row};
        }
        for (long t = 0; t < steps; ++t)
          step(tile, begin + t, u(t, 0), u.row, b_hh.data(), product_of.data());
      }
      if (a.linear && a.v0)
        copy_rows(traces.data(), input, a.v + state * columns, columns, rows, columns);
    }
  }

 private:
  // The input as a linear rule leaves it, and marks the traces before the stretch.
  void linear(const Rows& tile, long begin, long steps, View<S> rows, S* traces) const {
    take_input(s, a.x, tile, begin, steps, columns > s.F, rows);
    for (long r = 0; r < tile.count(); ++r) {
      S* trace = a.v0 ? traces + r * input : nullptr;
      if (a.marks) std::copy(trace, trace + columns, a.marks + mark_of(s, tile, begin, r, 1) * columns);
      const Linear<S> rule = linear_of(s, a.linear, a.lengths, tile, begin, r, rows, columns);
      rule.forward(rows(0, r), rows(0, r), trace, 0);
    }
  }

  // z -> u in place, and marks the traces before the stretch.
  void filter(const Rows& tile, long begin, long steps, View<S> z) const {
    const Filter<S> rule(a.p + tile.k * 4);
    for (long r = 0; r < tile.count(); ++r) {
      const long b = tile.k * s.B + tile.first + r;
      S *v = a.v + b * W, *m = a.m + b * W;
      if (a.marks) {
        S* mark = a.marks + mark_of(s, tile, begin, r, 2) * W;
        std::copy(v, v + W, mark);
        std::copy(m, m + W, mark + s.B * W);
      }
      rule.forward(z(0, r), z(0, r), z.step, steps, a.lengths[b] - begin, v, m, W);
    }
  }

  void step(const Rows& tile, long t, const S* u, long u_row, const S* b_hh, S* product_of) const {
    const long now = (tile.k * s.T + t) * s.B + tile.first;  // first row of this step in (K,T,B,...)
    const long state = tile.k * s.B + tile.first, H = s.H;
    const S* h_before = t ? a.h + (now - s.B) * H : a.h0 + state * H;
    const S* c_before = !Cell::memory ? nullptr : t ? a.c + (now - s.B) * H : a.c0 + state * H;
    product(View<S>{product_of, 0, wide}, View<const S>{h_before, 0, H}, 1, tile.count(),
            recurrent[std::size_t(tile.k)], Cell::threshold ? nullptr : b_hh);
    for (long r = 0; r < tile.count(); ++r)
      for (long unit = 0; unit < H; unit += L) {
        const long lanes = std::min<long>(L, H - unit), at = (now + r) * H + unit;
        Vec<S> x[G], beside{}, h_old{}, c_old{}, c_new{}, keep[4];
        for (int g = 0; g < G; ++g) {
          const Vec<S> from_u = load(u + r * u_row + g * H + unit, lanes);
          x[g] = load(product_of + r * wide + g * H + unit, lanes);
          if (Cell::split && g == G - 1) beside = from_u;
          else x[g] += from_u;
        }
        if (Cell::threshold) beside = load(b_hh + unit, lanes);
        if (Cell::split) h_old = load(h_before + r * H + unit, lanes);
        if (Cell::memory) c_old = load(c_before + r * H + unit, lanes);
        store(a.h + at, Cell::forward(x, beside, h_old, c_old, c_new, keep), lanes);
        if (Cell::memory) store(a.c + at, c_new, lanes);
        if (a.saved)
          for (int g = 0; g < Cell::saved; ++g)
            store(a.saved + ((now + r) * Cell::saved + g) * H + unit, keep[g], lanes);
      }
  }
};

template <class S, template <class> class CellOf>
void forward(const Sizes& s, const Forward<S>& a, long threads) {
  with_factor<S>(s, threads, [&](auto* factor) {
    const ForwardPass<S, CellOf, std::remove_pointer_t<decltype(factor)>> pass(s, a, threads);
    const std::vector<Rows> all = shares(s, threads);
    parallel(all.size(), threads, [&](long i) { pass.run(all[std::size_t(i)]); });
  });
}
