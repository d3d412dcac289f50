// hello_without_libc: the same without a C library, so without a heap and without libraries. Only
// x86-64 and arm64 system calls are spelt out.
#define SYS_read_x86_64 0
#define SYS_write_x86_64 1
#define SYS_exit_x86_64 60
#define SYS_read_aarch64 63
#define SYS_write_aarch64 64
#define SYS_exit_aarch64 93

#if defined(__x86_64__)
#define NUMBER(name) SYS_##name##_x86_64
static long system_call(long number, long a, long b, long c) {
  long result;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(number), "D"(a), "S"(b), "d"(c)
                   : "rcx", "r11", "memory");
  return result;
}
#elif defined(__aarch64__)
#define NUMBER(name) SYS_##name##_aarch64
static long system_call(long number, long a, long b, long c) {
  register long x8 __asm__("x8") = number;
  register long x0 __asm__("x0") = a;
  register long x1 __asm__("x1") = b;
  register long x2 __asm__("x2") = c;
  __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2) : "memory");
  return x0;
}
#endif

static char data[64 * 1024] = "world";
static char bss[64 * 1024];

void _start(void) {
  for (unsigned at = 0; at < sizeof data; at += 4096) {
    *(volatile char*)(data + at) = 1;
    *(volatile char*)(bss + at) = 1;
  }
  system_call(NUMBER(write), 1, (long)"hello\n", 6);
  system_call(NUMBER(read), 0, (long)bss, 1);
  system_call(NUMBER(exit), 0, 0, 0);
}
