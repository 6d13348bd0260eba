// Attention of one token over the blocks of its own request, with a bfloat16 cache. Knows no layer and no threads.
#pragma once
#include <algorithm>
#include <cstdint>
#include <limits>

#include "lanes.h"

constexpr int kBlock = 32;  // tokens in one block of the cache

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

// out[head][kLanes * Vectors] += weights of `tokens` tokens times their values.
template <int Heads, int Vectors>
inline void add_values(const uint16_t* values, int tokens, int dimensions, const float* weights, int weights_stride,
                       float* out) {
  Floats sum[Heads][Vectors];
  for (int h = 0; h < Heads; ++h)
    for (int i = 0; i < Vectors; ++i) sum[h][i] = load(out + h * dimensions + i * kLanes);
  for (int t = 0; t < tokens; ++t) {
    Floats value[Vectors];
    for (int i = 0; i < Vectors; ++i) value[i] = load_bf16(values + t * dimensions + i * kLanes);
    for (int h = 0; h < Heads; ++h) {
      const Floats weight = every(weights[h * weights_stride + t]);
      for (int i = 0; i < Vectors; ++i) sum[h][i] = add_product(weight, value[i], sum[h][i]);
    }
  }
  for (int h = 0; h < Heads; ++h)
    for (int i = 0; i < Vectors; ++i) store(out + h * dimensions + i * kLanes, sum[h][i]);
}

// out[head][dimension] for the query heads that share one key/value head, over `length` tokens.
// scores holds Heads x (length rounded up to whole blocks).
template <int Heads>
inline void attend_heads(const HeadCache& cache, const int32_t* blocks, int length, const float* query, int dimensions,
                         float scale, float* scores, float* out) {
  const int count = (length + kBlock - 1) / kBlock, stride = count * kBlock;
  for (int b = 0; b < count; ++b) {
    for (int t = 0; t < kBlock; t += kWide * kLanes) {
      const uint16_t* keys = cache.keys + blocks[b] * cache.block_stride + t;
      Floats sum[Heads][kWide];
      for (int h = 0; h < Heads; ++h)
        for (int i = 0; i < kWide; ++i) sum[h][i] = every(0);
      for (int d = 0; d < dimensions; ++d) {
        Floats key[kWide];
        for (int i = 0; i < kWide; ++i) key[i] = load_bf16(keys + d * kBlock + i * kLanes);
        for (int h = 0; h < Heads; ++h) {
          const Floats q = every(query[h * dimensions + d]);
          for (int i = 0; i < kWide; ++i) sum[h][i] = add_product(q, key[i], sum[h][i]);
        }
      }
      for (int h = 0; h < Heads; ++h)
        for (int i = 0; i < kWide; ++i)
          store(scores + h * stride + b * kBlock + t + i * kLanes, sum[h][i] * every(scale));
    }
  }
  for (int h = 0; h < Heads; ++h) {
    float* row = scores + h * stride;
    // What lies behind the last token is left over from another request.
    for (int t = length; t < stride; ++t) row[t] = -std::numeric_limits<float>::infinity();
    Floats peak = load(row);
    for (int t = kLanes; t < stride; t += kLanes) peak = larger(peak, load(row + t));
    const Floats top = every(largest(peak));
    Floats sum = every(0);
    for (int t = 0; t < stride; t += kLanes) {
      Floats e = exponential(load(row + t) - top);
      if (t + kLanes > length) e = only_first(std::max(0, length - t), e);
      sum = sum + e;
      store(row + t, e);
    }
    const float inverse = 1.0f / total(sum);
    for (int d = 0; d < dimensions; ++d) out[h * dimensions + d] = 0;
    for (int t = 0; t < length; ++t) row[t] *= inverse;
  }
  for (int b = 0; b < count; ++b) {
    const uint16_t* values = cache.values + blocks[b] * cache.block_stride;
    const int tokens = std::min(kBlock, length - b * kBlock);
    int d = 0;
    for (; d + kWide * kLanes <= dimensions; d += kWide * kLanes)
      add_values<Heads, kWide>(values + d, tokens, dimensions, scores + b * kBlock, stride, out + d);
    for (; d < dimensions; d += kLanes)
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
