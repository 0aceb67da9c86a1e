// A product of two matrices that need not be in memory: their elements are asked for when a tile is filled.
#include "common.cuh"

const int TILE = 64, DEPTH = 16, THREADS = 256, SIDE = 4;     // 16 x 16 threads, each with 4 x 4 elements of the tile

// c(i, j) = sum_k a(i, k) b(k, j) over first <= k < last. A side is asked for `at(row or column)` once, and then for
// its element at every k.
template <class W, class A, class B, class C>
__device__ void product(int M, int N, int first, int last, A a, B b, C c) {
    __shared__ W left[DEPTH][TILE + 1], right[DEPTH][TILE + 1];
    W sums[SIDE][SIDE] = {};
    int t = threadIdx.x, top = blockIdx.y * TILE, start = blockIdx.x * TILE;
    int mine = t % TILE, row = t / 16 * SIDE, column = t % 16 * SIDE;
    bool adds = top + row < M && start + column < N;            // with few rows, most warps only fill the tile
    a.at(top + mine, top + mine < M);
    b.at(start + mine, start + mine < N);
    for (int k = first; k < last; k += DEPTH) {
        for (int d = t / TILE; d < DEPTH; d += THREADS / TILE) {
            left[d][mine] = k + d < last ? a(k + d) : W(0);
            right[d][mine] = k + d < last ? b(k + d) : W(0);
        }
        __syncthreads();
        for (int d = 0; adds && d < DEPTH; d++)
            for (int i = 0; i < SIDE; i++)
                for (int j = 0; j < SIDE; j++) sums[i][j] += left[d][row + i] * right[d][column + j];
        __syncthreads();
    }
    for (int i = 0; i < SIDE; i++)
        for (int j = 0; j < SIDE; j++)
            if (top + row + i < M && start + column + j < N) c(top + row + i, start + column + j, sums[i][j]);
}
