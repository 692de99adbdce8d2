#ifndef CVECTOR_H
#define CVECTOR_H

/// Loops over the units of an LSTM, in the widest vectors the processor has. Rows are copies of one text at one word; the
/// gates input, forget, output and candidate stand side by side, `width` units each.

/// One word onwards: gates and cells of all copies, and their states.
///
/// - drive: what the word gives each gate, to be scaled by each copy's position; bias: what comes on top.
/// - product: the states before times the recurrent weights, a row of gates a copy.
/// - before: the cells before, a row a copy; NULL for zeros.
void cvector_lstm_forward(
    int copies, int width, const float *positions, const float *drive, const float *bias, const float *product,
    const float *before, float *gates, float *cells, float *states);

/// One word backwards.
///
/// - slopes: gradients of the copies' states from above, `stride` apart; from_states, from_cells: from the word after.
/// - inner: gradients before the gates' functions, a row a copy; total: their sum over the copies.
/// - from_cells is replaced by the gradients for the word before.
void cvector_lstm_backward(
    int copies, int width, int own, const float *slopes, long stride, const float *from_states, float *from_cells,
    const float *gates, const float *cells, const float *before, float *inner, float *total);

/// Makes the allocator keep what is freed, up to 256 MiB, for what is needed next.
void cvector_keep_memory(void);

#endif
