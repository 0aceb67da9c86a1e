// Linear layers whose matrix product is small: with the bias, or its gradient, in one launch.
#include "product.cuh"

// A column of a matrix, whose steps in memory are `row` and `column`; behind the last one is a column of ones.
template <class T, class W> struct Column {
    const T *x;
    long long row, column;
    int count;
    bool inside, is_ones;
    __device__ void at(int i, bool is_inside) { x += i * column, inside = is_inside, is_ones = i == count; }
    __device__ W operator()(int k) { return !inside || is_ones ? W(inside) : W(x[k * row]); }
};

struct Steps { long long row, column; };

// gw = g^T x, and gb, the sums of the columns of g: x is (rows, in), g is (rows, out)
template <class T>
__global__ void linear_parameter_grads(const T *x, const T *g, T *gw, T *gb, Steps of_x, Steps of_g, int rows, int in, int out) {
    typedef typename Wider<T>::type W;
    Column<T, W> left = {g, of_g.row, of_g.column, out}, right = {x, of_x.row, of_x.column, in};
    product<W>(out, in + 1, 0, rows, left, right, [=](int o, int i, W value) {
        if (i < in) gw[(long long)o * in + i] = T(value);
        else gb[o] = T(value);
    });
}

// y = x w^T + b, a warp for each of its few numbers
template <class T>
__global__ void linear_forward(const T *x, const T *w, const T *b, T *y, Steps of_x, int rows, int in, int out) {
    typedef typename Wider<T>::type W;
    long long place = blockIdx.x * (long long)blockDim.y + threadIdx.y, o = place % out;
    if (place / out >= rows) return;
    W sum = W(0);
    for (int k = threadIdx.x; k < in; k += 32) sum += W(x[place / out * of_x.row + k * of_x.column]) * W(w[o * in + k]);
    sum = sum_of_warp(sum);
    if (!threadIdx.x) y[place] = T(sum + W(b[o]));
}
