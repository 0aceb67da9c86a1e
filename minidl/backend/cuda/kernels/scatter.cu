// y[place] = f(y[place], value), where a place may be named more than once, for every number type.
#include <cuda_fp16.h>

template <class T> struct Add { static __device__ T of(T a, T b) { return a + b; } };
template <> struct Add<bool> { static __device__ bool of(bool a, bool b) { return a || b; } };
template <> struct Add<half> { static __device__ half of(half a, half b) { return __float2half(__half2float(a) + __half2float(b)); } };

template <class T> struct Multiply { static __device__ T of(T a, T b) { return a * b; } };
template <> struct Multiply<bool> { static __device__ bool of(bool a, bool b) { return a && b; } };
template <> struct Multiply<half> { static __device__ half of(half a, half b) { return __float2half(__half2float(a) * __half2float(b)); } };

// A NaN stays, as in NumPy.
template <class T> __device__ bool larger(T a, T b) { return a > b || a != a; }
template <> __device__ bool larger(half a, half b) { return larger(__half2float(a), __half2float(b)); }
template <class T> __device__ bool smaller(T a, T b) { return a < b || a != a; }
template <> __device__ bool smaller(half a, half b) { return smaller(__half2float(a), __half2float(b)); }
template <class T> struct Maximum { static __device__ T of(T a, T b) { return larger(a, b) ? a : b; } };
template <class T> struct Minimum { static __device__ T of(T a, T b) { return smaller(a, b) ? a : b; } };

template <int bytes> struct Word { typedef unsigned int type; };
template <> struct Word<8> { typedef unsigned long long type; };

// Compare and exchange the 32-bit or 64-bit word that the place is in, until nobody has written in between.
template <class T, template <class> class F> __device__ void update(T *place, T value) {
    typedef typename Word<sizeof(T)>::type W;
    unsigned long long address = (unsigned long long)place, inside = address % sizeof(W);
    W *word = (W *)(address - inside), before = *word, seen;
    do {
        seen = before;
        W after = seen;
        T *part = (T *)((char *)&after + inside);
        *part = F<T>::of(*part, value);
        if (after == seen) return;
        before = atomicCAS(word, seen, after);
    } while (before != seen);
}

template <class T> struct AtomicAdd { static __device__ void at(T *place, T value) { update<T, Add>(place, value); } };
template <> struct AtomicAdd<float> { static __device__ void at(float *place, float value) { atomicAdd(place, value); } };
template <> struct AtomicAdd<double> { static __device__ void at(double *place, double value) { atomicAdd(place, value); } };
template <> struct AtomicAdd<int> { static __device__ void at(int *place, int value) { atomicAdd(place, value); } };
template <class T> struct AtomicMultiply { static __device__ void at(T *place, T value) { update<T, Multiply>(place, value); } };
template <class T> struct AtomicMaximum { static __device__ void at(T *place, T value) { update<T, Maximum>(place, value); } };
template <class T> struct AtomicMinimum { static __device__ void at(T *place, T value) { update<T, Minimum>(place, value); } };

// Row k of `values` goes to row places[k] of y, which has `length` rows of `width` elements.
template <class T, template <class> class Atomic>
__device__ void scatter(long long size, T *y, const long long *places, const T *values, long long length, long long width) {
    for (long long i = blockIdx.x * (long long)blockDim.x + threadIdx.x; i < size; i += gridDim.x * (long long)blockDim.x) {
        long long row = places[i / width];
        if (row < 0) row += length;
        if (row >= 0 && row < length) Atomic<T>::at(y + row * width + i % width, values[i]);   // else an assertion fails
    }
}

#define SCATTER(name, Atomic)                                                                                    \
    template <class T> __global__ void name(long long size, T *y, const long long *places, const T *values,      \
                                            long long length, long long width) {                                 \
        scatter<T, Atomic>(size, y, places, values, length, width);                                              \
    }
SCATTER(scatter_add, AtomicAdd)
SCATTER(scatter_multiply, AtomicMultiply)
SCATTER(scatter_maximum, AtomicMaximum)
SCATTER(scatter_minimum, AtomicMinimum)
