#include "words.h"

uint64_t hash(const char *word, size_t length)
{
    uint64_t value = 14695981039346656037u;
    for (int i = 0; i < length; i++)
        value = (value ^ (unsigned char)word[i]) * 1099511628211u;
    return value;
}
