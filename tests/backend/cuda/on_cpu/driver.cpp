// The part of the CUDA driver that launches kernels, for "cubins" that are shared objects made by g++.
#include <dlfcn.h>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <mutex>
#include <string>

struct EmuLaunch { unsigned gx, gy, gz, bx, by, bz, shared; };
typedef void (*EmuKernel)(const EmuLaunch *, void **);
struct EmuFunction { EmuKernel call; std::string name; };

static std::mutex one_at_a_time;
static void (*observer)(const char *, const EmuLaunch *);
static bool dry;
static thread_local int current_device;
static long *none;                                // Python's None; its count of references comes first

extern "C" {
void emu_dry(int on) { dry = on; }
void emu_none_is(void *object) { none = (long *)object; }
// what CuPy asks with every call, without a detour through Python
int emu_get_device(int) { return current_device; }
void emu_set_device(int device) { current_device = device; }
// errors: a callback in Python cannot raise through C, but these can
static void *error_type;
static int devices = 1;
static intptr_t (*allocate)(size_t);
void emu_errors_are(void *type, int n, intptr_t (*function)(size_t)) { error_type = type; devices = n; allocate = function; }
static void raise(long status) {
    auto make = (void *(*)(long))dlsym(RTLD_DEFAULT, "PyLong_FromLong");
    auto set = (void (*)(void *, void *))dlsym(RTLD_DEFAULT, "PyErr_SetObject");
    set(error_type, make(status));
}
void *emu_set_device_or_raise(int device, int) {
    if (device < 0 || device >= devices) { raise(101); return nullptr; }        // cudaErrorInvalidDevice
    current_device = device;
    ++*none;
    return none;
}
intptr_t emu_malloc_or_raise(size_t size, int) {
    intptr_t p = allocate(size);
    if (!p) raise(2);                                                             // cudaErrorMemoryAllocation
    return p;
}
void *emu_return_none() { ++*none; return none; }
int emu_ok() { return 0; }
void emu_observe(void (*f)(const char *, const EmuLaunch *)) { observer = f; }

int cuInit(unsigned) { return 0; }
int cuDriverGetVersion(int *v) { *v = 12090; return 0; }
int cuGetErrorName(int e, const char **s) { *s = e == 500 ? "CUDA_ERROR_NOT_FOUND" : e == 1 ? "CUDA_ERROR_INVALID_VALUE" : "CUDA_ERROR_UNKNOWN"; return 0; }
int cuGetErrorString(int e, const char **s) { return cuGetErrorName(e, s); }
int cuDevicePrimaryCtxRelease(int) { return 0; }
int cuDevicePrimaryCtxRelease_v2(int) { return 0; }
static int context;
int cuCtxGetCurrent(void **c) { *c = &context; return 0; }
int cuCtxSetCurrent(void *) { return 0; }
int cuCtxCreate_v2(void **c, unsigned, int) { *c = &context; return 0; }
int cuCtxCreate(void **c, unsigned, int) { *c = &context; return 0; }
int cuCtxDestroy(void *) { return 0; }
int cuCtxDestroy_v2(void *) { return 0; }
int cuCtxGetDevice(int *d) { *d = 0; return 0; }
int cuStreamGetCtx(void *, void **c) { *c = &context; return 0; }
int cuModuleLoad(void **m, const char *path) {
    if (dry) { *m = &context; return 0; }
    *m = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!*m) fprintf(stderr, "emulator: %s\n", dlerror());
    return *m ? 0 : 301;
}
int cuModuleLoadData(void **m, const void *image) {
    if (strncmp((const char *)image, "EMU:", 4)) return 200;
    return cuModuleLoad(m, (const char *)image + 4);
}
int cuModuleUnload(void *) { return 0; }
int cuModuleGetFunction(void **f, void *m, const char *name) {
    if (dry) { *f = new EmuFunction{nullptr, name}; return 0; }
    void *p = dlsym(m, (std::string("emu_kernel_") + name).c_str());
    if (!p) return 500;
    *f = new EmuFunction{(EmuKernel)p, name};
    return 0;
}
int cuModuleGetGlobal_v2(void **p, size_t *bytes, void *m, const char *name) {
    *p = dlsym(m, name);
    if (bytes) *bytes = 0;
    return *p ? 0 : 500;
}
int cuModuleGetGlobal(void **p, size_t *bytes, void *m, const char *name) { return cuModuleGetGlobal_v2(p, bytes, m, name); }
int cuLaunchKernel(void *f, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz, unsigned shared,
                   void *, void **args, void **) {
    if (!gx || !gy || !gz || !bx || !by || !bz || bx * by * bz > 1024 || gy > 65535 || gz > 65535 || bz > 64 || shared > 232448) return 1;
    std::lock_guard<std::mutex> lock(one_at_a_time);
    EmuLaunch l{gx, gy, gz, bx, by, bz, shared};
    EmuFunction *fn = (EmuFunction *)f;
    if (observer) observer(fn->name.c_str(), &l);
    if (dry) return 0;
    fn->call(&l, args);
    return 0;
}
int cuLaunchCooperativeKernel(void *f, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz, unsigned shared,
                              void *s, void **args) { return cuLaunchKernel(f, gx, gy, gz, bx, by, bz, shared, s, args, nullptr); }
int cuFuncGetAttribute(int *v, int a, void *) { *v = a == 0 ? 1024 : a == 4 ? 32 : a == 5 || a == 6 ? 90 : a == 8 ? 49152 : 0; return 0; }
int cuFuncSetAttribute(void *, int, int) { return 0; }
int cuOccupancyMaxActiveBlocksPerMultiprocessor(int *n, void *, int size, size_t) { *n = 2048 / (size ? size : 1); return 0; }
int cuOccupancyMaxPotentialBlockSize(int *grid, int *block, void *, void *, size_t, int limit) { *grid = 264; *block = limit ? limit : 1024; return 0; }
}
