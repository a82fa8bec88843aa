/* A disk that fails: for as long as the file $FAILING_DISK exists, its content names the call that gives EIO. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static int fails(const char *call) {
    const char *path = getenv("FAILING_DISK");
    char named[16] = {0};
    int (*open_)(const char *, int, ...) = dlsym(RTLD_NEXT, "open");
    int fd = path ? open_(path, O_RDONLY) : -1;
    if (fd < 0) return 0;
    ssize_t n = read(fd, named, sizeof named - 1);
    close(fd);
    return n > 0 && strncmp(named, call, strlen(call)) == 0;
}

int fsync(int fd) {
    int (*real)(int) = dlsym(RTLD_NEXT, "fsync");
    if (fails("sync")) { errno = EIO; return -1; }
    return real(fd);
}

int fdatasync(int fd) {
    int (*real)(int) = dlsym(RTLD_NEXT, "fdatasync");
    if (fails("sync")) { errno = EIO; return -1; }
    return real(fd);
}

ssize_t pwrite64(int fd, const void *data, size_t count, off64_t at) {
    ssize_t (*real)(int, const void *, size_t, off64_t) = dlsym(RTLD_NEXT, "pwrite64");
    if (fails("pwrite")) { errno = EIO; return -1; }
    return real(fd, data, count, at);
}
