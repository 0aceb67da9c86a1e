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

// A draw of a captured step finds the seed and the offset of the replay in memory.
__device__ inline void replayed(unsigned long long &seed, unsigned long long &offset, const unsigned long long *now) {
    if (now) { seed = now[0]; offset = now[1]; }
}
