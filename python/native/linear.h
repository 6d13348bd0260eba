// A linear layer with int8 weights and activations quantised per row and group. Knows no model and no threads.
// Each row's result is the same bits whatever other rows are computed with it: integer sums are exact and the
// float operations of a row come in one fixed order.
#pragma once
#include <immintrin.h>

#include <algorithm>
#include <cmath>
#include <cstdint>

constexpr int kPanel = 16;  // outputs computed by one vector

// Weights of 16 outputs lie together: [panel][input / 4][16 outputs][4 inputs].
struct Linear {
  const int8_t* weights;
  const int16_t* sums;  // [panel][group][16]: sum of the weights of one output in one group
  const float* scales;  // [panel * 16]
  int32_t inputs;       // a multiple of group
  int32_t outputs;      // a multiple of 16, padded with zeros
  int32_t group;        // a multiple of 4
};

struct QuantisedRows {
  uint8_t* values;  // [row][inputs], 128 stands for zero
  float* scales;    // [row][inputs / group]
};

inline void quantise_row(const float* x, int inputs, int group, uint8_t* values, float* scales) {
  for (int g = 0; g < inputs / group; ++g) {
    const float* from = x + g * group;
    float peak = 0, fault = 0;
    for (int i = 0; i < group; ++i) {
      peak = std::max(peak, std::fabs(from[i]));
      fault += from[i] * 0.0f;
    }
    // A NaN or infinity must reach the logits, where it ends this request.
    const float scale = peak / 127.0f + fault;
    const float inverse = peak > 0 ? 127.0f / peak : 0;
    for (int i = 0; i < group; ++i)
      values[g * group + i] = static_cast<uint8_t>(static_cast<int>(from[i] * inverse + 128.5f));
    scales[g] = scale;
  }
}

template <int Rows, int Panels>
inline void multiply_block(const Linear& w, const uint8_t* x, const float* x_scales, int panel, float* out,
                           int out_stride) {
  const int groups = w.inputs / w.group, steps = w.group / 4;
  const size_t panel_bytes = static_cast<size_t>(w.inputs) * kPanel;
  __m512 sum[Rows][Panels];
  for (int r = 0; r < Rows; ++r)
    for (int p = 0; p < Panels; ++p) sum[r][p] = _mm512_setzero_ps();
  const int8_t* weights = w.weights + panel * panel_bytes;
  for (int g = 0; g < groups; ++g) {
    __m512i acc[Rows][Panels];
    for (int p = 0; p < Panels; ++p) {
      const auto* s = reinterpret_cast<const __m256i*>(w.sums + (static_cast<size_t>(panel + p) * groups + g) * kPanel);
      const __m512i offset = _mm512_slli_epi32(_mm512_cvtepi16_epi32(_mm256_loadu_si256(s)), 7);
      for (int r = 0; r < Rows; ++r) acc[r][p] = _mm512_sub_epi32(_mm512_setzero_si512(), offset);
    }
    for (int k = 0; k < steps; ++k) {
      __m512i column[Panels];
      for (int p = 0; p < Panels; ++p)
        column[p] = _mm512_loadu_si512(weights + p * panel_bytes + (static_cast<size_t>(g) * steps + k) * 64);
      for (int r = 0; r < Rows; ++r) {
        int32_t four;
        __builtin_memcpy(&four, x + static_cast<size_t>(r) * w.inputs + g * w.group + k * 4, 4);
        const __m512i value = _mm512_set1_epi32(four);
        for (int p = 0; p < Panels; ++p) acc[r][p] = _mm512_dpbusd_epi32(acc[r][p], value, column[p]);
      }
    }
    for (int r = 0; r < Rows; ++r) {
      const __m512 scale = _mm512_set1_ps(x_scales[static_cast<size_t>(r) * groups + g]);
      for (int p = 0; p < Panels; ++p) sum[r][p] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(acc[r][p]), scale, sum[r][p]);
    }
  }
  for (int r = 0; r < Rows; ++r)
    for (int p = 0; p < Panels; ++p) {
      const __m512 scale = _mm512_loadu_ps(w.scales + (panel + p) * kPanel);
      _mm512_storeu_ps(out + static_cast<size_t>(r) * out_stride + (panel + p) * kPanel,
                       _mm512_mul_ps(sum[r][p], scale));
    }
}

template <int Rows, int Panels>
inline void multiply_panels(const Linear& w, const uint8_t* x, const float* s, int begin, int end, float* out,
                            int out_stride) {
  int panel = begin;
  for (; panel + Panels <= end; panel += Panels) multiply_block<Rows, Panels>(w, x, s, panel, out, out_stride);
  for (; panel < end; ++panel) multiply_block<Rows, 1>(w, x, s, panel, out, out_stride);
}

// out[row][panels begin..end) = x · weights. Weights of a few panels stay in the cache for all rows.
inline void multiply(const Linear& w, QuantisedRows x, int rows, int begin, int end, float* out, int out_stride) {
  constexpr int kTile = 4;
  const int groups = w.inputs / w.group;
  if (rows <= 4) {
    switch (rows) {
      case 1:
        return multiply_panels<1, 4>(w, x.values, x.scales, begin, end, out, out_stride);
      case 2:
        return multiply_panels<2, 4>(w, x.values, x.scales, begin, end, out, out_stride);
      case 3:
        return multiply_panels<3, 4>(w, x.values, x.scales, begin, end, out, out_stride);
      case 4:
        return multiply_panels<4, 3>(w, x.values, x.scales, begin, end, out, out_stride);
    }
  }
  for (int tile = begin; tile < end; tile += kTile) {
    const int stop = std::min(end, tile + kTile);
    for (int row = 0; row < rows;) {
      const uint8_t* values = x.values + static_cast<size_t>(row) * w.inputs;
      const float* scales = x.scales + static_cast<size_t>(row) * groups;
      float* to = out + static_cast<size_t>(row) * out_stride;
      const int left = rows - row;
      if (left >= 8) {
        multiply_panels<8, 1>(w, values, scales, tile, stop, to, out_stride);
        row += 8;
      } else if (left >= 4) {
        multiply_panels<4, 2>(w, values, scales, tile, stop, to, out_stride);
        row += 4;
      } else if (left >= 2) {
        multiply_panels<2, 4>(w, values, scales, tile, stop, to, out_stride);
        row += 2;
      } else {
        multiply_panels<1, 4>(w, values, scales, tile, stop, to, out_stride);
        row += 1;
      }
    }
  }
}
