// Everything GitKit needs of libgit2, and inline shims for what Swift cannot call: variadic functions.
#ifndef GITML_CGIT2_H
#define GITML_CGIT2_H

#include <git2.h>
#include <git2/sys/mempack.h>
#include <git2/sys/odb_backend.h>

/// Extensions of repository format 1 that do not change how objects and refs are read (libgit2 1.5 refuses them by default).
static inline int gitml_allow_extensions(void) {
    static const char *names[] = {"worktreeconfig", "partialclone", "preciousobjects", "objectformat"};
    return git_libgit2_opts(GIT_OPT_SET_EXTENSIONS, names, (size_t)4);
}

#endif
