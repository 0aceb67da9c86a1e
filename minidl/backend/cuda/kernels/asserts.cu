// What must hold of values that the host does not see. A kernel that finds one that is wrong writes a number into a
// word of the host's memory: which assertion it is, and, in the low 40 bits, the value. The first one stays.

__device__ void report(volatile long long *word, long long number, long long value) {
    if (*word == 0) *word = number << 40 | (value & 0xffffffffffLL);
}

template <class T>
__global__ void assert_in_range(long long size, const T *x, long long least, long long end, long long allowed,
                                long long number, volatile long long *word) {
    for (long long i = blockIdx.x * (long long)blockDim.x + threadIdx.x; i < size; i += gridDim.x * (long long)blockDim.x) {
        long long value = (long long)x[i];
        if ((value < least || value >= end) && value != allowed) report(word, number, value);
    }
}

template <class T>
__global__ void assert_none(long long size, const T *bad, long long number, volatile long long *word) {
    for (long long i = blockIdx.x * (long long)blockDim.x + threadIdx.x; i < size; i += gridDim.x * (long long)blockDim.x)
        if (bad[i]) report(word, number, i);
}
