#define FROM_MACROS_H 1
#define LOG(text, ...) log_at(__FILE__, __LINE__, text, \
                              ##__VA_ARGS__)
