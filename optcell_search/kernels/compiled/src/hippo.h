// A gated recurrence that reads a HiPPO memory of M signals, N coefficients each:
//
//   f = act(u_f + V h),  m <- A_t m + B_t f,  k = tanh(u_k + W_k m),  g = logistic(u_g + W_g m),  h <- h + g (k - h)
//
// or h = k without a gate. The memory's step is one matrix for all steps, or that of LegS, which costs N and not
// N^2 (see Scaled). Threads take sequences, as in layer.h.
#pragma once
#include "layer.h"

struct HippoSizes {
  long K, T, B, H, M, N, W, gate, rows, act;  // W: of u; rows: of the paces, 1 or B; act: whether it is tanh
  explicit HippoSizes(const long* s)
      : K(s[0]), T(s[1]), B(s[2]), H(s[3]), M(s[4]), N(s[5]), W(s[6]), gate(s[7]), rows(s[8]), act(s[9]) {}
  long readers() const { return (1 + gate) * H; }
  long row(long k, long t, long b) const { return (k * T + t) * B + b; }
  Sizes layer() const { return {K, T, B, 0, H}; }
};

// LegS's step for as many signals as a vector has lanes, at t = 1 / (2 pace):
//
//   (1 + pace d_n) x_n + pace B_n sum_{k<n} B_k x_k = (1 - pace d_n) m_n - pace B_n sum_{k<n} B_k m_k + 2 pace B_n f
//
// from n = 0 on, since its A has -B_n B_k below the diagonal and -d_n on it: one sum goes along.
template <class S> struct Scaled {
  const S *d, *b;
  long N;
  static constexpr long L = kLanes<S>;

  // m: N vectors, the memory before the step, then after it.
  void forward(S* m, Vec<S> pace, Vec<S> f) const {
    Vec<S> sum{};
    const Vec<S> push = pace * f * S(2);
    for (long n = 0; n < N; ++n) {
      const Vec<S> old = load(m + n * L, L), own = pace * d[n];
      const Vec<S> x = (old * (S(1) - own) + (push - pace * sum) * b[n]) * (S(1) / (own + S(1)));
      sum += (old + x) * b[n];
      store(m + n * L, x, L);
    }
  }
  // g: gradients of the memory after the step, then of that before it. Returns the gradient of f.
  Vec<S> backward(S* g, Vec<S> pace) const {
    Vec<S> sum{};
    for (long n = N - 1; n >= 0; --n) {
      const Vec<S> own = pace * d[n], later = pace * sum * b[n];
      const Vec<S> w = (load(g + n * L, L) - later) * (S(1) / (own + S(1)));
      store(g + n * L, w * (S(1) - own) - later, L);
      sum += w * b[n];
    }
    return pace * sum * S(2);
  }
};

// The memories of a tile's signals, N numbers each, as a thread holds them between two steps: in columns of one
// vector for LegS, else as they lie in memory.
template <class S> class Memories {
  static constexpr long L = kLanes<S>;
  const HippoSizes& s;
  const S *A, *B;
  const bool scaled;
  const Packed<S>* along;
  Buffer<S> held, moved;

 public:
  long signals = 0;

  // Of candidate k. all: the A of each, or A^T on the way forward, where one matrix serves all steps; else A is d.
  Memories(const HippoSizes& s, long k, const S* A, const S* B, const std::vector<Packed<S>>& all)
      : s(s), A(A + k * s.N * (all.empty() ? 1 : s.N)), B(B + k * s.N), scaled(all.empty()),
        along(scaled ? nullptr : &all[std::size_t(k)]),
        held(std::size_t(groups_of(kTile * s.M, L) * L * s.N + padded<S>(s.N)), S(0)),
        moved(std::size_t(along ? kTile * s.M * padded<S>(s.N) : 0)) {}

  // Takes, or adds, rows of M N numbers, so far apart.
  void take(const S* rows, long apart, long count, bool add = false) {
    signals = count * s.M;
    each(rows, apart, [&](S& own, const S& given) { own = add ? own + given : given; });
  }
  void give(S* rows, long apart) {
    each(rows, apart, [](const S& own, S& taken) { taken = own; });
  }

  // A step of all of them; pace(q), f[q]: of the q-th signal.
  template <class Pace> void forward(const Pace& pace, const S* f) {
    if (scaled) {
      for (long q = 0; q < signals; q += L)
        Scaled<S>{A, B, s.N}.forward(held.data() + q * s.N, lanes_of(q, pace), load(f + q, L));
      return;
    }
    multiply();
    for (long q = 0; q < signals; ++q)
      for (long n = 0; n < s.N; ++n) held[std::size_t(q * s.N + n)] = row(q)[n] + f[q] * B[n];
  }
  // From the gradients after a step to those before it, and to those of f.
  template <class Pace> void backward(const Pace& pace, S* df) {
    if (scaled) {
      for (long q = 0; q < signals; q += L)
        store(df + q, Scaled<S>{A, B, s.N}.backward(held.data() + q * s.N, lanes_of(q, pace)), L);
      return;
    }
    for (long q = 0; q < signals; ++q) {
      S sum(0);
      for (long n = 0; n < s.N; ++n) sum += held[std::size_t(q * s.N + n)] * B[n];
      df[q] = sum;
    }
    multiply();
    for (long q = 0; q < signals; ++q) std::copy(row(q), row(q) + s.N, held.data() + q * s.N);
  }

 private:
  const S* row(long q) const { return moved.data() + q * padded<S>(s.N); }
  void multiply() {
    product(View<S>{moved.data(), 0, padded<S>(s.N)}, View<const S>{held.data(), 0, s.N}, 1, signals, *along);
  }
  template <class Pace> Vec<S> lanes_of(long first, const Pace& pace) const {
    Vec<S> x{};
    for (long l = 0; l < std::min(L, signals - first); ++l) x[l] = pace(first + l);
    return x;
  }
  template <class T, class F> void each(T* rows, long apart, const F& move) {
    for (long q = 0; q < signals; ++q) {
      T* other = rows + q / s.M * apart + q % s.M * s.N;
      S* own = scaled ? held.data() + q / L * L * s.N + q % L : held.data() + q * s.N;
      for (long n = 0; n < s.N; ++n) move(own[n * (scaled ? L : 1)], other[n]);
    }
  }
};

// u (K,T,B,W): k, g where there is a gate, f where W has room for it; v (K,M,H), null without one; w (K,readers,M N);
// A (K,N,N), or LegS's d (K,N); B (K,N); pace (K,T,rows), null unless LegS; h0 (K,B,H), m0 (K,B,M,N); h, m of all
// steps; kept (K,T,B,readers + M): k, g and f of every step, or null.
template <class S> struct HippoForward {
  const S *u, *v, *w, *A, *B, *pace, *h0, *m0;
  S *h, *m, *kept;
};

// One matrix for all steps, packed for each candidate, or none.
template <class S>
std::vector<Packed<S>> matrices(const HippoSizes& s, const S* A, bool turned, bool scaled, long threads) {
  return scaled ? std::vector<Packed<S>>() : pack<Packed<S>>(A, s.K, s.N, s.N, turned, threads);
}

template <class S> struct Paces {
  const HippoSizes& s;
  const S* pace;
  long k, t, first;
  S operator()(long q) const {
    return pace[(k * s.T + t) * s.rows + (s.rows > 1 ? first + q / s.M : 0)];
  }
};

template <class S, class Factor> void hippo_forward_by(const HippoSizes& s, const HippoForward<S>& a, long threads) {
  constexpr long L = kLanes<S>;
  const long H = s.H, R = s.readers(), P = s.M * s.N, wide = padded<S>(R), few = padded<S>(s.M);
  const std::vector<Packed<S>> along = matrices(s, a.A, true, a.pace, threads);
  const std::vector<Packed<S>> write = pack<Packed<S>>(a.v, s.K, s.M, H, true, threads);
  const std::vector<Factor> read = pack<Factor>(a.w, s.K, R, P, true, threads);
  prefer_large_pages(a.h, s.K * s.T * s.B * H);
  prefer_large_pages(a.m, s.K * s.T * s.B * P);
  prefer_large_pages(a.kept, a.kept ? s.K * s.T * s.B * (R + s.M) : 0);
  const std::vector<Rows> all = shares(s.layer(), threads);
  parallel(all.size(), threads, [&](long index) {
    const Rows& share = all[std::size_t(index)];
    [[maybe_unused]] const typename Factor::Session session;
    const long k = share.k;
    Memories<S> memories(s, k, a.A, a.B, along);
    Buffer<S> written(std::size_t(kTile * few)), answer(std::size_t(kTile * wide));
    Buffer<S> f(std::size_t(kTile * s.M + L), S(0));
    for (const Rows& tile : tiles(share)) {
      const long rows = tile.count();
      memories.take(a.m0 + (k * s.B + tile.first) * P, P, rows);
      for (long t = 0; t < s.T; ++t) {
        const long now = s.row(k, t, tile.first);
        const S* before = t ? a.h + (now - s.B) * H : a.h0 + (k * s.B + tile.first) * H;
        if (a.v)
          product(View<S>{written.data(), 0, few}, View<const S>{before, 0, H}, 1, rows, write[std::size_t(k)]);
        for (long r = 0; r < rows; ++r)
          for (long j = 0; j < s.M; j += L) {
            const long lanes = std::min(L, s.M - j);
            Vec<S> x = a.v ? load(written.data() + r * few + j, lanes) : Vec<S>{};
            if (s.W > R) x += load(a.u + (now + r) * s.W + R + j, lanes);
            if (s.act) x = tangent<S>(x);
            store(f.data() + r * s.M + j, x, lanes);
            if (a.kept) store(a.kept + (now + r) * (R + s.M) + R + j, x, lanes);
          }
        memories.forward(Paces<S>{s, a.pace, k, t, tile.first}, f.data());
        memories.give(a.m + now * P, P);
        product(View<S>{answer.data(), 0, wide}, View<const S>{a.m + now * P, 0, P}, 1, rows, read[std::size_t(k)]);
        for (long r = 0; r < rows; ++r)
          for (long unit = 0; unit < H; unit += L) {
            const long lanes = std::min(L, H - unit);
            const S *u = a.u + (now + r) * s.W + unit, *read_of = answer.data() + r * wide + unit;
            S* kept = a.kept ? a.kept + (now + r) * (R + s.M) + unit : nullptr;
            const Vec<S> candidate = tangent<S>(load(u, lanes) + load(read_of, lanes));
            Vec<S> h = candidate;
            if (s.gate) {
              const Vec<S> g = logistic<S>(load(u + H, lanes) + load(read_of + H, lanes));
              const Vec<S> old = load(before + r * H + unit, lanes);
              h = old + g * (candidate - old);
              if (kept) store(kept + H, g, lanes);
            }
            if (kept) store(kept, candidate, lanes);
            store(a.h + (now + r) * H + unit, h, lanes);
          }
      }
    }
  });
}

template <class S> void hippo_forward(const long* sizes, const HippoForward<S>& a, long threads) {
  const HippoSizes s(sizes);
  with_factor<S>(s.layer(), threads, [&](auto* factor) {
    hippo_forward_by<S, std::remove_pointer_t<decltype(factor)>>(s, a, threads);
  });
}

// grad_h, grad_m: null where nothing flows back. Gradients of w and v are made of du, df, m and h by whoever calls;
// df (K,T,B,M): of what enters act.
template <class S> struct HippoBackward {
  const S *grad_h, *grad_m, *v, *w, *A, *B, *pace, *h0, *h, *kept;
  S *du, *df, *dh0, *dm0;
};

template <class S, class Factor> void hippo_backward_by(const HippoSizes& s, const HippoBackward<S>& a, long threads) {
  constexpr long L = kLanes<S>;
  const long H = s.H, R = s.readers(), P = s.M * s.N;
  const long wide = padded<S>(R), narrow = padded<S>(H), much = padded<S>(P);
  const std::vector<Packed<S>> along = matrices(s, a.A, false, a.pace, threads);
  const std::vector<Packed<S>> write = pack<Packed<S>>(a.v, s.K, s.M, H, false, threads);
  const std::vector<Factor> read = pack<Factor>(a.w, s.K, R, P, false, threads);
  const std::vector<Rows> all = shares(s.layer(), threads);
  parallel(all.size(), threads, [&](long index) {
    const Rows& share = all[std::size_t(index)];
    [[maybe_unused]] const typename Factor::Session session;
    const long k = share.k;
    Memories<S> memories(s, k, a.A, a.B, along);
    Buffer<S> part(std::size_t(kTile * wide)), by_m(std::size_t(kTile * much)), by_f(std::size_t(kTile * s.M + L));
    Buffer<S> dh(std::size_t(kTile * narrow)), past(std::size_t(kTile * narrow));
    const Buffer<S> none(std::size_t(P), S(0));
    for (const Rows& tile : tiles(share)) {
      const long rows = tile.count();
      memories.take(none.data(), 0, rows);
      std::fill(dh.begin(), dh.end(), S(0));
      std::fill(past.begin(), past.end(), S(0));
      for (long t = s.T - 1; t >= 0; --t) {
        const long now = s.row(k, t, tile.first);
        const S* before = t ? a.h + (now - s.B) * H : a.h0 + (k * s.B + tile.first) * H;
        for (long r = 0; r < rows; ++r)
          for (long unit = 0; unit < H; unit += L) {
            const long lanes = std::min(L, H - unit);
            const S* kept = a.kept + (now + r) * (R + s.M) + unit;
            S *du = a.du + (now + r) * s.W + unit, *own = part.data() + r * wide + unit;
            S* flow = past.data() + r * narrow + unit;
            Vec<S> g = load(dh.data() + r * narrow + unit, lanes) + load(flow, lanes);
            if (a.grad_h) g += load(a.grad_h + (now + r) * H + unit, lanes);
            const Vec<S> x = load(kept, lanes), slope = S(1) - x * x;
            Vec<S> by_k = g * slope;
            if (s.gate) {
              const Vec<S> open = load(kept + H, lanes), old = load(before + r * H + unit, lanes);
              const Vec<S> by_g = g * (x - old) * open * (S(1) - open);
              store(du + H, by_g, lanes);
              store(own + H, by_g, lanes);
              store(flow, g * (S(1) - open), lanes);
              by_k *= open;
            }
            store(du, by_k, lanes);
            store(own, by_k, lanes);
          }
        product(View<S>{by_m.data(), 0, much}, View<const S>{part.data(), 0, wide}, 1, rows, read[std::size_t(k)]);
        memories.take(by_m.data(), much, rows, true);
        if (a.grad_m) memories.take(a.grad_m + now * P, P, rows, true);
        memories.backward(Paces<S>{s, a.pace, k, t, tile.first}, by_f.data());
        for (long r = 0; r < rows; ++r)
          for (long j = 0; j < s.M; j += L) {
            const long lanes = std::min(L, s.M - j);
            S* at = by_f.data() + r * s.M + j;
            const Vec<S> f = load(a.kept + (now + r) * (R + s.M) + R + j, lanes);
            const Vec<S> x = s.act ? load(at, lanes) * (S(1) - f * f) : load(at, lanes);
            store(at, x, lanes);
            store(a.df + (now + r) * s.M + j, x, lanes);
            if (s.W > R) store(a.du + (now + r) * s.W + R + j, x, lanes);
          }
        if (a.v)
          product(View<S>{dh.data(), 0, narrow}, View<const S>{by_f.data(), 0, s.M}, 1, rows, write[std::size_t(k)]);
      }
      memories.give(a.dm0 + (k * s.B + tile.first) * P, P);
      for (long r = 0; r < rows; ++r)
        for (long n = 0; n < H; ++n)
          a.dh0[(k * s.B + tile.first + r) * H + n] =
              dh[std::size_t(r * narrow + n)] + past[std::size_t(r * narrow + n)];
    }
  });
}

template <class S> void hippo_backward(const long* sizes, const HippoBackward<S>& a, long threads) {
  const HippoSizes s(sizes);
  with_factor<S>(s.layer(), threads, [&](auto* factor) {
    hippo_backward_by<S, std::remove_pointer_t<decltype(factor)>>(s, a, threads);
  });
}
