#define CURL_DISABLE_TYPECHECK
#include "CCurl.h"

#include <CForward.h>
#include <stdarg.h>
#undef curl_easy_setopt
#undef curl_easy_getinfo

#define CURL_FUNCTION(...) GITML_FORWARD("libcurl.so.4", "libcurl4", __VA_ARGS__)
CURL_FUNCTION(CURLcode, curl_global_init, (long flags), (flags))
CURL_FUNCTION(CURL *, curl_easy_init, (void), ())
CURL_FUNCTION(void, curl_easy_cleanup, (CURL *h), (h))
CURL_FUNCTION(void, curl_easy_reset, (CURL *h), (h))
CURL_FUNCTION(CURLcode, curl_easy_perform, (CURL *h), (h))
CURL_FUNCTION(const char *, curl_easy_strerror, (CURLcode code), (code))
CURL_FUNCTION(struct curl_slist *, curl_slist_append, (struct curl_slist *l, const char *text), (l, text))
CURL_FUNCTION(void, curl_slist_free_all, (struct curl_slist *l), (l))

// The variadic two take one argument each, of one machine word: a long, a pointer, or a curl_off_t.
_Static_assert(sizeof(long) == sizeof(void *) && sizeof(curl_off_t) == sizeof(void *), "one word each");

#define CURL_VARIADIC(name, Option)                                                              \
    __attribute__((visibility("hidden"))) CURLcode name(CURL *h, Option option, ...) {           \
        va_list list;                                                                            \
        va_start(list, option);                                                                  \
        void *value = va_arg(list, void *);                                                      \
        va_end(list);                                                                            \
        return GITML_FOUND("libcurl.so.4", "libcurl4", name)(h, option, value);                  \
    }
CURL_VARIADIC(curl_easy_setopt, CURLoption)
CURL_VARIADIC(curl_easy_getinfo, CURLINFO)
