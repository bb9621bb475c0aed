#include <source_location>
const char *where(std::source_location at = std::source_location::current()) { return at.file_name(); }
const char *here() { return where(); }
unsigned line() { return std::source_location::current().line(); }
