// Matrix products of a few rows with weights that stay in the cache: C = A B, in register tiles.
//
// B is packed into panels a register tile wide. Rows of C lie in buffers of our own, padded to whole
// panels, so that no tile has a ragged edge.
#pragma once
#include <algorithm>
#include "buffer.h"
#include "vector.h"

// A tile is kTall rows of kPanel vectors: with one panel row and one entry of A it fills the registers.
constexpr int kTall = 6;
#if defined(__AVX512F__) || defined(__aarch64__)
constexpr int kPanel = 4;
#else
constexpr int kPanel = 2;
#endif

template <class S> constexpr long kPanelWidth = kPanel * kLanes<S>;

// Rows of numbers, `row` apart, at each of several steps, `step` apart.
template <class S> struct View {
  S* at;
  long step, row;
  S* operator()(long s, long r) const { return at + s * step + r * row; }
};

// A matrix (depth, width) in panels of kPanel vectors, the last one of as many as there are left.
template <class S> struct Packed {
  struct Session {};  // what a thread holds while it multiplies

  long depth, width, panels;
  Buffer<S> data;

  Packed(long depth, long width)
      : depth(depth), width(width), panels(groups_of(width, kPanelWidth<S>)),
        data(std::size_t(depth * groups_of(width, kLanes<S>) * kLanes<S>)) {}

  const S* panel(long j) const { return data.data() + j * depth * kPanelWidth<S>; }
  long vectors(long j) const {
    return std::min<long>(kPanel, groups_of(width - j * kPanelWidth<S>, kLanes<S>));
  }

  // Fills panel j from entries (k, n) at b[k * by_row + n * by_column].
  void fill(long j, const S* b, long by_row, long by_column) {
    constexpr long block = 16;  // entries of a column at a time: one cache line where columns are rows of b
    S* panel = data.data() + j * depth * kPanelWidth<S>;
    const long first = j * kPanelWidth<S>, size = vectors(j) * kLanes<S>;
    for (long begin = 0; begin < depth; begin += block)
      for (long n = 0; n < size; ++n)
        for (long k = begin; k < std::min(depth, begin + block); ++k)
          panel[k * size + n] = first + n < width ? b[k * by_row + (first + n) * by_column] : S(0);
  }

  // Fills all rows, the k-th from `width` numbers at from(k).
  template <class From> void fill_rows(const From& from) {
    for (long k = 0; k < depth; ++k)
      for (long j = 0; j < panels; ++j) {
        const long size = vectors(j) * kLanes<S>, n = std::min(size, width - j * kPanelWidth<S>);
        const S* row = from(k) + j * kPanelWidth<S>;
        S* out = data.data() + j * depth * kPanelWidth<S> + k * size;
        std::copy(row, row + n, out);
        std::fill(out + n, out + size, S(0));
      }
  }
};

// Width of a buffer's rows: whole panels, and off the powers of two, at which rows fight for cache lines.
template <class S> long padded(long width) {
  return groups_of(width, kPanelWidth<S>) * kPanelWidth<S> + kLanes<S>;
}

// One tile of C: its rows begin with what is in them where `add`, else with `start` (null: zeros).
// Entry (r, k) of A is a[r * stride + k], or a[k * stride + r] where Turned.
template <class S, bool Turned, int MR, int NV>
inline void tile(S* c, long c_row, const S* a, long stride, const S* panel, long depth, const S* start,
                 bool add) {
  constexpr int L = kLanes<S>;
  Vec<S> acc[MR][NV];
#pragma GCC unroll 8
  for (int r = 0; r < MR; ++r)
#pragma GCC unroll 8
    for (int v = 0; v < NV; ++v)
      acc[r][v] = add ? load(c + r * c_row + v * L, L) : start ? load(start + v * L, L) : Vec<S>{};
  for (long k = 0; k < depth; ++k) {
    Vec<S> b[NV];
#pragma GCC unroll 8
    for (int v = 0; v < NV; ++v) b[v] = load(panel + (k * NV + v) * L, L);
#pragma GCC unroll 8
    for (int r = 0; r < MR; ++r) {
      const S x = Turned ? a[k * stride + r] : a[r * stride + k];
#pragma GCC unroll 8
      for (int v = 0; v < NV; ++v) acc[r][v] += b[v] * x;
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < MR; ++r)
#pragma GCC unroll 8
    for (int v = 0; v < NV; ++v) store(c + r * c_row + v * L, acc[r][v], L);
}

// The tile of so many rows and vectors.
template <class S, bool Turned, int MR = kTall, int NV = kPanel, class... More>
inline void tile_of(long rows, long vectors, More... more) {
  if constexpr (NV > 1)
    if (vectors < NV) return tile_of<S, Turned, MR, NV - 1>(rows, vectors, more...);
  if constexpr (MR > 1)
    if (rows < MR) return tile_of<S, Turned, MR - 1, NV>(rows, vectors, more...);
  tile<S, Turned, MR, NV>(more...);
}

// C = A B (+ `start` in every row) for the rows of some steps.
template <class S>
void product(View<S> c, View<const S> a, long steps, long rows, const Packed<S>& b,
             const S* start = nullptr) {
  const long tiles = groups_of(rows, kTall);
  for (long j = 0; j < b.panels; ++j) {
    const long at = j * kPanelWidth<S>;
    for (long s = 0; s < steps; ++s)
      for (long i = 0; i < tiles; ++i) {
        const long first = rows * i / tiles, last = rows * (i + 1) / tiles;
        tile_of<S, false>(last - first, b.vectors(j), c(s, first) + at, c.row, a(s, first), a.row,
                          b.panel(j), b.depth, start ? start + at : nullptr, false);
      }
  }
}

// C += A^T B, the rows of A and B being those of some steps, one after the other.
template <class S>
void add_turned_product(S* c, long c_row, const S* a, long a_row, long columns, const Packed<S>& b) {
  const long tiles = groups_of(columns, kTall);
  for (long j = 0; j < b.panels; ++j)
    for (long i = 0; i < tiles; ++i) {
      const long first = columns * i / tiles, last = columns * (i + 1) / tiles;
      tile_of<S, true>(last - first, b.vectors(j), c + first * c_row + j * kPanelWidth<S>, c_row, a + first,
                       a_row, b.panel(j), b.depth, static_cast<const S*>(nullptr), true);
    }
}
