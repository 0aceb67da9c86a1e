// One time step of a recurrent network, between two matrix products: see kernels/rnn.py. `n` sequences take the step, and
// their rows begin at `first` of P rows. A thread computes one hidden unit of one sequence.
#include "common.cuh"

template <class W> __device__ W sigmoid(W v) { return W(1) / (W(1) + exp(-v)); }

#define UNIT long long row = i / H, j = i % H, at = (first + row) * H + j;

// sums (n, H) is W_hh h
template <class T, bool relu>
__global__ void rnn_step(long long size, T *y, T *h, const T *sums, long long first, long long H) {
    typedef typename Wider<T>::type W;
    EACH(i, size) {
        UNIT
        W v = W(y[at]) + W(sums[i]);
        y[at] = h[i] = T(relu ? (v > 0 || v != v ? v : W(0)) : tanh(v));
    }
}

// sums (n, 4 H) is W_hh h; gates (4, P, H) holds W_ih x + b, and then the gates
template <class T>
__global__ void lstm_step(long long size, T *y, T *h, T *c, T *gates, T *cells, T *tanh_c, const T *sums, long long first,
                          long long H, long long P) {
    typedef typename Wider<T>::type W;
    EACH(i, size) {
        UNIT
        W v[4];
        for (int gate = 0; gate < 4; gate++) {
            v[gate] = W(gates[gate * P * H + at]) + W(sums[(row * 4 + gate) * H + j]);
            v[gate] = gate == 2 ? tanh(v[gate]) : sigmoid(v[gate]);
            gates[gate * P * H + at] = T(v[gate]);
        }
        cells[at] = c[i];
        W cell = v[1] * W(c[i]) + v[0] * v[2], t = tanh(cell);
        c[i] = T(cell);
        tanh_c[at] = T(t);
        y[at] = h[i] = T(v[3] * t);
    }
}

// gsums (P, 4, H); the gradient of h is then gsums W_hh
template <class T>
__global__ void lstm_step_back(long long size, const T *gy, const T *gh, T *gc, T *gsums, const T *gates, const T *cells,
                               const T *tanh_c, long long first, long long H, long long P) {
    typedef typename Wider<T>::type W;
    EACH(i, size) {
        UNIT
        W in = W(gates[at]), forget = W(gates[P * H + at]), g = W(gates[2 * P * H + at]), out = W(gates[3 * P * H + at]);
        W t = W(tanh_c[at]), gh_new = W(gy[at]) + W(gh[i]), gc_new = W(gc[i]) + gh_new * out * (1 - t * t);
        T *sums = gsums + (first + row) * 4 * H + j;
        sums[0] = T(gc_new * g * in * (1 - in));
        sums[H] = T(gc_new * W(cells[at]) * forget * (1 - forget));
        sums[2 * H] = T(gc_new * in * (1 - g * g));
        sums[3 * H] = T(gh_new * t * out * (1 - out));
        gc[i] = T(gc_new * forget);
    }
}

// sums (n, 3 H) is W_hh h; gates (3, P, H) holds W_ih x + b_ih, and then the gates
template <class T>
__global__ void gru_step(long long size, T *y, T *h, T *gates, T *from_h, const T *sums, const T *b_hh, long long first,
                         long long H, long long P) {
    typedef typename Wider<T>::type W;
    EACH(i, size) {
        UNIT
        W b[3];
        for (int gate = 0; gate < 3; gate++) b[gate] = W(sums[(row * 3 + gate) * H + j]) + (b_hh ? W(b_hh[gate * H + j]) : W(0));
        W r = sigmoid(W(gates[at]) + b[0]), z = sigmoid(W(gates[P * H + at]) + b[1]);
        W n = tanh(W(gates[2 * P * H + at]) + r * b[2]);
        y[at] = h[i] = T((1 - z) * n + z * W(h[i]));
        gates[at] = T(r);
        gates[P * H + at] = T(z);
        gates[2 * P * H + at] = T(n);
        from_h[at] = T(b[2]);
    }
}

// gsums (P, 3, H); gh becomes the part of the gradient that does not pass W_hh
template <class T>
__global__ void gru_step_back(long long size, const T *gy, T *gh, T *gsums, T *gn, const T *gates, const T *from_h,
                              const T *before, long long first, long long H, long long P) {
    typedef typename Wider<T>::type W;
    EACH(i, size) {
        UNIT
        W r = W(gates[at]), z = W(gates[P * H + at]), n = W(gates[2 * P * H + at]), gh_new = W(gy[at]) + W(gh[i]);
        W of_n = gh_new * (1 - z) * (1 - n * n);
        T *sums = gsums + (first + row) * 3 * H + j;
        gn[at] = T(of_n);
        sums[0] = T(of_n * W(from_h[at]) * r * (1 - r));
        sums[H] = T(gh_new * (W(before[at]) - n) * z * (1 - z));
        sums[2 * H] = T(of_n * r);
        gh[i] = T(gh_new * z);
    }
}
