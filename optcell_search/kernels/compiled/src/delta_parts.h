// What the two passes over a delta memory share: its arrays' sizes, who takes which heads, the inputs of a chunk
// of steps and the states of a head.
#pragma once
#include <algorithm>
#include <cmath>
#include <vector>
#include "buffer.h"
#include "vector.h"

constexpr long kDelta = 16;  // steps of a chunk
// Heads of so many numbers have a loop of their own, unrolled.
constexpr long kUsualWidth = 16;

struct DeltaSizes {
  long K, T, B, H, d, width, steps, rows;  // width: of u; steps, rows: of the values, T or 1 and B or 1
  explicit DeltaSizes(const long* s)
      : K(s[0]), T(s[1]), B(s[2]), H(s[3]), d(s[4]), width(s[5]), steps(s[6]), rows(s[7]) {}
  long heads() const { return K * B * H; }
  // Which head of all the h-th of sequence b is.
  long head(long k, long b, long h) const { return (k * B + b) * H + h; }
  long chunks() const { return (T + kDelta - 1) / kDelta; }
  long row(long k, long t, long b) const { return (k * T + t) * B + b; }
  long value(long k, long t, long b) const {
    return ((k * steps + (steps > 1 ? t : 0)) * rows + (rows > 1 ? b : 0)) * 4;
  }
};

// A head's part of a row of u: x for q, k and v (d numbers each), and the logit of beta.
template <class S> struct DeltaRow {
  S *q, *k, *v, *beta;
  DeltaRow(S* row, const DeltaSizes& s, long h)
      : q(row + h * s.d), k(q + s.H * s.d), v(k + s.H * s.d), beta(row + 3 * s.H * s.d + h) {}
};

// Rows of one sequence lie far apart, and no processor guesses where the next one is: it is told some steps before.
constexpr long kAhead = 6;
template <int write, class S> inline void fetch(const S* x, long count) {
  for (long j = 0; j < count; j += kLanes<S>) __builtin_prefetch(x + j, write);
}

// gate = logistic(x), y = x gate / |x gate|; returns the factor that made it that long.
template <class S> inline S unit(const S* x, S* y, S* gate, long d) {
  Vec<S> squares{};
  for (long j = 0; j < d; j += kLanes<S>) {
    const long lanes = std::min<long>(kLanes<S>, d - j);
    const Vec<S> in = load(x + j, lanes), open = logistic<S>(in), out = in * open;
    squares += out * out;
    store(gate + j, open, lanes);
    store(y + j, out, lanes);
  }
  const S factor = S(1) / std::sqrt(total<S>(squares) + S(1e-6));
  for (long j = 0; j < d; j += kLanes<S>) {
    const long lanes = std::min<long>(kLanes<S>, d - j);
    store(y + j, load(y + j, lanes) * factor, lanes);
  }
  return factor;
}
// From the gradient of y to that of x.
template <class S>
inline void unit_backward(const S* grad, const S* x, const S* y, const S* gate, S factor, S* dx, long d) {
  Vec<S> products{};
  for (long j = 0; j < d; j += kLanes<S>) {
    const long lanes = std::min<long>(kLanes<S>, d - j);
    products += load(grad + j, lanes) * load(y + j, lanes);
  }
  const S along = total<S>(products);
  for (long j = 0; j < d; j += kLanes<S>) {
    const long lanes = std::min<long>(kLanes<S>, d - j);
    const Vec<S> in = load(x + j, lanes), open = load(gate + j, lanes);
    const Vec<S> by_silu = (load(grad + j, lanes) - load(y + j, lanes) * along) * factor;
    store(dx + j, by_silu * (open + in * open * (S(1) - open)), lanes);
  }
}

// Queries, keys and step sizes of a chunk of steps: none waits for another, as the states do.
template <class S, long width> struct DeltaChunk {
  const long any;
  Buffer<S> q, k, gate_q, gate_k;
  S factor_q[kDelta], factor_k[kDelta], beta[kDelta];
  explicit DeltaChunk(long d)
      : any(d), q(std::size_t(kDelta * d)), k(q.size()), gate_q(q.size()), gate_k(q.size()) {}

  // row(i): the i-th step's part of u.
  template <class Row> void read(long count, Row row) {
    const long d = width ? width : any;
    for (long i = 0; i < count; ++i) {
      const DeltaRow<const S> x = row(i);
      factor_q[i] = unit(x.q, q.data() + i * d, gate_q.data() + i * d, d);
      factor_k[i] = unit(x.k, k.data() + i * d, gate_k.data() + i * d, d);
      beta[i] = *x.beta;
    }
    for (long i = 0; i < count; i += kLanes<S>) {
      const long lanes = std::min<long>(kLanes<S>, count - i);
      store(beta + i, logistic<S>(load(beta + i, lanes)), lanes);
    }
  }
};

// Between memory, S in rows of d numbers, and columns of one vector: some rows from `first`.
template <class S> inline void take(const S* matrix, S* columns, long d, long first) {
  const long count = std::min<long>(kLanes<S>, d - first);
  std::fill(columns, columns + d * kLanes<S>, S(0));
  for (long i = 0; i < count; ++i)
    for (long j = 0; j < d; ++j) columns[j * kLanes<S> + i] = matrix[(first + i) * d + j];
}
template <class S> inline void give(const S* columns, S* matrix, long d, long first) {
  const long count = std::min<long>(kLanes<S>, d - first);
  for (long i = 0; i < count; ++i)
    for (long j = 0; j < d; ++j) matrix[(first + i) * d + j] = columns[j * kLanes<S> + i];
}

// The states of a head, all blocks of rows.
template <class S, int states> void take_states(const S* matrices, const DeltaSizes& s, long head, S* columns) {
  const long d = s.d, L = kLanes<S>;
  for (long first = 0; first < d; first += L)
    for (int part = 0; part < states; ++part, columns += d * L)
      take(matrices + (head * states + part) * d * d, columns, d, first);
}
template <class S, int states> void give_states(const S* columns, const DeltaSizes& s, long head, S* matrices) {
  const long d = s.d, L = kLanes<S>;
  for (long first = 0; first < d; first += L)
    for (int part = 0; part < states; ++part, columns += d * L)
      give(columns, matrices + (head * states + part) * d * d, d, first);
}

// Some heads of a sequence, which go through a chunk of steps one after the other: their inputs lie side by side.
struct Heads {
  long k, b, first, last;
};

// What the threads take on: whole sequences where there are enough of them.
inline std::vector<Heads> shares(const DeltaSizes& s, long threads) {
  const long each = s.K * s.B >= 2 * threads ? s.H : 1;
  std::vector<Heads> out;
  for (long k = 0; k < s.K; ++k)
    for (long b = 0; b < s.B; ++b)
      for (long h = 0; h < s.H; h += each) out.push_back({k, b, h, h + each});
  return out;
}
