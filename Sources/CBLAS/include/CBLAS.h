// The C interface of BLAS, as OpenBLAS installs it.
#ifndef GITML_CBLAS_H
#define GITML_CBLAS_H

#include <cblas.h>

/// Loads OpenBLAS with one thread; to be called once, before any of its functions.
///
/// Left to itself it starts a thread for each further processor as it is loaded, and each spins for some milliseconds. It reads
/// how many from the environment, which is given back as it was: programs that we start may want theirs.
void gitml_load_blas(void);

#endif
