#ifndef WORDS_H
#define WORDS_H
#include <stddef.h>
#include <stdint.h>
#define MOST(a, b) ((a) > (b) ? (a) : (b))
#ifdef __cplusplus
extern "C" {
#endif
uint64_t hash(const char *word, size_t length);
int is_stop(const char *word);
size_t tally(uint64_t hash);
uint64_t swap(uint64_t value);
#ifdef __cplusplus
}
#endif
#endif
