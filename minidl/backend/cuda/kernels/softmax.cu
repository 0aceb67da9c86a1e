// Softmax, its logarithm and cross-entropy. x is (outer, n, inner), and a warp works on one row of n elements, `inner`
// apart. The largest element is subtracted first, as everywhere.
#include "common.cuh"

#define ROWS_OF_WARPS(row, rows) for (long long row = blockIdx.x * (long long)blockDim.y + threadIdx.y; row < rows; row += gridDim.x * (long long)blockDim.y)
#define LANES(c, n) for (long long c = threadIdx.x; c < n; c += 32)

template <class W> __device__ W infinity() { return W(1) / W(0); }

// A sum of exp(x - largest) for a larger element. They may be equal and -inf: where all x so far were.
template <class W> __device__ W scaled_down(W sum, W largest, W larger) {
    return largest == larger ? sum : sum * exp(largest - larger);
}

// The largest element, and the sum of exp(x - largest): found in one pass, where the sum so far is scaled down whenever a
// larger element comes (Milakov and Gimelshein, "Online normalizer calculation for softmax", 2018).
template <class T, class W> __device__ void largest_and_sum(const T *x, long long n, long long inner, W &largest, W &sum) {
    largest = -infinity<W>(), sum = W(0);
    bool nan = false;
    LANES(c, n) {
        W value = W(x[c * inner]);
        nan = nan || value != value;
        if (value > largest) {
            sum *= exp(largest - value);
            largest = value;
        }
        sum += value == largest ? W(1) : exp(value - largest);
    }
    for (int other = 16; other; other >>= 1) {
        W theirs = __shfl_xor_sync(ALL, largest, other), part = __shfl_xor_sync(ALL, sum, other);
        W both = theirs > largest ? theirs : largest;
        sum = scaled_down(sum, largest, both) + scaled_down(part, theirs, both);
        largest = both;
        nan = __shfl_xor_sync(ALL, (int)nan, other) || nan;
    }
    if (nan || largest == infinity<W>() || largest == -infinity<W>()) sum = infinity<W>() - infinity<W>();
}

template <class T, class W, bool logarithm>
__global__ void softmax(const T *x, T *y, long long outer, long long n, long long inner) {
    ROWS_OF_WARPS(row, outer * inner) {
        long long start = row / inner * n * inner + row % inner;
        W largest, sum;
        largest_and_sum<T, W>(x + start, n, inner, largest, sum);
        W shift = logarithm ? log(sum) : W(0);
        LANES(c, n) {
            W d = W(x[start + c * inner]) - largest;
            y[start + c * inner] = T(logarithm ? d - shift : exp(d) / sum);
        }
    }
}

// gx = (g - sum(g y)) y, or with y the logarithm, g - exp(y) sum(g)
template <class T, class W, bool logarithm>
__global__ void softmax_grad(const T *g, const T *y, T *gx, long long outer, long long n, long long inner) {
    ROWS_OF_WARPS(row, outer * inner) {
        long long start = row / inner * n * inner + row % inner;
        W sum = W(0);
        LANES(c, n) sum += logarithm ? W(g[start + c * inner]) : W(g[start + c * inner]) * W(y[start + c * inner]);
        sum = sum_of_warp(sum);
        LANES(c, n) {
            W gy = W(g[start + c * inner]), p = W(y[start + c * inner]);
            gx[start + c * inner] = T(logarithm ? gy - exp(p) * sum : (gy - sum) * p);
        }
    }
}

// A row is a sample: (N, d) of them, with C classes each.
template <class T, class W>
__global__ void cross_entropy(const T *x, const long long *target, const T *weight, T *losses, T *logp, long long N,
                              long long C, long long d, long long ignored, double smoothing) {
    ROWS_OF_WARPS(row, N * d) {
        long long start = row / d * C * d + row % d, t = target[row];
        W largest, sum, smooth = W(0);
        largest_and_sum<T, W>(x + start, C, d, largest, sum);
        W shift = log(sum);
        LANES(c, C) {
            W value = W(x[start + c * d]) - largest - shift;
            logp[start + c * d] = T(value);
            smooth += weight ? W(weight[c]) * value : value;
        }
        smooth = sum_of_warp(smooth);
        if (threadIdx.x) continue;
        W loss = W(0);
        if (t != ignored && t >= 0 && t < C) {              // others fail an assertion
            loss = -W(1 - smoothing) * (W(x[start + t * d]) - largest - shift) * (weight ? W(weight[t]) : W(1));
            if (smoothing != 0) loss -= W(smoothing) / W(C) * smooth;
        }
        losses[row] = T(loss);
    }
}

template <class T, class W>
__global__ void weighted_mean(long long size, const T *losses, const long long *target, const T *weight, T *mean, W *total,
                              long long C, long long ignored) {
    W sum = W(0), count = W(0);
    for (long long i = threadIdx.x; i < size; i += blockDim.x) {
        sum += W(losses[i]);
        if (target[i] != ignored) count += !weight ? W(1) : target[i] >= 0 && target[i] < C ? W(weight[target[i]]) : W(0);
    }
    sum = sum_of_block(sum);
    count = sum_of_block(count);
    if (!threadIdx.x) *total = count, *mean = T(sum / count);
}

// The mean of -(t log(p) + (1 - t) log(1 - p)) with p = sigmoid(x). Several blocks add to it: it must be zero before.
template <class T, class W>
__global__ void logits_loss_mean(long long size, const T *x, const T *t, W *mean) {
    W sum = W(0);
    EACH(i, size) {
        W v = W(x[i]);
        sum += (W(1) - W(t[i])) * v - ((v > 0 ? W(0) : v) - log1p(exp(-abs(v))));
    }
    sum = sum_of_block(sum) / W(size);
    if (threadIdx.x) return;
    if (gridDim.x == 1) *mean = sum;
    else atomicAdd(mean, sum);
}

// g is one number for all samples where its step is 0
template <class T, class W>
__global__ void cross_entropy_grad(const T *g, long long step, const T *logp, const long long *target, const T *weight, T *gx, long long N,
                                   long long C, long long d, long long ignored, double smoothing) {
    ROWS_OF_WARPS(row, N * d) {
        long long start = row / d * C * d + row % d, t = target[row];
        bool counts = t != ignored && t >= 0 && t < C;
        W gy = counts ? W(g[row * step]) : W(0), hard = gy * W(1 - smoothing), share = gy * W(smoothing) / W(C), all = W(C);
        if (weight) {
            all = W(0);
            LANES(c, C) all += W(weight[c]);
            all = sum_of_warp(all);
            hard *= counts ? W(weight[t]) : W(0);
        }
        LANES(c, C) {
            W value = exp(W(logp[start + c * d])) * (hard + share * all) - share * (weight ? W(weight[c]) : W(1));
            gx[start + c * d] = T(c == t ? value - hard : value);
        }
    }
}
