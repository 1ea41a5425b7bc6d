// The delta memory over time, each head of each sequence on its own: see delta_step.h.
//
// The backward pass keeps the inputs alone: states are marked down every kDelta steps and run again from there.
#pragma once
#include "delta_parts.h"
#include "delta_step.h"
#include "parallel.h"

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
  const std::vector<Heads> work = shares(s, threads);
  parallel(work.size(), threads, [&](long index) {
    const Heads share = work[std::size_t(index)];
    const long k = share.k, b = share.b, first_head = share.first, last_head = share.last;
    const long valid = std::min<long>(s.T, a.lengths[k * s.B + b]);
    Buffer<S> all(std::size_t((last_head - first_head) * blocks * size));
    DeltaChunk<S, width> chunk(d);
    for (long h = first_head; h < last_head; ++h)
      take_states<S, Step::states>(a.start, s, s.head(k, b, h), all.data() + (h - first_head) * blocks * size);
    for (long begin = 0; begin < valid; begin += kDelta)
      for (long h = first_head; h < last_head; ++h) {
        S* states = all.data() + (h - first_head) * blocks * size;
        const long count = std::min(kDelta, valid - begin);
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
        if (a.marks) {
          S* mark = a.marks + (s.head(k, b, h) * s.chunks() + begin / kDelta) * blocks * size;
          std::copy(states, states + blocks * size, mark);
        }
        for (long i = 0; i < count; ++i) {
          const long t = begin + i, row = s.row(k, t, b);
          const S* v = DeltaRow<const S>(a.u + row * s.width, s, h).v;
          const S alpha = a.alpha ? a.alpha[row * s.H + h] : S(1);
          for (long block = 0; block < blocks; ++block) {
            const long first = block * L, lanes = std::min(L, d - first);
            const DeltaInput<S> in{chunk.k.data() + i * d, chunk.q.data() + i * d, load(v + first, lanes), alpha,
                                   chunk.beta[i], a.values + s.value(k, t, b)};
            S* state = states + block * size;
            Vec<S> error;
            store(a.o + (row * s.H + h) * d + first, Step::forward(in, state, state, d, error), lanes);
          }
        }
      }
    for (long h = first_head; h < last_head; ++h) {
      for (long t = valid; t < s.T; ++t) {
        S* o = a.o + (s.row(k, t, b) * s.H + h) * d;
        std::fill(o, o + d, S(0));
      }
      give_states<S, Step::states>(all.data() + (h - first_head) * blocks * size, s, s.head(k, b, h), a.end);
    }
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
  const std::vector<Heads> work = shares(s, threads);
  parallel(work.size(), threads, [&](long index) {
    const Heads share = work[std::size_t(index)];
    const long k = share.k, b = share.b, first_head = share.first, last_head = share.last;
    const long valid = std::min<long>(s.T, a.lengths[k * s.B + b]);
    Buffer<S> states(std::size_t((kDelta + 1) * size));
    Buffer<S> all(std::size_t((last_head - first_head) * blocks * size));
    Buffer<S> room(static_cast<std::size_t>(d * L)), dq(std::size_t(kDelta * d)), dk(dq.size());
    DeltaChunk<S, width> now(d);
    S d_alpha[kDelta], d_beta[kDelta];
    Vec<S> errors[kDelta];
    for (long h = first_head; h < last_head; ++h)
      take_states<S, Step::states>(a.grad_end, s, s.head(k, b, h), all.data() + (h - first_head) * blocks * size);
    for (long chunk = groups_of(valid, kDelta) - 1; chunk >= 0; --chunk)
      for (long h = first_head; h < last_head; ++h) {
        const long begin = chunk * kDelta, count = std::min(kDelta, valid - begin);
        const S* marks = a.marks + (s.head(k, b, h) * s.chunks() + chunk) * blocks * size;
        S* grads = all.data() + (h - first_head) * blocks * size;
        const auto row_of = [&](long i) {
          return DeltaRow<const S>(a.u + s.row(k, begin + i, b) * s.width, s, h);
        };
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
        fetch<0>(marks, blocks * size);
        now.read(count, row_of);
        std::fill(d_alpha, d_alpha + kDelta, S(0));
        std::fill(d_beta, d_beta + kDelta, S(0));
        std::fill(dq.begin(), dq.end(), S(0));
        std::fill(dk.begin(), dk.end(), S(0));
        for (long block = 0; block < blocks; ++block) {
          const long first = block * L, lanes = std::min(L, d - first);
          std::copy(marks + block * size, marks + (block + 1) * size, states.data());
          const auto input = [&](long i) {
            const long row = s.row(k, begin + i, b);
            return DeltaInput<S>{now.k.data() + i * d, now.q.data() + i * d, load(row_of(i).v + first, lanes),
                                 a.alpha ? a.alpha[row * s.H + h] : S(1), now.beta[i],
                                 a.values + s.value(k, begin + i, b)};
          };
          for (long i = 0; i < count; ++i)
            Step::forward(input(i), states.data() + i * size, states.data() + (i + 1) * size, d, errors[i]);
          for (long i = count - 1; i >= 0; --i) {
            const long row = s.row(k, begin + i, b);
            const Vec<S> g_o = load(a.grad_o + (row * s.H + h) * d + first, lanes);
            const Vec<S> dv = Step::backward(input(i), states.data() + i * size, states.data() + (i + 1) * size,
                                             grads + block * size, g_o, d, dq.data() + i * d, dk.data() + i * d,
                                             d_alpha + i, d_beta + i, errors[i], room.data());
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
    for (long h = first_head; h < last_head; ++h)
      give_states<S, Step::states>(all.data() + (h - first_head) * blocks * size, s, s.head(k, b, h), a.d_start);
  });
}

template <class S, Inner inner> void delta_backward(const long* sizes, const DeltaBackward<S>& a, long threads) {
  if (DeltaSizes(sizes).d == kUsualWidth) delta_backward_of<S, inner, kUsualWidth>(sizes, a, threads);
  else delta_backward_of<S, inner, 0>(sizes, a, threads);
}
