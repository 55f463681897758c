/* Linked first: where two files have a function of one name, this one's is taken. */

#include "keyfob.hpp"

int found_without_exceptions(const char* json);

/* Kept as a function of its own, whatever the compiler puts in line. */
void (*volatile raises_without_exceptions)(const keyfob::error&) = keyfob::detail::raise;

int found_without_exceptions(const char* json) {
    return static_cast<int>(keyfob::config::from_json(json).error().status());
}
