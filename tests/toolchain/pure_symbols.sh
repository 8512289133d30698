#!/bin/sh
# pure_symbols.sh ARCHIVE...   fails when a pure library asks for a socket, file, clock or thread.
# Reads what the archives leave undefined; names are those of libc and libstdc++.
set -eu
[ $# -gt 0 ] || { echo "usage: $0 ARCHIVE..." >&2; exit 2; }

libc='socket|socketpair|connect|bind|listen|accept4?|send(to|msg)?|recv(from|msg)?|getaddrinfo'
libc="$libc|open(at)?(64)?|creat|f?open(64)?|fdopen|freopen|read|pread(64)?|write|pwrite(64)?|mmap(64)?"
libc="$libc|f?l?stat(64)?|unlink|rename|mkdir|opendir|readdir(64)?|poll|ppoll|select|epoll_[a-z]+"
libc="$libc|time|clock|clock_gettime|gettimeofday|localtime(_r)?|nanosleep|usleep|sleep"
libc="$libc|getenv|secure_getenv|setenv|getrandom|arc4random|random|rand|fork|vfork|exec[lv]p?e?|system"
libc="$libc|pthread_create|syslog|puts|printf|__printf_chk|dlopen"
cxx='std::chrono::.*clock::now|std::basic_[io]?f(ile)?(stream|buf)|std::random_device|std::thread'
cxx="$cxx|std::filesystem::|std::cout|std::cerr|std::clog"

found=0
for archive in "$@"; do
  symbols=$(nm --undefined-only --demangle "$archive" | sed -n 's/^ *U //p' | sort -u)
  [ -n "$symbols" ] || { echo "$archive: no undefined symbols at all: not an archive of ours" >&2; exit 2; }
  if hits=$(printf '%s\n' "$symbols" | grep -E "^($libc)(@.*)?$|$cxx"); then
    echo "$archive must be pure and asks for:" >&2
    printf '%s\n' "$hits" | sed 's/^/  /' >&2
    found=1
  fi
done
exit $found
