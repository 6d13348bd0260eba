// A linear layer with int8 weights and activations rounded per row and group. Knows no model and no threads.
// Each row's result is the same bits whatever other rows are computed with it: integer sums are exact and the
// float operations of a row come in one fixed order.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>

#include "lanes.h"

constexpr int kPanel = kLanes;  // outputs computed by one vector

// Weights of 16 outputs lie together: [panel][input / kLaneInputs][16 outputs][kLaneInputs inputs].
struct Linear {
  const int8_t* weights;
  const int16_t* sums;  // [panel][group][16]: sum of the weights of one output in one group
  const float* scales;  // [panel * 16]
  int32_t inputs;       // a multiple of group
  int32_t outputs;      // a multiple of 16, padded with zeros
  int32_t group;        // a multiple of 4, at most kGroupInputs
};

struct QuantisedRows {
  Activation* values;  // [row][inputs]
  float* scales;       // [row][inputs / group]
};

inline void quantise_row(const float* x, int inputs, int group, Activation* values, float* scales) {
  for (int g = 0; g < inputs / group; ++g) {
    const float* from = x + g * group;
    float peak = 0, fault = 0;
    for (int i = 0; i < group; ++i) {
      peak = std::max(peak, std::fabs(from[i]));
      fault += from[i] * 0.0f;
    }
    // A NaN or infinity must reach the logits, where it ends this request.
    const float scale = peak / kActivationPeak + fault;
    const float inverse = peak > 0 ? kActivationPeak / peak : 0;
    for (int i = 0; i < group; ++i) values[g * group + i] = to_activation(from[i] * inverse);
    scales[g] = scale;
  }
}

// Rounds float weights [given][inputs] to int8, symmetric per output, and lays them as Linear wants them; outputs
// beyond those given are zeros.
inline void pack(const float* from, int given, int outputs, int inputs, int group, int8_t* weights, int16_t* sums,
                 float* scales) {
  const int groups = inputs / group;
  std::fill(weights, weights + static_cast<size_t>(outputs) * inputs, int8_t{0});
  std::fill(sums, sums + static_cast<size_t>(outputs) * groups, int16_t{0});
  for (int o = 0; o < outputs; ++o) {
    const float* row = from + static_cast<size_t>(o) * inputs;
    const int panel = o / kPanel, lane = o % kPanel;
    float peak = 0, fault = 0;
    for (int i = 0; o < given && i < inputs; ++i) {
      peak = std::max(peak, std::fabs(row[i]));
      fault += row[i] * 0.0f;
    }
    const float scale = std::max(peak, 1e-30f) / 127.0f;
    scales[o] = scale + fault;
    for (int i = 0; o < given && i < inputs; ++i) {
      const auto value = static_cast<int8_t>(std::rint(row[i] / scale));
      const size_t lanes = static_cast<size_t>(panel) * (inputs / kLaneInputs) + i / kLaneInputs;
      weights[(lanes * kPanel + lane) * kLaneInputs + i % kLaneInputs] = value;
      sums[(static_cast<size_t>(panel) * groups + i / group) * kPanel + lane] += value;
    }
  }
}

template <int Rows, int Panels>
inline void add_group(Dots (&result)[Rows][Panels], const int8_t* weights, size_t panel_bytes,
                      const Activation* x, int inputs, int steps) {
  Dots dots[Rows][Panels];
  for (int r = 0; r < Rows; ++r)
    for (int p = 0; p < Panels; ++p) dots[r][p] = result[r][p];
  for (int k = 0; k < steps; ++k) {
    Weights16 column[Panels];
    for (int p = 0; p < Panels; ++p) column[p] = load_weights(weights + p * panel_bytes + k * kPanel * kLaneInputs);
    for (int r = 0; r < Rows; ++r) {
      int32_t some;
      __builtin_memcpy(&some, x + static_cast<size_t>(r) * inputs + k * kLaneInputs, 4);
      for (int p = 0; p < Panels; ++p) dots[r][p] = add_dots(dots[r][p], some, column[p]);
    }
  }
  for (int r = 0; r < Rows; ++r)
    for (int p = 0; p < Panels; ++p) result[r][p] = dots[r][p];
}

template <int Rows, int Panels>
inline void multiply_block(const Linear& w, const Activation* x, const float* x_scales, int panel, float* out,
                           int out_stride) {
  const int groups = w.inputs / w.group, steps = w.group / kLaneInputs;
  const size_t panel_bytes = static_cast<size_t>(w.inputs) * kPanel;
  Floats sum[Rows][Panels];
  for (int r = 0; r < Rows; ++r)
    for (int p = 0; p < Panels; ++p) sum[r][p] = every(0);
  const int8_t* weights = w.weights + panel * panel_bytes;
  for (int g = 0; g < groups; ++g) {
    Dots dots[Rows][Panels];
    for (int p = 0; p < Panels; ++p) {
      const Dots begun = begin_dots(w.sums + (static_cast<size_t>(panel + p) * groups + g) * kPanel);
      for (int r = 0; r < Rows; ++r) dots[r][p] = begun;
    }
    apart([&] {
      add_group(dots, weights + static_cast<size_t>(g) * w.group * kPanel, panel_bytes, x + g * w.group, w.inputs,
                steps);
    });
    for (int r = 0; r < Rows; ++r) {
      const Floats scale = every(x_scales[static_cast<size_t>(r) * groups + g]);
      for (int p = 0; p < Panels; ++p) sum[r][p] = add_product(to_floats(dots[r][p]), scale, sum[r][p]);
    }
  }
  for (int r = 0; r < Rows; ++r)
    for (int p = 0; p < Panels; ++p)
      store(out + static_cast<size_t>(r) * out_stride + (panel + p) * kPanel,
            sum[r][p] * load(w.scales + (panel + p) * kPanel));
}

template <int Rows, int Panels>
inline void multiply_panels(const Linear& w, const Activation* x, const float* s, int begin, int end, float* out,
                            int out_stride) {
  int panel = begin;
  for (; panel + Panels <= end; panel += Panels) multiply_block<Rows, Panels>(w, x, s, panel, out, out_stride);
  for (; panel < end; ++panel) multiply_block<Rows, 1>(w, x, s, panel, out, out_stride);
}

constexpr int panels_for(int rows) { return std::min(4, kAccumulators / rows); }

// out[row][panels begin..end) = x · weights. Weights of a few panels stay in the cache for all rows.
inline void multiply(const Linear& w, QuantisedRows x, int rows, int begin, int end, float* out, int out_stride) {
  constexpr int kTile = 4;
  // Of panels_for, what a tile is a multiple of.
  constexpr int kTwo = panels_for(2) / 2 * 2, kFour = std::max(1, panels_for(4) / 2 * 2);
  const int groups = w.inputs / w.group;
  switch (rows) {
    case 1:
      return multiply_panels<1, panels_for(1)>(w, x.values, x.scales, begin, end, out, out_stride);
    case 2:
      return multiply_panels<2, panels_for(2)>(w, x.values, x.scales, begin, end, out, out_stride);
    case 3:
      return multiply_panels<3, panels_for(3)>(w, x.values, x.scales, begin, end, out, out_stride);
    case 4:
      return multiply_panels<4, panels_for(4)>(w, x.values, x.scales, begin, end, out, out_stride);
  }
  for (int tile = begin; tile < end; tile += kTile) {
    const int stop = std::min(end, tile + kTile);
    for (int row = 0; row < rows;) {
      const Activation* values = x.values + static_cast<size_t>(row) * w.inputs;
      const float* scales = x.scales + static_cast<size_t>(row) * groups;
      float* to = out + static_cast<size_t>(row) * out_stride;
      const int left = rows - row;
      if (left >= kMostRows) {
        multiply_panels<kMostRows, 1>(w, values, scales, tile, stop, to, out_stride);
        row += kMostRows;
      } else if (left >= 4) {
        multiply_panels<4, kFour>(w, values, scales, tile, stop, to, out_stride);
        row += 4;
      } else if (left >= 2) {
        multiply_panels<2, kTwo>(w, values, scales, tile, stop, to, out_stride);
        row += 2;
      } else {
        multiply_panels<1, kTile>(w, values, scales, tile, stop, to, out_stride);
        row += 1;
      }
    }
  }
}
