// What the host decides for the next replay of a captured step, from the arguments of the kernel into memory.
#include "common.cuh"

const int WORDS = 500;                  // the arguments of a kernel have 4 KB

struct Words { unsigned long long word[WORDS]; };

__global__ void write_words(long long size, unsigned long long *table, Words words) {
    EACH(i, size) table[i] = words.word[i];
}
