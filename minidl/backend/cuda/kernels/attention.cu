// Attention and its gradient, tile by tile: see kernels/attention.py. A block works on TILE queries (or keys) of one
// head, and walks over tiles of keys (or queries) in shared memory. Eight threads share a row: each has every eighth key
// of a tile, and every eighth column of the result. All sums have a fixed order, so that bits repeat.
#include "common.cuh"
#include "philox.cuh"

const int PARTS = 8, COLUMNS = 16;          // threads of a row; columns of the result that a thread keeps: 128 in all

struct View { long long b, h, row, column; };                   // steps in elements

struct Plan {
    int H, L, S, E, V, causal;
    double scale, dropout;
    unsigned long long seed;
    const unsigned long long *now;                              // the seed of a replay of a captured step, or null
};

struct Mask {
    const void *values;
    View step;
    int is_bool;
};

template <class W> __device__ W infinity() { return W(1) / W(0); }
template <class W> __device__ W sum_of_row(W v) {
    for (int other = PARTS / 2; other; other >>= 1) v += __shfl_xor_sync(ALL, v, other);
    return v;
}
template <class W> __device__ W largest_of_row(W v) {
    for (int other = PARTS / 2; other; other >>= 1) {
        W theirs = __shfl_xor_sync(ALL, v, other);
        v = theirs > v ? theirs : v;
    }
    return v;
}

// Rows `first` to `first + TILE` of a matrix, times `by`, into shared memory with one column to spare; zeros below.
template <class T, class W, int TILE> __device__ void load(W *tile, const T *x, View step, int first, int rows, int width, W by) {
    for (int i = threadIdx.x; i < TILE * width; i += TILE * PARTS) {
        int row = i / width, column = i % width;
        tile[row * (width + 1) + column] = first + row < rows ? W(x[(first + row) * step.row + column * step.column]) * by : W(0);
    }
}

template <class W> __device__ W dot(const W *a, const W *b, int width) {
    W sum = W(0);
    for (int e = 0; e < width; e++) sum += a[e] * b[e];
    return sum;
}

// The score of a query and a key with the mask, -inf where the query may not look.
template <class T, class W> __device__ W masked(W score, const Plan &plan, const Mask &mask, int b, int h, int query, int key) {
    if (key >= plan.S || query >= plan.L || (plan.causal && key > query)) return -infinity<W>();
    if (!mask.values) return score;
    long long place = b * mask.step.b + h * mask.step.h + query * mask.step.row + key * mask.step.column;
    if (mask.is_bool) return ((const bool *)mask.values)[place] ? score : -infinity<W>();
    return score + W(((const T *)mask.values)[place]);
}

// The dropout factor of a score: 0 or 1/(1-p). Element i of all scores is element i of the stream.
template <class W> __device__ W kept(const Plan &plan, long long head, int query, int key) {
    if (plan.dropout == 0) return W(1);
    if (plan.dropout >= 1) return W(0);
    W u;
    Philox(plan.now ? *plan.now : plan.seed, (head * plan.L + query) * plan.S + key).uniform(u);
    return u >= W(plan.dropout) ? W(1 / (1 - plan.dropout)) : W(0);
}

// What all three kernels know of themselves: the head and the tile of the block, the row and the part of the thread.
#define PLACES(count)                                                                                              \
    extern __shared__ double memory[];                                                                             \
    W *shared = (W *)memory;                                                                                       \
    int tiles = ((count) + TILE - 1) / TILE, first = blockIdx.x % tiles * TILE, r = threadIdx.x / PARTS, part = threadIdx.x % PARTS; \
    long long head = blockIdx.x / tiles;                                                                           \
    int b = head / plan.H, h = head % plan.H;

#define OF_HEAD(x, step) ((x) + b * step.b + h * step.h)

template <class T, class W, int TILE>
__global__ void attention_forward(const T *q, const T *k, const T *v, T *y, W *log_sums, View of_q, View of_k, View of_v, Mask mask, Plan plan) {
    PLACES(plan.L)
    W *queries = shared, *other = queries + TILE * (plan.E + 1), *p = other + TILE * ((plan.E > plan.V ? plan.E : plan.V) + 1);
    W out[COLUMNS] = {}, largest = -infinity<W>(), total = W(0);
    int query = first + r, seen = plan.causal && first + TILE < plan.S ? first + TILE : plan.S;
    load<T, W, TILE>(queries, OF_HEAD(q, of_q), of_q, first, plan.L, plan.E, W(plan.scale));
    for (int start = 0; start < seen; start += TILE) {
        __syncthreads();
        load<T, W, TILE>(other, OF_HEAD(k, of_k), of_k, start, plan.S, plan.E, W(1));
        __syncthreads();
        W scores[TILE / PARTS], most = largest;
        for (int j = 0; j < TILE / PARTS; j++) {
            int key = part + j * PARTS;
            scores[j] = masked<T>(dot(queries + r * (plan.E + 1), other + key * (plan.E + 1), plan.E), plan, mask, b, h, query, start + key);
            most = scores[j] > most ? scores[j] : most;
        }
        most = largest_of_row(most);
        W base = most == -infinity<W>() ? W(0) : most, shrink = exp(largest - base), sum = W(0);
        for (int j = 0; j < TILE / PARTS; j++) {
            int key = part + j * PARTS;
            W weight = exp(scores[j] - base);
            sum += weight;
            p[r * (TILE + 1) + key] = weight * kept<W>(plan, head, query, start + key);
        }
        total = total * shrink + sum_of_row(sum);
        largest = most;
        __syncthreads();
        load<T, W, TILE>(other, OF_HEAD(v, of_v), of_v, start, plan.S, plan.V, W(1));
        __syncthreads();
        for (int c = 0; c < COLUMNS; c++) {
            int column = part + c * PARTS;
            if (column >= plan.V) break;
            W value = out[c] * shrink;
            for (int key = 0; key < TILE; key++) value += p[r * (TILE + 1) + key] * other[key * (plan.V + 1) + column];
            out[c] = value;
        }
    }
    if (query >= plan.L) return;
    for (int c = 0; c < COLUMNS && part + c * PARTS < plan.V; c++)
        y[(head * plan.L + query) * plan.V + part + c * PARTS] = T(total == W(0) ? W(0) : out[c] / total);
    if (!part) log_sums[head * plan.L + query] = total == W(0) ? infinity<W>() : largest + log(total);
}

// Of the rows of a tile: sum(g y), and the logarithm of the softmax's denominator.
template <class T, class W, int TILE>
__device__ void totals(W *gy, W *log_sum, const W *gradients, const T *y, const W *log_sums, long long head, int first, const Plan &plan) {
    int r = threadIdx.x / PARTS, part = threadIdx.x % PARTS, query = first + r;
    W sum = W(0);
    if (query < plan.L)
        for (int c = part; c < plan.V; c += PARTS) sum += gradients[r * (plan.V + 1) + c] * W(y[(head * plan.L + query) * plan.V + c]);
    sum = sum_of_row(sum);
    if (!part) gy[r] = sum, log_sum[r] = query < plan.L ? log_sums[head * plan.L + query] : infinity<W>();
}

template <class T, class W, int TILE>
__global__ void attention_query_grad(const T *g, const T *q, const T *k, const T *v, const T *y, const W *log_sums, T *gq,
                                     View of_g, View of_q, View of_k, View of_v, Mask mask, Plan plan) {
    PLACES(plan.L)
    W *queries = shared, *gradients = queries + TILE * (plan.E + 1), *keys = gradients + TILE * (plan.V + 1);
    W *values = keys + TILE * (plan.E + 1), *gs = values + TILE * (plan.V + 1), *gy = gs + TILE * (TILE + 1), *log_sum = gy + TILE;
    W out[COLUMNS] = {};
    int query = first + r, seen = plan.causal && first + TILE < plan.S ? first + TILE : plan.S;
    load<T, W, TILE>(queries, OF_HEAD(q, of_q), of_q, first, plan.L, plan.E, W(plan.scale));
    load<T, W, TILE>(gradients, OF_HEAD(g, of_g), of_g, first, plan.L, plan.V, W(1));
    __syncthreads();
    totals<T, W, TILE>(gy, log_sum, gradients, y, log_sums, head, first, plan);
    for (int start = 0; start < seen; start += TILE) {
        __syncthreads();
        load<T, W, TILE>(keys, OF_HEAD(k, of_k), of_k, start, plan.S, plan.E, W(1));
        load<T, W, TILE>(values, OF_HEAD(v, of_v), of_v, start, plan.S, plan.V, W(1));
        __syncthreads();
        for (int key = part; key < TILE; key += PARTS) {
            W score = masked<T>(dot(queries + r * (plan.E + 1), keys + key * (plan.E + 1), plan.E), plan, mask, b, h, query, start + key);
            W gp = dot(gradients + r * (plan.V + 1), values + key * (plan.V + 1), plan.V) * kept<W>(plan, head, query, start + key);
            gs[r * (TILE + 1) + key] = exp(score - log_sum[r]) * (gp - gy[r]);
        }
        __syncthreads();
        for (int c = 0; c < COLUMNS; c++) {
            int column = part + c * PARTS;
            if (column >= plan.E) break;
            for (int key = 0; key < TILE; key++) out[c] += gs[r * (TILE + 1) + key] * keys[key * (plan.E + 1) + column];
        }
    }
    if (query < plan.L)
        for (int c = 0; c < COLUMNS && part + c * PARTS < plan.E; c++)
            gq[(head * plan.L + query) * plan.E + part + c * PARTS] = T(out[c] * W(plan.scale));
}

template <class T, class W, int TILE>
__global__ void attention_key_grad(const T *g, const T *q, const T *k, const T *v, const T *y, const W *log_sums, T *gk, T *gv,
                                   View of_g, View of_q, View of_k, View of_v, Mask mask, Plan plan) {
    PLACES(plan.S)
    W *keys = shared, *values = keys + TILE * (plan.E + 1), *queries = values + TILE * (plan.V + 1);
    W *gradients = queries + TILE * (plan.E + 1), *p = gradients + TILE * (plan.V + 1), *gs = p + TILE * (TILE + 1);
    W *gy = gs + TILE * (TILE + 1), *log_sum = gy + TILE, of_keys[COLUMNS] = {}, of_values[COLUMNS] = {};
    int key = first + r;
    load<T, W, TILE>(keys, OF_HEAD(k, of_k), of_k, first, plan.S, plan.E, W(1));
    load<T, W, TILE>(values, OF_HEAD(v, of_v), of_v, first, plan.S, plan.V, W(1));
    for (int start = plan.causal ? first : 0; start < plan.L; start += TILE) {
        __syncthreads();
        load<T, W, TILE>(queries, OF_HEAD(q, of_q), of_q, start, plan.L, plan.E, W(plan.scale));
        load<T, W, TILE>(gradients, OF_HEAD(g, of_g), of_g, start, plan.L, plan.V, W(1));
        __syncthreads();
        totals<T, W, TILE>(gy, log_sum, gradients, y, log_sums, head, start, plan);
        __syncthreads();
        for (int i = part; i < TILE; i += PARTS) {
            W score = masked<T>(dot(queries + i * (plan.E + 1), keys + r * (plan.E + 1), plan.E), plan, mask, b, h, start + i, key);
            W weight = exp(score - log_sum[i]), factor = kept<W>(plan, head, start + i, key);
            W gp = dot(gradients + i * (plan.V + 1), values + r * (plan.V + 1), plan.V) * factor;
            p[r * (TILE + 1) + i] = weight * factor;
            gs[r * (TILE + 1) + i] = weight * (gp - gy[i]);
        }
        __syncthreads();
        for (int c = 0; c < COLUMNS; c++) {
            int column = part + c * PARTS;
            for (int i = 0; i < TILE; i++) {
                if (column < plan.E) of_keys[c] += gs[r * (TILE + 1) + i] * queries[i * (plan.E + 1) + column];
                if (column < plan.V) of_values[c] += p[r * (TILE + 1) + i] * gradients[i * (plan.V + 1) + column];
            }
        }
    }
    if (key >= plan.S) return;
    for (int c = 0; c < COLUMNS; c++) {
        int column = part + c * PARTS;
        if (column < plan.E) gk[(head * plan.S + key) * plan.E + column] = T(of_keys[c]);
        if (column < plan.V) gv[(head * plan.S + key) * plan.V + column] = T(of_values[c]);
    }
}
