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

FOR_EACH_PROCESSOR
void cvector_lstm_forward(
    int copies, int width, const float *restrict positions, const float *restrict drive, const float *restrict bias,
    const float *restrict product, const float *restrict before, float *restrict gates, float *restrict cells,
    float *restrict states) {
    for (int copy = 0; copy < copies; copy++) {
        float position = positions[copy];
        const float *from = product + (size_t)copy * 4 * width;
        float *gate = gates + (size_t)copy * 4 * width;
        float *cell = cells + (size_t)copy * width;
        float *state = states + (size_t)copy * width;
        const float *old = before ? before + (size_t)copy * width : NULL;
        for (int unit = 0; unit < 3 * width; unit++)
            gate[unit] = sigmoid(position * drive[unit] + bias[unit] + from[unit]);
        for (int unit = 3 * width; unit < 4 * width; unit++)
            gate[unit] = squash(position * drive[unit] + bias[unit] + from[unit]);
        if (old) {
            for (int unit = 0; unit < width; unit++)
                cell[unit] = gate[unit] * gate[3 * width + unit] + gate[width + unit] * old[unit];
        } else {
            for (int unit = 0; unit < width; unit++) cell[unit] = gate[unit] * gate[3 * width + unit];
        }
        for (int unit = 0; unit < width; unit++) state[unit] = gate[2 * width + unit] * squash(cell[unit]);
    }
}

FOR_EACH_PROCESSOR
void cvector_lstm_backward(
    int copies, int width, int own, const float *restrict slopes, long stride, const float *restrict from_states,
    float *restrict from_cells, const float *restrict gates, const float *restrict cells,
    const float *restrict before, float *restrict inner, float *restrict total) {
    for (int unit = 0; unit < 4 * width; unit++) total[unit] = 0;
    for (int copy = 0; copy < copies; copy++) {
        const float *slope = slopes + copy * stride;
        const float *from = from_states + (size_t)copy * width;
        float *carry = from_cells + (size_t)copy * width;
        const float *gate = gates + (size_t)copy * 4 * width;
        const float *cell = cells + (size_t)copy * width;
        const float *old = before ? before + (size_t)copy * width : NULL;
        float *out = inner + (size_t)copy * 4 * width;
        for (int unit = 0; unit < width; unit++) {
            float i = gate[unit], f = gate[width + unit], o = gate[2 * width + unit], g = gate[3 * width + unit];
            float squashed = squash(cell[unit]);
            float dh = (unit < own ? slope[unit] : 0.0f) + from[unit];
            float dc = carry[unit] + dh * o * (1.0f - squashed * squashed);
            float kept = old ? old[unit] : 0.0f;
            float di = dc * g * i * (1.0f - i), df = dc * kept * f * (1.0f - f);
            float dz = dh * squashed * o * (1.0f - o), dg = dc * i * (1.0f - g * g);
            out[unit] = di;
            out[width + unit] = df;
            out[2 * width + unit] = dz;
            out[3 * width + unit] = dg;
            carry[unit] = dc * f;
        }
        for (int unit = 0; unit < 4 * width; unit++) total[unit] += out[unit];
    }
}

void cvector_keep_memory(void) {
#ifdef __GLIBC__
    mallopt(M_MMAP_THRESHOLD, 256 << 20);
    mallopt(M_TRIM_THRESHOLD, 256 << 20);
#endif
}
