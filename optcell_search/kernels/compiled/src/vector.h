// SIMD vectors by the compiler's own vector extension, with tanh, the logistic function and 1 / sqrt.
// One source serves AVX-512, AVX2, NEON and SSE: only the width differs, and how a part of a vector is read.
#pragma once
#include <cstdint>
#include <cstring>
#include <utility>
#if defined(__AVX__)
#include <immintrin.h>
#endif

#if defined(__AVX512F__)
constexpr int kBytes = 64;
#elif defined(__AVX__)
constexpr int kBytes = 32;
#else
constexpr int kBytes = 16;
#endif

template <class S> struct Simd;

template <> struct Simd<float> {
  typedef float V __attribute__((vector_size(kBytes)));
  typedef double W __attribute__((vector_size(2 * kBytes)));
  typedef int32_t I __attribute__((vector_size(kBytes)));
  static constexpr int mantissa = 23, bias = 127, terms = 7, newton = 3;
  static constexpr int32_t guess = 0x5f375a86;
  static constexpr float magic = 12582912.0f, reach = 88.0f, flat = 20.0f, largest = 3.4e38f;
  static constexpr float log2e = 1.44269504f, ln2_high = 0.693359375f, ln2_low = -2.12194440e-4f;
};

template <> struct Simd<double> {
  typedef double V __attribute__((vector_size(kBytes)));
  typedef V W;
  typedef int64_t I __attribute__((vector_size(kBytes)));
  static constexpr int mantissa = 52, bias = 1023, terms = 13, newton = 4;
  static constexpr int64_t guess = 0x5fe6eb50c7b537a9;
  static constexpr double magic = 6755399441055744.0, reach = 708.0, flat = 44.0, largest = 1.7e308;
  static constexpr double log2e = 1.4426950408889634;
  static constexpr double ln2_high = 0.693145751953125, ln2_low = 1.42860682030941723212e-6;
};

template <class S> using Vec = typename Simd<S>::V;
template <class S> constexpr int kLanes = kBytes / int(sizeof(S));

// A sum of many terms, lane by lane in double.
template <class S> struct Sum {
  typename Simd<S>::W lanes{};
  void operator+=(Vec<S> x) { lanes += __builtin_convertvector(x, typename Simd<S>::W); }
  double total() const {
    double all = 0;
    for (int l = 0; l < kLanes<S>; ++l) all += lanes[l];
    return all;
  }
};

inline long groups_of(long n, long size) { return (n + size - 1) / size; }

template <class S> inline Vec<S> splat(S x) { return Vec<S>{} + x; }

// The first lanes of a vector; when they are read, the others are zero. Where the processor has masks, they spare the
// call of a copy of so many bytes, which took most of the time of narrow rows.
#if defined(__AVX512F__)
inline __mmask16 first_of(long lanes) { return __mmask16((1u << lanes) - 1u); }
inline Vec<float> load_first(const float* p, long lanes) {
  return Vec<float>(_mm512_maskz_loadu_ps(first_of(lanes), p));
}
inline Vec<double> load_first(const double* p, long lanes) {
  return Vec<double>(_mm512_maskz_loadu_pd(__mmask8(first_of(lanes)), p));
}
inline void store_first(float* p, Vec<float> v, long lanes) { _mm512_mask_storeu_ps(p, first_of(lanes), __m512(v)); }
inline void store_first(double* p, Vec<double> v, long lanes) {
  _mm512_mask_storeu_pd(p, __mmask8(first_of(lanes)), __m512d(v));
}
#elif defined(__AVX__)
template <class S> inline __m256i first_of(long lanes) {
  static constexpr int32_t kept[16] = {-1, -1, -1, -1, -1, -1, -1, -1};
  const int32_t* from = kept + 8 - lanes * long(sizeof(S) / 4);
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
}
inline Vec<float> load_first(const float* p, long lanes) {
  return Vec<float>(_mm256_maskload_ps(p, first_of<float>(lanes)));
}
inline Vec<double> load_first(const double* p, long lanes) {
  return Vec<double>(_mm256_maskload_pd(p, first_of<double>(lanes)));
}
inline void store_first(float* p, Vec<float> v, long lanes) {
  _mm256_maskstore_ps(p, first_of<float>(lanes), __m256(v));
}
inline void store_first(double* p, Vec<double> v, long lanes) {
  _mm256_maskstore_pd(p, first_of<double>(lanes), __m256d(v));
}
#else
template <class S> inline Vec<S> load_first(const S* p, long lanes) {
  Vec<S> v{};
  std::memcpy(&v, p, std::size_t(lanes) * sizeof(S));
  return v;
}
template <class S> inline void store_first(S* p, Vec<S> v, long lanes) {
  std::memcpy(p, &v, std::size_t(lanes) * sizeof(S));
}
#endif

// The last group of a row may be narrower than a vector.
template <class S> inline Vec<S> load(const S* p, long lanes) {
  if (lanes < kLanes<S>) return load_first(p, lanes);
  Vec<S> v;
  std::memcpy(&v, p, sizeof(v));
  return v;
}

template <class S> inline void store(S* p, Vec<S> v, long lanes) {
  if (lanes < kLanes<S>) return store_first(p, v, lanes);
  std::memcpy(p, &v, sizeof(v));
}

// The sum of all lanes, by halves.
template <class S, int bytes = kBytes> inline S total(const char* lanes) {
  typedef S V __attribute__((vector_size(bytes / 2)));
  V low, high;
  std::memcpy(&low, lanes, sizeof(low));
  std::memcpy(&high, lanes + sizeof(low), sizeof(high));
  low += high;
  if constexpr (bytes / 2 == int(sizeof(S))) return low[0];
  else return total<S, bytes / 2>(reinterpret_cast<const char*>(&low));
}
template <class S> inline S total(Vec<S> v) { return total<S>(reinterpret_cast<const char*>(&v)); }

template <class S> constexpr S inverse_factorial(int n) {
  S product = 1;
  for (int k = 2; k <= n; ++k) product *= S(k);
  return S(1) / product;
}

// Of two vectors the lanes l for which l & w is 0 from the first and the others from the second, each plus its
// neighbour at a distance of w.
template <class S, int w, std::size_t... l> inline Vec<S> folded(Vec<S> a, Vec<S> b, std::index_sequence<l...>) {
  constexpr int L = kLanes<S>;
#ifdef __clang__
  return __builtin_shufflevector(a, b, (int(l) & w ? L + int(l) : int(l))...) +
         __builtin_shufflevector(a, b, (int(l) & w ? L + (int(l) ^ w) : int(l) ^ w)...);
#else
  typedef typename Simd<S>::I I;
  return __builtin_shuffle(a, b, I{(int(l) & w ? L + int(l) : int(l))...}) +
         __builtin_shuffle(a, b, I{(int(l) & w ? L + (int(l) ^ w) : int(l) ^ w)...});
#endif
}
// The sums over the lanes of as many vectors as there are lanes, in the order of the vectors, which are overwritten.
// Together they take a third of the instructions that they take one by one.
template <class S, int w = kLanes<S> / 2> inline Vec<S> totals(Vec<S>* rows) {
#pragma GCC unroll 16
  for (int i = 0; i < w; ++i) rows[i] = folded<S, w>(rows[i], rows[i + w], std::make_index_sequence<kLanes<S>>());
  if constexpr (w > 1) return totals<S, w / 2>(rows);
  else return rows[0];
}

// x = n ln 2 + r with |r| <= ln 2 / 2: returns e^r - 1 to full relative accuracy, and 2^n.
template <class S> inline Vec<S> reduced_expm1(Vec<S> x, Vec<S>& power) {
  typedef Simd<S> K;
  const Vec<S> n = (x * K::log2e + K::magic) - K::magic;
  const Vec<S> r = (x - n * K::ln2_high) - n * K::ln2_low;
  const typename K::I exponent = (__builtin_convertvector(n, typename K::I) + K::bias) << K::mantissa;
  std::memcpy(&power, &exponent, sizeof(power));
  Vec<S> sum = splat<S>(inverse_factorial<S>(K::terms));
#pragma GCC unroll 16
  for (int k = K::terms - 1; k > 0; --k) sum = sum * r + inverse_factorial<S>(k);
  return sum * r;
}

template <class S> inline Vec<S> logistic(Vec<S> x) {
  typedef Simd<S> K;
  Vec<S> y = -x, power;
  y = y > K::reach ? splat<S>(K::reach) : y;
  y = y < -K::reach ? splat<S>(-K::reach) : y;
  const Vec<S> e = reduced_expm1<S>(y, power);
  return S(1) / ((e * power + power) + S(1));
}

// tanh x = expm1(2|x|) / (expm1(2|x|) + 2) with the sign of x: no cancellation near zero.
template <class S> inline Vec<S> tangent(Vec<S> x) {
  typedef Simd<S> K;
  Vec<S> y = x < S(0) ? -(x + x) : x + x, power;
  y = y > K::flat ? splat<S>(K::flat) : y;
  const Vec<S> e = reduced_expm1<S>(y, power);
  const Vec<S> m = e * power + (power - S(1));
  const Vec<S> t = m / (m + S(2));
  return x < S(0) ? -t : t;
}

// 1 / sqrt(x) for x > 0: Newton's steps from a guess at the exponent. Division and root would each take
// longer than all of them. What has overflowed counts as the largest number there is.
template <class S> inline Vec<S> inverse_root(Vec<S> x) {
  typedef Simd<S> K;
  x = x > K::largest ? splat<S>(K::largest) : x;
  typename K::I bits;
  std::memcpy(&bits, &x, sizeof(bits));
  bits = K::guess - (bits >> 1);
  Vec<S> y;
  std::memcpy(&y, &bits, sizeof(y));
#pragma GCC unroll 4
  for (int n = 0; n < K::newton; ++n) y += y * (S(0.5) - S(0.5) * x * y * y);
  return y;
}
