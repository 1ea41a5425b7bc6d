// What the two passes over a layer share: its arrays' sizes, and who takes which sequences.
//
// Sequences are independent, so each thread takes some of them through all steps, a tile of rows at a
// time: no barrier, and what a stretch of steps makes stays in the thread's own cache.
// Arrays are contiguous, K candidates in front: x (K,T,B,F), w_ih (K,G H,F), w_hh (K,G H,H), biases
// (K,G H), h and c (K,T,B,H), saved (K,T,B,saved H), lengths (K,B).
//
// What filters: Adam's filter the pre-activations, by p (K,4), with v and m (K,B,G H) and marks
// (K,ceil(T / kStretch),2,B,G H), or a linear rule the input, by `linear` (K,T,B,4), with v (K,B,F + 1) and
// marks (K,ceil(T / kStretch),1,B,F + 1): the last channel, there where there is b_ih, is the constant 1
// that the bias is multiplied with.
#pragma once
#include <type_traits>
#include <vector>
#include "cells.h"
#include "filter.h"
#include "linear.h"
#include "pages.h"
#include "parallel.h"
#include "product.h"
#include "split.h"

// Steps of a stretch and, at most, rows of a tile: together as many rows as a core's cache has room for.
constexpr long kStretch = 8, kTile = 16;

struct Sizes { long K, T, B, F, H; };

// Sequences [first, last) of candidate k.
struct Rows {
  long k, first, last;
  long count() const { return last - first; }
};

// What each of some threads takes on.
inline std::vector<Rows> shares(const Sizes& s, long threads) {
  std::vector<Rows> out;
  const long parts = std::min(s.B, groups_of(threads, s.K)), size = groups_of(s.B, parts);
  for (long k = 0; k < s.K; ++k)
    for (long b = 0; b < s.B; b += size) out.push_back({k, b, std::min(b + size, s.B)});
  return out;
}

// The tiles of a share, as even as can be.
inline std::vector<Rows> tiles(const Rows& share) {
  std::vector<Rows> out;
  const long n = share.count(), count = groups_of(n, kTile);
  for (long i = 0; i < count; ++i)
    out.push_back({share.k, share.first + n * i / count, share.first + n * (i + 1) / count});
  return out;
}

// Which row of `marks` is the first trace of row r of a tile before a stretch; the next trace is B rows on.
inline long mark_of(const Sizes& s, const Rows& tile, long begin, long r, long traces) {
  return (tile.k * groups_of(s.T, kStretch) + begin / kStretch) * traces * s.B + tile.first + r;
}

// The weights (K, rows, columns) of all candidates, packed: B = W, or B = W^T where turned.
template <class Factor, class S>
std::vector<Factor> pack(const S* weight, long K, long rows, long columns, bool turned, long threads) {
  std::vector<Factor> all;
  if (!weight) return all;
  for (long k = 0; k < K; ++k) all.emplace_back(turned ? columns : rows, turned ? rows : columns);
  const long panels = all[0].panels;
  parallel(std::size_t(K * panels), threads, [&](long i) {
    const S* from = weight + i / panels * rows * columns;
    all[std::size_t(i / panels)].fill(i % panels, from, turned ? 1 : columns, turned ? columns : 1);
  });
  return all;
}

// Rows of so many columns, each with one number more behind it.
template <class S> Buffer<S> beside(const S* rows, const S* last, long count, long columns, long threads) {
  constexpr long piece = 64;
  Buffer<S> out(std::size_t(count * (columns + 1)));
  parallel(std::size_t(groups_of(count, piece)), threads, [&](long i) {
    for (long r = i * piece; r < std::min(count, (i + 1) * piece); ++r) {
      S* to = out.data() + r * (columns + 1);
      std::copy(rows + r * columns, rows + (r + 1) * columns, to);
      to[columns] = last[r];
    }
  });
  return out;
}

// Some numbers of each of some rows, which lie so far apart here and there.
template <class S> void copy_rows(const S* from, long from_row, S* to, long to_row, long rows, long columns) {
  for (long r = 0; r < rows; ++r, from += from_row, to += to_row) std::copy(from, from + columns, to);
}

// The input of a tile over a stretch, step by step, with a 1 behind each row where `one`.
template <class S>
void take_input(const Sizes& s, const S* x, const Rows& tile, long begin, long steps, bool one, View<S> to) {
  for (long t = 0; t < steps; ++t) {
    const S* from = x + ((tile.k * s.T + begin + t) * s.B + tile.first) * s.F;
    copy_rows(from, s.F, to(t, 0), to.row, tile.count(), s.F);
    for (long r = 0; one && r < tile.count(); ++r) to(t, r)[s.F] = S(1);
  }
}

// A linear rule over a stretch of row r of a tile.
template <class S>
Linear<S> linear_of(const Sizes& s, const S* linear, const int64_t* lengths, const Rows& tile, long begin,
                    long r, const View<S>& x, long columns) {
  const long b = tile.first + r;
  return {linear + ((tile.k * s.T + begin) * s.B + b) * 4, s.B * 4, x.step, std::min(kStretch, s.T - begin),
          lengths[tile.k * s.B + b] - begin, groups_of(columns, kLanes<S>) * kLanes<S>};
}

// The k-th row of (K, width), padded; zeros where there is none.
template <class S> Buffer<S> padded_row(const S* rows, long k, long width) {
  Buffer<S> row(std::size_t(padded<S>(width)), S(0));
  if (rows) std::copy(rows + k * width, rows + (k + 1) * width, row.data());
  return row;
}

// Calls run with the kind of factor that multiplies fastest here, as a null pointer to it.
template <class S, class F>
void with_factor([[maybe_unused]] const Sizes& s, [[maybe_unused]] long threads, const F& run) {
#ifdef OPTCELL_AMX
  // Matrix tiles want to be full of rows, and products long enough for what splitting takes.
  constexpr long rows = 12, hidden = 128;
  if constexpr (std::is_same<S, float>::value)
    if (s.H >= hidden && tiles(shares(s, threads)[0])[0].count() >= rows && tiles_granted())
      return run(static_cast<Split*>(nullptr));
#endif
  run(static_cast<Packed<S>*>(nullptr));
}
