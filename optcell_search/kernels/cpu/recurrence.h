// A cell over a whole sequence, forward and backward: drive, Adam's filter where there is one, and
// recurrence, a stretch of steps after the other.
//
// Sequences are independent, so each thread takes some of them through all steps, a tile of rows at a
// time: no barrier, and what a stretch makes and its gradients need stays in the thread's own cache.
// Arrays are contiguous, K candidates in front: x (K,T,B,F), w_ih (K,G H,F), w_hh (K,G H,H), biases
// (K,G H), h and c (K,T,B,H), saved (K,T,B,saved H), v and m (K,B,G H), marks
// (K,ceil(T / kStretch),2,B,G H), p (K,4), lengths (K,B).
#pragma once
#include <vector>
#include "cells.h"
#include "filter.h"
#include "pages.h"
#include "parallel.h"
#include "product.h"

constexpr long kStretch = 16, kTile = 16;

struct Sizes { long K, T, B, F, H; };

// Null: w_ih where x is the filtered drive u itself (F = G H); b_ih; p, v0, m0, lengths, v, m and marks
// without a filter; c0 and c without a memory; saved and marks where no backward pass follows.
template <class S> struct Forward {
  const S *x, *w_ih, *b_ih, *w_hh, *b_hh, *h0, *c0, *p, *v0, *m0;
  const int64_t* lengths;
  S *h, *c, *saved, *v, *m, *marks;
};

// Null: as above; grad_h, grad_c where nothing flows back; dx where nobody asks for it.
template <class S> struct Backward {
  const S *grad_h, *grad_c, *grad_v, *grad_m;
  const S *x, *w_ih, *b_ih, *w_hh, *h0, *c0, *p;
  const int64_t* lengths;
  const S *h, *c, *saved, *marks;
  S *dx, *dw_ih, *db_ih, *dw_hh, *db_hh, *dh0, *dc0, *dp, *dv, *dm;
};

// Sequences [first, last) of candidate k.
struct Task { long k, first, last; };

inline std::vector<Task> shares(const Sizes& s, long threads) {
  std::vector<Task> tasks;
  const long parts = std::min(s.B, groups_of(threads, s.K)), size = groups_of(s.B, parts);
  for (long k = 0; k < s.K; ++k)
    for (long b = 0; b < s.B; b += size) tasks.push_back({k, b, std::min(b + size, s.B)});
  return tasks;
}

// The tiles of a task: at most kTile sequences each, as even as can be.
inline std::vector<Task> tiles(const Task& task) {
  std::vector<Task> out;
  const long n = task.last - task.first, count = groups_of(n, kTile);
  for (long i = 0; i < count; ++i)
    out.push_back({task.k, task.first + n * i / count, task.first + n * (i + 1) / count});
  return out;
}

// The matrices of all candidates, (K, rows, columns), packed: B = W, or B = W^T where turned.
template <class S>
std::vector<Packed<S>> pack(const S* weight, long K, long rows, long columns, bool turned, long threads) {
  std::vector<Packed<S>> all;
  if (!weight) return all;
  for (long k = 0; k < K; ++k) all.emplace_back(turned ? columns : rows, turned ? rows : columns);
  const long panels = all[0].panels;
  parallel(size_t(K * panels), threads, [&](long i) {
    const S* from = weight + i / panels * rows * columns;
    all[size_t(i / panels)].fill(i % panels, from, turned ? 1 : columns, turned ? columns : 1);
  });
  return all;
}

template <class S> Buffer<S> padded_copy(const S* from, long width) {
  Buffer<S> row(size_t(padded<S>(width)), S(0));
  if (from) std::copy(from, from + width, row.data());
  return row;
}

template <class S, template <class> class CellOf>
void forward(const Sizes& s, const Forward<S>& a, long threads) {
  typedef CellOf<S> Cell;
  constexpr int G = Cell::gates, L = kLanes<S>;
  const long T = s.T, B = s.B, F = s.F, H = s.H, W = G * H, wide = padded<S>(W), C = groups_of(T, kStretch);
  const long Z = Cell::saved * H;
  const auto recurrent = pack(a.w_hh, s.K, W, H, true, threads);
  const auto driving = pack(a.w_ih, s.K, W, F, true, threads);
  for (S* array : {a.h, Cell::memory ? a.c : nullptr}) prefer_large_pages(array, s.K * T * B * H);
  prefer_large_pages(a.saved, s.K * T * B * Z);
  const std::vector<Task> tasks = shares(s, threads);
  parallel(tasks.size(), threads, [&](long index) {
    const long k = tasks[size_t(index)].k;
    const Buffer<S> b_ih = padded_copy(a.b_ih ? a.b_ih + k * W : nullptr, W);
    const Buffer<S> b_hh = padded_copy(a.b_hh + k * W, W);
    Buffer<S> driven(size_t(a.w_ih ? kStretch * kTile * wide : 0)), product_of(size_t(kTile * wide));
    for (const Task& tile : tiles(tasks[size_t(index)])) {
      const long rows = tile.last - tile.first, state = (k * B + tile.first) * W;
      if (a.p) {
        std::copy(a.v0 + state, a.v0 + state + rows * W, a.v + state);
        std::copy(a.m0 + state, a.m0 + state + rows * W, a.m + state);
      }
      for (long begin = 0; begin < T; begin += kStretch) {
        const long steps = std::min(kStretch, T - begin), row = (k * T + begin) * B + tile.first;
        View<const S> u{a.x + row * F, B * F, F};
        if (a.w_ih) {
          const View<S> z{driven.data(), rows * wide, wide};
          product(z, u, steps, rows, driving[size_t(k)], b_ih.data());
          u = {z.at, z.step, z.row};
          for (long r = 0; a.p && r < rows; ++r) {
            S *v = a.v + state + r * W, *m = a.m + state + r * W;
            if (a.marks) {
              S* mark = a.marks + ((k * C + begin / kStretch) * 2 * B + tile.first + r) * W;
              std::copy(v, v + W, mark);
              std::copy(m, m + W, mark + B * W);
            }
            const long valid = a.lengths[k * B + tile.first + r] - begin;
            Filter<S>(a.p + k * 4).forward(z(0, r), z(0, r), z.step, steps, valid, v, m, W);
          }
        }
        for (long t = 0; t < steps; ++t) {
          const long now = row + t * B;  // first row of this step in all (K,T,B,...) arrays
          const bool fresh = begin + t == 0;
          const S* h_before = fresh ? a.h0 + (k * B + tile.first) * H : a.h + (now - B) * H;
          const S* c_before = !Cell::memory ? nullptr : fresh ? a.c0 + (k * B + tile.first) * H : a.c + (now - B) * H;
          product<S>({product_of.data(), 0, wide}, {h_before, 0, H}, 1, rows, recurrent[size_t(k)], b_hh.data());
          for (long r = 0; r < rows; ++r) {
            const S *given = u(t, r), *made = product_of.data() + r * wide;
            for (long unit = 0; unit < H; unit += L) {
              const long lanes = std::min<long>(L, H - unit), at = (now + r) * H + unit;
              Vec<S> x[G], u_n{}, h_old{}, c_old{}, c_new{}, keep[4];
              for (int g = 0; g < G; ++g) {
                const Vec<S> drive = load(given + g * H + unit, lanes);
                x[g] = load(made + g * H + unit, lanes);
                if (Cell::split && g == G - 1) u_n = drive;
                else x[g] += drive;
              }
              if (Cell::split) h_old = load(h_before + r * H + unit, lanes);
              if (Cell::memory) c_old = load(c_before + r * H + unit, lanes);
              store(a.h + at, Cell::forward(x, u_n, h_old, c_old, c_new, keep), lanes);
              if (Cell::memory) store(a.c + at, c_new, lanes);
              if (a.saved)
                for (int g = 0; g < Cell::saved; ++g)
                  store(a.saved + (now + r) * Z + g * H + unit, keep[g], lanes);
            }
          }
        }
      }
    }
  });
}

// What a task adds to the gradients that all sequences of a candidate share.
template <class S> struct Sums {
  Buffer<S> w_ih, w_hh, b_ih, b_hh;
  double p[4] = {};
};

// to (rows, columns) = the sum of `from`, whose rows are padded.
template <class S>
void gather(S* to, const std::vector<const S*>& from, long rows, long columns, long stride) {
  for (long r = 0; to && r < rows; ++r)
    for (long n = 0; n < columns; ++n) {
      S sum = 0;
      for (const S* part : from) sum += part[r * stride + n];
      to[r * columns + n] = sum;
    }
}

template <class S> void add_rows(S* sum, const S* from, long count, long stride, long width) {
  for (long i = 0; i < count; ++i)
    for (long n = 0; n < width; ++n) sum[n] += from[i * stride + n];
}

template <class S, template <class> class CellOf>
void backward(const Sizes& s, const Backward<S>& a, long threads) {
  typedef CellOf<S> Cell;
  constexpr int G = Cell::gates, L = kLanes<S>;
  const long T = s.T, B = s.B, F = s.F, H = s.H, W = G * H, wide = padded<S>(W), C = groups_of(T, kStretch);
  const long Z = Cell::saved * H, narrow = padded<S>(H), input = padded<S>(F);
  const auto recurrent = pack(a.w_hh, s.K, W, H, false, threads);
  const auto driving = pack(a.p ? a.w_ih : nullptr, s.K, W, F, true, threads);
  const auto back = pack(a.dx ? a.w_ih : nullptr, s.K, W, F, false, threads);
  prefer_large_pages(a.dx, s.K * T * B * F);
  const std::vector<Task> tasks = shares(s, threads);
  std::vector<Sums<S>> sums(tasks.size());
  parallel(tasks.size(), threads, [&](long index) {
    const long k = tasks[size_t(index)].k, stretch = kStretch * kTile;
    Sums<S>& sum = sums[size_t(index)];
    sum.w_hh.assign(size_t(W * narrow), S(0));
    sum.b_hh.assign(size_t(wide), S(0));
    sum.b_ih.assign(size_t(wide), S(0));
    if (a.w_ih) sum.w_ih.assign(size_t(W * input), S(0));
    const Buffer<S> b_ih = padded_copy(a.b_ih ? a.b_ih + k * W : nullptr, W);
    // Gradients of the drive and of the recurrent part, one and the same but for a split gate.
    Buffer<S> by_drive(size_t(stretch * wide)), apart(size_t(Cell::split ? stretch * wide : 0));
    Buffer<S> z(size_t(a.p ? stretch * wide : 0)), dx(size_t(a.dx && a.w_ih ? stretch * input : 0));
    Buffer<S> room(size_t(a.p ? Filter<S>::room(kStretch, W) : 0));
    Buffer<S> dh(size_t(kTile * narrow)), carried(size_t(kTile * H));
    S* by_part = Cell::split ? apart.data() : by_drive.data();
    for (const Task& tile : tiles(tasks[size_t(index)])) {
      const long rows = tile.last - tile.first, state = k * B + tile.first;
      // What reaches a step from the next one: through the product, and past it, through c or GRU's z.
      std::fill(dh.begin(), dh.end(), S(0));
      std::fill(carried.begin(), carried.end(), S(0));
      if (a.p) {
        std::copy(a.grad_v + state * W, a.grad_v + (state + rows) * W, a.dv + state * W);
        std::copy(a.grad_m + state * W, a.grad_m + (state + rows) * W, a.dm + state * W);
      }
      for (long begin = (C - 1) * kStretch; begin >= 0; begin -= kStretch) {
        const long steps = std::min(kStretch, T - begin), row = (k * T + begin) * B + tile.first;
        Packed<S> before(steps * rows, H);
        for (long t = steps - 1; t >= 0; --t) {
          const long now = row + t * B;
          const bool fresh = begin + t == 0;
          const S* h_before = fresh ? a.h0 + state * H : a.h + (now - B) * H;
          const S* c_before = !Cell::memory ? nullptr : fresh ? a.c0 + state * H : a.c + (now - B) * H;
          for (long r = 0; r < rows; ++r) {
            S *drive = by_drive.data() + (t * rows + r) * wide, *part = by_part + (t * rows + r) * wide;
            for (long unit = 0; unit < H; unit += L) {
              const long lanes = std::min<long>(L, H - unit), at = (now + r) * H + unit;
              S* carry = carried.data() + r * H + unit;
              Vec<S> flow = load(carry, lanes), by_h = load(dh.data() + r * narrow + unit, lanes);
              if (a.grad_h) by_h += load(a.grad_h + at, lanes);
              if (a.grad_c) flow += load(a.grad_c + at, lanes);
              Vec<S> keep[4], da[G], dn{}, c_now{}, c_old{}, h_now{}, h_old{};
              for (int g = 0; g < Cell::saved; ++g)
                keep[g] = load(a.saved + (now + r) * Z + g * H + unit, lanes);
              if (Cell::memory) c_now = load(a.c + at, lanes), c_old = load(c_before + r * H + unit, lanes);
              if (Cell::split) h_old = load(h_before + r * H + unit, lanes);
              if (!Cell::saved) h_now = load(a.h + at, lanes);
              store(carry, Cell::backward(keep, by_h, flow, h_now, h_old, c_now, c_old, da, dn), lanes);
              for (int g = 0; g < G; ++g) {
                store(drive + g * H + unit, da[g], lanes);
                if (Cell::split) store(part + g * H + unit, g == G - 1 ? dn : da[g], lanes);
              }
            }
            before.fill_row(t * rows + r, h_before + r * H);
          }
          product<S>({dh.data(), 0, narrow}, {by_part + t * rows * wide, 0, wide}, 1, rows, recurrent[size_t(k)]);
        }
        add_turned_product(sum.w_hh.data(), narrow, by_part, wide, W, before);
        add_rows(sum.b_hh.data(), by_part, steps * rows, wide, W);
        if (!a.w_ih) {
          for (long t = 0; t < steps; ++t)
            for (long r = 0; r < rows; ++r) {
              const S* from = by_drive.data() + (t * rows + r) * wide;
              std::copy(from, from + W, a.dx + (row + t * B + r) * W);
            }
          continue;
        }
        const View<const S> x{a.x + row * F, B * F, F};
        if (a.p) {
          const View<S> again{z.data(), rows * wide, wide};
          product(again, x, steps, rows, driving[size_t(k)], b_ih.data());
          for (long r = 0; r < rows; ++r) {
            S* by_u = by_drive.data() + r * wide;
            const S* mark = a.marks + ((k * C + begin / kStretch) * 2 * B + tile.first + r) * W;
            const long valid = a.lengths[state + r] - begin;
            Filter<S>(a.p + k * 4).backward(
                by_u, again(0, r), by_u, again.step, again.step, steps, valid, mark, mark + B * W,
                a.dv + (state + r) * W, a.dm + (state + r) * W, W, room.data(), sum.p);
          }
        }
        Packed<S> inputs(steps * rows, F);
        for (long t = 0; t < steps; ++t)
          for (long r = 0; r < rows; ++r) inputs.fill_row(t * rows + r, x(t, r));
        add_turned_product(sum.w_ih.data(), input, by_drive.data(), wide, W, inputs);
        if (a.db_ih) add_rows(sum.b_ih.data(), by_drive.data(), steps * rows, wide, W);
        if (a.dx) {
          product<S>({dx.data(), 0, input}, {by_drive.data(), 0, wide}, 1, steps * rows, back[size_t(k)]);
          for (long t = 0; t < steps; ++t)
            for (long r = 0; r < rows; ++r) {
              const S* from = dx.data() + (t * rows + r) * input;
              std::copy(from, from + F, a.dx + (row + t * B + r) * F);
            }
        }
      }
      for (long r = 0; r < rows; ++r)
        for (long n = 0; n < H; ++n) {
          const S flow = carried[size_t(r * H + n)], by_h = dh[size_t(r * narrow + n)];
          a.dh0[(state + r) * H + n] = Cell::memory ? by_h : by_h + flow;
          if (Cell::memory) a.dc0[(state + r) * H + n] = flow;
        }
    }
  });
  parallel(size_t(s.K), threads, [&](long k) {
    std::vector<const S*> w_ih, w_hh, b_ih, b_hh;
    double p[4] = {};
    for (size_t i = 0; i < tasks.size(); ++i) {
      if (tasks[i].k != k) continue;
      w_ih.push_back(sums[i].w_ih.data());
      w_hh.push_back(sums[i].w_hh.data());
      b_ih.push_back(sums[i].b_ih.data());
      b_hh.push_back(sums[i].b_hh.data());
      for (int q = 0; q < 4; ++q) p[q] += sums[i].p[q];
    }
    gather(a.w_ih ? a.dw_ih + k * W * F : nullptr, w_ih, W, F, input);
    gather(a.dw_hh + k * W * H, w_hh, W, H, narrow);
    gather(a.db_ih ? a.db_ih + k * W : nullptr, b_ih, 1, W, wide);
    gather(a.db_hh + k * W, b_hh, 1, W, wide);
    for (int q = 0; a.p && q < 4; ++q) a.dp[k * 4 + q] = S(p[q]);
  });
}
