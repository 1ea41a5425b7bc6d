// The delta memory over time, each head of each sequence on its own: see delta_step.h.
//
// The backward pass keeps the inputs alone: states are marked down every kDelta steps and run again from there.
#pragma once
#include "buffer.h"
#include "delta_step.h"
#include "parallel.h"

constexpr long kDelta = 16;

struct DeltaSizes {
  long K, T, B, H, d, steps, rows;  // steps, rows: of the values, T or 1 and B or 1
  explicit DeltaSizes(const long* s) : K(s[0]), T(s[1]), B(s[2]), H(s[3]), d(s[4]), steps(s[5]), rows(s[6]) {}
  long heads() const { return K * B * H; }
  long chunks() const { return (T + kDelta - 1) / kDelta; }
  long head(long k, long t, long b, long h) const { return ((k * T + t) * B + b) * H + h; }
  long value(long k, long t, long b) const {
    return ((k * steps + (steps > 1 ? t : 0)) * rows + (rows > 1 ? b : 0)) * 4;
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

// q, k, v, o (K,T,B,H,d); alpha, beta (K,T,B,H); values (K, T or 1, B or 1, 4); start, end (K,B,H,states,d,d);
// lengths (K,B): beyond its length a sequence's states stand still and its o is 0.
// marks: for each head, chunk and block of rows a state; null where no backward pass follows.
template <class S> struct DeltaForward {
  const S *q, *k, *v, *alpha, *beta, *values, *start;
  const int64_t* lengths;
  S *o, *end, *marks;
};

template <class S, Inner inner> void delta_forward(const long* sizes, const DeltaForward<S>& a, long threads) {
  typedef DeltaStep<S, inner> Step;
  const DeltaSizes s(sizes);
  const long d = s.d, L = kLanes<S>, blocks = groups_of(d, L), size = Step::states * d * L;
  parallel(std::size_t(s.heads()), threads, [&](long index) {
    const long h = index % s.H, b = index / s.H % s.B, k = index / s.H / s.B;
    const long valid = std::min<long>(s.T, a.lengths[k * s.B + b]);
    Buffer<S> state(static_cast<std::size_t>(size));
    for (long block = 0; block < blocks; ++block) {
      const long first = block * L, lanes = std::min(L, d - first), matrix = index * Step::states * d * d;
      for (int part = 0; part < Step::states; ++part)
        take(a.start + matrix + part * d * d, state.data() + part * d * L, d, first);
      for (long t = 0; t < valid; ++t) {
        const long now = s.head(k, t, b, h), row = now * d;
        if (a.marks && t % kDelta == 0)
          std::copy(state.begin(), state.end(), a.marks + ((index * s.chunks() + t / kDelta) * blocks + block) * size);
        const DeltaInput<S> in{a.k + row, a.q + row, load(a.v + row + first, lanes), a.alpha[now], a.beta[now],
                               a.values + s.value(k, t, b)};
        store(a.o + row + first, Step::forward(in, state.data(), state.data(), d), lanes);
      }
      for (long t = valid; t < s.T; ++t) store(a.o + s.head(k, t, b, h) * d + first, Vec<S>{}, lanes);
      for (int part = 0; part < Step::states; ++part)
        give(state.data() + part * d * L, a.end + matrix + part * d * d, d, first);
    }
  });
}

template <class S> struct DeltaBackward {
  const S *grad_o, *grad_end, *q, *k, *v, *alpha, *beta, *values;
  const int64_t* lengths;
  const S* marks;
  S *dq, *dk, *dv, *d_alpha, *d_beta, *d_start;
};

template <class S, Inner inner> void delta_backward(const long* sizes, const DeltaBackward<S>& a, long threads) {
  typedef DeltaStep<S, inner> Step;
  const DeltaSizes s(sizes);
  const long d = s.d, L = kLanes<S>, blocks = groups_of(d, L), size = Step::states * d * L;
  parallel(std::size_t(s.heads()), threads, [&](long index) {
    const long h = index % s.H, b = index / s.H % s.B, k = index / s.H / s.B;
    const long valid = std::min<long>(s.T, a.lengths[k * s.B + b]), matrix = index * Step::states * d * d;
    Buffer<S> states(std::size_t((kDelta + 1) * size)), grads(std::size_t(blocks * size)), room(static_cast<std::size_t>(d * L));
    for (long t = 0; t < s.T; ++t) {
      const long now = s.head(k, t, b, h);
      a.d_alpha[now] = a.d_beta[now] = S(0);
      for (S* out : {a.dq, a.dk, a.dv}) std::fill(out + now * d, out + (now + 1) * d, S(0));
    }
    for (long block = 0; block < blocks; ++block)
      for (int part = 0; part < Step::states; ++part)
        take(a.grad_end + matrix + part * d * d, grads.data() + block * size + part * d * L, d, block * L);
    for (long chunk = groups_of(valid, kDelta) - 1; chunk >= 0; --chunk) {
      const long begin = chunk * kDelta, count = std::min(kDelta, valid - begin);
      for (long block = 0; block < blocks; ++block) {
        const long first = block * L, lanes = std::min(L, d - first);
        const S* mark = a.marks + ((index * s.chunks() + chunk) * blocks + block) * size;
        std::copy(mark, mark + size, states.data());
        const auto input = [&](long t) {
          const long now = s.head(k, t, b, h), row = now * d;
          return DeltaInput<S>{a.k + row, a.q + row, load(a.v + row + first, lanes), a.alpha[now], a.beta[now],
                               a.values + s.value(k, t, b)};
        };
        for (long i = 0; i < count; ++i)
          Step::forward(input(begin + i), states.data() + i * size, states.data() + (i + 1) * size, d);
        for (long i = count - 1; i >= 0; --i) {
          const long now = s.head(k, begin + i, b, h), row = now * d;
          const Vec<S> dv = Step::backward(
              input(begin + i), states.data() + i * size, states.data() + (i + 1) * size,
              grads.data() + block * size, load(a.grad_o + row + first, lanes), d, a.dq + row, a.dk + row,
              a.d_alpha + now, a.d_beta + now, room.data());
          store(a.dv + row + first, dv, lanes);
        }
      }
    }
    for (long block = 0; block < blocks; ++block)
      for (int part = 0; part < Step::states; ++part)
        give(grads.data() + block * size + part * d * L, a.d_start + matrix + part * d * d, d, block * L);
  });
}
