// libcurl, with typed inline shims for its variadic calls.
#ifndef GITML_CCURL_H
#define GITML_CCURL_H

#include <curl/curl.h>

typedef size_t (*gitml_transfer)(char *data, size_t size, size_t count, void *context);

static inline CURLcode gitml_curl_text(CURL *h, CURLoption o, const char *v) { return curl_easy_setopt(h, o, v); }
static inline CURLcode gitml_curl_number(CURL *h, CURLoption o, long v) { return curl_easy_setopt(h, o, v); }
static inline CURLcode gitml_curl_large(CURL *h, CURLoption o, curl_off_t v) { return curl_easy_setopt(h, o, v); }
static inline CURLcode gitml_curl_pointer(CURL *h, CURLoption o, void *v) { return curl_easy_setopt(h, o, v); }
static inline CURLcode gitml_curl_function(CURL *h, CURLoption o, gitml_transfer v) { return curl_easy_setopt(h, o, v); }
// A macro that Swift does not see.
static const long gitml_curl_digest = (long)CURLAUTH_DIGEST;
typedef int (*gitml_seek)(void *context, curl_off_t offset, int origin);
static inline CURLcode gitml_curl_seek(CURL *h, gitml_seek v) { return curl_easy_setopt(h, CURLOPT_SEEKFUNCTION, v); }
static inline CURLcode gitml_curl_status(CURL *h, long *status) {
    return curl_easy_getinfo(h, CURLINFO_RESPONSE_CODE, status);
}
static inline CURLcode gitml_curl_length(CURL *h, curl_off_t *length) {
    return curl_easy_getinfo(h, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, length);
}

#endif
