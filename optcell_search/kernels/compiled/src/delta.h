// The delta memory over time, each head of each sequence on its own: see delta_step.h.
//
// The backward pass keeps the inputs alone: states are marked down every kDelta steps and run again from there.
#pragma once
#include <cmath>
#include "buffer.h"
#include "delta_step.h"
#include "parallel.h"

constexpr long kDelta = 16;
// Heads of so many numbers have a loop of their own, unrolled.
constexpr long kUsualWidth = 16;

struct DeltaSizes {
  long K, T, B, H, d, width, steps, rows;  // width: of u; steps, rows: of the values, T or 1 and B or 1
  explicit DeltaSizes(const long* s)
      : K(s[0]), T(s[1]), B(s[2]), H(s[3]), d(s[4]), width(s[5]), steps(s[6]), rows(s[7]) {}
  long heads() const { return K * B * H; }
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

// u (K,T,B,width); alpha (K,T,B,H), null for 1; o (K,T,B,H d); values (K, T or 1, B or 1, 4);
// start, end (K,B,H,states,d,d); lengths (K,B): beyond its length a sequence's states stand still and its o is 0.
// marks: for each head, chunk and block of rows a state; null where no backward pass follows.
template <class S> struct DeltaForward {
  const S *u, *alpha, *values, *start;
  const int64_t* lengths;
  S *o, *end, *marks;
};

template <class S, Inner inner, long width>
void delta_forward_of(const long* sizes, const DeltaForward<S>& a, long threads) {
  typedef DeltaStep<S, inner, width> Step;
  const DeltaSizes s(sizes);
  const long d = width ? width : s.d, L = kLanes<S>, blocks = groups_of(d, L), size = Step::states * d * L;
  parallel(std::size_t(s.heads()), threads, [&](long index) {
    const long h = index % s.H, b = index / s.H % s.B, k = index / s.H / s.B;
    const long valid = std::min<long>(s.T, a.lengths[k * s.B + b]), matrix = index * Step::states * d * d;
    Buffer<S> states(static_cast<std::size_t>(blocks * size));
    DeltaChunk<S, width> chunk(d);
    for (long block = 0; block < blocks; ++block)
      for (int part = 0; part < Step::states; ++part)
        take(a.start + matrix + part * d * d, states.data() + block * size + part * d * L, d, block * L);
    for (long begin = 0; begin < valid; begin += kDelta) {
      const long count = std::min(kDelta, valid - begin);
      S* mark = a.marks ? a.marks + (index * s.chunks() + begin / kDelta) * blocks * size : nullptr;
      if (mark) fetch<1>(mark, blocks * size);
      chunk.read(count, [&](long i) {
        const long t = begin + i, ahead = s.row(k, std::min(t + kAhead, valid - 1), b);
        const DeltaRow<const S> later(a.u + ahead * s.width, s, h);
        fetch<0>(later.q, d);
        fetch<0>(later.k, d);
        fetch<0>(later.v, d);
        fetch<0>(later.beta, 1);
        fetch<1>(a.o + (ahead * s.H + h) * d, d);
        return DeltaRow<const S>(a.u + s.row(k, t, b) * s.width, s, h);
      });
      if (mark) std::copy(states.begin(), states.end(), mark);
      for (long i = 0; i < count; ++i) {
        const long t = begin + i, row = s.row(k, t, b);
        const S* v = DeltaRow<const S>(a.u + row * s.width, s, h).v;
        const S alpha = a.alpha ? a.alpha[row * s.H + h] : S(1);
        for (long block = 0; block < blocks; ++block) {
          const long first = block * L, lanes = std::min(L, d - first);
          const DeltaInput<S> in{chunk.k.data() + i * d, chunk.q.data() + i * d, load(v + first, lanes), alpha,
                                 chunk.beta[i], a.values + s.value(k, t, b)};
          S* state = states.data() + block * size;
          store(a.o + (row * s.H + h) * d + first, Step::forward(in, state, state, d), lanes);
        }
      }
    }
    for (long t = valid; t < s.T; ++t) {
      S* o = a.o + (s.row(k, t, b) * s.H + h) * d;
      std::fill(o, o + d, S(0));
    }
    for (long block = 0; block < blocks; ++block)
      for (int part = 0; part < Step::states; ++part)
        give(states.data() + block * size + part * d * L, a.end + matrix + part * d * d, d, block * L);
  });
}

template <class S, Inner inner> void delta_forward(const long* sizes, const DeltaForward<S>& a, long threads) {
  if (DeltaSizes(sizes).d == kUsualWidth) delta_forward_of<S, inner, kUsualWidth>(sizes, a, threads);
  else delta_forward_of<S, inner, 0>(sizes, a, threads);
}

// du is cleared by whoever calls. d_alpha: null where alpha is.
template <class S> struct DeltaBackward {
  const S *grad_o, *grad_end, *u, *alpha, *values;
  const int64_t* lengths;
  const S* marks;
  S *du, *d_alpha, *d_start;
};

template <class S, Inner inner, long width>
void delta_backward_of(const long* sizes, const DeltaBackward<S>& a, long threads) {
  typedef DeltaStep<S, inner, width> Step;
  const DeltaSizes s(sizes);
  const long d = width ? width : s.d, L = kLanes<S>, blocks = groups_of(d, L), size = Step::states * d * L;
  parallel(std::size_t(s.heads()), threads, [&](long index) {
    const long h = index % s.H, b = index / s.H % s.B, k = index / s.H / s.B;
    const long valid = std::min<long>(s.T, a.lengths[k * s.B + b]), matrix = index * Step::states * d * d;
    Buffer<S> states(std::size_t((kDelta + 1) * size)), grads(std::size_t(blocks * size));
    Buffer<S> room(static_cast<std::size_t>(d * L)), dq(std::size_t(kDelta * d)), dk(dq.size());
    DeltaChunk<S, width> now(d);
    S d_alpha[kDelta], d_beta[kDelta];
    for (long block = 0; block < blocks; ++block)
      for (int part = 0; part < Step::states; ++part)
        take(a.grad_end + matrix + part * d * d, grads.data() + block * size + part * d * L, d, block * L);
    for (long chunk = groups_of(valid, kDelta) - 1; chunk >= 0; --chunk) {
      const long begin = chunk * kDelta, count = std::min(kDelta, valid - begin);
      const auto row_of = [&](long i) { return DeltaRow<const S>(a.u + s.row(k, begin + i, b) * s.width, s, h); };
      for (long i = 0; i < count; ++i) {
        const long row = s.row(k, begin + i, b);
        const DeltaRow<S> out(a.du + row * s.width, s, h);
        fetch<0>(row_of(i).q, d);
        fetch<0>(row_of(i).k, d);
        fetch<0>(row_of(i).beta, 1);
        fetch<0>(row_of(i).v, d);
        fetch<0>(a.grad_o + (row * s.H + h) * d, d);
        fetch<1>(out.v, d);
        fetch<1>(out.q, d);
        fetch<1>(out.k, d);
        fetch<1>(out.beta, 1);
      }
      fetch<0>(a.marks + (index * s.chunks() + chunk) * blocks * size, blocks * size);
      now.read(count, row_of);
      std::fill(d_alpha, d_alpha + kDelta, S(0));
      std::fill(d_beta, d_beta + kDelta, S(0));
      std::fill(dq.begin(), dq.end(), S(0));
      std::fill(dk.begin(), dk.end(), S(0));
      for (long block = 0; block < blocks; ++block) {
        const long first = block * L, lanes = std::min(L, d - first);
        const S* mark = a.marks + ((index * s.chunks() + chunk) * blocks + block) * size;
        std::copy(mark, mark + size, states.data());
        const auto input = [&](long i) {
          const long row = s.row(k, begin + i, b);
          return DeltaInput<S>{now.k.data() + i * d, now.q.data() + i * d, load(row_of(i).v + first, lanes),
                               a.alpha ? a.alpha[row * s.H + h] : S(1), now.beta[i],
                               a.values + s.value(k, begin + i, b)};
        };
        for (long i = 0; i < count; ++i)
          Step::forward(input(i), states.data() + i * size, states.data() + (i + 1) * size, d);
        for (long i = count - 1; i >= 0; --i) {
          const long row = s.row(k, begin + i, b);
          const Vec<S> dv = Step::backward(input(i), states.data() + i * size, states.data() + (i + 1) * size,
                                           grads.data() + block * size,
                                           load(a.grad_o + (row * s.H + h) * d + first, lanes), d, dq.data() + i * d,
                                           dk.data() + i * d, d_alpha + i, d_beta + i, room.data());
          store(DeltaRow<S>(a.du + row * s.width, s, h).v + first, dv, lanes);
        }
      }
      for (long i = 0; i < count; ++i) {
        const long row = s.row(k, begin + i, b);
        const DeltaRow<S> out(a.du + row * s.width, s, h);
        unit_backward(dq.data() + i * d, row_of(i).q, now.q.data() + i * d, now.gate_q.data() + i * d,
                      now.factor_q[i], out.q, d);
        unit_backward(dk.data() + i * d, row_of(i).k, now.k.data() + i * d, now.gate_k.data() + i * d,
                      now.factor_k[i], out.k, d);
        *out.beta = d_beta[i] * now.beta[i] * (S(1) - now.beta[i]);
        if (a.alpha) a.d_alpha[row * s.H + h] = d_alpha[i];
      }
    }
    for (long block = 0; block < blocks; ++block)
      for (int part = 0; part < Step::states; ++part)
        give(grads.data() + block * size + part * d * L, a.d_start + matrix + part * d * d, d, block * L);
  });
}

template <class S, Inner inner> void delta_backward(const long* sizes, const DeltaBackward<S>& a, long threads) {
  if (DeltaSizes(sizes).d == kUsualWidth) delta_backward_of<S, inner, kUsualWidth>(sizes, a, threads);
  else delta_backward_of<S, inner, 0>(sizes, a, threads);
}
