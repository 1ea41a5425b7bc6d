// The gradients that all sequences of a candidate have in common: what each share of them adds, and all
// together.
#pragma once
#include "layer.h"

// Where the gradients of all candidates go: of weights (K,G H,F) and (K,G H,H), biases (K,G H), p (K,4).
// Null: what there is none of.
template <class S> struct Shared {
  S *w_ih, *b_ih, *w_hh, *b_hh, *p;
};

template <class S> struct Sums {
  long W, F, H, input, narrow;
  Buffer<S> w_ih, w_hh, b_ih, b_hh;  // rows padded
  double p[4] = {};

  Sums() = default;
  Sums(const Sizes& s, long W, bool projected)
      : W(W), F(s.F), H(s.H), input(padded<S>(F)), narrow(padded<S>(H)),
        w_ih(projected ? whole(W) * input : 0, S(0)), w_hh(whole(W) * narrow, S(0)), b_ih(std::size_t(W), S(0)),
        b_hh(std::size_t(W), S(0)) {}

  // Rows [begin, begin + count) of candidate k, to where they go or to what is there.
  void put(const Shared<S>& to, long k, long begin, long count, bool add) const {
    const long first = k * W + begin;
    if (to.w_ih) put(to.w_ih + first * F, w_ih.data() + begin * input, count, F, input, add);
    if (to.b_ih) put(to.b_ih + first, b_ih.data() + begin, 1, count, 0, add);
    put(to.w_hh + first * H, w_hh.data() + begin * narrow, count, H, narrow, add);
    put(to.b_hh + first, b_hh.data() + begin, 1, count, 0, add);
  }

 private:
  // Products write whole tiles of rows.
  static std::size_t whole(long rows) { return std::size_t(groups_of(rows, kTile) * kTile); }

  static void put(S* to, const S* from, long rows, long columns, long stride, bool add) {
    for (long r = 0; r < rows; ++r)
      for (long n = 0; n < columns; ++n)
        to[r * columns + n] = from[r * stride + n] + (add ? to[r * columns + n] : S(0));
  }
};

// Adds up what the shares, candidate by candidate, have to give.
template <class S>
void gather(const std::vector<Rows>& shares, const std::vector<Sums<S>>& sums, long K, long threads,
            const Shared<S>& to) {
  constexpr long piece = 64;  // rows that a thread takes at a time
  const long W = sums[0].W, pieces = groups_of(W, piece);
  parallel(std::size_t(K * pieces), threads, [&](long i) {
    const long k = i / pieces, begin = i % pieces * piece;
    double p[4] = {};
    bool add = false;
    for (std::size_t j = 0; j < shares.size(); ++j) {
      if (shares[j].k != k) continue;
      sums[j].put(to, k, begin, std::min(piece, W - begin), add);
      for (int q = 0; q < 4; ++q) p[q] += sums[j].p[q];
      add = true;
    }
    for (int q = 0; to.p && begin == 0 && q < 4; ++q) to.p[k * 4 + q] = S(p[q]);
  });
}
