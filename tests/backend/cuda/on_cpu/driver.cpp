// The part of the CUDA driver that launches kernels, for "cubins" that are shared objects made by g++.
#include <dlfcn.h>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <mutex>
#include <string>
#include <vector>

struct EmuLaunch { unsigned gx, gy, gz, bx, by, bz, shared; };
typedef void (*EmuKernel)(const EmuLaunch *, void **);
struct EmuFunction { EmuKernel call; int (*sizes)(size_t *); std::string name; };
struct EmuNode {                                  // a launch that was captured, with a copy of its arguments
    EmuFunction *function;
    EmuLaunch how;
    std::vector<std::vector<char>> values;
};

static std::mutex one_at_a_time;
static void (*observer)(const char *, const EmuLaunch *);
static bool dry;
static thread_local int current_device, capture_mode;
static int (*is_captured)(void *);
static void (*record)(void *, EmuNode *);
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
// a call of Python's that may fail: it returns minus the number of the error
static intptr_t (*call)(int, intptr_t, intptr_t, intptr_t, intptr_t, intptr_t);
void emu_calls_are(intptr_t (*function)(int, intptr_t, intptr_t, intptr_t, intptr_t, intptr_t)) { call = function; }
static void *none_or_raise(intptr_t status) {
    if (status < 0) { raise(-status); return nullptr; }
    ++*none;
    return none;
}
void *emu_device_synchronize(int) { return none_or_raise(call(0, 0, 0, 0, 0, 0)); }
void *emu_stream_synchronize(intptr_t stream, int) { return none_or_raise(call(1, stream, 0, 0, 0, 0)); }
void *emu_event_synchronize(intptr_t, int) { return none_or_raise(call(0, 0, 0, 0, 0, 0)); }
void *emu_memcpy(intptr_t to, intptr_t from, size_t size, int kind, int) { return none_or_raise(call(2, to, from, size, kind, 0)); }
void *emu_memcpy_async(intptr_t to, intptr_t from, size_t size, int kind, intptr_t stream, int) {
    return none_or_raise(call(3, to, from, size, kind, stream));
}
struct EmuMode { int given, mode; };
void *emu_begin_capture(intptr_t stream, int, EmuMode *mode) { return none_or_raise(call(4, stream, mode && mode->given ? mode->mode : 2, 0, 0, 0)); }
intptr_t emu_end_capture(intptr_t stream, int) {
    intptr_t graph = call(5, stream, 0, 0, 0, 0);
    if (graph < 0) raise(-graph);
    return graph < 0 ? 0 : graph;
}
void emu_captured_by(int (*asks)(void *), void (*keeps)(void *, EmuNode *)) { is_captured = asks; record = keeps; }
int emu_thread_mode() { return capture_mode; }
int cuThreadExchangeStreamCaptureMode(int *mode) { std::swap(*mode, capture_mode); return 0; }
void emu_run(EmuNode *node) {
    if (dry) return;
    std::lock_guard<std::mutex> lock(one_at_a_time);
    std::vector<void *> args;
    for (auto &value : node->values) args.push_back(value.data());
    node->function->call(&node->how, args.data());
}
void *emu_set_device_or_raise(int device, int) {
    if (device < 0 || device >= devices) { raise(101); return nullptr; }        // cudaErrorInvalidDevice
    current_device = device;
    ++*none;
    return none;
}
intptr_t emu_malloc_or_raise(size_t size, int) {
    intptr_t p = allocate(size);
    if (p <= 0) raise(p ? -p : 2);                                                // cudaErrorMemoryAllocation
    return p < 0 ? 0 : p;
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
    if (dry) { *f = new EmuFunction{nullptr, nullptr, name}; return 0; }
    void *p = dlsym(m, (std::string("emu_kernel_") + name).c_str()), *sizes = dlsym(m, (std::string("emu_sizes_") + name).c_str());
    if (!p || !sizes) return 500;
    *f = new EmuFunction{(EmuKernel)p, (int (*)(size_t *))sizes, name};
    return 0;
}
int cuModuleGetGlobal_v2(void **p, size_t *bytes, void *m, const char *name) {
    *p = dlsym(m, name);
    if (bytes) *bytes = 0;
    return *p ? 0 : 500;
}
int cuModuleGetGlobal(void **p, size_t *bytes, void *m, const char *name) { return cuModuleGetGlobal_v2(p, bytes, m, name); }
int cuLaunchKernel(void *f, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz, unsigned shared,
                   void *stream, void **args, void **) {
    if (!gx || !gy || !gz || !bx || !by || !bz || bx * by * bz > 1024 || gy > 65535 || gz > 65535 || bz > 64 || shared > 232448) return 1;
    EmuLaunch l{gx, gy, gz, bx, by, bz, shared};
    EmuFunction *fn = (EmuFunction *)f;
    if (is_captured && is_captured(stream)) {
        size_t sizes[64];
        EmuNode *node = new EmuNode{fn, l, {}};
        for (int i = 0, n = dry ? 0 : fn->sizes(sizes); i < n; i++) node->values.emplace_back((char *)args[i], (char *)args[i] + sizes[i]);
        record(stream, node);
        return 0;
    }
    std::lock_guard<std::mutex> lock(one_at_a_time);
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
int cuGetExportTable(const void **table, const void *) { *table = nullptr; return 500; }     // NVIDIA's compiler asks for it
}
