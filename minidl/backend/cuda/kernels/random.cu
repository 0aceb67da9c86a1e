// Draws from the streams of philox.cuh: element i of a draw at `offset` is that of the counter offset + i.
#include "common.cuh"
#include "philox.cuh"

template <class T>
__global__ void uniform(long long size, T *y, unsigned long long seed, unsigned long long offset, const unsigned long long *now) {
    replayed(seed, offset, now);
    EACH(i, size) { Philox(seed, offset + i).uniform(y[i]); }
}

template <class T>
__global__ void normal(long long size, T *y, unsigned long long seed, unsigned long long offset, const unsigned long long *now) {
    replayed(seed, offset, now);
    EACH(i, size) { y[i] = Philox(seed, offset + i).normal<T>(); }
}

// low + a whole number below `count`; 0 stands for 2^64. The product's high half leaves a bias below count / 2^64.
__global__ void integers(long long size, long long *y, long long low, unsigned long long count,
                         unsigned long long seed, unsigned long long offset, const unsigned long long *now) {
    replayed(seed, offset, now);
    EACH(i, size) {
        unsigned long long bits = Philox(seed, offset + i).words();
        y[i] = (long long)((unsigned long long)low + (count ? __umul64hi(bits, count) : bits));
    }
}

// Below 10, multiply uniform numbers until they fall below e^-rate. Above, Hormann, "The Transformed Rejection Method
// for Generating Poisson Random Variables", 1993 (PTRS).
__global__ void poisson(long long size, double *y, const double *rates, unsigned long long seed, unsigned long long offset, const unsigned long long *now) {
    replayed(seed, offset, now);
    EACH(i, size) {
        Philox stream(seed, offset + i);
        double rate = rates[i], u, v, k = 0;
        if (rate < 10) {
            double product = 1, limit = exp(-rate);
            for (k = -1; product > limit || k < 0; k++) { stream.uniform(u); product *= u; }
        } else {
            double b = 0.931 + 2.53 * sqrt(rate), a = -0.059 + 0.02483 * b, alpha = 1.1239 + 1.1328 / (b - 3.4);
            for (;;) {
                stream.uniform(u);
                stream.uniform(v);
                u -= 0.5;
                double s = 0.5 - fabs(u);
                k = floor((2 * a / s + b) * u + rate + 0.43);
                if (s >= 0.07 && v <= 0.9277 - 3.6224 / (b - 2)) break;
                if (k < 0 || (s < 0.013 && v > s)) continue;
                if (log(v) + log(alpha) - log(a / (s * s) + b) <= k * log(rate) - rate - lgamma(k + 1)) break;
            }
        }
        y[i] = rate == rate ? k : rate;
    }
}

// The smaller of p and 1 - p is drawn for. Where its mean is below 10, add up the lengths of runs of failures; else
// Hormann, "The Generation of Binomial Random Variates", 1993 (BTRS).
__global__ void binomial(long long size, double *y, const double *counts, const double *chances,
                         unsigned long long seed, unsigned long long offset, const unsigned long long *now) {
    replayed(seed, offset, now);
    EACH(i, size) {
        Philox stream(seed, offset + i);
        double n = counts[i], p = fmin(chances[i], 1 - chances[i]), u, v, k = 0;
        if (!(n > 0) || !(p > 0)) {
            k = 0;
        } else if (n * p < 10) {
            double scale = log1p(-p), sum = 0;
            for (k = -1; sum <= n && k < n; k++) { stream.above_zero(u); sum += ceil(fmax(log(u) / scale, 1e-300)); }
        } else {
            double q = 1 - p, spread = sqrt(n * p * q), b = 1.15 + 2.53 * spread, a = -0.0873 + 0.0248 * b + 0.01 * p;
            double c = n * p + 0.5, r = p / q, alpha = (2.83 + 5.1 / b) * spread, m = floor((n + 1) * p);
            for (;;) {
                stream.uniform(u);
                stream.uniform(v);
                u -= 0.5;
                double s = 0.5 - fabs(u);
                k = floor((2 * a / s + b) * u + c);
                if (s >= 0.07 && v <= 0.92 - 4.2 / b) break;
                if (k < 0 || k > n) continue;
                v = log(v * alpha / (a / (s * s) + b));
                if (v <= (m - k) * -log(r) + lgamma(m + 1) + lgamma(n - m + 1) - lgamma(k + 1) - lgamma(n - k + 1)) break;
            }
        }
        y[i] = chances[i] > 0.5 ? n - k : k;
    }
}
