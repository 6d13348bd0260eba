// Attention of one token over the blocks of its own request, with a bfloat16 cache. Knows no layer and no threads.
#pragma once
#include <immintrin.h>

#include <algorithm>
#include <cstdint>
#include <limits>

constexpr int kBlock = 32;  // tokens in one block of the cache

inline __m512 load_bf16(const uint16_t* from) {
  const __m256i half = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(half), 16));
}

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

inline __m512 exp_ps(__m512 x) {
  // The second operand is what a NaN leaves: it must survive.
  x = _mm512_max_ps(_mm512_set1_ps(-87.0f), x);
  const __m512 n = _mm512_roundscale_ps(_mm512_mul_ps(x, _mm512_set1_ps(1.44269504f)), 0);
  __m512 f = _mm512_fnmadd_ps(n, _mm512_set1_ps(0.693359375f), x);
  f = _mm512_fnmadd_ps(n, _mm512_set1_ps(-2.12194440e-4f), f);
  __m512 y = _mm512_set1_ps(1.9875691500e-4f);
  for (float c : {1.3981999507e-3f, 8.3334519073e-3f, 4.1665795894e-2f, 1.6666665459e-1f, 5.0000001201e-1f})
    y = _mm512_fmadd_ps(y, f, _mm512_set1_ps(c));
  y = _mm512_fmadd_ps(y, _mm512_mul_ps(f, f), _mm512_add_ps(f, _mm512_set1_ps(1.0f)));
  return _mm512_scalef_ps(y, n);
}

// Keys of one block and head lie as [dimension][token], values as [token][dimension].
struct HeadCache {
  uint16_t* keys;
  uint16_t* values;
  size_t block_stride;  // elements from one block to the next

  void store(int block, int offset, int dimensions, const float* key, const float* value) const {
    uint16_t* k = keys + block * block_stride + offset;
    uint16_t* v = values + block * block_stride + static_cast<size_t>(offset) * dimensions;
    for (int d = 0; d < dimensions; ++d) k[static_cast<size_t>(d) * kBlock] = float_to_bf16(key[d]);
    for (int d = 0; d < dimensions; ++d) v[d] = float_to_bf16(value[d]);
  }
};

// out[head][16 * Vectors] += weights of `tokens` tokens times their values.
template <int Heads, int Vectors>
inline void add_values(const uint16_t* values, int tokens, int dimensions, const float* weights, int weights_stride,
                       float* out) {
  __m512 sum[Heads][Vectors];
  for (int h = 0; h < Heads; ++h)
    for (int i = 0; i < Vectors; ++i) sum[h][i] = _mm512_loadu_ps(out + h * dimensions + i * 16);
  for (int t = 0; t < tokens; ++t) {
    __m512 value[Vectors];
    for (int i = 0; i < Vectors; ++i) value[i] = load_bf16(values + t * dimensions + i * 16);
    for (int h = 0; h < Heads; ++h) {
      const __m512 weight = _mm512_set1_ps(weights[h * weights_stride + t]);
      for (int i = 0; i < Vectors; ++i) sum[h][i] = _mm512_fmadd_ps(weight, value[i], sum[h][i]);
    }
  }
  for (int h = 0; h < Heads; ++h)
    for (int i = 0; i < Vectors; ++i) _mm512_storeu_ps(out + h * dimensions + i * 16, sum[h][i]);
}

// out[head][dimension] for the query heads that share one key/value head, over `length` tokens.
// scores holds Heads x (length rounded up to whole blocks).
template <int Heads>
inline void attend_heads(const HeadCache& cache, const int32_t* blocks, int length, const float* query, int dimensions,
                         float scale, float* scores, float* out) {
  const int count = (length + kBlock - 1) / kBlock, stride = count * kBlock;
  for (int b = 0; b < count; ++b) {
    const uint16_t* keys = cache.keys + blocks[b] * cache.block_stride;
    __m512 low[Heads], high[Heads];
    for (int h = 0; h < Heads; ++h) low[h] = high[h] = _mm512_setzero_ps();
    for (int d = 0; d < dimensions; ++d) {
      const __m512 first = load_bf16(keys + d * kBlock), second = load_bf16(keys + d * kBlock + 16);
      for (int h = 0; h < Heads; ++h) {
        const __m512 q = _mm512_set1_ps(query[h * dimensions + d]);
        low[h] = _mm512_fmadd_ps(q, first, low[h]);
        high[h] = _mm512_fmadd_ps(q, second, high[h]);
      }
    }
    for (int h = 0; h < Heads; ++h) {
      _mm512_storeu_ps(scores + h * stride + b * kBlock, _mm512_mul_ps(low[h], _mm512_set1_ps(scale)));
      _mm512_storeu_ps(scores + h * stride + b * kBlock + 16, _mm512_mul_ps(high[h], _mm512_set1_ps(scale)));
    }
  }
  for (int h = 0; h < Heads; ++h) {
    float* row = scores + h * stride;
    // What lies behind the last token is left over from another request.
    for (int t = length; t < stride; ++t) row[t] = -std::numeric_limits<float>::infinity();
    __m512 peak = _mm512_loadu_ps(row);
    for (int t = 16; t < stride; t += 16) peak = _mm512_max_ps(peak, _mm512_loadu_ps(row + t));
    const __m512 top = _mm512_set1_ps(_mm512_reduce_max_ps(peak));
    __m512 total = _mm512_setzero_ps();
    for (int t = 0; t < stride; t += 16) {
      __m512 e = exp_ps(_mm512_sub_ps(_mm512_loadu_ps(row + t), top));
      if (t + 16 > length) {
        const int valid = std::max(0, length - t);
        e = _mm512_maskz_mov_ps(static_cast<__mmask16>((1u << valid) - 1), e);
      }
      total = _mm512_add_ps(total, e);
      _mm512_storeu_ps(row + t, e);
    }
    const float inverse = 1.0f / _mm512_reduce_add_ps(total);
    for (int d = 0; d < dimensions; ++d) out[h * dimensions + d] = 0;
    for (int t = 0; t < length; ++t) row[t] *= inverse;
  }
  for (int b = 0; b < count; ++b) {
    const uint16_t* values = cache.values + blocks[b] * cache.block_stride;
    const int tokens = std::min(kBlock, length - b * kBlock);
    int d = 0;
    for (; d + 32 <= dimensions; d += 32)
      add_values<Heads, 2>(values + d, tokens, dimensions, scores + b * kBlock, stride, out + d);
    for (; d < dimensions; d += 16)
      add_values<Heads, 1>(values + d, tokens, dimensions, scores + b * kBlock, stride, out + d);
  }
}

// heads: 1 to 8. Known to the compiler, so that sums stay in registers.
inline void attend(const HeadCache& cache, const int32_t* blocks, int length, const float* query, int heads,
                   int dimensions, float scale, float* scores, float* out) {
  switch (heads) {
    case 1:
      return attend_heads<1>(cache, blocks, length, query, dimensions, scale, scores, out);
    case 2:
      return attend_heads<2>(cache, blocks, length, query, dimensions, scale, scores, out);
    case 3:
      return attend_heads<3>(cache, blocks, length, query, dimensions, scale, scores, out);
    case 4:
      return attend_heads<4>(cache, blocks, length, query, dimensions, scale, scores, out);
    case 5:
      return attend_heads<5>(cache, blocks, length, query, dimensions, scale, scores, out);
    case 6:
      return attend_heads<6>(cache, blocks, length, query, dimensions, scale, scores, out);
    case 7:
      return attend_heads<7>(cache, blocks, length, query, dimensions, scale, scores, out);
    case 8:
      return attend_heads<8>(cache, blocks, length, query, dimensions, scale, scores, out);
  }
}
