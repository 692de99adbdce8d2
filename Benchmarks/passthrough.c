/* A filter process that does nothing: what git and its pipe cost by themselves (gitattributes, "long running filter
 * process", version 2). Every answer is its request's content. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char packet[65536];

/* The next packet's payload length; 0 for a flush; -1 at the end of the input. */
static int receive(void) {
    char digits[5] = {0};
    if (fread(digits, 1, 4, stdin) != 4) return -1;
    int length = (int)strtol(digits, NULL, 16);
    if (length <= 4) return 0;
    if (fread(packet, 1, (size_t)length - 4, stdin) != (size_t)length - 4) return -1;
    return length - 4;
}

static void send_packet(const char *bytes, size_t length) {
    printf("%04zx", length + 4);
    fwrite(bytes, 1, length, stdout);
}

static void line(const char *text) { send_packet(text, strlen(text)); }
static void flush(void) { fputs("0000", stdout); }

static int skip_list(void) {
    int length;
    while ((length = receive()) > 0) {}
    return length;
}

int main(void) {
    size_t room = 1 << 20, length = 0;
    char *content = malloc(room);
    skip_list();
    line("git-filter-server\n"), line("version=2\n"), flush(), fflush(stdout);
    skip_list();
    line("capability=clean\n"), line("capability=smudge\n"), flush(), fflush(stdout);
    while (skip_list() == 0) {
        int count;
        for (length = 0; (count = receive()) > 0; length += (size_t)count) {
            while (length + (size_t)count > room) content = realloc(content, room *= 2);
            memcpy(content + length, packet, (size_t)count);
        }
        line("status=success\n"), flush();
        for (size_t start = 0; start < length; start += 65516)
            send_packet(content + start, length - start < 65516 ? length - start : 65516);
        flush(), flush(), fflush(stdout);
    }
    return 0;
}
