// The matrix product inside a time step: a few rows of state times one packed panel of weights,
// accumulated in registers so that the point-wise part of the cell follows without touching memory.
#pragma once
#include "buffer.h"
#include "vector.h"

// Rows beyond `rows` repeat the last one: they are computed and thrown away, which keeps one code path.
template <class S, int MR> struct Rows {
  const S* at[MR];
  Rows(const S* first, long stride, long rows) {
    for (int r = 0; r < MR; ++r) at[r] = first + stride * (r < rows ? r : rows - 1);
  }
};

// acc[r][v] += sum_k rows[r][k] * panel[k][v], panel stored as depth x NV vectors.
template <class S, int MR, int NV>
inline void multiply(Vec<S> (&acc)[MR][NV], const Rows<S, MR>& rows, const S* panel, long depth) {
  for (long k = 0; k < depth; ++k) {
    Vec<S> b[NV];
#pragma GCC unroll 8
    for (int v = 0; v < NV; ++v) std::memcpy(&b[v], panel + (k * NV + v) * kLanes<S>, sizeof(Vec<S>));
#pragma GCC unroll 16
    for (int r = 0; r < MR; ++r) {
      const S a = rows.at[r][k];
#pragma GCC unroll 8
      for (int v = 0; v < NV; ++v) acc[r][v] += b[v] * a;
    }
  }
}

// Panels for h W^T with the gates of the same units side by side: panel j holds, for every k, gate v of
// units j*lanes ... ; NV = gates * units-groups per panel.  weight is (gates*hidden, hidden).
template <class S> Buffer<S> pack_forward(const S* weight, long hidden, int gates, int groups) {
  const long lanes = kLanes<S>, panels = groups_of(hidden, lanes * groups);
  Buffer<S> packed(size_t(panels * hidden * gates * groups * lanes), S(0));
  S* out = packed.data();
  for (long j = 0; j < panels; ++j)
    for (long k = 0; k < hidden; ++k)
      for (int p = 0; p < groups; ++p)
        for (int g = 0; g < gates; ++g)
          for (long l = 0; l < lanes; ++l, ++out) {
            const long unit = (j * groups + p) * lanes + l;
            if (unit < hidden) *out = weight[(g * hidden + unit) * hidden + k];
          }
  return packed;
}

// Panels for d W: panel j holds, for every row k of W, `groups` vectors of columns.
template <class S> Buffer<S> pack_backward(const S* weight, long hidden, int gates, int groups) {
  const long width = kLanes<S> * groups, panels = groups_of(hidden, width), depth = gates * hidden;
  Buffer<S> packed(size_t(panels * depth * width), S(0));
  S* out = packed.data();
  for (long j = 0; j < panels; ++j)
    for (long k = 0; k < depth; ++k)
      for (long l = 0; l < width; ++l, ++out)
        if (j * width + l < hidden) *out = weight[k * hidden + j * width + l];
  return packed;
}
