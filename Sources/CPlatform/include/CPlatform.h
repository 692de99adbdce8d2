// Linux calls that Swift's Glibc module hides behind _GNU_SOURCE.
#ifndef GITML_CPLATFORM_H
#define GITML_CPLATFORM_H

#include "CForward.h"

#include <spawn.h>
#include <sys/types.h>

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

/// fork(2), for a process that has one thread.
pid_t gitml_fork(void);

/// prctl(PR_SET_PDEATHSIG, SIGKILL): this process does not outlive the one that made it.
int gitml_end_with_parent(void);

/// Sends an open descriptor over a socket of AF_UNIX; -1 with errno.
int gitml_send_descriptor(int channel, int descriptor);

/// Waits for one; -1 when the other side is gone.
int gitml_receive_descriptor(int channel);

/// sched_getaffinity(2): how many processors this thread may run on; -1 where that cannot be said.
int gitml_processor_count(void);

#endif
