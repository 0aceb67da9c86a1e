// Normalisation. x is seen as A x B x C elements, row by row; group b holds those with the middle index b: A rows of C.
// The weight of an element at `place` is w[place / inner % channels]. A block works on one group.
#include "common.cuh"

#define OF_GROUP(place)                                                                                             \
    for (long long i = threadIdx.x, place; i < (long long)A * C && (place = (i / C * B + blockIdx.x) * C + i % C, true); \
         i += blockDim.x)

// Statistics of type R that are moved towards those of the batch, with the unbiased variance.
template <class R> struct Running {
    R *mean, *variance;
    long long *batches;
    double momentum;
    template <class W> __device__ void move(R *old, W value) {
        W a = W(*old), w = W(momentum);
        *old = R(w < W(0.5) && w > W(-0.5) ? a + w * (value - a) : value - (1 - w) * (value - a));
    }
};

template <class T, class W, class R>
__global__ void normalize(const T *x, const T *w, const T *b, T *y, W *means, W *variances, long long A, long long B,
                          long long C, long long inner, long long channels, double eps, Running<R> running) {
    long long count = A * C;
    W sum = W(0), squares = W(0);
    OF_GROUP(place) sum += W(x[place]);
    W mean = sum_of_block(sum) / W(count);
    OF_GROUP(place) { W d = W(x[place]) - mean; squares += d * d; }
    W variance = sum_of_block(squares) / W(count), rstd = W(1) / sqrt(variance + W(eps));
    OF_GROUP(place) {
        W z = (W(x[place]) - mean) * rstd;
        long long channel = place / inner % channels;
        if (w) z *= W(w[channel]);
        if (b) z += W(b[channel]);
        y[place] = T(z);
    }
    if (threadIdx.x) return;
    means[blockIdx.x] = mean;
    variances[blockIdx.x] = variance;
    if (running.batches && !blockIdx.x) ++*running.batches;
    if (running.mean) running.move(running.mean + blockIdx.x, mean);
    if (running.variance) running.move(running.variance + blockIdx.x, variance * W(count) / W(count > 1 ? count - 1 : 1));
}

// gx, and the sums of g z and of g over each group
template <class T, class W>
__global__ void normalize_grad(const T *g, const T *x, const T *w, const W *means, const W *variances, T *gx, T *gw, T *gb,
                               long long A, long long B, long long C, long long inner, long long channels, double eps) {
    W mean = means[blockIdx.x], rstd = W(1) / sqrt(variances[blockIdx.x] + W(eps));
    W sum = W(0), sum_z = W(0), sum_h = W(0), sum_hz = W(0);
    OF_GROUP(place) {
        W z = (W(x[place]) - mean) * rstd, gy = W(g[place]), h = w ? gy * W(w[place / inner % channels]) : gy;
        sum += gy, sum_z += gy * z, sum_h += h, sum_hz += h * z;
    }
    if (gw) {
        sum = sum_of_block(sum);
        sum_z = sum_of_block(sum_z);
        if (!threadIdx.x) gw[blockIdx.x] = T(sum_z), gb[blockIdx.x] = T(sum);
    }
    W mean_h = sum_of_block(sum_h) / W(A * C), mean_hz = sum_of_block(sum_hz) / W(A * C);
    OF_GROUP(place) {
        W z = (W(x[place]) - mean) * rstd, gy = W(g[place]), h = w ? gy * W(w[place / inner % channels]) : gy;
        gx[place] = T((h - mean_h - z * mean_hz) * rstd);
    }
}

// The sums of g z and of g over all elements of a channel, where a group is a row of C elements. Blocks have 32 columns,
// each for `inner` = 1 a channel, else all for the channel of the block, and 32 rows.
template <class T, class W>
__global__ void weight_grad(const T *g, const T *x, const W *means, const W *variances, T *gw, T *gb, long long size,
                            long long C, long long inner, long long channels, double eps) {
    __shared__ W parts[2][32][33];
    bool columns = inner == 1;
    long long channel = columns ? blockIdx.x * 32 + threadIdx.x : blockIdx.x, outer = size / (inner * channels);
    W sum = W(0), sum_z = W(0);
    if (channel < channels)
        for (long long a = threadIdx.y; a < outer; a += 32)
            for (long long i = columns ? 0 : threadIdx.x; i < inner; i += 32) {
                long long place = (a * channels + channel) * inner + i, group = place / C;
                W gy = W(g[place]);
                sum += gy, sum_z += gy * (W(x[place]) - means[group]) / sqrt(variances[group] + W(eps));
            }
    parts[0][threadIdx.y][threadIdx.x] = sum;
    parts[1][threadIdx.y][threadIdx.x] = sum_z;
    __syncthreads();
    // a warp sums up one column; a channel of all columns is the sum of 32 of them
    sum = sum_of_warp(parts[0][threadIdx.x][threadIdx.y]);
    sum_z = sum_of_warp(parts[1][threadIdx.x][threadIdx.y]);
    __syncthreads();
    if (columns) {
        channel = blockIdx.x * 32 + threadIdx.y;
        if (threadIdx.x == 0 && channel < channels) gw[channel] = T(sum_z), gb[channel] = T(sum);
        return;
    }
    if (threadIdx.x == 0) parts[0][0][threadIdx.y] = sum, parts[1][0][threadIdx.y] = sum_z;
    __syncthreads();
    if (threadIdx.y) return;
    sum = sum_of_warp(parts[0][0][threadIdx.x]);
    sum_z = sum_of_warp(parts[1][0][threadIdx.x]);
    if (!threadIdx.x) gw[channel] = T(sum_z), gb[channel] = T(sum);
}

// scale = w / sqrt(variance + eps) and shift = b - mean * scale: all have C elements
template <class T>
__global__ void running_scale(const T *mean, const T *variance, const T *w, const T *b, T *scale, T *shift, long long C, double eps) {
    typedef typename Wider<T>::type W;
    EACH(i, C) {
        W s = W(1) / sqrt(W(variance[i]) + W(eps));
        if (w) s *= W(w[i]);
        scale[i] = T(s);
        shift[i] = T((b ? W(b[i]) : W(0)) - W(mean[i]) * s);
    }
}

// y = x * scale + shift by channel: x is (N, channels, inner)
template <class T>
__global__ void scale_shift(const T *x, const T *scale, const T *shift, T *y, long long size, long long inner, long long channels) {
    typedef typename Wider<T>::type W;
    EACH(i, size) {
        long long channel = i / inner % channels;
        W z = W(x[i]) * W(scale[channel]);
        y[i] = T(shift ? z + W(shift[channel]) : z);
    }
}
