/* Writes down what a process does to the files under $RECORDED: one record a call in $RECORDING, in order, so that the
 * states that a power cut may leave can be made from it. A record: kind, two numbers, the length of a text, the text.
 *   O path    a file came to be (open with O_CREAT where there was none)
 *   W path    bytes at an offset, followed by them        T path    truncated to a length
 *   S path    fsync or fdatasync of a file or a folder    R path\0new renamed
 *   U path    unlinked                                    M path    folder made
 *   A text    an acknowledgement: write(2) to descriptor $ACKNOWLEDGING
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#define REAL(name) ((__typeof__(name) *)dlsym(RTLD_NEXT, #name))

static pthread_mutex_t order = PTHREAD_MUTEX_INITIALIZER;
static int log_fd = -1;

static int ours(const char *path) {
    const char *under = getenv("RECORDED");
    return under && strncmp(path, under, strlen(under)) == 0;
}

static int path_of(int fd, char *path) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, PATH_MAX - 1);
    if (n < 0) return 0;
    path[n] = 0;
    return ours(path);
}

static void whole(const void *data, size_t count) {
    if (REAL(write)(log_fd, data, count) != (ssize_t)count) abort();
}

static void say(char kind, const char *text, size_t length, off64_t at, const void *data, size_t count) {
    char head[80];
    if (log_fd < 0) log_fd = REAL(open)(getenv("RECORDING"), O_WRONLY | O_CREAT | O_APPEND, 0600);
    int n = snprintf(head, sizeof head, "%c %lld %zu %zu\n", kind, (long long)at, count, length);
    whole(head, n);
    whole(text, length);
    if (data) whole(data, count);
}

#define LOGGED(call, ...) \
    pthread_mutex_lock(&order); \
    __typeof__(call) done = call; \
    if (done >= 0) { __VA_ARGS__; } \
    pthread_mutex_unlock(&order); \
    return done;

static int opened(int (*real)(const char *, int, ...), const char *path, int flags, mode_t mode) {
    char full[PATH_MAX];
    struct stat was;
    int fresh = (flags & O_CREAT) && ours(path) && stat(path, &was) != 0;
    int cut = (flags & O_TRUNC) && ours(path) && !fresh;
    (void)full;
    LOGGED(real(path, flags, mode), if (fresh) say('O', path, strlen(path), 0, NULL, 0);
           if (cut) say('T', path, strlen(path), 0, NULL, 0))
}

int open(const char *path, int flags, ...) {
    va_list more; va_start(more, flags); mode_t mode = va_arg(more, mode_t); va_end(more);
    return opened(REAL(open), path, flags, mode);
}

int open64(const char *path, int flags, ...) {
    va_list more; va_start(more, flags); mode_t mode = va_arg(more, mode_t); va_end(more);
    return opened(REAL(open64), path, flags, mode);
}

ssize_t pwrite64(int fd, const void *data, size_t count, off64_t at) {
    char path[PATH_MAX];
    if (!path_of(fd, path)) return REAL(pwrite64)(fd, data, count, at);
    LOGGED(REAL(pwrite64)(fd, data, count, at), say('W', path, strlen(path), at, data, done))
}

ssize_t write(int fd, const void *data, size_t count) {
    char path[PATH_MAX];
    const char *ack = getenv("ACKNOWLEDGING");
    if (ack && fd == atoi(ack)) { LOGGED(REAL(write)(fd, data, count), say('A', data, done, 0, NULL, 0)) }
    if (!path_of(fd, path)) return REAL(write)(fd, data, count);
    off64_t at = lseek64(fd, 0, SEEK_CUR);
    LOGGED(REAL(write)(fd, data, count), say('W', path, strlen(path), at, data, done))
}

#define ON_FD(name, kind, number, list, ...) \
    int name list { \
        char path[PATH_MAX]; \
        if (!path_of(fd, path)) return REAL(name)(__VA_ARGS__); \
        LOGGED(REAL(name)(__VA_ARGS__), say(kind, path, strlen(path), number, NULL, 0)) \
    }

ON_FD(fsync, 'S', 0, (int fd), fd)
ON_FD(fdatasync, 'S', 0, (int fd), fd)
ON_FD(ftruncate, 'T', length, (int fd, off_t length), fd, length)
ON_FD(ftruncate64, 'T', length, (int fd, off64_t length), fd, length)

#define ON_PATH(name, kind, list, ...) \
    int name list { \
        if (!ours(path)) return REAL(name)(__VA_ARGS__); \
        LOGGED(REAL(name)(__VA_ARGS__), say(kind, path, strlen(path), 0, NULL, 0)) \
    }

ON_PATH(unlink, 'U', (const char *path), path)
ON_PATH(mkdir, 'M', (const char *path, mode_t mode), path, mode)

int rename(const char *path, const char *to) {
    char both[2 * PATH_MAX];
    if (!ours(path)) return REAL(rename)(path, to);
    size_t first = strlen(path) + 1, second = strlen(to);
    memcpy(both, path, first);
    memcpy(both + first, to, second);
    LOGGED(REAL(rename)(path, to), say('R', both, first + second, 0, NULL, 0))
}
