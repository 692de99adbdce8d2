#ifndef CVECTOR_H
#define CVECTOR_H

#include <stdint.h>

/// For each of 64 places, the sums of high[i] and of low[i] over the i < count whose bits[i] has the place's bit.
void cvector_sums_where(
    long count, const uint64_t *bits, const int64_t *high, const int64_t *low, int64_t *high_sums, int64_t *low_sums);

/// Σ weight[i] × the bits that a[i] and b[i] share; length is a multiple of 8.
double cvector_weighted_overlap(long length, const uint64_t *a, const uint64_t *b, const double *weight);

/// One direction of an LSTM over copies of one text. Units are filled up to `width`, a multiple of eight, of which `own`
/// are real; the gates input, forget, output and candidate stand side by side. Rows of gates, cells and squashed cells are
/// word by word and, within a word, copy by copy.
///
/// - drive: what each word gives the gates, to be scaled by each copy's position; bias: what comes on top.
/// - recurrent: `width` rows of gates.
/// - scratch: room for 5 · copies · width.
/// - out: the states, `word_stride` and `copy_stride` apart.
void cvector_lstm_path(
    int words, int copies, int width, int own, int is_reversed, const float *positions, const float *drive,
    const float *bias, const float *recurrent, float *scratch, float *gates, float *cells, float *squashed, float *out,
    long word_stride, long copy_stride);

/// The way back: for each word, the gradient along what it gives the gates, summed over the copies.
///
/// - transposed: the recurrent weights, a row of `width` for each gate's unit.
/// - slopes: gradients of the states, as `out` above.
/// - scratch: room for 6 · copies · width + 6 · width.
void cvector_lstm_path_back(
    int words, int copies, int width, int own, int is_reversed, const float *drive, const float *transposed,
    float *scratch, const float *gates, const float *cells, const float *squashed, const float *slopes,
    long word_stride, long copy_stride, double *out);

/// hidden = tanh(x · weight + bias) and scores = hidden · context; `inner` columns of x, `width` of hidden, a multiple of
/// eight.
void cvector_attention(
    long rows, int inner, int width, const float *x, const float *weight, const float *bias, const float *context,
    float *hidden, float *scores);

/// Adds to `out` the gradients of x from those of the scores; `inner` is a multiple of eight, `transposed` the weight's
/// `width` rows of `inner`, scratch room for 6 · width.
void cvector_attention_back(
    long rows, int inner, int width, const float *slopes, const float *context, const float *hidden,
    const float *transposed, float *scratch, float *out);

/// Σ values[i] over the set bits i of `words` words.
double cvector_sum_where(long words, const uint64_t *bits, const double *values);

/// Makes the allocator keep what is freed, up to 256 MiB, for what is needed next.
void cvector_keep_memory(void);

#endif
