// The matrix tiles of Intel's processors (AMX), which multiply bfloat16 and add up in float, and floats taken
// apart for them.
//
// A float is the exact sum of three bfloat16, eight of its bits each: a = a0 + a1 + a2. Of the nine
// products of two such sums six are taken,
//
//   a b = a0 b0 + a1 b0 + a2 b0 + a0 b1 + a1 b1 + a0 b2,
//
// and what is left out is about the last bit of a float's own product. An infinite factor gives NaN.
#pragma once
#include "vector.h"

#if defined(__AMX_BF16__) && defined(__AVX512F__) && defined(__linux__)
#define OPTCELL_AMX
#include <immintrin.h>
#include <sys/syscall.h>
#include <unistd.h>

// A tile has 16 rows of 32 numbers, in 16 words: the k-th beside the (k + 16)-th. Of a left factor a row is
// a row, of a right factor row i holds rows i and i + 16 of 16 columns: one is the other, turned.
constexpr long kTileRows = 16, kTileDepth = 32, kTileSize = kTileRows * kTileDepth;
constexpr long kTileBytes = kTileDepth * sizeof(uint16_t);
// Three tiles hold 16 x 32 floats.
constexpr long kSplitSize = 3 * kTileSize;

// Whether Linux lets this process have the tiles; it wants to be asked once.
inline bool tiles_granted() {
  constexpr long request = 0x1023, tile_data = 18;  // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA
  static const bool granted = syscall(SYS_arch_prctl, request, tile_data) == 0;
  return granted;
}

// The instructions, by numbers of tiles. Not the compiler's own: those of GCC do not say that they read
// memory, and what was to be read may then be written too late.
template <int N> void tile_load(const void* from, long row) {
  asm volatile("tileloadd (%0,%1,1), %%tmm%c2" ::"r"(from), "r"(row), "i"(N) : "memory");
}
// For numbers that are not needed again soon.
template <int N> void tile_stream(const void* from, long row) {
  asm volatile("tileloaddt1 (%0,%1,1), %%tmm%c2" ::"r"(from), "r"(row), "i"(N) : "memory");
}
template <int N> void tile_store(void* to, long row) {
  asm volatile("tilestored %%tmm%c2, (%0,%1,1)" ::"r"(to), "r"(row), "i"(N) : "memory");
}
template <int N> void tile_zero() { asm volatile("tilezero %%tmm%c0" ::"i"(N)); }
// C += A B.
template <int C, int A, int B> void tile_multiply() {
  asm volatile("tdpbf16ps %%tmm%c2, %%tmm%c1, %%tmm%c0" ::"i"(C), "i"(A), "i"(B));
}

// 16 floats and 16 more beside them, as three bfloat16 each, to row i of three tiles.
inline void split(Vec<float> low, Vec<float> high, uint16_t* tiles, long i) {
  const __m512i top = _mm512_set1_epi32(int(0xffff0000));
  for (int q = 0; q < 3; ++q) {
    const __m512i a = __m512i(low), b = __m512i(high);
    const __m512i both = _mm512_ternarylogic_epi32(_mm512_srli_epi32(a, 16), b, top, 0xf8);  // a | b & top
    _mm512_store_si512(tiles + q * kTileSize + i * kTileDepth, both);
    low -= Vec<float>(_mm512_and_si512(a, top));
    high -= Vec<float>(_mm512_and_si512(b, top));
  }
}

// Turns 16 rows of 16 words about the diagonal.
inline void turn(__m512i* rows) {
  __m512i t[16];
  for (int i = 0; i < 16; i += 2) {
    t[i] = _mm512_unpacklo_epi32(rows[i], rows[i + 1]);
    t[i + 1] = _mm512_unpackhi_epi32(rows[i], rows[i + 1]);
  }
  for (int i = 0; i < 16; i += 4)
    for (int j = 0; j < 2; ++j) {
      rows[i + 2 * j] = _mm512_unpacklo_epi64(t[i + j], t[i + j + 2]);
      rows[i + 2 * j + 1] = _mm512_unpackhi_epi64(t[i + j], t[i + j + 2]);
    }
  for (int j = 0; j < 4; ++j) {
    t[j] = _mm512_shuffle_i32x4(rows[j], rows[j + 4], 0x88);
    t[j + 4] = _mm512_shuffle_i32x4(rows[j], rows[j + 4], 0xdd);
    t[j + 8] = _mm512_shuffle_i32x4(rows[j + 8], rows[j + 12], 0x88);
    t[j + 12] = _mm512_shuffle_i32x4(rows[j + 8], rows[j + 12], 0xdd);
  }
  for (int j = 0; j < 4; ++j) {
    rows[j] = _mm512_shuffle_i32x4(t[j], t[j + 8], 0x88);
    rows[j + 8] = _mm512_shuffle_i32x4(t[j], t[j + 8], 0xdd);
    rows[j + 4] = _mm512_shuffle_i32x4(t[j + 4], t[j + 12], 0x88);
    rows[j + 12] = _mm512_shuffle_i32x4(t[j + 4], t[j + 12], 0xdd);
  }
}

// Turns three tiles: what a left factor takes into what a right factor takes, or back.
inline void turn(uint16_t* tiles) {
  for (int q = 0; q < 3; ++q) turn(reinterpret_cast<__m512i*>(tiles + q * kTileSize));
}

// So many numbers at most, none where there are none left.
inline Vec<float> some(const float* at, long count) { return count > 0 ? load(at, count) : Vec<float>{}; }

// `count` floats, and zeros after them, as row i of `deep` times three tiles.
inline void split_row(const float* from, long count, uint16_t* tiles, long deep, long i) {
  for (long d = 0; d < deep; ++d, from += kTileDepth, count -= kTileDepth, tiles += kSplitSize)
    if (count >= kTileDepth) split(load(from, kTileRows), load(from + kTileRows, kTileRows), tiles, i);
    else split(some(from, count), some(from + kTileRows, count - kTileRows), tiles, i);
}
#endif
