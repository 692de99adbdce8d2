// The C interface of BLAS, as OpenBLAS installs it.
#include <cblas.h>
