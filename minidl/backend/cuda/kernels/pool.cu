// 2-d pooling: a thread makes one result. x is (N, C, H, W) with any strides, results lie row by row.
#include "common.cuh"

struct Geometry {
    int N, C, H, W, height, width, kernel[2], stride[2], padding[2], dilation[2];
};

struct Strides { long long n, c, h, w; };                      // in elements

// The rows and columns of one window: taps u with 0 <= first + u * dilation < size.
struct Window {
    int h, w;
    __device__ Window(const Geometry &g, long long i)
        : h(i / g.width % g.height * g.stride[0] - g.padding[0]), w(i % g.width * g.stride[1] - g.padding[1]) {}
};

// Where the plane begins that belongs to element i of an array with planes of `width` x `height` elements.
__device__ long long start_of_plane(long long i, int width, int height, int C, Strides step) {
    long long number = i / ((long long)width * height);
    return number / C * step.n + number % C * step.c;
}

template <class T>
__global__ void max_pool2d_forward(long long size, const T *x, T *y, long long *indices, Strides step, Geometry g) {
    EACH(i, size) {
        Window window(g, i);
        const T *plane = x + start_of_plane(i, g.width, g.height, g.C, step);
        bool any = false;
        T best = T(0);
        long long place = 0;
        for (int u = 0, h = window.h; u < g.kernel[0]; u++, h += g.dilation[0])
            for (int v = 0, w = window.w; v < g.kernel[1]; v++, w += g.dilation[1]) {
                if (h < 0 || h >= g.H || w < 0 || w >= g.W) continue;
                T value = plane[h * step.h + w * step.w];
                if (any && !(value > best || value != value)) continue;     // the last NaN stays
                best = value, place = (long long)h * g.W + w, any = true;
            }
        y[i] = any ? best : T(-1.0f / 0.0f);
        indices[i] = place;
    }
}

// y[n, c, i, j] = x[n, c, indices[n, c, i, j]], where planes of x have `area` elements, and those of y `count`
template <class T>
__global__ void max_pool2d_gather(long long size, const T *x, const long long *indices, T *y, long long area, long long count) {
    EACH(i, size) y[i] = x[i / count * area + indices[i]];
}

// gx[n, c, indices[n, c, i, j]] += g[n, c, i, j]
template <class T>
__global__ void max_pool2d_scatter(long long size, const T *g, const long long *indices, T *gx, long long area, long long count) {
    EACH(i, size) atomicAdd(gx + i / count * area + indices[i], g[i]);
}

// The number that the sum over a window is divided by.
template <class W> __device__ W divisor(const Geometry &g, Window window, bool padding_counts, long long instead) {
    if (instead) return W(instead);
    int low[2] = {window.h, window.w}, size[2] = {g.H, g.W}, count[2];
    for (int axis = 0; axis < 2; axis++) {
        int border = padding_counts ? g.padding[axis] : 0, first = low[axis], last = first + g.kernel[axis];
        first = first > -border ? first : -border;
        last = last < size[axis] + border ? last : size[axis] + border;
        count[axis] = last - first;
    }
    return W(count[0]) * W(count[1]);
}

template <class T>
__global__ void avg_pool2d_forward(long long size, const T *x, T *y, Strides step, Geometry g, bool padding_counts, long long instead) {
    typedef typename Wider<T>::type W;
    EACH(i, size) {
        Window window(g, i);
        const T *plane = x + start_of_plane(i, g.width, g.height, g.C, step);
        W sum = W(0);
        for (int h = window.h; h < window.h + g.kernel[0]; h++)
            for (int w = window.w; w < window.w + g.kernel[1]; w++)
                if (h >= 0 && h < g.H && w >= 0 && w < g.W) sum += W(plane[h * step.h + w * step.w]);
        y[i] = T(sum / divisor<W>(g, window, padding_counts, instead));
    }
}

// An element of the image collects the share of every window that it is in.
template <class T>
__global__ void avg_pool2d_scatter(long long size, const T *gy, T *gx, Strides step, Geometry g, bool padding_counts, long long instead) {
    typedef typename Wider<T>::type W;
    EACH(i, size) {
        int w = i % g.W + g.padding[1], h = i / g.W % g.H + g.padding[0];
        const T *plane = gy + start_of_plane(i, g.W, g.H, g.C, step);
        W sum = W(0);
        int top = h < g.kernel[0] ? 0 : (h - g.kernel[0]) / g.stride[0] + 1, left = w < g.kernel[1] ? 0 : (w - g.kernel[1]) / g.stride[1] + 1;
        for (int a = top; a < g.height && a * g.stride[0] <= h; a++)
            for (int b = left; b < g.width && b * g.stride[1] <= w; b++)
                sum += W(plane[a * step.h + b * step.w]) / divisor<W>(g, Window(g, (long long)a * g.width + b), padding_counts, instead);
        gx[i] = T(sum);
    }
}
