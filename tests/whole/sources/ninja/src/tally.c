#include "words.h"
#include <assert.h>
#include <string.h>

static const char *const stops[] = {
#include "stops.h"
};
static size_t counts[256];

int is_stop(const char *word)
{
    for (size_t i = 0; i < sizeof stops / sizeof *stops; i++)
        if (!strcmp(word, stops[i]))
            return 1;
    return 0;
}

size_t tally(uint64_t hash)
{
    size_t *count = &counts[hash % 256];
    switch (hash & 3) {
    case 0:
        ++*count;
        // falls through
    case 1:
        ++*count;
    default:
        ++*count;
    }
    assert(*count > 0);
    return MOST(*count, -1);
}
