// Linux calls that Swift's Glibc module hides behind _GNU_SOURCE.
#ifndef GITML_CPLATFORM_H
#define GITML_CPLATFORM_H

#include <spawn.h>

/// pipe2(2) with O_CLOEXEC.
int gitml_pipe_cloexec(int ends[2]);

/// socketpair(2), AF_UNIX, SOCK_STREAM, with SOCK_CLOEXEC.
int gitml_socketpair_cloexec(int ends[2]);

/// posix_spawn_file_actions_addchdir_np(3).
int gitml_spawn_addchdir(posix_spawn_file_actions_t *actions, const char *path);

/// ioctl(FICLONE): shares the blocks of `source` where the file system can; -1 where it cannot.
int gitml_reflink(int target, int source);

/// sync_file_range(2) with SYNC_FILE_RANGE_WRITE: starts writing a range to disk, waits for nothing.
int gitml_begin_flush(int file, long long offset, long long length);

#endif
