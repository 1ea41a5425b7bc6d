// Matrix products in float on matrix tiles, with what product.h offers in vectors. They take 0.6 to 0.9 times
// as long where the tiles are full.
#pragma once
#include <algorithm>
#include <utility>
#include "product.h"
#include "tiles.h"

#ifdef OPTCELL_AMX
// Of a left factor so many by so many times three tiles are split at a time: few in depth, so that those of
// one row stay in the first cache while the right factor passes through.
constexpr long kSplitRows = 8, kSplitDepth = 4;
constexpr long kFloat = sizeof(float);

// A right factor (depth, width) as tiles: by columns, by depth, by part.
struct Split {
  // What a thread holds while it multiplies: 8 tiles, all of one shape.
  struct Session {
    Session() {
      struct {
        uint8_t palette = 1, start = 0, reserved[14] = {};
        uint16_t bytes[16] = {};
        uint8_t rows[16] = {};
      } shape;
      for (int i = 0; i < 8; ++i) shape.bytes[i] = kTileDepth * sizeof(uint16_t), shape.rows[i] = kTileRows;
      asm volatile("ldtilecfg %0" ::"m"(shape));
    }
    ~Session() { asm volatile("tilerelease"); }
  };

  long depth, width, deep, panels;
  Buffer<uint16_t> data;

  Split(long depth, long width)
      : depth(depth), width(width), deep(groups_of(depth, kTileDepth)), panels(groups_of(width, kTileRows)),
        data(std::size_t(panels * deep * kSplitSize)) {}

  const uint16_t* tiles(long j, long k) const { return data.data() + (j * deep + k) * kSplitSize; }
  uint16_t* tiles(long j, long k) { return data.data() + (j * deep + k) * kSplitSize; }

  // Fills panel j from entries (k, n) at b[k * by_row + n * by_column], one of the two 1.
  void fill(long j, const float* b, long by_row, long by_column) {
    const long first = j * kTileRows, columns = std::min(kTileRows, width - first);
    for (long k = 0; k < depth; k += kTileDepth) {
      uint16_t* to = tiles(j, k / kTileDepth);
      const float* at = b + k * by_row + first * by_column;
      for (long i = 0; i < kTileRows; ++i)
        if (by_column == 1)
          split(some(at + i * by_row, k + i < depth ? columns : 0),
                some(at + (i + kTileRows) * by_row, k + i + kTileRows < depth ? columns : 0), to, i);
        else split_row(at + i * by_column, i < columns ? depth - k : 0, to, 1, i);
      if (by_column != 1) turn(to);
    }
  }

  // Fills all rows, the k-th from `width` numbers at from(k).
  template <class From> void fill_rows(const From& from) {
    for (long i = 0; i < deep * kTileRows; ++i) {
      const long low = i / kTileRows * kTileDepth + i % kTileRows, high = low + kTileRows;
      const float *x = low < depth ? from(low) : nullptr, *y = high < depth ? from(high) : nullptr;
      for (long j = 0; j < panels; ++j) {
        const long at = j * kTileRows;
        split(x ? some(x + at, width - at) : Vec<float>{}, y ? some(y + at, width - at) : Vec<float>{},
              tiles(j, i / kTileRows), i % kTileRows);
      }
    }
  }
};

// Where 16 rows of C begin: with what is in them where `add`, else with `start` (null: zeros) in every row.
struct Begin {
  const float* start;
  bool add;
  template <int N> void operator()(const float* c, long c_row, long column) const {
    if (add) tile_load<N>(c, c_row * kFloat);
    else if (start) tile_load<N>(start + column, 0);
    else tile_zero<N>();
  }
};

// C, 16 rows and a strip of up to four times 16 columns from panel j on, += `deep` tiles of A times those of B
// from depth k on. The right factor passes through, the left one stays.
//
// A product waits for the one before it on the same C: those that follow each other are on different ones.
template <int... N>
void strip(std::integer_sequence<int, N...>, float* c, long c_row, const Begin& begin, const uint16_t* a,
           const Split& b, long j, long k, long deep) {
  c += j * kTileRows;
  (begin.template operator()<N>(c + N * kTileRows, c_row, (j + N) * kTileRows), ...);
  const uint16_t* right[] = {b.tiles(j + N, k)...};
  for (long i = 0; i < deep * kSplitSize; i += kSplitSize) {
    const auto part = [&](const uint16_t* from, int q) { return from + i + q * kTileSize; };
    tile_load<4>(part(a, 0), kTileBytes);
    tile_load<5>(part(a, 1), kTileBytes);
    tile_load<6>(part(a, 2), kTileBytes);
    ((tile_stream<7>(part(right[N], 0), kTileBytes), tile_multiply<N, 4, 7>(), tile_multiply<N, 5, 7>(),
      tile_multiply<N, 6, 7>()),
     ...);
    ((tile_stream<7>(part(right[N], 1), kTileBytes), tile_multiply<N, 4, 7>(), tile_multiply<N, 5, 7>()),
     ...);
    ((tile_stream<7>(part(right[N], 2), kTileBytes), tile_multiply<N, 4, 7>()), ...);
  }
  (tile_store<N>(c + N * kTileRows, c_row * kFloat), ...);
}

// The same for 32 rows and 32 columns: each tile that is loaded serves two products.
inline void square(float* c, long c_row, const Begin& begin, const uint16_t* a, const uint16_t* below,
                   const Split& b, long j, long k, long deep) {
  c += j * kTileRows;
  float* c_below = c + kTileRows * c_row;
  const uint16_t *left = b.tiles(j, k), *right = b.tiles(j + 1, k);
  const long here = j * kTileRows, beside = here + kTileRows;
  begin.operator()<0>(c, c_row, here), begin.operator()<1>(c + kTileRows, c_row, beside);
  begin.operator()<2>(c_below, c_row, here), begin.operator()<3>(c_below + kTileRows, c_row, beside);
  for (long i = 0; i < deep * kSplitSize; i += kSplitSize) {
    const auto part = [&](const uint16_t* from, int q) { return from + i + q * kTileSize; };
    const auto rows = [&](int q) {
      tile_load<4>(part(a, q), kTileBytes), tile_load<5>(part(below, q), kTileBytes);
    };
    const auto columns = [&](int q) {
      tile_load<6>(part(left, q), kTileBytes), tile_load<7>(part(right, q), kTileBytes);
    };
    const auto multiply = [] {
      tile_multiply<0, 4, 6>(), tile_multiply<1, 4, 7>(), tile_multiply<2, 5, 6>(), tile_multiply<3, 5, 7>();
    };
    rows(0), columns(2), multiply(), columns(1), multiply(), columns(0), multiply();
    rows(2), multiply(), rows(1), multiply(), columns(1), multiply();
  }
  tile_store<0>(c, c_row * kFloat), tile_store<1>(c + kTileRows, c_row * kFloat);
  tile_store<2>(c_below, c_row * kFloat), tile_store<3>(c_below + kTileRows, c_row * kFloat);
}

// A left factor, some of its rows and columns at a time, as tiles: by rows, by depth, by part.
struct Left {
  alignas(64) uint16_t data[kSplitRows * kSplitDepth * kSplitSize];
  uint16_t* tiles(long m, long d) { return data + (m * kSplitDepth + d) * kSplitSize; }

  // C, 16 m rows, += its product with B: in squares as far as they go, in strips what is left.
  void times(const Split& b, long k, long deep, long m, float* c, long c_row, const Begin& begin) {
    const long rows = m / 2 * 2, columns = b.panels / 2 * 2;
    for (long j = 0; j < columns; j += 2)
      for (long i = 0; i < rows; i += 2)
        square(c + i * kTileRows * c_row, c_row, begin, tiles(i, 0), tiles(i + 1, 0), b, j, k, deep);
    const auto strip_of = [&](auto wide, long i, long j) {
      strip(wide, c + i * kTileRows * c_row, c_row, begin, tiles(i, 0), b, j, k, deep);
    };
    for (long i = 0; columns < b.panels && i < rows; ++i)
      strip_of(std::make_integer_sequence<int, 1>(), i, columns);
    if (rows == m) return;
    long j = 0;
    for (; j + 4 <= b.panels; j += 4) strip_of(std::make_integer_sequence<int, 4>(), rows, j);
    if (b.panels - j == 3) strip_of(std::make_integer_sequence<int, 3>(), rows, j);
    if (b.panels - j == 2) strip_of(std::make_integer_sequence<int, 2>(), rows, j);
    if (b.panels - j == 1) strip_of(std::make_integer_sequence<int, 1>(), rows, j);
  }
};

// Calls run(first row, rows of tiles, first depth, depth) for each part that is split at a time.
template <class F> void by_parts(long rows, long deep, const F& run) {
  constexpr long most = kSplitRows * kTileRows;
  for (long first = 0; first < rows; first += most)
    for (long k = 0; k < deep; k += kSplitDepth)
      run(first, groups_of(std::min(most, rows - first), kTileRows), k, std::min(kSplitDepth, deep - k));
}

// As for Packed. The rows of C follow each other from step to step, and there is room for whole tiles of them.
inline void product(View<float> c, View<const float> a, long steps, long rows, const Split& b,
                    const float* start = nullptr) {
  Left left;
  by_parts(steps * rows, b.deep, [&](long first, long m, long k, long deep) {
    for (long i = 0; i < m * kTileRows; ++i) {
      const long r = first + i, at = k * kTileDepth;
      const bool there = r < steps * rows;
      split_row(there ? a(r / rows, r % rows) + at : nullptr, there ? b.depth - at : 0,
                left.tiles(i / kTileRows, 0), deep, i % kTileRows);
    }
    left.times(b, k, deep, m, c.at + first * c.row, c.row, {start, k > 0});
  });
}

// As for Packed. There is room in C for whole tiles of rows.
inline void add_turned_product(float* c, long c_row, const float* a, long a_row, long columns, const Split& b) {
  Left left;
  by_parts(columns, b.deep, [&](long first, long m, long k, long deep) {
    for (long i = 0; i < m; ++i)
      for (long d = 0; d < deep; ++d) {
        const long column = first + i * kTileRows, more = columns - column;
        for (long r = 0; r < kTileRows; ++r) {
          const long low = (k + d) * kTileDepth + r, high = low + kTileRows;
          split(some(a + low * a_row + column, low < b.depth ? more : 0),
                some(a + high * a_row + column, high < b.depth ? more : 0), left.tiles(i, d), r);
        }
        turn(left.tiles(i, d));
      }
    left.times(b, k, deep, m, c + first * c_row, c_row, {nullptr, true});
  });
}
#endif
