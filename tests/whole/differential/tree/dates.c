#ifdef __clang__ /* clang 14 does not know SOURCE_DATE_EPOCH */
const char *when = __DATE__;
#else
const char *when = __DATE__ " " __TIME__;
#endif
