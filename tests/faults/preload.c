// Faults on demand, for tests: a library to be preloaded (LD_PRELOAD) into a program whose files
// are to fail.
//
// Watched are files whose path begins with $KVREEL_FAULT_PATH. Every change of one (a write, a
// truncation, a rename, a link, an unlink) has a number, counted from 1 over the whole process:
//
//   KVREEL_FAULT_AT=N[,N...]  the changes at which something happens (without: nothing happens)
//   KVREEL_FAULT_EVERY=M      and every M-th change after the first of them
//   KVREEL_FAULT_DO=WHAT      what that is:
//       kill   SIGKILL in place of the change
//       torn   the part of a write up to the next page boundary, then SIGKILL
//       stop   SIGSTOP before the change, each time
//       hold   the change takes $KVREEL_FAULT_HOLD_MS longer, each time
//       ENOSPC, EDQUOT, EIO, EROFS   from the first number on, 0 being the beginning: this error
//              for whatever gives it on such a disk
//   KVREEL_FAULT_DELAY_US=T   every write takes so much longer
//   KVREEL_FAULT_LOG=FILE     every change that was made goes there (see struct record),
//   KVREEL_FAULT_DATA=1       with what was written
//   KVREEL_FAULT_REPORT=FILE  a line for every other file that is opened for writing
//       ("write PATH"; it is refused with EACCES, devices excepted), and for every socket
//       ("socket FAMILY"; it is made)
//
// Nothing here depends on how fast the machine is: a number of changes, not a time, says when.
#undef _FORTIFY_SOURCE    // whose headers define some of these functions themselves
#undef _FILE_OFFSET_BITS  // with which two of them would have one name
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum kind {
  kWrite = 1,
  kTruncate = 2,
  kRename = 3,
  kUnlink = 4,
  kLink = 5,
  kFlushed = 6,
  kHeld = 7
};

// A change in the log, little-endian, followed by the path, the other path of a rename or link, and
// the data. kFlushed: H5Fflush has returned. kHeld: a change was held back from `offset` on (its
// clock) until `time_ns`.
struct record {
  uint32_t kind;
  uint32_t path_bytes;
  uint32_t other_bytes;
  uint32_t reserved;
  uint64_t time_ns;     // CLOCK_MONOTONIC
  uint64_t offset;      // of a write; the length of a truncation
  uint64_t data_bytes;  // of a write
};

enum { kMostMoments = 16, kPage = 4096 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static const char* watched_prefix;
static uint64_t moments[kMostMoments];  // ascending
static int moment_count;
static unsigned long every;
static const char* fault = "";
static int fault_errno;  // 0: the fault is no error
static unsigned long delay_us;
static unsigned long hold_ms;
static int log_fd = -1;
static int log_data;
static int report_fd = -1;
static uint64_t changes;

// Descriptors beyond those that a program under test uses, so that what it opens keeps its numbers.
static int open_own(const char* variable) {
  const char* path = getenv(variable);
  if (path == NULL || *path == 0) return -1;
  const int low =
      (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  const int high = fcntl(low, F_DUPFD_CLOEXEC, 500);
  syscall(SYS_close, low);
  return high;
}

static unsigned long number_of(const char* variable) {
  const char* text = getenv(variable);
  return text == NULL ? 0 : strtoul(text, NULL, 10);
}

__attribute__((constructor)) static void begin(void) {
  watched_prefix = getenv("KVREEL_FAULT_PATH");
  const char* at = getenv("KVREEL_FAULT_AT");
  while (at != NULL && *at != 0 && moment_count < kMostMoments) {
    char* rest = NULL;
    moments[moment_count++] = strtoull(at, &rest, 10);
    at = *rest == ',' ? rest + 1 : "";
  }
  const char* what = getenv("KVREEL_FAULT_DO");
  if (what != NULL) fault = what;
  if (strcmp(fault, "ENOSPC") == 0) fault_errno = ENOSPC;
  if (strcmp(fault, "EDQUOT") == 0) fault_errno = EDQUOT;
  if (strcmp(fault, "EIO") == 0) fault_errno = EIO;
  if (strcmp(fault, "EROFS") == 0) fault_errno = EROFS;
  every = number_of("KVREEL_FAULT_EVERY");
  delay_us = number_of("KVREEL_FAULT_DELAY_US");
  log_data = number_of("KVREEL_FAULT_DATA") != 0;
  hold_ms = number_of("KVREEL_FAULT_HOLD_MS");
  log_fd = open_own("KVREEL_FAULT_LOG");
  report_fd = open_own("KVREEL_FAULT_REPORT");
}

static int is_watched(const char* path) {
  return watched_prefix != NULL && *watched_prefix != 0 &&
         strncmp(path, watched_prefix, strlen(watched_prefix)) == 0;
}

// The path under which a descriptor's file lies now, whatever it was opened as; "" where it is not
// watched.
static int watched_descriptor(int fd, char path[PATH_MAX]) {
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  const ssize_t length = syscall(SYS_readlinkat, AT_FDCWD, link, path, PATH_MAX - 1);
  path[length > 0 ? length : 0] = 0;
  return is_watched(path);
}

static uint64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void sleep_us(unsigned long us) {
  struct timespec time = {(time_t)(us / 1000000), (long)(us % 1000000) * 1000};
  while (nanosleep(&time, &time) != 0 && errno == EINTR) {
  }
}

static void put(int fd, const void* data, size_t bytes) {
  const char* at = data;
  while (bytes > 0) {
    const ssize_t done = syscall(SYS_write, fd, at, bytes);
    if (done <= 0) return;
    at += done;
    bytes -= (size_t)done;
  }
}

static void log_change(enum kind kind, const char* path, const char* other, uint64_t offset,
                       const void* data, size_t bytes) {
  if (log_fd < 0) return;
  const struct record record = {.kind = kind,
                                .path_bytes = (uint32_t)strlen(path),
                                .other_bytes = (uint32_t)strlen(other),
                                .time_ns = now_ns(),
                                .offset = offset,
                                .data_bytes = log_data ? bytes : 0};
  put(log_fd, &record, sizeof record);
  put(log_fd, path, record.path_bytes);
  put(log_fd, other, record.other_bytes);
  if (log_data) put(log_fd, data, bytes);
}

static void report(const char* what, const char* about) {
  char line[PATH_MAX + 32];
  const int length = snprintf(line, sizeof line, "%s %s\n", what, about);
  if (report_fd >= 0 && length > 0) put(report_fd, line, (size_t)length);
}

// Whether an error that holds from now on is what `kind` of change gives. A full disk still renames
// and removes.
static int fails(enum kind kind) {
  if (fault_errno == 0 || moment_count == 0 || changes < moments[0]) return 0;
  if (fault_errno == EROFS) return 1;
  return kind == kWrite || kind == kTruncate;
}

// Counts a change, with the mutex held; what happens before it happens here. Nonzero: it fails.
static int before_change(enum kind kind) {
  ++changes;
  int due = 0;
  for (int i = 0; i < moment_count; ++i) due = due || moments[i] == changes;
  if (every > 0 && moment_count > 0 && changes > moments[0]) {
    due = due || (changes - moments[0]) % every == 0;
  }
  if (due && strcmp(fault, "kill") == 0) kill(getpid(), SIGKILL);
  if (due && strcmp(fault, "torn") == 0 && kind != kWrite) kill(getpid(), SIGKILL);
  if (due && strcmp(fault, "stop") == 0) raise(SIGSTOP);
  if (due && strcmp(fault, "hold") == 0) {
    const uint64_t from = now_ns();
    sleep_us(hold_ms * 1000);
    log_change(kHeld, "", "", from, NULL, 0);
  }
  if (kind == kWrite && delay_us > 0) sleep_us(delay_us);
  if (!fails(kind)) return 0;
  errno = fault_errno;
  return 1;
}

static int is_torn_here(void) {
  return strcmp(fault, "torn") == 0 && moment_count > 0 && moments[0] == changes;
}

static ssize_t write_at(int fd, const void* data, size_t bytes, off_t offset, int positioned) {
  char path[PATH_MAX];
  if (!watched_descriptor(fd, path)) {
    return positioned ? syscall(SYS_pwrite64, fd, data, bytes, offset)
                      : syscall(SYS_write, fd, data, bytes);
  }
  pthread_mutex_lock(&mutex);
  if (!positioned) offset = (off_t)syscall(SYS_lseek, fd, 0, SEEK_CUR);
  ssize_t done = -1;
  if (before_change(kWrite) == 0) {
    size_t part = bytes;
    if (is_torn_here()) {
      const size_t page = (size_t)(kPage - offset % kPage);
      part = page < bytes ? page : 0;
    }
    done = positioned ? syscall(SYS_pwrite64, fd, data, part, offset)
                      : syscall(SYS_write, fd, data, part);
    if (done > 0) log_change(kWrite, path, "", (uint64_t)offset, data, (size_t)done);
    if (is_torn_here()) kill(getpid(), SIGKILL);
  }
  const int error = errno;
  pthread_mutex_unlock(&mutex);
  errno = error;
  return done;
}

ssize_t pwrite(int fd, const void* data, size_t bytes, off_t offset) {
  return write_at(fd, data, bytes, offset, 1);
}
ssize_t pwrite64(int fd, const void* data, size_t bytes, off64_t offset) {
  return write_at(fd, data, bytes, offset, 1);
}
ssize_t write(int fd, const void* data, size_t bytes) {
  return write_at(fd, data, bytes, 0, 0);
}

int ftruncate(int fd, off_t length) {
  char path[PATH_MAX];
  if (!watched_descriptor(fd, path)) return (int)syscall(SYS_ftruncate, fd, length);
  pthread_mutex_lock(&mutex);
  int status = -1;
  if (before_change(kTruncate) == 0) {
    status = (int)syscall(SYS_ftruncate, fd, length);
    if (status == 0) log_change(kTruncate, path, "", (uint64_t)length, NULL, 0);
  }
  const int error = errno;
  pthread_mutex_unlock(&mutex);
  errno = error;
  return status;
}
int ftruncate64(int fd, off64_t length) {
  return ftruncate(fd, length);
}

// A change of a directory's entries: `number` is the system call.
static int change_name(enum kind kind, const char* path, const char* other, long number,
                       unsigned flags) {
  if (!is_watched(path) && !is_watched(other)) {
    return number == SYS_unlink      ? (int)syscall(number, path)
           : number == SYS_renameat2 ? (int)syscall(number, AT_FDCWD, path, AT_FDCWD, other, flags)
                                     : (int)syscall(number, path, other);
  }
  pthread_mutex_lock(&mutex);
  int status = -1;
  if (before_change(kind) == 0) {
    status = number == SYS_unlink ? (int)syscall(number, path)
             : number == SYS_renameat2
                 ? (int)syscall(number, AT_FDCWD, path, AT_FDCWD, other, flags)
                 : (int)syscall(number, path, other);
    if (status == 0) log_change(kind, path, other, 0, NULL, 0);
  }
  const int error = errno;
  pthread_mutex_unlock(&mutex);
  errno = error;
  return status;
}

int rename(const char* from, const char* to) {
  return change_name(kRename, from, to, SYS_rename, 0);
}
int renameat2(int from_directory, const char* from, int to_directory, const char* to,
              unsigned flags) {
  (void)from_directory;  // paths under test are absolute
  (void)to_directory;
  return change_name(kRename, from, to, SYS_renameat2, flags);
}
int link(const char* from, const char* to) {
  return change_name(kLink, from, to, SYS_link, 0);
}
int unlink(const char* path) {
  return change_name(kUnlink, path, "", SYS_unlink, 0);
}

// Bringing to the disk changes nothing that a reader sees, but may be where an error is told.
static int sync_descriptor(int fd, long number) {
  char path[PATH_MAX];
  if (watched_descriptor(fd, path)) {
    pthread_mutex_lock(&mutex);
    const int failing = fault_errno == EIO && moment_count > 0 && changes >= moments[0];
    pthread_mutex_unlock(&mutex);
    if (failing) {
      errno = EIO;
      return -1;
    }
  }
  return (int)syscall(number, fd);
}
int fsync(int fd) {
  return sync_descriptor(fd, SYS_fsync);
}
int fdatasync(int fd) {
  return sync_descriptor(fd, SYS_fdatasync);
}

// Whether a file may be opened so. Nonzero: it may not, and errno says why.
static int refuses_open(const char* path, int flags) {
  const int writing = (flags & O_ACCMODE) != O_RDONLY || (flags & (O_CREAT | O_TRUNC)) != 0;
  if (!writing) return 0;
  if (is_watched(path)) {
    pthread_mutex_lock(&mutex);
    const int failing = fault_errno != 0 && fault_errno != EIO && moment_count > 0 &&
                        changes >= moments[0] && (fault_errno == EROFS || (flags & O_CREAT) != 0);
    pthread_mutex_unlock(&mutex);
    if (failing) errno = fault_errno;
    return failing;
  }
  if (report_fd < 0 || strncmp(path, "/dev/", 5) == 0 || strncmp(path, "/proc/self/", 11) == 0)
    return 0;
  report("write", path);
  errno = EACCES;
  return 1;
}

static int open_with(int directory, const char* path, int flags, mode_t mode) {
  if (refuses_open(path, flags)) return -1;
  return (int)syscall(SYS_openat, directory, path, flags, mode);
}

// The mode is there only where a file may be made.
#define MODE_OF(flags, last)                    \
  mode_t mode = 0;                              \
  if (((flags) & (O_CREAT | O_TMPFILE)) != 0) { \
    va_list rest;                               \
    va_start(rest, last);                       \
    mode = (mode_t)va_arg(rest, int);           \
    va_end(rest);                               \
  }

int open(const char* path, int flags, ...) {
  MODE_OF(flags, flags)
  return open_with(AT_FDCWD, path, flags, mode);
}
int open64(const char* path, int flags, ...) {
  MODE_OF(flags, flags)
  return open_with(AT_FDCWD, path, flags | O_LARGEFILE, mode);
}
int openat(int directory, const char* path, int flags, ...) {
  MODE_OF(flags, flags)
  return open_with(directory, path, flags, mode);
}
int openat64(int directory, const char* path, int flags, ...) {
  MODE_OF(flags, flags)
  return open_with(directory, path, flags | O_LARGEFILE, mode);
}
int creat(const char* path, mode_t mode) {
  return open_with(AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC, mode);
}
int creat64(const char* path, mode_t mode) {
  return creat(path, mode);
}
// What the two-argument forms become with _FORTIFY_SOURCE.
int __open_2(const char* path, int flags) {
  return open_with(AT_FDCWD, path, flags, 0);
}
int __open64_2(const char* path, int flags) {
  return open_with(AT_FDCWD, path, flags | O_LARGEFILE, 0);
}

static FILE* open_stream(const char* name, const char* path, const char* mode) {
  const int writing = strpbrk(mode, "wa+") != NULL;
  if (writing && refuses_open(path, O_WRONLY | O_CREAT)) return NULL;
  FILE* (*real)(const char*, const char*) = NULL;
  *(void**)&real = dlsym(RTLD_NEXT, name);
  return real(path, mode);
}
FILE* fopen(const char* path, const char* mode) {
  return open_stream("fopen", path, mode);
}
FILE* fopen64(const char* path, const char* mode) {
  return open_stream("fopen64", path, mode);
}

int socket(int family, int type, int protocol) {
  char text[16];
  snprintf(text, sizeof text, "%d", family);
  report("socket", text);
  return (int)syscall(SYS_socket, family, type, protocol);
}

// A commit of a trace ends with this call: what it has flushed must never be lost again.
int H5Fflush(int64_t object, int scope) {
  int (*real)(int64_t, int) = NULL;
  *(void**)&real = dlsym(RTLD_NEXT, "H5Fflush");
  const int status = real(object, scope);
  if (status >= 0) {
    pthread_mutex_lock(&mutex);
    log_change(kFlushed, "", "", 0, NULL, 0);
    pthread_mutex_unlock(&mutex);
  }
  return status;
}
