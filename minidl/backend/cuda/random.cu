// Random numbers from a counter: element i of a draw at `offset` is a function of (seed, offset + i), and of nothing
// else. So a stream has no state but two numbers, and any device draws the same.
// Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3", 2011: Philox 4x32 with 10 rounds.

struct Philox {
    unsigned key[2], counter[4], out[4];
    int left;

    // The block of one element; `next` counts blocks of it up in the low half.
    __device__ Philox(unsigned long long seed, unsigned long long element) : left(0) {
        key[0] = (unsigned)seed;
        key[1] = (unsigned)(seed >> 32);
        counter[0] = counter[1] = 0;
        counter[2] = (unsigned)element;
        counter[3] = (unsigned)(element >> 32);
    }

    __device__ void block() {
        unsigned k0 = key[0], k1 = key[1];
        for (int i = 0; i < 4; i++) out[i] = counter[i];
        for (int round = 0; round < 10; round++) {
            unsigned long long a = 0xD2511F53ull * out[0], b = 0xCD9E8D57ull * out[2];
            unsigned y0 = (unsigned)(b >> 32) ^ out[1] ^ k0, y2 = (unsigned)(a >> 32) ^ out[3] ^ k1;
            out[1] = (unsigned)b;
            out[3] = (unsigned)a;
            out[0] = y0;
            out[2] = y2;
            k0 += 0x9E3779B9u;
            k1 += 0xBB67AE85u;
        }
        if (++counter[0] == 0) counter[1]++;
        left = 4;
    }

    __device__ unsigned word() {
        if (!left) block();
        return out[4 - left--];
    }

    __device__ unsigned long long words() {
        unsigned long long high = word();
        return high << 32 | word();
    }

    // on [0, 1)
    __device__ void uniform(float &u) { u = (word() >> 8) * 5.9604644775390625e-8f; }
    __device__ void uniform(double &u) { u = (words() >> 11) * 1.1102230246251565e-16; }

    // on (0, 1], for a logarithm
    __device__ void above_zero(float &u) { u = (word() + 1.0f) * 2.3283064365386963e-10f; }
    __device__ void above_zero(double &u) { u = ((words() >> 11) + 1) * 1.1102230246251565e-16; }

    // Box and Muller, "A Note on the Generation of Random Normal Deviates", 1958
    template <class T> __device__ T normal() {
        T u, v;
        above_zero(u);
        uniform(v);
        return sqrt(-2 * log(u)) * cos(T(6.283185307179586) * v);
    }
};

#define EACH(i) for (long long i = blockIdx.x * (long long)blockDim.x + threadIdx.x; i < size; i += gridDim.x * (long long)blockDim.x)

template <class T>
__global__ void uniform(long long size, T *y, unsigned long long seed, unsigned long long offset) {
    EACH(i) { Philox(seed, offset + i).uniform(y[i]); }
}

template <class T>
__global__ void normal(long long size, T *y, unsigned long long seed, unsigned long long offset) {
    EACH(i) { y[i] = Philox(seed, offset + i).normal<T>(); }
}

// low + a whole number below `count`; 0 stands for 2^64. The product's high half leaves a bias below count / 2^64.
__global__ void integers(long long size, long long *y, long long low, unsigned long long count,
                         unsigned long long seed, unsigned long long offset) {
    EACH(i) {
        unsigned long long bits = Philox(seed, offset + i).words();
        y[i] = (long long)((unsigned long long)low + (count ? __umul64hi(bits, count) : bits));
    }
}

// Below 10, multiply uniform numbers until they fall below e^-rate. Above, Hormann, "The Transformed Rejection Method
// for Generating Poisson Random Variables", 1993 (PTRS).
__global__ void poisson(long long size, double *y, const double *rates, unsigned long long seed, unsigned long long offset) {
    EACH(i) {
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
                         unsigned long long seed, unsigned long long offset) {
    EACH(i) {
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
