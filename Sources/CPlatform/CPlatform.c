#define _GNU_SOURCE
#include "CPlatform.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

int gitml_pipe_cloexec(int ends[2]) { return pipe2(ends, O_CLOEXEC); }

int gitml_socketpair_cloexec(int ends[2]) { return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends); }

int gitml_spawn_addchdir(posix_spawn_file_actions_t *actions, const char *path) {
    return posix_spawn_file_actions_addchdir_np(actions, path);
}

int gitml_reflink(int target, int source) { return ioctl(target, FICLONE, source); }

int gitml_begin_flush(int file, long long offset, long long length) {
    return sync_file_range(file, offset, length, SYNC_FILE_RANGE_WRITE);
}
