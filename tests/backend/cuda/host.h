// What a kernel without barriers needs to be C++ on the CPU: its threads run one after the other.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>
using std::copysign; using std::exp; using std::fabs; using std::floor; using std::log; using std::sqrt; using std::cos;

#define __global__
#define __device__
#define __shared__ static
inline void __syncthreads() {}      // named by what common.cuh shares, and called by no kernel that runs here
template <class T> T __shfl_xor_sync(unsigned, T value, int) { return value; }

struct Index { unsigned x, y, z; };
static Index threadIdx, blockIdx, blockDim, gridDim;

template <class T> T exchange(T *place, T value) { T before = *place; *place = value; return before; }
inline float atomicAdd(float *place, float value) { return exchange(place, *place + value); }
inline double atomicAdd(double *place, double value) { return exchange(place, *place + value); }
inline int atomicAdd(int *place, int value) { return exchange(place, *place + value); }
template <class T> T atomicCAS(T *place, T expected, T value) { return exchange(place, *place == expected ? value : *place); }
inline unsigned long long __umul64hi(unsigned long long a, unsigned long long b) { return (unsigned __int128)a * b >> 64; }

struct half { _Float16 value; };
inline float __half2float(half h) { return (float)h.value; }
inline half __float2half(float f) { return {(_Float16)f}; }
inline bool operator>(half a, half b) { return a.value > b.value; }
inline bool operator<(half a, half b) { return a.value < b.value; }
inline bool operator!=(half a, half b) { return a.value != b.value; }

// Call a kernel for each thread of a grid; args[i] points to argument i.
template <class... Args, size_t... i>
void for_each_thread(void (*kernel)(Args...), unsigned blocks, unsigned threads, void **args, std::index_sequence<i...>) {
    gridDim = {blocks, 1, 1};
    blockDim = {threads, 1, 1};
    for (blockIdx.x = 0; blockIdx.x < blocks; blockIdx.x++)
        for (threadIdx.x = 0; threadIdx.x < threads; threadIdx.x++) kernel(*(Args *)args[i]...);
}
template <class... Args> void run(void (*kernel)(Args...), unsigned blocks, unsigned threads, void **args) {
    for_each_thread(kernel, blocks, threads, args, std::index_sequence_for<Args...>());
}
