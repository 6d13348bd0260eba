// One forward pass of a Llama-like model over tokens of many requests: int8 linear layers, paged bfloat16 cache.
// Knows no request and no sampling. native_step.py describes the structs once more and owns all their memory.
#include <cstring>
#include <memory>

#include "attention.h"
#include "linear.h"
#include "thread_team.h"

struct Layer {
  const float* input_norm;
  const float* mlp_norm;
  Linear qkv, output, gate_up, down;
  uint16_t* keys;    // [block][head][dimension][kBlock]
  uint16_t* values;  // [block][head][kBlock][dimension]
};

struct Shape {
  int32_t layers, hidden, heads, kv_heads, dimensions, inner, max_tokens, max_context, threads;
  float epsilon;
};

struct Weights {
  const uint16_t* embedding;  // bfloat16 [vocabulary][hidden]
  const float* cosines;       // [position][dimensions / 2]
  const float* sines;
  const float* final_norm;
  Linear head;
  const Layer* layers;
};

struct Token {
  int32_t id, position;
  const int32_t* blocks;  // of its request, in order; hold at least this position
};

namespace {

template <typename T>
std::unique_ptr<T[]> room(size_t count) {
  return std::unique_ptr<T[]>(new T[count]());
}

struct Rows {
  Rows(size_t rows, size_t inputs, size_t groups)
      : values(room<Activation>(rows * inputs)), scales(room<float>(rows * groups)) {}
  QuantisedRows view() const { return {values.get(), scales.get()}; }
  std::unique_ptr<Activation[]> values;
  std::unique_ptr<float[]> scales;
};

class Model {
 public:
  Model(const Shape& shape, const Weights& weights)
      : shape_(shape),
        weights_(weights),
        team_(shape.threads - 1),
        hidden_(room<float>(size_t(shape.max_tokens) * shape.hidden)),
        wide_(room<float>(size_t(shape.max_tokens) * widest())),
        narrow_(room<float>(size_t(shape.max_tokens) * std::max(shape.hidden + kPanel, q_size() + kPanel))),
        inputs_(shape.max_tokens, shape.hidden, shape.hidden),
        heads_(shape.max_tokens, q_size(), q_size()),
        inner_(shape.max_tokens, shape.inner, shape.inner),
        scores_(room<float>(size_t(shape.threads) * group_heads() * (shape.max_context + kBlock))) {}

  // Returns the share of its time that the calling thread waited for others.
  float run(const Token* tokens, int count, const int32_t* wanted, int wanted_count, float* logits, int threads) {
    const uint64_t begun = __rdtsc();
    team_.limit(threads);
    for (int t = 0; t < count; ++t) {
      const uint16_t* row = weights_.embedding + size_t(tokens[t].id) * shape_.hidden;
      float* x = hidden_.get() + size_t(t) * shape_.hidden;
      for (int i = 0; i < shape_.hidden; ++i) x[i] = bf16_to_float(row[i]);
    }
    for (int layer = 0; layer < shape_.layers; ++layer) run_layer(weights_.layers[layer], tokens, count);
    for (int i = 0; i < wanted_count; ++i)
      normalise(hidden_.get() + size_t(wanted[i]) * shape_.hidden, weights_.final_norm, weights_.head, inputs_, i);
    linear(weights_.head, inputs_, wanted_count, logits);
    return static_cast<float>(team_.take_waited()) / static_cast<float>(__rdtsc() - begun);
  }

 private:
  int q_size() const { return shape_.heads * shape_.dimensions; }
  int kv_size() const { return shape_.kv_heads * shape_.dimensions; }
  int group_heads() const { return shape_.heads / shape_.kv_heads; }
  int widest() const { return std::max(q_size() + 2 * kv_size(), 2 * shape_.inner) + kPanel; }

  void run_layer(const Layer& layer, const Token* tokens, int count) {
    const int hidden = shape_.hidden, inner = shape_.inner;
    share_rows(count,
               [&](int t) { normalise(hidden_.get() + size_t(t) * hidden, layer.input_norm, layer.qkv, inputs_, t); });
    linear(layer.qkv, inputs_, count, wide_.get());
    share_rows(count, [&](int t) { place(layer, tokens[t], wide_.get() + size_t(t) * layer.qkv.outputs); });
    team_.share(count * shape_.kv_heads, [&](int chunk, int thread) {
      attend_head(layer, tokens[chunk / shape_.kv_heads], chunk / shape_.kv_heads, chunk % shape_.kv_heads, thread);
    });
    share_rows(count, [&](int t) { quantise(narrow_.get() + size_t(t) * q_size(), layer.output, heads_, t); });
    linear(layer.output, heads_, count, wide_.get());
    share_rows(count, [&](int t) {
      add(hidden_.get() + size_t(t) * hidden, wide_.get() + size_t(t) * layer.output.outputs);
      normalise(hidden_.get() + size_t(t) * hidden, layer.mlp_norm, layer.gate_up, inputs_, t);
    });
    linear(layer.gate_up, inputs_, count, wide_.get());
    share_rows(count, [&](int t) {
      float* gate = wide_.get() + size_t(t) * layer.gate_up.outputs;
      activate(gate, gate + inner);
      quantise(gate, layer.down, inner_, t);
    });
    linear(layer.down, inner_, count, wide_.get());
    share_rows(count,
               [&](int t) { add(hidden_.get() + size_t(t) * hidden, wide_.get() + size_t(t) * layer.down.outputs); });
  }

  // A few rows are not worth a handover to another thread.
  template <typename Body>
  void share_rows(int rows, Body&& body) {
    constexpr int kRows = 4;
    team_.share((rows + kRows - 1) / kRows, [&](int chunk, int) {
      for (int row = chunk * kRows; row < std::min(rows, (chunk + 1) * kRows); ++row) body(row);
    });
  }

  void linear(const Linear& w, const Rows& x, int rows, float* out) {
    if (rows == 0) return;
    const int panels = w.outputs / kPanel;
    const int size = std::max(4, panels / 64 / 4 * 4);
    team_.share((panels + size - 1) / size, [&](int chunk, int) {
      multiply(w, x.view(), rows, chunk * size, std::min(panels, (chunk + 1) * size), out, w.outputs);
    });
  }

  void normalise(const float* x, const float* weight, const Linear& next, Rows& to, int row) {
    float sum = 0;
    for (int i = 0; i < shape_.hidden; ++i) sum += x[i] * x[i];
    const float factor = 1.0f / std::sqrt(sum / shape_.hidden + shape_.epsilon);
    float scaled[8192];
    for (int i = 0; i < shape_.hidden; ++i) scaled[i] = x[i] * factor * weight[i];
    quantise(scaled, next, to, row);
  }

  static void quantise(const float* x, const Linear& next, Rows& to, int row) {
    quantise_row(x, next.inputs, next.group, to.values.get() + size_t(row) * next.inputs,
                 to.scales.get() + size_t(row) * (next.inputs / next.group));
  }

  void add(float* x, const float* change) const {
    for (int i = 0; i < shape_.hidden; ++i) x[i] += change[i];
  }

  void activate(float* gate, const float* up) const {
    const Floats one = every(1.0f), zero = every(0.0f), most = every(87.0f);
    for (int i = 0; i < shape_.inner; i += kLanes) {
      const Floats g = load(gate + i);
      store(gate + i, g / (one + exponential(smaller(most, zero - g))) * load(up + i));
    }
  }

  void rotate(float* x, int position) const {
    const int half = shape_.dimensions / 2;
    const float* c = weights_.cosines + size_t(position) * half;
    const float* s = weights_.sines + size_t(position) * half;
    for (int i = 0; i < half; ++i) {
      const float a = x[i], b = x[i + half];
      x[i] = a * c[i] - b * s[i];
      x[i + half] = b * c[i] + a * s[i];
    }
  }

  void place(const Layer& layer, const Token& token, float* qkv) const {
    const int d = shape_.dimensions;
    for (int h = 0; h < shape_.heads + shape_.kv_heads; ++h) rotate(qkv + h * d, token.position);
    const float* keys = qkv + q_size();
    for (int h = 0; h < shape_.kv_heads; ++h)
      cache(layer, h).store(token.blocks[token.position / kBlock], token.position % kBlock, d, keys + h * d,
                            keys + kv_size() + h * d);
  }

  HeadCache cache(const Layer& layer, int head) const {
    const size_t head_size = size_t(kBlock) * shape_.dimensions;
    return {layer.keys + head * head_size, layer.values + head * head_size, head_size * shape_.kv_heads};
  }

  void attend_head(const Layer& layer, const Token& token, int row, int head, int thread) {
    const int heads = group_heads(), d = shape_.dimensions;
    float* scores = scores_.get() + size_t(thread) * heads * (shape_.max_context + kBlock);
    const float* query = wide_.get() + size_t(row) * layer.qkv.outputs + head * heads * d;
    float* out = narrow_.get() + size_t(row) * q_size() + head * heads * d;
    attend(cache(layer, head), token.blocks, token.position + 1, query, heads, d,
           1.0f / std::sqrt(static_cast<float>(d)), scores, out);
  }

  Shape shape_;
  Weights weights_;
  ThreadTeam team_;
  std::unique_ptr<float[]> hidden_, wide_, narrow_;
  Rows inputs_, heads_, inner_;
  std::unique_ptr<float[]> scores_;
};

}  // namespace

extern "C" {

// How many inputs may share a scale.
int32_t llama_group_inputs() { return kGroupInputs; }

void llama_pack(const float* from, int32_t given, int32_t outputs, int32_t inputs, int32_t group, int8_t* weights,
                int16_t* sums, float* scales) {
  pack(from, given, outputs, inputs, group, weights, sums, scales);
}

Model* llama_create(const Shape* shape, const Weights* weights) { return new Model(*shape, *weights); }

void llama_destroy(Model* model) { delete model; }

// logits: [wanted_count][head.outputs]. wanted names indices of tokens, each at most once. Returns what run does.
float llama_step(Model* model, const Token* tokens, int32_t count, const int32_t* wanted, int32_t wanted_count,
                float* logits, int32_t threads) {
  return model->run(tokens, count, wanted, wanted_count, logits, threads);
}
}
