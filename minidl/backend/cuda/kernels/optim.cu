// Updates of many parameters in one launch: their addresses and sizes are an argument of the kernel. The formulas are in
// optim/*.py. A column of blocks works on each parameter.
#include "common.cuh"

// `count` arrays for each parameter: itself, its gradient, and its state
template <int count> struct Table {
    static const int most = 4000 / (8 * (count + 1));       // the arguments of a kernel have 4 KB
    unsigned long long arrays[count][most];
    long long sizes[most];
};

// Numbers that the host knows, and places in memory of those that it does not, or decides anew for each replay.
template <int count> struct Numbers {
    double values[count];
    const double *places[count];
    __device__ double operator[](int k) const { return places[k] ? *places[k] : values[k]; }
};

#define ARRAY(k) ((T *)table.arrays[k][blockIdx.y])

template <class T> __global__ void add(Table<2> table) {
    typedef typename Wider<T>::type W;
    T *total = ARRAY(0), *part = ARRAY(1);
    EACH(i, table.sizes[blockIdx.y]) total[i] = T(W(total[i]) + W(part[i]));
}

template <class T, bool with_momentum>
__global__ void sgd(Table<3> table, Numbers<4> numbers, bool nesterov, bool maximize) {
    double lr = numbers[0], momentum = numbers[1], dampening = numbers[2], weight_decay = numbers[3];
    typedef typename Wider<T>::type W;
    T *p = ARRAY(0), *g = ARRAY(1), *buffer = ARRAY(2);
    EACH(i, table.sizes[blockIdx.y]) {
        W d = maximize ? -W(g[i]) : W(g[i]);
        if (weight_decay != 0) d += W(weight_decay) * W(p[i]);
        if (with_momentum) {
            W b = W(momentum) * W(buffer[i]) + W(1 - dampening) * d;
            buffer[i] = T(b);
            d = nesterov ? d + W(momentum) * b : b;
        }
        p[i] = T(W(p[i]) - W(lr) * d);
    }
}

// `correction` and `eps` hold the corrections of the running means.
template <class T, bool amsgrad>
__global__ void adam(Table<5> table, Numbers<6> numbers, bool decoupled, bool maximize) {
    double lr = numbers[0], correction = numbers[1], beta1 = numbers[2], beta2 = numbers[3], eps = numbers[4];
    double rate = lr * correction, weight_decay = numbers[5], shrink = 1;
    if (decoupled) { shrink -= lr * weight_decay; weight_decay = 0; }
    typedef typename Wider<T>::type W;
    T *p = ARRAY(0), *g = ARRAY(1), *m = ARRAY(2), *v = ARRAY(3), *largest = ARRAY(4);
    EACH(i, table.sizes[blockIdx.y]) {
        W weight = W(p[i]) * W(shrink), d = maximize ? -W(g[i]) : W(g[i]);
        if (weight_decay != 0) d += W(weight_decay) * weight;
        W mean = W(beta1) * W(m[i]) + W(1 - beta1) * d, square = W(beta2) * W(v[i]) + W(1 - beta2) * (d * d);
        m[i] = T(mean);
        v[i] = T(square);
        if (amsgrad) {
            if (!(square < W(largest[i]))) largest[i] = T(square);
            square = W(largest[i]);
        }
        p[i] = T(weight - W(rate) * mean / (sqrt(square) + W(eps)));
    }
}

template <class T, bool centered, bool with_momentum>
__global__ void rmsprop(Table<5> table, Numbers<5> numbers, bool maximize) {
    double lr = numbers[0], alpha = numbers[1], eps = numbers[2], weight_decay = numbers[3], momentum = numbers[4];
    typedef typename Wider<T>::type W;
    T *p = ARRAY(0), *g = ARRAY(1), *v = ARRAY(2), *mean = ARRAY(3), *buffer = ARRAY(4);
    EACH(i, table.sizes[blockIdx.y]) {
        W d = maximize ? -W(g[i]) : W(g[i]);
        if (weight_decay != 0) d += W(weight_decay) * W(p[i]);
        W square = W(alpha) * W(v[i]) + W(1 - alpha) * (d * d);
        v[i] = T(square);
        if (centered) {
            W m = W(alpha) * W(mean[i]) + W(1 - alpha) * d;
            mean[i] = T(m);
            square -= m * m;
            square = square < 0 ? W(0) : square;            // it is a variance: only rounding makes it negative
        }
        W step = d / (sqrt(square) + W(eps));
        if (with_momentum) {
            step += W(momentum) * W(buffer[i]);
            buffer[i] = T(step);
        }
        p[i] = T(W(p[i]) - W(lr) * step);
    }
}
