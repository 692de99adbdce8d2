// Functions of a shared library that is loaded when the first of them is called.
//
// A program names in its file the libraries that the loader must map before it starts: with libcurl and what that needs
// it would be 40, 12 ms of processor for every command, most of which neither transfer, nor pack, nor multiply.
#ifndef GITML_CFORWARD_H
#define GITML_CFORWARD_H

/// The function `name` of the library `soname`, by dlopen(3) and dlsym(3). Where it is not installed, this says which Debian
/// package has it and ends the program with 128, as the loader would have ended it at the start.
void *gitml_function(const char *soname, const char *package, const char *name);

/// That function with its header's type, looked for once.
#define GITML_FOUND(soname, package, name)                                                       \
    __extension__({                                                                              \
        static __typeof__(&name) found;                                                          \
        __typeof__(&name) function = __atomic_load_n(&found, __ATOMIC_ACQUIRE);                  \
        if (function == 0) {                                                                     \
            function = (__typeof__(&name))gitml_function(soname, package, #name);                \
            __atomic_store_n(&found, function, __ATOMIC_RELEASE);                                \
        }                                                                                        \
        function;                                                                                \
    })

/// Defines `name`, whose header has been included, to call the library's: a call that does not fit the header does not compile.
#define GITML_FORWARD(soname, package, result, name, parameters, arguments)                      \
    __attribute__((visibility("hidden"))) result name parameters {                               \
        return GITML_FOUND(soname, package, name) arguments;                                     \
    }

#endif
