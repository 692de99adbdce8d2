#include "CBLAS.h"

#include <CForward.h>
#include <stdlib.h>
#include <string.h>

#define BLAS_FUNCTION(...) GITML_FORWARD("libopenblas.so.0", "libopenblas0", __VA_ARGS__)
BLAS_FUNCTION(void, openblas_set_num_threads, (int count), (count))
BLAS_FUNCTION(
    void, cblas_sgemv,
    (enum CBLAS_ORDER order, enum CBLAS_TRANSPOSE ta, blasint m, blasint n, float alpha, const float *a, blasint lda,
     const float *x, blasint stepX, float beta, float *y, blasint stepY),
    (order, ta, m, n, alpha, a, lda, x, stepX, beta, y, stepY))
BLAS_FUNCTION(
    void, cblas_sgemm,
    (enum CBLAS_ORDER order, enum CBLAS_TRANSPOSE ta, enum CBLAS_TRANSPOSE tb, blasint m, blasint n, blasint k, float alpha,
     const float *a, blasint lda, const float *b, blasint ldb, float beta, float *c, blasint ldc),
    (order, ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc))

void gitml_load_blas(void) {
    const char *name = "OPENBLAS_NUM_THREADS", *before = getenv(name);
    char *kept = before == NULL ? NULL : strdup(before);
    setenv(name, "1", 1);
    openblas_set_num_threads(1);
    if (kept == NULL) unsetenv(name);
    else setenv(name, kept, 1);
    free(kept);
}
