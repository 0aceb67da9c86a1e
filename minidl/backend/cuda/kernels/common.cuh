// What the kernels here share. `module.py` puts this text in the place of its #include.
#include <cuda_fp16.h>

// The type in which sums of T are taken.
template <class T> struct Wider { typedef float type; };
template <> struct Wider<double> { typedef double type; };

#define ALL 0xffffffffu

template <class W> __device__ W sum_of_warp(W value) {
    for (int other = 16; other; other >>= 1) value += __shfl_xor_sync(ALL, value, other);
    return value;
}

// The block has one axis, of whole warps; every thread gets the sum.
template <class W> __device__ W sum_of_block(W value) {
    __shared__ W parts[32];
    value = sum_of_warp(value);
    __syncthreads();
    if (threadIdx.x % 32 == 0) parts[threadIdx.x / 32] = value;
    __syncthreads();
    value = W(0);
    for (unsigned i = 0; i < blockDim.x / 32; i++) value += parts[i];
    return value;
}

#define EACH(i, size) for (long long i = blockIdx.x * (long long)blockDim.x + threadIdx.x; i < size; i += gridDim.x * (long long)blockDim.x)
