// A cell over a whole sequence of filtered drives, forward and backward.
//
// Arrays are contiguous, K candidates (or 1) in front: u (K,T,B,G H), weight (K,G H,H), bias (K,G H),
// h and c (K,T,B,H), saved (K,T,B,saved H).  Sequences are independent, so each thread takes some of
// them through all time steps: no barrier, and its states and weights stay in its own cache.
#pragma once
#include <algorithm>
#include <vector>
#include "cells.h"
#include "parallel.h"
#include "product.h"

struct Shape { long K, T, B, H; };

// Sequences [first, last) of candidate k.
struct Task { long k, first, last; };

inline std::vector<Task> split(const Shape& s, long threads) {
  std::vector<Task> tasks;
  if (s.K == 0 || s.B == 0) return tasks;
  const long parts = std::min(s.B, groups_of(threads, s.K)), size = groups_of(s.B, parts);
  for (long k = 0; k < s.K; ++k)
    for (long b = 0; b < s.B; b += size) tasks.push_back({k, b, std::min(b + size, s.B)});
  return tasks;
}

template <class S, template <class> class CellOf>
void forward(const Shape& s, const S* u, const S* weight, const S* bias, const S* h0, const S* c0,
             S* h, S* c, S* saved, long threads) {
  typedef CellOf<S> Cell;
  constexpr int G = Cell::gates, P = Cell::groups, MR = Cell::MR, L = kLanes<S>;
  const long H = s.H, W = G * H, Z = Cell::saved * H, panels = groups_of(H, L * P);
  std::vector<Buffer<S>> packed;
  for (long k = 0; k < s.K; ++k) packed.push_back(pack_forward(weight + k * W * H, H, G, P));
  const std::vector<Task> tasks = split(s, threads);
  parallel(tasks.size(), threads, [&](long index) {
    const Task task = tasks[size_t(index)];
    const S* b = bias + task.k * W;
    for (long t = 0; t < s.T; ++t) {
      const long now = (task.k * s.T + t) * s.B;  // first row of this step in all (K,T,B,...) arrays
      const S* before = t ? h + (now - s.B) * H : h0 + task.k * s.B * H;
      const S* c_before = !Cell::memory ? nullptr : t ? c + (now - s.B) * H : c0 + task.k * s.B * H;
      for (long j = 0; j < panels; ++j) {
        const S* panel = packed[size_t(task.k)].data() + j * H * G * P * L;
        for (long first = task.first; first < task.last; first += MR) {
          const long rows = std::min<long>(MR, task.last - first);
          Vec<S> acc[MR][G * P] = {};
          multiply<S, MR, G * P>(acc, Rows<S, MR>(before + first * H, H, rows), panel, H);
          for (int p = 0; p < P; ++p) {
            const long unit = (j * P + p) * L, lanes = std::min<long>(L, H - unit);
            if (lanes <= 0) break;
            Vec<S> offset[G];
            for (int g = 0; g < G; ++g) offset[g] = load(b + g * H + unit, lanes);
            for (long r = 0; r < rows; ++r) {
              const long row = now + first + r;
              Vec<S> a[G], u_n{}, h_old{}, c_old{}, c_new{}, keep[4];
              for (int g = 0; g < G; ++g) {
                const Vec<S> driven = load(u + row * W + g * H + unit, lanes);
                a[g] = acc[r][p * G + g] + offset[g];
                if (Cell::split && g == G - 1) u_n = driven;
                else a[g] += driven;
              }
              if (Cell::split) h_old = load(before + (first + r) * H + unit, lanes);
              if (Cell::memory) c_old = load(c_before + (first + r) * H + unit, lanes);
              store(h + row * H + unit, Cell::forward(a, u_n, h_old, c_old, c_new, keep), lanes);
              if (Cell::memory) store(c + row * H + unit, c_new, lanes);
              if (saved)
                for (int g = 0; g < Cell::saved; ++g) store(saved + row * Z + g * H + unit, keep[g], lanes);
            }
          }
        }
      }
    }
  });
}

// grad_h, grad_c: (K,T,B,H) or null.  du: gradient of u.  dn: that of the recurrent part of n (GRU).
template <class S, template <class> class CellOf>
void backward(const Shape& s, const S* weight, const S* h0, const S* c0, const S* h, const S* c,
              const S* saved, const S* grad_h, const S* grad_c, S* du, S* dn, S* dh0, S* dc0,
              long threads) {
  typedef CellOf<S> Cell;
  constexpr int G = Cell::gates, P = 2, MR = 8, L = kLanes<S>;
  const long H = s.H, W = G * H, Z = Cell::saved * H, panels = groups_of(H, L * P);
  const long direct = Cell::split ? W - H : W;  // rows of W whose gradient stands in du
  std::vector<Buffer<S>> packed;
  for (long k = 0; k < s.K; ++k) packed.push_back(pack_backward(weight + k * W * H, H, G, P));
  const std::vector<Task> tasks = split(s, threads);
  parallel(tasks.size(), threads, [&](long index) {
    const Task task = tasks[size_t(index)];
    // What reaches this step from the next one past the product: through c, or through GRU's z.
    Buffer<S> carried(size_t((task.last - task.first) * H), S(0));
    for (long t = s.T - 1; t >= -1; --t) {
      const long now = (task.k * s.T + t) * s.B;
      const S* before = t > 0 ? h + (now - s.B) * H : h0 + task.k * s.B * H;
      const S* c_before = !Cell::memory ? nullptr : t > 0 ? c + (now - s.B) * H : c0 + task.k * s.B * H;
      for (long j = 0; j < panels; ++j) {
        const S* panel = packed[size_t(task.k)].data() + j * W * P * L;
        for (long first = task.first; first < task.last; first += MR) {
          const long rows = std::min<long>(MR, task.last - first);
          Vec<S> acc[MR][P] = {};
          if (t < s.T - 1) {
            const long next = now + s.B + first;
            multiply<S, MR, P>(acc, Rows<S, MR>(du + next * W, W, rows), panel, direct);
            if (Cell::split)
              multiply<S, MR, P>(acc, Rows<S, MR>(dn + next * H, H, rows), panel + direct * P * L, H);
          }
          for (int p = 0; p < P; ++p) {
            const long unit = (j * P + p) * L, lanes = std::min<long>(L, H - unit);
            if (lanes <= 0) break;
            for (long r = 0; r < rows; ++r) {
              const long row = now + first + r, local = (first + r) * H + unit;
              S* carry = carried.data() + (first - task.first + r) * H + unit;
              Vec<S> flow = load(carry, lanes), dh = acc[r][p];
              if (t < 0) {
                const long out = task.k * s.B * H + local;
                store(dh0 + out, Cell::memory ? dh : dh + flow, lanes);
                if (Cell::memory) store(dc0 + out, flow, lanes);
                continue;
              }
              const long at = row * H + unit;
              if (grad_h) dh += load(grad_h + at, lanes);
              if (grad_c) flow += load(grad_c + at, lanes);
              Vec<S> keep[4], da[G], dn_now{}, c_now{}, c_old{}, h_now{}, h_old{};
              for (int g = 0; g < Cell::saved; ++g) keep[g] = load(saved + row * Z + g * H + unit, lanes);
              if (Cell::memory) c_now = load(c + at, lanes), c_old = load(c_before + local, lanes);
              if (Cell::split) h_old = load(before + local, lanes);
              if (!Cell::saved) h_now = load(h + at, lanes);
              store(carry, Cell::backward(keep, dh, flow, h_now, h_old, c_now, c_old, da, dn_now), lanes);
              for (int g = 0; g < G; ++g) store(du + row * W + g * H + unit, da[g], lanes);
              if (Cell::split) store(dn + at, dn_now, lanes);
            }
          }
        }
      }
    }
  });
}
