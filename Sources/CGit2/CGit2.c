// Debian's libgit2 decodes all certificates of the system as it starts, 5 ms of processor for every command, to be ready for
// a network that we never let it onto (transfers of Git are git's). It asks mbed TLS to do so, and the loader finds this first.
// The number is MBEDTLS_ERR_X509_FILE_IO_ERROR; libgit2 then starts without certificates, and would trust nobody.
int mbedtls_x509_crt_parse_file(void *chain, const char *path);
int mbedtls_x509_crt_parse_file(void *chain, const char *path) {
    (void)chain;
    (void)path;
    return -0x2900;
}
