#include "CVector.h"

#include <stdlib.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <stddef.h>
#include <string.h>

// The loader chooses the version for the processor; elsewhere the compiler's own choice is as good.
#if defined(__x86_64__) && defined(__linux__) && defined(__has_attribute)
#if __has_attribute(target_clones)
#define FOR_EACH_PROCESSOR __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#endif
#endif
#ifndef FOR_EACH_PROCESSOR
#define FOR_EACH_PROCESSOR
#endif

#define INLINE static inline __attribute__((always_inline))

// As VectorFunctions.exp.
INLINE float power(float x) {
    x = x < -87.0f ? -87.0f : x;
    x = x > 88.0f ? 88.0f : x;
    float shifted = x * 1.44269504f + 12582912.0f;
    float whole = shifted - 12582912.0f;
    float rest = x - whole * 0.693359375f + whole * 2.1219444e-4f;
    float sum = rest * (1.0f / 720) + (1.0f / 120);
    sum = sum * rest + (1.0f / 24);
    sum = sum * rest + (1.0f / 6);
    sum = sum * rest + 0.5f;
    sum = sum * rest + 1.0f;
    sum = sum * rest + 1.0f;
    int bits;
    memcpy(&bits, &shifted, sizeof bits);
    bits = (int)((unsigned)(bits - 0x4b400000 + 127) << 23);
    float scale;
    memcpy(&scale, &bits, sizeof scale);
    return sum * scale;
}

INLINE float sigmoid(float x) { return 1.0f / (1.0f + power(-x)); }
INLINE float squash(float x) { return 2.0f / (1.0f + power(-2.0f * x)) - 1.0f; }

typedef float floats16 __attribute__((ext_vector_type(16), aligned(4)));
typedef float floats8 __attribute__((ext_vector_type(8), aligned(4)));

// Keeps the compiler from working out a pointer anew in every round of a loop.
#define OWN_REGISTER(pointer) __asm__("" : "+r"(pointer))

// Sixteen columns, or eight, of the product of up to six rows with a matrix of `columns`: sums that fit the registers.
#define TILE(name, type)                                                                                               \
    INLINE void name(                                                                                                  \
        const int rows, int inner, const float *restrict a, long stride, const float *restrict matrix, int columns,    \
        float *restrict out, long out_stride, const int adds) {                                                        \
        type sums[6];                                                                                                  \
        for (int row = 0; row < rows; row++)                                                                           \
            sums[row] = adds ? *(const type *)(out + row * out_stride) : (type)0.0f;                                   \
        const float *from[6];                                                                                          \
        for (int row = 0; row < rows; row++) {                                                                         \
            from[row] = a + row * stride;                                                                              \
            OWN_REGISTER(from[row]);                                                                                   \
        }                                                                                                              \
        for (long index = 0; index < inner; index++, matrix += columns) {                                              \
            type factor = *(const type *)matrix;                                                                       \
            for (int row = 0; row < rows; row++) sums[row] += factor * from[row][index];                               \
        }                                                                                                              \
        for (int row = 0; row < rows; row++) *(type *)(out + row * out_stride) = sums[row];                            \
    }
TILE(tile16, floats16)
TILE(tile8, floats8)

INLINE void band(
    const int rows, int inner, const float *restrict a, long stride, const float *restrict matrix, int columns,
    float *restrict out, long out_stride, const int adds) {
    int column = 0;
    for (; column + 16 <= columns; column += 16)
        tile16(rows, inner, a, stride, matrix + column, columns, out + column, out_stride, adds);
    for (; column < columns; column += 8)
        tile8(rows, inner, a, stride, matrix + column, columns, out + column, out_stride, adds);
}

// out = a × matrix, or added to what is there; `columns` is a multiple of eight.
INLINE void product(
    long rows, int inner, const float *restrict a, long stride, const float *restrict matrix, int columns,
    float *restrict out, long out_stride, const int adds) {
    long row = 0;
    for (; row + 6 <= rows; row += 6)
        band(6, inner, a + row * stride, stride, matrix, columns, out + row * out_stride, out_stride, adds);
    for (; row + 2 <= rows; row += 2)
        band(2, inner, a + row * stride, stride, matrix, columns, out + row * out_stride, out_stride, adds);
    if (row < rows) band(1, inner, a + row * stride, stride, matrix, columns, out + row * out_stride, out_stride, adds);
}

FOR_EACH_PROCESSOR
void cvector_lstm_path(
    int words, int copies, int width, int own, int is_reversed, const float *restrict positions,
    const float *restrict drive, const float *restrict bias, const float *restrict recurrent, float *restrict scratch,
    float *restrict gates, float *restrict cells, float *restrict squashed, float *restrict out, long word_stride,
    long copy_stride) {
    float *sums = scratch, *state = scratch + (size_t)copies * 4 * width;
    size_t row = (size_t)copies * width;
    for (int step = 0; step < words; step++) {
        int word = is_reversed ? words - 1 - step : step;
        if (step > 0) product(copies, width, state, width, recurrent, 4 * width, sums, 4 * width, 0);
        else memset(sums, 0, 4 * row * sizeof *sums);
        const float *given = drive + (size_t)word * 4 * width;
        const float *before = step > 0 ? cells + (is_reversed ? word + 1 : word - 1) * row : NULL;
        for (int copy = 0; copy < copies; copy++) {
            float position = positions[copy];
            const float *from = sums + (size_t)copy * 4 * width;
            float *gate = gates + word * 4 * row + (size_t)copy * 4 * width;
            float *cell = cells + word * row + (size_t)copy * width;
            float *shown = squashed + word * row + (size_t)copy * width;
            float *next = state + (size_t)copy * width;
            for (int unit = 0; unit < 3 * width; unit++)
                gate[unit] = sigmoid(position * given[unit] + bias[unit] + from[unit]);
            for (int unit = 3 * width; unit < 4 * width; unit++)
                gate[unit] = squash(position * given[unit] + bias[unit] + from[unit]);
            if (before) {
                const float *old = before + (size_t)copy * width;
                for (int unit = 0; unit < width; unit++)
                    cell[unit] = gate[unit] * gate[3 * width + unit] + gate[width + unit] * old[unit];
            } else {
                for (int unit = 0; unit < width; unit++) cell[unit] = gate[unit] * gate[3 * width + unit];
            }
            for (int unit = 0; unit < width; unit++) {
                shown[unit] = squash(cell[unit]);
                next[unit] = gate[2 * width + unit] * shown[unit];
            }
            float *to = out + copy * copy_stride + word * word_stride;
            for (int unit = 0; unit < own; unit++) to[unit] = next[unit];
        }
    }
}

#define LOAD(from) (*(const floats8 *)(from))
#define STORE(to, value) (*(floats8 *)(to) = (value))

// One copy at one word; eight units at a time, which the compiler would not dare to take together.
INLINE void slopes_of_gates(
    int width, const float *gate, const float *shown, const float *old, const float *above, const float *from,
    float *carry, float *slope, float *total) {
    for (int unit = 0; unit < width; unit += 8) {
        const float *here = gate + unit;
        floats8 i = LOAD(here), f = LOAD(here + width), o = LOAD(here + 2 * width), g = LOAD(here + 3 * width);
        floats8 squashed = LOAD(shown + unit);
        floats8 dh = LOAD(above + unit) + LOAD(from + unit);
        floats8 dc = LOAD(carry + unit) + dh * o * (1.0f - squashed * squashed);
        floats8 di = dc * g * i * (1.0f - i), df = dc * LOAD(old + unit) * f * (1.0f - f);
        floats8 dz = dh * squashed * o * (1.0f - o), dg = dc * i * (1.0f - g * g);
        float *to = slope + unit, *sum = total + unit;
        STORE(to, di);
        STORE(to + width, df);
        STORE(to + 2 * width, dz);
        STORE(to + 3 * width, dg);
        STORE(sum, LOAD(sum) + di);
        STORE(sum + width, LOAD(sum + width) + df);
        STORE(sum + 2 * width, LOAD(sum + 2 * width) + dz);
        STORE(sum + 3 * width, LOAD(sum + 3 * width) + dg);
        STORE(carry + unit, dc * f);
    }
}

FOR_EACH_PROCESSOR
void cvector_lstm_path_back(
    int words, int copies, int width, int own, int is_reversed, const float *restrict drive,
    const float *restrict transposed, float *restrict scratch, const float *restrict gates,
    const float *restrict cells, const float *restrict squashed, const float *restrict slopes, long word_stride,
    long copy_stride, double *restrict out) {
    size_t row = (size_t)copies * width;
    float *inner = scratch, *from_states = inner + 4 * row, *from_cells = from_states + row;
    float *total = from_cells + row, *above = total + 4 * width, *none = above + width;
    memset(from_states, 0, 2 * row * sizeof *scratch);
    memset(above, 0, 2 * width * sizeof *above);
    for (int step = words - 1; step >= 0; step--) {
        int word = is_reversed ? words - 1 - step : step;
        const float *before = step > 0 ? cells + (is_reversed ? word + 1 : word - 1) * row : NULL;
        memset(total, 0, 4 * width * sizeof *total);
        for (int copy = 0; copy < copies; copy++) {
            const float *gate = gates + word * 4 * row + (size_t)copy * 4 * width;
            const float *shown = squashed + word * row + (size_t)copy * width;
            const float *from = from_states + (size_t)copy * width;
            float *carry = from_cells + (size_t)copy * width;
            float *slope = inner + (size_t)copy * 4 * width;
            const float *outer = slopes + copy * copy_stride + word * word_stride;
            if (own < width) {
                for (int unit = 0; unit < own; unit++) above[unit] = outer[unit];
                outer = above;
            }
            slopes_of_gates(
                width, gate, shown, before ? before + (size_t)copy * width : none, outer, from, carry, slope, total);
        }
        const float *given = drive + (size_t)word * 4 * width;
        double sum = 0;
        for (int unit = 0; unit < 4 * width; unit++) sum += (double)total[unit] * given[unit];
        out[word] = sum;
        if (step > 0) product(copies, 4 * width, inner, 4 * width, transposed, width, from_states, width, 0);
    }
}

FOR_EACH_PROCESSOR
void cvector_attention(
    long rows, int inner, int width, const float *restrict x, const float *restrict weight, const float *restrict bias,
    const float *restrict context, float *restrict hidden, float *restrict scores) {
    for (long row = 0; row < rows; row++) {
        // Six rows ahead, so that they are still in the cache.
        if (row % 6 == 0)
            product(rows - row < 6 ? rows - row : 6, inner, x + row * inner, inner, weight, width, hidden + row * width,
                width, 0);
        float *at = hidden + row * width;
        for (int unit = 0; unit < width; unit++) at[unit] = squash(at[unit] + bias[unit]);
        float sums[8] = {0};
        for (int unit = 0; unit < width; unit += 8)
            for (int place = 0; place < 8; place++) sums[place] += at[unit + place] * context[unit + place];
        float sum = 0;
        for (int place = 0; place < 8; place++) sum += sums[place];
        scores[row] = sum;
    }
}

FOR_EACH_PROCESSOR
void cvector_attention_back(
    long rows, int inner, int width, const float *restrict slopes, const float *restrict context,
    const float *restrict hidden, const float *restrict transposed, float *restrict scratch, float *restrict out) {
    for (long first = 0; first < rows; first += 6) {
        long count = rows - first < 6 ? rows - first : 6;
        for (long row = 0; row < count; row++) {
            const float *at = hidden + (first + row) * width;
            float slope = slopes[first + row];
            for (int unit = 0; unit < width; unit++)
                scratch[row * width + unit] = slope * context[unit] * (1.0f - at[unit] * at[unit]);
        }
        product(count, width, scratch, width, transposed, inner, out + first * inner, inner, 1);
    }
}

// Eight places; the loads need no alignment.
typedef double doubles8 __attribute__((ext_vector_type(8), aligned(8)));
typedef int64_t whole8 __attribute__((ext_vector_type(8), aligned(8)));

// All ones in the places whose bit is set in the lowest eight bits. A macro: functions that return such vectors have no
// common form on all processors.
static const whole8 each_place = {1, 2, 4, 8, 16, 32, 64, 128};
#define PLACES(bits) ((((whole8)(int64_t)(bits)) & each_place) != 0)

FOR_EACH_PROCESSOR
void cvector_sums_where(
    long count, const uint64_t *restrict bits, const int64_t *restrict high, const int64_t *restrict low,
    int64_t *restrict high_sums, int64_t *restrict low_sums) {
    // Sixteen places at a time, whose sums stay in registers.
    for (int first = 0; first < 64; first += 16) {
        whole8 above[2] = {0, 0}, below[2] = {0, 0};
        for (long index = 0; index < count; index++) {
            whole8 front = PLACES(bits[index] >> first), back = PLACES(bits[index] >> (first + 8));
            above[0] += high[index] & front;
            above[1] += high[index] & back;
            below[0] += low[index] & front;
            below[1] += low[index] & back;
        }
        memcpy(high_sums + first, above, sizeof above);
        memcpy(low_sums + first, below, sizeof below);
    }
}

FOR_EACH_PROCESSOR
double cvector_weighted_overlap(
    long length, const uint64_t *restrict a, const uint64_t *restrict b, const double *restrict weight) {
    double sums[8] = {0};
    for (long index = 0; index < length; index += 8) {
        for (int place = 0; place < 8; place++)
            sums[place] +=
                weight[index + place] * (double)(int64_t)__builtin_popcountll(a[index + place] & b[index + place]);
    }
    double sum = 0;
    for (int place = 0; place < 8; place++) sum += sums[place];
    return sum;
}

FOR_EACH_PROCESSOR
double cvector_sum_where(long words, const uint64_t *restrict bits, const double *restrict values) {
    doubles8 front = 0, back = 0;
    for (long word = 0; word < words; word++) {
        for (int first = 0; first < 64; first += 16) {
            const double *from = values + word * 64 + first;
            whole8 one = *(const whole8 *)from & PLACES(bits[word] >> first);
            whole8 two = *(const whole8 *)(from + 8) & PLACES(bits[word] >> (first + 8));
            doubles8 x, y;
            memcpy(&x, &one, sizeof x);
            memcpy(&y, &two, sizeof y);
            front += x;
            back += y;
        }
    }
    front += back;
    double sum = 0;
    for (int place = 0; place < 8; place++) sum += front[place];
    return sum;
}

void cvector_keep_memory(void) {
#ifdef __GLIBC__
    mallopt(M_MMAP_THRESHOLD, 256 << 20);
    mallopt(M_TRIM_THRESHOLD, 256 << 20);
#endif
}
