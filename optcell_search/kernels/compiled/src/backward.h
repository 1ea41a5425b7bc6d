// A layer backward: for a stretch of steps the gradients of the pre-activations, step by step, and from
// them, with one matrix product each, those of the weights, through what filters.
#pragma once
#include "layer.h"
#include "sums.h"

// Null: as in Forward; grad_h, grad_c where nothing flows back; dx where nobody asks for it; of a linear
// rule, dlinear and dv where nobody does (both need dx).
template <class S> struct Backward {
  const S *grad_h, *grad_c, *grad_v, *grad_m;
  const S *x, *w_ih, *b_ih, *w_hh, *h0, *c0, *p;
  const int64_t* lengths;
  const S *linear, *h, *c, *saved, *marks;
  S *dx, *dw_ih, *db_ih, *dw_hh, *db_hh, *dh0, *dc0, *dp, *dv, *dm, *dlinear;
};

// How far apart in grad_h candidates, steps and sequences are; all other arrays are contiguous.
struct Strides { long candidate, step, sequence; };

template <class S, template <class> class CellOf, class Factor> class BackwardPass {
  typedef CellOf<S> Cell;
  static constexpr int G = Cell::gates, L = kLanes<S>;
  const Sizes s;
  const Strides of_grad;
  const Backward<S> a;
  const long H = s.H, W = G * H, wide = padded<S>(W), narrow = padded<S>(H), input = padded<S>(s.F);
  const long columns = s.F + (a.linear && a.b_ih);  // no wider than input, which has a vector to spare
  const std::vector<Factor> recurrent, projecting, back;

  // Room for a stretch of a tile. `by_input` and `part` are the gradients of the input part and of the
  // recurrent part of the pre-activations, one and the same but for a split gate.
  struct Room {
    Buffer<S> by_input, apart, z, dx, traces, dh, carried, b_ih, x, u, dtraces;
    S* part;
    explicit Room(const BackwardPass& pass, long k)
        : by_input(std::size_t(kStretch * kTile * pass.wide)), apart(Cell::split ? by_input.size() : 0),
          z(pass.a.p ? by_input.size() : 0),
          dx(std::size_t(pass.back.empty() ? 0 : kStretch * kTile * pass.input), S(0)),
          traces(std::size_t(pass.a.p        ? Filter<S>::room(kStretch, pass.W)
                             : pass.a.linear ? (kStretch + 1) * pass.input
                                             : 0),
                 S(0)),
          dh(std::size_t(kTile * pass.narrow)), carried(std::size_t(kTile * pass.H)),
          b_ih(padded_row(pass.a.b_ih, k, pass.W)),
          x(std::size_t(pass.a.linear ? kStretch * kTile * pass.input : 0), S(0)), u(x.size()),
          dtraces(std::size_t(pass.a.linear ? kTile * pass.input : 0)),
          part(Cell::split ? apart.data() : by_input.data()) {}
  };

 public:
  BackwardPass(const Sizes& s, const Strides& of_grad, const Backward<S>& a, long threads)
      : s(s), of_grad(of_grad), a(a), recurrent(pack<Factor>(a.w_hh, s.K, W, H, false, threads)),
        projecting(pack<Factor>(a.p ? a.w_ih : nullptr, s.K, W, s.F, true, threads)),
        back(pack<Factor>(a.dx ? a.w_ih : nullptr, s.K, W, s.F, false, threads)) {
    prefer_large_pages(a.dx, s.K * s.T * s.B * s.F);
  }

  Sums<S> run(const Rows& share) const {
    [[maybe_unused]] const typename Factor::Session session;
    Sums<S> sums(s, W, a.w_ih);
    Room room(*this, share.k);
    for (const Rows& tile : tiles(share)) {
      const long state = share.k * s.B + tile.first, rows = tile.count();
      std::fill(room.dh.begin(), room.dh.end(), S(0));
      std::fill(room.carried.begin(), room.carried.end(), S(0));
      std::fill(room.dtraces.begin(), room.dtraces.end(), S(0));
      if (a.p) {
        copy_rows(a.grad_v + state * W, W, a.dv + state * W, W, rows, W);
        copy_rows(a.grad_m + state * W, W, a.dm + state * W, W, rows, W);
      } else if (a.grad_v) {
        copy_rows(a.grad_v + state * columns, columns, room.dtraces.data(), input, rows, columns);
      }
      for (long begin = (s.T - 1) / kStretch * kStretch; begin >= 0; begin -= kStretch) {
        const long steps = std::min(kStretch, s.T - begin);
        for (long t = steps - 1; t >= 0; --t) step(tile, begin + t, t, room);
        Factor before(steps * rows, H);
        before.fill_rows([&](long i) { return h_before(tile, begin + i / rows) + i % rows * H; });
        add_turned_product(sums.w_hh.data(), narrow, room.part, wide, W, before);
        if (Cell::threshold) add_signed(sums.b_hh.data(), tile, begin, steps, room.part);
        else add_rows(sums.b_hh.data(), room.part, steps * rows);
        if (a.linear) linear(tile, begin, steps, room, sums);
        else if (a.p) filtered(tile, begin, steps, room, sums);
        else copy_out(tile, begin, steps, room.by_input.data(), wide);
      }
      if (a.linear && a.dv)
        copy_rows(room.dtraces.data(), input, a.dv + state * columns, columns, rows, columns);
      for (long r = 0; r < rows; ++r)
        for (long n = 0; n < H; ++n) {
          const S flow = room.carried[std::size_t(r * H + n)], dh = room.dh[std::size_t(r * narrow + n)];
          a.dh0[(state + r) * H + n] = Cell::memory ? dh : dh + flow;
          if (Cell::memory) a.dc0[(state + r) * H + n] = flow;
        }
    }
    return sums;
  }

 private:
  // Adds rows of gradients, each times its factor, `apart` numbers from the next one; null: all 1.
  void add_rows(S* sum, const S* from, long count, const S* factors = nullptr, long apart = 0) const {
    for (long i = 0; i < count; ++i) {
      const S factor = factors ? factors[i * apart] : S(1);
      for (long n = 0; n < W; ++n) sum[n] += factor * from[i * wide + n];
    }
  }

  // Adds the gradients of thresholds: those of the pre-activations, turned where h is below 0.
  void add_signed(S* sum, const Rows& tile, long begin, long steps, const S* from) const {
    for (long t = 0; t < steps; ++t) {
      const S* h = h_before(tile, begin + t + 1);
      for (long r = 0; r < tile.count(); ++r, h += H, from += wide)
        for (long n = 0; n < H; ++n) sum[n] += h[n] < S(0) ? -from[n] : from[n];
    }
  }

  S inner(const S* x, const S* y) const {
    Sum<S> sum;
    for (long n = 0; n < W; n += L) sum += load(x + n, std::min<long>(L, W - n)) * load(y + n, L);
    return S(sum.total());
  }

  // Rows of a stretch to dx, F numbers of each.
  void copy_out(const Rows& tile, long begin, long steps, const S* from, long stride) const {
    for (long t = 0; t < steps; ++t, from += tile.count() * stride) {
      S* to = a.dx + ((tile.k * s.T + begin + t) * s.B + tile.first) * s.F;
      copy_rows(from, stride, to, s.F, tile.count(), s.F);
    }
  }

  const S* h_before(const Rows& tile, long time) const {
    if (time == 0) return a.h0 + (tile.k * s.B + tile.first) * H;
    return a.h + ((tile.k * s.T + time - 1) * s.B + tile.first) * H;
  }

  // One step back, the t-th of its stretch: gradients of the pre-activations, and by them of the h before.
  // dh and carried are what reaches a step from the next one, through the product and past it (through c or
  // GRU's z).
  void step(const Rows& tile, long time, long t, Room& room) const {
    const long now = (tile.k * s.T + time) * s.B + tile.first, state = tile.k * s.B + tile.first;
    const long rows = tile.count();
    const S* grad_h =
        a.grad_h + tile.k * of_grad.candidate + time * of_grad.step + tile.first * of_grad.sequence;
    const S* h_old_rows = h_before(tile, time);
    const S* c_old_rows = !Cell::memory ? nullptr : time ? a.c + (now - s.B) * H : a.c0 + state * H;
    for (long r = 0; r < rows; ++r) {
      S* by_input = room.by_input.data() + (t * rows + r) * wide;
      S* part = room.part + (t * rows + r) * wide;
      for (long unit = 0; unit < H; unit += L) {
        const long lanes = std::min<long>(L, H - unit), at = (now + r) * H + unit;
        S* carry = room.carried.data() + r * H + unit;
        Vec<S> flow = load(carry, lanes), dh = load(room.dh.data() + r * narrow + unit, lanes);
        if (a.grad_h) dh += load(grad_h + r * of_grad.sequence + unit, lanes);
        if (a.grad_c) flow += load(a.grad_c + at, lanes);
        Vec<S> keep[4], da[G], dn{}, c_now{}, c_old{}, h_now{}, h_old{};
        for (int g = 0; g < Cell::saved; ++g)
          keep[g] = load(a.saved + ((now + r) * Cell::saved + g) * H + unit, lanes);
        if (Cell::memory) c_now = load(a.c + at, lanes), c_old = load(c_old_rows + r * H + unit, lanes);
        if (Cell::split) h_old = load(h_old_rows + r * H + unit, lanes);
        if (!Cell::saved) h_now = load(a.h + at, lanes);
        store(carry, Cell::backward(keep, dh, flow, h_now, h_old, c_now, c_old, da, dn), lanes);
        for (int g = 0; g < G; ++g) {
          store(by_input + g * H + unit, da[g], lanes);
          if (Cell::split) store(part + g * H + unit, g == G - 1 ? dn : da[g], lanes);
        }
      }
    }
    product(View<S>{room.dh.data(), 0, narrow}, View<const S>{room.part + t * rows * wide, 0, wide}, 1, rows,
            recurrent[std::size_t(tile.k)]);
  }

  // A linear rule over row r of a stretch once more, from its mark: x -> u and all traces.
  Linear<S> run_again(const Rows& tile, long begin, long r, View<S> x, View<S> u, S* traces) const {
    if (a.marks) {
      const S* mark = a.marks + mark_of(s, tile, begin, r, 1) * columns;
      std::copy(mark, mark + columns, traces);
    }
    const Linear<S> rule = linear_of(s, a.linear, a.lengths, tile, begin, r, x, columns);
    rule.forward(x(0, r), u(0, r), a.marks ? traces : nullptr, input);
    return rule;
  }

  // From the gradient of u to those of the weights and, through a linear rule, of x.
  void linear(const Rows& tile, long begin, long steps, Room& room, Sums<S>& sums) const {
    const long rows = tile.count();
    const bool biased = columns > s.F;
    const View<S> x{room.x.data(), rows * input, input}, u{room.u.data(), x.step, x.row};
    S* traces = room.traces.data();
    take_input(s, a.x, tile, begin, steps, biased, x);
    for (long r = 0; r < rows; ++r) run_again(tile, begin, r, x, u, traces);
    weights_of(u, steps, rows, room, sums);
    if (biased) add_rows(sums.b_ih.data(), room.by_input.data(), steps * rows, u.at + s.F, input);
    if (!a.dx) return;
    const View<S> g = input_of(steps, rows, tile.k, room);
    for (long r = 0; r < rows; ++r) {
      for (long t = 0; biased && t < steps; ++t)
        g(t, r)[s.F] = a.dlinear ? inner(room.by_input.data() + (t * rows + r) * wide, room.b_ih.data()) : S(0);
      const Linear<S> rule = run_again(tile, begin, r, x, u, traces);
      S* dlinear = a.dlinear ? a.dlinear + (rule.at - a.linear) : nullptr;
      rule.backward(g(0, r), room.dtraces.data() + r * input, x(0, r), a.marks ? traces : nullptr, input,
                    dlinear);
    }
    copy_out(tile, begin, steps, room.dx.data(), input);
  }

  // From the gradient of u to those of z, through Adam's filter, of what makes it and of x.
  void filtered(const Rows& tile, long begin, long steps, Room& room, Sums<S>& sums) const {
    const long rows = tile.count();
    const S* first = a.x + ((tile.k * s.T + begin) * s.B + tile.first) * s.F;
    const View<const S> x{first, s.B * s.F, s.F};
    const View<S> z{room.z.data(), rows * wide, wide};
    product(z, x, steps, rows, projecting[std::size_t(tile.k)], room.b_ih.data());
    const Filter<S> rule(a.p + tile.k * 4);
    for (long r = 0; r < rows; ++r) {
      const long b = tile.k * s.B + tile.first + r;
      const S* mark = a.marks + mark_of(s, tile, begin, r, 2) * W;
      S* by_input = room.by_input.data() + r * wide;
      rule.backward(by_input, z(0, r), by_input, z.step, z.step, steps, a.lengths[b] - begin, mark,
                    mark + s.B * W, a.dv + b * W, a.dm + b * W, W, room.traces.data(), sums.p);
    }
    weights_of(x, steps, rows, room, sums);
    if (a.db_ih) add_rows(sums.b_ih.data(), room.by_input.data(), steps * rows);
    if (a.dx) copy_out(tile, begin, steps, input_of(steps, rows, tile.k, room).at, input);
  }

  // Adds to the gradient of the input weights what a stretch does, by what they were multiplied with.
  template <class From>
  void weights_of(const From& from, long steps, long rows, const Room& room, Sums<S>& sums) const {
    Factor packed(steps * rows, s.F);
    packed.fill_rows([&](long i) { return from(i / rows, i % rows); });
    add_turned_product(sums.w_ih.data(), input, room.by_input.data(), wide, W, packed);
  }

  // The gradient of what the input weights were multiplied with.
  View<S> input_of(long steps, long rows, long k, Room& room) const {
    const View<S> to{room.dx.data(), rows * input, input};
    product(to, View<const S>{room.by_input.data(), rows * wide, wide}, steps, rows, back[std::size_t(k)]);
    return to;
  }
};

template <class S, template <class> class CellOf>
void backward(const Sizes& s, const Strides& of_grad, const Backward<S>& a, long threads) {
  with_factor<S>(s, threads, [&](auto* factor) {
    const BackwardPass<S, CellOf, std::remove_pointer_t<decltype(factor)>> pass(s, of_grad, a, threads);
    const std::vector<Rows> all = shares(s, threads);
    std::vector<Sums<S>> sums(all.size());
    parallel(all.size(), threads, [&](long i) { sums[std::size_t(i)] = pass.run(all[std::size_t(i)]); });
    gather(all, sums, s.K, threads, {a.dw_ih, a.db_ih, a.dw_hh, a.db_hh, a.dp});
  });
}
