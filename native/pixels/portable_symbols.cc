// What lets the small addon load where glibc is older, as native/runtime/portable_symbols.cc does for the
// other one: these moved into libc.so with glibc 2.34.
#include <dlfcn.h>

#if defined(__x86_64__)
#define OLDEST_GLIBC "GLIBC_2.2.5"
#elif defined(__aarch64__)
#define OLDEST_GLIBC "GLIBC_2.17"
#else
#error "Which version of glibc was this processor's first?"
#endif

__asm__(".symver old_dlopen, dlopen@" OLDEST_GLIBC);
__asm__(".symver old_dlerror, dlerror@" OLDEST_GLIBC);

extern "C" {

void* old_dlopen(const char*, int);
char* old_dlerror();

void* __wrap_dlopen(const char* path, int mode) { return old_dlopen(path, mode); }
char* __wrap_dlerror() { return old_dlerror(); }

}  // extern "C"
