// 2-d convolution and its two gradients, each one launch. All three are the matrix products of kernels/conv.py, whose
// patches are never stored: an element of a patch is read from the image when its tile is filled.
#include "product.cuh"

struct Geometry {
    int N, C, H, W, O, height, width, kh, kw, groups, stride[2], padding[2], dilation[2];
};

struct Strides { long long n, c, h, w; };                      // in elements

// An element of an image that a kernel reads at one position: zero in the padding.
template <class T, class W> struct Patches {
    const T *x;
    Strides step;
    Geometry g;
    int channel;                                               // the first one of the group

    __device__ W read(int n, int c, int u, int v, int i, int j) {
        int h = i * g.stride[0] + u * g.dilation[0] - g.padding[0], w = j * g.stride[1] + v * g.dilation[1] - g.padding[1];
        if (h < 0 || h >= g.H || w < 0 || w >= g.W) return W(0);
        return W(x[n * step.n + (channel + c) * step.c + h * step.h + w * step.w]);
    }
};

// w[o, (c, u, v)] for a fixed o
template <class T, class W> struct Filter {
    const T *w;
    int length;
    bool inside;
    __device__ void at(int o, bool is_inside) { w += (long long)o * length; inside = is_inside; }
    __device__ W operator()(int k) { return inside ? W(w[k]) : W(0); }
};

// the patch of a fixed position (n, i, j)
template <class T, class W> struct PatchOfPosition : Patches<T, W> {
    int n, i, j;
    bool inside;
    __device__ void at(int position, bool is_inside) {
        const Geometry &g = this->g;
        inside = is_inside;
        j = position % g.width, i = position / g.width % g.height, n = position / (g.width * g.height);
    }
    __device__ W operator()(int k) {
        const Geometry &g = this->g;
        return inside ? this->read(n, k / (g.kh * g.kw), k / g.kw % g.kh, k % g.kw, i, j) : W(0);
    }
};

template <class T>
__global__ void conv2d_forward(const T *x, const T *w, const T *b, T *y, Strides step, Geometry g) {
    typedef typename Wider<T>::type W;
    int group = blockIdx.z, O = g.O / g.groups, c = g.C / g.groups, area = g.height * g.width, length = c * g.kh * g.kw;
    Filter<T, W> filter = {w + (long long)group * O * length, length};
    PatchOfPosition<T, W> patches;
    patches.x = x, patches.step = step, patches.g = g, patches.channel = group * c;
    product<W>(O, g.N * area, 0, length, filter, patches, [=](int o, int p, W value) {
        y[((long long)(p / area) * g.O + group * O + o) * area + p % area] = T(b ? value + W(b[group * O + o]) : value);
    });
}

// w[(o, u, v), c] for a fixed c
template <class T, class W> struct FilterOfInput {
    const T *w;
    int c, area;
    bool inside;
    __device__ void at(int channel, bool is_inside) { w += (long long)channel * area; inside = is_inside; }
    __device__ W operator()(int k) { return inside ? W(w[(long long)(k / area) * c * area + k % area]) : W(0); }
};

// the gradients that reach a fixed element (n, h, w) of the image
template <class T, class W> struct Reached {
    const T *gy;
    Strides step;
    Geometry g;
    int channel, n, h, w;
    bool inside;
    __device__ void at(int place, bool is_inside) {
        inside = is_inside;
        w = place % g.W, h = place / g.W % g.H, n = place / (g.W * g.H);
    }
    __device__ W operator()(int k) {
        int v = k % g.kw, u = k / g.kw % g.kh, o = k / (g.kh * g.kw);
        int i = h + g.padding[0] - u * g.dilation[0], j = w + g.padding[1] - v * g.dilation[1];
        if (!inside || i < 0 || j < 0 || i % g.stride[0] || j % g.stride[1]) return W(0);
        i /= g.stride[0], j /= g.stride[1];
        if (i >= g.height || j >= g.width) return W(0);
        return W(gy[n * step.n + (channel + o) * step.c + i * step.h + j * step.w]);
    }
};

template <class T>
__global__ void conv2d_input_grad(const T *gy, const T *w, T *gx, Strides step, Geometry g) {
    typedef typename Wider<T>::type W;
    int group = blockIdx.z, O = g.O / g.groups, c = g.C / g.groups, area = g.H * g.W, taps = g.kh * g.kw;
    FilterOfInput<T, W> filter = {w + (long long)group * O * c * taps, c, taps};
    Reached<T, W> reached = {gy, step, g, group * O};
    product<W>(c, g.N * area, 0, O * taps, filter, reached, [=](int i, int p, W value) {
        gx[((long long)(p / area) * g.C + group * c + i) * area + p % area] = T(value);
    });
}

// the gradients of a fixed channel o
template <class T, class W> struct GradientOfOutput {
    const T *gy;
    Strides step;
    Geometry g;
    bool inside;
    __device__ void at(int o, bool is_inside) { gy += o * step.c; inside = is_inside; }
    __device__ W operator()(int p) {
        if (!inside) return W(0);
        return W(gy[p / (g.width * g.height) * step.n + p / g.width % g.height * step.h + p % g.width * step.w]);
    }
};

// the elements that a fixed weight (c, u, v) is multiplied by; behind the last weight is the bias, of which they are 1
template <class T, class W> struct PatchOfWeight : Patches<T, W> {
    int c, u, v;
    bool inside, is_bias;
    __device__ void at(int place, bool is_inside) {
        const Geometry &g = this->g;
        inside = is_inside, is_bias = place == g.C / g.groups * g.kh * g.kw;
        v = place % g.kw, u = place / g.kw % g.kh, c = place / (g.kw * g.kh);
    }
    __device__ W operator()(int p) {
        const Geometry &g = this->g;
        if (!inside || is_bias) return W(inside);
        return this->read(p / (g.width * g.height), c, u, v, p / g.width % g.height, p % g.width);
    }
};

// The sum over all positions is shared out among `parts` blocks, which add to gw and gb: they must be zero before.
template <class T, class W>
__global__ void conv2d_weight_grad(const T *x, const T *gy, W *gw, W *gb, Strides of_x, Strides of_g, Geometry g, int parts) {
    int group = blockIdx.z / parts, part = blockIdx.z % parts;
    int O = g.O / g.groups, c = g.C / g.groups, length = c * g.kh * g.kw, positions = g.N * g.height * g.width;
    int share = (positions + parts - 1) / parts, first = part * share, last = first + share < positions ? first + share : positions;
    GradientOfOutput<T, W> gradients = {gy + group * O * of_g.c, of_g, g};
    PatchOfWeight<T, W> patches;
    patches.x = x, patches.step = of_x, patches.g = g, patches.channel = group * c;
    product<W>(O, length + (gb != 0), first, last, gradients, patches, [=](int o, int k, W value) {
        W *place = k < length ? gw + (long long)(group * O + o) * length + k : gb + group * O + o;
        if (parts == 1) *place = value;
        else atomicAdd(place, value);
    });
}
