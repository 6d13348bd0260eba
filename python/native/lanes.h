// Sixteen floats at once, and what of integers the linear layers need: AVX-512 with VNNI, or AVX2.
// Knows no model. The two halves of this file offer the same names; everything else is written once.
#pragma once
#include <immintrin.h>

#include <algorithm>
#include <cmath>
#include <cstdint>

constexpr int kLanes = 16;

#ifdef __AVX512VNNI__

constexpr int kWide = 2;           // Floats that a loop keeps in registers beside one another
constexpr int kAccumulators = 12;  // Dots that do
constexpr int kMostRows = 8;       // rows whose Dots of one panel do

struct Floats {
  __m512 all;
};

inline Floats every(float x) { return {_mm512_set1_ps(x)}; }
inline Floats load(const float* from) { return {_mm512_loadu_ps(from)}; }
inline void store(float* to, Floats x) { _mm512_storeu_ps(to, x.all); }
inline Floats operator+(Floats a, Floats b) { return {_mm512_add_ps(a.all, b.all)}; }
inline Floats operator-(Floats a, Floats b) { return {_mm512_sub_ps(a.all, b.all)}; }
inline Floats operator*(Floats a, Floats b) { return {_mm512_mul_ps(a.all, b.all)}; }
inline Floats operator/(Floats a, Floats b) { return {_mm512_div_ps(a.all, b.all)}; }
// a * b + c
inline Floats add_product(Floats a, Floats b, Floats c) { return {_mm512_fmadd_ps(a.all, b.all, c.all)}; }
// Of a NaN and a number, the second operand: so a NaN in it survives.
inline Floats larger(Floats a, Floats b) { return {_mm512_max_ps(a.all, b.all)}; }
inline Floats smaller(Floats a, Floats b) { return {_mm512_min_ps(a.all, b.all)}; }
inline float largest(Floats x) { return _mm512_reduce_max_ps(x.all); }
inline float total(Floats x) { return _mm512_reduce_add_ps(x.all); }
inline Floats nearest(Floats x) { return {_mm512_roundscale_ps(x.all, 0)}; }
// x * 2^n for whole n from -126 to 127
inline Floats times_power_of_two(Floats x, Floats n) { return {_mm512_scalef_ps(x.all, n.all)}; }
// The first of them, zeros after; 0 <= count <= 16
inline Floats only_first(int count, Floats x) {
  return {_mm512_maskz_mov_ps(static_cast<__mmask16>((1u << count) - 1), x.all)};
}
inline Floats load_bf16(const uint16_t* from) {
  const __m256i half = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
  return {_mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(half), 16))};
}

// Activations as 8 bits: 128 stands for zero, which the sums of the weights take back.
using Activation = uint8_t;
constexpr int kLaneInputs = 4;    // neighbouring inputs of one output in a vector of weights
constexpr int kGroupInputs = 32;  // perplexity +0.1 % over float32; 64 is 3 % faster but +1.0 %
constexpr float kActivationPeak = 127.0f;

inline Activation to_activation(float x) { return static_cast<Activation>(static_cast<int>(x + 128.5f)); }

struct Weights16 {
  __m512i all;
};
struct Dots {
  __m512i all;
};

inline Weights16 load_weights(const int8_t* from) { return {_mm512_loadu_si512(from)}; }
inline Dots begin_dots(const int16_t* sums) {
  const __m256i sum = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(sums));
  return {_mm512_sub_epi32(_mm512_setzero_si512(), _mm512_slli_epi32(_mm512_cvtepi16_epi32(sum), 7))};
}
// inputs: kLaneInputs of them
inline Dots add_dots(Dots to, int32_t inputs, Weights16 weights) {
  return {_mm512_dpbusd_epi32(to.all, _mm512_set1_epi32(inputs), weights.all)};
}
inline Floats to_floats(Dots x) { return {_mm512_cvtepi32_ps(x.all)}; }
template <typename Body>
inline void apart(Body&& body) {
  body();
}

#else

constexpr int kWide = 1;
constexpr int kAccumulators = 5;
constexpr int kMostRows = 6;

struct Floats {
  __m256 low, high;
};

inline Floats every(float x) { return {_mm256_set1_ps(x), _mm256_set1_ps(x)}; }
inline Floats load(const float* from) { return {_mm256_loadu_ps(from), _mm256_loadu_ps(from + 8)}; }
inline void store(float* to, Floats x) {
  _mm256_storeu_ps(to, x.low);
  _mm256_storeu_ps(to + 8, x.high);
}
inline Floats operator+(Floats a, Floats b) { return {_mm256_add_ps(a.low, b.low), _mm256_add_ps(a.high, b.high)}; }
inline Floats operator-(Floats a, Floats b) { return {_mm256_sub_ps(a.low, b.low), _mm256_sub_ps(a.high, b.high)}; }
inline Floats operator*(Floats a, Floats b) { return {_mm256_mul_ps(a.low, b.low), _mm256_mul_ps(a.high, b.high)}; }
inline Floats operator/(Floats a, Floats b) { return {_mm256_div_ps(a.low, b.low), _mm256_div_ps(a.high, b.high)}; }
inline Floats add_product(Floats a, Floats b, Floats c) {
  return {_mm256_fmadd_ps(a.low, b.low, c.low), _mm256_fmadd_ps(a.high, b.high, c.high)};
}
inline Floats larger(Floats a, Floats b) { return {_mm256_max_ps(a.low, b.low), _mm256_max_ps(a.high, b.high)}; }
inline Floats smaller(Floats a, Floats b) { return {_mm256_min_ps(a.low, b.low), _mm256_min_ps(a.high, b.high)}; }
inline float largest(Floats x) {
  float each[kLanes];
  store(each, x);
  return *std::max_element(each, each + kLanes);
}
inline float total(Floats x) {
  const __m256 eight = _mm256_add_ps(x.low, x.high);
  __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
  four = _mm_add_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_add_ss(four, _mm_movehdup_ps(four)));
}
inline Floats nearest(Floats x) {
  constexpr int kNearest = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC;
  return {_mm256_round_ps(x.low, kNearest), _mm256_round_ps(x.high, kNearest)};
}
inline __m256 power_of_two(__m256 n) {
  return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127)), 23));
}
inline Floats times_power_of_two(Floats x, Floats n) {
  return {_mm256_mul_ps(x.low, power_of_two(n.low)), _mm256_mul_ps(x.high, power_of_two(n.high))};
}
inline __m256 only_first_eight(int count, __m256 x) {
  const __m256i index = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  return _mm256_and_ps(_mm256_castsi256_ps(_mm256_cmpgt_epi32(_mm256_set1_epi32(count), index)), x);
}
inline Floats only_first(int count, Floats x) {
  return {only_first_eight(count, x.low), only_first_eight(count - 8, x.high)};
}
inline __m256 load_eight_bf16(const uint16_t* from) {
  const __m128i half = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
  return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(half), 16));
}
inline Floats load_bf16(const uint16_t* from) { return {load_eight_bf16(from), load_eight_bf16(from + 8)}; }

// AVX2 multiplies 16 bits as fast as 8, so activations keep 16: what rounding costs is the weights' share alone.
using Activation = int16_t;
constexpr int kLaneInputs = 2;
constexpr int kGroupInputs = 256;  // 127 * 32767 * 256 fits 31 bits
constexpr float kActivationPeak = 32767.0f;

inline Activation to_activation(float x) { return static_cast<Activation>(static_cast<int>(std::rint(x))); }

struct Weights16 {
  __m256i low, high;
};
struct Dots {
  __m256i low, high;
};

inline Weights16 load_weights(const int8_t* from) {
  const __m128i* eight = reinterpret_cast<const __m128i*>(from);
  return {_mm256_cvtepi8_epi16(_mm_loadu_si128(eight)), _mm256_cvtepi8_epi16(_mm_loadu_si128(eight + 1))};
}
inline Dots begin_dots(const int16_t*) { return {_mm256_setzero_si256(), _mm256_setzero_si256()}; }
inline Dots add_dots(Dots to, int32_t inputs, Weights16 weights) {
  const __m256i pair = _mm256_set1_epi32(inputs);
  const __m256i low = _mm256_madd_epi16(pair, weights.low), high = _mm256_madd_epi16(pair, weights.high);
  // Written as an intrinsic, g++ 12 copies each sum once more, and has no register left for the copies.
  asm("vpaddd %1, %0, %0" : "+x"(to.low) : "x"(low));
  asm("vpaddd %1, %0, %0" : "+x"(to.high) : "x"(high));
  return to;
}
inline Floats to_floats(Dots x) { return {_mm256_cvtepi32_ps(x.low), _mm256_cvtepi32_ps(x.high)}; }
// With 16 registers, Dots get theirs only where the caller's Floats are out of sight: measured, 2x at 16 rows.
template <typename Body>
[[gnu::noinline]] void apart(Body&& body) {
  body();
}

#endif

inline float bf16_to_float(uint16_t value) {
  const uint32_t bits = static_cast<uint32_t>(value) << 16;
  float result;
  __builtin_memcpy(&result, &bits, 4);
  return result;
}

inline uint16_t float_to_bf16(float value) {
  uint32_t bits;
  __builtin_memcpy(&bits, &value, 4);
  if ((bits & 0x7fffffff) > 0x7f800000) return 0x7fc0;
  return static_cast<uint16_t>((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

// e^x for x up to 87; below -87, e^-87
inline Floats exponential(Floats x) {
  x = larger(every(-87.0f), x);
  const Floats n = nearest(x * every(1.44269504f));
  Floats f = add_product(n, every(-0.693359375f), x);
  f = add_product(n, every(2.12194440e-4f), f);
  Floats y = every(1.9875691500e-4f);
  for (float c : {1.3981999507e-3f, 8.3334519073e-3f, 4.1665795894e-2f, 1.6666665459e-1f, 5.0000001201e-1f})
    y = add_product(y, f, every(c));
  y = add_product(y, f * f, f + every(1.0f));
  return times_power_of_two(y, n);
}
